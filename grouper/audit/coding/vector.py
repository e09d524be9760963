"""A condition asked of many cases at once; :mod:`codebooks.audit.evaluate` asks it of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from codebooks.audit.conditions import types
from codebooks.audit.expression import Ask, Both, Compare, Either, Known, Not, Type
from grouper.audit.coding.columns import PARTS, Scalars

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from codebooks.audit.expression import Matches, Node, Reckon, Test
    from grouper.audit.coding.columns import Lists
    from grouper.audit.coding.facts import Facts

    Answers = NDArray[np.bool_]

_OPS: dict[str, Callable[[NDArray[np.int64], NDArray[np.int64]], Answers]] = {
    "=": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}


def holding(node: Node, facts: Facts) -> Answers:
    """Of each case, whether a condition holds."""
    if isinstance(node, Not):
        return ~holding(node.of, facts)
    if isinstance(node, Both):
        both: Answers = np.logical_and.reduce([holding(part, facts) for part in node.of])
        return both
    if isinstance(node, Either):
        either: Answers = np.logical_or.reduce([holding(part, facts) for part in node.of])
        return either
    return _test(node, facts)


def _test(test: Test, facts: Facts) -> Answers:
    if isinstance(test, Known):
        present = _present(test.fact, facts)
        return present if test.present else ~present
    if isinstance(test, Compare):
        return _compare(test, facts)
    if isinstance(test, Ask):
        return _ask(test, facts)
    lists = facts.lists(test.fact)
    number = _measured(test, lists, facts.count)
    value = np.full(facts.count, int(test.value * PARTS), np.int64)
    return _OPS[test.op](number, value)


def _present(fact: str, facts: Facts) -> Answers:
    kind = types()[fact]
    if kind.many:
        return _any(facts.lists(fact).row, facts.count)
    if kind in {Type.NUMBER, Type.TIME}:
        return facts.scalars(fact).known
    return facts.words(fact).at >= 0


def _any(rows: NDArray[np.int64], count: int) -> Answers:
    found = np.zeros(count, bool)
    found[rows] = True
    return found


def _compare(test: Compare, facts: Facts) -> Answers:
    if types()[test.fact] in {Type.NUMBER, Type.TIME}:
        left = facts.scalars(test.fact)
        right = (
            facts.scalars(test.other)
            if test.other is not None
            else _constant(test.value, facts.count)
        )
        return left.known & right.known & _OPS[test.op](left.values, right.values)
    left_words = facts.words(test.fact)
    known = left_words.at >= 0
    spelled = np.array([*left_words.words, ""], object)[left_words.at]
    if test.other is None:
        equal = spelled == test.value
    else:
        others = facts.words(test.other)
        known = known & (others.at >= 0)
        equal = spelled == np.array([*others.words, ""], object)[others.at]
    answer: Answers = known & (equal if test.op == "=" else ~equal)
    return answer


def _constant(value: object, count: int) -> Scalars:
    whole = int(value * PARTS)  # type: ignore[operator]  # a number: the form is checked
    return Scalars(np.full(count, whole, np.int64), np.ones(count, bool))


def _ask(test: Ask, facts: Facts) -> Answers:
    if test.quantifier == "value":
        words = facts.words(test.fact)
        fit = np.array([*(test.matches.fits(word) for word in words.words), False], bool)
        return fit[words.at]
    lists = facts.lists(test.fact)
    chosen = lists.chosen(test.matches.fits)
    if test.quantifier == "any":
        return _any(lists.row[chosen], facts.count)
    return _any(lists.row, facts.count) & ~_any(lists.row[~chosen], facts.count)


def _measured(test: Reckon, lists: Lists, count: int) -> NDArray[np.int64]:
    if test.measure == "kinds":
        return _kinds(test.matches, lists, count) * PARTS
    chosen = lists.chosen(test.matches.fits)
    total = np.zeros(count, np.int64)
    if test.measure == "count":
        np.add.at(total, lists.row[chosen], PARTS)
    elif lists.quantity is not None:
        np.add.at(total, lists.row[chosen], lists.quantity[chosen])
    return total


def _kinds(matches: Matches, lists: Lists, count: int) -> NDArray[np.int64]:
    total = np.zeros(count, np.int64)
    for item in matches.items:
        chosen = lists.chosen(lambda word, item=item: matches.item_fits(item, word))  # type: ignore[misc]
        total += _any(lists.row[chosen], count)
    return total
