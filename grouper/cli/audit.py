"""``grouper audit``: the cases of a month, of files or of the service's store, screened by a rule book."""

from __future__ import annotations

import re
from datetime import date, datetime
from pathlib import Path  # noqa: TC003 -- Typer reads the annotations
from typing import TYPE_CHECKING, Annotated

import typer

from codebooks.audit.books import NATIONAL, audit_book
from codebooks.catalogues.catalogue import Catalogues
from codebooks.messages import language, text
from codebooks.registry import registry
from grouper.audit.engine import Context
from grouper.audit.errors import AuditError
from grouper.audit.levels import hospital_levels
from grouper.audit.reading import of_month, read_sources
from grouper.audit.screening import screen
from grouper.audit.telling import document_of, told
from grouper.case.dates import LOCAL
from grouper.case.readers.text_input import readable
from grouper.cli.audit_inputs import inputs_of
from grouper.cli.audit_output import check_output, write_findings
from grouper.cli.audit_store import NIGHT, screen_store
from grouper.cli.codebooks_render import print_json
from grouper.cli.group import EXIT_EMPTY
from grouper.cli.language import Language  # noqa: TC001 -- as above
from grouper.cli.settle import Format

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from codebooks.audit.books import AuditBook

_SHOWN = 40
_MONTH = re.compile(r"((?:19|20)\d{2})-(0[1-9]|1[0-2])", re.ASCII)
_MEANT = re.compile(r"\d{4}[-/.年]?\d{1,2}月?")


def say(key: str) -> str:
    """A help text of the command."""
    return text(f"audit_cli.{key}", language())


def say_own(key: str) -> str:
    """A help text of what is known beside."""
    return text(f"audit_own_cli.{key}", language())


def audit_command(
    paths: Annotated[
        list[Path], typer.Argument(metavar="[MONTH|running] [FOLDER|FILES...]", help=say("paths"))
    ],
    charges: Annotated[list[Path] | None, typer.Option("--charges", help=say("charges"))] = None,
    region: Annotated[str | None, typer.Option("--region", help=say("region"))] = None,
    book: Annotated[str | None, typer.Option("--book", help=say("book"))] = None,
    rule: Annotated[list[str] | None, typer.Option("--rule", help=say("rule"))] = None,
    shadow: Annotated[bool, typer.Option("--shadow", help=say("shadow"))] = False,
    own: Annotated[bool, typer.Option("--own", help=say_own("own"))] = False,
    prices: Annotated[list[Path] | None, typer.Option("--prices", help=say_own("prices"))] = None,
    scheme: Annotated[str | None, typer.Option("--scheme", help=say_own("scheme"))] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help=say("output"))] = None,
    format_: Annotated[Format, typer.Option("--format", help=say("format"))] = Format.TEXT,
    lang: Annotated[Language | None, typer.Option("--lang", help=say("lang"))] = None,
) -> None:
    """Screen cases and their lines; a month may stand before the files, or alone for the store's."""
    month, files = asked_month(paths)
    if (asked := _of_store(paths, month, files)) is not None:
        _refuse({"--charges": charges, "--region": region, "--rule": rule, "--own": own})
        _refuse({"--prices": prices, "--scheme": scheme})
        screen_store(asked, book=book, shadow=shadow, output=output, format_=format_, lang=lang)
        return
    if output is not None:
        check_output(output, [*files, *(charges or ()), *(prices or ())])
    rules = _book(book or NATIONAL, rule or ())
    sources = read_sources(files, charges or (), month)
    meant = None if month is None else of_month(sources.cases, month)
    if not sources.cases.num_rows or (meant is not None and not meant.any()):
        raise AuditError("AUDIT_NO_CASES")
    place = None if region is None else registry().region(region).id
    levels = hospital_levels(sources.cases, month or today(), place=region)
    known = inputs_of(
        prices or (),
        sources.cases,
        meant,
        files=files,
        month=month,
        today=today(),
        levels=levels,
        rules=rule or None,
        region=place,
        scheme=scheme,
        lang=lang,
    )
    context = Context(
        levels=levels,
        prices=known.prices,
        ceilings=known.ceilings,
        group_costs=known.costs,
        catalogue=Catalogues(),
        rules=frozenset(rule) if rule else None,
        shadow=shadow,
        own=own,
    )
    found = screen(sources, rules, context=context, judged=meant, region=place)
    findings = found.audited.findings
    if output is not None:
        write_findings(findings, output)
    if format_ is Format.JSON:
        inputs = {"inputs": list(known.told)}
        print_json(inputs | document_of(found, sources.left_out, rules, lang))
    else:
        for line in (*known.told, *told(found, sources.left_out, rules, lang)):
            typer.echo(readable(line))
    if output is not None:
        said = text("audit_words.written", lang, file=output.name, count=findings.num_rows)
        typer.echo(readable(said), err=format_ is Format.JSON)
    if not findings.num_rows:
        raise typer.Exit(EXIT_EMPTY)


def _of_store(words: Sequence[Path], month: date | None, files: Sequence[Path]) -> str | None:
    """What is asked of the service's store; None: files are meant."""
    if month is not None and not files:
        return f"{month:%Y-%m}"
    alone = [str(one) for one in words] == [NIGHT] and not words[0].exists()
    return NIGHT if alone else None


def _refuse(options: Mapping[str, object]) -> None:
    """Options that speak of files are refused where none are meant."""
    for name, value in options.items():
        if value:
            raise AuditError("AUDIT_STORE_OPTION", option=name)


def _book(name: str, rules: Sequence[str]) -> AuditBook:
    """The rule book, which has all rules that are named."""
    book = audit_book(name)
    for one in rules:
        if one not in book.rules:
            raise AuditError("AUDIT_UNKNOWN_RULE", book=name, found=one[:_SHOWN])
    return book


def today() -> date:
    """The local day."""
    return datetime.now(LOCAL).date()


def asked_month(words: Sequence[Path]) -> tuple[date | None, list[Path]]:
    """The month before the files, if there is one."""
    first = words[0]
    asked = _MONTH.fullmatch(str(first))
    if asked and not first.exists():
        return date(int(asked[1]), int(asked[2]), 1), list(words[1:])
    if _MEANT.fullmatch(str(first)) and not first.exists():
        raise AuditError("AUDIT_MONTH", found=str(first)[:_SHOWN])
    return None, list(words)
