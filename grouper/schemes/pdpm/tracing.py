"""The trace of one stay: what each assessment was asked, with which answer, and the points of a day."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from codebooks.messages import text
from grouper.schemes.pdpm.asking import Asked
from grouper.schemes.pdpm.output import PRICED, WITHOUT_DAYS
from grouper.schemes.pdpm.scalar import code_of, name_of, rounded, share_sum
from grouper.schemes.pdpm.stay import local_day
from grouper.schemes.telling import (
    case_part,
    named,
    part_line,
    plain_number,
    result_part,
    scheme_part,
    step,
    sum_line,
    value_part,
    warnings_part,
)
from grouper.schemes.trace import Trace

if TYPE_CHECKING:
    from grouper.case.record import Case
    from grouper.schemes.pdpm.codes import Diagnoses
    from grouper.schemes.pdpm.compiled import CompiledPdpm
    from grouper.schemes.pdpm.scalar import Answer, Grouped

_ONE_DAY = timedelta(days=1)


def trace_of(scheme: CompiledPdpm, dx: Diagnoses, case: Case, found: Answer) -> Trace:
    """The trace of an answer."""
    return Trace(_Teller(scheme, dx, case, found).tell)


class _Teller:
    def __init__(self, scheme: CompiledPdpm, dx: Diagnoses, case: Case, found: Answer) -> None:
        self.scheme = scheme
        self.dx = dx
        self.case = case
        self.answer = found

    def tell(self, lang: str) -> dict[str, Any]:
        told = [(grouped, self._steps(grouped, lang)) for grouped in self.answer.periods]
        shown = self.answer.shown if self.answer.periods else None
        path = next((steps for grouped, steps in told if grouped is shown), [])
        return {
            "scheme": scheme_part(self.scheme.card, self.scheme.content_hash),
            "result": self._result(shown, lang),
            "case": self._case(lang),
            "path": [s for s in path if s["level"] in _ON_PATH and s["holds"]],
            "steps": [s for _, steps in told for s in steps],
            "arithmetic": [
                line
                for number, (grouped, _) in enumerate(told, 1)
                for line in self._arithmetic(number, grouped, lang)
            ],
            "parts": [self._part(n, grouped, lang) for n, (grouped, _) in enumerate(told, 1)],
            "warnings": warnings_part(self.answer.warnings, lang),
        }

    def _result(self, shown: Grouped | None, lang: str) -> dict[str, Any]:
        group = None
        if shown is not None:
            group = named(code_of(self.scheme, shown), name_of(shown, lang))
        return result_part(
            lang,
            self.answer.status,
            self.answer.reason,
            group=group,
            group_kind=shown.category.kind if shown else None,
            weight=self.answer.weight if shown else None,
        )

    def _case(self, lang: str) -> dict[str, Any]:
        values = []
        for name, day in (
            ("admission_time", local_day(self.case.admission_time)),
            ("discharge_time", local_day(self.case.discharge_time)),
        ):
            if day is not None:
                label = text(f"pdpm.{name}", lang)
                values.append(value_part(name, label, day.isoformat(), day.isoformat()))
        if self.answer.about:
            label = text("pdpm.about", lang)
            shown = ", ".join(self.answer.about)
            values.append(value_part("assessment_item", label, shown, shown))
        return case_part(self.case.dx, (), self.dx.name, values)

    def _steps(self, grouped: Grouped, lang: str) -> list[dict[str, Any]]:
        """The assessment itself, the category, then of each axis what its groups asked."""
        kind, day = grouped.period.assessment.kind, grouped.period.assessment.day
        steps = [step("pdpm_assessment", kind.name, f"{kind.label.of(lang)} {day}", holds=True)]
        asked = Asked(self.scheme, grouped.evaluator, lang)
        steps += asked.categories(grouped.category)
        for axis, group in zip(self.scheme.axes, grouped.groups, strict=True):
            steps += asked.axis(axis, group)
        return steps

    def _arithmetic(self, number: int, grouped: Grouped, lang: str) -> list[dict[str, str]]:
        """A line for each component of a period that has days: factor × base × shares of its days."""
        period = grouped.period
        by_axis = {group.axis: group.name for group in grouped.groups}
        lines = []
        for component in self.scheme.components if period.days else ():
            if component.points:
                factor = Decimal(1)
                if component.axis:
                    factor = component.factors[by_axis[component.axis]]
                shares = share_sum(component, period.first, period.days)
                label = text("pdpm.component", lang, number=number, name=component.label.of(lang))
                formula = text(
                    "pdpm.formula",
                    lang,
                    factor=plain_number(factor),
                    points=plain_number(component.points),
                    shares=plain_number(shares),
                    first=period.first,
                    last=period.first + period.days - 1,
                )
                lines.append(sum_line(label, formula, factor * component.points * shares))
        return lines

    def _part(self, number: int, grouped: Grouped, lang: str) -> dict[str, Any]:
        period = grouped.period
        kind = period.assessment.kind
        if period.days:
            end: date = period.start + (period.days - 1) * _ONE_DAY
            why = text("pdpm.days", lang, start=period.start, end=end, days=period.days)
        else:
            why = text("pdpm.without_days", lang)
        return part_line(
            number,
            kind.name,
            f"{kind.label.of(lang)} {period.assessment.day}",
            group=code_of(self.scheme, grouped),
            group_name=name_of(grouped, lang),
            action=text(f"pdpm.{PRICED if period.days else WITHOUT_DAYS}", lang),
            why=why,
            share=Decimal(1),
            weight=rounded(grouped.points),
        )


_ON_PATH = frozenset({"pdpm_category", "pdpm_group"})
"""Levels of steps that lead to the group."""
