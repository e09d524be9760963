"""The commands of the service, loaded only when one of them is asked for: they need its extra."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from codebooks.errors import GrouperError
from codebooks.messages import language, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    import typer

EXTRA = "service"
_PACKAGES = ("sqlalchemy", "fastapi", "pydantic_settings", "alembic", "structlog", "argon2")
NAMES = (
    "serve",
    "accounts",
    "inbox",
    "store",
    "audit-log",
    "backup",
    "restore",
    "erase",
    "retention",
    "doctor",
    "settings",
)
"""The commands, in the order in which they are listed."""


def add_service(app: typer.Typer, arguments: Sequence[str]) -> None:
    """Add the service's commands to an app, if its arguments ask for one of them or for the list.

    Raises:
        GrouperError: ``EXTRA_MISSING``: one is asked for, and the packages it needs are not there.
    """
    asked = next((word for word in arguments if not word.startswith("-")), None)
    if asked is not None and asked not in NAMES:
        return
    try:
        _need_packages()
    except GrouperError:
        if asked is None:
            return
        raise
    accounts, backup, inbox, serve, store = (
        import_module(f"grouper.cli.{name}")
        for name in ("accounts", "backup", "inbox", "serve", "store")
    )
    app.command("serve", help=text("serve.command", language()))(serve.serve_command)
    app.add_typer(accounts.app, name="accounts")
    app.add_typer(inbox.app, name="inbox")
    app.add_typer(store.app, name="store")
    app.add_typer(store.audit_app, name="audit-log")
    erase = import_module("grouper.cli.erase")
    app.add_typer(erase.app, name="erase")
    retention = import_module("grouper.cli.retention")
    app.add_typer(retention.app, name="retention")
    settings = import_module("grouper.cli.settings")
    app.add_typer(settings.app, name="settings")
    doctor = import_module("grouper.cli.doctor").doctor_command
    app.command("doctor", help=text("doctor.command", language()))(doctor)
    for name, command in (("backup", backup.backup_command), ("restore", backup.restore_command)):
        app.command(name, help=text(f"backup_cli.{name}", language()))(command)


def service_parts() -> tuple[Any, Any, Any]:
    """The settings' reader, the way into the database, and a month of the store, loaded when asked for.

    Raises:
        GrouperError: ``EXTRA_MISSING``.
    """
    _need_packages()
    settings, database, month = (
        import_module(f"grouper.{name}")
        for name in ("service.settings", "store.database", "service.month")
    )
    return settings.load_settings, database.connect, month.priced_month


def service_module(name: str) -> Any:  # noqa: ANN401 -- a module
    """A module of the service or the store (``service.settings``), loaded when it is asked for.

    Raises:
        GrouperError: ``EXTRA_MISSING``.
    """
    _need_packages()
    return import_module(f"grouper.{name}")


def _need_packages() -> None:
    try:
        for package in _PACKAGES:
            import_module(package)
    except ImportError:
        raise GrouperError("EXTRA_MISSING", extra=EXTRA) from None
