"""An official file of any family, read and checked as the command line reads it; nothing is installed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from codebooks.apg.detect import looks_like_apg
from codebooks.apg.importer import FAMILY as APG
from codebooks.apg.importer import import_apg
from codebooks.dip.importers.detect import looks_like_dip
from codebooks.dip.importers.importing import import_dip
from codebooks.dip.importers.options import ALL, ANY, REFUSED, DipOptions
from codebooks.errors import CodebookError, GrouperError, Where
from codebooks.findings import Finding, Severity
from codebooks.importers.folder import import_folder
from codebooks.importers.install import check_free
from codebooks.importers.options import AUTO, ImportOptions
from codebooks.importers.workbook import import_workbook
from codebooks.registry import registry
from grouper.rules.check import check_book
from grouper.schemes.dip.policy import policy_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from codebooks.book import SchemeBook
    from codebooks.importers.report import ImportResult

DRG, DIP = "drg", "dip"
FAMILIES = (DRG, DIP, APG)
COMMAS = (REFUSED, ANY, ALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class BookWish:
    """What the person who imports decides; None: as the file or the layout says.

    Attributes:
        id, region, valid_from, valid_to, newborn_weight, source: of the new card.
        supplements, lists_from: as of :class:`codebooks.importers.options.ImportOptions`.
        replace: whether a scheme of the same id may be replaced.
        family: ``drg``, ``dip`` or ``apg``; None: as the file shows.
        base: id of the scheme that a score table or a part of an APG scheme is for.
        sheet: name of the sheet of a DIP catalogue.
        city_mean: mean cost in yuan on which scores rest.
        score_base: points of a group of that cost.
        tolerance: how far a score may be from what its mean cost gives, in points.
        comma: what a comma between procedures means.
        columns: header text of each field.
        settings: options of the card, by name.
    """

    id: str | None = None
    region: str | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    newborn_weight: str | None = None
    source: str | None = None
    supplements: bool = False
    lists_from: str = AUTO
    replace: bool = False
    family: str | None = None
    base: str | None = None
    sheet: str | None = None
    city_mean: Decimal | None = None
    score_base: int = 1000
    tolerance: Decimal = Decimal("0.01")
    comma: str = REFUSED
    columns: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain values, to be handed to an errand."""
        plain: dict[str, Any] = {name: getattr(self, name) for name in self.__dataclass_fields__}
        for name in ("valid_from", "valid_to"):
            plain[name] = None if plain[name] is None else plain[name].isoformat()
        for name in ("city_mean", "tolerance"):
            plain[name] = None if plain[name] is None else str(plain[name])
        return {**plain, "columns": dict(self.columns), "settings": dict(self.settings)}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> BookWish:
        """Read what :meth:`to_json` gave."""
        values = dict(plain)
        for name in ("valid_from", "valid_to"):
            values[name] = values[name] and date.fromisoformat(values[name])
        for name in ("city_mean", "tolerance"):
            values[name] = None if values[name] is None else Decimal(values[name])
        return cls(**values)

    @property
    def card(self) -> ImportOptions:
        """What is said of the card."""
        return ImportOptions(
            id=self.id,
            region=self.region,
            valid_from=self.valid_from,
            valid_to=self.valid_to,
            newborn_weight=self.newborn_weight,
            source=self.source,
            supplements=self.supplements,
            lists_from=self.lists_from,
        )

    @property
    def dip(self) -> DipOptions:
        """The options of a DIP file."""
        return DipOptions(
            card=self.card,
            settings=self.settings,
            base=self.base or DipOptions().base,
            columns=self.columns,
            sheet=self.sheet,
            city_mean=self.city_mean,
            score_base=self.score_base,
            tolerance=self.tolerance,
            comma=self.comma,
        )


def sound(wish: BookWish) -> None:
    """Refuse at once what can be told without the file.

    Raises:
        CodebookError: ``IMPORT_ID``, ``IMPORT_EXISTS``, ``IMPORT_VALIDITY``, ``REGION_UNKNOWN``,
            ``SCHEME_UNKNOWN`` for the base.
    """
    if wish.id is not None:
        check_free(wish.id, replace=wish.replace)
    if wish.valid_from and wish.valid_to and wish.valid_to <= wish.valid_from:
        start, end = wish.valid_from.isoformat(), wish.valid_to.isoformat()
        raise CodebookError(
            "IMPORT_VALIDITY", Where(column="valid_to"), valid_from=start, valid_to=end
        )
    if wish.region is not None:
        registry().region(wish.region)
    if wish.base is not None:
        registry().card(wish.base)


def read_pairs(written: str) -> dict[str, str]:
    """``NAME=VALUE`` pairs, one a line.

    Raises:
        CodebookError: ``BOOK_PAIR``: a line is none.
    """
    pairs: dict[str, str] = {}
    for number, line in enumerate(written.splitlines(), 1):
        if not line.strip():
            continue
        key, sign, value = line.partition("=")
        if not (sign and key.strip() and value.strip()):
            raise CodebookError("BOOK_PAIR", Where(row=number), found=line.strip()[:40])
        pairs[key.strip()] = value.strip()
    return pairs


def read_amount(written: str) -> Decimal | None:
    """An amount above nought; None: nothing is written.

    Raises:
        CodebookError: ``BOOK_AMOUNT``.
    """
    if not written.strip():
        return None
    try:
        value = Decimal(written.strip())
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value <= 0:
        raise CodebookError("BOOK_AMOUNT", found=written.strip()[:40])
    return value


def family_of(path: Path, base: str | None) -> str:
    """The family of a file or folder, as far as it or its base shows it; else CHS-DRG.

    Raises:
        CodebookError: ``SCHEME_UNKNOWN`` for the base.
    """
    if looks_like_apg(path, base):
        return APG
    if base is not None:
        return DIP
    return DIP if looks_like_dip(path) else DRG


def read(path: Path, wish: BookWish) -> ImportResult:
    """Read a file or folder and check it.

    Raises:
        CodebookError: it cannot be opened, or what was chosen cannot be used.
    """
    family = wish.family or family_of(path, wish.base)
    if family == APG:
        return import_apg(path, wish.card, wish.base)
    if family == DIP:
        return import_dip(path, wish.dip, _check_dip, as_scores=wish.base is not None)
    reader = import_folder if path.is_dir() else import_workbook
    return reader(path, wish.card, check_book)


def _check_dip(book: SchemeBook) -> list[Finding]:
    """Whether the engine reads the options of the card."""
    sections = set(book.tables["groups"].column("section").to_pylist())
    try:
        policy_of(book.card, sections)
    except GrouperError as error:
        return [Finding("DIP_CARD_OPTION", Severity.ERROR, error.where, error.params)]
    return []
