"""What an audit knows beside cases, lines and book: levels, prices, costs of groups, what is asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from grouper.audit.lines import NONE, SCOPES
from grouper.audit.parameters import NEVER
from grouper.audit.templates import toml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codebooks.catalogues.catalogue import Catalogues
    from grouper.audit.lines import Words

UPLOAD = "upload"
PRICES = pa.schema(
    [
        ("item", pa.string()),
        ("price", pa.int64()),
        ("since", pa.int32()),
        ("until", pa.int32()),
    ]
)
"""Prices by day: national code, fen, first day and the day after the last (days since 1970)."""
GROUP_COSTS = pa.schema(
    [
        ("case_id", pa.string()),
        ("group", pa.string()),
        ("mean", pa.int64()),
        ("deviation", pa.int64()),
        ("count", pa.int64()),
        ("days_p10", pa.int32()),
        ("mean_of", pa.string()),
    ]
)
Prices: TypeAlias = "Mapping[str, int] | pa.Table"


@dataclass(frozen=True, slots=True)
class Context:
    """What is known beside cases, lines and book.

    Attributes:
        moment: when it is asked: ``order``, ``stay`` or ``upload``.
        levels: level of each hospital (I, II, III).
        prices: full price of items in fen, for operations that must be discounted: by item, or with
            its days (:data:`PRICES`).
        ceilings: greatest price of items in fen, alike.
        group_costs: of cases: ``case_id``, ``group``, ``mean`` and ``deviation`` of the group's
            cost in fen, of how many stays (``count``), the first decile of its stays in whole
            days (``days_p10``), and whose mean it is (``mean_of``: ``policy``, ``book``, ``own``);
            a column may be missing or empty.
        catalogue: the catalogues at hand; None, or without any: nothing is held against them.
        rules: the rules to ask; None: all.
        shadow: whether rows from lists that are not public rules are asked, too.
        own: whether the hospital's own rules are asked; with ``shadow`` they are, and so is one
            that ``rules`` names.
    """

    moment: str = UPLOAD
    levels: Mapping[str, str] = field(default_factory=dict)
    prices: Prices = field(default_factory=dict)
    ceilings: Prices = field(default_factory=dict)
    group_costs: pa.Table | None = None
    catalogue: Catalogues | None = None
    rules: frozenset[str] | None = None
    shadow: bool = False
    own: bool = False

    @property
    def has_ceilings(self) -> bool:
        """Whether any price has a ceiling."""
        return len(dated(self.ceilings)) > 0


def dated(prices: Prices) -> pa.Table:
    """Prices with their days; those without days hold always.

    Args:
        prices: by item, or a table of :data:`PRICES`, in which an open end may be null.
    """
    if isinstance(prices, pa.Table):
        table = prices.select(PRICES.names).cast(PRICES)
        for name, without in (("since", -NEVER), ("until", NEVER)):
            place = PRICES.get_field_index(name)
            table = table.set_column(place, PRICES.field(name), pc.fill_null(table[name], without))
        return table
    items = list(prices)
    return pa.table(
        [items, [prices[item] for item in items], [-NEVER] * len(items), [NEVER] * len(items)],
        schema=PRICES,
    )


def known_prices(prices: Prices, items: Words) -> pa.Table:
    """Prices of the items there are, by their numbers; and whether each holds ``always``."""
    table = dated(prices)
    numbers = pa.array([items.known(item) for item in table["item"].to_pylist()], pa.int32())
    there = pc.not_equal(numbers, NONE)
    always = pc.and_(pc.equal(table["since"], -NEVER), pc.equal(table["until"], NEVER))
    return table.set_column(0, "item", numbers).append_column("always", always).filter(there)


def known_costs(costs: pa.Table | None) -> pa.Table:
    """What is known of the groups' costs (:data:`GROUP_COSTS`); null for what is not."""
    if costs is None:
        return GROUP_COSTS.empty_table()
    none = pa.nulls(costs.num_rows)
    columns = [costs[n] if n in costs.column_names else none for n in GROUP_COSTS.names]
    kinds = [column.cast(one.type) for column, one in zip(columns, GROUP_COSTS, strict=True)]
    return pa.table(kinds, schema=GROUP_COSTS)


def reimbursed() -> pa.Table:
    """The scopes of lines that are brought to the insurance, as numbers of lines."""
    numbers = [SCOPES.index(word) for word in toml("cases.toml")["reimbursed"]]
    return pa.table({"scope": pa.array(numbers, pa.int8())})
