"""``grouper audit-monitors``: shares by department and month against the limits of the months before."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path  # noqa: TC003 -- Typer reads the annotations
from typing import TYPE_CHECKING, Annotated

import typer

from codebooks.audit.books import NATIONAL, audit_book
from codebooks.messages import language, text
from codebooks.registry import registry
from grouper.audit.errors import AuditError
from grouper.audit.group_costs import group_costs
from grouper.audit.monitors.monitor import Monitored, monitor
from grouper.audit.reading import read_sources
from grouper.audit.words import not_run_words
from grouper.case.readers.text_input import readable
from grouper.cli.audit import asked_month, today
from grouper.cli.audit_output import check_output, write_findings
from grouper.cli.codebooks_render import print_json
from grouper.cli.language import Language  # noqa: TC001 -- as above
from grouper.cli.settle import Format

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from codebooks.audit.books import AuditBook

_SHOWN = 40


def say(key: str) -> str:
    """A help text of the command."""
    return text(f"audit_monitors_cli.{key}", language())


def monitors_command(
    paths: Annotated[
        list[Path], typer.Argument(metavar="[MONTH] FOLDER|FILES...", help=say("paths"))
    ],
    charges: Annotated[list[Path] | None, typer.Option("--charges", help=say("charges"))] = None,
    region: Annotated[str | None, typer.Option("--region", help=say("region"))] = None,
    book: Annotated[str, typer.Option("--book", help=say("book"))] = NATIONAL,
    rule: Annotated[list[str] | None, typer.Option("--rule", help=say("rule"))] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help=say("output"))] = None,
    format_: Annotated[Format, typer.Option("--format", help=say("format"))] = Format.TEXT,
    lang: Annotated[Language | None, typer.Option("--lang", help=say("lang"))] = None,
) -> None:
    """Watch a hospital's months; a month may stand before the files, after which nothing is read."""
    month, files = asked_month(paths)
    if output is not None:
        check_output(output, [*files, *(charges or ())])
    rules = audit_book(book)
    for one in rule or ():
        if one not in rules.rules:
            raise AuditError("AUDIT_UNKNOWN_RULE", book=book, found=one[:_SHOWN])
    sources = read_sources(files, charges or ())
    if not sources.cases.num_rows:
        raise AuditError("AUDIT_NO_CASES")
    place = None if region is None else registry().region(region).id
    found = monitor(
        sources.cases,
        sources.charges,
        rules,
        costs=group_costs(sources.cases, None, month or today(), region=place),
        rules=frozenset(rule) if rule else None,
        until=None if month is None else f"{month:%Y-%m}",
    )
    if output is not None:
        write_findings(found.table, output)
    only = None if month is None else f"{month:%Y-%m}"
    flagged = [
        row
        for row in found.table.to_pylist()
        if row["flag"] and (only is None or row["month"] == only)
    ]
    if format_ is Format.JSON:
        print_json(_document(found, flagged, sources.left_out, rules, lang))
    else:
        for line in _told(found, flagged, rules, lang):
            typer.echo(readable(line))
    if output is not None:
        said = _say("written", lang, file=output.name, count=found.table.num_rows)
        typer.echo(readable(said), err=format_ is Format.JSON)


def _document(
    found: Monitored,
    flagged: list[dict[str, Any]],
    left_out: Mapping[str, int],
    book: AuditBook,
    lang: str | None,
) -> dict[str, Any]:
    return {
        "counts": dict(found.counts),
        "left_out": dict(left_out),
        "flagged": [
            {key: str(v) if key in _SHARES and v is not None else v for key, v in row.items()}
            | {"words": _flagged(row, lang)}
            for row in flagged
        ],
        "not_run": [
            {**asdict(one), "missing": list(one.missing), "words": not_run_words(one, book, lang)}
            for one in found.not_run
        ],
    }


_SHARES = ("value", "centre", "lower", "upper")


def _told(
    found: Monitored, flagged: list[dict[str, Any]], book: AuditBook, lang: str | None
) -> list[str]:
    rows = found.table.select(["measure", "kind", "department", "reason"]).to_pylist()
    series = {(row["measure"], row["kind"], row["department"]) for row in rows}
    reasons = Counter(row["reason"] for row in rows if row["reason"])
    told = [
        _say(
            "summary",
            lang,
            cases=found.counts["cases"],
            series=len(series),
            months=len(rows),
            flagged=len(flagged),
        )
    ]
    told += [_flagged(row, lang) for row in flagged]
    if flagged:
        told.append(_say("advice", lang))
    told += [_say(why, lang, count=count) for why, count in sorted(reasons.items())]
    told += [
        _say(name, lang, count=count)
        for name, count in found.counts.items()
        if count and name != "cases"
    ]
    told += [
        _say(
            "not_run",
            lang,
            measure=text(f"audit_monitor.{one.template}", lang),
            told=not_run_words(one, book, lang),
        )
        for one in found.not_run
    ]
    return told


def _flagged(row: Mapping[str, Any], lang: str | None) -> str:
    shares = {name: f"{row[name] * 100:.2f} %" for name in _SHARES}
    return _say(
        "flagged",
        lang,
        month=row["month"],
        department=row["department"],
        rule=row["rule"],
        n=row["n"],
        kind=text(f"audit_monitor_kind.{row['kind']}", lang),
        measure=text(f"audit_monitor.{row['measure']}", lang),
        flag=text(f"audit_monitor_flag.{row['flag']}", lang),
        **shares,
    )


def _say(key: str, lang: str | None, /, **params: object) -> str:
    return text(f"audit_monitor_words.{key}", lang, **params)
