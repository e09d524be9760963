"""Statistics of the review: what became of findings, by rule, department, physician or month."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from grouper.audit.review.tables import states
from grouper.case.dates import LOCAL

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date, datetime

BY = ("rule", "department", "physician", "month")
"""What findings are counted by."""
_DAY = 86_400
_TENTH = Decimal("0.1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is counted of a finding; names as of :class:`grouper.store.finding_rows.FindingRow`."""

    rule: str
    department: str | None
    physician: str | None
    day: date | None
    state: str
    shadow: bool
    amount: Decimal
    first_seen: datetime
    last_seen: datetime
    gone: datetime | None = None
    due: datetime | None = None
    asked_until: datetime | None = None
    judged: datetime | None = None
    closed: datetime | None = None
    false_positive: bool = False
    deduction: Decimal | None = None


@dataclass(slots=True)
class Tally:
    """Counts of the findings of one rule, department, physician or month.

    Attributes:
        found: all that are not in shadow or exempt.
        open: something is still to be done.
        confirmed: rightly found, by the opinion that stands.
        dismissed: not upheld: dismissed, withdrawn by the insurer, or appeal granted.
        corrected: the charge or the list was put right.
        still_found: of these, found again after they were closed.
        gone: no longer found before anyone reviewed them.
        deducted: with a deduction.
        overdue: open, and a deadline has passed.
        judged: someone judged whether they were rightly found.
        false_positives: of these, wrongly found.
        shadow: in shadow or exempt.
        amount: yuan at stake, of ``found``.
        deduction: yuan, of ``deducted``.
        seconds: from found to closed, of each that was closed.
    """

    found: int = 0
    open: int = 0
    confirmed: int = 0
    dismissed: int = 0
    corrected: int = 0
    still_found: int = 0
    gone: int = 0
    deducted: int = 0
    overdue: int = 0
    judged: int = 0
    false_positives: int = 0
    shadow: int = 0
    amount: Decimal = Decimal(0)
    deduction: Decimal = Decimal(0)
    seconds: list[int] = field(default_factory=list)

    @property
    def false_share(self) -> Decimal | None:
        """Share of false positives of those that were judged, to three places; None: none were."""
        if not self.judged:
            return None
        return (Decimal(self.false_positives) / self.judged).quantize(Decimal("0.001"))

    @property
    def median_days(self) -> Decimal | None:
        """Days from found to closed, the middle one, to one place; None: none were closed."""
        if not self.seconds:
            return None
        ordered = sorted(self.seconds)
        half = len(ordered) // 2
        middle = Fraction(ordered[half] + ordered[~half], 2 * _DAY)
        exact = Decimal(middle.numerator) / middle.denominator
        return exact.quantize(_TENTH, ROUND_HALF_UP)

    def add(self, one: Facts, at: datetime) -> None:
        """Count a finding.

        Args:
            one: the finding.
            at: now, aware.
        """
        state = states()[one.state]
        self.judged += one.judged is not None
        self.false_positives += one.judged is not None and one.false_positive
        if state.hidden or one.shadow:
            self.shadow += 1
            return
        self.found += 1
        self.amount += one.amount
        self.confirmed += state.says == "right"
        self.dismissed += state.says == "wrong"
        self.corrected += one.state == "corrected"
        self.gone += one.state == "gone"
        if one.deduction:
            self.deducted += 1
            self.deduction += one.deduction
        if not state.closed:
            self.open += 1
            deadlines = (one.due, one.asked_until)
            self.overdue += any(due is not None and due <= at for due in deadlines)
        if one.closed is not None:
            self.seconds.append(int((one.closed - one.first_seen).total_seconds()))
            again = one.gone is None and one.last_seen > one.closed
            self.still_found += one.state == "corrected" and again


def tallies(found: Iterable[Facts], by: str, at: datetime) -> dict[str | None, Tally]:
    """Findings counted by one of :data:`BY`, in the order of its values; None (not stated) last.

    Args:
        found: the findings.
        by: what they are counted by.
        at: now, aware.
    """
    counted: defaultdict[str | None, Tally] = defaultdict(Tally)
    for one in found:
        counted[_key(one, by)].add(one, at)
    return dict(sorted(counted.items(), key=lambda item: (item[0] is None, item[0] or "")))


def _key(one: Facts, by: str) -> str | None:
    if by == "month":
        day = one.day or one.first_seen.astimezone(LOCAL).date()
        return f"{day:%Y-%m}"
    value: str | None = getattr(one, by)
    return value


def document(tally: Tally) -> dict[str, Any]:
    """A tally for JSON: amounts in yuan."""
    names = [name for name in Tally.__dataclass_fields__ if name != "seconds"]
    found = {name: getattr(tally, name) for name in names}
    return found | {"false_share": tally.false_share, "median_days": tally.median_days}
