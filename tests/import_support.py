"""What the tests of the import share: options, a small rule check, workbooks on disk."""

from __future__ import annotations

import io
import zipfile
from datetime import date
from typing import TYPE_CHECKING

import workbook_builder

from codebooks.book import RULE_TABLES, SchemeBook
from codebooks.errors import GrouperError, Where
from codebooks.findings import Finding, Severity
from codebooks.importers.options import ImportOptions
from codebooks.importers.workbook import import_workbook
from grouper.rules.parser import parse

if TYPE_CHECKING:
    from pathlib import Path

    from codebooks.importers.report import ImportReport, ImportResult

OPTIONS = ImportOptions(id="own-3.0", valid_from=date(2027, 3, 1))


def parses(book: SchemeBook) -> list[Finding]:
    """A rule check of a few lines: every rule is in the language."""
    findings: list[Finding] = []
    for table in RULE_TABLES:
        for row in book.rows(table):
            try:
                parse(row["rule"], Where(sheet=table.upper(), row=row["source_row"]))
            except GrouperError as error:
                place = Where(sheet=error.where.sheet, row=error.where.row)
                params = {"found": row["rule"]}
                # Any catalogue text will do for this check: it is the place that counts.
                findings.append(Finding("IMPORT_SORT", Severity.ERROR, place, params))
    return findings


def save(folder: Path, sheets: workbook_builder.Sheets, name: str = "book.xlsx") -> Path:
    path = folder / name
    path.write_bytes(workbook_builder.pack(sheets))
    return path


def read(folder: Path, sheets: workbook_builder.Sheets) -> ImportResult:
    return import_workbook(save(folder, sheets), OPTIONS, parses)


def codes(report: ImportReport) -> list[str]:
    return [finding.code for finding in report.findings]


def errors(report: ImportReport) -> list[tuple[str, str | None, int | None, str | None]]:
    """Code, sheet, row and column of each error."""
    return [
        (f.code, f.where.sheet, f.where.row, f.where.column)
        for f in report.findings
        if f.severity is Severity.ERROR
    ]


def repack(content: bytes, replace: dict[str, bytes | None]) -> bytes:
    """The same archive with members replaced, or left out for None."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            member = replace.get(name, old.read(name))
            if member is not None:
                new.writestr(name, member)
    return out.getvalue()
