"""What a grouping into each group looks like, so that a case can be priced as if it fell there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from grouper.forecast.levels import ADRG, GROUP, MDC, above, levels_of
from grouper.schemes.protocol import RESULT_SCHEMA, WEIGHT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from grouper.forecast.frame import Frame

NAME, DX, PX = "name", "card_dx", "card_px"
CARD_SCHEMA = pa.schema(
    [
        (NAME, pa.string()),
        (DX, pa.string()),
        (PX, pa.string()),
        *(
            (field.name, WEIGHT if field.name == "weight" else pa.string())
            for field in RESULT_SCHEMA
        ),
    ]
)
"""One row a group: its name in forecasts, the commonest principal diagnosis and main procedure of its
cases, and the columns of a grouping (what warned of single cases is left out)."""


@dataclass(frozen=True)
class Cards:
    """The cards of groups.

    Attributes:
        table: columns of :data:`CARD_SCHEMA`, by name.
    """

    table: pa.Table

    @classmethod
    def of(cls, results: pa.Table, cases: pa.Table | pa.RecordBatch) -> Cards:
        """The commonest grouping into each group.

        Args:
            results: columns of ``RESULT_SCHEMA``.
            cases: their cases with ``dx`` and ``px``.
        """
        names = pa.array(levels_of(results).texts(GROUP).tolist(), pa.string())
        columns = [names, _leads(cases["dx"]), _leads(cases["px"])]
        columns += [_plain(results, field) for field in CARD_SCHEMA.names[3:]]
        table = pa.table(columns, CARD_SCHEMA.names)
        told = _commonest(table, [n for n in CARD_SCHEMA.names if n not in (DX, PX)])
        for column in (DX, PX):
            own = _commonest(table.filter(pc.is_valid(table[column])), [NAME, column])
            at = pc.index_in(told[NAME], own[NAME].combine_chunks())
            told = told.append_column(column, own[column].combine_chunks().take(at))
        return cls(told.select(CARD_SCHEMA.names).cast(CARD_SCHEMA))

    def and_bare(self, frame: Frame) -> Cards:
        """With the groups of the bare answers that have no card yet."""
        words = frame.bare.words[GROUP]
        new = np.array([word not in self.places for word in words], bool)
        rows = np.flatnonzero(new[frame.bare.codes[GROUP]])
        if not len(rows):
            return self
        at = pa.array(rows)
        more = Cards.of(frame.results.take(at), frame.known.take(at))
        return Cards(pa.concat_tables([self.table, more.table]).combine_chunks())

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The groups, in the order of the cards."""
        return tuple(self.table[NAME].to_pylist())

    @cached_property
    def places(self) -> dict[str, int]:
        """The place of each group's card."""
        return {name: place for place, name in enumerate(self.names)}

    @cached_property
    def log_weight(self) -> NDArray[np.float64]:
        """Logarithm of each group's weight; NaN where the scheme gives none."""
        return log_weights(self.table["weight"])

    def words(self, level: str) -> list[str]:
        """The ADRG or MDC of each group."""
        own = self.table[level].to_pylist()
        pairs = zip(own, self.names, strict=True)
        return [word if word is not None else above(name, level) for word, name in pairs]

    @cached_property
    def mdc(self) -> tuple[str, ...]:
        """The MDC of each group."""
        return tuple(self.words(MDC))

    @cached_property
    def adrg(self) -> tuple[str, ...]:
        """The ADRG of each group."""
        return tuple(self.words(ADRG))


def log_weights(column: pa.ChunkedArray) -> NDArray[np.float64]:
    """Logarithms of weights; NaN where there is none above nought."""
    found = np.asarray(pc.fill_null(pc.cast(column, pa.float64()), float("nan")))
    weights = found.astype(np.float64)
    some = np.isfinite(weights) & (weights > 0)
    return np.log(np.where(some, weights, np.nan))


def _commonest(table: pa.Table, keys: Sequence[str]) -> pa.Table:
    """For each name the combination of the other columns that most rows have; of equals the first by text."""
    counted = table.group_by(list(keys), use_threads=False).aggregate([([], "count_all")])
    order = [(NAME, "ascending"), ("count_all", "descending")]
    order += [(key, "ascending") for key in keys if key != NAME]
    counted = counted.sort_by(order)
    names = np.asarray(pc.dictionary_encode(counted[NAME]).combine_chunks().indices)
    first = np.append(True, names[1:] != names[:-1]) if len(names) else np.zeros(0, bool)
    return counted.filter(pa.array(first)).select(list(keys))


def _plain(results: pa.Table, name: str) -> pa.ChunkedArray:
    kind = CARD_SCHEMA.field(name).type
    return pa.nulls(len(results), kind) if name == "warnings" else results[name].cast(kind)


def _leads(column: Any) -> pa.Array:  # noqa: ANN401 -- Arrow
    """The first code of each list."""
    lists = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    some = np.flatnonzero(np.asarray(pc.fill_null(pc.list_value_length(lists), 0)) > 0)
    places = np.full(len(lists), -1, np.int64)
    places[some] = np.arange(len(some))
    heads = pc.list_element(lists.take(pa.array(some)), 0).cast(pa.string())
    return heads.take(pa.array(np.maximum(places, 0), mask=places < 0))
