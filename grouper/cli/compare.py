"""``grouper compare``: one case or a month under two schemes, side by side."""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from pathlib import Path  # noqa: TC003 -- Typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Any

import typer

from codebooks.errors import GrouperError, Where
from codebooks.messages import language, text
from codebooks.registry import NATIONAL
from grouper.case.readers.text_input import readable
from grouper.cli import one_case as options  # noqa: TC001 -- Typer reads the annotations
from grouper.cli.codebooks_render import print_table
from grouper.cli.group import EXIT_EMPTY, progress_bar
from grouper.cli.language import Language  # noqa: TC001 -- Typer reads the annotations
from grouper.cli.one_case import case_of_file, open_cases, typed_case
from grouper.compare.document import document
from grouper.compare.groups import Thresholds
from grouper.compare.one_case import case_document, case_page, conclusions, paths, table
from grouper.compare.run import MOVERS, compare
from grouper.compare.sides import side_of
from grouper.compare.weights import read_weights
from grouper.compare.words import say, summary
from grouper.run.destinations import OutputError, check_destinations, part_of, whole, writing
from grouper.run.one_case import grouping_of, kind_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grouper.case.issues import Issue
    from grouper.case.record import Case
    from grouper.compare.comparison import Comparison
    from grouper.compare.sides import Side

_WHOLE = Decimal(100)


class CompareError(GrouperError):
    """The comparison cannot be made as asked."""


def _help(key: str) -> str:
    return text(f"compare_cli.{key}", language())


def _common(key: str) -> str:
    return text(f"cli.{key}", language())


def _percent(written: str) -> Decimal:
    """A percentage from 0 to 100 exactly as written."""
    try:
        number = Decimal(written)
    except InvalidOperation:
        number = Decimal(-1)
    if not (number.is_finite() and 0 <= number <= _WHOLE):
        raise typer.BadParameter(readable(written))
    return number


def compare_command(
    first: Annotated[str, typer.Option("--from", help=_help("from"), show_default=False)],
    second: Annotated[str, typer.Option("--to", help=_help("to"), show_default=False)],
    source: Annotated[Path | None, typer.Argument(metavar="[IN]", help=_common("in"))] = None,
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
    region: Annotated[str, typer.Option(help=_common("region"))] = NATIONAL,
    weights_from: Annotated[Path | None, typer.Option(help=_help("weights_from"))] = None,
    weights_to: Annotated[Path | None, typer.Option(help=_help("weights_to"))] = None,
    output: Annotated[list[Path] | None, typer.Option("-o", "--output", help=_help("out"))] = None,
    cases: Annotated[Path | None, typer.Option(help=_help("cases"))] = None,
    min_cases: Annotated[int, typer.Option(min=1, help=_help("min_cases"))] = 1,
    min_share: Annotated[Decimal, typer.Option(parser=_percent, help=_help("min_share"))] = Decimal(
        0
    ),
    top: Annotated[int, typer.Option(min=0, help=_help("top"))] = MOVERS,
    code_system: options.CodeSystem = None,
    encoding: options.Encoding = None,
    format_: Annotated[str | None, typer.Option("--format", help=_common("format"))] = None,
    lang: Annotated[Language | None, typer.Option(help=_common("lang"))] = None,
    as_json: Annotated[bool, typer.Option("--json", help=_help("json"))] = False,
) -> None:
    """Compare two schemes on one case or on a file of cases."""
    files = [path for path in (weights_from, weights_to) if path]
    weights = [read_weights(path) if path else None for path in (weights_from, weights_to)]
    sides = side_of(first, region, weights[0]), side_of(second, region, weights[1])
    outputs, spoken = output or [], lang or language()
    typed = {
        "dx": dx,
        "px": px,
        "sex": sex,
        "age": age,
        "age_days": age_days,
        "weight_g": weight,
        "discharge_time": discharge,
    }
    if source is not None and row is None and case_id is None:
        read = open_cases(source, encoding, code_system, format_)
        with progress_bar(read) as progress:
            found = compare(
                read,
                sides,
                reports=outputs,
                cases=cases,
                weight_files=files,
                thresholds=Thresholds(min_cases, min_share),
                movers=top,
                lang=spoken,
                progress=progress,
            )
        _tell(found, document(found, top), [*outputs, *([cases] if cases else [])], spoken, as_json)
        return
    if cases is not None:
        raise CompareError("COMPARE_OPTION", option="--cases")
    if source is not None:
        read = open_cases(source, encoding, code_system, format_)
        case, issues = case_of_file(read, row, case_id)
        files.append(source)
    elif any(value is not None for value in typed.values()):
        named = sides[0].scheme or sides[1].scheme
        case, issues = typed_case(**typed, kind=kind_of(kind, named), code_system=code_system)
    else:
        raise CompareError("COMPARE_PLACE")
    for path in files:
        check_destinations(path, outputs)
    _one_case(sides, case, issues, outputs, spoken, as_json=as_json)


def _tell(
    found: Comparison, plain: dict[str, Any], written: Sequence[Path], lang: str, as_json: bool
) -> None:
    """Print what a month comes to."""
    if as_json:
        _print_json(plain)
    else:
        rate = f"{found.rows / found.seconds:,.0f}" if found.seconds else "—"
        lines = [*summary(plain, lang), *(issue.describe(lang) for issue in found.file_issues)]
        lines.append(say(lang, "summary.rate", seconds=f"{found.seconds:.2f}", rate=rate))
        if written:
            names = say(lang, "comma").join(path.name for path in written)
            lines.append(say(lang, "summary.files", files=names))
        for line in lines:
            # A file name may hold bytes that are no text.
            typer.echo(readable(line))
    if not found.rows:
        raise typer.Exit(EXIT_EMPTY)


def _one_case(
    sides: tuple[Side, Side],
    case: Case,
    issues: Sequence[Issue],
    outputs: Sequence[Path],
    lang: str,
    *,
    as_json: bool,
) -> None:
    for issue in issues:
        typer.echo(issue.describe(lang), err=True)
    one, other = (grouping_of(case, side.scheme, side.region) for side in sides)
    plain = case_document(sides, (one, other), lang)
    forms = {".html": lambda: case_page(plain, lang), ".json": lambda: _as_json(plain) + "\n"}
    for path in outputs:
        if path.suffix.lower() not in forms:
            params = {"found": path.suffix, "known": ", ".join(forms)}
            raise OutputError("OUTPUT_FORMAT", Where(file=path.name), **params)
    with whole(outputs):
        for path in outputs:
            with writing(path):
                part_of(path).write_text(forms[path.suffix.lower()](), "utf-8")
    if as_json:
        _print_json(plain)
        return
    print_table(*table(plain, lang))
    typer.echo()
    for line in conclusions(plain, lang):
        typer.echo(line)
    typer.echo()
    typer.echo(paths(plain, lang), nl=False)


def _as_json(plain: dict[str, Any]) -> str:
    return json.dumps(plain, ensure_ascii=False, indent=1)


def _print_json(plain: dict[str, Any]) -> None:
    typer.echo(readable(_as_json(plain)))
