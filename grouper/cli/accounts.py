"""``grouper accounts``: the first account and whatever else needs no running service."""

from __future__ import annotations

import getpass
import sys
from typing import Annotated

import typer

from codebooks.messages import language, text
from grouper.service.access import managing
from grouper.service.settings import load_settings
from grouper.store import accounts
from grouper.store.database import Database, connect
from grouper.store.migrate import upgrade
from grouper.store.states import Role  # noqa: TC001 -- Typer reads the annotations


def _help(key: str) -> str:
    return text(f"accounts.{key}", language())


app = typer.Typer(no_args_is_help=True, help=_help("group"))
Name = Annotated[str, typer.Argument(help=_help("name"))]
_ACTOR = "command line"


def _database() -> Database:
    database = connect(load_settings().url)
    upgrade(database)
    return database


def _password() -> str:
    """The password: typed twice, or the first line of the standard input if that is no screen."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    first = getpass.getpass(text("accounts.password"))
    if first != getpass.getpass(text("accounts.password_again")):
        raise typer.BadParameter(text("accounts.password_differs"))
    return first


@app.command("create", help=_help("create"))
def create_command(
    name: Name,
    role: Annotated[Role, typer.Option(help=_help("role"))],
    department: Annotated[list[str] | None, typer.Option(help=_help("department"))] = None,
    no_password: Annotated[bool, typer.Option("--no-password", help=_help("no_password"))] = False,
) -> None:
    """Make an account."""
    settings = load_settings()
    password = None if no_password else _password()
    database = _database()
    try:
        shortest = settings.access.password_length
        managing.make(database, _ACTOR, name, role, department or (), password, shortest)
    finally:
        database.close()
    typer.echo(text("accounts.created", None, name=name))


@app.command("key", help=_help("key"))
def key_command(name: Name, label: Annotated[str, typer.Option(help=_help("label"))]) -> None:
    """Make a key for a system and print it."""
    database = _database()
    try:
        typer.echo(managing.make_key(database, _ACTOR, name, label))
    finally:
        database.close()


@app.command("list", help=_help("list"))
def list_command() -> None:
    """Print all accounts."""
    database = _database()
    try:
        with database.reading() as connection:
            found = accounts.all_accounts(connection)
    finally:
        database.close()
    for one in found:
        state = "active" if one.active else "inactive"
        role, departments = one.role.value, ", ".join(one.departments)
        typer.echo("\t".join((one.name, role, text(f"accounts.{state}"), departments)).rstrip())


@app.command("switch-off", help=_help("switch_off"))
def switch_off_command(name: Name) -> None:
    """Switch an account off and end its sessions."""
    database = _database()
    try:
        managing.change(database, _ACTOR, name, active=False, access=load_settings().access)
    finally:
        database.close()
    typer.echo(text("accounts.switched_off", None, name=name))
