"""The days of a stay: its length, the order of its assessments and the periods they begin.

Days are counted as ordinals (:meth:`datetime.date.toordinal`), so that no date is out of range.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from grouper.case.fields import ZONE
from grouper.schemes.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grouper.case.record import Case
    from grouper.schemes.pdpm.assessments import Assessment
    from grouper.schemes.pdpm.records import Options

LONGEST = 36_500
"""The longest stay in days that a case can state (``los``, docs/CASE.md)."""


@dataclass(frozen=True, slots=True)
class Period:
    """Days that one assessment decides: ``days`` from ``start`` on, of which there may be none.

    ``first`` is the number of its first day in the stay (the day of admission is day 1).
    """

    assessment: Assessment
    start: date
    first: int
    days: int


@dataclass(frozen=True, slots=True)
class Stay:
    """The days of a stay: half-open ``[start, end)``, and the last day for an assessment."""

    start: int
    end: int
    last: int
    running: bool


def local_day(time: datetime | None) -> date | None:
    """The calendar day of a time in the zone of the cases."""
    if time is None:
        return None
    return (time.astimezone(ZoneInfo(ZONE)) if time.tzinfo else time).date()


def until(case: Case, day: date) -> Case:
    """A case that is still running, up to and with a day.

    Args:
        case: a case with an admission; a discharge that it states is left aside.
        day: the last day that counts.

    Returns:
        The case without a discharge, its stay in days set (at least one).
    """
    start = local_day(case.admission_time)
    days = 1 if start is None else max(1, (day - start).days + 1)
    return replace(case, discharge_time=None, los=days)


def stay_of(case: Case, assessments: Sequence[Assessment]) -> Stay | Reason:
    """The days that are paid: from the day of admission to the day before discharge, at least one.

    A stay without a discharge lasts the days that the case states; where it states none, up to
    and with the day of its last assessment.
    """
    admission, discharge = local_day(case.admission_time), local_day(case.discharge_time)
    if admission is None:
        return Reason.ADMISSION_MISSING
    start = admission.toordinal()
    if discharge is not None:
        last = discharge.toordinal()
        if last < start:
            return Reason.STAY_ORDER
        return Stay(start, max(last, start + 1), last, running=False)
    if case.los is not None:
        end = start + min(max(1, case.los), LONGEST)
    else:
        end = max([start, *(a.day.toordinal() for a in assessments)]) + 1
    return Stay(start, end, end - 1, running=True)


def order_fault(stay: Stay, assessments: Sequence[Assessment]) -> Reason | None:
    """What is wrong with the order of the assessments, if anything is."""
    firsts = [a.day.toordinal() for a in assessments if a.kind.position == "first"]
    if not firsts:
        return Reason.ASSESSMENT_MISSING
    days = [a.day.toordinal() for a in assessments]
    lasts = [a.day.toordinal() for a in assessments if a.kind.position == "last"]
    inside = stay.start <= days[0] and days[-1] <= stay.last
    ordered = firsts[0] == days[0] and firsts[0] == firsts[-1]
    ended = not lasts or lasts[0] == days[-1]
    return None if inside and ordered and ended else Reason.ASSESSMENT_ORDER


def periods_of(stay: Stay, assessments: Sequence[Assessment]) -> list[Period]:
    """The periods: each from its assessment's day to the day before the next one's.

    The first begins with the stay, however late its assessment. Of two assessments of one day the
    earlier kind has no days.
    """
    deciding = [a for a in assessments if a.kind.regroups]
    starts = [stay.start, *(a.day.toordinal() for a in deciding[1:])]
    ends = [*starts[1:], stay.end]
    return [
        Period(a, date.fromordinal(start), start - stay.start + 1, max(0, end - start))
        for a, start, end in zip(deciding, starts, ends, strict=True)
    ]


def timing_warnings(
    stay: Stay, assessments: Sequence[Assessment], options: Options
) -> list[Reason]:
    """Warnings about the days of a stay that is grouped."""
    days = [a.day.toordinal() for a in assessments if a.kind.regroups]
    found = [Reason.STAY_RUNNING] if stay.running else []
    if options.late_after and days[0] - stay.start >= options.late_after:
        found.append(Reason.ASSESSMENT_LATE)
    gaps = [after - day for day, after in zip(days, [*days[1:], stay.end], strict=True)]
    if options.interval and max(gaps) > options.interval:
        found.append(Reason.ASSESSMENT_GAP)
    return found
