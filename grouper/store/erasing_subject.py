"""Who a person is in the tables: every number that was merged into it, every stay, and all that is known of it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import and_, func, select

from grouper.store.database import StoreError
from grouper.store.erasing_needles import Needles
from grouper.store.ids import blocks
from grouper.store.review_schema import finding, finding_batch, finding_batch_row, order_check
from grouper.store.schema import person, stay, stay_version

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from sqlalchemy import Column, ColumnElement, Connection, Table

BY = ("patient", "visit", "case")
"""What a person may be asked for by."""
_NO_NAMES = ("birth_date", "sex", "also")
_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class Numbers:
    """How numbers are known.

    Attributes:
        least: as :attr:`Needles.least`.
        certificates: names in what tells who a person is, of numbers of one person alone.
        said: last parts of the paths of what messages say beside the case and is a number of the
            person or the stay, such as that of the settlement.
    """

    least: int
    certificates: tuple[str, ...]
    said: frozenset[str]


@dataclass(frozen=True, slots=True)
class Subject:
    """A person with all that stands under it: every number merged into it, every stay.

    Attributes:
        persons, stays, findings, list_rows, order_checks: ids of rows.
        cases: case ids of the stays.
        patients, visits: the hospital's numbers, each with the hospital's code.
        needles: what it is known by.
    """

    persons: tuple[int, ...]
    stays: tuple[int, ...]
    patients: tuple[tuple[str, str], ...]
    visits: tuple[tuple[str, str], ...]
    needles: Needles
    findings: tuple[int, ...] = ()
    list_rows: tuple[int, ...] = ()
    order_checks: tuple[int, ...] = ()
    cases: tuple[str, ...] = field(default=())


def find(connection: Connection, hospital: str, by: str, value: str, numbers: Numbers) -> Subject:
    """The person of a number.

    Args:
        connection: a reading transaction.
        hospital: code of the hospital.
        by: one of :data:`BY`.
        value: the number, or a case id.
        numbers: how numbers are known.

    Raises:
        StoreError: ``ERASE_UNKNOWN``.
    """
    persons: set[int] = set()
    stays: set[int] = set()
    if "\0" in value:
        raise StoreError("ERASE_UNKNOWN")
    if by == "patient":
        ask = select(person.c.id).where(person.c.hospital == hospital, person.c.patient == value)
        persons = set(connection.scalars(ask))
    else:
        own = stay.c.case_id == value
        if by == "visit":
            own = and_(stay.c.hospital == hospital, stay.c.visit == value)
        stays = set(connection.scalars(select(stay.c.id).where(own)))
    if not persons and not stays:
        raise StoreError("ERASE_UNKNOWN")
    return gather(connection, persons, stays, numbers)


def gather(connection: Connection, persons: set[int], stays: set[int], numbers: Numbers) -> Subject:
    """All rows of the person of some rows: whatever was merged, both ways."""
    persons, stays = set(persons), set(stays)
    before = (-1, -1)
    while before != (len(persons), len(stays)):
        before = (len(persons), len(stays))
        persons = _merged(connection, person, persons)
        stays = _merged(connection, stay, stays)
        for part in some(stay.c.person_id, persons):
            stays |= set(connection.scalars(select(stay.c.id).where(part)))
        for part in some(stay.c.id, stays):
            persons |= set(connection.scalars(select(stay.c.person_id).where(part))) - {None}
    return _subject(connection, persons, stays, numbers)


def _merged(connection: Connection, table: Table, ids: set[int]) -> set[int]:
    """Some rows, what was merged into them, and what they were merged into."""
    more = set(ids)
    for part in some(table.c.id, ids):
        more |= set(connection.scalars(select(table.c.merged_into).where(part)))
    for part in some(table.c.merged_into, ids):
        more |= set(connection.scalars(select(table.c.id).where(part)))
    return more - {None}


def _subject(
    connection: Connection, persons: set[int], stays: set[int], numbers: Numbers
) -> Subject:
    p, s = person.c, stay.c
    rows = [
        row
        for part in some(p.id, persons)
        for row in connection.execute(
            select(p.hospital, p.patient, p.pseudonym, p.details).where(part).order_by(p.id)
        )
    ]
    heads = [
        row
        for part in some(s.id, stays)
        for row in connection.execute(
            select(s.hospital, s.visit, s.case_id).where(part).order_by(s.id)
        )
    ]
    certificates, words = _names((row.details for row in rows), numbers.certificates)
    needles = Needles(
        certificates=certificates,
        numbers=tuple(
            sorted(
                {row.patient for row in rows}
                | {one.visit for one in heads}
                | _said(connection, stays, numbers.said)
            )
        ),
        words=words,
        own=tuple(sorted({row.pseudonym for row in rows} | {one.case_id for one in heads})),
        least=numbers.least,
        alone=(connection.scalar(select(func.count(p.hospital.distinct()))) or 0) <= 1,
    )
    hospitals = {one.hospital for one in (*rows, *heads)}
    list_rows, keys = _listed(connection, needles, hospitals)
    found = {
        number
        for part in some(finding.c.stay_id, stays)
        for number in connection.scalars(select(finding.c.id).where(part))
    }
    # Of an insurer's finding whose stay is not here, the list's own row says whose it is.
    for part in some(finding.c.key, keys):
        lone = select(finding.c.id).where(part, finding.c.stay_id.is_(None))
        found |= set(connection.scalars(lone))
    own_keys = {
        key
        for part in some(finding.c.id, found)
        for key in connection.scalars(select(finding.c.key).where(part))
    }
    for part in some(finding_batch_row.c.key, own_keys):
        list_rows |= set(connection.scalars(select(finding_batch_row.c.id).where(part)))
    return Subject(
        persons=tuple(sorted(persons)),
        stays=tuple(sorted(stays)),
        patients=tuple((row.hospital, row.patient) for row in rows),
        visits=tuple((one.hospital, one.visit) for one in heads),
        needles=needles,
        findings=tuple(sorted(found)),
        list_rows=tuple(sorted(list_rows)),
        order_checks=tuple(sorted(_checked(connection, stays, needles))),
        cases=tuple(one.case_id for one in heads),
    )


def _names(
    details: Iterable[Mapping[str, Any]], wanted: Iterable[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Certificates and other words that name a person."""
    said: dict[str, set[str]] = defaultdict(set)
    for one in details:
        for name, value in one.items():
            if name not in _NO_NAMES and value[0]:
                said[name].add(str(value[0]))
        for name in one.get("also", {}):
            if name not in _NO_NAMES:
                said[name] |= {str(value) for value in one["also"][name]}
    certificates = {value for name in wanted for value in said.pop(name, set())}
    words = {value for values in said.values() for value in values}
    return tuple(sorted(certificates)), tuple(sorted(words))


def _said(connection: Connection, stays: set[int], wanted: frozenset[str]) -> set[str]:
    """Further numbers of the person, as messages say them beside the case."""
    return {
        str(said[0])
        for _, record in with_extra(connection, stays)
        for path, said in record["extra"].items()
        if path.rpartition(".")[2] in wanted and said[0] and isinstance(said[0], str | int)
    }


def _listed(
    connection: Connection, needles: Needles, hospitals: set[str]
) -> tuple[set[int], set[str]]:
    """Rows of insurers' lists of which a cell tells the person, and their findings' keys.

    A short number may be an amount or a quantity in a row of anybody. A list is of one hospital, so
    that its numbers tell the person even where another hospital of the database gave the same.
    """
    c, of = finding_batch_row.c, finding_batch.c.hospital
    sure = {*needles.certificates, *needles.long} - {""}
    own = sure | {one for one in needles.numbers if len(one) >= needles.least}
    rows: set[int] = set()
    keys: set[str] = set()
    # Of a list that is not there any more, or says no hospital, any may be meant.
    whose = func.coalesce(of, "").label("hospital")
    both = finding_batch_row.outerjoin(finding_batch, finding_batch.c.id == c.batch_id)
    ask = select(c.id, c.key, c.cells, whose).select_from(both)
    ask = ask.where(whose.in_({"", *hospitals}))
    for row in connection.execute(ask.execution_options(yield_per=_PAGE)):
        if not (own if row.hospital else sure).isdisjoint(row.cells):
            rows.add(row.id)
            keys |= {row.key} - {None}
    return rows, keys


def _checked(connection: Connection, stays: set[int], needles: Needles) -> set[int]:
    """Order checks of the stays, and those of no stay that is here which tell the person."""
    c = order_check.c
    found = {
        number
        for part in some(c.stay_id, stays)
        for number in connection.scalars(select(c.id).where(part))
    }
    ask = select(c.id, c.document).where(c.stay_id.is_(None))
    for row in connection.execute(ask.execution_options(yield_per=_PAGE)):
        if needles.sure(orjson.dumps(row.document)):
            found.add(row.id)
    return found


def some(column: Column[Any], values: Iterable[Any]) -> Iterator[ColumnElement[bool]]:
    """Conditions that name many values, each as many as one question takes."""
    for block in blocks(sorted(values)):
        yield column.in_(block)


def with_extra(
    connection: Connection, stays: Iterable[int]
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Rows of versions of some stays whose record says something beside the case, with the record."""
    c = stay_version.c
    for part in some(c.stay_id, stays):
        for row in connection.execute(select(c.id, c.record).where(part)):
            if row.record.get("extra"):
                yield row.id, row.record


def discharges(connection: Connection, subject: Subject) -> list[datetime]:
    """When the stays of a person ended; of those that did."""
    return [
        at
        for part in some(stay.c.id, subject.stays)
        for at in connection.scalars(select(stay.c.discharged).where(part))
        if at is not None
    ]


def patients(connection: Connection) -> Iterator[tuple[int, str, str]]:
    """All rows of persons: id, code of the hospital, its number."""
    c = person.c
    for row in connection.execute(select(c.id, c.hospital, c.patient)):
        yield row.id, row.hospital, row.patient


def visits(connection: Connection) -> Iterator[tuple[int, str, str]]:
    """All stays: id, code of the hospital, its number."""
    c = stay.c
    for row in connection.execute(select(c.id, c.hospital, c.visit)):
        yield row.id, row.hospital, row.visit


def cases_of(connection: Connection, number: int) -> tuple[str, ...]:
    """Case ids of the stays of a row of a person."""
    asked = select(stay.c.case_id).where(stay.c.person_id == number).order_by(stay.c.id)
    return tuple(connection.scalars(asked))
