"""Which method binds a case: the rules of the region's policy, with the answer of each.

The rules are the policy's table ``assignment.rules``. Of those whose conditions all hold the one
with the lowest rank binds; two of one rank with different methods are a conflict, and no rule is a
reason. A rule without ``status`` means cases that are grouped, ambiguous or ungrouped; one that
cannot be answered, because the record lacks what it asks, leaves the case without a method.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from codebooks.policies.yaml_nodes import PolicyError
from grouper.payment.assignment_conditions import CONDITIONS, GROUPINGS, Answer
from grouper.payment.methods import Listing
from grouper.payment.reasons import PayReason
from grouper.payment.sheet import TableCell
from grouper.schemes.reasons import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    from codebooks.policies.policy import Value
    from grouper.payment.asked import Asked
    from grouper.payment.block import Block
    from grouper.payment.columns import Words
    from grouper.payment.methods import Method

Rule = dict[str, Any]
"""A row of the table; see ``codebooks/data/policies/_forms/assignment.yaml``."""
_RULES = "assignment.rules"
_NONE = -1


@dataclass(frozen=True, slots=True)
class Assigned:
    """The method that binds a case, or why none does.

    Attributes:
        method: its name.
        reason: a code of :class:`grouper.payment.reasons.PayReason`, where there is no method.
        params: what the reason is about.
    """

    method: str | None = None
    reason: str | None = None
    params: dict[str, object] = field(default_factory=dict)


def assign(asked: Asked, methods: Mapping[str, Method]) -> Assigned:
    """The method that binds one case; the answer of each rule stands on its sheet.

    Args:
        asked: the case.
        methods: those there are, by name.

    Raises:
        PolicyError: ``POLICY_VALUE_MISSING``: the policy has no rules.
    """
    table = asked.value(_RULES)
    ranked = _ranked(table)
    lists = {
        n: _listed(rule, methods, lambda m: m.lists(asked))
        for n, rule in _lists(ranked, asked.facts)
    }
    found: Assigned | None = None
    later: list[str] = []
    for _, same in groupby(enumerate(ranked), key=lambda pair: int(pair[1]["rank"])):
        if found is not None:
            later += [str(rule["method"]) for _, rule in same]
            continue
        answers = [(rule, _answer(asked, table, rule, lists.get(n))) for n, rule in same]
        found = _decide([(rule["method"], one) for rule, one in answers if one], methods)
    if later:
        asked.sheet.say("later", "later", rules=", ".join(dict.fromkeys(later)))
    return found or _none(asked)


def assign_block(
    block: Block, methods: Mapping[str, Method], families: Words
) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    """The methods that bind the cases of a block.

    Args:
        block: the cases.
        methods: those there are, by name.
        families: the family of the scheme of each case; missing where none grouped it.

    Returns:
        For each case the name of the method, or None; and where it is None the reason.

    Raises:
        PolicyError: ``POLICY_VALUE_MISSING``: the policy has no rules.
    """
    ranked = _ranked(block.value(_RULES))
    lists = {
        n: _listed(rule, methods, lambda m: m.lists_block(block))
        for n, rule in _lists(ranked, block.facts)
    }
    names = sorted({str(rule["method"]) for rule in ranked})
    codes: list[str] = [PayReason.METHOD_CONFLICT, PayReason.CASE_INVALID, PayReason.METHOD_NONE]
    method, reason = np.full(len(block), _NONE), np.full(len(block), _NONE)
    undecided = np.ones(len(block), np.bool_)
    for _, same in groupby(enumerate(ranked), key=lambda pair: int(pair[1]["rank"])):
        at, trouble = np.full(len(block), _NONE), np.full(len(block), _NONE)
        conflict = np.zeros(len(block), np.bool_)
        for n, rule in same:
            holds, unknown = _masks(block, families, rule, lists.get(n))
            if rule["method"] not in methods:
                unknown = [(PayReason.METHOD_UNKNOWN, np.ones(len(block), np.bool_))]
            for code, where in unknown:
                trouble[holds & where & (trouble == _NONE)] = _number(codes, code)
                holds &= ~where
            number = _number(names, rule["method"])
            conflict |= holds & (at != _NONE) & (at != number)
            at[holds & (at == _NONE)] = number
        trouble[conflict & (trouble == _NONE)] = codes.index(PayReason.METHOD_CONFLICT)
        reason[undecided] = trouble[undecided]
        clear = undecided & (trouble == _NONE)
        method[clear] = at[clear]
        undecided = clear & (at == _NONE)
        if not undecided.any():
            break
    grouped = block.columns.words("status").among(GROUPINGS)
    reason[undecided & ~grouped] = codes.index(PayReason.CASE_INVALID)
    reason[undecided & grouped] = codes.index(PayReason.METHOD_NONE)
    return _named(names, method), _named(codes, reason)


def _number(names: list[str], name: str) -> int:
    if name not in names:
        names.append(str(name))
    return names.index(name)


def _named(names: list[str], numbers: NDArray[np.int64]) -> NDArray[np.object_]:
    # An enumeration's member would not be the plain text that a column holds.
    return np.array([*(str(name) for name in names), None], object)[numbers]


def _ranked(table: Value) -> list[Rule]:
    return sorted(table.value, key=lambda rule: int(rule["rank"]))


def _lists(ranked: list[Rule], facts: Mapping[str, str | None]) -> Iterator[tuple[int, Rule]]:
    """The rules whose method's list has to be asked: what the facts rule out is not.

    Facts are the same for all cases of a block, so that both ways name the same assumptions; whether
    the list matters to a case in the end makes no difference.
    """
    for number, rule in enumerate(ranked):
        told = [
            rule[name] is None or facts[name] in (None, *rule[name])
            for name in facts
            if name in rule
        ]
        if rule["listed"] and all(told):
            yield number, rule


def _listed(rule: Rule, methods: Mapping[str, Method], ask: Callable[[Listing], Any]) -> Any:  # noqa: ANN401 -- as of ``ask``
    """What a method's list says, or the reason why it cannot say."""
    method: object = methods.get(rule["method"])
    if not isinstance(method, Listing):
        return str(PayReason.METHOD_UNKNOWN if method is None else PayReason.POLICY_UNUSABLE)
    try:
        return ask(method)
    except PolicyError as error:
        return error.code


def _answer(asked: Asked, table: Value, rule: Rule, listed: bool | str | None) -> Answer | None:
    """Whether a rule holds, or what hinders an answer; None: it does not hold."""
    method, rank = str(rule["method"]), str(rule["rank"])
    answer = Answer()
    for condition in CONDITIONS:
        one = condition.of_case(asked, rule)
        if one.holds is False:
            told = {"found": one.found or "-", "wanted": one.wanted}
            asked.sheet.say(f"not_{condition.name}", "no", rank=rank, rule=method, **told)
            return None
        answer = answer if answer.reason else one
    if listed is False:
        asked.sheet.say("not_listed", "off", rank=rank, rule=method)
        return None
    if isinstance(listed, str) and not answer.reason:
        answer = Answer(None, listed)
    name, word = ("open", "open") if answer.reason else ("holds", "yes")
    asked.sheet.say(name, word, rank=rank, rule=TableCell(table, rank, method))
    return answer


def _decide(answers: list[tuple[str, Answer]], methods: Mapping[str, Method]) -> Assigned | None:
    """What the rules of one rank that hold, or cannot be answered, say together."""
    for name, answer in answers:
        if name not in methods:
            return Assigned(reason=PayReason.METHOD_UNKNOWN, params={"method": name})
        if answer.reason:
            return Assigned(reason=answer.reason, params={"method": name})
    names = sorted({name for name, _ in answers})
    if len(names) > 1:
        return Assigned(reason=PayReason.METHOD_CONFLICT, params={"methods": ", ".join(names)})
    return Assigned(names[0]) if names else None


def _none(asked: Asked) -> Assigned:
    if asked.grouping.status == Status.INVALID:
        reason = asked.grouping.reason
        return Assigned(
            reason=PayReason.CASE_INVALID, params={"reason": str(reason) if reason else "-"}
        )
    told: dict[str, object] = {"kind": asked.case.kind, "status": str(asked.grouping.status)}
    return Assigned(reason=PayReason.METHOD_NONE, params=told)


def _masks(
    block: Block, families: Words, rule: Rule, listed: NDArray[np.bool_] | str | None
) -> tuple[NDArray[np.bool_], list[tuple[str, NDArray[np.bool_]]]]:
    """Where no condition of a rule fails, and what hinders an answer where."""
    holds = np.ones(len(block), np.bool_)
    unknown: list[tuple[str, NDArray[np.bool_]]] = []
    for condition in CONDITIONS:
        one = condition.of_block(block, families, rule)
        if one is not None:
            holds &= one.holds | one.unknown
            if not holds.any():
                # What hinders an answer matters only where nothing else fails.
                return holds, []
            unknown += [(str(one.reason), one.unknown)] if one.unknown.any() else []
    if isinstance(listed, str):
        unknown.append((listed, np.ones(len(block), np.bool_)))
    elif listed is not None:
        holds &= listed
    return holds, unknown
