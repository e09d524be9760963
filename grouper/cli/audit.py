"""``grouper audit``: the charges of a month, or of files, screened by a rule book."""

from __future__ import annotations

import csv
import re
from datetime import date, datetime
from pathlib import Path  # noqa: TC003 -- Typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Any

import pyarrow as pa
import pyarrow.parquet as pq
import typer

from codebooks.audit.books import NATIONAL, audit_book
from codebooks.errors import Where
from codebooks.messages import language, text
from codebooks.registry import registry
from grouper.audit.engine import Context
from grouper.audit.errors import AuditError
from grouper.audit.reading import of_month, read_sources
from grouper.audit.screening import screen
from grouper.audit.telling import document_of, told
from grouper.case.dates import LOCAL
from grouper.case.readers.text_input import readable
from grouper.cli.codebooks_render import print_json
from grouper.cli.group import EXIT_EMPTY
from grouper.cli.language import Language  # noqa: TC001 -- as above
from grouper.cli.settle import Format
from grouper.payment.place import NoPlaceError, Terms, level_of
from grouper.run.destinations import check_destinations, part_of, whole, writing

if TYPE_CHECKING:
    from collections.abc import Sequence

_SHOWN = 40
_ENDINGS = (".parquet", ".csv")
_MONTH = re.compile(r"((?:19|20)\d{2})-(0[1-9]|1[0-2])", re.ASCII)
_MEANT = re.compile(r"\d{4}[-/.年]?\d{1,2}月?")


def say(key: str) -> str:
    """A help text of the command."""
    return text(f"audit_cli.{key}", language())


def audit_command(
    paths: Annotated[
        list[Path], typer.Argument(metavar="[MONTH] FOLDER|FILES...", help=say("paths"))
    ],
    charges: Annotated[list[Path] | None, typer.Option("--charges", help=say("charges"))] = None,
    region: Annotated[str | None, typer.Option("--region", help=say("region"))] = None,
    book: Annotated[str, typer.Option("--book", help=say("book"))] = NATIONAL,
    rule: Annotated[list[str] | None, typer.Option("--rule", help=say("rule"))] = None,
    shadow: Annotated[bool, typer.Option("--shadow", help=say("shadow"))] = False,
    output: Annotated[Path | None, typer.Option("-o", "--output", help=say("output"))] = None,
    format_: Annotated[Format, typer.Option("--format", help=say("format"))] = Format.TEXT,
    lang: Annotated[Language | None, typer.Option("--lang", help=say("lang"))] = None,
) -> None:
    """Screen cases and their lines; a month may stand before the files."""
    month, files = _month(paths)
    if output is not None:
        _check(output, [*files, *(charges or ())])
    rules = audit_book(book)
    for one in rule or ():
        if one not in rules.rules:
            raise AuditError("AUDIT_UNKNOWN_RULE", book=book, found=one[:_SHOWN])
    sources = read_sources(files, charges or (), month)
    meant = None if month is None else of_month(sources.cases, month)
    if not sources.cases.num_rows or (meant is not None and not meant.any()):
        raise AuditError("AUDIT_NO_CASES")
    context = Context(
        levels=_levels(sources.cases, region, month),
        rules=frozenset(rule) if rule else None,
        shadow=shadow,
    )
    place = None if region is None else registry().region(region).id
    found = screen(sources, rules, context=context, judged=meant, region=place)
    findings = found.audited.findings
    if output is not None:
        _write(findings, output)
    if format_ is Format.JSON:
        print_json(document_of(found, sources.left_out, rules, lang))
    else:
        for line in told(found, sources.left_out, rules, lang):
            typer.echo(readable(line))
    if output is not None:
        said = text("audit_words.written", lang, file=output.name, count=findings.num_rows)
        typer.echo(readable(said), err=format_ is Format.JSON)
    if not findings.num_rows:
        raise typer.Exit(EXIT_EMPTY)


def _month(words: Sequence[Path]) -> tuple[date | None, list[Path]]:
    """The month before the files, if there is one."""
    first = words[0]
    asked = _MONTH.fullmatch(str(first))
    if asked and not first.exists():
        return date(int(asked[1]), int(asked[2]), 1), list(words[1:])
    if _MEANT.fullmatch(str(first)) and not first.exists():
        raise AuditError("AUDIT_MONTH", found=str(first)[:_SHOWN])
    return None, list(words)


def _check(output: Path, inputs: Sequence[Path]) -> None:
    if output.suffix.lower() not in _ENDINGS:
        known = ", ".join(_ENDINGS)
        where = Where(file=output.name)
        raise AuditError("AUDIT_OUTPUT", where, found=output.suffix, known=known)
    for one in inputs:
        check_destinations(one, [output])


def _levels(cases: pa.Table, region: str | None, month: date | None) -> dict[str, str]:
    """The levels of the hospitals by the policies of the cases' regions, as far as these say."""
    day = month or datetime.now(LOCAL).date()
    found = {}
    pairs = cases.select(["hospital", "region"]).group_by(["hospital", "region"]).aggregate([])
    for row in pairs.sort_by([("hospital", "ascending"), ("region", "ascending")]).to_pylist():
        place = region or row["region"]
        if not row["hospital"] or not place:
            continue
        try:
            level = level_of(Terms(region=place).policy(place, day), row["hospital"])
        except NoPlaceError:
            continue
        if level is not None:
            found[row["hospital"]] = level
    return found


def _write(findings: pa.Table, output: Path) -> None:
    with whole([output]), writing(output):
        if output.suffix.lower() == _ENDINGS[0]:
            pq.write_table(findings, part_of(output))
            return
        with part_of(output).open("w", newline="", encoding="utf-8-sig") as file:
            writer = csv.writer(file)
            writer.writerow(findings.column_names)
            writer.writerows([_cell(v) for v in row.values()] for row in findings.to_pylist())


def _cell(value: Any) -> Any:  # noqa: ANN401 -- a value of any column
    if isinstance(value, list):
        parts = [f"{v['key']}={v['value']}" if isinstance(v, dict) else str(v) for v in value]
        return readable(
            "; ".join(parts) if value and isinstance(value[0], dict) else " ".join(parts)
        )
    return readable(value) if isinstance(value, str) else value
