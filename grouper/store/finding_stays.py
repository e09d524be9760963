"""Stays by the numbers that an insurer's list names them by: many at once.

A stay that was merged into another is told as the one that goes on.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from grouper.store.ids import blocks
from grouper.store.schema import person, stay, stay_version

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection

_NUL = "\x00"
"""Is in no number, and PostgreSQL takes none."""


@dataclass(frozen=True, slots=True)
class Found:
    """A stay.

    Attributes:
        id, case_id, department, version: as in the table.
        admitted, discharged: when.
        person: pseudonym of the patient; None: not said.
    """

    id: int
    case_id: str
    department: str | None
    version: int
    admitted: datetime | None
    discharged: datetime | None
    person: str | None


def by_case_id(connection: Connection, hospital: str, ids: Iterable[str]) -> dict[str, set[int]]:
    """Rows of the stays of case ids."""
    return _by(connection, stay.c.case_id, hospital, ids)


def by_visit(connection: Connection, hospital: str, visits: Iterable[str]) -> dict[str, set[int]]:
    """Rows of the stays of the hospital's numbers of visits."""
    return _by(connection, stay.c.visit, hospital, visits)


def by_patient(
    connection: Connection, hospital: str, patients: Iterable[str]
) -> dict[str, set[int]]:
    """Rows of all stays of the hospital's numbers of patients, merged ones among them."""
    c = person.c
    of: dict[str, int] = {}
    for block in blocks(_clean(patients)):
        ask = select(c.patient, c.id).where(c.hospital == hospital, c.patient.in_(block))
        of |= {row.patient: row.id for row in connection.execute(ask)}
    roots = _ends(connection, c.id, c.merged_into, set(of.values()))
    stays: dict[int, set[int]] = defaultdict(set)
    for part in blocks(sorted(set(roots.values()))):
        ask_stays = select(stay.c.person_id, stay.c.id).where(stay.c.person_id.in_(part))
        for person_id, number in connection.execute(ask_stays):
            stays[person_id].add(number)
    ends = _ends(connection, stay.c.id, stay.c.merged_into, {n for s in stays.values() for n in s})
    return {
        number: {ends[one] for one in stays[roots[row]]}
        for number, row in of.items()
        if stays.get(roots[row])
    }


def by_extra(
    connection: Connection, hospital: str, paths: Sequence[str], values: Iterable[str]
) -> dict[str, set[int]]:
    """Rows of the stays whose record says one of some values at one of some paths, in any version.

    It reads every version of the hospital's stays, for the record has no index.

    Args:
        connection: a reading transaction.
        hospital: code.
        paths: of what a message says beside the case, such as ``2304.setlinfo.setl_id``.
        values: that are looked for.
    """
    found: dict[str, set[int]] = defaultdict(set)
    for block in blocks(_clean(values)):
        for path in paths:
            said = stay_version.c.record["extra", path, 0].as_string()
            ask = (
                select(said, stay_version.c.stay_id)
                .join_from(stay_version, stay, stay.c.id == stay_version.c.stay_id)
                .where(stay.c.hospital == hospital, said.in_(block))
                .distinct()
            )
            for value, number in connection.execute(ask):
                found[value].add(number)
    return _merged(connection, found)


def told(connection: Connection, stays: Collection[int]) -> dict[int, Found]:
    """What is to be known of some stays, by their rows."""
    found: dict[int, Found] = {}
    for block in blocks(sorted(stays)):
        c = stay.c
        ask = (
            select(
                *(c.id, c.case_id, c.department, c.version, c.admitted, c.discharged),
                person.c.pseudonym,
            )
            .outerjoin_from(stay, person, person.c.id == c.person_id)
            .where(c.id.in_(block))
        )
        found |= {row.id: Found(*row) for row in connection.execute(ask)}
    return found


def _by(
    connection: Connection, column: ColumnElement[str], hospital: str, values: Iterable[str]
) -> dict[str, set[int]]:
    found: dict[str, set[int]] = defaultdict(set)
    for block in blocks(_clean(values)):
        ask = select(column, stay.c.id).where(stay.c.hospital == hospital, column.in_(block))
        for value, number in connection.execute(ask):
            found[value].add(number)
    return _merged(connection, found)


def _clean(values: Iterable[str]) -> list[str]:
    return sorted({one for one in values if _NUL not in one})


def _merged(connection: Connection, found: Mapping[str, set[int]]) -> dict[str, set[int]]:
    """The same with the stays that go on in the place of those that were merged."""
    every = {number for numbers in found.values() for number in numbers}
    ends = _ends(connection, stay.c.id, stay.c.merged_into, every)
    return {value: {ends[number] for number in numbers} for value, numbers in found.items()}


def _ends(
    connection: Connection,
    key: ColumnElement[int],
    merged: ColumnElement[int],
    numbers: Collection[int],
) -> dict[int, int]:
    """Where the rows went that were merged into others; a row that was not goes to itself."""
    ends = {number: number for number in numbers}
    ahead = set(numbers)
    while ahead:
        step: dict[int, int] = {}
        for block in blocks(sorted(ahead)):
            ask = select(key, merged).where(key.in_(block), merged.is_not(None))
            step |= {row[0]: row[1] for row in connection.execute(ask)}
        ends = {number: step.get(end, end) for number, end in ends.items()}
        ahead = set(step.values())
    return ends
