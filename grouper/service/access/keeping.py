"""Accounts and keys as an administrator's page asks for them: each function checks the right first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from grouper.service.access import managing, passwords
from grouper.service.access.principal import Right, demand
from grouper.store import accounts, keys

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from grouper.service.access.principal import Principal
    from grouper.service.settings import Access
    from grouper.store.accounts import Account
    from grouper.store.database import Database
    from grouper.store.keys import Key
    from grouper.store.states import Role


@dataclass(frozen=True, slots=True)
class Made:
    """An account with the password that was made for it; it is shown this once."""

    account: Account
    password: str


def listed(database: Database, principal: Principal) -> list[Account]:
    """All accounts by name.

    Raises:
        AccessError: ``NOT_ALLOWED``.
        StoreError: ``STORE_UNAVAILABLE``.
    """
    demand(principal, Right.ACCOUNTS)
    with database.reading() as connection:
        return accounts.all_accounts(connection)


def make(
    database: Database,
    principal: Principal,
    name: str,
    role: Role,
    departments: Sequence[str],
    access: Access,
) -> Made:
    """Make an account with a password by chance, which is changed at the first sign-in.

    Raises:
        AccessError: ``NOT_ALLOWED``.
        StoreError: ``ACCOUNT_EXISTS``, ``STORE_UNAVAILABLE``.
    """
    demand(principal, Right.ACCOUNTS)
    shortest = access.password_length
    password = passwords.fresh(name, shortest)
    made = managing.make(database, principal.name, name, role, departments, password, shortest)
    return Made(made, password)


def change(
    database: Database,
    principal: Principal,
    name: str,
    *,
    role: Role | None = None,
    departments: Sequence[str] | None = None,
    active: bool | None = None,
    access: Access,
) -> Account:
    """Change an account; its sessions end.

    Raises:
        AccessError: ``NOT_ALLOWED``, ``ACCOUNT_UNKNOWN``, ``ACCOUNT_LAST_ADMIN``.
        StoreError: ``STORE_UNAVAILABLE``.
    """
    demand(principal, Right.ACCOUNTS)
    return managing.change(
        database,
        principal.name,
        name,
        role=role,
        departments=departments,
        active=active,
        access=access,
    )


def renew(database: Database, principal: Principal, name: str, access: Access) -> Made:
    """Give an account a new password by chance; its sessions end.

    Raises:
        AccessError: ``NOT_ALLOWED``, ``ACCOUNT_UNKNOWN``.
        StoreError: ``STORE_UNAVAILABLE``.
    """
    demand(principal, Right.ACCOUNTS)
    password = passwords.fresh(name, access.password_length)
    changed = managing.change(database, principal.name, name, password=password, access=access)
    return Made(changed, password)


def unlock(database: Database, principal: Principal, name: str) -> Account:
    """Let an account that was locked by wrong passwords sign in again.

    Raises:
        AccessError: ``NOT_ALLOWED``, ``ACCOUNT_UNKNOWN``.
        StoreError: ``STORE_UNAVAILABLE``.
    """
    demand(principal, Right.ACCOUNTS)
    return managing.unlock(database, principal.name, name)


def keys_of(database: Database, principal: Principal, name: str) -> list[Key]:
    """The keys of an account.

    Raises:
        AccessError: ``NOT_ALLOWED``, ``ACCOUNT_UNKNOWN``.
        StoreError: ``STORE_UNAVAILABLE``.
    """
    demand(principal, Right.ACCOUNTS)
    with database.reading() as connection:
        return keys.keys_of(connection, managing.known(connection, name).id)


def make_key(
    database: Database, principal: Principal, name: str, label: str, expires: datetime | None
) -> str:
    """Make a key for a system; returns its text, which is shown this once.

    Raises:
        AccessError: ``NOT_ALLOWED``, ``ACCOUNT_UNKNOWN``.
        StoreError: ``STORE_UNAVAILABLE``.
    """
    demand(principal, Right.ACCOUNTS)
    return managing.make_key(database, principal.name, name, label, expires)


def revoke_key(database: Database, principal: Principal, name: str, prefix: str) -> None:
    """Revoke a key.

    Raises:
        AccessError: ``NOT_ALLOWED``, ``ACCOUNT_UNKNOWN``, ``KEY_UNKNOWN``.
        StoreError: ``STORE_UNAVAILABLE``.
    """
    demand(principal, Right.ACCOUNTS)
    managing.revoke_key(database, principal.name, name, prefix)
