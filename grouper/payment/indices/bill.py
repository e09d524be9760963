"""What of the bill is drugs, materials, tests: by the 14 classes of the charges."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from codebooks.errors import Where
from grouper.payment.settlement.errors import SettlementError

if TYPE_CHECKING:
    from decimal import Decimal

    from grouper.payment.settlement.looked import Looked
    from grouper.payment.settlement.priced import Priced

_MONEY = pa.decimal128(30, 2)
_CHARGES = ("case_id", "line_class", "line_amount")


def bill(
    priced: Priced, raw: pa.Table, axis: str | None, charges: pa.Table | None = None
) -> dict[str | None, dict[str | None, Decimal]]:
    """The amounts of inpatients' charge lines in yuan, by a column's value and by class.

    Args:
        priced: the cases.
        raw: the same rows, with their lines (``line_class``, ``line_amount``) if they have any.
        axis: a column of ``priced``; None: all together.
        charges: one row a line (``case_id``, ``line_class``, ``line_amount``) instead.

    Raises:
        SettlementError: ``SETTLE_COLUMN``, ``SETTLE_COLUMN_TYPE``: the charges lack a column.
    """
    table = priced.table
    parents, classes, amounts = (
        _lines(raw) if charges is None else _charges(table["case_id"], charges)
    )
    inpatients = pc.fill_null(pc.equal(table["kind"], "inpatient"), fill_value=False)
    keys = table[axis].cast(pa.string()) if axis else pa.nulls(len(table), pa.string())
    flat = pa.table(
        {
            "key": pc.take(keys, parents),
            "class": classes,
            "amount": amounts.cast(_MONEY),
            "inpatient": pc.take(inpatients, parents),
        }
    )
    flat = flat.filter(pc.and_(flat["inpatient"], pc.is_valid(flat["amount"])))
    grouped = flat.group_by(["key", "class"], use_threads=False).aggregate([("amount", "sum")])
    found: dict[str | None, dict[str | None, Decimal]] = {}
    for row in grouped.to_pylist():
        found.setdefault(row["key"], {})[row["class"]] = row["amount_sum"]
    return found


def share_classes(looked: Looked) -> dict[str, tuple[str, ...]]:
    """The classes of each share, as the policy has them."""
    table = looked.find("indices.cost_shares")
    rows = table.value if table is not None else ()
    return {str(row["share"]): tuple(row["classes"]) for row in rows}


def _lines(raw: pa.Table) -> tuple[pa.Array, pa.Array, pa.Array]:
    if any(name not in raw.column_names for name in _CHARGES[1:]):
        none = pa.array([], pa.string())
        return pa.array([], pa.int64()), none, pa.array([], _MONEY)
    # An empty list of classes beside amounts is one of unknown classes.
    classes, amounts = (raw[name].combine_chunks() for name in _CHARGES[1:])
    parents = pc.list_parent_indices(amounts)
    same = pc.fill_null(pc.list_value_length(classes), 0).equals(
        pc.fill_null(pc.list_value_length(amounts), 0)
    )
    words = pc.list_flatten(classes) if same else pa.nulls(len(parents), pa.string())
    if pa.types.is_dictionary(words.type):
        words = words.dictionary_decode()
    return parents, words, pc.list_flatten(amounts)


def _charges(ids: pa.ChunkedArray, charges: pa.Table) -> tuple[pa.Array, pa.Array, pa.Array]:
    for name in _CHARGES:
        if name not in charges.column_names:
            raise SettlementError("SETTLE_COLUMN", Where(column=name), column=name)
    columns = []
    for name, kind in zip(_CHARGES, (pa.string(), pa.string(), _MONEY), strict=True):
        column = charges[name]
        try:
            if pa.types.is_dictionary(column.type):
                column = column.cast(column.type.value_type)
            columns.append(column.cast(kind).combine_chunks())
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as cause:
            raise SettlementError(
                "SETTLE_COLUMN_TYPE",
                Where(column=name),
                column=name,
                found=str(column.type),
                wanted=str(kind),
            ) from cause
    known = pc.index_in(columns[0], pc.drop_null(ids.combine_chunks()))
    places = np.flatnonzero(np.asarray(ids.is_valid()))
    some = pc.is_valid(known)
    parents = pa.array(places[np.asarray(known.filter(some))], pa.int64())
    return parents, columns[1].filter(some), columns[2].filter(some)
