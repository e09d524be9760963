"""What the person who imports decides, and the card that comes of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from codebooks.book import BookCard
from codebooks.errors import CodebookError, Where
from codebooks.importers.layout import layout
from codebooks.registry import INPATIENT, LONG_STAY, OUTPATIENT, registry

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

AUTO = "auto"
"""Lists from the layout's book for a workbook, from the folder for a folder."""

NONE = "none"
"""No lists."""

# The id becomes the name of a folder, so it must not lead anywhere else on any system.
_ID = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """Options of an import; what is None is taken from the folder's card or the layout's defaults.

    Attributes:
        id: id of the new scheme: small letters, digits, ``.``, ``_``, ``-``.
        region: id or name of a region that the registry knows.
        valid_from: first day of validity.
        valid_to: first day after it.
        newborn_weight: which weight XSRTZ is, ``birth`` or ``admission``, in grams.
        standing: how far the content can be trusted.
        source: where the file comes from; the file's SHA-256 is added.
        supplements: add the exclusion rows that stand in the printed scheme alone.
        lists_from: id of the book whose ``not_principal`` and ``not_grouping`` are taken,
            :data:`AUTO` or :data:`NONE`.
    """

    id: str | None = None
    region: str | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    newborn_weight: str | None = None
    standing: str | None = None
    source: str | None = None
    supplements: bool = False
    lists_from: str = AUTO


def check_id(scheme: str) -> str:
    """A scheme's id, fit to be the name of a folder.

    Raises:
        CodebookError: ``IMPORT_ID``.
    """
    if not _ID.fullmatch(scheme) or ".." in scheme or scheme in (AUTO, NONE):
        raise CodebookError("IMPORT_ID", Where(column="id"), found=scheme)
    return scheme


def make_card(options: ImportOptions, base: Mapping[str, Any], where: Where) -> BookCard:
    """The card: the options on top of ``base``, in the form of :meth:`BookCard.to_json`.

    Args:
        options: what was chosen.
        base: values for what was not.
        where: the place of ``base``.

    Raises:
        CodebookError: ``IMPORT_CARD_MISSING``, ``IMPORT_CARD`` (a value of the wrong kind),
            ``IMPORT_ID``, ``REGION_UNKNOWN``, ``IMPORT_VALIDITY``, ``IMPORT_WEIGHT``.
    """
    names = ("id", "region", "valid_from", "valid_to", "newborn_weight", "standing", "source")
    chosen = {name: value for name in names if (value := getattr(options, name)) is not None}
    dates = {name: value.isoformat() for name, value in chosen.items() if name.startswith("valid")}
    plain = {"valid_to": None, **base, **chosen, **dates}
    drg = plain.get("family") == "drg"
    optional = {"options", "kinds"} if drg else {"options", "kinds", "newborn_weight"}
    required = [name for name in BookCard.__dataclass_fields__ if name not in optional]
    if not drg:
        plain.setdefault("newborn_weight", "")
    missing = [name for name in required if name != "valid_to" and not plain.get(name)]
    if missing:
        raise CodebookError("IMPORT_CARD_MISSING", where, missing=", ".join(missing))
    try:
        card = BookCard.from_json(plain)
    except (TypeError, ValueError, AttributeError) as cause:
        raise CodebookError("IMPORT_CARD", where, reason=str(cause)) from cause
    texts = [getattr(card, name) for name in required if not name.startswith("valid_")]
    flags = card.options.values() if isinstance(card.options, dict) else [None]
    allowed = bool if drg else bool | int | str
    sound = all(isinstance(t, str) for t in texts) and all(isinstance(f, allowed) for f in flags)
    # A kind may be anything that JSON holds, not all of which a set can.
    if not sound or any(k not in (INPATIENT, OUTPATIENT, LONG_STAY) for k in card.kinds):
        raise CodebookError("IMPORT_CARD", where, reason=", ".join(map(repr, [*texts, *flags])))
    check_id(card.id)
    if card.valid_to is not None and card.valid_to <= card.valid_from:
        place = replace(where, column="valid_to")
        start, end = card.valid_from.isoformat(), card.valid_to.isoformat()
        raise CodebookError("IMPORT_VALIDITY", place, valid_from=start, valid_to=end)
    if drg and card.newborn_weight not in layout().newborn_weights:
        place = replace(where, column="newborn_weight")
        known = ", ".join(layout().newborn_weights)
        raise CodebookError("IMPORT_WEIGHT", place, found=card.newborn_weight, known=known)
    return replace(card, region=registry().region(card.region).id)
