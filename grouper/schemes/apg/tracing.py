"""The trace of an APG grouping, put together from the scalar engine's answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codebooks.apg.words import VisitKind
from codebooks.messages import text
from grouper.schemes.apg.words import PAYING, Action, PartKind, Why
from grouper.schemes.protocol import Warned
from grouper.schemes.telling import (
    case_part,
    evidence,
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
    from grouper.schemes.apg.answer import Answer, Part
    from grouper.schemes.apg.compiled import CompiledApg

_TABLES = {
    PartKind.PROCEDURE: "procedures",
    PartKind.VISIT: "diagnoses",
    PartKind.LINE: "items",
}
_BY_RULE = frozenset({Why.PACKAGING_RULE, Why.APART_RULE})


def trace_of(scheme: CompiledApg, case: Case, answer: Answer) -> Trace:
    """The trace of an answer."""
    return Trace(_Teller(scheme, case, answer).tell)


class _Teller:
    def __init__(self, scheme: CompiledApg, case: Case, answer: Answer) -> None:
        self.scheme = scheme
        self.case = case
        self.answer = answer

    def tell(self, lang: str) -> dict[str, Any]:
        answer, group = self.answer, self.answer.group
        kinds = self._kinds(lang)
        groups = [self._assigned(part, lang) for part in answer.parts]
        main = next((i for i, p in enumerate(answer.parts) if p is self._main()), None)
        result = result_part(
            lang,
            answer.status,
            answer.reason,
            group=named(group.code, group.name) if group else None,
            group_kind=answer.kind.value if answer.kind else None,
            weight=answer.weight,
        )
        return {
            "scheme": scheme_part(self.scheme.card, self.scheme.content_hash),
            "result": result,
            "case": case_part(
                self.case.dx, self.case.px, self.scheme.codes.name, self._values(lang)
            ),
            "path": [kinds[-1], groups[main]] if main is not None else [],
            "steps": [*kinds, *groups, *self._packaging(lang)],
            "warnings": warnings_part((Warned(n.reason, n.codes) for n in answer.notices), lang),
            "arithmetic": self._arithmetic(lang),
            "parts": [self._line(n, part, lang) for n, part in enumerate(answer.parts, 1)],
        }

    def _main(self) -> Part | None:
        """The part that gives the visit its group."""
        own = [p for p in self.answer.parts if p.group is self.answer.group and p.group]
        paying = [p for p in own if p.action in PAYING]
        return max(paying or own, key=lambda p: p.value or 0, default=None)

    def _values(self, lang: str) -> list[dict[str, Any]]:
        count = sum(part.kind is PartKind.LINE for part in self.answer.parts)
        found = [value_part("lines", text("apg.value.lines", lang), count, str(count))]
        if self.answer.day is not None:
            day = self.answer.day.isoformat()
            found.append(value_part("day", text("apg.value.day", lang), day, day))
        return found if self.answer.parts else []

    def _kinds(self, lang: str) -> list[dict[str, Any]]:
        """What was asked to find the kind of the visit, up to what held."""
        steps: list[dict[str, Any]] = []
        for kind in VisitKind if self.answer.kind else ():
            holds = kind is self.answer.kind
            codes = [self._shown(p) for p in self.answer.parts if self._speaks_for(p, kind)]
            asked = text(f"apg.kind.{kind}", lang)
            found = ", ".join(codes) or None
            steps.append(
                step(
                    "apg_kind",
                    kind.value,
                    text(f"group_kind.{kind}", lang),
                    holds=holds,
                    rule=asked,
                    words=asked,
                    asked=[evidence(asked, found, holds=holds)],
                )
            )
            if holds:
                break
        return steps

    @staticmethod
    def _speaks_for(part: Part, kind: VisitKind) -> bool:
        if kind is VisitKind.PROCEDURE:
            return part.why in (Why.FIRST_PROCEDURE, Why.BILATERAL, Why.TERMINATED)
        if kind is VisitKind.MEDICAL:
            return part.why is Why.MEDICAL_VISIT
        return part.kind is PartKind.LINE and part.action in PAYING

    def _assigned(self, part: Part, lang: str) -> dict[str, Any]:
        """Which row of the book led to a part's group."""
        group, table = part.group, _TABLES[part.kind]
        asked = text(f"apg.assign.{part.kind}", lang)
        return step(
            "apg_group",
            group.code if group else "",
            group.name if group else text("apg.assign.none", lang),
            holds=group is not None,
            rule=asked,
            words=asked,
            asked=[evidence(asked, self._shown(part) or None, holds=group is not None)],
            sheet=table,
            source_row=part.fate.row,
        )

    def _packaging(self, lang: str) -> list[dict[str, Any]]:
        """The packaging rules that decided, each once."""
        steps: dict[str, dict[str, Any]] = {}
        for part in self.answer.parts:
            rule = part.rule
            if rule is None or part.why not in _BY_RULE:
                continue
            found = evidence(rule.code, self._shown(part) or None, holds=True)
            if rule.code in steps:
                steps[rule.code]["held_by"]["evidence"].append(found)
                continue
            words = rule.note or text(f"apg.action.{rule.action}", lang)
            steps[rule.code] = step(
                "apg_packaging",
                rule.code,
                words,
                holds=True,
                rule=rule.code,
                words=words,
                asked=[found],
                sheet="packaging",
                source_row=rule.row,
            )
        return list(steps.values())

    def _shown(self, part: Part) -> str:
        return part.code or part.name or part.fate.line_class

    def _line(self, number: int, part: Part, lang: str) -> dict[str, Any]:
        name = part.name
        if part.kind is not PartKind.LINE and part.code:
            name = self.scheme.codes.name(part.code)
        why = text(f"apg.why.{part.why}", lang)
        if part.rule is not None and part.why in _BY_RULE:
            note = part.rule.note or part.rule.code
            why = text("apg.why_rule", lang, why=why, rule=part.rule.code, note=note)
        group = part.group
        return part_line(
            number,
            part.code or part.fate.line_class,
            name,
            group=group.code if group else "",
            group_name=group.name if group else "",
            action=text(f"apg.action.{part.action or Action.UNASSIGNED}", lang),
            why=why,
            share=part.share,
            weight=part.weight,
        )

    def _arithmetic(self, lang: str) -> list[dict[str, str]]:
        paying = [part for part in self.answer.parts if part.action in PAYING]
        lines = []
        for part in paying:
            if part.group is None or part.share is None or part.weight is None:
                continue
            formula = f"{plain_number(part.weight)} × {plain_number(part.share)}"
            label = f"{part.group.code} {part.group.name}"
            if part.value is not None:
                lines.append(sum_line(label, formula, part.value))
        if self.answer.weight is not None:
            formula = " + ".join(line["value"] for line in lines) or "0"
            lines.append(sum_line(text("apg.sum", lang), formula, self.answer.weight))
        return lines
