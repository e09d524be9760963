"""Accounts: who may sign in, with which role, and how often that failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from grouper.store.database import StoreError
from grouper.store.schema import account, now
from grouper.store.states import Role

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from sqlalchemy import ColumnElement, Connection, Row

    from grouper.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account; ``password`` is its Argon2 hash, None where only OIDC or keys sign it in.

    ``subject`` is its name at the OIDC provider; ``must_change``: the password was set by someone
    else; ``failures``: wrong passwords since the last right one.
    """

    id: int
    name: str
    role: Role
    departments: tuple[str, ...]
    password: str | None
    subject: str | None
    active: bool
    must_change: bool
    failures: int
    locked_until: datetime | None


def _read(row: Row[tuple[object, ...]]) -> Account:
    held = row._mapping  # noqa: SLF001 -- SQLAlchemy's public name for a row as a mapping
    return Account(
        id=held["id"],
        name=held["name"],
        role=Role(held["role"]),
        departments=tuple(held["departments"]),
        password=held["password"],
        subject=held["subject"],
        active=held["active"],
        must_change=held["must_change"],
        failures=held["failures"],
        locked_until=held["locked_until"],
    )


def any_account(database: Database) -> bool:
    """Whether anybody could sign in at all."""
    with database.reading() as connection:
        return bool(connection.scalar(select(func.count()).select_from(account)))


def all_accounts(connection: Connection) -> list[Account]:
    """All accounts by name."""
    return [_read(row) for row in connection.execute(select(account).order_by(account.c.name))]


def _one(connection: Connection, condition: ColumnElement[bool]) -> Account | None:
    row = connection.execute(select(account).where(condition)).one_or_none()
    return None if row is None else _read(row)


def by_id(connection: Connection, number: int) -> Account | None:
    """The account of a number."""
    return _one(connection, account.c.id == number)


def by_name(connection: Connection, name: str) -> Account | None:
    """The account of a name."""
    return _one(connection, account.c.name == name)


def by_subject(connection: Connection, subject: str) -> Account | None:
    """The account that an OIDC provider knows by a subject."""
    return _one(connection, account.c.subject == subject)


def create(
    connection: Connection,
    name: str,
    role: Role,
    *,
    departments: Sequence[str] = (),
    password: str | None = None,
    subject: str | None = None,
    must_change: bool = False,
) -> int:
    """Make an account; returns its number.

    Args:
        connection: a transaction of :meth:`Database.writing_store`.
        name: unique.
        role: what it may do.
        departments: of a physician.
        password: Argon2 hash.
        subject: its name at the OIDC provider.
        must_change: whether the password has to be changed first.

    Raises:
        StoreError: ``ACCOUNT_EXISTS``: the name or the subject is taken.
    """
    try:
        made = connection.execute(
            account.insert()
            .returning(account.c.id)
            .values(
                name=name,
                role=role.value,
                departments=list(departments),
                password=password,
                subject=subject,
                active=True,
                created=now(),
                must_change=must_change,
                failures=0,
            )
        )
    except IntegrityError:
        raise StoreError("ACCOUNT_EXISTS", name=name) from None
    return int(made.scalar_one())


def change(connection: Connection, number: int, **values: object) -> None:
    """Set columns of an account (role, departments, password, active, must_change …)."""
    connection.execute(update(account).where(account.c.id == number).values(**values))


def failed(connection: Connection, one: Account, attempts: int, lock: timedelta) -> None:
    """Count a wrong password; after ``attempts`` of them the account is locked for a while.

    Others may have been tried since the account was read: what stands in the store now is counted on.
    """
    here = by_id(connection, one.id) or one
    failures = here.failures + 1
    change(connection, one.id, failures=failures)
    if failures >= attempts:
        change(connection, one.id, locked_until=now() + lock)


def succeeded(connection: Connection, one: Account) -> None:
    """Forget wrong passwords after a right one."""
    if one.failures or one.locked_until is not None:
        change(connection, one.id, failures=0, locked_until=None)
