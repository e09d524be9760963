"""What models learn from and are asked about: snapshots with their features and the bare grouping."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from grouper.case.fields import CASE_SCHEMA
from grouper.case.issues import issue_table
from grouper.forecast.features import Vocabulary, feature_matrix
from grouper.forecast.levels import Levels, levels_of
from grouper.forecast.snapshot import Snapshots, known_cases
from grouper.payment.result import PAYMENT_SCHEMA
from grouper.payment.run import group_batch, price_table
from grouper.schemes.protocol import RESULT_SCHEMA

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from grouper.payment.place import Terms


@dataclass(frozen=True, slots=True)
class Frame:
    """Snapshots as models see them; one row a snapshot.

    Attributes:
        snapshots: the days of stays.
        known: the cases as they were known, with columns of ``CASE_SCHEMA``.
        features: [rows, features] of :func:`grouper.forecast.features.names`.
        results: the grouper's bare answer on what was known, columns of ``RESULT_SCHEMA``.
        bare: its levels.
        vocabulary: the words that features count by.
    """

    snapshots: Snapshots
    known: pa.RecordBatch
    features: NDArray[np.float32]
    results: pa.Table
    bare: Levels
    vocabulary: Vocabulary

    def __len__(self) -> int:
        return len(self.snapshots)

    @property
    def stay(self) -> NDArray[np.int64]:
        """Number of the stay of each row."""
        return self.snapshots.stay

    @property
    def day(self) -> NDArray[np.int64]:
        """Day of the stay of each row."""
        return self.snapshots.day

    def take(self, rows: NDArray[Any]) -> Frame:
        """Some rows."""
        places = np.flatnonzero(rows) if rows.dtype == bool else rows
        at = pa.array(places)
        return Frame(
            self.snapshots.take(places),
            self.known.take(at),
            self.features[places],
            self.results.take(at),
            self.bare.take(places),
            self.vocabulary,
        )


@dataclass(frozen=True, slots=True)
class Truth:
    """What came of finished stays; one row a stay of the courses.

    Attributes:
        levels: the final group.
        valid: whether the final record can be trusted to be grouped (its status is not invalid).
        cost: total cost in yuan, NaN where it is not known.
        los: days of stay, 0 where unknown.
        money: ``amount``, ``fund`` and ``surplus`` in yuan by name, NaN where there is none.
        results: the final groupings, columns of ``RESULT_SCHEMA``; None: not kept.
    """

    levels: Levels
    valid: NDArray[np.bool_]
    cost: NDArray[np.float64]
    los: NDArray[np.int64]
    money: dict[str, NDArray[np.float64]]
    results: pa.Table | None = None

    def take(self, rows: NDArray[Any]) -> Truth:
        """Some stays, or one row for each of some snapshots by their stays."""
        money = {name: values[rows] for name, values in self.money.items()}
        places = np.flatnonzero(rows) if rows.dtype == bool else rows
        results = None if self.results is None else self.results.take(pa.array(places))
        return Truth(
            self.levels.take(rows),
            self.valid[rows],
            self.cost[rows],
            self.los[rows],
            money,
            results,
        )


def frame_of(
    snapshots: Snapshots,
    region: str,
    vocabulary: Vocabulary | None = None,
    scheme: str | None = None,
) -> Frame:
    """The frame of snapshots.

    Args:
        snapshots: days of stays.
        region: of cases that name none.
        vocabulary: of the model; None: that of these stays (in training).
        scheme: for all cases; None: what binds each on its day.

    Raises:
        GrouperError: a scheme's book is not at hand.
    """
    known = known_cases(snapshots)
    words = vocabulary or Vocabulary.of(snapshots)
    grouped = group_batch(known, issue_table([]), region, scheme)
    results = pa.Table.from_batches([grouped]).select(RESULT_SCHEMA.names)
    features = feature_matrix(snapshots, known, words, region)
    return Frame(snapshots, known, features, results, levels_of(results), words)


def truth_of(
    cases: pa.Table, los: NDArray[np.int64], terms: Terms, scheme: str | None = None
) -> Truth:
    """What came of finished stays: grouped, and priced by the policy of their day.

    Args:
        cases: columns of ``CASE_SCHEMA`` in the order of the courses.
        los: their days of stay.
        terms: by which policies.
        scheme: for all cases; None: what binds each. By a scheme that does not bind nothing is priced.

    Raises:
        GrouperError: a scheme's book is not at hand.
    """
    batch = pa.RecordBatch.from_arrays(
        [
            cases[f.name].combine_chunks()
            if f.name in cases.column_names
            else pa.nulls(len(cases), f.type)
            for f in CASE_SCHEMA
        ],
        names=CASE_SCHEMA.names,
    )
    grouped = pa.Table.from_batches([group_batch(batch, issue_table([]), terms.region, scheme)])
    levels = levels_of(grouped)
    money = {}
    paid = price_table(grouped, terms) if scheme is None else None
    for name in ("amount", "fund", "surplus"):
        column = paid[name] if paid else pa.nulls(len(cases), PAYMENT_SCHEMA.field(name).type)
        money[name] = _floats(column)
    results = grouped.select(RESULT_SCHEMA.names)
    valid = levels.status != "invalid"
    return Truth(levels, valid, _floats(cases["total_cost"]), los, money, results)


def _floats(column: Any) -> NDArray[np.float64]:  # noqa: ANN401 -- Arrow
    found = pa.compute.fill_null(pa.compute.cast(column, pa.float64()), float("nan"))
    return np.asarray(found).astype(np.float64)
