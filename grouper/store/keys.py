"""Keys of systems: shown once when made, kept as a hash."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select, update

from grouper.store import accounts
from grouper.store.schema import api_key, now

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from grouper.store.accounts import Account
    from grouper.store.database import Database

MARK = "gk"
_PREFIX_BYTES, _SECRET_BYTES = 6, 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key without its secret."""

    id: int
    account_id: int
    prefix: str
    label: str
    created: datetime
    expires: datetime | None
    revoked: datetime | None


def issue(
    connection: Connection, account_id: int, label: str, expires: datetime | None = None
) -> str:
    """Make a key; returns its text, which cannot be had again."""
    prefix = secrets.token_hex(_PREFIX_BYTES)
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    connection.execute(
        api_key.insert().values(
            account_id=account_id,
            prefix=prefix,
            hash=_hash(secret),
            label=label,
            created=now(),
            expires=expires,
        )
    )
    return f"{MARK}_{prefix}_{secret}"


def account_of(database: Database, written: str) -> Account | None:
    """The account of a key that holds; None for anything else."""
    parts = written.split("_", 2)
    if len(parts) != 3 or parts[0] != MARK:  # noqa: PLR2004 -- mark, prefix, secret
        return None
    with database.reading() as connection:
        row = connection.execute(select(api_key).where(api_key.c.prefix == parts[1])).one_or_none()
        if row is None or not hmac.compare_digest(row.hash, _hash(parts[2])):
            return None
        if row.revoked is not None or (row.expires is not None and row.expires <= now()):
            return None
        found = accounts.by_id(connection, row.account_id)
    return found if found is not None and found.active else None


def keys_of(connection: Connection, account_id: int) -> list[Key]:
    """The keys of an account in the order they were made."""
    rows = connection.execute(
        select(api_key).where(api_key.c.account_id == account_id).order_by(api_key.c.id)
    )
    return [
        Key(
            id=row.id,
            account_id=row.account_id,
            prefix=row.prefix,
            label=row.label,
            created=row.created,
            expires=row.expires,
            revoked=row.revoked,
        )
        for row in rows
    ]


def revoke(connection: Connection, account_id: int, prefix: str) -> bool:
    """Revoke a key of an account; False when it has none of that prefix that still holds."""
    done = connection.execute(
        update(api_key)
        .where(
            api_key.c.account_id == account_id,
            api_key.c.prefix == prefix,
            api_key.c.revoked.is_(None),
        )
        .values(revoked=now())
    )
    return bool(done.rowcount)


def _hash(secret: str) -> bytes:
    # A random secret of 256 bits needs no slow hash.
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()
