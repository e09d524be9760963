"""The diagnoses of a stay as its messages know them: of admission, worked on, final (DG1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from grouper.case.fields import ZONE
from grouper.demo.hospital.emit.persons import stamp
from hl7_adapters.hl7v2.codec import NULL

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from grouper.case.record import Case
    from hl7_adapters.hl7v2.codec import Field

_ADMITTED, _WORKED_ON, _FINAL = "A", "W", "F"
"""HL7 table 0052."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A diagnosis as a message states it.

    Attributes:
        code: its code.
        kind: of HL7 table 0052.
        principal: whether it leads.
        time: when it was written; None: not known.
        poa: present on admission; empty: not said.
    """

    code: str
    kind: str
    principal: bool
    time: datetime | None = None
    poa: str = ""


def admitted(case: Case) -> list[Diagnosis]:
    """What is told at the admission: its diagnosis, where it is known."""
    if case.admission_dx is None:
        return []
    return [Diagnosis(case.admission_dx, _ADMITTED, principal=True, time=case.admission_time)]


def written_on(case: Case) -> list[datetime]:
    """The last time of each day on which diagnoses were written, in order."""
    days: dict[object, datetime] = {}
    for moment in sorted(moment for moment in case.dx_time if moment is not None):
        days[moment.astimezone(ZoneInfo(ZONE)).date()] = moment
    return list(days.values())


def worked_on(case: Case, moment: datetime) -> list[Diagnosis]:
    """What is known at a time: what was written by then.

    Until the principal diagnosis is found, that of admission leads. Of a stay that tells no times
    it is the principal diagnosis alone.

    Args:
        case: the stay.
        moment: the time.
    """
    if not case.dx_time:
        return _listed(case, _WORKED_ON)[:1]
    found = [
        one for one in _listed(case, _WORKED_ON) if one.time is not None and one.time <= moment
    ]
    if not any(one.principal for one in found) and case.admission_dx is not None:
        found.insert(0, Diagnosis(case.admission_dx, _WORKED_ON, principal=True))
    return found


def final(case: Case) -> list[Diagnosis]:
    """What was coded in the end; where nothing was, that what was told before does not stand."""
    listed = _listed(case, _FINAL)
    if not listed and case.admission_dx is not None:
        return [Diagnosis(NULL, _FINAL, principal=True)]
    return listed


def _listed(case: Case, kind: str) -> list[Diagnosis]:
    return [
        Diagnosis(
            code,
            kind,
            principal=at == 0,
            time=case.dx_time[at] if case.dx_time else None,
            poa=(case.dx_poa[at] or "") if case.dx_poa else "",
        )
        for at, code in enumerate(case.dx)
        if code is not None
    ]


def diagnoses(listed: Sequence[Diagnosis], system: str) -> Iterator[dict[int, Field]]:
    """The fields of the segments DG1 by number.

    Args:
        listed: the diagnoses.
        system: whose codes they are, as the messages write it.
    """
    for number, one in enumerate(listed, 1):
        yield {
            1: str(number),
            3: (one.code, "", system),
            5: stamp(one.time),
            6: one.kind,
            15: "1" if one.principal else "2",
            26: one.poa,
        }
