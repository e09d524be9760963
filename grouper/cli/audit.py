"""``grouper audit``: the charges of a month, or of files, screened by a rule book."""

from __future__ import annotations

import csv
import re
from collections import Counter
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path  # noqa: TC003 -- Typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import typer

from codebooks.audit.books import NATIONAL, AuditBook, audit_book
from codebooks.errors import Where
from codebooks.messages import language, text
from codebooks.registry import registry
from grouper.audit.engine import Context
from grouper.audit.errors import AuditError
from grouper.audit.reading import Sources, of_month, read_sources
from grouper.audit.screening import Screened, screen
from grouper.audit.words import LEVELS, document, level_words, lines, not_run_words
from grouper.case.dates import LOCAL
from grouper.case.readers.text_input import readable
from grouper.cli.codebooks_render import print_json
from grouper.cli.group import EXIT_EMPTY
from grouper.cli.language import Language  # noqa: TC001 -- as above
from grouper.cli.settle import Format
from grouper.payment.place import NoPlaceError, Terms, level_of
from grouper.run.destinations import check_destinations, part_of, whole, writing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_DEAREST = 5
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
        print_json(_document(found, sources, rules, lang))
    else:
        for line in _told(found, sources, rules, lang):
            typer.echo(readable(line))
    if output is not None:
        told = _say("written", lang, file=output.name, count=findings.num_rows)
        typer.echo(readable(told), err=format_ is Format.JSON)
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


def _document(
    screened: Screened, sources: Sources, book: AuditBook, lang: str | None
) -> dict[str, Any]:
    found = screened.audited
    return {
        "book": book.id,
        "content_sha256": book.content_sha256,
        "counts": dict(found.counts),
        "left_out": dict(sources.left_out),
        "findings": [document(row, book, lang) for row in found.findings.to_pylist()],
        "not_run": [
            {
                "rule": one.rule,
                "reason": one.reason,
                "missing": list(one.missing),
                "words": not_run_words(one, book, lang),
            }
            for one in found.not_run
        ],
        "not_asked": [
            {"rule": one.rule, "row": one.row, "words": one.missing(lang)}
            for one in screened.unasked
        ],
    }


def _told(screened: Screened, sources: Sources, book: AuditBook, lang: str | None) -> list[str]:
    found = screened.audited
    findings = found.findings
    rows = findings.select(["rule", "level", "amount"]).to_pylist()
    levels = Counter(row["level"] for row in rows)
    named = [
        _say("level_count", lang, level=level_words(one, lang), count=levels[one])
        for one in LEVELS
        if levels[one]
    ]
    told = [
        _say(
            "summary",
            lang,
            cases=found.counts["cases"],
            lines=found.counts.get("lines", 0),
            findings=len(rows),
            levels=text("audit_words.separator", lang).join(named) or "0",
            amount=_sum(rows),
        )
    ]
    told += [
        _say("left_out", lang, count=count, why=text(f"audit_left.{why}", lang))
        for why, count in sources.left_out.items()
    ]
    if not rows:
        told.append(_say("nothing", lang))
    for key, count in sorted(Counter(row["rule"] for row in rows).items()):
        own = [row for row in rows if row["rule"] == key]
        name = book.rules[key].name(lang)
        told.append(_say("by_rule", lang, rule=key, name=name, count=count, amount=_sum(own)))
    dearest = findings.take(
        pc.sort_indices(findings, [("amount", "descending"), ("finding", "ascending")])[:_DEAREST]
    ).to_pylist()
    if dearest:
        told += ["", _say("dearest", lang, count=len(dearest))]
    for row in dearest:
        told += [*lines(row, book, lang), ""]
    return told + _gaps(found.counts, lang) + _not_run(screened, book, lang)


def _sum(rows: Sequence[Mapping[str, Any]]) -> Decimal:
    return sum((row["amount"] for row in rows), Decimal("0.00"))


def _gaps(counts: Mapping[str, int], lang: str | None) -> list[str]:
    told = [
        _say("gap", lang, what=text(f"audit_gap.{name}", lang), count=count)
        for name, count in counts.items()
        if count and (name.startswith(("cases_without_", "lines_no_")) or name in _OTHER_GAPS)
    ]
    return [_say("gaps_title", lang), *told] if told else []


_OTHER_GAPS = {"lines_sign", "lines_refund_alone", "lines_of_other_cases", "lines_before_book"}


def _not_run(screened: Screened, book: AuditBook, lang: str | None) -> list[str]:
    told = [not_run_words(one, book, lang) for one in screened.audited.not_run]
    rows = Counter(one.rule for one in screened.unasked)
    told += [
        _say("not_asked", lang, rule=rule, name=book.rules[rule].name(lang), count=count)
        for rule, count in sorted(rows.items())
    ]
    return [_say("not_run_title", lang, count=len(told)), *told] if told else []


def _say(key: str, lang: str | None, /, **params: object) -> str:
    return text(f"audit_words.{key}", lang, **params)
