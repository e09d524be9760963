"""``grouper store`` and ``grouper audit-log``: the database by itself, without the service."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from codebooks.messages import language, text
from grouper.service.settings import load_settings
from grouper.store import audit
from grouper.store.analysis import export
from grouper.store.anchors import add_anchor, anchor_line, read_anchors
from grouper.store.checking import check
from grouper.store.database import Database, StoreError, connect
from grouper.store.migrate import pending, upgrade
from grouper.store.schema import now

if TYPE_CHECKING:
    from collections.abc import Iterator

EXIT_FAULTS = 1
"""Exit status when the database or the audit log is not whole."""
_SHOWN = 100


def _help(key: str) -> str:
    return text(f"store_cli.{key}", language())


def _say(key: str, **params: object) -> None:
    typer.echo(text(f"store_cli.{key}", None, **params))


app = typer.Typer(no_args_is_help=True, help=_help("store"))
audit_app = typer.Typer(no_args_is_help=True, help=_help("audit"))
AnchorFile = Annotated[Path | None, typer.Option("--anchor", help=_help("anchor_file"))]


@contextmanager
def _database(*, current: bool = True) -> Iterator[Database]:
    database = connect(load_settings().url)
    try:
        if current and (missing := pending(database)):
            raise StoreError("STORE_OLD", steps=len(missing))
        yield database
    finally:
        database.close()


@app.command("upgrade", help=_help("upgrade"))
def upgrade_command() -> None:
    """Make the tables, or bring them up to date."""
    with _database(current=False) as database:
        done = upgrade(database)
    for step in done:
        _say("step", step=step)
    _say("upgraded" if done else "current")


@app.command("check", help=_help("check"))
def check_command() -> None:
    """Look whether the database is whole."""
    with _database() as database:
        found = check(database)
    _say("messages", count=found.messages)
    for state, count in sorted((found.stays or {}).items()):
        _say("stays", state=text(f"store_cli.state.{state}"), count=count)
    for line in found.files[:_SHOWN]:
        _say("file_fault", fault=line)
    for name, count in (found.faults or {}).items():
        if count:
            _say("fault", fault=text(f"store_cli.fault_of.{name}"), count=count)
    if not found.whole:
        raise typer.Exit(EXIT_FAULTS)
    _say("whole")


@app.command("export", help=_help("export"))
def export_command(
    folder: Annotated[Path | None, typer.Argument(help=_help("folder"))] = None,
    anew: Annotated[bool, typer.Option("--anew", help=_help("anew"))] = False,
) -> None:
    """Write Parquet files for analysis."""
    target = folder or load_settings().folder / "analysis"
    with _database() as database:
        done = export(database, target, anew=anew)
    for name, rows in done.rows.items():
        _say("exported", table=name, rows=rows)
    _say("export_done", files=done.files, folder=target)


@audit_app.command("verify", help=_help("verify"))
def verify_command(anchor: AnchorFile = None) -> None:
    """Check the chain of the audit log."""
    anchors = read_anchors(anchor) if anchor else []
    with _database() as database, database.reading() as connection:
        report = audit.verify(connection, anchors)
    for number, fault in report.faults[:_SHOWN]:
        _say("audit_fault", number=number, fault=text(f"store_cli.audit_fault_of.{fault}"))
    if report.faults:
        _say("audit_broken", faults=len(report.faults), entries=report.entries)
        raise typer.Exit(EXIT_FAULTS)
    _say("audit_whole", entries=report.entries)
    typer.echo(anchor_line(report.end, now()))


@audit_app.command("anchor", help=_help("anchor"))
def anchor_command(
    file: Annotated[Path | None, typer.Argument(help=_help("anchor_target"))] = None,
) -> None:
    """Print the end of the audit log, or add it to a file."""
    with _database() as database, database.reading() as connection:
        end = audit.end(connection)
    if file is None:
        typer.echo(anchor_line(end, now()))
        return
    add_anchor(file, end, now())
    _say("anchored", number=end.id)
