"""Orders checked before they are signed: what is told, what is kept as shadow, what is exempt.

The rules are asked of one case by :mod:`grouper.audit.order.engine`. Only rules that are live are
told to physicians; those in shadow or in review are kept with the others in ``order_check``, and
where an exception holds nothing is told. Nothing is ever ranked by money, and no text says how to
code.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from grouper.audit.order.engine import examine
from grouper.audit.review.documents import plain
from grouper.audit.review.whitelisting import matching
from grouper.case.dates import LOCAL
from grouper.service.order_desk import order_data
from grouper.service.order_reading import proposed_lines
from grouper.store.order_checks import OrderCheckRow
from grouper.store.schema import now
from grouper.store.states import Standing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from grouper.audit.order.lines import Line
    from grouper.audit.order.uncoded import Uncoded
    from grouper.case.issues import Issue
    from grouper.service.order_desk import OrderDesk, Ruling
    from grouper.service.order_reading import Proposed, Subject

_KEY = 24
"""Hexadecimal digits of a key."""


@dataclass(frozen=True, slots=True)
class Found:
    """A finding of an order check.

    Attributes:
        key: to answer it by; the same thing found again has the same key.
        row: of ``FINDING_SCHEMA`` as Python values.
        names: what the sender calls its lines, in their order.
    """

    key: str
    row: Mapping[str, Any]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What came of a check.

    Attributes:
        subject: whose orders were checked.
        moment: ``order``, ``stay`` or ``upload``.
        told: the worst first, by level.
        shadow: found by rules in shadow or in review: not told.
        exempt: not told, for an exception holds; with its number.
        uncoded: lines that could not be judged, or not by all rules.
        issues: what is wrong with values of lines, by number.
        lines: those that are proposed.
        names: what the sender calls each line, by its number.
    """

    subject: Subject
    moment: str
    told: tuple[Found, ...]
    shadow: tuple[Found, ...] = ()
    exempt: tuple[tuple[Found, int], ...] = ()
    uncoded: tuple[Uncoded, ...] = ()
    issues: tuple[tuple[int, Issue], ...] = ()
    lines: tuple[Line, ...] = ()
    names: Mapping[int, str]


def check(
    desk: OrderDesk,
    subject: Subject,
    proposed: Sequence[Proposed],
    ruling: Ruling,
    *,
    at: datetime,
    moment: str = "order",
    only_proposed: bool = True,
    rules: frozenset[str] | None = None,
) -> Checked:
    """Check what is proposed for a case.

    Args:
        desk: the rule book.
        subject: whose orders.
        proposed: the lines; one without a time is taken as ordered now.
        ruling: which rules are told, and what is exempt.
        at: now.
        moment: ``order`` or ``stay``.
        only_proposed: whether only what concerns a proposed line is found.
        rules: to be asked; None: all.

    Raises:
        AuditError: ``AUDIT_LINE``: a value that no line can hold.
        CodebookError: the rule book cannot be read.
    """
    lines, names, issues = proposed_lines(proposed, subject.after, at)
    own = {
        number: one.hospital_item
        for number, one in enumerate(proposed, subject.after + 1)
        if one.hospital_item
    }
    lines = desk.items.filled(lines, own)
    ready = desk.ready(ruling.book, rules)
    examined = examine(
        ready,
        subject.case,
        [*subject.lines, *lines],
        moment=moment,
        levels=desk.levels(subject),
        only_proposed=only_proposed,
    )
    every = {**subject.names, **names}
    return sorted_out(
        Checked(
            subject=subject,
            moment=moment,
            told=tuple(found_of(row, every) for row in examined.findings),
            uncoded=examined.uncoded,
            issues=tuple(issues),
            lines=tuple(lines),
            names=every,
        ),
        ruling,
    )


def found_of(row: Mapping[str, Any], names: Mapping[int, str]) -> Found:
    """A finding with its key: a hash of rule, row, case, names of lines, items and day."""
    own = tuple(names[number] for number in row["lines"])
    day = None if row["day"] is None else row["day"].isoformat()
    said = [row["rule"], row["row"], row["case_id"], own, row["items"], day]
    words = json.dumps(said, ensure_ascii=False)
    return Found(hashlib.sha256(words.encode()).hexdigest()[:_KEY], row, own)


def sorted_out(checked: Checked, ruling: Ruling) -> Checked:
    """What was found, parted by what is told, kept as shadow, exempt, or of rules that are off."""
    order = order_data()["levels"]
    told: list[Found] = []
    shadow: list[Found] = []
    exempt: list[tuple[Found, int]] = []
    for found in checked.told:
        standing = ruling.standing(found.row["rule"])
        if standing == Standing.OFF:
            continue
        if standing != Standing.LIVE:
            shadow.append(found)
            continue
        row = found.row
        day = row["day"] or datetime.now(LOCAL).date()
        dx = [code for code in checked.subject.case.dx if code is not None]
        exception = matching(ruling.exceptions, row, dx, day)
        if exception is None:
            told.append(found)
        else:
            exempt.append((found, exception))
    told.sort(key=lambda one: (order.index(one.row["level"]), one.row["rule"], one.row["lines"]))
    return replace(checked, told=tuple(told), shadow=tuple(shadow), exempt=tuple(exempt))


def rows_of(checked: Checked, via: str, actor: str) -> list[OrderCheckRow]:
    """What is kept of a check: what was told, and what was found in shadow.

    Args:
        checked: the check.
        via: ``rest``, ``cds``, ``3101`` or ``3102``.
        actor: the account that asked.
    """
    at = now()
    return [
        _row(checked, one, via, actor, at, shadow=shadow)
        for shadow, found in ((False, checked.told), (True, checked.shadow))
        for one in found
    ]


def _row(
    checked: Checked, one: Found, via: str, actor: str, at: datetime, *, shadow: bool
) -> OrderCheckRow:
    row = one.row
    return OrderCheckRow(
        at=at,
        via=via,
        moment=checked.moment,
        actor=actor,
        key=one.key,
        stay_id=checked.subject.stay_id,
        rule=row["rule"],
        row=row["row"],
        level=row["level"],
        item=row["items"][0] if row["items"] else None,
        department=row["department"] or checked.subject.case.department,
        physician=row["physician"],
        amount=row["amount"],
        document=plain(row) | {"line_names": list(one.names)},
        shadow=shadow,
    )
