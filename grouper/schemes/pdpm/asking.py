"""What an assessment was asked, in steps: scores and measures, conditions, groups of an axis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codebooks.messages import text
from grouper.schemes.pdpm.records import CATEGORY, DX_FACTS
from grouper.schemes.telling import evidence, step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grouper.schemes.pdpm.compiled import CompiledPdpm
    from grouper.schemes.pdpm.evaluate import Evaluator
    from grouper.schemes.pdpm.records import Axis, Category, Condition, Group, Term


class Asked:
    """Puts the questions of one assessment and their answers into steps of a trace."""

    def __init__(self, scheme: CompiledPdpm, evaluator: Evaluator, lang: str) -> None:
        self.scheme = scheme
        self.evaluator = evaluator
        self.lang = lang
        self._told: set[str] = set()

    def categories(self, chosen: Category) -> list[dict[str, Any]]:
        """The clinical categories that were asked, to the one that holds."""
        steps: list[dict[str, Any]] = []
        for category in self.scheme.categories[: chosen.row + 1]:
            steps += self._before(category.condition)
            name = category.label.of(self.lang)
            code = str(category.category)
            held = category is chosen
            steps.append(self._row("pdpm_category", code, name, category.condition, held))
        return steps

    def axis(self, axis: Axis, chosen: Group) -> list[dict[str, Any]]:
        """The groups of an axis that were asked, each after what it rests on."""
        steps: list[dict[str, Any]] = []
        for group in axis.groups[: chosen.number - axis.groups[0].number + 1]:
            steps += self._before(group.condition)
            name = group.label.of(self.lang)
            held = group is chosen
            steps.append(self._row("pdpm_group", group.name, name, group.condition, held))
        return steps

    def _before(self, name: str | None) -> Iterator[dict[str, Any]]:
        """Scores, measures and conditions that a condition asks and that were not told yet."""
        for term in self._terms(name):
            if term.subject in self._told:
                continue
            self._told.add(term.subject)
            if term.subject in self.scheme.scores:
                yield self._score(term.subject)
            elif term.subject in self.scheme.measures:
                yield from self._measure(term.subject)
            elif term.subject in self.scheme.conditions:
                yield from self._before(term.subject)
                yield self._condition(term.subject)

    def _terms(self, name: str | None) -> Iterator[Term]:
        if name is not None:
            for terms in self.scheme.conditions[name].alternatives:
                yield from terms

    def _row(
        self, level: str, code: str, name: str, condition: str | None, held: bool
    ) -> dict[str, Any]:
        if condition is None:
            return step(level, code, name, holds=held)
        rule = self.scheme.conditions[condition]
        asked = list(self._evidence(rule, held=held))
        return step(level, code, name, holds=held, rule=rule.text, words=name, asked=asked)

    def _condition(self, name: str) -> dict[str, Any]:
        rule = self.scheme.conditions[name]
        held = self.evaluator.holds(name) is True
        asked = list(self._evidence(rule, held=held))
        label = rule.label.of(self.lang)
        return step(
            "pdpm_condition", name, label, holds=held, rule=rule.text, words=label, asked=asked
        )

    def _evidence(self, rule: Condition, *, held: bool) -> Iterator[dict[str, Any]]:
        """What made a condition hold, or of each alternative the first that kept it from holding."""
        told: set[str] = set()
        for terms in rule.alternatives:
            answers = [self.evaluator.term(term) for term in terms]
            if held and all(answers):
                yield from (self._answer(term, holds=True) for term in terms)
                return
            if not held:
                term = next(t for t, a in zip(terms, answers, strict=True) if a is not True)
                if term.text not in told:
                    told.add(term.text)
                    yield self._answer(term, holds=False)

    def _answer(self, term: Term, *, holds: bool) -> dict[str, Any]:
        return evidence(
            f"{self._label(term.subject)} [{term.text}]", self._found(term), holds=holds
        )

    def _found(self, term: Term) -> str | None:
        if term.test == "holds":
            answer = self.evaluator.holds(term.subject)
            return text(f"pdpm.answer_{answer}".lower(), self.lang)
        if term.subject in self.scheme.items and term.subject not in self.evaluator.values:
            return None
        return _shown(*self.evaluator.number(term.subject))

    def _label(self, subject: str) -> str:
        for table in (
            self.scheme.items,
            self.scheme.conditions,
            self.scheme.scores,
            self.scheme.measures,
        ):
            if subject in table:
                return table[subject].label.of(self.lang)
        if subject in self.scheme.lists:
            return self.scheme.lists[subject].of(self.lang)
        return text(f"pdpm.{subject.lower()}", self.lang)

    def _score(self, name: str) -> dict[str, Any]:
        score = self.scheme.scores[name]
        asked = []
        for part in score.parts:
            low, high = self.evaluator.points(part)
            stated = self.evaluator.values.get(part.item)
            value = text("pdpm.not_stated", self.lang) if stated is None else str(stated)
            points = str(low) if low == high else f"{low}–{high}"
            found = text("pdpm.points", self.lang, value=value, points=points)
            label = self.scheme.items[part.item].label.of(self.lang)
            asked.append(evidence(f"{part.item} {label}", found, holds=True))
        value = _shown(*self.evaluator.number(name))
        label = f"{score.label.of(self.lang)} = {value}"
        return step("pdpm_score", name, label, holds=True, asked=asked)

    def _measure(self, name: str) -> Iterator[dict[str, Any]]:
        """A measure with the subjects that count; those that do not are many and add nothing."""
        measure = self.scheme.measures[name]
        asked = []
        for subject, points in measure.points:
            if self.evaluator.holds(subject) is not False:
                self._told.add(subject)
                if subject in self.scheme.conditions:
                    yield from self._before(subject)
                    yield self._condition(subject)
                answer = self.evaluator.holds(subject)
                asked.append(
                    evidence(
                        f"{self._label(subject)} [{subject}]", f"+{points}", holds=bool(answer)
                    )
                )
        label = f"{measure.label.of(self.lang)} = {_shown(*self.evaluator.number(name))}"
        yield step("pdpm_measure", name, label, holds=True, asked=asked)


def _shown(low: int, high: int) -> str:
    return str(low) if low == high else f"{low}–{high}"


WORDED = (CATEGORY, *DX_FACTS)
"""Subjects whose words stand in the catalogues (``pdpm.<subject in small letters>``)."""
