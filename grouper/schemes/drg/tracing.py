"""The trace of a CHS-DRG grouping, put together from the scalar engine's answer."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from codebooks.messages import catalogue, text
from grouper.rules.ast import SEVERITY_SETS, And, Compare, Count, Expr, Member, Or, Scalar
from grouper.rules.printer import print_rule
from grouper.rules.set_names import SetNames
from grouper.rules.words import describe
from grouper.schemes.drg.compiled import MCC, leaves
from grouper.schemes.drg.evaluate import count, holds, member_code
from grouper.schemes.drg.facts import with_main_procedure
from grouper.schemes.protocol import Warned
from grouper.schemes.reasons import Status
from grouper.schemes.telling import named, result_part, scheme_part, warnings_part
from grouper.schemes.trace import Trace
from grouper.schemes.vocabulary import NO_CODE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from grouper.case.record import Case
    from grouper.schemes.drg.compiled import CompiledScheme, Row
    from grouper.schemes.drg.facts import Facts
    from grouper.schemes.drg.scalar import Answer, Step


def trace_of(
    scheme: CompiledScheme, case: Case, answer: Answer, name_of: Callable[[str], str]
) -> Trace:
    """The trace of an answer; ``name_of`` gives a code's name."""
    return Trace(_Teller(scheme, case, answer, name_of).tell)


@lru_cache(maxsize=16)
def _names(scheme: CompiledScheme) -> SetNames:
    return SetNames.of(scheme.book)


@lru_cache(maxsize=8192)
def _words(scheme: CompiledScheme, rule: Expr | None, lang: str) -> str:
    return describe(rule, lang, _names(scheme))


@lru_cache(maxsize=8192)
def _printed(rule: Expr | None) -> str:
    return print_rule(rule)


class _Teller:
    def __init__(
        self, scheme: CompiledScheme, case: Case, answer: Answer, name_of: Callable[[str], str]
    ) -> None:
        self.scheme = scheme
        self.case = case
        self.answer = answer
        self.name_of = name_of

    def tell(self, lang: str) -> dict[str, Any]:
        steps = [self._step(step, lang) for step in self.answer.steps]
        return {
            "scheme": scheme_part(self.scheme.card, self.scheme.content_hash),
            "result": self._result(lang),
            "case": self._case(lang),
            # A case that is refused has no path to a group, whatever the rules would say.
            "path": [] if self.answer.status is Status.INVALID else _path(steps),
            "steps": steps,
            "complications": self._complications(),
            "not_grouping": [self._code(number) for number in self.answer.facts.dropped],
            "warnings": warnings_part(
                (Warned(n.reason, n.codes) for n in self.answer.notices), lang
            ),
        }

    def _result(self, lang: str) -> dict[str, Any]:
        found = self.answer.group
        group = self.scheme.groups[found] if found is not None else None
        reason = self.answer.reason
        return result_part(
            lang,
            self.answer.status,
            reason,
            mdc=_named(group.mdc) if group and group.mdc else None,
            adrg=_named(group.adrg) if group and group.adrg else None,
            group=_named(group.drg) if group else None,
        )

    def _case(self, lang: str) -> dict[str, Any]:
        facts = self.answer.facts
        return {
            "diagnoses": [self._written(code) for code in self.case.dx],
            "procedures": [self._written(code) for code in self.case.px],
            "values": [
                {
                    "name": s.value,
                    "label": text(f"rule_words.scalar.{s}", lang),
                    "value": value,
                    "shown": _shown(s, value, lang),
                }
                for s, value in facts.values.items()
                if s in self.scheme.scalars
            ],
        }

    def _written(self, code: str | None) -> dict[str, str]:
        return named(code or "", self.name_of(code) if code else "")

    def _code(self, number: int) -> dict[str, str]:
        return self._written(self.answer.facts.written[number])

    def _step(self, step: Step, lang: str) -> dict[str, Any]:
        facts = self.answer.facts
        if step.procedure is not None:
            facts = with_main_procedure(self.scheme, facts, step.procedure)
        return {
            "level": step.level,
            **_named(step.row),
            "holds": step.holds,
            "rule": step.row.text,
            "words": _words(self.scheme, step.row.rule, lang),
            "held_by": self._branch(step, facts, lang),
            "sheet": step.level.upper(),
            "source_row": step.row.source_row,
            "tried_procedure": self._code(step.procedure) if step.procedure is not None else None,
            "failed_by": []
            if step.holds
            else [
                self._evidence(x, facts) for x in dict.fromkeys(self._failed(step.row.rule, facts))
            ],
        }

    def _branch(self, step: Step, facts: Facts, lang: str) -> dict[str, Any] | None:
        """What made a rule hold: of its alternatives the first that holds, in words and facts."""
        if not step.holds:
            return None
        held = self._held(step.row.rule, facts)
        return {
            "rule": _printed(held),
            "words": _words(self.scheme, held, lang),
            "evidence": [self._evidence(x, facts) for x in dict.fromkeys(leaves(held))],
        }

    def _held(self, rule: Expr | None, facts: Facts) -> Expr | None:
        match rule:
            case Or():
                return self._held(next(i for i in rule.items if self._holds(i, facts)), facts)
            case And():
                kept = (self._held(item, facts) for item in rule.items)
                return And(tuple(item for item in kept if item is not None))
            case _:
                return rule

    def _holds(self, rule: Expr, facts: Facts) -> bool:
        return holds(self.scheme, rule, facts)

    def _evidence(self, leaf: Expr, facts: Facts) -> dict[str, Any]:
        """A part of a rule with its answer and the value or code that gave it."""
        return {
            "asked": _printed(leaf),
            "holds": self._holds(leaf, facts),
            "found": self._found(leaf, facts),
        }

    def _failed(self, rule: Expr | None, facts: Facts) -> Iterator[Expr]:
        """The parts that keep a rule from holding: of an "and" the first, of an "or" each."""
        match rule:
            case And():
                first = next(i for i in rule.items if not self._holds(i, facts))
                yield from self._failed(first, facts)
            case Or():
                for item in rule.items:
                    yield from self._failed(item, facts)
            case None:
                return
            case _:
                yield rule

    def _found(self, leaf: Expr, facts: Facts) -> str | None:
        match leaf:
            case Member():
                code = member_code(self.scheme, leaf, facts)
                if code is not None:
                    return facts.written[code]
                if set(leaf.sets) <= set(SEVERITY_SETS):
                    return None
                asked = [n for field in leaf.fields for n in facts.codes[field]]
                return ", ".join(facts.written[n] for n in asked) or None
            case Compare():
                value = facts.values.get(leaf.scalar)
                return None if value is None else str(value)
            case Count():
                return str(count(self.scheme, leaf, facts))
            case _:
                return None

    def _complications(self) -> list[dict[str, Any]]:
        facts = self.answer.facts
        principal = facts.written.get(facts.principal, "") if facts.principal != NO_CODE else ""
        return [
            {
                **self._code(found.code),
                "level": "MCC" if found.level == MCC else "CC",
                "counts": not found.excluded,
                "exclusion": self.scheme.exclusion_names[self.scheme.exclusion[found.code]],
                "principal": principal,
            }
            for found in facts.severities
        ]


def _shown(scalar: Scalar, value: float | str, lang: str) -> str:
    """A value with its unit; a code such as that of sex as what it stands for."""
    special = f"rule_words.special.{scalar}.eq.{value}"
    if scalar is not Scalar.NL and special in catalogue(lang):
        return text(special, lang)
    return f"{value} {text(f'rule_words.unit.{scalar}', lang)}".rstrip()


def _path(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The steps that led to the group: the last category, ADRG and DRG that held."""
    if not steps or steps[-1]["level"] != "drg" or not steps[-1]["holds"]:
        return []
    last = {step["level"]: step for step in steps if step["holds"]}
    return [last[level] for level in ("mdc", "adrg", "drg")]


def _named(row: Row) -> dict[str, str]:
    return named(row.code, row.name)
