"""Prices of items by day, looked up for the items of a case; what is looked up once is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from grouper.audit.context import dated
from grouper.audit.order.index import NEVER

if TYPE_CHECKING:
    from collections.abc import Iterable

    from grouper.audit.context import Prices as Given


class _Price(NamedTuple):
    """Fen, and the days since 1970 on which they hold, half-open."""

    price: int
    since: int
    until: int

    def holds(self, day: int | None) -> bool:
        """Whether it holds on a day; without one only what holds on every day does."""
        if day is None:
            return self.since == -NEVER and self.until == NEVER
        return self.since <= day < self.until


class Prices:
    """Prices as the context has them; any thread may ask.

    Args:
        given: by item, or with days (:data:`grouper.audit.context.PRICES`; null: open).
    """

    def __init__(self, given: Given) -> None:
        self.given = given
        self._table = dated(given)
        self._known: dict[str, list[_Price]] = {}

    def learn(self, items: Iterable[str]) -> None:
        """Look items up together, before :meth:`at` is asked of them."""
        new = [item for item in items if item not in self._known]
        if not new:
            return
        found: dict[str, list[_Price]] = {item: [] for item in new}
        rows = self._table.filter(pc.is_in(self._table["item"], pa.array(new, pa.string())))
        for row in rows.to_pylist():
            since = -NEVER if row["since"] is None else row["since"]
            until = NEVER if row["until"] is None else row["until"]
            found[row["item"]].append(_Price(row["price"], since, until))
        # Two threads may both look: it is the same.
        self._known |= found

    def at(self, item: str, day: int | None) -> list[int]:
        """The prices of a known item on a day; without a day only those that hold on every day."""
        return [one.price for one in self._known[item] if one.holds(day)]
