"""The rows of the book for the items that lines have: made once, seen by every connection that asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from grouper.audit.catalogue import TEMPLATE, CatalogueRows
from grouper.audit.context import known_prices
from grouper.audit.parameters import code_rows, parameter_tables
from grouper.audit.templates import toml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from codebooks.audit.books import AuditBook
    from grouper.audit.context import Context
    from grouper.audit.lines import Words
    from grouper.audit.planning import Plan


class ViewsOfItems:
    """What is said of the items there are; more of it as more items come.

    Args:
        book: what is asked of it.
        plan: which rules.
        context: what is known beside.

    Attributes:
        views: tables by the name under which the templates ask them; a new mapping whenever items
            have come.
        cycles: the rows ``p_cycle``; None: no cycle is asked for.
        known: by number of an item whether some row speaks of it; the last one is of no item.
        operations: likewise, whether it is an operation that may have to be discounted.
    """

    def __init__(self, book: AuditBook, plan: Plan, context: Context) -> None:
        self._book, self._plan, self._context = book, plan, context
        asked = any(one.name == TEMPLATE for one in plan.templates)
        self._catalogue = CatalogueRows(context.catalogue if asked else None)
        self._items = -1
        self.views: Mapping[str, pa.Table] = {}
        self.cycles: pa.Table | None = None
        self.known = self.operations = np.zeros(0, bool)

    def grow(self, items: Words) -> bool:
        """Bring the rows to the items there are now; whether any had come."""
        if self._items == len(items):
            return False
        self._items = len(items)
        tables = parameter_tables(self._book, self._plan.tables, self._plan.rules, items)
        views = {f"p_{name}": rows for name, rows in tables.items()}
        known, attributes = self._spoken(tables)
        herb = toml("cases.toml")["herb_prefix"]
        herbs = [n for n, word in enumerate(items.all) if word.startswith(herb)]
        known[herbs] = True
        known[-1] = False
        views["attributes"] = pa.table({"item": pa.array(sorted(attributes), pa.int32())})
        views["herb_items"] = pa.table({"item": pa.array(herbs, pa.int32())})
        views["item_words"] = pa.table(
            {
                "item": pa.array(range(len(items)), pa.int32()),
                "word": pa.array(items.all, pa.string()),
            }
        )
        if "indication" in tables:
            views["p_indication_codes"] = code_rows(tables["indication"])
        views["prices"] = known_prices(self._context.prices, items)
        views["ceilings"] = known_prices(self._context.ceilings, items)
        self.operations = np.zeros(len(items) + 1, bool)
        if "surgery" in tables:
            self.operations[tables["surgery"]["item"].to_numpy()] = True
        self.known, self.cycles = known, tables.get("cycle")
        self.views = views | self._catalogue.tables(items)
        return True

    def _spoken(self, tables: Mapping[str, pa.Table]) -> tuple[NDArray[np.bool_], set[int]]:
        """The items that some row speaks of; and those that templates of one case and item ask about."""
        known = np.zeros(self._items + 1, bool)
        attributes: set[int] = set()
        per_item = {one.table for one in self._plan.templates if one.scope == "item"}
        for name, rows in tables.items():
            for column in ("item", "fault", "beside"):
                if column in rows.column_names:
                    numbers = rows[column].to_numpy()
                    known[numbers] = True
                    if name in per_item:
                        attributes.update(numbers.tolist())
        return known, attributes
