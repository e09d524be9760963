"""The heads of stays in memory: read once for a chunk of messages, written once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from sqlalchemy import bindparam, insert, select, tuple_, update

from grouper.case.record import Case
from grouper.store.ids import Ids, blocks
from grouper.store.schema import stay as table
from grouper.store.schema import stay_version as versions
from grouper.store.states import StayState

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from decimal import Decimal

    from sqlalchemy import ColumnElement, Connection

    from grouper.intake.record import Record
    from grouper.store.journal import Journal

SAME_AS = "as"
"""A version's record ``{"as": n}`` is that of version ``n``."""
_CHANGING = (
    "person_id",
    "merged_into",
    "state",
    "kind",
    "department",
    "admitted",
    "discharged",
    "version",
    "changed",
    "total_cost",
)


@dataclass(frozen=True, slots=True)
class Stay:
    """A stay as it is now.

    Attributes:
        id: of its row.
        case_id: a random UUID; Grouper's own name of it.
        hospital: code of the hospital.
        visit: the hospital's number; private.
        person_id: whose it is, if a message said so.
        merged_into: the stay that goes on in its place.
        state: where it stands.
        kind: as in the Case.
        department: of discharge, before that of admission; its first 128 characters.
        admitted: when.
        discharged: when; of a visit its time.
        version: number of its newest version; 0: none yet.
        changed: when that version was made, or it moved to another person.
        total_cost: as stated, else the sum of its charge lines, in yuan.
        record: the running record (:mod:`grouper.intake.record`).
        holder: the version whose row holds the record.
        lines_until: the last row of a charge line that belongs to the version.
        issues: what is wrong with the values of the record, as JSON.
        stated: the total as messages state it.
        bill: sum of the charge lines; None: none has an amount.
        bill_known: whether ``bill`` was summed up.
    """

    id: int
    case_id: str
    hospital: str
    visit: str
    changed: datetime
    person_id: int | None = None
    merged_into: int | None = None
    state: str = StayState.RUNNING
    kind: str = "inpatient"
    department: str | None = None
    admitted: datetime | None = None
    discharged: datetime | None = None
    version: int = 0
    total_cost: Decimal | None = None
    record: Record = field(default_factory=dict)
    holder: int = 0
    lines_until: int = 0
    issues: Sequence[dict[str, Any]] = ()
    stated: Decimal | None = None
    bill: Decimal | None = None
    bill_known: bool = True


class Heads:
    """The stays that a chunk of messages speaks of, in memory.

    Args:
        connection: the writing transaction.
        journal: takes changes back when a message fails.
    """

    def __init__(self, connection: Connection, journal: Journal) -> None:
        self._connection = connection
        self._journal = journal
        self._ids = Ids(connection, table)
        self._by_id: dict[int, Stay] = {}
        self._by_visit: dict[tuple[str, str], int | None] = {}
        self._new: dict[int, None] = {}
        self._dirty: dict[int, None] = {}
        self._records: dict[tuple[int, int], Record] = {}
        self._versions: list[dict[str, Any]] = []
        self._moves: list[dict[str, Any]] = []

    def load(self, hospital: str, visits: Iterable[str]) -> None:
        """Read those that are not in memory yet, in one question."""
        missing = [v for v in dict.fromkeys(visits) if (hospital, v) not in self._by_visit]
        for block in blocks(missing):
            self._read((table.c.hospital == hospital) & table.c.visit.in_(block))
            for visit in block:
                self._by_visit.setdefault((hospital, visit), None)

    def _read(self, which: ColumnElement[bool]) -> None:
        v = versions.c
        newest = (v.stay_id == table.c.id) & (v.version == table.c.version)
        ask = (
            select(table, v.record, v.lines_until, v.issues)
            .outerjoin_from(table, versions, newest)
            .where(which)
        )
        found = [dict(row._mapping) for row in self._connection.execute(ask)]  # noqa: SLF001 -- SQLAlchemy's public name
        found = [row for row in found if row["id"] not in self._by_id]
        for row in found:
            row["record"] = row["record"] or {}
            row["holder"] = row["record"].get(SAME_AS, row["version"])
        apart = [(r["id"], r["holder"]) for r in found if r["holder"] != r["version"]]
        held: dict[int, Record] = {}
        if apart:
            asked = select(v.stay_id, v.record).where(tuple_(v.stay_id, v.version).in_(apart))
            held = {row.stay_id: row.record for row in self._connection.execute(asked)}
        for row in found:
            row.pop("grouping_id")
            row["record"] = held.get(row["id"], row["record"])
            row["lines_until"] = row["lines_until"] or 0
            row["issues"] = row["issues"] or ()
            stated = _stated(row["record"])
            bill = {"bill_known": False} if stated is not None else {"bill": row["total_cost"]}
            self._by_id[row["id"]] = Stay(**row, stated=stated, **bill)
            self._by_visit[row["hospital"], row["visit"]] = row["id"]

    def known(self) -> Iterable[Stay]:
        """Those in memory."""
        return self._by_id.values()

    def get(self, number: int) -> Stay:
        """The stay of an id."""
        if number not in self._by_id:
            self._read(table.c.id == number)
        return self._by_id[number]

    def chain(self, hospital: str, visit: str) -> list[Stay]:
        """The stay of a number, and those that it was merged into one after the other.

        Empty when no message named it.
        """
        self.load(hospital, (visit,))
        number = self._by_visit[hospital, visit]
        found: list[Stay] = []
        while number is not None:
            found.append(self.get(number))
            number = found[-1].merged_into
        return found

    def make(self, hospital: str, visit: str, at: datetime) -> Stay:
        """A stay of a number that no message named before."""
        made = Stay(self._ids.take(), str(uuid4()), hospital, visit, at)
        self._journal.put(self._by_id, made.id, made)
        self._journal.put(self._by_visit, (hospital, visit), made.id)
        self._journal.put(self._new, made.id, None)
        return made

    def change(self, changed: Stay) -> None:
        """Take down what a stay is now."""
        self._journal.put(self._by_id, changed.id, changed)
        if changed.id not in self._new:
            self._journal.put(self._dirty, changed.id, None)

    def keep_record(self, changed: Stay) -> None:
        """Write the record into the row that holds it: its stamps moved, its words did not."""
        self._journal.put(self._records, (changed.id, changed.holder), changed.record)

    def add_version(self, changed: Stay, message_id: int, issues: Sequence[dict[str, Any]]) -> None:
        """Add a row for the version that the stay has now."""
        if changed.holder == changed.version:
            self.keep_record(changed)
        row = {
            "stay_id": changed.id,
            "version": changed.version,
            "at": changed.changed,
            "message_id": message_id,
            "record": {SAME_AS: changed.holder},
            "lines_until": changed.lines_until,
            "issues": list(issues),
        }
        self._journal.add(self._versions, row)

    def move(self, ended: int, person: int, at: datetime) -> tuple[int, ...]:
        """Give all stays of a person to another one.

        Returns:
            Their ids.
        """
        asked = select(table.c.id).where(table.c.person_id == ended).order_by(table.c.id)
        found = [i for i in self._connection.execute(asked).scalars() if i not in self._by_id]
        known = [stay for stay in self._by_id.values() if stay.person_id == ended]
        for stay in known:
            self.change(replace(stay, person_id=person, changed=at))
        if found:
            self._journal.add(self._moves, {"ended": ended, "person": person, "when": at})
        return tuple(sorted([*found, *(stay.id for stay in known)]))

    def flush(self) -> None:
        """Write what is new or changed."""
        names = [name for name in table.c.keys() if name != "grouping_id"]  # noqa: SIM118 -- no mapping
        if self._new:
            rows = [{n: getattr(self._by_id[i], n) for n in names} for i in self._new]
            self._connection.execute(insert(table), rows)
        if self._dirty:
            change = update(table).where(table.c.id == bindparam("of"))
            rows = [
                {"of": i, **{n: getattr(self._by_id[i], n) for n in _CHANGING}} for i in self._dirty
            ]
            self._connection.execute(change.values({n: bindparam(n) for n in _CHANGING}), rows)
        if self._moves:
            change = update(table).where(table.c.person_id == bindparam("ended"))
            moved = change.values(person_id=bindparam("person"), changed=bindparam("when"))
            self._connection.execute(moved, self._moves)
        self._flush_versions()
        for pending in (self._new, self._dirty, self._moves):
            pending.clear()

    def _flush_versions(self) -> None:
        for row in self._versions:
            held = self._records.pop((row["stay_id"], row["version"]), None)
            if held is not None:
                row["record"] = held
        if self._versions:
            self._connection.execute(insert(versions), self._versions)
        if self._records:
            of = (versions.c.stay_id == bindparam("stay")) & (versions.c.version == bindparam("of"))
            rows = [{"stay": s, "of": n, "said": r} for (s, n), r in self._records.items()]
            self._connection.execute(
                update(versions).where(of).values(record=bindparam("said")), rows
            )
        self._versions.clear()
        self._records.clear()


def _stated(record: Record) -> Decimal | None:
    said = record.get("facts", {}).get("total_cost")
    if said is None or said[0] is None:
        return None
    return Case.from_mapping({"total_cost": said[0]})[0].total_cost
