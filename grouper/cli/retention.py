"""``grouper retention``: what is kept for how long, and the sweep by hand."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from codebooks.messages import language, text
from grouper.case.dates import LOCAL
from grouper.cli.codebooks_render import print_json, print_table
from grouper.cli.findings_parts import actor
from grouper.cli.language import Language
from grouper.service.retention import Told, shown, sweep
from grouper.service.settings import load_settings
from grouper.store.database import Database, StoreError, connect
from grouper.store.migrate import pending
from grouper.store.schema import now

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from grouper.service.settings import Settings


def _help(key: str) -> str:
    return text(f"retention.{key}", language())


Lang = Annotated[Language | None, typer.Option("--lang", help=text("cli.lang", language()))]
AsJson = Annotated[bool, typer.Option("--json", help=text("cli.json", language()))]
app = typer.Typer(no_args_is_help=True, help=_help("command"))


@contextmanager
def _opened() -> Iterator[tuple[Settings, Database]]:
    settings = load_settings()
    database = connect(settings.url)
    try:
        if missing := pending(database):
            raise StoreError("STORE_OLD", steps=len(missing))
        yield settings, database
    finally:
        database.close()


@app.command("show", help=_help("show"))
def show_command(as_json: AsJson = False, lang: Lang = None) -> None:
    """Show how every kind stands."""
    with _opened() as (settings, database):
        _print(shown(settings, database, now()), lang, as_json=as_json)
        days = settings.intake.retain_days
    if not as_json:
        typer.echo(text("retention.raw", lang, days=days))


@app.command("sweep", help=_help("sweep"))
def sweep_command(
    dry_run: Annotated[bool, typer.Option("--dry-run", help=_help("dry_run"))] = False,
    as_json: AsJson = False,
    lang: Lang = None,
) -> None:
    """Sweep at once, or tell what would go."""
    with _opened() as (settings, database):
        if dry_run:
            due = [one for one in shown(settings, database, now()) if one.held.due]
            _print(due, lang, as_json=as_json)
            return
        done = sweep(settings, database, now(), actor=actor())
    if as_json:
        print_json(dict(done))
        return
    for kind, rows in done.items():
        name = text(f"retention.kind.{kind}", lang)
        typer.echo(text("retention.swept", lang, kind=name, rows=f"{rows:,}"))
    typer.echo(text("retention.done" if done else "retention.nothing", lang))


def _print(told: list[Told], lang: str | None, *, as_json: bool) -> None:
    if as_json:
        print_json(
            [
                {
                    "kind": one.kind,
                    "days": one.days,
                    "rows": one.held.rows,
                    "oldest": one.held.oldest,
                    "due": one.held.due,
                }
                for one in told
            ]
        )
        return
    if not told:
        typer.echo(text("retention.nothing", lang))
        return
    heads = [
        text(f"retention.column.{name}", lang) for name in ("kind", "days", "rows", "oldest", "due")
    ]
    print_table(heads, [_row(one, lang) for one in told])


def _row(one: Told, lang: str | None) -> list[str]:
    if one.days is None:
        days = text("retention.by_itself", lang)
    else:
        days = (
            text("retention.days", lang, days=one.days)
            if one.days
            else text("retention.ever", lang)
        )
    name = text(f"retention.kind.{one.kind}", lang)
    return [name, days, f"{one.held.rows:,}", _day(one.held.oldest), f"{one.held.due:,}"]


def _day(at: datetime | None) -> str:
    return "-" if at is None else at.astimezone(LOCAL).date().isoformat()
