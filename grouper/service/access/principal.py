"""Who asks, and what that one may do and see.

The rights of each role are a table (``data/rights.csv``); the middleware of this package puts the
:class:`Principal` into ``request.state.principal``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import as_file, files
from typing import TYPE_CHECKING

from fastapi import Request  # noqa: TC002 -- FastAPI reads the annotations

from codebooks.errors import GrouperError
from codebooks.strict_csv import read_rows
from grouper.store.states import Role

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping


class AccessError(GrouperError):
    """``SIGN_IN_NEEDED`` (401) or ``NOT_ALLOWED`` (403)."""


class Right(StrEnum):
    """What a role may do."""

    GROUP = "group"
    """Group, explain and compare cases handed in; search codebooks."""
    CASES = "cases"
    """See stored cases within reach."""
    ALL_DEPARTMENTS = "all_departments"
    """Reach: the cases of every department, not only the account's own."""
    PERSONS = "persons"
    """See who the patient is."""
    SEND = "send"
    """Send messages and files into the inbox."""
    QUARANTINE = "quarantine"
    """See raw messages, replay and dismiss them."""
    JOBS = "jobs"
    """Group whole files."""
    CDS = "cds"
    """Call the CDS Hooks, and have orders checked."""
    FINDINGS = "findings"
    """See the audit's findings within reach."""
    ANSWER = "answer"
    """Answer findings within reach: comments, evidence, feedback of the department."""
    REVIEW = "review"
    """Review findings, screen, take in the insurer's lists, keep whitelists and rules' standing."""
    BOOKS = "books"
    """Check and install schemes and the hospital's own policies, by which every case is paid."""
    AUDIT = "audit"
    """Read the audit log."""
    ACCOUNTS = "accounts"
    """Make and change accounts and keys."""
    METRICS = "metrics"
    """Read metrics and alerts."""


@cache
def rights() -> Mapping[Role, frozenset[Right]]:
    """The rights of each role, from ``data/rights.csv``.

    Raises:
        CodebookError: the table is not as it should be.
    """
    found: dict[Role, set[Right]] = {role: set() for role in Role}
    with as_file(files("grouper.service") / "data" / "rights.csv") as path:
        for row in read_rows(path, ("role", "right")):
            found[Role(row.cells["role"])].add(Right(row.cells["right"]))
    return {role: frozenset(held) for role, held in found.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who asks.

    Attributes:
        account_id: the account.
        name: its name, as the audit log writes it.
        role: its role.
        departments: those of a physician; empty for roles that are bound to none.
        via: ``session``, ``key`` or ``oidc``.
        language: asked for by the client, or empty.
    """

    account_id: int
    name: str
    role: Role
    departments: tuple[str, ...] = ()
    via: str = "session"
    language: str = ""

    def may(self, right: Right) -> bool:
        """Whether the role holds a right."""
        return right in rights()[self.role]

    @property
    def reach(self) -> tuple[str, ...] | None:
        """The departments whose cases may be seen; None: all."""
        return None if self.may(Right.ALL_DEPARTMENTS) else self.departments


def demand(principal: Principal, *rights: Right) -> None:
    """See that who asks holds rights, all of them.

    Raises:
        AccessError: ``NOT_ALLOWED``.
    """
    for right in rights:
        if not principal.may(right):
            raise AccessError("NOT_ALLOWED", right=right.value)


def principal_of(request: Request) -> Principal:
    """Who sends this request.

    Raises:
        AccessError: ``SIGN_IN_NEEDED``.
    """
    found = getattr(request.state, "principal", None)
    if not isinstance(found, Principal):
        raise AccessError("SIGN_IN_NEEDED")
    return found


def require(right: Right) -> Callable[[Request], Awaitable[Principal]]:
    """A dependency of a route: the principal, if it holds a right.

    The dependency raises :class:`AccessError` ``SIGN_IN_NEEDED`` or ``NOT_ALLOWED``.
    """

    # FastAPI would send a plain function to a thread, which costs more than it does.
    async def held(request: Request) -> Principal:
        principal = principal_of(request)
        demand(principal, right)
        return principal

    return held
