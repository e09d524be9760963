"""The parts of cases (lines of a visit, periods of a stay) as rows of a file of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from grouper.schemes.columns import texts_of
from grouper.schemes.load import load_scheme
from grouper.schemes.protocol import PARTS_SCHEMA, PartedScheme

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from grouper.case.readers import CaseBatch

PARTS_FILE_SCHEMA: pa.Schema = pa.schema(
    [PARTS_SCHEMA.field(0), ("case_id", pa.string()), *list(PARTS_SCHEMA)[1:]]
)
"""``PARTS_SCHEMA`` with the id of the case behind its row."""


def parts_of(batch: CaseBatch, results: pa.RecordBatch) -> pa.Table:
    """The parts of a batch's cases, by row and part.

    Args:
        batch: the cases.
        results: their groupings (``RESULT_SCHEMA``); a case without a scheme has no parts, nor has
            one whose scheme groups whole cases.

    Returns:
        A table of :data:`PARTS_FILE_SCHEMA`.
    """
    schemes, places = texts_of(results.column(results.schema.get_field_index("scheme")))
    found: list[pa.Table] = []
    for number in np.unique(places[places >= 0]).tolist():
        scheme = load_scheme(schemes[number])
        if isinstance(scheme, PartedScheme):
            rows = np.flatnonzero(places == number)
            needed = batch.cases.select(list(scheme.needs)).take(pa.array(rows))
            found.append(_placed(scheme.group_parts(needed, 0), batch, rows))
    if not found:
        return PARTS_FILE_SCHEMA.empty_table()
    table = pa.concat_tables(found)
    return table.sort_by([("row", "ascending"), ("part", "ascending")])


def _placed(parts: pa.Table, batch: CaseBatch, rows: NDArray[np.int64]) -> pa.Table:
    """Parts of some rows of a batch, with the rows' own numbers and the ids of their cases."""
    at = rows[parts.column("row").to_numpy()]
    ids = batch.cases.column("case_id").take(pa.array(at)).cast(pa.string())
    own = [parts.column(name) for name in PARTS_SCHEMA.names[1:]]
    return pa.table([pa.array(at + batch.first_row), ids, *own], schema=PARTS_FILE_SCHEMA)
