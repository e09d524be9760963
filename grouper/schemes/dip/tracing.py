"""The trace of a DIP grouping, put together from the scalar engine's answer."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from codebooks.messages import text
from grouper.schemes.dip.asking import Asked
from grouper.schemes.dip.auxiliary import parts_of
from grouper.schemes.dip.compiled import CONSERVATIVE, RESTRICTED
from grouper.schemes.dip.policy import (
    BASIC,
    COMPREHENSIVE,
    CORE,
    DETAIL,
    MERGED,
    PRE,
    PRIMARY_CARE,
)
from grouper.schemes.reasons import Reason, Status
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
from grouper.schemes.vocabulary import NO_CODE, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from grouper.case.record import Case
    from grouper.schemes.dip.asking import Condition
    from grouper.schemes.dip.auxiliary import Auxiliary
    from grouper.schemes.dip.compiled import CompiledScheme, Exclusion
    from grouper.schemes.dip.rows import Row
    from grouper.schemes.dip.scalar import Answer, Step
    from grouper.schemes.protocol import Warned

SHOWN = 40
"""How many rows of one level that do not hold are told one by one; the rest are counted."""

_LEVEL = {
    PRE: "pre",
    MERGED: "merged",
    DETAIL: "detail",
    BASIC: "basic",
    CORE: "core",
    PRIMARY_CARE: "primary_care",
    COMPREHENSIVE: "comprehensive",
}


@dataclass(frozen=True, slots=True)
class Story:
    """What a trace tells of.

    Attributes:
        scheme: the scheme.
        case: the case.
        answer: of the scalar engine.
        auxiliary: the auxiliary factors of a grouped case.
        weight: the case's score, or None.
        warnings: beside the result.
        tables: hashes of the tables that decide beside the book, by name.
    """

    scheme: CompiledScheme
    case: Case
    answer: Answer
    auxiliary: Auxiliary | None
    weight: Decimal | None
    warnings: tuple[Warned, ...]
    tables: Mapping[str, str]


def trace_of(story: Story) -> Trace:
    """The trace of an answer."""
    return Trace(_Teller(story).tell)


class _Teller:
    def __init__(self, story: Story) -> None:
        self.story = story
        self.scheme = story.scheme
        self.answer = story.answer
        self.name_of = story.scheme.codes.name

    def tell(self, lang: str) -> dict[str, Any]:
        answer, case = self.answer, self.story.case
        tried = self._rows(lang)
        return {
            "scheme": {
                **scheme_part(self.scheme.card, self.scheme.content_hash),
                "tables": dict(self.story.tables),
            },
            "result": self._result(lang),
            "case": case_part(case.dx, case.px, self.name_of, self._values(lang)),
            "path": [one for won, one in tried if won and answer.status is Status.GROUPED],
            "steps": [*self._exclusions(lang), *(one for _, one in tried)],
            "not_grouping": [
                self._code(number)
                for number, exclusion in answer.facts.excluded
                if exclusion.treatment == CONSERVATIVE
            ],
            "warnings": warnings_part(self.story.warnings, lang),
            "arithmetic": self._arithmetic(lang),
            "parts": self._parts(lang),
        }

    def _result(self, lang: str) -> dict[str, Any]:
        row, fallback = self.answer.row, self.answer.fallback
        group = named(row.group, row.name) if row else named(fallback, "") if fallback else None
        return result_part(
            lang,
            self.answer.status,
            self.answer.reason,
            group=group,
            group_kind=row.section if row else None,
            weight=self.story.weight,
        )

    def _code(self, number: int) -> dict[str, str]:
        code = self.answer.facts.written[number]
        return named(code, self.name_of(code))

    def _values(self, lang: str) -> list[dict[str, Any]]:
        facts = self.answer.facts
        found = []
        for name, value in (("age_days", facts.age_days), ("weight_g", facts.weight_g)):
            if value is not None:
                shown = text(f"dip.shown_{name}", lang, value=value)
                found.append(value_part(name, text(f"dip.value_{name}", lang), value, shown))
        if facts.cost is not None:
            plain = plain_number(facts.cost)
            shown = text("dip.shown_total_cost", lang, value=plain)
            found.append(value_part("total_cost", text("dip.value_total_cost", lang), plain, shown))
        return found

    def _exclusions(self, lang: str) -> list[dict[str, Any]]:
        """The steps of the lists of exclusions."""
        facts, steps = self.answer.facts, []
        if self.scheme.excluded_diagnoses and facts.principal not in (NO_CODE, UNKNOWN):
            excluded = self.answer.reason is Reason.DX_NOT_PRINCIPAL
            words = text("dip.excluded_diagnosis", lang)
            asked = evidence(words, facts.written[facts.principal], holds=excluded)
            own = self._code(facts.principal)
            if excluded:
                own["name"] = text("dip.excluded", lang, name=own["name"], words=words)
            steps.append(self._exclusion(own, words, asked, "excluded_diagnoses"))
        for number, exclusion in facts.excluded:
            words = self._words_of(exclusion, lang)
            asked = evidence(words, facts.written[number], holds=True)
            own = self._code(number)
            # The page of a trace shows of a step that holds its name alone.
            own["name"] = text("dip.excluded", lang, name=own["name"], words=words)
            steps.append(self._exclusion(own, words, asked, "excluded_procedures"))
        return steps

    @staticmethod
    def _words_of(exclusion: Exclusion, lang: str) -> str:
        keys = exclusion.text if exclusion.treatment == RESTRICTED else ""
        return text(f"dip.excluded_{exclusion.treatment}", lang, diagnoses=keys)

    @staticmethod
    def _exclusion(
        code: dict[str, str], words: str, asked: dict[str, Any], table: str
    ) -> dict[str, Any]:
        return step(
            "exclusion",
            code["code"],
            code["name"],
            holds=asked["holds"],
            rule=table,
            words=words,
            asked=[asked],
            sheet=table,
        )

    def _rows(self, lang: str) -> list[tuple[bool, dict[str, Any]]]:
        """The steps of the rows tried, and whether each won; long lists are cut."""
        found: list[tuple[bool, dict[str, Any]]] = []
        left_out: dict[str, int] = {}
        told: dict[str, int] = {}
        last = ""
        for one in self.answer.steps:
            row = one.attempt.row
            if one.lost_to is row:
                continue
            level = "conservative" if row.conservative else _LEVEL[row.section]
            if level != last:
                found += self._rest(left_out, last, lang)
                last = level
            if not one.attempt.holds:
                told[level] = told.get(level, 0) + 1
                if told[level] > SHOWN:
                    left_out[level] = left_out.get(level, 0) + 1
                    continue
            found.append((one.won, self._row(one, level, lang)))
        return found + self._rest(left_out, last, lang)

    @staticmethod
    def _rest(left_out: dict[str, int], level: str, lang: str) -> list[tuple[bool, dict[str, Any]]]:
        count = left_out.pop(level, 0)
        if not count:
            return []
        words = text("dip.more_rows", lang, count=count)
        return [(False, step(level, "", words, holds=False, words=words))]

    def _row(self, one: Step, level: str, lang: str) -> dict[str, Any]:
        row = one.attempt.row
        conditions = one.attempt.conditions
        if one.won:
            asked = [self._evidence(condition, lang) for condition in conditions]
        elif one.attempt.holds:
            asked = [self._loss(one, lang)]
        else:
            # Where some related parts are enough only those that kept the row from holding matter.
            asked = [self._evidence(c, lang) for c in conditions if not c.holds]
        return step(
            level,
            row.group,
            row.name,
            holds=one.won,
            rule=row.text,
            words=self._words(row, conditions, lang),
            asked=asked,
            sheet=_sheet(row.section, lang),
            source_row=row.source_row,
        )

    def _evidence(self, condition: Condition, lang: str) -> dict[str, Any]:
        asked = self._asked(condition, lang)
        found = ", ".join(map(self.scheme.official, condition.found))
        return evidence(asked, found or None, holds=condition.holds)

    def _asked(self, condition: Condition, lang: str) -> str:
        wanted = "|".join(map(self.scheme.official, condition.wanted))
        if condition.asked is Asked.TREATMENT:
            wanted = text(f"dip.treatment_{wanted}", lang)
        return text(f"dip.asked_{condition.asked}", lang, wanted=wanted)

    @staticmethod
    def _loss(one: Step, lang: str) -> dict[str, Any]:
        by = one.lost_by.value if one.lost_by else "order"
        other = one.lost_to.group if one.lost_to else ""
        asked = text(f"dip.lost_{by}", lang, group=other)
        own, best = (_shown(figure, by, lang) for figure in one.figures)
        return evidence(asked, f"{own or '–'} / {best}" if best else None, holds=False)

    def _words(self, row: Row, conditions: Sequence[Condition], lang: str) -> str:
        keys = "|".join(str(key) for key in row.principal if not key.is_any)
        place = "any" if row.diagnosis_any else "principal"
        words = [text(f"dip.asked_{place}" if keys else "dip.asked_every", lang, wanted=keys)]
        words += [self._asked(condition, lang) for condition in conditions]
        return text("dip.and", lang).join(words)

    def _arithmetic(self, lang: str) -> list[dict[str, str]]:
        row, auxiliary = self.answer.row, self.story.auxiliary
        if row is None or row.score is None or auxiliary is None or self.story.weight is None:
            return []
        lines = [sum_line(text("dip.group_score", lang), self._score(row, lang), row.score)]
        formula = f"{plain_number(row.score)} × {plain_number(auxiliary.factor)}"
        return [*lines, sum_line(text("dip.case_score", lang), formula, self.story.weight)]

    def _score(self, row: Row, lang: str) -> str:
        """From which figures the catalogue's score follows, where they give it."""
        options = self.scheme.card.options
        mean, city, base = (row.mean_cost, *map(_number, map(options.get, _SCORE_OPTIONS)))
        if mean is not None and city and base and row.score is not None:
            score = mean / city * base
            # Published figures are rounded: the score follows as far as their rounding allows.
            bound = _HALF * (1 + base / city + score / city)
            if abs(score - row.score) <= bound:
                return f"{plain_number(mean)} ÷ {plain_number(city)} × {plain_number(base)}"
        return text("dip.as_published", lang)

    def _parts(self, lang: str) -> list[dict[str, Any]]:
        auxiliary, primary = self.story.auxiliary, self.answer.primary
        lines = parts_of(auxiliary, lang) if auxiliary else []
        if primary:
            main = self.answer.facts.main
            own = self._code(main.number) if main else self._code(self.answer.facts.principal)
            lines.append(
                part_line(
                    len(lines) + 1,
                    own["code"],
                    own["name"],
                    group=primary.group,
                    group_name=text("dip.primary_care", lang),
                    action=text("dip.primary_care_noted", lang),
                    why=primary.text,
                )
            )
        return lines


_SCORE_OPTIONS = ("city_mean_cost", "score_base")
_HALF = Decimal("0.0000005")
"""Half of the last of six places."""


def _number(option: object) -> Decimal | None:
    """A figure on the card, if it is one above zero."""
    try:
        value = Decimal(str(option))
    except InvalidOperation:
        return None
    return value if value.is_finite() and value > 0 else None


def _shown(figure: str, preference: str, lang: str) -> str:
    return text(f"dip.treatment_{figure}", lang) if preference == "treatment" else figure


def _sheet(section: str, lang: str) -> str:
    """The sheet of a row: the national workbook has one for each section, a city's list is one."""
    national = section in (PRE, MERGED, DETAIL, BASIC)
    return text(f"group_kind.{section}" if national else "dip.catalogue", lang)
