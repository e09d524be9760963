"""From what the templates give to findings: words for numbers, yuan for fen, one order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from grouper.audit.finding import FINDING_SCHEMA
from grouper.audit.lines import NONE

if TYPE_CHECKING:
    from grouper.audit.lines import Vocabulary, Words


@dataclass(frozen=True, slots=True)
class Finisher:
    """What findings need beside the columns of ``finish.sql``."""

    words: Vocabulary
    book: str
    moment: str

    def table(self, rows: pa.Table) -> pa.Table:
        """The findings."""
        rows = rows.combine_chunks()
        count = rows.num_rows
        columns = {name: rows[name] for name in rows.column_names}
        columns["book"] = pa.array([self.book] * count)
        columns["moment"] = pa.array([self.moment] * count)
        for name, words in (
            ("department", self.words.departments),
            ("physician", self.words.physicians),
        ):
            columns[name] = pc.coalesce(_spelled(rows[f"line_{name}"], words), rows[name])
        items = _array(rows["items"])
        spelled = pa.ListArray.from_arrays(items.offsets, _spelled(items.values, self.words.items))
        # Numbers follow the order in which words were met; the words themselves do not.
        columns["items"] = pa.array(map(sorted, spelled.to_pylist()), spelled.type)
        columns["day"] = rows["day"].cast(pa.date32())
        columns["observed"] = _scaled(rows["observed"], 4)
        columns["allowed"] = _scaled(rows["allowed"], 4)
        columns["amount"] = _scaled(rows["amount"], 2)
        cast = [columns[field.name].cast(field.type) for field in FINDING_SCHEMA]
        return pa.table(cast, schema=FINDING_SCHEMA)


def ordered(findings: pa.Table) -> pa.Table:
    """Findings by case, rule, first line and id."""
    lists = _array(findings["lines"])
    starts = np.asarray(lists.offsets)
    some = starts[1:] > starts[:-1]
    first = np.zeros(len(lists), np.int32)
    first[some] = np.asarray(lists.values)[starts[:-1][some]]
    keyed = findings.append_column("first", pa.array(first))
    keys = [(name, "ascending") for name in ("case_id", "rule", "first", "finding")]
    return findings.take(pc.sort_indices(keyed, keys))


def _array(column: Any) -> Any:  # noqa: ANN401 -- Arrow
    """One array without an offset."""
    whole = column.combine_chunks()
    return pa.concat_arrays([whole]) if whole.offset else whole


def _spelled(numbers: Any, words: Words) -> Any:  # noqa: ANN401 -- Arrow
    if isinstance(numbers, pa.ChunkedArray):
        numbers = numbers.combine_chunks()
    at = np.asarray(pc.fill_null(numbers, NONE))
    # A copy, for another thread may add words meanwhile.
    spelled = pa.array(list(words.all), pa.string())
    return spelled.take(pa.array(at, pa.int32(), mask=at == NONE))


def _scaled(column: Any, places: int) -> Any:  # noqa: ANN401 -- Arrow
    """Whole numbers of a last place as decimals."""
    whole = column.cast(pa.int64()).cast(pa.decimal128(19, 0))
    whole = whole.combine_chunks()
    # The same digits, with the point before the last places.
    return pa.Array.from_buffers(
        pa.decimal128(19, places), len(whole), whole.buffers(), offset=whole.offset
    )
