"""Cases of one cell: the same policy, method and facts, so that every value of the policy is one."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from grouper.payment.asked import SameGiven, rounding_of, rows_of_given
from grouper.payment.fixed import Fixed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from codebooks.policies.policy import Policy, Value
    from grouper.payment.columns import Columns, Words
    from grouper.payment.exact import Rounding
    from grouper.payment.place import Terms


_NONE = np.array(None, object)


@dataclass(slots=True, kw_only=True)
class Block:
    """What methods and shares ask about many cases at once; as :class:`grouper.payment.asked.Asked`.

    Attributes:
        columns: of these cases alone.
        policy, here, facts: the same for all of them.
        asked: the values of the policy that were looked at.
        terms: by which policies; None: those of this installation.
    """

    columns: Columns
    policy: Policy
    here: bool
    facts: Mapping[str, str | None]
    asked: dict[str, Value] = field(default_factory=dict)
    terms: Terms | None = None

    def __len__(self) -> int:
        return len(self.columns)

    def value(self, path: str, **more: str | None) -> Value:
        """As :meth:`grouper.payment.asked.Asked.value`."""
        found = self.policy.value(path, **{**self.facts, **more})
        self.asked[found.path] = found
        return found

    def find(self, path: str, **more: str | None) -> Value | None:
        """As :meth:`grouper.payment.asked.Asked.find`."""
        found = self.policy.find(path, **{**self.facts, **more})
        if found is not None:
            self.asked[found.path] = found
        return found

    def cells(self, path: str, rows: Words, column: str) -> tuple[Fixed, NDArray[np.bool_]]:
        """Numbers of a table's column for the row that each case's word names, and where it has one.

        Raises:
            PolicyError: ``POLICY_VALUE_MISSING``: the policy has no such table.
        """
        return looked_up(self.value(path), rows, column)

    def rounding(self, what: str) -> Rounding:
        """The policy's rounding of ``money`` or ``points``."""
        return rounding_of(self, what)


@dataclass(slots=True, kw_only=True)
class Outcomes:
    """What a method says of a block; as :class:`grouper.payment.result.Outcome`, by case.

    Where ``reasons`` holds a code there is no amount. ``stated`` of a column says where it is given;
    a column that is None is given nowhere. ``warnings`` are codes with where they hold, in order.
    """

    amount: Fixed
    reasons: NDArray[np.object_]
    fund: Fixed | None = None
    unit_weight: Fixed | None = None
    points: Fixed | None = None
    point_value: Fixed | None = None
    band: NDArray[np.object_] | None = None
    review: NDArray[np.bool_] | None = None
    warnings: list[tuple[str, NDArray[np.bool_]]] = field(default_factory=list)
    stated: dict[str, NDArray[np.bool_]] = field(default_factory=dict)


def looked_up(table: Value, rows: Words, column: str) -> tuple[Fixed, NDArray[np.bool_]]:
    """As :meth:`Block.cells`, of a table that was asked for already."""
    numbers, known = _of_words(SameGiven(table.given), table.keys, rows.words, column)
    return numbers.take(rows.codes), known[rows.codes]


@lru_cache(maxsize=256)
def _of_words(
    table: SameGiven, keys: tuple[str, ...], words: tuple[str, ...], column: str
) -> tuple[Fixed, NDArray[np.bool_]]:
    """Numbers for each word and, last, for none; a batch's cells ask for the same words again."""
    rows = rows_of_given(table, keys)
    cells = [rows.get(word, {}).get(column) for word in words]
    places = max((_places(one) for one in cells if one is not None), default=0)
    numbers = Fixed.of([*(0 if one is None else one for one in cells), 0], places)
    return numbers, np.array([*(one is not None for one in cells), False], np.bool_)


def no_reasons(count: int) -> NDArray[np.object_]:
    """No reason for any case."""
    return np.full(count, None, object)


def lacking(words: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Where there is no word."""
    return np.asarray(np.equal(words, _NONE), np.bool_)


def because(reasons: NDArray[np.object_], where: NDArray[np.bool_], code: str) -> None:
    """State a reason where there is none yet."""
    if where.any():
        reasons[where & lacking(reasons)] = code


def _places(value: Any) -> int:  # noqa: ANN401 -- a cell: Decimal or int
    exponent = value.as_tuple().exponent if hasattr(value, "as_tuple") else 0
    return max(-int(exponent), 0)
