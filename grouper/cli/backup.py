"""``grouper backup`` and ``grouper restore``: the whole service in one file, and back."""

from __future__ import annotations

import getpass
import sys
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path  # noqa: TC003 -- Typer reads the annotations
from typing import TYPE_CHECKING, Annotated

import typer

from codebooks.messages import language, text
from grouper.cli.language import Language
from grouper.service.backing_up import back_up, note
from grouper.service.backup_archive import Backup, read_backup
from grouper.service.erasing import reapply
from grouper.service.restoring import restore
from grouper.service.settings import load_settings
from grouper.service.setup import configure_forms
from grouper.store import audit
from grouper.store.checking import check
from grouper.store.database import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from grouper.store.database import Database

EXIT_FAULTS = 1
"""Exit status when what was restored is not whole."""


def _help(key: str) -> str:
    return text(f"backup_cli.{key}", language())


Lang = Annotated[Language | None, typer.Option("--lang", help=text("cli.lang", language()))]


def backup_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help=_help("file"))],
    only_check: Annotated[bool, typer.Option("--check", help=_help("check"))] = False,
    lang: Lang = None,
) -> None:
    """Write a backup, or check one."""
    if only_check:
        _tell(read_backup(file), "checked", lang)
        return
    settings = load_settings()
    database = connect(settings.url)
    try:
        note(database, _actor(), file)
        with _progress(lang) as progress:
            found = back_up(settings, database, file, progress)
    finally:
        database.close()
    _tell(found, "written", lang)


def restore_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help=_help("file"))],
    replace: Annotated[bool, typer.Option("--replace", help=_help("replace"))] = False,
    lang: Lang = None,
) -> None:
    """Read a backup back, bring the tables up to date, and look whether all is whole."""
    settings = load_settings()
    database = connect(settings.url)
    try:
        with _progress(lang) as progress:
            found = restore(settings, database, file, progress, replace=replace, actor=_actor())
        configure_forms(settings)
        again = reapply(database, settings, datetime.fromisoformat(found.made), _actor())
        whole = _whole(database, lang)
    finally:
        database.close()
    _tell(found, "restored", lang)
    if again:
        typer.echo(text("erase.reapplied", lang, count=again))
    for key in ("rebuilt", "by_hand"):
        typer.echo(text(f"backup_cli.{key}", lang))
    if not whole:
        raise typer.Exit(EXIT_FAULTS)


def _actor() -> str:
    """Who sits at the command line, as the audit log names it."""
    try:
        return f"command line: {getpass.getuser()}"[:64]
    except (KeyError, OSError):
        return "command line"


def _whole(database: Database, lang: str | None) -> bool:
    found = check(database)
    with database.reading() as connection:
        chain = audit.verify(connection, [])
    for key, good in (("database", found.whole), ("audit_log", not chain.faults)):
        typer.echo(text(f"backup_cli.{key}_{'whole' if good else 'faulty'}", lang))
    return found.whole and not chain.faults


@contextmanager
def _progress(lang: str | None) -> Iterator[Callable[[str, int], None] | None]:
    """A line that says how far it has come, on a terminal alone."""
    if not sys.stderr.isatty():
        yield None
        return

    def told(table: str, rows: int) -> None:
        said = text("backup_cli.progress", lang, table=table, rows=f"{rows:,}")
        typer.echo(f"\r\033[K{said}", err=True, nl=False)

    yield told
    typer.echo("\r\033[K", err=True, nl=False)


def _tell(found: Backup, key: str, lang: str | None) -> None:
    size = sum(size for _, size in found.files.values())
    said = text(
        f"backup_cli.{key}",
        lang,
        made=found.made,
        program=found.program,
        rows=f"{found.rows:,}",
        files=f"{len(found.files):,}",
        size=f"{size / 1e6:,.1f}",
    )
    typer.echo(said)
