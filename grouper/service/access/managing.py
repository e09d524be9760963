"""What administrators do with accounts and keys, by REST or on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grouper.service.access import passwords, signing_in
from grouper.service.access.principal import AccessError
from grouper.store import accounts, audit, keys, sessions
from grouper.store.states import Role

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from grouper.service.settings import Access
    from grouper.store.accounts import Account
    from grouper.store.database import Database, Writing


def known(connection: Writing, name: str) -> Account:
    """The account of a name.

    Raises:
        AccessError: ``ACCOUNT_UNKNOWN``.
    """
    found = accounts.by_name(connection, name)
    if found is None:
        raise AccessError("ACCOUNT_UNKNOWN", name=name)
    return found


def make(
    database: Database,
    actor: str,
    name: str,
    role: Role,
    departments: Sequence[str],
    password: str | None,
    shortest: int,
) -> Account:
    """Make an account; a password given by somebody else must be changed at the first sign-in.

    Raises:
        AccessError: ``PASSWORD_WEAK``.
        StoreError: ``ACCOUNT_EXISTS``.
    """
    if password is not None:
        passwords.check_new(password, name, shortest)
    kept = None if password is None else passwords.hashed(password)
    with database.writing_store() as connection:
        accounts.create(
            connection,
            name,
            role,
            departments=departments,
            password=kept,
            must_change=kept is not None and actor != name,
        )
        audit.append(connection, actor, "account_made", name, {"role": role.value})
        return known(connection, name)


def change(
    database: Database,
    actor: str,
    name: str,
    *,
    role: Role | None = None,
    departments: Sequence[str] | None = None,
    active: bool | None = None,
    password: str | None = None,
    access: Access,
) -> Account:
    """Change an account and end its sessions.

    Raises:
        AccessError: ``ACCOUNT_UNKNOWN``, ``PASSWORD_WEAK`` or ``ACCOUNT_LAST_ADMIN``: nobody could
            make or change accounts any more.
    """
    values: dict[str, object] = {}
    if role is not None:
        values["role"] = role.value
    if departments is not None:
        values["departments"] = list(departments)
    if active is not None:
        values["active"] = active
    if password is not None:
        signing_in.change_password(database, access, name, None, password, actor)
    with database.writing_store() as connection:
        found = known(connection, name)
        if values:
            _leave_an_admin(connection, found, role or found.role, active is not False)
            accounts.change(connection, found.id, **values)
            sessions.end_all(connection, found.id)
            audit.append(connection, actor, "account_changed", name, values)
        return known(connection, name)


def _leave_an_admin(connection: Writing, one: Account, role: Role, active: bool) -> None:
    """See that an account in use may still change accounts when one becomes what is asked.

    Raises:
        AccessError: ``ACCOUNT_LAST_ADMIN``.
    """
    was = one.active and one.role is Role.ADMIN
    if not was or (active and role is Role.ADMIN):
        return
    others = (each for each in accounts.all_accounts(connection) if each.id != one.id)
    if not any(each.active and each.role is Role.ADMIN for each in others):
        raise AccessError("ACCOUNT_LAST_ADMIN", name=one.name)


def unlock(database: Database, actor: str, name: str) -> Account:
    """Let an account that was locked by wrong passwords sign in again.

    Raises:
        AccessError: ``ACCOUNT_UNKNOWN``.
    """
    with database.writing_store() as connection:
        accounts.succeeded(connection, known(connection, name))
        audit.append(connection, actor, "account_unlocked", name, {})
        return known(connection, name)


def make_key(
    database: Database, actor: str, name: str, label: str, expires: datetime | None = None
) -> str:
    """Make a key; returns its text, which is shown this once.

    Raises:
        AccessError: ``ACCOUNT_UNKNOWN``.
    """
    with database.writing_store() as connection:
        written = keys.issue(connection, known(connection, name).id, label, expires)
        about = {"label": label, "prefix": written.split("_")[1]}
        audit.append(connection, actor, "key_made", name, about)
    return written


def revoke_key(database: Database, actor: str, name: str, prefix: str) -> None:
    """Revoke a key.

    Raises:
        AccessError: ``ACCOUNT_UNKNOWN`` or ``KEY_UNKNOWN``.
    """
    with database.writing_store() as connection:
        if not keys.revoke(connection, known(connection, name).id, prefix):
            raise AccessError("KEY_UNKNOWN", prefix=prefix)
        audit.append(connection, actor, "key_revoked", name, {"prefix": prefix})
