"""One cell of a catalogue file into one value, or why it cannot be read."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from codebooks.catalogues.forms import LISTED, Kind, common
from codebooks.folding import fold_code, fold_rule
from codebooks.importers.cells import CellError

if TYPE_CHECKING:
    from codebooks.catalogues.forms import Field

Value = str | Decimal | date | None

_DAY = re.compile(
    r"(\d{4})(?:([-/.])(\d{1,2})\2(\d{1,2})|年(\d{1,2})月(\d{1,2})日|(\d{2})(\d{2}))"
    r"(?:[ T]?00?:00(?::00(?:\.0+)?)?)?",
    re.ASCII,
)
_WHOLE_DAY = re.compile(r"\d{8}", re.ASCII)
_NUMBER = re.compile(r"\d{1,12}(?:\.\d{1,12})?|\.\d{1,12}", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SHOWN = 40
_HUNDRED = Decimal(100)
_SHARE_PLACES = Decimal("0.0001")


class CellParser:
    """Reads the cells of one column; equal cells are read once.

    Args:
        field: of the column.
        kind: the kind of catalogue; it says which national codes may stand there.
        percent: whether the numbers of the column are percents.
    """

    def __init__(self, field: Field, kind: str, *, percent: bool) -> None:
        self._field = field
        self._catalogue = kind if kind in LISTED else None
        self._percent = percent
        # A truth value, a whole number and a float may be equal and are not the same.
        self._known: dict[tuple[type, object], Value] = {}

    def read(self, cell: object) -> Value:
        """The value of a cell; None when it holds nothing.

        Raises:
            CellError: ``IMPORT_CELL_EMPTY``, ``IMPORT_CELL_NUMBER``, ``IMPORT_CELL_KIND``,
                ``CATALOGUE_CODE_FORM``, ``CATALOGUE_TEXT_LONG``, ``CATALOGUE_SCOPE``,
                ``CATALOGUE_SHARE``, ``CATALOGUE_PRICE``, ``CATALOGUE_DAY``.
        """
        key = (type(cell), cell)
        if key not in self._known:
            self._known[key] = self._value(cell)
        return self._known[key]

    def _value(self, cell: object) -> Value:
        told = _told(cell)
        if told is None:
            if self._field.required:
                raise CellError("IMPORT_CELL_EMPTY")
            return None
        kind = self._field.kind
        if kind in {Kind.FIRST_DAY, Kind.LAST_DAY, Kind.END_DAY}:
            return _day(told, kind)
        if isinstance(told, (date, bool)):
            raise CellError("IMPORT_CELL_KIND", found=str(cell)[:_SHOWN])
        if kind is Kind.SHARE:
            return _share(told, percent=self._percent)
        if kind is Kind.PRICE:
            return _price(told)
        if kind is Kind.SCOPE:
            return _scope(told)
        if kind is Kind.NATIONAL:
            return self._national(told)
        return _text(told) if kind is Kind.TEXT else _id(told)

    def _national(self, told: str | float) -> str:
        if not isinstance(told, str):
            # 1101000010000 as a number has lost the zeros before it.
            raise CellError("IMPORT_CELL_NUMBER", found=str(told))
        code = fold_code(told)
        found = common().form_of(code)
        if found is None or self._catalogue not in {None, found.catalogue}:
            raise CellError("CATALOGUE_CODE_FORM", found=code[:_SHOWN])
        return code


def _told(cell: object) -> str | float | date | bool | None:
    """What a cell says; None: nothing."""
    if cell is None or isinstance(cell, (bool, int, float, date)):
        return cell
    if not isinstance(cell, str):
        raise CellError("IMPORT_CELL_KIND", found=str(cell)[:_SHOWN])
    words = fold_rule(cell)
    return None if not words or words in common().blanks else words


def _text(told: str | float) -> str:
    words = told if isinstance(told, str) else _plain(told)
    if len(words) > common().longest_text:
        raise CellError("CATALOGUE_TEXT_LONG", limit=common().longest_text)
    if _CONTROL.search(words):
        raise CellError("IMPORT_CELL_KIND", found=_CONTROL.sub("", words)[:_SHOWN])
    return words


def _id(told: str | float) -> str:
    """A code of the hospital or the city: without blanks, as it is written else."""
    words = told if isinstance(told, str) else _plain(told)
    return _text("".join(unicodedata.normalize("NFKC", words).split()))


def _plain(number: float) -> str:
    if number - number != 0:  # infinite, or not a number
        raise CellError("IMPORT_CELL_KIND", found=str(number))
    return str(int(number)) if number % 1 == 0 else format(Decimal(str(number)), "f")


def _scope(told: str | float) -> str:
    words = "".join(unicodedata.normalize("NFKC", _text(told)).split()).upper()
    found = common().scopes.get(words)
    if found is None:
        known = ", ".join(sorted(common().scopes))
        raise CellError("CATALOGUE_SCOPE", found=words[:_SHOWN], known=known)
    return found


def _decimal(told: str | float, code: str) -> tuple[Decimal, bool]:
    """A number that is not below nought, and whether a percent sign stood behind it."""
    words = told if isinstance(told, str) else _plain(told)
    folded = "".join(unicodedata.normalize("NFKC", words).replace(",", "").split())
    number = folded.removeprefix("¥").removesuffix("元").removesuffix("%")
    if not _NUMBER.fullmatch(number):
        raise CellError(code, found=words[:_SHOWN])
    try:
        return Decimal(number), folded.endswith("%")
    except InvalidOperation:  # pragma: no cover -- the pattern lets no such text through
        raise CellError(code, found=words[:_SHOWN]) from None


def _share(told: str | float, *, percent: bool) -> Decimal:
    number, signed = _decimal(told, "CATALOGUE_SHARE")
    share = number / _HUNDRED if percent or signed else number
    if share > 1 or share != share.quantize(_SHARE_PLACES):
        # 10 may be ten per cent or a slip: only the file's owner knows.
        raise CellError("CATALOGUE_SHARE", found=str(told)[:_SHOWN])
    return share.quantize(_SHARE_PLACES)


def _price(told: str | float) -> Decimal:
    number, signed = _decimal(told, "CATALOGUE_PRICE")
    places = Decimal(1).scaleb(-common().price_places)
    if signed or number != number.quantize(places):
        raise CellError("CATALOGUE_PRICE", found=str(told)[:_SHOWN])
    return number.quantize(places)


def _day(told: str | float | date | bool, kind: Kind) -> date | None:
    """A first day, or the first day no longer in force; None: it has no end."""
    day = _written(told)
    if day is None:
        return None
    if kind is not Kind.FIRST_DAY and day.year >= common().endless_from:
        return None
    try:
        return day + timedelta(days=1) if kind is Kind.LAST_DAY else day
    except OverflowError:  # pragma: no cover -- later years are endless by the table
        return None


def _written(told: str | float | date | bool) -> date | None:
    if isinstance(told, datetime):
        return told.date()
    if isinstance(told, date):
        return told
    if isinstance(told, bool):
        raise CellError("CATALOGUE_DAY", found=str(told))
    words = unicodedata.normalize("NFKC", told if isinstance(told, str) else _plain(told))
    if words in common().endless:
        return None
    found = _DAY.fullmatch(words)
    if not found or (not isinstance(told, str) and not _WHOLE_DAY.fullmatch(words)):
        raise CellError("CATALOGUE_DAY", found=words[:_SHOWN])
    year, month, day = (part for n, part in enumerate(found.groups()) if part and n != 1)
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        raise CellError("CATALOGUE_DAY", found=words[:_SHOWN]) from None
