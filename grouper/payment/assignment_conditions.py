"""The conditions of a rule that says which method binds: each for one case and for a block.

A condition that a rule does not state holds. A text that the record lacks meets no condition on it;
where that would leave a wrong method (the days of a stay, the kind of insurance) the condition
cannot be answered, and says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from codebooks.folding import fold_code
from codebooks.registry import INPATIENT
from grouper.payment.columns import Words
from grouper.payment.reasons import PayReason
from grouper.schemes.reasons import Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from grouper.payment.asked import Asked
    from grouper.payment.block import Block

GROUPINGS = (Status.GROUPED.value, Status.AMBIGUOUS.value, Status.UNGROUPED.value)
"""What a rule without ``status`` means: cases that a grouper could take."""
_HERE, _ELSEWHERE = "here", "elsewhere"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a condition says of one case.

    Attributes:
        holds: whether it holds; None where that is not known.
        reason: why it is not known.
        found, wanted: of the case, and of the rule, for the line on the sheet.
    """

    holds: bool | None = True
    reason: str | None = None
    found: str | None = None
    wanted: str = ""


@dataclass(frozen=True, slots=True)
class Answers:
    """What a condition says of a block: where it holds, and where that is not known and why."""

    holds: NDArray[np.bool_]
    unknown: NDArray[np.bool_]
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class OfText:
    """A text of the case is one of those of the rule, or begins with one.

    Attributes:
        name: of the rule's column.
        text: of a case.
        words: of a block: a column, or one text for all.
        prefix: whether the beginning is enough; both are folded then.
        default: where the rule is silent.
        missing: the reason where the case has no text; None: it then meets no condition.
    """

    name: str
    text: Callable[[Asked], str | None]
    words: Callable[[Block, Words], Words | str | None]
    prefix: bool = False
    default: tuple[str, ...] | None = None
    missing: str | None = None

    def of_case(self, asked: Asked, rule: dict[str, Any]) -> Answer:
        """Whether it holds for a case."""
        wanted = self._wanted(rule)
        if wanted is None:
            return Answer()
        found = self.text(asked)
        if found is None and self.missing:
            return Answer(None, self.missing)
        return Answer(_met(found, wanted, self.prefix), None, found, ", ".join(wanted))

    def of_block(self, block: Block, families: Words, rule: dict[str, Any]) -> Answers | None:
        """Where it holds in a block; None: the rule does not ask."""
        wanted = self._wanted(rule)
        if wanted is None:
            return None
        found = self.words(block, families)
        if not isinstance(found, Words):
            found = Words(np.zeros(len(block), np.int32), ("" if found is None else found,))
        met = found.among(wanted, prefix=self.prefix)
        lost = _lost(found) if self.missing else np.zeros(len(block), np.bool_)
        return Answers(met & ~lost, lost, self.missing)

    def _wanted(self, rule: dict[str, Any]) -> tuple[str, ...] | None:
        told = rule[self.name]
        if told is None:
            return self.default
        return (told,) if isinstance(told, str) else tuple(told)


@dataclass(frozen=True, slots=True)
class OfDays:
    """The days of the stay are at least, or at most, those of the rule.

    Attributes:
        name: of the rule's column.
        least: whether the rule's number is the least.
    """

    name: str
    least: bool

    def of_case(self, asked: Asked, rule: dict[str, Any]) -> Answer:
        """Whether it holds for a case."""
        wanted, days = rule[self.name], asked.case.los
        if wanted is None:
            return Answer()
        if days is None:
            return Answer(None, PayReason.DAYS_MISSING)
        holds = days >= wanted if self.least else days <= wanted
        return Answer(holds, None, str(days), f"{'≥' if self.least else '≤'} {wanted}")

    def of_block(self, block: Block, _families: Words, rule: dict[str, Any]) -> Answers | None:
        """Where it holds in a block; None: the rule does not ask."""
        wanted = rule[self.name]
        if wanted is None:
            return None
        days, known = block.columns.whole("los")
        holds = days >= wanted if self.least else days <= wanted
        return Answers(holds & known, ~known, PayReason.DAYS_MISSING)


Condition = OfText | OfDays


def _met(found: str | None, wanted: tuple[str, ...], prefix: bool) -> bool:
    if not found:
        return False
    if prefix:
        return fold_code(found).startswith(tuple(fold_code(one) for one in wanted))
    return found in wanted


def _lost(words: Words) -> NDArray[np.bool_]:
    return np.array([*(not word for word in words.words), True], np.bool_)[words.codes]


def _or(words: Words, default: str) -> Words:
    """Words with one in the place of those that are missing."""
    codes = np.where(_lost(words), np.int32(len(words.words)), words.codes)
    return Words(codes, (*words.words, default))


def _column(name: str) -> Callable[[Block, Words], Words]:
    return lambda block, _: block.columns.words(name)


def _fact(name: str) -> Callable[[Block, Words], str | None]:
    return lambda block, _: block.facts.get(name)


CONDITIONS: tuple[Condition, ...] = (
    OfText(
        "kind",
        lambda asked: asked.case.kind or INPATIENT,
        lambda block, _: _or(block.columns.words("kind"), INPATIENT),
    ),
    OfText(
        "status",
        lambda asked: str(asked.grouping.status),
        lambda block, _: _or(block.columns.words("status"), Status.INVALID),
        default=GROUPINGS,
    ),
    OfText("family", lambda asked: asked.family or None, lambda _, families: families),
    OfText("hospital", lambda asked: asked.facts.get("hospital"), _fact("hospital")),
    OfText("level", lambda asked: asked.facts.get("level"), _fact("level")),
    OfText(
        "insured",
        lambda asked: _HERE if asked.here else _ELSEWHERE,
        lambda block, _: _HERE if block.here else _ELSEWHERE,
    ),
    OfText("visit_type", lambda asked: asked.case.visit_type, _column("visit_type")),
    OfText("department", lambda asked: asked.case.department, _column("department")),
    OfText("group", lambda asked: asked.grouping.group, _column("group"), prefix=True),
    OfText(
        "diagnosis",
        lambda asked: asked.case.dx[0] if asked.case.dx else None,
        lambda block, _: block.columns.first("dx"),
        prefix=True,
    ),
    OfText("pathway", lambda asked: asked.case.pathway, _column("pathway")),
    OfText(
        "insurance",
        lambda asked: asked.facts.get("insurance"),
        _fact("insurance"),
        missing=PayReason.INSURANCE_MISSING,
    ),
    OfDays("days_from", least=True),
    OfDays("days_to", least=False),
)
"""All conditions in the order in which they are asked; ``listed`` is the method's own to answer."""
