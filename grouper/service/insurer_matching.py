"""Which stays the rows of an insurer's list are of, and why a row is of none that is here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from grouper.case.dates import LOCAL
from grouper.store import finding_stays

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from datetime import date, datetime

    from grouper.audit.insurer.columns import Columns
    from grouper.audit.insurer.reading import Row
    from grouper.store.database import Writing
    from grouper.store.finding_stays import Found

UNNUMBERED, UNKNOWN = "INSURER_NO_NUMBER", "INSURER_STAY_UNKNOWN"
SEVERAL, CONFLICT = "INSURER_STAY_SEVERAL", "INSURER_STAY_CONFLICT"
ELSEWHERE = "INSURER_OTHER_HOSPITAL"
_STRONG, _WEAK = ("case", "settlement", "visit"), ("record", "person")


@dataclass(frozen=True, slots=True)
class Matched:
    """What became of a row: the row of its stay, or the reason why it has none."""

    stay: int | None
    reason: str | None = None


def match(
    connection: Writing, rows: Sequence[Row], columns: Columns, hospital: str
) -> list[Matched]:
    """The stays of some rows, in their order.

    Numbers of cases and visits name a stay, and both must name the same; where they name none, the
    number of the settlement does. Where a row has none of them, or none is known, the number of the
    patient does, if just one stay of the patient covers the day (of the charge, else of the
    settlement). A number of the record may also be that of the visit.

    Args:
        connection: a reading transaction.
        rows: that can be read.
        columns: where records keep the number of a settlement, and codes of this hospital.
        hospital: code of the hospital, of rows that name none.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``.
    """
    ours = {hospital, *columns.hospitals}
    mine = [row for row in rows if (row.text("hospital") or hospital) in ours]
    by: dict[str, Mapping[str, set[int]]] = {}
    looks: dict[str, Callable[[Iterable[str]], dict[str, set[int]]]] = {
        "case": lambda some: finding_stays.by_case_id(connection, hospital, some),
        "visit": lambda some: finding_stays.by_visit(connection, hospital, some),
    }
    for meaning, look in looks.items():
        by[meaning] = look(_numbers(mine, meaning))
    # Reading the records of all stays takes time: only for rows that nothing else tells.
    left = [row for row in mine if not _named(row, by, looks)]
    paths = columns.settlement_paths
    numbers = _numbers(left, "settlement")
    by["settlement"] = finding_stays.by_extra(connection, hospital, paths, numbers)
    left = [row for row in left if not _named(row, by, _STRONG)]
    by["patient"] = finding_stays.by_patient(
        connection, hospital, {one for name in _WEAK for one in _numbers(left, name)}
    )
    by["record"] = finding_stays.by_visit(connection, hospital, _numbers(left, "record"))
    stays = {stay for found in by["patient"].values() for stay in found}
    told = finding_stays.told(connection, stays)
    return [
        _matched(row, by, told)
        if (row.text("hospital") or hospital) in ours
        else Matched(None, ELSEWHERE)
        for row in rows
    ]


def _numbers(rows: Iterable[Row], meaning: str) -> set[str]:
    return {number for row in rows for number in row.numbers.get(meaning, ())}


def _named(
    row: Row, by: Mapping[str, Mapping[str, set[int]]], meanings: Iterable[str]
) -> list[set[int]]:
    """The stays that each of some meanings names, those that name none aside."""
    found = []
    for meaning in meanings:
        stays: set[int] = set()
        for number in row.numbers.get(meaning, ()):
            stays |= by.get(meaning, {}).get(number, set())
        if stays:
            found.append(stays)
    return found


def _matched(
    row: Row, by: Mapping[str, Mapping[str, set[int]]], told: Mapping[int, Found]
) -> Matched:
    if not any(row.numbers.get(name) for name in (*_STRONG, *_WEAK)):
        return Matched(None, UNNUMBERED)
    named = _named(row, by, _STRONG) or _named(row, by, ("record",))
    if named:
        common = set.intersection(*named)
        if not common:
            return Matched(None, CONFLICT)
        return _only(common)
    patients: set[int] = set()
    for name in _WEAK:
        for number in row.numbers.get(name, ()):
            patients |= by["patient"].get(number, set())
    day = row.day("day") or row.day("settled")
    return _only({one for one in patients if _covers(told.get(one), day)})


def _only(stays: Collection[int]) -> Matched:
    if len(stays) == 1:
        return Matched(next(iter(stays)))
    return Matched(None, SEVERAL if stays else UNKNOWN)


def _covers(found: Found | None, day: date | None) -> bool:
    """Whether a stay may be of a day; without a day, or where the stay's are not known, it may."""
    if found is None or day is None:
        return found is not None
    begins, ends = _local(found.admitted), _local(found.discharged)
    return (begins is None or begins <= day) and (ends is None or day <= ends)


def _local(at: datetime | None) -> date | None:
    return None if at is None else at.astimezone(LOCAL).date()
