"""``grouper erase``: one person's data taken out of the service, on the machine that holds it."""

from __future__ import annotations

import getpass
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path  # noqa: TC003 -- Typer reads the annotations
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from codebooks.errors import GrouperError, Where
from codebooks.messages import language, text
from grouper.case.dates import LOCAL
from grouper.cli.language import Language
from grouper.service.erasing import Eraser, Plan, reapply
from grouper.service.erasing_list import data
from grouper.service.settings import load_settings
from grouper.service.setup import configure_forms
from grouper.store.database import StoreError, connect
from grouper.store.erasing_subject import BY
from grouper.store.migrate import pending

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grouper.service.settings import Settings


def _help(key: str) -> str:
    return text(f"erase.{key}", language())


def _whys() -> str:
    """The codes of reasons with their words."""
    told = [f"{code} {_help(f'why.{code}')}" for code in data()["whys"]["codes"]]
    return f"{_help('reason')} ({', '.join(told)})"


_SHOWN = 40

app = typer.Typer(no_args_is_help=True, help=_help("group"))
By = StrEnum("By", list(BY))  # type: ignore[misc]
Why = StrEnum("Why", list(data()["whys"]["codes"]))  # type: ignore[misc]
Lang = Annotated[Language | None, typer.Option("--lang", help=text("cli.lang", language()))]


def _actor() -> str:
    """Who sits at the command line, as the audit log names it."""
    try:
        return f"command line: {getpass.getuser()}"[:64]
    except (KeyError, OSError):
        return "command line"


@contextmanager
def _eraser() -> Iterator[Eraser]:
    settings: Settings = load_settings()
    configure_forms(settings)
    database = connect(settings.url)
    try:
        if missing := pending(database):
            raise StoreError("STORE_OLD", steps=len(missing))
        yield Eraser(settings, database)
    finally:
        database.close()


def _stdin() -> TextIO:
    return sys.stdin


def _identifier(file: Path | None, lang: str | None) -> str:
    """The number: out of a file, typed unseen, or the first line of what is piped in.

    It is no argument, for these stand in lists of processes and in the shell's history.
    """
    if file is not None:
        try:
            said = file.read_text("utf-8-sig")
        except (OSError, ValueError) as cause:
            raise GrouperError("ERASE_FILE", Where(file=str(file))) from cause
    elif _stdin().isatty():
        said = getpass.getpass(text("erase.asked", lang))
    else:
        said = _stdin().readline()
    words = [line.strip() for line in said.splitlines() if line.strip()]
    if len(words) != 1:
        raise GrouperError("ERASE_ONE", count=len(words))
    return words[0]


def _moment(said: str) -> datetime:
    """A time as a backup tells it; without an offset it is local time."""
    try:
        found = datetime.fromisoformat(said.strip())
        found = found if found.tzinfo else found.replace(tzinfo=LOCAL)
        return found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise GrouperError("ERASE_TIME", found=said[:_SHOWN]) from None


@app.command("person", help=_help("person"))
def person_command(
    why: Annotated[Why, typer.Option("--why", help=_whys())],
    by: Annotated[By, typer.Option("--by", help=_help("by"))] = By.patient,  # type: ignore[attr-defined]
    file: Annotated[Path | None, typer.Option("--file", help=_help("file"))] = None,
    hospital: Annotated[str | None, typer.Option("--hospital", help=_help("hospital"))] = None,
    keep_billing: Annotated[
        bool, typer.Option("--keep-billing", help=_help("keep_billing"))
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help=_help("dry_run"))] = False,
    yes: Annotated[bool, typer.Option("--yes", help=_help("yes"))] = False,
    lang: Lang = None,
) -> None:
    """Erase a person, or limit what is kept to billing."""
    said = _identifier(file, lang)
    if not (dry_run or yes or _stdin().isatty()):
        raise GrouperError("ERASE_CONFIRM")
    with _eraser() as eraser:
        if not dry_run:
            eraser.ready()
        try:
            plan = eraser.plan(str(by), said, limit=keep_billing, hospital=hospital)
        except StoreError as error:
            gone = error.code == "ERASE_UNKNOWN" and not dry_run
            if not gone or not eraser.finish_for(str(by), said, _actor(), hospital):
                raise
            typer.echo(text("erase.finished", lang, count=1))
            return
        if not dry_run and eraser.finish_taken(plan, _actor(), limit=keep_billing):
            typer.echo(text("erase.finished", lang, count=1))
            typer.echo(text("erase.here_since", lang))
            return
        _tell(plan, keep_billing=keep_billing, lang=lang)
        if dry_run:
            typer.echo(text("erase.nothing_done", lang))
            return
        if not yes:
            typer.confirm(text("erase.sure", lang), abort=True)
        eraser.erase(plan, limit=keep_billing, why=str(why), actor=_actor())
    typer.echo(text("erase.limited" if keep_billing else "erase.erased", lang))
    typer.echo(text("erase.backups", lang))


def _tell(plan: Plan, *, keep_billing: bool, lang: str | None) -> None:
    """What there is, by place; never a name or a number."""
    typer.echo(text("erase.way.limit" if keep_billing else "erase.way.erase", lang))
    for place, count in plan.counts.items():
        if count:
            name = text(f"erase.place.{place}", lang)
            typer.echo(text("erase.line", lang, place=name, count=f"{count:,}"))
    if plan.months:
        told = ", ".join(f"{month} ({count})" for month, count in plan.months.items())
        typer.echo(text("erase.months", lang, months=told))
    if plan.counts.get("taken"):
        typer.echo(text("erase.taken", lang))


@app.command("finish", help=_help("finish"))
def finish_command(lang: Lang = None) -> None:
    """Bring erasures that were broken off to their end."""
    with _eraser() as eraser:
        eraser.ready()
        done = eraser.finish(_actor())
    typer.echo(text("erase.finished", lang, count=done))


@app.command("reapply", help=_help("reapply"))
def reapply_command(
    since: Annotated[str, typer.Option("--since", metavar="TIME", help=_help("since"))],
    lang: Lang = None,
) -> None:
    """Erase again after a restore."""
    at = _moment(since)
    with _eraser() as eraser:
        done = reapply(eraser.database, eraser.settings, at, _actor())
    typer.echo(text("erase.reapplied", lang, count=done))


@app.command("returned", help=_help("returned"))
def returned_command(lang: Lang = None) -> None:
    """Whose messages came again after the erasure."""
    with _eraser() as eraser:
        found = eraser.returned()
        unfinished = len(eraser.unfinished())
    for one in found:
        told = {"number": one.erasure, "at": f"{one.at.astimezone(LOCAL):%Y-%m-%d}"}
        typer.echo(text("erase.came_again", lang, **told, cases=", ".join(one.cases)))
    typer.echo(text("erase.returned_count", lang, count=len(found)))
    if unfinished:
        typer.echo(text("erase.unfinished", lang, count=unfinished))
