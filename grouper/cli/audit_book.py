"""``grouper audit-book``: the rule book in force, with the hospital's own over it; checked, added to."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path  # noqa: TC003 -- Typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Any

import pyarrow.compute as pc
import typer

from codebooks.audit.books import NATIONAL, audit_book
from codebooks.audit.own_folder import add_to_own_folder, check_own_folder
from codebooks.errors import CodebookError
from codebooks.messages import language, text
from grouper.audit.errors import AuditError
from grouper.audit.words import level_words
from grouper.case.readers.text_input import readable
from grouper.cli.codebooks_render import (
    LangOption,
    print_json,
    print_pairs,
    print_table,
    speak,
    validity,
)

if TYPE_CHECKING:
    from codebooks.audit.books import AuditBook, Rule
    from codebooks.audit.own_folder import Checked

EXIT_ERROR = 2
_SHOWN = 40
_HIDDEN = frozenset({"rule", "source", "match"})
"""Columns of rows that are not shown in text."""


class Format(StrEnum):
    """How a command answers."""

    TEXT = "text"
    JSON = "json"


def say(key: str, /, **params: object) -> str:
    """A text of the commands in the language of the process."""
    return text(f"audit_book_cli.{key}", language(), **params)


app = typer.Typer(no_args_is_help=True, help=say("help"))
BookOption = Annotated[str, typer.Option("--book", help=say("book"))]
FormatOption = Annotated[Format, typer.Option("--format", help=say("format"))]


@app.command("list", help=say("list"))
def list_command(
    own: Annotated[bool, typer.Option("--own", help=say("own"))] = False,
    book: BookOption = NATIONAL,
    format_: FormatOption = Format.TEXT,
    lang: LangOption = None,
) -> None:
    """List the rules of the book in force, with the number of their rows."""
    speak(lang)
    found = audit_book(book)
    rules = [
        one
        for one in found.rules.values()
        if not own or one.rule in found.own_rules or _rows(found, one.rule, own=True)
    ]
    if format_ is Format.JSON:
        print_json([_rule(found, one) for one in rules])
        return
    print_table(
        [say(f"column.{name}") for name in ("rule", "name", "level", "standing", "rows", "own")],
        [
            [
                one.rule,
                one.name(),
                level_words(one.level),
                say(f"standing.{one.standing}"),
                str(sum(_rows(found, one.rule).values())),
                say("yes") if one.rule in found.own_rules else "",
            ]
            for one in rules
        ],
    )


@app.command("show", help=say("show"))
def show_command(
    rule: Annotated[str, typer.Argument(metavar="RULE", help=say("rule"))],
    every: Annotated[bool, typer.Option("--all", help=say("all"))] = False,
    book: BookOption = NATIONAL,
    format_: FormatOption = Format.TEXT,
    lang: LangOption = None,
) -> None:
    """Show a rule and its rows."""
    speak(lang)
    found = audit_book(book)
    known = found.rules.get(rule)
    if known is None:
        raise AuditError("AUDIT_UNKNOWN_RULE", book=book, found=rule[:_SHOWN])
    rows = {
        name: table.filter(pc.equal(table["rule"], rule)).to_pylist()
        for name, table in found.tables.items()
    }
    if format_ is Format.JSON:
        print_json({**_rule(found, known), "tables": {n: r for n, r in rows.items() if r}})
        return
    print_pairs(_told(found, known))
    for name, own in rows.items():
        if own:
            typer.echo(say("table", table=name, count=len(own)))
            _print_rows(found, own if every else own[:_SHOWN])
            if not every and len(own) > _SHOWN:
                typer.echo(say("more", count=len(own) - _SHOWN))


@app.command("check", help=say("check"))
def check_command(
    files: Annotated[list[Path] | None, typer.Argument(metavar="[FILE...]", help=say("files"))] = (
        None
    ),
    book: BookOption = NATIONAL,
    format_: FormatOption = Format.TEXT,
    lang: LangOption = None,
) -> None:
    """Check the hospital's own folder, with files as if they stood in it; exit status 2 on a fault."""
    speak(lang)
    checked = check_own_folder(book, files or ())
    _print_checked(checked, as_json=format_ is Format.JSON)
    if checked.faults:
        raise typer.Exit(EXIT_ERROR)


@app.command("add", help=say("add"))
def add_command(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help=say("files"))],
    replace: Annotated[bool, typer.Option("--replace", help=say("replace"))] = False,
    book: BookOption = NATIONAL,
    format_: FormatOption = Format.TEXT,
    lang: LangOption = None,
) -> None:
    """Copy files into the hospital's own folder once they are without fault, all of them or none."""
    speak(lang)
    checked = add_to_own_folder(book, files, replace=replace)
    _print_checked(checked, as_json=format_ is Format.JSON)
    if checked.faults:
        raise CodebookError("AUDIT_OWN_FAULTS", count=len(checked.faults))


def _rows(book: AuditBook, rule: str, *, own: bool = False) -> dict[str, int]:
    """The number of a rule's rows by table."""
    found = {}
    for name, table in book.tables.items():
        rows = table.filter(pc.equal(table["rule"], rule))
        count = sum(one in book.own_rows for one in rows["row"].to_pylist()) if own else len(rows)
        if count:
            found[name] = count
    return found


def _rule(book: AuditBook, rule: Rule) -> dict[str, Any]:
    return {
        "rule": rule.rule,
        "name": rule.name(),
        "class": rule.class_,
        "level": rule.level,
        "standing": rule.standing,
        "moments": list(rule.moments),
        "template": rule.template,
        "valid_from": rule.valid_from,
        "valid_to": rule.valid_to,
        "missing": rule.missing(),
        "note": rule.note,
        "source": rule.source,
        "own": rule.rule in book.own_rules,
        "rows": _rows(book, rule.rule),
        "own_rows": _rows(book, rule.rule, own=True),
    }


def _told(book: AuditBook, rule: Rule) -> list[tuple[str, str]]:
    values = {
        "rule": rule.rule,
        "name": rule.name(),
        "level": level_words(rule.level),
        "standing": say(f"standing.{rule.standing}"),
        "moments": " ".join(text(f"audit_moment.{one}") for one in rule.moments),
        "template": rule.template or "",
        "valid": validity(rule.valid_from, rule.valid_to),
        "missing": rule.missing(),
        "note": rule.note,
        "source": rule.source,
        "own": say("yes") if rule.rule in book.own_rules else say("no"),
    }
    return [(say(f"column.{name}"), readable(value)) for name, value in values.items() if value]


def _print_rows(book: AuditBook, rows: list[dict[str, Any]]) -> None:
    names = [name for name in rows[0] if name not in _HIDDEN]
    mark = say("own_mark")
    print_table(
        names,
        [
            [readable(_cell(row[name]) + (mark if name == "row" and own else "")) for name in names]
            for row in rows
            for own in (row["row"] in book.own_rows,)
        ],
    )


def _cell(value: object) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value))
    return "" if value is None else str(value)


def _print_checked(checked: Checked, *, as_json: bool) -> None:
    own = len(checked.book.own_rows)
    if as_json:
        faults = [
            {"code": one.code, "where": one.where, "error": one.describe()}
            for one in checked.faults
        ]
        counts = {"own_rules": len(checked.book.own_rules), "own_rows": own}
        print_json({"faults": faults, **counts})
        return
    for fault in checked.faults:
        typer.echo(readable(fault.describe()))
    key = "faults" if checked.faults else "whole"
    rules = len(checked.book.own_rules)
    typer.echo(say(key, count=len(checked.faults), rules=rules, rows=own))
