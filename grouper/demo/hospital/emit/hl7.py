"""A month as HL7 v2 messages in their order of time.

ADT^A01 at the admission with its diagnosis, an ADT^A08 for each day on which a diagnosis was written
or a procedure done with what is known by then, a DFT^P03 for each day with charges, ADT^A03 with what was coded in the end.
The same month gives the same messages.
"""

from __future__ import annotations

from datetime import datetime, time
from functools import partial
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from grouper.case.fields import ZONE
from grouper.demo.hospital.emit.diagnoses import admitted, diagnoses, final, worked_on, written_on
from grouper.demo.hospital.emit.month import later
from grouper.demo.hospital.emit.persons import names as invented
from grouper.demo.hospital.emit.persons import patient, stamp, written
from grouper.demo.hospital.emit.settings import settings, site_fields
from hl7_adapters.hl7v2.codec import build

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date

    from grouper.case.record import Case
    from grouper.demo.hospital.emit.month import Day, Line, Month, Stay
    from hl7_adapters.hl7v2.codec import Field

    Segment = tuple[str, Sequence[Field]]

CHARSET = "utf-8"
_ADMITTED, _TOLD, _CHARGED, _LEFT = range(4)
_TYPES = {
    _ADMITTED: ("ADT", "A01", "ADT_A01"),
    _TOLD: ("ADT", "A08", "ADT_A01"),
    _CHARGED: ("DFT", "P03", "DFT_P03"),
    _LEFT: ("ADT", "A03", "ADT_A03"),
}
_NEVER = datetime.max.replace(tzinfo=ZoneInfo(ZONE))


def messages(month: Month, label: str) -> Iterator[tuple[int, str]]:
    """The messages of a month.

    Args:
        month: the month.
        label: begins the id of each message.

    Yields:
        Place of the stay that a message is about, and its text.
    """
    told = [
        (moment or _NEVER, place, kind, part)
        for place, stay in enumerate(month.stays)
        for moment, kind, part in _course(month, stay)
    ]
    told.sort(key=lambda one: one[:3])
    for number, (moment, place, kind, part) in enumerate(told, 1):
        stay = month.stays[place]
        lines = month.lines(part) if part is not None else []
        body = _body(stay.case, kind, lines, moment)
        yield place, _message(kind, f"{label}{number:08d}", moment, body)


def _course(month: Month, stay: Stay) -> Iterator[tuple[datetime | None, int, Day | None]]:
    """When what is told of a stay: time, kind, and the day whose charges are told."""
    case = stay.case
    came, left = case.admission_time or case.discharge_time, case.discharge_time
    yield came, _ADMITTED, None
    for told in written_on(case) or [later(came, settings()["hl7"]["diagnosed_after_hours"])]:
        yield (min(told, left) if told and left else told), _TOLD, None
    for told in sorted({at for at in map(_done, case.px_date) if at is not None}):
        # What is done on the last day is told with the discharge, as is what lies outside the stay.
        if (came is None or told > came) and (left is None or told < left):
            yield told, _TOLD, None
    for day in month.days(stay):
        yield day.last or came, _CHARGED, day
    if left is not None:
        yield left, _LEFT, None


def _message(kind: int, control_id: str, moment: datetime, body: list[Segment]) -> str:
    table, hl7 = settings()["hospital"], settings()["hl7"]
    at = "" if moment is _NEVER else stamp(moment)
    header: list[Field] = [
        *("|", "^~\\&", table["system"], table["facility"], table["receiver"], table["facility"]),
        *(at, "", _TYPES[kind], control_id, "P", hl7["version"]),
    ]
    segments: list[Segment] = [("MSH", header), ("EVN", [_TYPES[kind][1], at]), *body]
    return build(segments, hl7["charset"]).decode(CHARSET)


def _body(case: Case, kind: int, lines: Sequence[Line], moment: datetime) -> list[Segment]:
    found: list[Segment] = [("PID", _pid(case)), ("PV1", _pv1(case, kind))]
    if kind == _CHARGED:
        return found + _bill(case, lines)
    early = set(settings()["hl7"]["early"]["facts"])
    names = [n for n in site_fields()["ZSY"].values() if kind == _LEFT or n in early]
    stated = _site("ZSY", {name: getattr(case, name) for name in names})
    system = settings()["hl7"]["code_system"][case.code_system]
    listed = {_ADMITTED: admitted, _LEFT: final}.get(kind, partial(worked_on, moment=moment))(case)
    found += [("DG1", _placed(cells)) for cells in diagnoses(listed, system)]
    if kind in {_TOLD, _LEFT}:
        found += _procedures(case, None if kind == _LEFT else moment)
    if case.insurance_type:
        insured = _placed({1: "1", 2: case.insurance_type, 15: case.insurance_type})
        found.append(("IN1", insured))
    return found + stated


def _pid(case: Case) -> list[Field]:
    family, given = invented(case)
    identity = (patient(case), "", "", settings()["hospital"]["facility"], "PI")
    sex = settings()["hl7"]["sex"].get(str(case.sex), "")
    born = f"{case.birth_date:%Y%m%d}" if case.birth_date else ""
    return ["1", "", identity, "", (family, given), "", born, sex]


def _pv1(case: Case, kind: int) -> list[Field]:
    ward = case.department if kind == _LEFT else case.admission_department or case.department
    cells: dict[int, Field] = {
        1: "1",
        2: settings()["hl7"]["class"][case.kind],
        3: ward or "",
        7: case.physician or "",
        18: case.visit_type or "",
        19: case.case_id or "",
        44: stamp(case.admission_time),
    }
    if kind == _LEFT:
        cells |= {
            36: case.discharge_way or "",
            45: stamp(case.discharge_time),
            47: written(case.total_cost),
        }
    return _placed(cells)


def _done(day: date | None) -> datetime | None:
    """When a procedure of a day is told: in the evening; None: its day is not known."""
    if day is None:
        return None
    return datetime.combine(day, time(settings()["hl7"]["operated_told_hour"]), ZoneInfo(ZONE))


def _procedures(case: Case, moment: datetime | None) -> Iterator[Segment]:
    """The procedures that were told by a time; None: all of them."""
    system = settings()["hl7"]["code_system"][case.code_system]
    shown = [(at, code) for at, code in enumerate(case.px) if code is not None]
    if moment is not None:
        told = {at: _done(_at(case.px_date, at)) for at, _ in shown}
        shown = [(at, c) for at, c in shown if (when := told[at]) is not None and when <= moment]
    for number, (at, code) in enumerate(shown, 1):
        about = {n: _at(getattr(case, n), at) for n in ("px_date", "px_level", "px_modifier")}
        day = about["px_date"]
        cells: dict[int, Field] = {
            1: str(number),
            3: (code, "", system),
            5: f"{day:%Y%m%d}" if day else "",
            14: "1" if at == 0 else "2",
            16: about["px_modifier"] or "",
        }
        yield "PR1", _placed(cells)
        yield from _site("ZPR", about)


def _bill(case: Case, lines: Sequence[Line]) -> list[Segment]:
    found: list[Segment] = []
    for number, line in enumerate(lines, 1):
        cells: dict[int, Field] = {
            1: str(number),
            2: f"{case.case_id}-{line['line']}",
            4: stamp(line["line_time"]),
            6: "CG",
            7: (line["line_item"] or "", line["line_name"] or ""),
            10: written(line["line_quantity"]),
            11: written(line["line_amount"]),
            12: written(line["line_price"]),
            13: line["line_department"] or "",
            17: line["line_class"] or "",
            21: line["line_physician"] or "",
        }
        found.append(("FT1", _placed(cells)))
        found += _site("ZFT", line)
    return found


def _site(segment: str, values: Mapping[str, Any]) -> list[Segment]:
    """A site-defined segment by the hospital's mapping; none where it would be empty."""
    cells: dict[int, Field] = {
        number: written(values.get(name)) for number, name in site_fields()[segment].items()
    }
    fields = _placed(cells)
    return [(segment, fields)] if fields else []


def _placed(cells: Mapping[int, Field]) -> list[Field]:
    """Fields by number; what is empty at the end is left out."""
    last = max((number for number, cell in cells.items() if cell), default=0)
    return [cells.get(number, "") for number in range(1, last + 1)]


def _at(values: Sequence[Any], place: int) -> Any:  # noqa: ANN401 -- the list's own type
    return values[place] if values else None
