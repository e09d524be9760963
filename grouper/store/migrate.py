"""Bringing a database's tables to where this program expects them, by Alembic.

The inbox and the store have their own migrations and their own version table, so that each can be
a file of its own. A step runs in one transaction under the lock of the writers: two services that
start at once do not meet, and a step that fails leaves nothing behind.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import select

from grouper.store.database import StoreError, files_of, make_files
from grouper.store.schema import message

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from grouper.store.database import Database

_HERE = Path(__file__).parent / "migrations"


@dataclass(frozen=True, slots=True)
class _Set:
    """One set of tables: the folder of its steps and the table that says how far they ran."""

    name: str

    @property
    def table(self) -> str:
        return f"{self.name}_revision"

    def scripts(self) -> ScriptDirectory:
        return ScriptDirectory(_HERE / self.name)

    def heads(self, connection: Connection) -> tuple[str, ...]:
        context = MigrationContext.configure(connection, opts={"version_table": self.table})
        return context.get_current_heads()

    def missing(self, connection: Connection) -> list[str]:
        """Revisions to come, oldest first.

        Raises:
            StoreError: ``STORE_NEWER``.
        """
        scripts = self.scripts()
        known = [step.revision for step in scripts.walk_revisions()][::-1]
        done = self.heads(connection)
        if any(revision not in known for revision in done):
            raise StoreError("STORE_NEWER", found=", ".join(done), known=known[-1])
        return known[known.index(done[0]) + 1 :] if done else known

    def known(self, revision: str) -> None:
        """See that this program knows a revision.

        Raises:
            StoreError: ``STORE_NEWER``.
        """
        known = [step.revision for step in self.scripts().walk_revisions()]
        if revision not in known:
            raise StoreError("STORE_NEWER", found=revision, known=known[0])

    def upgrade(self, connection: Connection, revision: str = "head") -> list[str]:
        """Run the steps that are missing until a revision, in the transaction of the connection."""
        missing = self.missing(connection)
        if missing:
            config = Config(attributes={"connection": connection})
            config.set_main_option("script_location", str(_HERE / self.name).replace("%", "%%"))
            command.upgrade(config, revision)
        return missing


INBOX_SET, STORE_SET = _Set("inbox"), _Set("store")


def absent(database: Database, name: str) -> bool:
    """Whether the file of ``inbox`` or ``store`` is not there; PostgreSQL has none."""
    files = dict(zip(("inbox", "store"), files_of(database), strict=False))
    return name in files and not files[name].exists()


def pending(database: Database) -> tuple[str, ...]:
    """The steps that a database lacks, as ``inbox:NAME`` and ``store:NAME``.

    Raises:
        StoreError: ``STORE_NEWER`` when a later program has changed the tables,
            ``STORE_UNAVAILABLE``.
    """
    found = []
    for name, steps in (("inbox", INBOX_SET), ("store", STORE_SET)):
        if absent(database, name):
            missing = [step.revision for step in steps.scripts().walk_revisions()][::-1]
        else:
            with database.reading_inbox() if name == "inbox" else database.reading() as connection:
                missing = steps.missing(connection)
        found += [f"{name}:{step}" for step in missing]
    return tuple(found)


def see_not_lost(database: Database, folder: Path) -> None:
    """See that a service which ran before has its tables still.

    Args:
        database: of the service.
        folder: of the service; the processes tell their status there once they have run.

    Raises:
        StoreError: ``STORE_LOST``: an empty database would be taken for the lost one, and what is
            acknowledged into it would not be sent again.
    """
    steps = [step for one in (INBOX_SET, STORE_SET) for step in one.scripts().walk_revisions()]
    if (folder / "status").is_dir() and len(pending(database)) == len(steps):
        raise StoreError("STORE_LOST")


def upgrade(database: Database) -> tuple[str, ...]:
    """Make or change the tables; a database that is up to date stays untouched.

    Returns:
        The steps that ran, as :func:`pending` names them.

    Raises:
        StoreError: ``STORE_NEWER`` when a later program has changed the tables; ``STORE_LOST``: only
            one of inbox and store is there; ``STORE_UNAVAILABLE``.
    """
    make_files(database)
    if not pending(database):
        return ()
    _see_both(database)
    with database.writing_inbox() as connection:
        done = [f"inbox:{name}" for name in INBOX_SET.upgrade(connection)]
    with database.writing_store() as connection:
        done += [f"store:{name}" for name in STORE_SET.upgrade(connection)]
    return tuple(done)


def _see_both(database: Database) -> None:
    """See that the inbox and the store belong together, before one of them is made anew.

    Raises:
        StoreError: ``STORE_LOST``.
    """
    with database.reading_inbox() as connection:
        inbox = bool(INBOX_SET.heads(connection))
        received = inbox and connection.execute(select(message.c.id).limit(1)).first() is not None
    with database.reading() as connection:
        store = bool(STORE_SET.heads(connection))
    if (received and not store) or (store and not inbox):
        raise StoreError("STORE_LOST")
