"""``grouper price``: what the fund pays for one case, or for a whole file of cases."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path  # noqa: TC003 -- Typer reads the annotations
from typing import TYPE_CHECKING, Annotated

import typer

from codebooks.errors import Where
from codebooks.messages import language, text
from codebooks.registry import NATIONAL, registry
from grouper.case.readers.text_input import readable
from grouper.cli import one_case as options  # noqa: TC001 -- Typer reads the annotations
from grouper.cli.group import EXIT_EMPTY, progress_bar
from grouper.cli.language import Language  # noqa: TC001 -- Typer reads the annotations
from grouper.cli.one_case import case_of_file, open_cases, typed_case
from grouper.payment.engine import price
from grouper.payment.place import Terms
from grouper.payment.run import grouped_table, price_table
from grouper.payment.tally import noted, tally
from grouper.payment.words import as_html, as_json, as_text, explained
from grouper.run.destinations import OutputError, check_destinations, whole, writing
from grouper.run.one_case import grouping_of, kind_of
from grouper.run.writers import open_writer

if TYPE_CHECKING:
    import pyarrow as pa

    from grouper.payment.result import Payment


class Format(StrEnum):
    """How the payment of one case is written."""

    TEXT = "text"
    JSON = "json"
    HTML = "html"


_ENDINGS = {".txt": Format.TEXT, ".json": Format.JSON, ".html": Format.HTML}


def _help(key: str) -> str:
    return text(f"cli.{key}", language())


def _say(key: str) -> str:
    return text(f"price_cli.help_{key}", language())


def price_command(
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
    cost: Annotated[str | None, typer.Option("--cost", help=_say("cost"))] = None,
    days: Annotated[str | None, typer.Option("--days", help=_say("days"))] = None,
    insurance: Annotated[str | None, typer.Option("--insurance", help=_say("insurance"))] = None,
    hospital: Annotated[str | None, typer.Option("--hospital", help=_say("hospital"))] = None,
    scheme: Annotated[str | None, typer.Option(help=_help("scheme"))] = None,
    region: Annotated[str, typer.Option(help=_say("region"))] = NATIONAL,
    explain: Annotated[bool, typer.Option("--explain", help=_say("explain"))] = False,
    format_: Annotated[Format, typer.Option("--format", help=_help("trace_format"))] = Format.TEXT,
    output: Annotated[Path | None, typer.Option("-o", "--output", help=_say("output"))] = None,
    code_system: options.CodeSystem = None,
    encoding: options.Encoding = None,
    lang: Annotated[Language | None, typer.Option(help=_help("lang"))] = None,
) -> None:
    """Price one case with its arithmetic, or with ``-o`` a whole file."""
    place = registry().region(region).id
    one_case = row is not None or case_id is not None or explain or format_ is not Format.TEXT
    if source is not None and output is not None and not one_case:
        _price_file(source, output, place, scheme, encoding, code_system, lang)
        return
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
            total_cost=cost,
            los=days,
            insurance_type=insurance,
            hospital=hospital,
            code_system=code_system,
        )
    for issue in issues:
        typer.echo(issue.describe(lang), err=True)
    payment = price(case, grouping_of(case, scheme, place), Terms(region=place))
    if output is not None:
        if source is not None:
            check_destinations(source, [output])
        format_ = _format_of(output, format_)
    written = _written(payment, format_, explain=explain, lang=lang)
    if output is None:
        typer.echo(written)
        return
    with writing(output):
        output.write_text(written, "utf-8")
    typer.echo(readable(text("price_cli.written", lang, file=output.name)))


def _format_of(path: Path, asked: Format) -> Format:
    """How one case is written to a file: as its ending says.

    Raises:
        OutputError: ``OUTPUT_FORMAT``: no such ending, or one of another format than asked for.
    """
    found = _ENDINGS.get(path.suffix.lower())
    if found is None or asked not in {found, Format.TEXT}:
        known = ", ".join(end for end, one in _ENDINGS.items() if asked in {one, Format.TEXT})
        raise OutputError("OUTPUT_FORMAT", Where(file=path.name), found=path.suffix, known=known)
    return found


def _written(payment: Payment, format_: Format, *, explain: bool, lang: str | None) -> str:
    if format_ is Format.JSON:
        return as_json(payment, lang)
    if format_ is Format.HTML:
        return as_html(payment, lang)
    return explained(payment, lang) if explain else as_text(payment, lang)


def _price_file(
    path: Path,
    output: Path,
    region: str,
    scheme: str | None,
    encoding: str | None,
    code_system: str | None,
    lang: str | None,
) -> None:
    source = open_cases(path, encoding, code_system)
    check_destinations(source.path, [output])
    heard: list[pa.Table] = []
    with progress_bar(source) as progress:
        grouped = grouped_table(
            source, region=region, scheme=scheme, progress=progress, heard=heard.append
        )
    priced = price_table(grouped, Terms(region=region))
    with whole([output]), writing(output):
        writer = open_writer(output, priced.schema)
        try:
            for batch in priced.to_batches():
                writer.write(batch)
        finally:
            writer.close()
    for line in (*tally(priced, lang), *noted(heard, lang)):
        typer.echo(line)
    for issue in source.file_issues:
        typer.echo(readable(issue.describe(lang)))
    typer.echo(readable(text("price_cli.written", lang, file=output.name)))
    if not priced.num_rows:
        raise typer.Exit(EXIT_EMPTY)
