"""One cell into one value: what is a matter of form is mended and counted, the rest is refused."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from codebooks.folding import fold_code, fold_rule
from codebooks.importers.layout import layout

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from codebooks.importers.notes import Notes

_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")
_GROUP = re.compile(r"[A-Z0-9_]+")
_SET = re.compile(r"[^\W\d]\w*")
_CODE = re.compile(r"[A-Z0-9][A-Z0-9.+*/-]*")
_BREAK = re.compile(r"[\r\n\t]|_x00(?:0[9ADad])_")


class CellError(Exception):
    """A cell that cannot be read.

    Attributes:
        code: of the finding.
        params: of its words.
    """

    def __init__(self, code: str, **params: object) -> None:
        super().__init__(code)
        self.code = code
        self.params = params


class CellReader:
    """Reads cells by the kind of their field.

    Args:
        notes: where mends are counted.
        mend_spelling: whether names and codes are brought to the official spelling (a workbook);
            else they stay as written (a city's tables, which carry more than codes).
    """

    def __init__(self, notes: Notes, *, mend_spelling: bool) -> None:
        self._notes = notes
        self._mend = mend_spelling
        # Set ids and parents stand in thousands of rows: each spelling is folded once.
        self._identifiers: dict[tuple[str, str], str] = {}
        self._kinds: Mapping[str, Callable[[object], object]] = {
            "mdc": self.group,
            "adrg": self.group,
            "drg": self.group,
            "set_id": self.set_id,
            "code": self.code,
            "principal_code": self.code,
            "exclusion": self.exclusion,
            "level": self.level,
            "name": self.name,
            "rule": self.rule,
            "sort": self.sort,
            "kind": self.kind,
        }

    def read(self, field: str, cell: object) -> object:
        """The value of one field.

        Raises:
            CellError: ``IMPORT_CELL_EMPTY``, ``IMPORT_CELL_NUMBER``, ``IMPORT_CELL_KIND``,
                ``IMPORT_GROUP_CODE``, ``IMPORT_SET_ID``, ``IMPORT_LEVEL``, ``IMPORT_SORT``.
        """
        return self._kinds[field](cell)

    def group(self, cell: object) -> str:
        """A group's code, in capitals."""
        return self._identifier(cell, "group_code", _GROUP, "IMPORT_GROUP_CODE")

    def set_id(self, cell: object) -> str:
        """A set's id, in capitals."""
        return self._identifier(cell, "set_id", _SET, "IMPORT_SET_ID")

    def _identifier(self, cell: object, kind: str, form: re.Pattern[str], code: str) -> str:
        raw = _required(cell)
        folded = self._identifiers.get((kind, raw))
        if folded is None:
            folded = _compact(raw)
            if not form.fullmatch(folded):
                raise CellError(code, found=_short(raw))
            self._identifiers[kind, raw] = folded
        self._notes.mended(kind, folded != raw)
        return folded

    def code(self, cell: object) -> str:
        """A diagnosis or procedure; canonical are capitals, but for an ``x`` inside."""
        raw = _required(cell)
        if not self._mend:
            return raw
        folded = _compact(raw)
        spelt = folded[:1] + folded[1:].replace("X", "x")
        self._notes.mended("code", spelt != raw)
        return spelt

    def exclusion(self, cell: object) -> str:
        """An exclusion table's id in capitals; empty when the cell is."""
        raw = _text(cell)
        folded = _compact(raw)
        self._notes.mended("exclusion", folded != raw)
        return folded

    def level(self, cell: object) -> str:
        """The CC level."""
        raw = _required(cell)
        folded = _compact(raw)
        if folded not in layout().levels:
            known = ", ".join(layout().levels)
            raise CellError("IMPORT_LEVEL", found=_short(raw), known=known)
        self._notes.mended("level", folded != raw)
        return folded

    def name(self, cell: object) -> str:
        """A group's name, its white space folded."""
        raw = _text(cell)
        if not self._mend:
            return raw
        folded = fold_rule(raw)
        self._notes.mended("name", folded != raw)
        return folded

    def rule(self, cell: object) -> str:
        """A rule's text, its white space folded; a lone number may stand in a number's cell."""
        raw = _whole(cell) or _text(cell)
        folded = fold_rule(raw)
        if folded != raw:
            self._notes.mended("rule_break" if _BREAK.search(raw) else "rule_blank")
        return folded

    def sort(self, cell: object) -> float | None:
        """A number, also when written as text; None when the cell is blank."""
        if isinstance(cell, (int, float)) and not isinstance(cell, bool):
            if cell - cell != 0:  # infinite, or not a number
                raise CellError("IMPORT_SORT", found=str(cell))
            return cell
        raw = _text(cell)
        folded = fold_rule(unicodedata.normalize("NFKC", raw))
        if not folded:
            self._notes.mended("sort_blank")
            return None
        if not _NUMBER.fullmatch(folded):
            raise CellError("IMPORT_SORT", found=_short(raw))
        self._notes.mended("sort_text", self._mend)  # in CSV files every number is text
        return float(folded)

    def kind(self, cell: object) -> str:
        """The kind of a set: its id's prefix, said once more."""
        return _compact(_text(cell))


def is_code(value: str) -> bool:
    """Whether a folded value has the form of a code."""
    return _CODE.fullmatch(fold_code(value)) is not None


def is_blank(cell: object) -> bool:
    """Whether a cell holds nothing but white space."""
    if isinstance(cell, str):
        return not cell[:1].isalnum() and not fold_rule(cell)
    return cell is None


def _compact(text: str) -> str:
    """A code or id folded for comparing, without the workbook's escapes."""
    return fold_code(fold_rule(text) if "_" in text or "\\" in text else text)


def _whole(cell: object) -> str | None:
    """A whole number as it is written."""
    if isinstance(cell, (int, float)) and not isinstance(cell, bool) and cell % 1 == 0:
        return str(int(cell))
    return None


def _text(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, (int, float)) and not isinstance(cell, bool):
        # 17.4100 as a number has lost its zeros: what was written can only be guessed.
        raise CellError("IMPORT_CELL_NUMBER", found=str(cell))
    raise CellError("IMPORT_CELL_KIND", found=_short(str(cell)))


def _required(cell: object) -> str:
    if is_blank(cell):
        raise CellError("IMPORT_CELL_EMPTY")
    return _text(cell)


def _short(text: str, limit: int = 40) -> str:
    return text if len(text) <= limit else text[:limit] + "…"
