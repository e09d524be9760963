"""APG: groups, what leads to them, packaging rules, lists, rates and dated weights.

Codes in ``procedures``, ``diagnoses``, ``items``, ``packaging`` and ``lists`` are beginnings: the
longest one that a code begins with decides, so that a whole code, a category and a chapter may
stand in one table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Mapping

_TEXT, _INT, _DAY = pa.string(), pa.int32(), pa.date32()
_MONEY = pa.decimal128(14, 2)
_RATE = pa.decimal128(12, 6)
_WEIGHT = pa.decimal128(18, 6)

TABLES: Mapping[str, pa.Schema] = {
    # `type`: procedure (significant procedure), medical, visit (a line that says that a physician
    # was seen), ancillary, incidental, drug, material or per_diem. Procedures of one
    # `consolidation` class are clinically related; empty: related to nothing but themselves.
    "groups": pa.schema(
        [
            ("group", _TEXT),
            ("name", _TEXT),
            ("type", _TEXT),
            ("consolidation", _TEXT),
            ("source", _TEXT),
        ]
    ),
    "procedures": pa.schema([("code", _TEXT), ("group", _TEXT)]),
    "diagnoses": pa.schema([("code", _TEXT), ("group", _TEXT)]),
    # A service line by its item code and fee class. An empty `code` or `line_class` is any;
    # `length` is that of the whole item code, null: any. The longest code decides, then a row
    # with a length, then one with a fee class.
    "items": pa.schema(
        [("code", _TEXT), ("length", _INT), ("line_class", _TEXT), ("group", _TEXT)]
    ),
    # In the order of `sort` the first rule whose conditions all hold decides; what no rule speaks
    # of pays. Empty conditions hold. `visit`: procedure, medical or ancillary, several joined by
    # `|`. Amounts in CNY are those of the line less refunds: from `amount_from`, below
    # `amount_below`. `action`: packaged or paid.
    "packaging": pa.schema(
        [
            ("rule", _TEXT),
            ("sort", _INT),
            ("visit", _TEXT),
            ("type", _TEXT),
            ("group", _TEXT),
            ("item", _TEXT),
            ("line_class", _TEXT),
            ("amount_from", _MONEY),
            ("amount_below", _MONEY),
            ("action", _TEXT),
            ("note", _TEXT),
        ]
    ),
    # `list`: never_pay, or not_alone: pays only beside something that pays and is not listed;
    # `companion`: group where that has to be of the same group, else empty. `kind` says what
    # `code` is: group, procedure or item.
    "lists": pa.schema(
        [
            ("list", _TEXT),
            ("kind", _TEXT),
            ("code", _TEXT),
            ("companion", _TEXT),
            ("source", _TEXT),
        ]
    ),
    # `rate`: first and further (significant procedures), repeat (by type), bilateral, terminated.
    "rates": pa.schema([("rate", _TEXT), ("type", _TEXT), ("share", _RATE), ("source", _TEXT)]),
    # Half-open [valid_from, valid_to); null: unbounded. `cases` and `mean_cost` (CNY) are those
    # behind the weight, null where it is not estimated.
    "weights": pa.schema(
        [
            ("group", _TEXT),
            ("valid_from", _DAY),
            ("valid_to", _DAY),
            ("weight", _WEIGHT),
            ("cases", _INT),
            ("mean_cost", _MONEY),
            ("source", _TEXT),
        ]
    ),
}
"""The tables of an APG book, in the order in which they are hashed."""

GROUP_COLUMN = ("groups", "group")

OPTIONS: Mapping[str, tuple[bool | str, ...]] = {
    "consolidate_same_group": (True, False),
    "consolidate_related_groups": (True, False),
    "procedure_lines": ("without_procedures", "always"),
    "medical_visit_needs_visit_line": (False, True),
}
"""The options of a book's card and their values, the default first.

``procedure_lines``: whether a service line of a significant procedure group counts on its own only
in visits without coded procedures (in others it is their charge) or always.
"""
