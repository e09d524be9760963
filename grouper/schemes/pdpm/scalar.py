"""The scalar engine: one case, its answer, and what led to it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

from grouper.schemes.pdpm.assessments import read_assessments
from grouper.schemes.pdpm.codes import NO_CATEGORY, RETURNED
from grouper.schemes.pdpm.evaluate import DxFacts, Evaluator
from grouper.schemes.pdpm.stay import order_fault, periods_of, stay_of, timing_warnings
from grouper.schemes.protocol import Warned
from grouper.schemes.reasons import Reason, Status
from grouper.schemes.vocabulary import NO_CODE, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grouper.case.record import Case
    from grouper.schemes.pdpm.assessments import Assessment, Found
    from grouper.schemes.pdpm.codes import Diagnoses
    from grouper.schemes.pdpm.compiled import CompiledPdpm
    from grouper.schemes.pdpm.records import Category, Component, Group
    from grouper.schemes.pdpm.stay import Period, Stay

WEIGHT_STEP = Decimal("0.000001")
"""The step of a weight; points are rounded to it once, half up."""
SEPARATOR = {"zh": "；", "en": "; "}
"""What stands between the names of the groups of a stay."""
UNGROUPED = frozenset({Reason.DX_RETURNED, Reason.DX_CATEGORY_NONE, Reason.GROUP_NONE})
"""Reasons that say that the data are in order and no group takes the case."""


@dataclass(frozen=True, slots=True)
class Grouped:
    """One period with the groups of its axes, in their order.

    ``points`` are what its days add to the weight, before rounding.
    """

    period: Period
    evaluator: Evaluator
    groups: tuple[Group, ...]
    category: Category
    points: Decimal


@dataclass(frozen=True, slots=True)
class Answer:
    """The grouping of one case before it is dressed for people.

    ``periods`` is empty for a case that is not grouped.
    """

    reason: Reason | None
    warnings: tuple[Warned, ...]
    periods: tuple[Grouped, ...]
    found: Found | None
    about: tuple[str, ...] = ()

    @property
    def status(self) -> Status:
        """What became of the case."""
        if self.reason is None:
            return Status.GROUPED
        return Status.UNGROUPED if self.reason in UNGROUPED else Status.INVALID

    @property
    def shown(self) -> Grouped:
        """The latest period that has days: its groups are those of the case."""
        return next(p for p in reversed(self.periods) if p.period.days)

    @property
    def weight(self) -> Decimal:
        """The points of the stay."""
        return rounded(sum((p.points for p in self.periods), Decimal(0)))


def rounded(points: Decimal) -> Decimal:
    """Points to the step of a weight, half up."""
    return points.quantize(WEIGHT_STEP, ROUND_HALF_UP)


def code_of(scheme: CompiledPdpm, grouped: Grouped) -> str:
    """The code of a period: letters and the indicator of the assessment, or the groups joined."""
    if scheme.options.letters:
        kind = grouped.period.assessment.kind
        return "".join(group.letter for group in grouped.groups) + kind.indicator
    return "-".join(group.letter for group in grouped.groups)


def name_of(grouped: Grouped, lang: str = "zh") -> str:
    """The names of the groups of a period."""
    return SEPARATOR[lang].join(group.label.of(lang) for group in grouped.groups)


def answer(scheme: CompiledPdpm, dx: Diagnoses, case: Case) -> Answer:
    """Group one case and keep what was asked."""
    if (case.kind or "inpatient") not in scheme.card.kinds:
        return Answer(Reason.KIND_UNSUPPORTED, (), (), None)
    if (case.code_system or "nhsa") != scheme.options.code_system:
        return Answer(Reason.CODE_SYSTEM_MISMATCH, (), (), None)
    told = _unknown_diagnoses(dx, case)
    reason = _principal_fault(dx, case)
    if reason is not None:
        return Answer(reason, told, (), None)
    found = read_assessments(scheme, case)
    stay = stay_of(case, found.assessments)
    if isinstance(stay, Reason):
        return Answer(stay, told, (), found)
    reason, about = _assessment_fault(stay, found)
    if reason is not None:
        return Answer(reason, told, (), found, about)
    facts = _facts(scheme, dx, case)
    asked = [
        (period, Evaluator(scheme, period.assessment.values, facts))
        for period in periods_of(stay, found.assessments)
    ]
    missing = [_unmet(e) for _, e in asked if e.is_open()]
    if missing:
        about = tuple(dict.fromkeys(item for items in missing for item in items))
        return Answer(Reason.ASSESSMENT_ITEM_MISSING, told, (), found, about)
    periods: list[Grouped] = []
    for period, evaluator in asked:
        groups = tuple(g for g, _ in map(evaluator.group, scheme.axes) if g is not None)
        category = evaluator.category()
        if len(groups) < len(scheme.axes) or category is None:
            return Answer(Reason.GROUP_NONE, told, (), found)
        points = _points(scheme.components, groups, period)
        periods.append(Grouped(period, evaluator, groups, category, points))
    warned = [*_warnings(scheme, stay, found.assessments, periods, found), *told]
    ordered = {w.reason: w for w in warned}
    sorted_ = tuple(ordered[r] for r in Reason if r in ordered)
    return Answer(None, sorted_, tuple(periods), found)


def _principal_fault(dx: Diagnoses, case: Case) -> Reason | None:
    written = case.dx[0] if case.dx else None
    number = dx.vocabulary.id(written)
    if number == NO_CODE:
        return Reason.DX_PRINCIPAL_MISSING
    if number == UNKNOWN:
        foreign = dx.is_foreign(str(written))
        return Reason.DX_PRINCIPAL_EDITION if foreign else Reason.DX_PRINCIPAL_UNKNOWN
    category = dx.facts[number, 0]
    if category == RETURNED:
        return Reason.DX_RETURNED
    return Reason.DX_CATEGORY_NONE if category == NO_CATEGORY else None


def _unknown_diagnoses(dx: Diagnoses, case: Case) -> tuple[Warned, ...]:
    found: dict[Reason, list[str]] = {}
    for code in case.dx[1:]:
        if code and dx.is_unknown(code):
            foreign = dx.is_foreign(code)
            reason = Reason.DX_OTHER_EDITION if foreign else Reason.DX_OTHER_UNKNOWN
            found.setdefault(reason, []).append(code)
    return tuple(Warned(r, tuple(found[r])) for r in Reason if r in found)


def _facts(scheme: CompiledPdpm, dx: Diagnoses, case: Case) -> DxFacts:
    numbers = [dx.vocabulary.id(code) for code in case.dx]
    others = [number for number in numbers[1:] if number != numbers[0]]
    lists = {
        name
        for name, members in dx.members.items()
        if any(members[n] for n in (numbers if name in scheme.any_place else others))
    }
    category, neurologic, surgery = (int(v) for v in dx.facts[numbers[0]])
    return DxFacts((category, neurologic, surgery), lists)


def _assessment_fault(stay: Stay, found: Found) -> tuple[Reason | None, tuple[str, ...]]:
    if found.incomplete:
        return Reason.ASSESSMENT_INCOMPLETE, tuple(found.incomplete)
    fault = order_fault(stay, found.assessments)
    if fault is Reason.ASSESSMENT_MISSING:
        return fault, ()
    if found.bad:
        return Reason.ASSESSMENT_VALUE, tuple(found.bad)
    if found.conflicts:
        return Reason.ASSESSMENT_CONFLICT, tuple(dict.fromkeys(found.conflicts))
    return fault, ()


def _unmet(evaluator: Evaluator) -> tuple[str, ...]:
    """The items by which the unmet requirements could have been met first."""
    return tuple(item for r in evaluator.unmet for item, _ in r.alternatives[0])


def _points(components: Sequence[Component], groups: Sequence[Group], period: Period) -> Decimal:
    """The points of a period: of each component factor × base × the shares of its days."""
    by_axis = {group.axis: group.name for group in groups}
    total = Decimal(0)
    for component in components:
        factor = component.factors[by_axis[component.axis]] if component.axis else Decimal(1)
        shares = share_sum(component, period.first, period.days)
        total += factor * component.points * shares
    return total


def share_sum(component: Component, first: int, days: int) -> Decimal:
    """The shares that a component is paid on some days of the stay, added up day by day."""
    total = Decimal(0)
    rows = iter(component.curve)
    row = next(rows)
    for day in range(first, first + days):
        while row.last is not None and day > row.last:
            row = next(rows)
        total += row.share
    return total


def _warnings(
    scheme: CompiledPdpm,
    stay: Stay,
    assessments: Sequence[Assessment],
    periods: Sequence[Grouped],
    found: Found,
) -> list[Warned]:
    warned = [Warned(r, ()) for r in timing_warnings(stay, assessments, scheme.options)]
    missing: dict[str, None] = {}
    for grouped in periods:
        missing |= dict.fromkeys((*_unmet(grouped.evaluator), *grouped.evaluator.stand_ins()))
    if missing:
        warned.append(Warned(Reason.ASSESSMENT_ITEM_MISSING, tuple(missing)))
    if found.unknown:
        warned.append(Warned(Reason.ASSESSMENT_ITEM_UNKNOWN, tuple(found.unknown)))
    return warned
