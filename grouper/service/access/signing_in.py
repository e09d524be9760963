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


def by_password(
    database: Database,
    access: Access,
    name: str,
    password: str,
    address: str = "",
    before: str = "",
) -> Signed:
    """Sign in; every try is written to the audit log, with the address that it came from.

    Args:
        database: the store.
        access: the rules.
        name: the account.
        password: as it was typed.
        address: that the request came from.
        before: token of the session that the browser had until now; it ends.

    Raises:
        AccessError: ``SIGN_IN_FAILED``, the same whether name or password is wrong or the account
            is locked or switched off.
    """
    found = _known(database, access, name, password, address)
    with database.writing_store() as connection:
        accounts.succeeded(connection, found)
        if found.password is not None and passwords.outdated(found.password):
            accounts.change(connection, found.id, password=passwords.hashed(password))
        return begin(connection, access, found, "password", address, before)


def _known(database: Database, access: Access, name: str, password: str, address: str) -> Account:
    """The account of a name and its password; a wrong password counts, and is written down.

    Raises:
        AccessError: ``SIGN_IN_FAILED``.
    """
    with database.reading() as connection:
        found = accounts.by_name(connection, name)
    right = passwords.right(found.password if found else None, password)
    if found is not None:
        # Checking takes a while: others who tried meanwhile may have locked the account.
        with database.reading() as connection:
            found = accounts.by_id(connection, found.id)
    locked = found is not None and _locked(found, timedelta(seconds=access.lock))
    if found is None or locked or not right or not found.active:
        with database.writing_store() as connection:
            if found is not None and not right and not locked:
                lock = timedelta(seconds=access.lock)
                accounts.failed(connection, found, access.attempts, lock)
            # A name that is no account may be a password typed into the wrong field.
            about = {"known": found is not None, "locked": locked, **_from(address)}
            audit.append(connection, found.name if found else "-", "sign_in_failed", "-", about)
        raise AccessError("SIGN_IN_FAILED")
    return found


def _locked(found: Account, lock: timedelta) -> bool:
    """Whether an account is locked; for longer than a lock lasts it is only where the clock was set back."""
    until = found.locked_until
    return until is not None and timedelta(0) < until - now() <= lock


def begin(
    connection: Writing,
    access: Access,
    found: Account,
    how: str,
    address: str = "",
    before: str = "",
) -> Signed:
    """Begin a session of an account; the one that the browser had until now ends."""
    if before:
        sessions.end(connection, tokens.kept(before))
    token = tokens.new()
    lasting = timedelta(seconds=access.session)
    sessions.start(connection, found.id, tokens.kept(token), lasting, access.sessions)
    audit.append(connection, found.name, "sign_in", found.name, {"how": how, **_from(address)})
    return Signed(token, found)


def _from(address: str) -> dict[str, str]:
    return {"address": address} if address else {}


def change_password(
    database: Database,
    access: Access,
    name: str,
    old: str | None,
    new: str,
    actor: str | None = None,
    address: str = "",
) -> None:
    """Change a password and end the account's sessions.

    Args:
        database: the store.
        access: the rules.
        name: the account.
        old: its password until now; None: an administrator sets it, and it must be changed.
        new: the new one.
        actor: who sets it, as the audit log names it; None: the account itself.
        address: that the request came from.

    Raises:
        AccessError: ``SIGN_IN_FAILED`` (the old one is wrong: it counts as a wrong sign-in does, and
            says as little), ``PASSWORD_WEAK`` or ``ACCOUNT_UNKNOWN`` (of an administrator's).
    """
    if old is not None:
        found: Account | None = _known(database, access, name, old, address)
    else:
        with database.reading() as connection:
            found = accounts.by_name(connection, name)
    passwords.check_new(new, name, access.password_length)
    if found is None:
        raise AccessError("ACCOUNT_UNKNOWN", name=name)
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
