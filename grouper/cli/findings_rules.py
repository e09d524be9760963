"""``grouper findings whitelist…|standing…``: exceptions from rules, and the standing of rules here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from codebooks.audit.books import NATIONAL
from codebooks.messages import language, text
from grouper.case.readers.text_input import readable
from grouper.cli.codebooks_render import print_json, print_table
from grouper.cli.findings_parts import Book, Formatted, Lang, Number, actor, day_of, now, say
from grouper.cli.forecast_running import opened
from grouper.cli.service_commands import service_module
from grouper.cli.settle import Format

if TYPE_CHECKING:
    from collections.abc import Sequence

Rule = Annotated[str, typer.Argument(metavar="RULE", help=say("rule"))]
Reason = Annotated[str, typer.Option("--reason", help=say("reason"))]


def whitelists_command(format_: Formatted = Format.TEXT, lang: Lang = None) -> None:
    """List the exceptions from rules, the newest first."""
    with opened() as (_, database):
        found = service_module("service.finding_rules").every(database)
    _whitelists(found, format_, lang)


def _whitelists(found: Sequence[Any], format_: Format, lang: str | None) -> None:
    asked = service_module("service.finding_asked")
    out = [asked.whitelist_out(one, lang or language()) for one in found]
    if format_ is Format.JSON:
        print_json({"whitelists": out})
        return
    if not out:
        typer.echo(text("findings_cli_words.no_whitelists", lang))
        return
    names = (
        "number",
        "rule",
        "scope",
        "from",
        "to",
        "created_by",
        "approved_by",
        "ended_by",
        "why",
    )
    heads = [text(f"findings_cli_words.{name}", lang) for name in names]
    print_table(heads, [_row(one) for one in out])


def _row(one: dict[str, Any]) -> list[str]:
    scope = {**({"row": one["row"]} if one["row"] else {}), **one["scope"]}
    cells = (
        one["id"],
        one["rule"],
        " ".join(f"{name}={value}" for name, value in scope.items()),
        one["valid_from"],
        one["valid_to"],
        one["created_by"],
        one["approved_by"] or "",
        one["ended_by"] or "",
        one["reason"],
    )
    return [readable(str(cell)) for cell in cells]


def whitelist_add_command(
    rule: Rule,
    reason: Reason = "",
    since: Annotated[str, typer.Option("--from", help=say("valid_from"))] = "",
    until: Annotated[str, typer.Option("--to", help=say("valid_to"))] = "",
    row: Annotated[str | None, typer.Option("--row", help=say("row"))] = None,
    case: Annotated[str | None, typer.Option("--case", help=say("case"))] = None,
    department: Annotated[str | None, typer.Option("--department", help=say("department"))] = None,
    item: Annotated[str | None, typer.Option("--item", help=say("item"))] = None,
    dx: Annotated[str | None, typer.Option("--dx", help=say("dx"))] = None,
    book: Book = None,
    format_: Formatted = Format.TEXT,
    lang: Lang = None,
) -> None:
    """Propose an exception; it holds once another has approved it."""
    rules = service_module("service.finding_rules")
    bound = {"case_id": case, "department": department, "item": item, "dx": dx}
    said = rules.Exempting(
        rule=rule,
        row=row,
        scope={name: value for name, value in bound.items() if value is not None},
        reason=reason,
        valid_from=day_of(since),
        valid_to=day_of(until),
        book=book or NATIONAL,
    )
    with opened() as (_, database):
        found = rules.propose(database, actor(), said, now())
    _whitelists([found], format_, lang)


def whitelist_approve_command(
    number: Number, format_: Formatted = Format.TEXT, lang: Lang = None
) -> None:
    """Let an exception hold; who proposed it may not."""
    with opened() as (_, database):
        found = service_module("service.finding_rules").approve(database, actor(), number, now())
    _whitelists([found], format_, lang)


def whitelist_end_command(
    number: Number, reason: Reason = "", format_: Formatted = Format.TEXT, lang: Lang = None
) -> None:
    """End an exception."""
    rules = service_module("service.finding_rules")
    with opened() as (_, database):
        found = rules.end(database, actor(), number, reason, now())
    _whitelists([found], format_, lang)


def standings_command(
    book: Book = None,
    every: Annotated[bool, typer.Option("--all", help=say("all_rules"))] = False,
    format_: Formatted = Format.TEXT,
    lang: Lang = None,
) -> None:
    """List the rules that are not simply live, or were judged."""
    with opened() as (_, database):
        found = service_module("service.finding_rules").standings_of(database, book or NATIONAL)
    shown = [
        one for one in found if every or one.given or one.standing != "live" or one.counted.judged
    ]
    _standings(shown, format_, lang)


def _standings(found: Sequence[Any], format_: Format, lang: str | None) -> None:
    asked = service_module("service.finding_asked")
    out = [asked.standing_out(one, lang or language()) for one in found]
    if format_ is Format.JSON:
        print_json({"rules": out})
        return
    if not out:
        typer.echo(text("findings_cli_words.all_live", lang))
        return
    names = ("rule", "name", "standing", "found", "judged", "false_positives", "by")
    heads = [text(f"findings_cli_words.{name}", lang) for name in names]
    keys = ("rule", "name", "standing_name", "found", "judged", "false_positives", "actor")
    rows = [[readable(str("" if one[key] is None else one[key])) for key in keys] for one in out]
    print_table(heads, rows)


def standing_command(
    rule: Rule,
    standing: Annotated[str, typer.Argument(metavar="STANDING", help=say("standing"))],
    reason: Reason = "",
    book: Book = None,
    format_: Formatted = Format.TEXT,
    lang: Lang = None,
) -> None:
    """Give a rule a standing here: live, shadow, review or off."""
    rules = service_module("service.finding_rules")
    with opened() as (_, database):
        found = rules.set_standing(
            database, actor(), book or NATIONAL, rule, standing, reason, now()
        )
    _standings([found], format_, lang)
