"""What the person who imports a DIP file decides, and the card that comes of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from codebooks.errors import CodebookError, Where
from codebooks.importers.options import ImportOptions, make_card
from codebooks.messages import text
from codebooks.registry import NATIONAL

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from codebooks.book import BookCard

ANY, ALL, REFUSED = "any", "all", "none"
"""How a comma between procedures is read; it is refused unless the bureau's way is named."""

_SIGNS = {ANY: "|", ALL: "+"}
_WHOLE = re.compile(r"-?[0-9]{1,9}")


@dataclass(frozen=True, slots=True, kw_only=True)
class DipOptions:
    """Options of the import of a DIP file.

    Attributes:
        card: id, region, validity, source of the new scheme.
        settings: options of the card, by name, as written; they go before the layout's.
        scores: a city's score table for the official workbook or for :attr:`base`.
        base: id of the book whose groups a score table is for.
        columns: header text of each field, where the bureau's is none that is known.
        sheet: name of the sheet; the first with a header when None.
        city_mean: mean cost in yuan on which the scores rest, None to estimate it.
        score_base: score of a group whose mean cost is the city's.
        tolerance: how far a score may be from what its mean cost gives, in points.
        comma: :data:`ANY`, :data:`ALL` or :data:`REFUSED`.
    """

    card: ImportOptions = field(default_factory=ImportOptions)
    settings: Mapping[str, str] = field(default_factory=dict)
    scores: Path | None = None
    base: str = "dip-3.0"
    columns: Mapping[str, str] = field(default_factory=dict)
    sheet: str | None = None
    city_mean: Decimal | None = None
    score_base: int = 1000
    tolerance: Decimal = Decimal("0.01")
    comma: str = REFUSED

    def read_comma(self, cell: str) -> str:
        """A procedure cell with its commas replaced as the bureau means them."""
        sign = _SIGNS.get(self.comma)
        return re.sub("[,，、;；]", sign, cell) if sign else cell


def dip_card(
    options: DipOptions,
    defaults: Mapping[str, object],
    settings: Mapping[str, bool | int | str],
    standing: str,
    file: tuple[str, str],
) -> BookCard:
    """The card of an imported DIP book.

    Args:
        options: what was chosen.
        defaults: of the layout.
        settings: the layout's options of the card.
        standing: key of the words that say how far the content can be trusted.
        file: name and SHA-256 of what was read.

    Raises:
        CodebookError: as :func:`codebooks.importers.options.make_card`; ``DIP_NATIONAL`` for a
            card of the whole nation, which would take every region from its own scheme.
    """
    name, sha256 = file
    where = Where(file=name)
    source = options.card.source or name
    chosen = {key: setting(value) for key, value in options.settings.items()}
    means = {}
    if options.city_mean is not None:
        means = {"city_mean_cost": str(options.city_mean), "score_base": options.score_base}
    base = {
        **defaults,
        "standing": text(f"import.standing.{standing}"),
        "source": source,
        "options": {**settings, **means, **chosen},
    }
    card = make_card(options.card, base, where)
    if card.region == NATIONAL:
        raise CodebookError("DIP_NATIONAL", where)
    words = text("import.source", None, source=source, sha256=sha256)
    return replace(card, source=words)


def setting(words: str) -> bool | int | str:
    """A value of an option of the card: ``true``, ``false``, a whole number, or a text."""
    plain = words.strip()
    if plain.lower() in ("true", "false"):
        return plain.lower() == "true"
    return int(plain) if _WHOLE.fullmatch(plain) else plain
