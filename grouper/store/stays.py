"""Events into stays: the one place where what messages say becomes what is kept."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from grouper.case.fields import FIELDS
from grouper.case.issues import Severity, shown
from grouper.intake.event import EventKind
from grouper.intake.forms import IntakeError
from grouper.intake.record import cancelled, case_of, join, merge, said
from grouper.store.bills import Bills
from grouper.store.heads import Heads, Stay
from grouper.store.journal import Journal
from grouper.store.lines import prefix_of, total
from grouper.store.persons import Persons
from grouper.store.plain import issue_json, plain, usable
from grouper.store.states import StayState

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy import Connection

    from grouper.case.record import Case
    from grouper.intake.event import Event

_HOSPITAL = 64
_DEPARTMENT, _KIND = 128, 16
"""Characters of a head's department and kind; the record has them whole."""
_MONEY = Decimal(10) ** 14
"""No sum that reaches it can be kept; no bill is that high, wrong lines may be."""


@dataclass(slots=True)
class _Message:
    """What one message does while it is applied."""

    id: int
    stamp: int
    at: datetime
    stays: dict[int, None] = field(default_factory=dict)
    before: dict[int, Stay] = field(default_factory=dict)
    lines: dict[int, int] = field(default_factory=dict)
    issues: dict[int, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))


class Applier:
    """Applies messages inside one transaction of the store and writes what came of them.

    What it loads and changes is kept in memory until :meth:`flush`; the object ends with its
    transaction.

    Args:
        connection: of :meth:`grouper.store.database.Database.writing_store`.
        hospital: code of the hospital of events that name none.

    Attributes:
        rejected: events of the last message that say that a part of it could not be read.
    """

    def __init__(self, connection: Connection, hospital: str) -> None:
        self._hospital = hospital
        self._journal = Journal()
        self._heads = Heads(connection, self._journal)
        self._bills = Bills(connection, self._journal)
        self._persons = Persons(connection, self._journal)
        self._touched: dict[int, None] = {}
        self.rejected: tuple[Event, ...] = ()

    def foresee(self, visits: Iterable[str], patients: Iterable[str]) -> None:
        """Load at once what messages to come will ask for; nothing depends on it but speed."""
        self._foresee(self._hospital, visits, patients)

    def _foresee(self, hospital: str, visits: Iterable[str], patients: Iterable[str]) -> None:
        self._heads.load(hospital, filter(None, visits))
        self._persons.load(hospital, filter(None, patients))
        self._persons.load_ids(stay.person_id for stay in self._heads.known())

    def apply(
        self, events: Iterable[Event], message_id: int, stamp: int, at: datetime
    ) -> tuple[int, ...]:
        """Apply one message, wholly or not at all.

        Args:
            events: what it says; an error that is raised while they are read changes nothing.
            message_id: its number in the inbox.
            stamp: its place among all messages: its number, of a replay the original's.
            at: when it is applied.

        Returns:
            The stays it speaks of, by id.

        Raises:
            IntakeError: ``PATIENT_CONFLICT``, ``MERGE_TO_ITSELF``, ``MERGE_INCOMPLETE``,
                ``PATIENT_MISSING``, ``VISIT_MISSING``, ``NUMBER_UNUSABLE``,
                ``MESSAGE_UNREADABLE``.
        """
        known = [_usable(event) for event in events]
        if len(known) > 1:
            for hospital in {event.hospital or self._hospital for event in known}:
                of = [e for e in known if (e.hospital or self._hospital) == hospital]
                self._foresee(hospital, (e.visit for e in of), (e.patient for e in of))
        message = _Message(message_id, stamp, at)
        self._journal.begin()
        try:
            for event in known:
                self._event(event, message)
            for stay in message.before:
                self._close(stay, message)
        except BaseException:
            self._journal.undo()
            raise
        self.rejected = tuple(event for event in known if event.kind is EventKind.REJECTED)
        return tuple(message.stays)

    @property
    def touched(self) -> tuple[Stay, ...]:
        """Stays that got a new version and were not merged away, as they are now."""
        found = (self._heads.get(number) for number in self._touched)
        return tuple(stay for stay in found if stay.merged_into is None)

    def case(self, stay: Stay, *, lines: bool = True) -> Case:
        """The Case of a stay that this chunk touched.

        Args:
            stay: out of :attr:`touched`.
            lines: with its charge lines; a long bill takes time to read.
        """
        billed = self._bills.all(stay.id).values() if lines else ()
        person = None if stay.person_id is None else self._persons.root(stay.person_id).pseudonym
        stated = {"case_id": stay.case_id, "person": person, "hospital": stay.hospital}
        about = [row.about for row in billed]
        return case_of(stay.record, about, stay.total_cost, **stated)[0]

    def flush(self) -> None:
        """Write everything; afterwards more messages may be applied."""
        self._persons.flush()
        self._heads.flush()
        self._bills.flush()

    def _event(self, event: Event, message: _Message) -> None:
        match event.kind:
            case EventKind.STAY:
                self._stay(event, message)
            case EventKind.PERSON:
                if not event.patient:
                    raise IntakeError("PATIENT_MISSING", place="patient")
                hospital = event.hospital or self._hospital
                person = self._persons.take(hospital, event.patient, message.stamp)
                self._persons.describe(person.id, event.person, message.stamp)
            case EventKind.MERGE_PERSON:
                self._merge_persons(event, message)
            case EventKind.MERGE_VISIT:
                self._merge_visits(event, message)
            case _:
                return

    def _stay(self, event: Event, message: _Message) -> Stay:
        if not event.visit:
            raise IntakeError("VISIT_MISSING", place="visit")
        hospital = event.hospital or self._hospital
        chain = self._heads.chain(hospital, event.visit)
        stay = chain[-1] if chain else self._make(hospital, event.visit, message)
        self._hold(stay, message)
        if event.patient:
            person = self._persons.take(hospital, event.patient, message.stamp)
            stay = self._whose(stay, person.id)
            self._persons.describe(person.id, event.person, message.stamp)
        elif event.person and stay.person_id is not None:
            # A list that states no patient number still says who the stay's patient is.
            known = self._persons.root(stay.person_id)
            self._persons.describe(known.id, event.person, message.stamp)
        record = merge(stay.record, event, message.stamp)
        if event.lines or event.lines_whole:
            prefix = ""
            for ended in chain[:-1]:
                prefix = prefix_of(ended.id, prefix)
            done = self._bills.put(
                stay.id, prefix, event.lines, whole=event.lines_whole, stamp=message.stamp
            )
            stay = self._billed(stay, done.amount)
            message.issues[stay.id] += done.issues
            if not event.facts and event.dx is None and event.px is None:
                message.issues[stay.id] += _unknown(event.unknown)
            if done.changed:
                message.lines[stay.id] = done.until
        changed = replace(stay, record=record)
        self._heads.change(changed)
        return changed

    def _make(self, hospital: str, visit: str, message: _Message) -> Stay:
        made = self._heads.make(hospital, visit, message.at)
        self._bills.fresh(made.id)
        return made

    def _hold(self, stay: Stay, message: _Message) -> None:
        message.stays[stay.id] = None
        message.before.setdefault(stay.id, stay)

    def _whose(self, stay: Stay, person: int) -> Stay:
        """The stay as one of a person; by root ids."""
        if stay.person_id is not None and self._persons.root(stay.person_id).id != person:
            raise IntakeError("PATIENT_CONFLICT", place="visit")
        return replace(stay, person_id=person)

    def _billed(self, stay: Stay, amount: Decimal | None) -> Stay:
        """The stay after the sum of its lines moved."""
        if amount is None or not stay.bill_known:
            return stay
        return replace(stay, bill=(stay.bill or Decimal(0)) + amount)

    def _merge_persons(self, event: Event, message: _Message) -> None:
        if not event.patient:
            raise IntakeError("PATIENT_MISSING", place="patient")
        if not event.prior_patient:
            raise IntakeError("MERGE_INCOMPLETE", place="prior_patient")
        if event.prior_patient == event.patient:
            raise IntakeError("MERGE_TO_ITSELF", place="prior_patient")
        hospital = event.hospital or self._hospital
        moved = self._persons.merge(hospital, event.prior_patient, event.patient, message.stamp)
        if moved is not None:
            message.stays.update(dict.fromkeys(self._heads.move(*moved, message.at)))
        person = self._persons.take(hospital, event.patient, message.stamp)
        self._persons.describe(person.id, event.person, message.stamp)

    def _merge_visits(self, event: Event, message: _Message) -> None:
        if not event.prior_visit:
            raise IntakeError("MERGE_INCOMPLETE", place="prior_visit")
        if event.prior_visit == event.visit:
            raise IntakeError("MERGE_TO_ITSELF", place="prior_visit")
        stay = self._stay(event, message)
        hospital = event.hospital or self._hospital
        chain = self._heads.chain(hospital, event.prior_visit)
        prior = chain[-1] if chain else self._make(hospital, event.prior_visit, message)
        message.stays[prior.id] = None
        if prior.id == stay.id:
            return
        if prior.person_id is not None:
            stay = self._whose(stay, self._persons.root(prior.person_id).id)
        done = self._bills.move(prior.id, stay.id, prefix_of(prior.id))
        if done.changed:
            message.lines[stay.id] = done.until
        stay = self._billed(stay, done.amount)
        self._heads.change(replace(stay, record=join(stay.record, prior.record)))
        message.before.pop(prior.id, None)
        ended = replace(prior, merged_into=stay.id, state=StayState.MERGED, changed=message.at)
        self._heads.change(ended)

    def _close(self, number: int, message: _Message) -> None:
        """Make the version that a message comes to, if it says anything new of a stay."""
        before, stay = message.before[number], self._heads.get(number)
        apart = not before.version or said(before.record) != said(stay.record)
        billed = number in message.lines
        if not apart and not billed:
            if stay.record != before.record:
                self._heads.keep_record(stay)
            return
        version = stay.version + 1
        stay = replace(
            stay,
            version=version,
            changed=message.at,
            holder=version if apart else stay.holder,
            lines_until=message.lines.get(number, stay.lines_until),
        )
        if apart:
            stay = self._read(stay)
        elif stay.record != before.record:
            self._heads.keep_record(stay)
        stay = self._priced(stay)
        self._heads.change(stay)
        self._heads.add_version(stay, message.id, [*stay.issues, *message.issues[number]])
        self._touched[number] = None

    def _read(self, stay: Stay) -> Stay:
        """The stay's head as its record says."""
        case, issues = case_of(stay.record)
        state = StayState.DISCHARGED if case.discharge_time else StayState.RUNNING
        return replace(
            stay,
            state=StayState.CANCELLED if cancelled(stay.record) else state,
            kind=case.kind[:_KIND],
            department=(case.department or case.admission_department or "")[:_DEPARTMENT] or None,
            admitted=case.admission_time,
            discharged=case.discharge_time,
            stated=case.total_cost,
            issues=[*map(issue_json, issues), *_unknown(stay.record.get("unknown", ((), 0))[0])],
        )

    def _priced(self, stay: Stay) -> Stay:
        """The stay with its total: as stated, else the sum of its lines."""
        if stay.stated is None and not stay.bill_known:
            bill = total(self._bills.all(stay.id).values())
            stay = replace(stay, bill=bill, bill_known=True)
        found = stay.bill if stay.stated is None else stay.stated
        return replace(
            stay, total_cost=None if found is not None and abs(found) >= _MONEY else found
        )


def _usable(event: Event) -> Event:
    """The event with values that every database takes, if its numbers can be kept as they are."""
    for name in ("patient", "visit", "prior_patient", "prior_visit"):
        usable(getattr(event, name), name)
    usable(event.hospital, "hospital", _HOSPITAL)
    for line in event.lines:
        usable(line.key, "line")
    return plain(event)


def _unknown(places: Iterable[tuple[str, str]]) -> list[dict[str, Any]]:
    """Codes that the form's code lists do not know, as issues."""
    return [
        {
            "field": "",
            "reason": "VALUE_UNKNOWN",
            "severity": str(Severity.WARNING),
            "value": shown(value, FIELDS["department"]),
            "place": place,
        }
        for place, value in places
    ]
