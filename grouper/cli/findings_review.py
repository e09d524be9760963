"""``grouper findings list|show|step|comment|attach|raise``: findings of the store and their review."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 -- Typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Any

import typer

from codebooks.messages import language, text
from grouper.audit.review.errors import ReviewError
from grouper.audit.review.steps import Said
from grouper.audit.review.tables import limits
from grouper.case.readers.text_input import readable
from grouper.cli.codebooks_render import print_json, print_table
from grouper.cli.findings_parts import (
    Formatted,
    Lang,
    Number,
    actor,
    asker,
    local,
    now,
    say,
    told,
    until_of,
    word,
    yuan_of,
)
from grouper.cli.forecast_running import opened
from grouper.cli.service_commands import service_module
from grouper.cli.settle import Format

if TYPE_CHECKING:
    from collections.abc import Mapping

_COLUMNS = ("number", "state", "level", "rule", "case", "department", "day", "amount", "due")
Note = Annotated[str, typer.Option("--note", help=say("note"))]


def list_command(
    state: Annotated[list[str] | None, typer.Option("--state", help=say("state"))] = None,
    level: Annotated[list[str] | None, typer.Option("--level", help=say("level"))] = None,
    rule: Annotated[list[str] | None, typer.Option("--rule", help=say("rule"))] = None,
    department: Annotated[str | None, typer.Option("--department", help=say("department"))] = None,
    source: Annotated[str | None, typer.Option("--source", help=say("source"))] = None,
    assignee: Annotated[str | None, typer.Option("--assignee", help=say("assignee"))] = None,
    case: Annotated[str | None, typer.Option("--case", help=say("case"))] = None,
    words: Annotated[str | None, typer.Option("--text", help=say("text"))] = None,
    overdue: Annotated[bool, typer.Option("--overdue", help=say("overdue"))] = False,
    every: Annotated[bool, typer.Option("--all", help=say("all"))] = False,
    after: Annotated[int | None, typer.Option("--after", min=1, help=say("after"))] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=500, help=say("limit"))] = 50,
    format_: Formatted = Format.TEXT,
    lang: Lang = None,
) -> None:
    """List findings, the newest first; without a state those in which something is to be done."""
    findings, answers = (
        service_module(f"service.{name}") for name in ("findings", "finding_answers")
    )
    wanted = service_module("store.findings").Wanted(
        states=state or (None if every else findings.open_states()),
        levels=level or None,
        rules=rule or None,
        department=department,
        source=source,
        assignee=assignee,
        case_id=case,
        text=words,
        due_before=now() if overdue else None,
    )
    with opened() as (_, database):
        found, following, counted = findings.page(database, asker(), wanted, after, limit)
    shown = answers.list_out(found, following, counted, lang or language())
    if format_ is Format.JSON:
        print_json(shown)
        return
    if not found:
        typer.echo(text("findings_cli_words.none", lang))
        return
    heads = [text(f"findings_cli_words.{name}", lang) for name in _COLUMNS]
    print_table(heads, [_row(one) for one in shown["findings"]])
    if following is not None:
        typer.echo(text("findings_cli_words.more", lang, after=following))


def _row(one: Mapping[str, Any]) -> list[str]:
    due = one["asked_until"] or one["due"]
    cells = (
        one["id"],
        one["state_name"],
        one["level_name"],
        one["rule_name"],
        one["case_id"] or "",
        one["department"] or "",
        one["day"] or "",
        one["amount"],
        local(due) + (" !" if one["overdue"] else ""),
    )
    return [readable(str(cell)) for cell in cells]


def show_command(number: Number, format_: Formatted = Format.TEXT, lang: Lang = None) -> None:
    """Show a finding; the look is logged."""
    findings = service_module("service.findings")
    with opened() as (_, database):
        found = findings.show(database, asker(), number)
        with database.writing_store() as connection:
            service_module("store.audit").append(
                connection, actor(), "finding_shown", f"finding:{number}"
            )
    _show(found, format_, lang)


def _show(found: Any, format_: Format, lang: str | None) -> None:  # noqa: ANN401 -- of the service
    out = service_module("service.finding_answers").detail_out(found, lang or language())
    if format_ is Format.JSON:
        print_json(out)
        return
    told(out["document"]["words"])
    state = text(
        "findings_cli_words.stands",
        lang,
        state=out["state_name"],
        stage=word("stage", out["stage"], lang),
    )
    lines = [state]
    for name, value in (
        ("gone", local(out["gone"])),
        ("due_at", local(out["due"])),
        ("asked_until", local(out["asked_until"])),
        ("assigned", out["assignee"]),
        ("opinion", out["opinion_by"]),
        ("deduction", out["deduction"]),
    ):
        if value not in (None, ""):
            lines.append(text(f"findings_cli_words.{name}", lang, value=value))
    for one in out["events"]:
        note = f" {one['note']}" if one["note"] else ""
        lines.append(f"  {local(one['at'])} {one['actor']} {one['action_name']}{note}")
    lines += [f"  {one['id']} {one['name']} ({one['size']})" for one in out["files"]]
    steps = [f"{one['action']}({one['name']})" for one in out["steps"]]
    if steps:
        lines.append(text("findings_cli_words.steps", lang, steps=" ".join(steps)))
    told(lines)


def step_command(
    number: Number,
    action: Annotated[str, typer.Argument(metavar="ACTION", help=say("action"))],
    note: Note = "",
    amount: Annotated[str | None, typer.Option("--amount", help=say("amount"))] = None,
    wrong: Annotated[
        bool | None, typer.Option("--false-positive/--true-positive", help=say("verdict"))
    ] = None,
    due: Annotated[str | None, typer.Option("--due", help=say("due"))] = None,
    assignee: Annotated[str | None, typer.Option("--assignee", help=say("assignee"))] = None,
    department: Annotated[str | None, typer.Option("--ask", help=say("asked"))] = None,
    state: Annotated[str | None, typer.Option("--if-state", help=say("if_state"))] = None,
    format_: Formatted = Format.TEXT,
    lang: Lang = None,
) -> None:
    """Take a step with a finding."""
    findings = service_module("service.findings")
    said = Said(
        note=note,
        amount=yuan_of(amount),
        verdict=wrong,
        due=until_of(due),
        assignee=assignee,
        department=department,
    )
    with opened() as (_, database):
        who = asker()
        was = state or findings.show(database, who, number).listed.finding.state
        found = findings.step(database, who, number, action, was, said, now())
    _show(found, format_, lang)


def comment_command(
    number: Number,
    note: Annotated[str, typer.Argument(metavar="NOTE", help=say("note"))],
    format_: Formatted = Format.TEXT,
    lang: Lang = None,
) -> None:
    """Say something about a finding."""
    findings = service_module("service.findings")
    with opened() as (_, database):
        found = findings.comment(database, asker(), number, note, now())
    _show(found, format_, lang)


def attach_command(
    number: Number,
    file: Annotated[Path, typer.Argument(metavar="FILE", help=say("file"))],
    lang: Lang = None,
) -> None:
    """Hang a file of evidence on a finding."""
    try:
        with file.open("rb") as stream:
            content = stream.read(limits().most_bytes + 1)
    except OSError:
        raise ReviewError("EVIDENCE_FILE") from None
    evidence = service_module("service.finding_evidence")
    with opened() as (_, database):
        found, fresh = evidence.attach(database, asker(), number, file.name, content, now())
    key = "attached" if fresh else "attached_before"
    typer.echo(text(f"findings_cli_words.{key}", lang, number=found.id, media=found.media))


def raise_command(
    case: Annotated[str, typer.Argument(metavar="CASE", help=say("case"))],
    rule: Annotated[str, typer.Argument(metavar="RULE", help=say("rule"))],
    note: Note = "",
    line: Annotated[list[int] | None, typer.Option("--line", min=1, help=say("line"))] = None,
    amount: Annotated[str | None, typer.Option("--amount", help=say("stake"))] = None,
    format_: Formatted = Format.TEXT,
    lang: Lang = None,
) -> None:
    """Raise a finding by hand."""
    raising = service_module("service.finding_raising")
    said = raising.Raised(
        case_id=case, rule=rule, level=None, lines=line or (), amount=yuan_of(amount), note=note
    )
    with opened() as (_, database):
        found = raising.raise_finding(database, asker(), said, now())
    _show(found, format_, lang)
