"""Patients by the hospital's numbers: pseudonyms, what names them, and merged numbers.

``person.details``: ``{name: [value, stamp]}`` as the newest message says, and under ``also`` the
names and birth dates that were known before. They stay known, so that a message that waited does
not look like another person's.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from sqlalchemy import bindparam, insert, select, update

from grouper.case.record import Case
from grouper.intake.forms import IntakeError
from grouper.store.ids import Ids, blocks
from grouper.store.schema import person as table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import Connection, Row

    from grouper.store.journal import Journal

_ALSO = "also"
_TELLING = ("name", "birth_date")
"""Where both differ from all that is known, it is someone else."""


@dataclass(frozen=True, slots=True)
class Person:
    """A row of ``person``."""

    id: int
    pseudonym: str
    hospital: str
    patient: str
    merged_into: int | None
    details: Mapping[str, Any]
    stamp: int


def current(details: Mapping[str, Any]) -> dict[str, Any]:
    """What names the person now, by name (``name``, ``id_number``, ``birth_date``, ``sex``)."""
    return {name: said[0] for name, said in details.items() if name != _ALSO}


class Persons:
    """The patients that a chunk of messages speaks of, in memory.

    Args:
        connection: the writing transaction.
        journal: takes changes back when a message fails.
    """

    def __init__(self, connection: Connection, journal: Journal) -> None:
        self._connection = connection
        self._journal = journal
        self._ids = Ids(connection, table)
        self._by_id: dict[int, Person] = {}
        self._by_number: dict[tuple[str, str], int | None] = {}
        self._new: dict[int, None] = {}
        self._dirty: dict[int, None] = {}

    def load(self, hospital: str, patients: Iterable[str]) -> None:
        """Read those that are not in memory yet, in one question."""
        missing = [p for p in dict.fromkeys(patients) if (hospital, p) not in self._by_number]
        for block in blocks(missing):
            ask = select(table).where(table.c.hospital == hospital, table.c.patient.in_(block))
            for row in self._connection.execute(ask):
                self._keep(row)
        for patient in missing:
            self._by_number.setdefault((hospital, patient), None)

    def load_ids(self, ids: Iterable[int | None]) -> None:
        """Likewise by their ids."""
        missing = [i for i in dict.fromkeys(ids) if i is not None and i not in self._by_id]
        for block in blocks(missing):
            for row in self._connection.execute(select(table).where(table.c.id.in_(block))):
                self._keep(row)

    def _keep(self, row: Row[Any]) -> None:
        if row.id not in self._by_id:
            self._by_id[row.id] = Person(**row._mapping)  # noqa: SLF001 -- SQLAlchemy's public name
            self._by_number[row.hospital, row.patient] = row.id

    def root(self, number: int) -> Person:
        """The person that an id stands for, after all merges."""
        while True:
            self.load_ids((number,))
            found = self._by_id[number]
            if found.merged_into is None:
                return found
            number = found.merged_into

    def find(self, hospital: str, patient: str) -> Person | None:
        """The person of a number, after all merges; None when no message named it."""
        self.load(hospital, (patient,))
        number = self._by_number[hospital, patient]
        return None if number is None else self.root(number)

    def take(self, hospital: str, patient: str, stamp: int) -> Person:
        """As :meth:`find`; a number that is new becomes a person."""
        found = self.find(hospital, patient)
        return found or self._make(hospital, patient, stamp)

    def _make(
        self, hospital: str, patient: str, stamp: int, merged_into: int | None = None
    ) -> Person:
        made = Person(self._ids.take(), str(uuid4()), hospital, patient, merged_into, {}, stamp)
        self._journal.put(self._by_id, made.id, made)
        self._journal.put(self._by_number, (hospital, patient), made.id)
        self._journal.put(self._new, made.id, None)
        return made

    def _change(self, changed: Person) -> None:
        self._journal.put(self._by_id, changed.id, changed)
        if changed.id not in self._new:
            self._journal.put(self._dirty, changed.id, None)

    def describe(self, number: int, said: Mapping[str, Any], stamp: int) -> None:
        """Take down what a message says of who it is.

        Raises:
            IntakeError: ``PATIENT_CONFLICT``: name and birth date are both of someone else.
        """
        found = self._by_id[number]
        said = {name: value for name, value in said.items() if value is not None and value != ""}
        if not said:
            return
        _same_person(found.details, said)
        details = dict(found.details)
        for name, value in said.items():
            known = details.get(name)
            if known is not None and known[1] > stamp:
                _also(details, name, value)
                continue
            details[name] = [value, stamp]
            if known is not None:
                _also(details, name, known[0])
        if details != found.details:
            self._change(replace(found, details=details, stamp=max(stamp, found.stamp)))

    def merge(self, hospital: str, prior: str, patient: str, stamp: int) -> tuple[int, int] | None:
        """Two numbers become one person.

        A prior number that no message named yet is remembered: what comes under it later belongs
        to the person as well.

        Returns:
            Ids of the person that ends and of the one that goes on; None when nothing moves.
        """
        survivor = self.take(hospital, patient, stamp)
        ending = self.find(hospital, prior)
        if ending is None:
            self._make(hospital, prior, stamp, merged_into=survivor.id)
            return None
        if ending.id == survivor.id:
            return None
        details = dict(survivor.details)
        for name, known in ending.details.items():
            if name != _ALSO:
                details.setdefault(name, known)
        for name in _TELLING:
            for value in _known(ending.details, name):
                _also(details, name, value)
        if details != survivor.details:
            self._change(replace(survivor, details=details))
        self._change(replace(ending, merged_into=survivor.id, stamp=max(stamp, ending.stamp)))
        return ending.id, survivor.id

    def flush(self) -> None:
        """Write what is new or changed."""
        if self._new:
            self._connection.execute(insert(table), [_row(self._by_id[i]) for i in self._new])
        if self._dirty:
            change = (
                update(table)
                .where(table.c.id == bindparam("of"))
                .values({c: bindparam(c) for c in ("merged_into", "details", "stamp")})
            )
            rows = []
            for number in self._dirty:
                row = _row(self._by_id[number])
                rows.append(
                    {"of": number, **{c: row[c] for c in ("merged_into", "details", "stamp")}}
                )
            self._connection.execute(change, rows)
        self._new.clear()
        self._dirty.clear()


def _row(found: Person) -> dict[str, Any]:
    return {name: getattr(found, name) for name in table.c.keys()}  # noqa: SIM118 -- no mapping


def _known(details: Mapping[str, Any], name: str) -> list[Any]:
    """All values of a name that were ever said, the newest first."""
    now = [details[name][0]] if name in details else []
    return [*now, *details.get(_ALSO, {}).get(name, ())]


def _also(details: dict[str, Any], name: str, value: object) -> None:
    """Keep a name or birth date that does not count any more."""
    if name in _TELLING and (name not in details or details[name][0] != value):
        also = details.get(_ALSO, {})
        if value not in also.get(name, ()):
            details[_ALSO] = {**also, name: [*also.get(name, ()), value]}


def _same_person(details: Mapping[str, Any], said: Mapping[str, Any]) -> None:
    for name in _TELLING:
        if name not in said or name not in details:
            return
        known = _known(details, name)
        if said[name] in known:
            return
        read = {_read(name, value) for value in known} - {None}
        if not read or _read(name, said[name]) in {None, *read}:
            return
    raise IntakeError("PATIENT_CONFLICT", place="patient")


def _read(name: str, value: object) -> object:
    """A name or date for comparison: width, blanks and case mean nothing; None: unreadable."""
    if name == "birth_date":
        return Case.from_mapping({name: value})[0].birth_date
    folded = unicodedata.normalize("NFKC", str(value)).casefold()
    return "".join(folded.split()) or None
