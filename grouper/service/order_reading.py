"""The cases and lines that an order check is about: stored, or handed in."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from grouper.audit.order.lines import Line
from grouper.case.fields import members
from grouper.case.record import Case

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from grouper.case.issues import Issue
    from grouper.store.order_lines import Charged

LINE = members("line_item")
"""The fields of a charge line."""
HANDED_IN = "handed-in"
"""What the audit log names where the case is not stored."""
_NOTHING: dict[str, Any] = dict.fromkeys(LINE, ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whose orders are checked.

    Attributes:
        case: without its lines.
        lines: those that are charged.
        names: what the sender calls each line, by its number.
        after: the greatest number that a line of the case ever had.
        stay_id: row of the stay; None: it is not stored.
        version: of the stay.
    """

    case: Case
    lines: tuple[Line, ...] = ()
    names: Mapping[int, str] = field(default_factory=dict)
    after: int = 0
    stay_id: int | None = None
    version: int | None = None

    @property
    def object(self) -> str:
        """What the audit log names as looked at."""
        return f"case:{HANDED_IN if self.stay_id is None else self.case.case_id}"


@dataclass(frozen=True, slots=True)
class Proposed:
    """A line that is proposed.

    Attributes:
        name: the sender's name of it.
        about: raw values by the case's fields.
        hospital_item: the hospital's own code; None: not stated.
    """

    name: str
    about: Mapping[str, Any]
    hospital_item: str | None = None


def subject_of_stay(charged: Charged, stay_id: int, version: int) -> Subject:
    """The subject of a stored stay."""
    lines = tuple(
        Line(
            one.number,
            one.item,
            one.quantity,
            one.amount,
            one.time,
            one.kind,
            one.scope,
            one.department,
            one.physician,
        )
        for one in charged.lines
    )
    return Subject(
        case=charged.case,
        lines=lines,
        names={one.number: one.name for one in charged.lines},
        after=charged.ever,
        stay_id=stay_id,
        version=version,
    )


def subject_of_case(case: Case, key: str = "") -> Subject:
    """The subject of a case that was handed in; its own lines are those that are charged.

    Args:
        case: as it was read.
        key: what tells it from other cases that were handed in, in place of its id: numbers of
            patients and visits stay with the sender.
    """
    count = max((len(getattr(case, name)) for name in LINE), default=0)
    numbers = list(range(1, count + 1))
    named = hashlib.sha256((key or case.case_id or "").encode()).hexdigest()[:32]
    return Subject(
        case=replace(case, **_NOTHING, case_id=named, person=None),
        lines=tuple(_lines(case, numbers)),
        names={number: f"#{number}" for number in numbers},
        after=count,
    )


def _lines(case: Case, numbers: Sequence[int]) -> list[Line]:
    columns = {name: getattr(case, name) or (None,) * len(numbers) for name in LINE}
    return [
        _line(number, {name: column[at] for name, column in columns.items()}, proposed=False)
        for at, number in enumerate(numbers)
    ]


def _line(number: int, values: Mapping[str, Any], *, proposed: bool) -> Line:
    return Line(
        number=number,
        item=values["line_item"],
        quantity=values["line_quantity"],
        amount=values["line_amount"],
        time=values["line_time"],
        kind=values["line_class"],
        scope=values["line_scope"],
        department=values["line_department"],
        physician=values["line_physician"],
        proposed=proposed,
    )


def proposed_lines(
    proposed: Sequence[Proposed], after: int, at: datetime
) -> tuple[list[Line], dict[int, str], list[tuple[int, Issue]]]:
    """What is proposed, as lines behind those that are there.

    Args:
        proposed: as it was handed in.
        after: the greatest number that is taken.
        at: the time of what states none: it is about to be ordered.

    Returns:
        The lines, their names by number, and what is wrong with values, by number.
    """
    lines: list[Line] = []
    wrong: list[tuple[int, Issue]] = []
    names: dict[int, str] = {}
    for number, one in enumerate(proposed, after + 1):
        about = one.about if one.about.get("line_time") else {**one.about, "line_time": at}
        case, issues = Case.from_mapping({name: [about.get(name)] for name in LINE})
        values = {name: next(iter(getattr(case, name)), None) for name in LINE}
        lines.append(_line(number, values, proposed=True))
        names[number] = one.name
        wrong += [(number, issue) for issue in issues if issue.field in LINE]
    return lines, names, wrong
