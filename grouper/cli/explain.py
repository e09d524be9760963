"""``grouper explain``: why one case falls into its group."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path  # noqa: TC003 -- Typer reads the annotations
from typing import Annotated

import typer

from codebooks.errors import Where
from codebooks.messages import language, text
from codebooks.registry import NATIONAL
from grouper.cli import one_case as options  # noqa: TC001 -- Typer reads the annotations
from grouper.cli.language import Language  # noqa: TC001 -- Typer reads the annotations
from grouper.cli.one_case import case_of_file, open_cases, typed_case
from grouper.run.destinations import OutputError, writing
from grouper.run.one_case import grouping_of, kind_of


class Format(StrEnum):
    """How a trace is written."""

    TEXT = "text"
    JSON = "json"
    HTML = "html"


def _help(key: str) -> str:
    return text(f"cli.{key}", language())


def explain_command(
    source: Annotated[Path | None, typer.Argument(metavar="[IN]", help=_help("in"))] = None,
    row: options.Row = None,
    case_id: options.CaseId = None,
    dx: options.Dx = None,
    px: options.Px = None,
    sex: options.Sex = None,
    age: options.Age = None,
    age_days: options.AgeDays = None,
    weight: options.Weight = None,
    discharge: options.Discharge = None,
    kind: options.Kind = None,
    scheme: Annotated[str | None, typer.Option(help=_help("scheme"))] = None,
    region: Annotated[str, typer.Option(help=_help("region"))] = NATIONAL,
    format_: Annotated[Format, typer.Option("--format", help=_help("trace_format"))] = Format.TEXT,
    output: Annotated[Path | None, typer.Option("-o", "--output", help=_help("trace_out"))] = None,
    code_system: options.CodeSystem = None,
    encoding: options.Encoding = None,
    lang: Annotated[Language | None, typer.Option(help=_help("lang"))] = None,
) -> None:
    """Print the trace of one case."""
    if output is not None and source is not None and output.resolve() == source.resolve():
        raise OutputError("OUTPUT_IS_INPUT", Where(file=output.name))
    if source is not None:
        case, issues = case_of_file(open_cases(source, encoding, code_system), row, case_id)
    else:
        case, issues = typed_case(
            dx=dx,
            px=px,
            sex=sex,
            age=age,
            age_days=age_days,
            weight_g=weight,
            discharge_time=discharge,
            kind=kind_of(kind, scheme),
            code_system=code_system,
        )
    for issue in issues:
        typer.echo(issue.describe(lang), err=True)
    trace = grouping_of(case, scheme, region).trace
    rendered = {Format.TEXT: trace.text, Format.JSON: trace.json, Format.HTML: trace.html}
    written = rendered[format_](lang)
    if output is None:
        typer.echo(written)
    else:
        with writing(output):
            output.write_text(written, "utf-8")
