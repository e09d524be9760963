"""How the interfaces stand: processes, channels, the queue, results on their way back, alerts.

What may be seen is checked here: queues and alerts by the right ``metrics``, what a single message or
result is about by ``quarantine``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from codebooks.errors import GrouperError
from grouper.intake.envelope import Verdict
from grouper.service import status
from grouper.service.access.principal import Right, demand
from grouper.service.interface_sizes import interface_sizes
from grouper.service.porch_processes import at_hand
from grouper.service.stored import alerts_of, case_ids, queue_of
from grouper.service.supervisor import ORDER
from grouper.store import arrivals, audit, outbox, outcomes
from grouper.store.states import Delivery

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from grouper.service.access.principal import Principal
    from grouper.service.settings import Settings
    from grouper.service.stored import Queue
    from grouper.store.arrivals import Arrived
    from grouper.store.database import Database
    from grouper.store.showing import Alert

REPLAY = "replay"
"""The channel of replays: nobody sends by it."""


class Running(StrEnum):
    """Whether a process is there."""

    UP = "up"
    SILENT = "silent"
    """It told something before, and nothing of late."""
    ABSENT = "absent"
    """It never told anything here."""
    OFF = "off"
    """It is switched off in the settings, or what it needs is not installed."""


@dataclass(frozen=True, slots=True)
class Process:
    """A process of the service.

    Attributes:
        name: of :data:`grouper.service.supervisor.ORDER`.
        state: whether it is there.
        since: of one that is up, when it began; of a silent one, when it last told something.
        values: what it counts.
    """

    name: str
    state: Running
    since: datetime | None
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Channel:
    """A way in.

    Attributes:
        name: such as ``mllp``, ``folder:ward`` or ``rest:his``.
        hours: messages by hour (its beginning, in UTC).
        count: messages of these hours.
        unusable: of them those answered AE; they wait in quarantine.
        refused: of them those answered AR.
        last: when the last one came; None: not among the newest that were looked at.
    """

    name: str
    hours: Mapping[datetime, int]
    count: int
    unusable: int
    refused: int
    last: datetime | None


@dataclass(frozen=True, slots=True)
class Destination:
    """A way back.

    Attributes:
        name: in the settings.
        waiting: results that wait; ``oldest``: since when the first of them does.
        failed: results that were refused or could not be written.
        sent: results that arrived.
    """

    name: str
    waiting: int
    oldest: datetime | None
    failed: int
    sent: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How inbox, quarantine and ways back stand.

    Attributes:
        queue: messages that wait to be applied, what became of the others, alerts that stand.
        reasons: messages that wait for a person, by reason, the most frequent first.
        destinations: the ways back.
    """

    queue: Queue
    reasons: Mapping[str, int]
    destinations: Sequence[Destination]


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A result that its destination did not want, or that could not be written.

    Attributes:
        id: of its row.
        destination: its name.
        created: when it was made.
        case_id: Grouper's own id of the stay; None: it is not known any more.
        version: of the stay.
        attempts: how often it was tried.
        answer: what the destination said.
        again: whether it can be sent once more.
    """

    id: int
    destination: str
    created: datetime
    case_id: str | None
    version: int
    attempts: int
    answer: str
    again: bool


def processes(settings: Settings, principal: Principal, at: datetime) -> list[Process]:
    """The processes in the order in which they are started.

    Raises:
        AccessError: ``NOT_ALLOWED``.
    """
    demand(principal, Right.METRICS)
    told = {one.process: one for one in status.read(settings.folder)}
    off = {
        "forecaster": not settings.forecast.on,
        "auditor": not settings.audit.on,
        "clerk": not settings.clerk.on,
        "pages": not (settings.pages.on and at_hand("pages")),
    }
    found = []
    for name in ORDER:
        one = told.get(name)
        if one is not None and one.alive(at):
            found.append(Process(name, Running.UP, one.since, one.values))
        elif off.get(name, False):
            found.append(Process(name, Running.OFF, None, {}))
        elif one is not None:
            found.append(Process(name, Running.SILENT, one.at, one.values))
        else:
            found.append(Process(name, Running.ABSENT, None, {}))
    return found


def channels(
    settings: Settings, database: Database, principal: Principal, at: datetime
) -> list[Channel]:
    """The ways in that are set up or were used of late, by name; replays are no way in.

    Raises:
        AccessError: ``NOT_ALLOWED``.
        StoreError: ``STORE_UNAVAILABLE``.
    """
    demand(principal, Right.METRICS)
    since = first_hour(at)
    rows: dict[str, list[Arrived]] = {name: [] for name in _set_up(settings)}
    for row in arrivals.arrived(database, since, interface_sizes().newest):
        if row.channel != REPLAY:
            rows.setdefault(row.channel, []).append(row)
    return [_channel(name, rows[name], since) for name in sorted(rows)]


def first_hour(at: datetime) -> datetime:
    """The first hour of the chart of messages, in UTC."""
    hour = at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return hour - timedelta(hours=interface_sizes().hours - 1)


def _set_up(settings: Settings) -> set[str]:
    """Channels of the listeners in the settings, as the listeners name them."""
    found = set()
    for name, options in settings.listeners.items():
        kind = str(options.get("kind", name))
        if kind == "folder":
            path = str(options.get("path", "")).rstrip("/")
            found.add(f"folder:{options.get('name') or path.rsplit('/', 1)[-1]}")
        else:
            found.add(str(options.get("channel", kind)))
    return found


def _channel(name: str, rows: Sequence[Arrived], since: datetime) -> Channel:
    hours: dict[datetime, int] = {}
    counts = dict.fromkeys(Verdict, 0)
    for row in rows:
        if row.hour >= since:
            hours[row.hour] = hours.get(row.hour, 0) + row.count
            counts[row.verdict] += row.count
    last = max((row.last for row in rows), default=None)
    unusable, refused = counts[Verdict.UNUSABLE], counts[Verdict.REFUSED]
    return Channel(name, hours, sum(counts.values()), unusable, refused, last)


def standing(settings: Settings, database: Database, principal: Principal) -> Standing:
    """How inbox, quarantine and ways back stand.

    Raises:
        AccessError: ``NOT_ALLOWED``.
        StoreError: ``STORE_UNAVAILABLE``.
    """
    demand(principal, Right.METRICS)
    with database.reading() as connection:
        reasons = outcomes.reasons(connection)
        oldest = outbox.oldest_waiting(connection)
        counts = outbox.counts(connection)
    names = sorted({*settings.destinations, *(name for name, _ in counts)})
    return Standing(
        queue_of(database),
        reasons,
        [
            Destination(
                name,
                counts.get((name, Delivery.WAITING), 0),
                oldest.get(name, (None, 0))[0],
                counts.get((name, Delivery.FAILED), 0),
                counts.get((name, Delivery.SENT), 0),
            )
            for name in names
        ],
    )


def alerts(database: Database, principal: Principal, limit: int) -> list[Alert]:
    """Alerts that have not ended, the newest first.

    Raises:
        AccessError: ``NOT_ALLOWED``.
        StoreError: ``STORE_UNAVAILABLE``.
    """
    demand(principal, Right.METRICS)
    return alerts_of(database, standing=True, limit=limit)


def undelivered(
    database: Database, principal: Principal, before: int | None, limit: int
) -> tuple[list[Undelivered], int | None]:
    """A page of failed results, the newest first, and where the next begins.

    Raises:
        AccessError: ``NOT_ALLOWED``.
        StoreError: ``STORE_UNAVAILABLE``.
    """
    demand(principal, Right.QUARANTINE)
    with database.reading() as connection:
        rows = outbox.failed_ones(connection, before=before, limit=limit + 1)
    shown = rows[:limit]
    cases = case_ids(database, [one.stay_id for one in shown])
    found = [
        Undelivered(
            one.id,
            one.destination,
            one.created,
            cases.get(one.stay_id),
            one.version,
            one.attempts,
            one.answer or "",
            bool(one.payload),
        )
        for one in shown
    ]
    return found, shown[-1].id if len(rows) > limit else None


def send_again(database: Database, principal: Principal, number: int, at: datetime) -> None:
    """Send a failed result once more; it is logged.

    Raises:
        AccessError: ``NOT_ALLOWED``.
        GrouperError: ``DELIVERY_SETTLED``: it does not stand as failed any more, or was never
            written as a message.
        StoreError: ``STORE_UNAVAILABLE``.
    """
    demand(principal, Right.QUARANTINE)
    with database.writing_store() as connection:
        if not outbox.again(connection, number, at):
            raise GrouperError("DELIVERY_SETTLED")
        audit.append(connection, principal.name, "delivery_again", f"delivery:{number}", {})
