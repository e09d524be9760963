"""One case for a command: typed on the command line or taken from a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from codebooks.errors import Where
from codebooks.messages import language, text
from grouper.case.issues import Severity, issues_of
from grouper.case.readers import open_source
from grouper.case.readers.text_input import readable
from grouper.case.record import Case
from grouper.run.one_case import CaseError

if TYPE_CHECKING:
    from pathlib import Path

    from grouper.case.issues import Issue
    from grouper.case.readers import Source


def _help(key: str) -> str:
    return text(f"cli.{key}", language())


Row = Annotated[int | None, typer.Option("--row", min=1, help=_help("row"))]
CaseId = Annotated[str | None, typer.Option("--case", help=_help("case"))]
Dx = Annotated[str | None, typer.Option("--dx", help=_help("dx"))]
Px = Annotated[str | None, typer.Option("--px", help=_help("px"))]
Sex = Annotated[str | None, typer.Option("--sex", help=_help("sex"))]
Age = Annotated[str | None, typer.Option("--age", help=_help("age"))]
AgeDays = Annotated[str | None, typer.Option("--age-days", help=_help("age_days"))]
Weight = Annotated[str | None, typer.Option("--weight", help=_help("weight"))]
Discharge = Annotated[str | None, typer.Option("--discharge", help=_help("discharge"))]
Kind = Annotated[str | None, typer.Option("--kind", help=text("cli_one_case.kind", language()))]
CodeSystem = Annotated[str | None, typer.Option("--code-system", help=_help("code_system"))]
Encoding = Annotated[str | None, typer.Option("--encoding", help=_help("encoding"))]


def open_cases(
    path: Path, encoding: str | None, code_system: str | None, file_format: str | None = None
) -> Source:
    """Open a file of cases as the options say.

    Raises:
        GrouperError: as :func:`grouper.case.readers.open_source`.
    """
    defaults = {"code_system": code_system} if code_system else None
    return open_source(path, format=file_format, encoding=encoding, defaults=defaults)


def typed_case(**values: str | None) -> tuple[Case, list[Issue]]:
    """The case of the options that are given, by the fields' names, and what is wrong with them."""
    # Bytes of a command line that are no text stand for nothing a field could hold.
    return Case.from_mapping({n: readable(v) for n, v in values.items() if v is not None})


def case_of_file(source: Source, row: int | None, case_id: str | None) -> tuple[Case, list[Issue]]:
    """The case of a row, or of an id, or the first one; and what the reader remarks on it.

    Raises:
        CaseError: ``CASE_NOT_FOUND`` or ``CASE_UNREADABLE``.
    """
    wanted = 1 if row is None and case_id is None else row
    for batch in source.batches():
        ids = batch.cases.column("case_id").to_pylist()
        for i in range(batch.cases.num_rows):
            if batch.first_row + i == wanted or (case_id is not None and ids[i] == case_id):
                number = batch.first_row + i
                issues = [issue for issue in issues_of(batch.issues) if issue.row == number]
                _refuse_unread(source.path, issues, number)
                return Case.from_batch(batch.cases, i), issues
    asked = f"{wanted}" if case_id is None else "--case"
    raise CaseError("CASE_NOT_FOUND", Where(file=source.path.name), wanted=asked)


def _refuse_unread(path: Path, issues: list[Issue], row: int) -> None:
    reasons = [issue.reason for issue in issues if issue.severity is Severity.REJECT]
    if reasons:
        place = Where(file=path.name, row=row)
        raise CaseError("CASE_UNREADABLE", place, reasons=", ".join(reasons))
