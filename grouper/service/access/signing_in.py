"""Signing in by name and password, and what every way of signing in does after it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from grouper.service.access import passwords, tokens
from grouper.service.access.principal import AccessError
from grouper.store import accounts, audit, sessions
from grouper.store.schema import now

if TYPE_CHECKING:
    from grouper.service.settings import Access
    from grouper.store.accounts import Account
    from grouper.store.database import Database, Writing


@dataclass(frozen=True, slots=True)
class Signed:
    """A session that has begun: its token for the cookie, and the account."""

    token: str
    account: Account


def by_password(database: Database, access: Access, name: str, password: str) -> Signed:
    """Sign in; every try is written to the audit log.

    Raises:
        AccessError: ``SIGN_IN_FAILED``, the same whether name or password is wrong or the account
            is locked or switched off.
    """
    with database.reading() as connection:
        found = accounts.by_name(connection, name)
    locked = found is not None and found.locked_until is not None and found.locked_until > now()
    right = passwords.right(found.password if found else None, password)
    if found is None or locked or not right or not found.active:
        with database.writing_store() as connection:
            if found is not None and not right and not locked:
                lock = timedelta(seconds=access.lock)
                accounts.failed(connection, found, access.attempts, lock)
            # A name that is no account may be a password typed into the wrong field.
            about = {"known": found is not None, "locked": locked}
            audit.append(connection, found.name if found else "-", "sign_in_failed", "-", about)
        raise AccessError("SIGN_IN_FAILED")
    with database.writing_store() as connection:
        accounts.succeeded(connection, found)
        if found.password is not None and passwords.outdated(found.password):
            accounts.change(connection, found.id, password=passwords.hashed(password))
        return begin(connection, access, found, "password")


def begin(connection: Writing, access: Access, found: Account, how: str) -> Signed:
    """Begin a session of an account."""
    token = tokens.new()
    lasting = timedelta(seconds=access.session)
    sessions.start(connection, found.id, tokens.kept(token), lasting, access.sessions)
    audit.append(connection, found.name, "sign_in", found.name, {"how": how})
    return Signed(token, found)


def change_password(
    database: Database,
    access: Access,
    name: str,
    old: str | None,
    new: str,
    actor: str | None = None,
) -> None:
    """Change a password and end the account's sessions.

    Args:
        database: the store.
        access: the rules.
        name: the account.
        old: its password until now; None: an administrator sets it, and it must be changed.
        new: the new one.
        actor: who sets it, as the audit log names it; None: the account itself.

    Raises:
        AccessError: ``SIGN_IN_FAILED`` (the old one is wrong), ``PASSWORD_WEAK`` or
            ``ACCOUNT_UNKNOWN``.
    """
    passwords.check_new(new, name, access.password_length)
    with database.reading() as connection:
        found = accounts.by_name(connection, name)
    if found is None:
        raise AccessError("ACCOUNT_UNKNOWN", name=name)
    if old is not None and not passwords.right(found.password, old):
        raise AccessError("SIGN_IN_FAILED")
    kept = passwords.hashed(new)
    with database.writing_store() as connection:
        accounts.change(
            connection,
            found.id,
            password=kept,
            must_change=old is None,
            failures=0,
            locked_until=None,
        )
        sessions.end_all(connection, found.id)
        about = {"by_owner": old is not None}
        audit.append(connection, actor or name, "password_changed", name, about)
