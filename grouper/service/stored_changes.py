"""What changed between two versions of a stored case, and its charges by class."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grouper.case.record import Case

_LINE = "line_"


@dataclass(frozen=True, slots=True)
class Change:
    """A field that differs.

    Attributes:
        field: by the input name of ``docs/CASE.md``; of charge lines ``line_item``, whose values
            are how many lines stand.
        before: its value in the older version; None: it stated none.
        after: in the newer one.
    """

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class ClassSum:
    """The charges of a class.

    Attributes:
        name: of the class, as the lines state it; None: they state none.
        lines: how many stand.
        amount: yuan.
    """

    name: str | None
    lines: int
    amount: Decimal


def changes(before: Case, after: Case) -> list[Change]:
    """The fields in which two versions of a case differ, in the order of the fields.

    Charge lines are told by their number alone; the total cost says the rest.
    """
    old, new = before.to_mapping(), after.to_mapping()
    found = [
        Change(name, _stated(old[name]), _stated(new[name]))
        for name in new
        if not name.startswith(_LINE) and old[name] != new[name]
    ]
    if _lines(old) != _lines(new):
        found.append(Change("line_item", _count(old), _count(new)))
    return found


def _stated(value: Any) -> Any:  # noqa: ANN401 -- of any field
    return None if value == () else value


def _lines(values: Mapping[str, Any]) -> list[Any]:
    return [value for name, value in values.items() if name.startswith(_LINE)]


def _count(values: Mapping[str, Any]) -> int:
    return max((len(value) for value in _lines(values)), default=0)


def classes_of(case: Case) -> list[ClassSum]:
    """The charges of a case by class, in the order of the classes; what states none at the end."""
    sums: dict[str | None, Decimal] = {}
    lines: Counter[str | None] = Counter()
    for name, amount in zip_longest(case.line_class, case.line_amount):
        key = None if name is None else str(name)
        sums[key] = sums.get(key, Decimal(0)) + (amount or Decimal(0))
        lines[key] += 1
    named = sorted(sums, key=lambda one: (one is None, one or ""))
    return [ClassSum(one, lines[one], sums[one]) for one in named]
