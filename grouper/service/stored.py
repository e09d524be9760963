"""What the routes ask of the store, in the shapes that they need.

Reach is kept here: a case of a department that the account may not see is not found.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from grouper.service.cds.cards import Reference
from grouper.service.cds.tables import limits
from grouper.service.forecast_telling import last_whole_day, telling
from grouper.service.problems import ServiceError
from grouper.store import audit, forecasts, history, outbox, outcomes, reading, showing
from grouper.store.inbox import Inbox
from grouper.store.reading import Cursor, Wanted
from grouper.store.reference import reference
from grouper.store.schema import now
from grouper.store.states import StayState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from grouper.case.issues import Issue
    from grouper.case.record import Case
    from grouper.intake.record import Record
    from grouper.service.audit_queue import Entry
    from grouper.store.database import Database
    from grouper.store.database import Writing as Reading
    from grouper.store.groupings import GroupingRow
    from grouper.store.history import Version
    from grouper.store.reading import StayHead, Who
    from grouper.store.showing import Alert

Reach = tuple[str, ...] | None
"""Departments whose cases may be seen; None: all."""


_LONGEST = 40
"""Characters of two numbers of 62 bits and what parts them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """A stored stay in one of its versions.

    Attributes:
        head: as it is now.
        version: the one asked for.
        case: as it was at this version.
        issues: of its values.
        groupings: of this version.
    """

    head: StayHead
    version: int
    case: Case
    issues: Sequence[Issue]
    groupings: Sequence[GroupingRow]

    @property
    def case_id(self) -> str:
        """Grouper's own name of it."""
        return self.head.case_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """How the inbox and the ways back stand.

    Attributes:
        length: messages stored and not yet applied.
        oldest_seconds: how long the oldest of them has waited.
        outcomes: messages by what became of them.
        deliveries: results on their way back, by state.
        alerts: alerts that have not ended, by kind.
    """

    length: int
    oldest_seconds: float
    outcomes: Mapping[str, int]
    deliveries: Mapping[str, int]
    alerts: Mapping[str, int]


def cursor_of(written: str | None) -> Cursor | None:
    """Where a page ended, as :func:`cursor_text` wrote it.

    Raises:
        ServiceError: ``CURSOR_INVALID``.
    """
    if written is None:
        return None
    changed, _, number = written.partition(".")
    if len(written) > _LONGEST or not (
        changed.isascii() and changed.isdigit() and number.isascii() and number.isdigit()
    ):
        raise ServiceError("CURSOR_INVALID")
    found = Cursor(int(changed), int(number))
    if max(found.changed, found.id) >= 1 << 62:
        raise ServiceError("CURSOR_INVALID")
    return found


def cursor_text(cursor: Cursor | None) -> str | None:
    """Where a page ended, to be given back."""
    return None if cursor is None else f"{cursor.changed}.{cursor.id}"


def within(reach: Reach, head: StayHead | None) -> bool:
    """Whether a stay is there and may be seen."""
    return head is not None and (reach is None or head.department in reach)


def find_stays(
    database: Database, reach: Reach, wanted: Wanted, after: str | None, limit: int
) -> tuple[list[StayHead], str | None]:
    """A page of stays within reach, and where the next one begins.

    Raises:
        ServiceError: ``CURSOR_INVALID``.
        StoreError: ``STORE_UNAVAILABLE``.
    """
    if reach is not None:
        asked = reach if wanted.departments is None else wanted.departments
        wanted = replace(wanted, departments=[one for one in asked if one in reach])
    cursor = cursor_of(after)
    with database.reading() as connection:
        found, ended = reading.stays(connection, wanted, cursor, limit)
    return found, cursor_text(ended)


def head_of_case(database: Database, case_id: str, reach: Reach) -> StayHead:
    """A stay as it is now.

    Raises:
        ServiceError: ``STORED_CASE_UNKNOWN``, also for one out of reach.
        StoreError: ``STORE_UNAVAILABLE``.
    """
    with database.reading() as connection:
        return _head(connection, case_id, reach)


def _head(connection: Reading, case_id: str, reach: Reach) -> StayHead:
    # A NUL is in no id, and PostgreSQL takes none.
    head = None if "\x00" in case_id else reading.stay_by_case(connection, case_id)
    if head is None or not within(reach, head):
        raise ServiceError("STORED_CASE_UNKNOWN")
    return head


def stay_of_case(
    database: Database, case_id: str, reach: Reach, version: int | None = None
) -> Stay:
    """A stay at a version (None: the newest).

    Raises:
        ServiceError: ``STORED_CASE_UNKNOWN`` or ``STORED_VERSION_UNKNOWN``.
        StoreError: ``STORE_UNAVAILABLE``.
    """
    with database.reading() as connection:
        head = _head(connection, case_id, reach)
        return _stay(connection, head, head.version if version is None else version)


def _stay(connection: Reading, head: StayHead, version: int) -> Stay:
    if not 1 <= version <= head.version:
        raise ServiceError("STORED_VERSION_UNKNOWN")
    case, issues = history.case_at(connection, head.id, version)
    groupings = showing.groupings(connection, head.id, version)
    return Stay(head=head, version=version, case=case, issues=issues, groupings=groupings)


def merged_into(database: Database, head: StayHead) -> str | None:
    """The case that goes on in the place of one that was merged."""
    if head.merged_into is None:
        return None
    with database.reading() as connection:
        return showing.case_ids(connection, [head.merged_into]).get(head.merged_into)


def versions_of(database: Database, head: StayHead) -> list[tuple[Version, list[GroupingRow]]]:
    """The versions of a stay with their groupings, the newest first.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``.
    """
    with database.reading() as connection:
        groupings = showing.groupings(connection, head.id)
        found = history.versions(connection, head.id)
    return [
        (one, [row for row in groupings if row.version == one.version]) for one in reversed(found)
    ]


def lines_of(database: Database, stay: Stay, start: int, limit: int) -> list[dict[str, Any]]:
    """The charge lines that stand at a version, from a place on; their typed values.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``.
    """
    with database.reading() as connection:
        lines = history.lines_at(connection, stay.head.id, stay.version)
        return history.typed_lines(connection, lines[start : start + limit])


def person_of(database: Database, head: StayHead) -> Who | None:
    """Who the patient is, as far as a message said.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``.
    """
    if head.person_id is None:
        return None
    with database.reading() as connection:
        return reading.who(connection, head.person_id)


def record_of(database: Database, stay: Stay) -> Record:
    """The running record of a stay at its version.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``.
    """
    with database.reading() as connection:
        return history.record_at(connection, stay.head.id, stay.version)


def stay_of_visit(
    database: Database, hospital: str, visit: str, patient: str, reach: Reach
) -> tuple[Stay | None, bool]:
    """The stay of the hospital's number, if it is the patient's.

    Args:
        database: the store.
        hospital: code of the hospital.
        visit: number of the stay.
        patient: number of the patient, also one that was merged into another.
        reach: departments.

    Returns:
        The stay within reach, and whether it is another patient's (then it is None).
    """
    with database.reading() as connection:
        head = reading.stay_by_visit(connection, hospital, visit)
        if head is None or not head.version or not within(reach, head):
            return None, False
        if head.patient not in (None, patient):
            own = reading.stays_of_patient(connection, hospital, patient)
            if all(one.id != head.id for one in own):
                return None, True
        return _stay(connection, head, head.version), False


def reference_of(database: Database, scheme: str, group: str) -> Reference | None:
    """What the hospital's own stays of a group cost, over the last days that the limits name.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``.
    """
    until = now()
    since = until - timedelta(days=limits().reference_days)
    with database.reading() as connection:
        found = reference(connection, scheme, group, since, until)
    return None if found.mean_cost is None else Reference(found.costed, found.mean_cost)


def forecast_of(database: Database, head: StayHead) -> Mapping[str, Any] | None:
    """The forecast of a running stay as it is kept; None: there is none, or it is too old to be shown.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``.
    """
    if head.state != StayState.RUNNING:
        return None
    with database.reading() as connection:
        found = forecasts.newest(connection, head.id)
    if found is None or (last_whole_day(now()) - found.as_of).days >= telling().card_days:
        return None
    return found.document


def case_ids(database: Database, stays: Sequence[int]) -> dict[int, str]:
    """Grouper's own names of stays, by their rows."""
    if not stays:
        return {}
    with database.reading() as connection:
        return showing.case_ids(connection, stays)


def alerts_of(database: Database, *, standing: bool, limit: int) -> list[Alert]:
    """Alerts, the newest first."""
    with database.reading() as connection:
        return showing.alerts(connection, standing=standing, limit=limit)


def audit_of(
    database: Database,
    *,
    before: int | None,
    object_: str | None,
    actor: str | None,
    limit: int,
) -> list[audit.Entry]:
    """Entries of the audit log, the newest first (:func:`grouper.store.audit.entries`)."""
    with database.reading() as connection:
        return audit.entries(connection, before=before, object=object_, actor=actor, limit=limit)


def queue_of(database: Database) -> Queue:
    """How the inbox and the ways back stand.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``.
    """
    with database.reading() as connection:
        position = outcomes.position_of(connection)
        states = {state.value: count for state, count in outcomes.counts(connection).items()}
        alerts = showing.standing_alerts(connection)
        deliveries: dict[str, int] = {}
        for (_, state), count in outbox.counts(connection).items():
            deliveries[state] = deliveries.get(state, 0) + count
    length, oldest = Inbox(database).waiting(position)
    return Queue(
        length=length,
        oldest_seconds=0.0 if oldest is None else max((now() - oldest).total_seconds(), 0.0),
        outcomes=states,
        deliveries=deliveries,
        alerts=alerts,
    )


def write_looks(database: Database, entries: Sequence[Entry]) -> None:
    """Write entries of the audit log in one transaction.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``; none is written.
    """
    with database.writing_store() as connection:
        for one in entries:
            audit.append(connection, one.actor, one.action, one.object, one.about)
