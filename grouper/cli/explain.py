"""``grouper explain``: why one case falls into its group."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path  # noqa: TC003 -- Typer reads the annotations
from typing import TYPE_CHECKING, Annotated

import typer

from codebooks.errors import CodebookError, GrouperError, Where
from codebooks.messages import language, text
from codebooks.registry import NATIONAL, registry
from grouper.case.fields import FIELDS
from grouper.case.issues import Severity, issues_of, shown
from grouper.case.readers import open_source
from grouper.case.readers.text_input import readable
from grouper.case.record import Case
from grouper.cli.language import Language  # noqa: TC001 -- Typer reads the annotations
from grouper.run.destinations import OutputError, writing
from grouper.schemes.load import load_scheme

if TYPE_CHECKING:
    from datetime import date

    from codebooks.registry import Binding
    from grouper.case.issues import Issue
    from grouper.case.readers import Source
    from grouper.schemes.trace import Trace


class CaseError(GrouperError):
    """The case asked for cannot be explained."""


class Format(StrEnum):
    """How a trace is written."""

    TEXT = "text"
    JSON = "json"
    HTML = "html"


def _help(key: str) -> str:
    return text(f"cli.{key}", language())


def explain_command(
    source: Annotated[Path | None, typer.Argument(metavar="[IN]", help=_help("in"))] = None,
    row: Annotated[int | None, typer.Option(min=1, help=_help("row"))] = None,
    case_id: Annotated[str | None, typer.Option("--case", help=_help("case"))] = None,
    dx: Annotated[str | None, typer.Option(help=_help("dx"))] = None,
    px: Annotated[str | None, typer.Option(help=_help("px"))] = None,
    sex: Annotated[str | None, typer.Option(help=_help("sex"))] = None,
    age: Annotated[str | None, typer.Option(help=_help("age"))] = None,
    age_days: Annotated[str | None, typer.Option(help=_help("age_days"))] = None,
    weight: Annotated[str | None, typer.Option(help=_help("weight"))] = None,
    discharge: Annotated[str | None, typer.Option(help=_help("discharge"))] = None,
    scheme: Annotated[str | None, typer.Option(help=_help("scheme"))] = None,
    region: Annotated[str, typer.Option(help=_help("region"))] = NATIONAL,
    format_: Annotated[Format, typer.Option("--format", help=_help("trace_format"))] = Format.TEXT,
    output: Annotated[Path | None, typer.Option("-o", "--output", help=_help("trace_out"))] = None,
    code_system: Annotated[str | None, typer.Option(help=_help("code_system"))] = None,
    encoding: Annotated[str | None, typer.Option(help=_help("encoding"))] = None,
    lang: Annotated[Language | None, typer.Option(help=_help("lang"))] = None,
) -> None:
    """Print the trace of one case."""
    if output is not None and source is not None and output.resolve() == source.resolve():
        raise OutputError("OUTPUT_IS_INPUT", Where(file=output.name))
    if source is not None:
        defaults = {"code_system": code_system} if code_system else None
        cases = open_source(source, encoding=encoding, defaults=defaults)
        case, issues = _from_file(cases, row, case_id)
    else:
        named = {
            "dx": dx,
            "px": px,
            "sex": sex,
            "age": age,
            "age_days": age_days,
            "weight_g": weight,
            "discharge_time": discharge,
            "code_system": code_system,
        }
        # Bytes of a command line that are no text stand for nothing a field could hold.
        given = {name: readable(value) for name, value in named.items() if value is not None}
        case, issues = Case.from_mapping(given)
    for issue in issues:
        typer.echo(issue.describe(lang), err=True)
    trace = _trace(case, scheme, region)
    rendered = {Format.TEXT: trace.text, Format.JSON: trace.json, Format.HTML: trace.html}
    written = rendered[format_](lang)
    if output is None:
        typer.echo(written)
    else:
        with writing(output):
            output.write_text(written, "utf-8")


def _trace(case: Case, scheme: str | None, region: str) -> Trace:
    if scheme is not None:
        return load_scheme(scheme).group(case).trace
    if case.discharge_time is None:
        raise CaseError("DATE_NEEDED")
    day = case.discharge_time.date()
    binding = _binding(case, region, day)
    trace = load_scheme(binding.scheme).group(case).trace
    trace.binding = binding
    return trace


def _binding(case: Case, region: str, day: date) -> Binding:
    try:
        return registry().binding(case.region or region, day, case.kind)
    except CodebookError as error:
        # A column may hold something else than its name says, such as a person's name.
        if case.region and error.code == "REGION_UNKNOWN":
            error.params["found"] = shown(case.region, FIELDS["region"])
        if "kind" in error.params:
            error.params["kind"] = shown(case.kind, FIELDS["kind"])
        raise


def _from_file(source: Source, row: int | None, case_id: str | None) -> tuple[Case, list[Issue]]:
    """The case of a row, or of an id, or the first one; and what the reader remarks on it."""
    wanted = 1 if row is None and case_id is None else row
    for batch in source.batches():
        ids = batch.cases.column("case_id").to_pylist()
        for i in range(batch.cases.num_rows):
            if batch.first_row + i == wanted or (case_id is not None and ids[i] == case_id):
                number = batch.first_row + i
                issues = [issue for issue in issues_of(batch.issues) if issue.row == number]
                _refuse_unread(source.path, issues, number)
                return Case.from_batch(batch.cases, i), issues
    shown = f"{wanted}" if case_id is None else "--case"
    raise CaseError("CASE_NOT_FOUND", Where(file=source.path.name), wanted=shown)


def _refuse_unread(path: Path, issues: list[Issue], row: int) -> None:
    reasons = [issue.reason for issue in issues if issue.severity is Severity.REJECT]
    if reasons:
        place = Where(file=path.name, row=row)
        raise CaseError("CASE_UNREADABLE", place, reasons=", ".join(reasons))
