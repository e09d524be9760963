"""One cell into one value: what is a matter of form is mended and counted, the rest is refused."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, NamedTuple

from codebooks.folding import fold_code, fold_rule
from codebooks.importers.layout import layout

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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


class Reading(NamedTuple):
    """A cell that was read.

    Attributes:
        value: of the field.
        mend: kind of what was mended, None when nothing was.
        doubt: code of a warning about the value, None when there is none.
    """

    value: object
    mend: str | None = None
    doubt: str | None = None


class CellReader:
    """Reads cells by the kind of their field.

    Args:
        strict: whether names and codes are brought to the official spelling and what is no code
            is refused (a workbook); else they stay as written and are doubted (a city's tables,
            whose sets carry more than codes).
    """

    def __init__(self, *, strict: bool) -> None:
        self._strict = strict
        self._kinds: Mapping[str, Callable[[object], Reading]] = {
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

    def read(self, field: str, cell: object) -> Reading:
        """The value of one field.

        Raises:
            CellError: ``IMPORT_CELL_EMPTY``, ``IMPORT_CELL_NUMBER``, ``IMPORT_CELL_KIND``,
                ``IMPORT_GROUP_CODE``, ``IMPORT_SET_ID``, ``IMPORT_CODE``, ``IMPORT_LEVEL``,
                ``IMPORT_SORT``.
        """
        return self._kinds[field](cell)

    def group(self, cell: object) -> Reading:
        """A group's code, in capitals."""
        return _identifier(cell, "group_code", _GROUP, "IMPORT_GROUP_CODE")

    def set_id(self, cell: object) -> Reading:
        """A set's id, in capitals."""
        return _identifier(cell, "set_id", _SET, "IMPORT_SET_ID")

    def code(self, cell: object) -> Reading:
        """A diagnosis or procedure; canonical are capitals, but for an ``x`` inside."""
        raw = _required(cell)
        folded = _compact(raw)
        known = _CODE.fullmatch(folded) is not None
        if not self._strict:
            return Reading(raw, doubt=None if known else "IMPORT_CODE_KEPT")
        if not known:
            raise CellError("IMPORT_CODE", found=_short(raw))
        return _mended("code", raw, folded[:1] + folded[1:].replace("X", "x"))

    def exclusion(self, cell: object) -> Reading:
        """An exclusion table's id in capitals; empty when the cell is."""
        raw = _text(cell)
        return _mended("exclusion", raw, _compact(raw))

    def level(self, cell: object) -> Reading:
        """The CC level."""
        raw = _required(cell)
        folded = _compact(raw)
        if folded not in layout().levels:
            known = ", ".join(layout().levels)
            raise CellError("IMPORT_LEVEL", found=_short(raw), known=known)
        return _mended("level", raw, folded)

    def name(self, cell: object) -> Reading:
        """A group's name, its white space folded."""
        raw = _text(cell)
        return _mended("name", raw, fold_rule(raw) if self._strict else raw)

    def rule(self, cell: object) -> Reading:
        """A rule's text, its white space folded; a lone number may stand in a number's cell."""
        raw = _whole(cell) or _text(cell)
        return _mended("rule_break" if _BREAK.search(raw) else "rule_blank", raw, fold_rule(raw))

    def sort(self, cell: object) -> Reading:
        """A number, also when written as text; None when the cell is blank."""
        if isinstance(cell, (int, float)) and not isinstance(cell, bool):
            if cell - cell != 0:  # infinite, or not a number
                raise CellError("IMPORT_SORT", found=str(cell))
            return Reading(cell)
        raw = _text(cell)
        folded = fold_rule(unicodedata.normalize("NFKC", raw))
        if not folded:
            return Reading(None, "sort_blank")
        if not _NUMBER.fullmatch(folded):
            raise CellError("IMPORT_SORT", found=_short(raw))
        # In CSV files every number is text.
        return Reading(float(folded), "sort_text" if self._strict else None)

    def kind(self, cell: object) -> Reading:
        """The kind of a set: its id's prefix, said once more."""
        return Reading(_compact(_text(cell)))


def _mended(kind: str, raw: str, value: str) -> Reading:
    return Reading(value, None if value == raw else kind)


def _identifier(cell: object, kind: str, form: re.Pattern[str], code: str) -> Reading:
    raw = _required(cell)
    folded = _compact(raw)
    if not form.fullmatch(folded):
        raise CellError(code, found=_short(raw))
    return _mended(kind, raw, folded)


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
