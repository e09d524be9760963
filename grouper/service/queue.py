"""What needs the insurance office: how much of each kind, and the stays and findings behind it.

Reach is kept here, as in :mod:`grouper.service.stored`.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from functools import cache
from heapq import nlargest
from importlib.resources import files
from typing import TYPE_CHECKING

from codebooks.errors import CodebookError, Where
from codebooks.registry import INPATIENT
from grouper.forecast.result import ForecastStatus
from grouper.schemes.reasons import Status
from grouper.service import findings
from grouper.service.forecast_answers import page_of
from grouper.service.sent_lists import list_kinds
from grouper.store import findings as store_findings
from grouper.store import reading
from grouper.store.findings import Wanted as WantedFindings
from grouper.store.reading import Wanted
from grouper.store.states import Source, StayState

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date, datetime

    from grouper.service.findings import Asker
    from grouper.service.stored import Reach
    from grouper.store.database import Database
    from grouper.store.forecasts import Listed

_FILE = files("grouper.service") / "data" / "queue.toml"
_PAGE = 500


class Stays(StrEnum):
    """Stays that need someone."""

    UNGROUPED = "ungrouped"
    AMBIGUOUS = "ambiguous"
    INVALID = "invalid"
    UNSENT = "unsent"
    """Discharged of late, and no settlement list has come."""


class Findings(StrEnum):
    """Findings that need someone."""

    OVERDUE = "overdue"
    NEAR = "near"
    """Due within the days that ``data/queue.toml`` names."""
    INSURER = "insurer"
    """Of an insurer's list, and open."""
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Limits:
    """What the queue counts (``data/queue.toml``)."""

    unsent_days: int
    near_days: int
    most_losses: int


@dataclass(frozen=True, slots=True)
class Loss:
    """A running stay that is expected to cost more than is paid for it.

    Attributes:
        case_id, visit, department: of the stay.
        group: the likeliest one.
        middle: the surplus expected, in yuan; below nought.
        low, high: its interval; ``high`` is below nought, too.
    """

    case_id: str
    visit: str
    department: str | None
    group: str | None
    middle: Decimal
    low: Decimal | None
    high: Decimal


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the last forecasts say.

    Attributes:
        as_of: their day; None: there are none.
        stays: how many there are.
        refused: stays that could not be foretold.
        losses: how many stays are expected to make a loss, the whole interval below nought.
        worst: those with the largest expected loss, the largest first.
    """

    as_of: date | None
    stays: int
    refused: int
    losses: int
    worst: tuple[Loss, ...]


@cache
def limits() -> Limits:
    """What the queue counts.

    Raises:
        CodebookError: ``QUEUE_LIMITS``: a name is missing, unknown or no number of one or more.
    """
    found = tomllib.loads(_FILE.read_text("utf-8"))
    names = set(Limits.__dataclass_fields__)
    wrong = found.keys() ^ names | {
        name for name in names & found.keys() if type(found[name]) is not int or found[name] < 1
    }
    if wrong:
        raise CodebookError("QUEUE_LIMITS", Where(file=_FILE.name), name=min(wrong))
    return Limits(**found)


def stays_wanted(kind: Stays, at: datetime) -> Wanted:
    """Which stays are of a kind.

    Args:
        kind: asked for.
        at: now.
    """
    wanted = Wanted(states=[StayState.DISCHARGED], kind=INPATIENT)
    if kind is Stays.UNSENT:
        since = at - timedelta(days=limits().unsent_days)
        return replace(wanted, discharged_from=since, without=list_kinds())
    return replace(wanted, status=Status(kind.value))


def count_stays(database: Database, reach: Reach, at: datetime) -> dict[Stays, int]:
    """How many stays of each kind there are within reach.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``.
    """
    departments = None if reach is None else list(reach)
    with database.reading() as connection:
        return {
            kind: reading.count(
                connection, replace(stays_wanted(kind, at), departments=departments)
            )
            for kind in Stays
        }


def findings_wanted(kind: Findings, at: datetime, assignee: str | None) -> WantedFindings:
    """Which findings are of a kind.

    Args:
        kind: asked for.
        at: now.
        assignee: only those that this account is to act on; None: all.
    """
    wanted = WantedFindings(states=findings.open_states(), assignee=assignee, shadow=False)
    if kind is Findings.OVERDUE:
        return replace(wanted, due_before=at)
    if kind is Findings.NEAR:
        return replace(wanted, due_before=at + timedelta(days=limits().near_days))
    return replace(wanted, source=Source.INSURER) if kind is Findings.INSURER else wanted


def count_findings(
    database: Database, asker: Asker, at: datetime, assignee: str | None
) -> dict[Findings, tuple[int, Decimal]]:
    """How many findings of each kind there are within reach, and the yuan at stake.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``.
    """
    found = {}
    with database.reading() as connection:
        for kind in Findings:
            bound = findings.within(asker, findings_wanted(kind, at, assignee))
            rows = store_findings.counts(connection, bound)
            amount = sum((one.amount for one in rows), Decimal(0))
            found[kind] = sum(one.count for one in rows), amount
    return found


def outlook(database: Database, reach: Reach) -> Outlook:
    """What the last forecasts say of the running stays within reach.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``.
    """
    day, found = None, []
    stays = refused = 0
    for of_day, one in _listed(database, reach):
        day = of_day
        stays += 1
        refused += one.forecast.status == ForecastStatus.REFUSED
        loss = _loss(one)
        if loss is not None:
            found.append(loss)
    worst = nlargest(limits().most_losses, found, key=lambda one: -one.middle)
    return Outlook(day, stays, refused, len(found), tuple(worst))


def _listed(database: Database, reach: Reach) -> Iterator[tuple[date | None, Listed]]:
    """The forecasts of the last day, of stays that still run."""
    after: int | None = 0
    while after is not None:
        day, found, after = page_of(
            database, reach, None, department=None, status=None, after=after, limit=_PAGE
        )
        yield from ((day, one) for one in found if one.state == StayState.RUNNING)


def _loss(one: Listed) -> Loss | None:
    told = one.forecast.document
    high, middle = _decimal(told, "surplus_high"), _decimal(told, "surplus_middle")
    if high is None or middle is None or high >= 0:
        return None
    groups = told.get("groups") or [{}]
    return Loss(
        one.case_id,
        one.visit,
        one.department,
        groups[0].get("group"),
        middle,
        _decimal(told, "surplus_low"),
        high,
    )


def _decimal(told: Mapping[str, object], name: str) -> Decimal | None:
    value = told.get(name)
    return None if value is None else Decimal(str(value))
