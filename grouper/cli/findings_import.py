"""``grouper findings import|batches|answers``: the insurer's lists of findings."""

from __future__ import annotations

import getpass
from datetime import UTC, date, datetime
from pathlib import Path  # noqa: TC003 -- Typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Any

import typer

from codebooks.audit.books import audit_book
from codebooks.messages import language, text
from grouper.audit.errors import AuditError
from grouper.audit.insurer.columns import at_hand
from grouper.case.dates import LOCAL
from grouper.case.readers.text_input import readable
from grouper.cli.codebooks_render import print_json
from grouper.cli.forecast_running import opened
from grouper.cli.language import Language
from grouper.cli.service_commands import service_module
from grouper.cli.settle import Format

if TYPE_CHECKING:
    from collections.abc import Mapping

_LISTED = 50
_ACTOR = 64
_SHOWN = 20
_REST = ("after", "shadow", "not_found", "not_asked", "no_rule", "no_stay")


def say(key: str) -> str:
    """A help text of these commands."""
    return text(f"findings_import.{key}", language())


Formatted = Annotated[Format, typer.Option("--format", help=say("format"))]
Lang = Annotated[Language | None, typer.Option("--lang", help=say("lang"))]


def import_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help=say("file"))],
    due: Annotated[str | None, typer.Option("--due", help=say("due"))] = None,
    columns: Annotated[Path | None, typer.Option("--columns", help=say("columns"))] = None,
    format_: Formatted = Format.TEXT,
    lang: Lang = None,
) -> None:
    """Take in an insurer's list of findings."""
    last = None if due is None else _day(due)
    known = at_hand(columns)
    lists = service_module("service.insurer_lists")
    shown = service_module("service.insurer_answers")
    with opened() as (settings, database):
        taken = lists.take_in(
            database,
            file,
            audit_book(),
            known,
            hospital=settings.hospital,
            actor=_actor(),
            at=datetime.now(UTC),
            due=last,
        )
    told = shown.taken_out(taken, lang or language())
    if format_ is Format.JSON:
        print_json(told)
        return
    for line in _taken(told, lang):
        typer.echo(readable(line))


def batches_command(
    batch: Annotated[
        int | None, typer.Argument(metavar="[BATCH]", min=1, help=say("batch"))
    ] = None,
    format_: Formatted = Format.TEXT,
    lang: Lang = None,
) -> None:
    """The insurer's lists; with a number what became of one, and the recall of our screening."""
    shown = service_module("service.insurer_answers")
    with opened() as (_, database):
        if batch is None:
            found, _ = shown.listing(database, None, _LISTED)
            told: Any = [shown.batch_out(one, lang or language()) for one in found]
        else:
            told = shown.shown(database, batch, audit_book(), lang or language())
    if format_ is Format.JSON:
        print_json(told)
        return
    for line in _listed(told, lang) if batch is None else _one(told, lang):
        typer.echo(readable(line))


def answers_command(
    batch: Annotated[int, typer.Argument(metavar="BATCH", min=1, help=say("batch"))],
    output: Annotated[Path, typer.Option("-o", "--output", help=say("output"))],
    lang: Lang = None,
) -> None:
    """Write a list with its answers: its own columns, opinion, grounds and evidence."""
    shown = service_module("service.insurer_answers")
    audit = service_module("store.audit")
    with opened() as (_, database):
        # Written down before the file is: it has numbers of persons.
        with database.writing_store() as connection:
            audit.append(connection, _actor(), "finding_batch_answered", f"finding_batch:{batch}")
        shown.answers(database, batch, output, lang or language())
    typer.echo(readable(_say("written", lang, file=output.name)))


def _taken(told: Mapping[str, Any], lang: str | None) -> list[str]:
    if told["repeated"]:
        return [_say("repeated", lang, batch=told["batch"])]
    rows = [_say("taken", lang, **told)]
    rows += [_say(name, lang, **told) for name in ("unread", "external") if told[name]]
    return rows + _about(told, lang)


def _about(told: Mapping[str, Any], lang: str | None) -> list[str]:
    rows = [_say("reason", lang, **one) for one in told["reasons"]]
    if told["unkept"]:
        names = _say("separator", lang).join(told["unkept"])
        rows.append(_say("unkept", lang, names=names))
    if told["total_agrees"] is False:
        rows.append(_say("total_differs", lang))
    return rows


def _listed(told: list[dict[str, Any]], lang: str | None) -> list[str]:
    return [_batch(one, lang) for one in told] or [_say("none", lang)]


def _batch(told: Mapping[str, Any], lang: str | None) -> str:
    day = datetime.fromisoformat(told["at"]).astimezone(LOCAL).date().isoformat()
    return _say("batch", lang, day=day, **told)


def _one(told: Mapping[str, Any], lang: str | None) -> list[str]:
    rows = [_batch(told, lang), *_about(told, lang)]
    rows += [f"  {one['name']}: {one['findings']}" for one in told["states"]]
    rows.append(_say("recall_title", lang))
    for one in told["recall"]:
        here = one["findings"] - one["no_stay"]
        name = one["name"] if one["rule"] else _say("all", lang)
        rest = {key: one[key] for key in _REST}
        share = one["recall"] or "—"
        before = {"before": one["before"], "here": here, "share": share}
        rows.append(_say("recall", lang, rule=one["rule"] or "", name=name, **before, **rest))
    return rows


def _say(key: str, lang: str | None, /, **params: object) -> str:
    return text(f"insurer_words.{key}", lang, **params)


def _day(written: str) -> date:
    try:
        return date.fromisoformat(written)
    except ValueError:
        raise AuditError("INSURER_DUE", found=written[:_SHOWN]) from None


def _actor() -> str:
    """Who stands in the audit log for what this command does."""
    try:
        return f"command line: {getpass.getuser()}"[:_ACTOR]
    except (OSError, KeyError):
        return "command line"
