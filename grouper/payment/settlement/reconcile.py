"""What we reckoned beside what the bureau settled, case by case."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from codebooks.folding import fold_code
from grouper.payment.settlement.bureau import NUMBERS
from grouper.payment.settlement.exactly import NONE, minus, total

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from grouper.payment.settlement.bureau import BureauFile, Settled
    from grouper.payment.settlement.priced import Priced

COMPARED = ("group", "points", "amount", "fund")
"""What is compared, where the bureau's row says it."""


class State(StrEnum):
    """What became of a case."""

    MATCHED = "matched"
    DIFFERENT = "different"
    MISSING_THERE = "missing_there"
    MISSING_HERE = "missing_here"
    UNPRICED = "unpriced"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One case.

    Attributes:
        case_id: empty where our record has none.
        state: a case that stands more than once on a side is a duplicate; one that we cannot price
            is unpriced; ``missing_there`` is ours alone, ``missing_here`` the bureau's alone.
        ours, theirs: of :data:`COMPARED`, what each side says; of a duplicate the sums.
        differs: the fields that differ.
        deduction: what the bureau takes off.
        reason: in its words.
        rows: in its file.
        measure: ``fund`` or ``amount``: what the difference is of.
    """

    case_id: str
    state: State
    ours: Mapping[str, Any] = field(default_factory=dict)
    theirs: Mapping[str, Any] = field(default_factory=dict)
    differs: tuple[str, ...] = ()
    deduction: Decimal = NONE
    reason: str = ""
    rows: tuple[int, ...] = ()
    measure: str = "fund"

    @property
    def our_amount(self) -> Decimal:
        """What we reckoned, in yuan; nought where we have nothing."""
        found: Decimal | None = self.ours.get(self.measure)
        return NONE if found is None else found

    @property
    def their_amount(self) -> Decimal:
        """What the bureau settled before its deduction; nought where it has nothing."""
        return total((self._stated, self.deduction)) if self.net else self._stated

    @property
    def net(self) -> bool:
        """Whether the bureau states what is left: its amount is ours less its deduction."""
        return (
            self.state is State.DIFFERENT
            and not {"group", "points"} & set(self.differs)
            and bool(self.deduction)
            and total((self._stated, self.deduction)) == self.our_amount
        )

    @property
    def _stated(self) -> Decimal:
        found: Decimal | None = self.theirs.get(self.measure)
        return NONE if found is None else found

    @property
    def difference(self) -> Decimal:
        """The bureau's amount before its deduction less ours."""
        return minus(self.their_amount, self.our_amount)


@dataclass(frozen=True, slots=True, kw_only=True)
class StateTotal:
    """The cases of one state: how many, what we and the bureau reckoned, what is taken off."""

    state: State
    cases: int
    ours: Decimal
    theirs: Decimal
    deduction: Decimal

    @property
    def difference(self) -> Decimal:
        """The bureau's less ours."""
        return minus(self.theirs, self.ours)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """All cases of both sides, in the order of ours, then of the bureau's.

    ``stated`` are columns whose row of totals says something else than the rows add up to.
    """

    file: BureauFile
    measure: str
    entries: tuple[Entry, ...]
    stated: tuple[tuple[str, Decimal, Decimal], ...] = ()

    @property
    def totals(self) -> tuple[StateTotal, ...]:
        """By state, in the order of :class:`State`; a state without cases too."""
        by: dict[State, list[Entry]] = defaultdict(list)
        for one in self.entries:
            by[one.state].append(one)
        return tuple(_total(state, by[state]) for state in State)

    @property
    def differing(self) -> Counter[str]:
        """How often each field differs."""
        return Counter(name for one in self.entries for name in one.differs)

    @property
    def ours(self) -> Decimal:
        """The sum of ours."""
        return total(one.our_amount for one in self.entries)

    @property
    def theirs(self) -> Decimal:
        """The sum of the bureau's, before deductions."""
        return total(one.their_amount for one in self.entries)

    @property
    def net(self) -> int:
        """How many cases the bureau states less their deduction: it is taken off once only."""
        return sum(one.net for one in self.entries)

    @property
    def deduction(self) -> Decimal:
        """The sum of its deductions."""
        return total(one.deduction for one in self.entries)


def reconcile(priced: Priced, file: BureauFile) -> Reconciliation:
    """Compare the cases of a month with the bureau's file.

    Args:
        priced: the month's cases.
        file: the bureau's.
    """
    table = priced.table
    names = ("case_id", "group", "points", "amount", "fund", "sum_priced", "sum_funded")
    columns = [table[name].to_pylist() for name in names]
    ours: dict[str, list[dict[str, Any]]] = {}
    for number, values in enumerate(zip(*columns, strict=True)):
        one = dict(zip(names, values, strict=True))
        # Cases without an id are told apart by their place.
        ours.setdefault(one["case_id"] or f"\0{number}", []).append(one)
    theirs: dict[str, list[Settled]] = {}
    for row in file.rows:
        theirs.setdefault(row.case_id, []).append(row)
    entries = [
        _entry(key, ours.get(key, []), theirs.get(key, []), file.measure)
        for key in dict.fromkeys((*ours, *theirs))
    ]
    stated = tuple(
        (name, value, file.total(name))
        for name, value in file.stated.items()
        if value != file.total(name)
    )
    return Reconciliation(file=file, measure=file.measure, entries=tuple(entries), stated=stated)


def _entry(key: str, ours: list[dict[str, Any]], theirs: list[Settled], measure: str) -> Entry:
    reasons = dict.fromkeys(one.reason for one in theirs if one.reason)
    told: dict[str, Any] = {
        "case_id": "" if key.startswith("\0") else key,
        "ours": _ours(ours),
        "theirs": _theirs(theirs),
        "deduction": total(one.deduction for one in theirs if one.deduction is not None),
        "reason": "；".join(reasons),
        "rows": tuple(one.where.row or 0 for one in theirs),
        "measure": measure,
    }
    flag = "sum_funded" if measure == "fund" else "sum_priced"
    if len(ours) > 1 or len(theirs) > 1:
        return Entry(state=State.DUPLICATE, **told)
    if not theirs:
        unpriced = not ours[0][flag]
        return Entry(state=State.UNPRICED if unpriced else State.MISSING_THERE, **told)
    if not ours:
        return Entry(state=State.MISSING_HERE, **told)
    differs = tuple(n for n in COMPARED if _differs(n, told["ours"][n], told["theirs"].get(n)))
    if not ours[0][flag]:
        return Entry(state=State.UNPRICED, differs=differs, **told)
    return Entry(state=State.DIFFERENT if differs else State.MATCHED, differs=differs, **told)


def _ours(rows: list[dict[str, Any]]) -> dict[str, Any]:
    if not rows:
        return {}
    found: dict[str, Any] = {"group": rows[0]["group"]}
    for name, flag in (("points", "priced"), ("amount", "priced"), ("fund", "funded")):
        values = [row[name] for row in rows if row[f"sum_{flag}"] and row[name] is not None]
        found[name] = _sum(values)
    return found


def _theirs(rows: list[Settled]) -> dict[str, Any]:
    if not rows:
        return {}
    found: dict[str, Any] = {"group": rows[0].group}
    for name in NUMBERS:
        if name != "deduction":
            values = [getattr(row, name) for row in rows]
            found[name] = _sum([one for one in values if one is not None])
    return found


def _sum(values: list[Decimal]) -> Decimal | None:
    return total(values) if values else None


def _differs(name: str, ours: Any, theirs: Any) -> bool:  # noqa: ANN401 -- a code or a number
    """Whether a field differs; what the bureau does not say is not compared."""
    if theirs is None:
        return False
    if name == "group":
        return ours is None or fold_code(ours) != fold_code(theirs)
    return bool(ours != theirs)


def _total(state: State, entries: list[Entry]) -> StateTotal:
    return StateTotal(
        state=state,
        cases=len(entries),
        ours=total(one.our_amount for one in entries),
        theirs=total(one.their_amount for one in entries),
        deduction=total(one.deduction for one in entries),
    )
