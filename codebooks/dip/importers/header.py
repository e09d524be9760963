"""Where the columns of a sheet stand: by the texts of the header, else by their order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from codebooks.importers.cells import is_blank
from codebooks.importers.extent import column_letter
from codebooks.importers.tables import fold_label

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from codebooks.errors import Where
    from codebooks.importers.container import Sheet


@dataclass(frozen=True, slots=True)
class Columns:
    """A sheet whose columns are known.

    Attributes:
        sheet: the sheet.
        where: its place.
        header_row: index of the header among the stored rows; -1 without one.
        at: index of each field's column among the stored columns.
        labels: the header's text over each stored column.
    """

    sheet: Sheet
    where: Where
    header_row: int
    at: Mapping[str, int]
    labels: Sequence[str]

    def shown(self, field: str) -> str:
        """A field's column as ``B 主要诊断编码``."""
        index = self.at[field]
        letter = column_letter(self.sheet.first_column + index)
        return f"{letter} {self.labels[index]}".strip() if index < len(self.labels) else letter

    def place(self, row: int, field: str | None = None) -> Where:
        """A place in the sheet: 1-based row, column when it has one."""
        column = self.shown(field) if field is not None and field in self.at else None
        return replace(self.where, row=row, column=column)

    def number(self, index: int) -> int:
        """The 1-based row number of a stored row."""
        return self.sheet.first_row + index

    def rows(self) -> Iterator[tuple[int, Sequence[object]]]:
        """Row numbers and cells below the header."""
        for index in range(self.header_row + 1, len(self.sheet.rows)):
            yield self.number(index), self.sheet.rows[index]

    def cell(self, row: Sequence[object], field: str) -> object:
        """A field's cell; the empty text where the row ends before it or there is no such column."""
        index = self.at.get(field, -1)
        return row[index] if 0 <= index < len(row) else ""


def labels_of(sheet: Sheet, index: int) -> list[str]:
    """The header's text over each column, one header row and the one above it joined.

    A header of two rows (主要诊断 over 编码) reads as both texts in one; the upper text holds for
    the columns after it until the next one. A column with one text alone, above or below, or with
    the same twice, as cells merged downwards have, reads as that text.
    """
    row = sheet.rows[index]
    above = [fold_label(cell) for cell in sheet.rows[index - 1]] if index else []
    if len(set(above) - {""}) == 1:
        above = []  # a title is no header
    labels: list[str] = []
    carried = ""
    for column, cell in enumerate(row):
        lower = fold_label(cell)
        upper = above[column] if column < len(above) else ""
        carried = upper or carried
        labels.append(carried + lower if lower not in ("", carried) else upper or lower)
    return labels


def match_labels(
    sheet: Sheet, index: int, texts: Mapping[str, Sequence[str]]
) -> dict[str, list[int]]:
    """The columns whose header has one of the texts of a field, for each field that has any."""
    row = [fold_label(cell) for cell in sheet.rows[index]]
    joined = labels_of(sheet, index)
    found: dict[str, list[int]] = {}
    for field, aliases in texts.items():
        wanted = {fold_label(alias) for alias in aliases}
        hits = [i for i, pair in enumerate(zip(row, joined, strict=True)) if wanted & set(pair)]
        if hits:
            found[field] = hits
    return found


def best_header(
    sheet: Sheet, header_rows: int, texts: Mapping[str, Sequence[str]]
) -> tuple[int, dict[str, list[int]]]:
    """The row of the first rows in which most fields are found; -1 when none is."""
    best: dict[str, list[int]] = {}
    at = -1
    for index in range(min(header_rows, len(sheet.rows))):
        found = match_labels(sheet, index, texts)
        if len(found) > len(best):
            best, at = found, index
    return at, best


def is_empty(sheet: Sheet) -> bool:
    """Whether a sheet holds nothing."""
    return all(is_blank(cell) for row in sheet.rows for cell in row)
