"""``grouper findings statistics|deductions``: what became of findings, and the deduction table."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path  # noqa: TC003 -- Typer reads the annotations
from typing import Annotated, Any

import typer

from codebooks.messages import language, text
from grouper.audit.review.errors import ReviewError
from grouper.case.readers.text_input import readable
from grouper.cli.codebooks_render import print_json, print_table
from grouper.cli.findings_parts import Formatted, Lang, day_of, now, say
from grouper.cli.forecast_running import opened
from grouper.cli.service_commands import service_module
from grouper.cli.settle import Format


class By(StrEnum):
    """What findings are counted by, as :data:`grouper.audit.review.statistics.BY`."""

    RULE = "rule"
    DEPARTMENT = "department"
    PHYSICIAN = "physician"
    MONTH = "month"


_NAMES = (
    "found",
    "open",
    "overdue",
    "confirmed",
    "dismissed",
    "corrected",
    "deducted",
    "amount",
    "deduction",
    "false_share",
    "median_days",
)


def statistics_command(
    by: Annotated[By, typer.Option("--by", help=say("by"))] = By.RULE,
    since: Annotated[str | None, typer.Option("--since", help=say("since"))] = None,
    until: Annotated[str | None, typer.Option("--until", help=say("until"))] = None,
    source: Annotated[str | None, typer.Option("--source", help=say("source"))] = None,
    format_: Formatted = Format.TEXT,
    lang: Lang = None,
) -> None:
    """Tell what became of findings, by rule, department, physician or month."""
    numbers, asked = (
        service_module(f"service.{name}") for name in ("finding_statistics", "finding_asked")
    )
    with opened() as (_, database):
        found = numbers.tallied(
            database,
            None,
            by.value,
            now(),
            since=None if since is None else day_of(since),
            until=None if until is None else day_of(until),
            source=source,
        )
    out = asked.statistics_out(found, by.value, lang or language())
    if format_ is Format.JSON:
        print_json(out)
        return
    heads = [_head(name, lang) for name in (by.value, *_NAMES)]
    rows = [_row(one, one["name"] or "") for one in out["groups"]]
    print_table(heads, [*rows, _row(out["total"], text("findings_cli_words.total", lang))])
    for one in out["orders"]:
        typer.echo(text("findings_cli_words.orders", lang, **one))


def _head(name: str, lang: str | None) -> str:
    key = "deduction_head" if name == "deduction" else name
    return text(f"findings_cli_words.{key}", lang)


def _row(one: dict[str, Any], name: str) -> list[str]:
    cells = ("" if one[key] is None else str(one[key]) for key in _NAMES)
    return [readable(name), *cells]


def deductions_command(
    month: Annotated[str, typer.Argument(metavar="MONTH", help=say("month"))],
    output: Annotated[Path | None, typer.Option("--output", "-o", help=say("output"))] = None,
    format_: Formatted = Format.TEXT,
    lang: Lang = None,
) -> None:
    """The deduction table of a month, as CSV into a file or onto the screen."""
    numbers = service_module("service.finding_statistics")
    told = lang or language()
    with opened() as (_, database):
        rows = numbers.deductions(database, None, month, told)
    total = numbers.total_of(rows)
    if output is not None:
        try:
            output.write_bytes(numbers.as_csv(rows, told).encode())
        except OSError:
            raise ReviewError("REVIEW_OUTPUT") from None
        typer.echo(text("findings_cli_words.written", lang, count=len(rows), total=total))
    elif format_ is Format.JSON:
        print_json({"month": month, "deductions": rows, "total": total})
    else:
        names = (
            "finding",
            "case_id",
            "rule_name",
            "department",
            "amount",
            "deduction",
            "closed_by",
        )
        heads = [text(f"review.deduction.{name}", lang) for name in names]
        cells = [["" if row[name] is None else str(row[name]) for name in names] for row in rows]
        print_table(heads, [[readable(cell) for cell in row] for row in cells])
        typer.echo(text("findings_cli_words.sum", lang, count=len(rows), total=total))
