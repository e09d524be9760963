"""Where the columns of a catalogue file stand: by the texts of its header, in every sheet that has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from codebooks.catalogues.forms import common
from codebooks.dip.importers.header import labels_of
from codebooks.errors import CodebookError, Where
from codebooks.importers.cells import is_blank
from codebooks.importers.extent import column_letter
from codebooks.importers.tables import fold_label

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from codebooks.catalogues.forms import Field, Form
    from codebooks.dip.importers.sheets import File
    from codebooks.importers.container import Sheet
    from codebooks.importers.notes import Notes


@dataclass(frozen=True, slots=True)
class Table:
    """A sheet whose columns are known.

    Attributes:
        sheet: the sheet.
        where: its place.
        header: index of the header among the stored rows.
        at: index of each field's column.
        shown: of each field, its column as ``B 药品代码``.
        percent: fields whose numbers are percents.
    """

    sheet: Sheet
    where: Where
    header: int
    at: Mapping[str, int]
    shown: Mapping[str, str]
    percent: frozenset[str]

    def place(self, row: int, field: str | None = None) -> Where:
        """A place: 1-based row, and the column where it has one."""
        column = self.shown.get(field) if field else None
        return Where(self.where.file, self.where.sheet, row, column)

    def rows(self, notes: Notes) -> Iterator[tuple[int, Sequence[object]]]:
        """Row numbers and cells below the header, without blank rows and repeated headers."""
        header = [fold_label(cell) for cell in self.sheet.rows[self.header]]
        first = self.header + 1
        for number, row in enumerate(self.sheet.rows[first:], self.sheet.first_row + first):
            if all(map(is_blank, row)):
                notes.mended("blank_row")
            elif isinstance(row[0], str) and [fold_label(cell) for cell in row] == header:
                notes.mended("catalogue_header_row")
            else:
                yield number, row


def find_tables(
    file: File,
    form: Form,
    notes: Notes,
    *,
    sheet: str | None = None,
    columns: Mapping[str, str] | None = None,
) -> list[Table]:
    """The sheets of a file that hold rows of a catalogue; none, with an error noted, where none does.

    Args:
        file: the opened file.
        form: of the catalogue.
        notes: takes the findings.
        sheet: the only one to read; None: every one that has the needed columns.
        columns: header texts of fields that the file calls by names of its own.

    Raises:
        CodebookError: ``CATALOGUE_SHEET``, ``CATALOGUE_FIELD``, ``IMPORT_CORRUPT``,
            ``IMPORT_TOO_LARGE``.
    """
    given = dict(columns or {})
    for field in given:
        if field not in form.fields:
            known = ", ".join(form.fields)
            raise CodebookError("CATALOGUE_FIELD", Where(file=file.name), found=field, known=known)
    if sheet is not None and sheet not in file.sheets:
        known = ", ".join(file.sheets)
        raise CodebookError("CATALOGUE_SHEET", Where(file=file.name), found=sheet, known=known)
    tables: list[Table] = []
    passed: list[Where] = []
    for name in [sheet] if sheet is not None else file.sheets:
        found = _table(file.sheet(name), file.where(name), form, given)
        if found is None:
            passed.append(file.where(name))
        elif _sound(found, form, notes):
            tables.append(found)
    if not tables and not notes.refused:
        expected = "、".join(field.labels[0] for field in form.needed)
        rows = common().header_rows
        notes.error("IMPORT_HEADER", Where(file=file.name), rows=rows, expected=expected)
    elif tables:
        for where in passed:
            notes.note("CATALOGUE_SHEET_PASSED", where)
    return tables


def _table(sheet: Sheet, where: Where, form: Form, given: Mapping[str, str]) -> Table | None:
    """The table by the best of the first rows; None where a needed column is in none of them."""
    best: tuple[int, dict[str, int]] = (-1, {})
    for index in range(min(common().header_rows, len(sheet.rows))):
        found = _match(_labels(sheet, index), form.fields, given)
        if len(found) > len(best[1]):
            best = index, found
    index, at = best
    if index < 0 or any(field.name not in at for field in form.needed):
        return None
    labels = labels_of(sheet, index)
    shown = {
        field: f"{column_letter(sheet.first_column + i)} {labels[i]}".strip()
        for field, i in at.items()
    }
    endings = common().percent
    percent = frozenset(field for field, i in at.items() if labels[i].endswith(endings))
    return Table(sheet, where, index, at, shown, percent)


def _labels(sheet: Sheet, index: int) -> list[tuple[str, ...]]:
    """What each column may be called: the header's text, and the text above joined with it."""
    row = [fold_label(cell) for cell in sheet.rows[index]]
    return [
        tuple(dict.fromkeys((_bare(own), _bare(joined))))
        for own, joined in zip(row, labels_of(sheet, index), strict=True)
    ]


def _bare(label: str) -> str:
    """A header's text without a unit or a sign behind it."""
    for suffix in common().suffixes:
        label = label.removesuffix(suffix)
    return label


def _match(
    labels: Sequence[tuple[str, ...]], fields: Mapping[str, Field], given: Mapping[str, str]
) -> dict[str, int]:
    """The column of each field: of several that may be it, the one whose text is named first."""
    found: dict[str, int] = {}
    taken: set[int] = set()
    for name in sorted(fields, key=lambda one: one not in given):
        texts = (given[name],) if name in given else fields[name].labels
        for text in texts:
            wanted = _bare(fold_label(text))
            hits = [i for i, own in enumerate(labels) if wanted in own and i not in taken]
            if wanted and hits:
                found[name] = hits[0]
                taken.add(hits[0])
                break
    return found


def _sound(table: Table, form: Form, notes: Notes) -> bool:
    """Whether each column stands once; what is not read is noted."""
    labels = _labels(table.sheet, table.header)
    where = table.place(table.sheet.first_row + table.header)
    sound = True
    for field, at in table.at.items():
        twice = [i for i, own in enumerate(labels) if own[0] and own[0] == labels[at][0]]
        if len(twice) > 1:
            letters = ", ".join(column_letter(table.sheet.first_column + i) for i in twice)
            label = form.fields[field].labels[0]
            notes.error("IMPORT_COLUMN_TWICE", where, column=label, letters=letters)
            sound = False
    unread = [
        own[-1] for i, own in enumerate(labels) if i not in set(table.at.values()) and own[-1]
    ]
    if unread:
        notes.note("IMPORT_COLUMN_IGNORED", where, columns="、".join(unread)[:200])
    return sound
