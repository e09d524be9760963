"""Routes of an administrator: accounts and keys."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from grouper.service.access import managing
from grouper.service.access.account_rules import LONGEST, PATTERN
from grouper.service.access.principal import Principal, Right, require
from grouper.service.requests import ExactRoute
from grouper.store import accounts, keys
from grouper.store.states import Role  # noqa: TC001 -- pydantic reads the annotations

if TYPE_CHECKING:
    from grouper.service.settings import Settings
    from grouper.store.accounts import Account
    from grouper.store.database import Database

_Admin = Annotated[Principal, Depends(require(Right.ACCOUNTS))]
Name = Annotated[str, Field(min_length=1, max_length=LONGEST, pattern=PATTERN)]


class NewAccount(BaseModel):
    """An account to be made; without a password it signs in by keys alone."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    role: Role
    departments: list[Annotated[str, Field(min_length=1, max_length=128)]] = Field(
        default_factory=list, max_length=200
    )
    password: SecretStr | None = Field(None, max_length=1024)


class Changes(BaseModel):
    """What is to be changed; what is absent stays."""

    model_config = ConfigDict(extra="forbid")

    role: Role | None = None
    departments: list[Annotated[str, Field(min_length=1, max_length=128)]] | None = Field(
        None, max_length=200
    )
    active: bool | None = None
    password: SecretStr | None = Field(None, max_length=1024)


class AccountShown(BaseModel):
    """An account as administrators see it."""

    name: str
    role: Role
    departments: list[str]
    active: bool
    has_password: bool
    by_provider: bool
    locked_until: datetime | None


class NewKey(BaseModel):
    """A key to be made."""

    model_config = ConfigDict(extra="forbid")

    label: str = Field(min_length=1, max_length=64)
    expires: datetime | None = None


class KeyMade(BaseModel):
    """A new key; its text is shown this once."""

    key: str


class KeyShown(BaseModel):
    """A key without its secret."""

    prefix: str
    label: str
    created: datetime
    expires: datetime | None
    revoked: datetime | None


def _shown(one: Account) -> AccountShown:
    return AccountShown(
        name=one.name,
        role=one.role,
        departments=list(one.departments),
        active=one.active,
        has_password=one.password is not None,
        by_provider=one.subject is not None,
        locked_until=one.locked_until,
    )


def account_routes(settings: Settings, database: Database) -> APIRouter:
    """The routes below ``/api/v1/accounts``."""
    router = APIRouter(prefix="/api/v1/accounts", tags=["accounts"], route_class=ExactRoute)
    shortest = settings.access.password_length

    @router.get("")
    def all_accounts(_admin: _Admin) -> list[AccountShown]:
        """All accounts by name."""
        with database.reading() as connection:
            return [_shown(one) for one in accounts.all_accounts(connection)]

    @router.post("", status_code=201)
    def make(asked: NewAccount, admin: _Admin) -> AccountShown:
        """Make an account."""
        password = None if asked.password is None else asked.password.get_secret_value()
        made = managing.make(
            database, admin.name, asked.name, asked.role, asked.departments, password, shortest
        )
        return _shown(made)

    @router.patch("/{name}")
    def change(name: Name, asked: Changes, admin: _Admin) -> AccountShown:
        """Change an account; its sessions end."""
        password = None if asked.password is None else asked.password.get_secret_value()
        changed = managing.change(
            database,
            admin.name,
            name,
            role=asked.role,
            departments=asked.departments,
            active=asked.active,
            password=password,
            access=settings.access,
        )
        return _shown(changed)

    @router.get("/{name}/keys")
    def all_keys(name: Name, _admin: _Admin) -> list[KeyShown]:
        """The keys of an account."""
        with database.reading() as connection:
            found = managing.known(connection, name)
            return [
                KeyShown(
                    prefix=one.prefix,
                    label=one.label,
                    created=one.created,
                    expires=one.expires,
                    revoked=one.revoked,
                )
                for one in keys.keys_of(connection, found.id)
            ]

    @router.post("/{name}/keys", status_code=201)
    def make_key(name: Name, asked: NewKey, admin: _Admin) -> KeyMade:
        """Make a key for a system."""
        expires = asked.expires
        if expires is not None and expires.tzinfo is None:
            expires = expires.replace(tzinfo=UTC)
        return KeyMade(key=managing.make_key(database, admin.name, name, asked.label, expires))

    @router.delete("/{name}/keys/{prefix}", status_code=204)
    def revoke(name: Name, prefix: str, admin: _Admin) -> None:
        """Revoke a key."""
        managing.revoke_key(database, admin.name, name, prefix)

    return router
