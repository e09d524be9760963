"""What training could not see of a case: told, and the interval made wider by a stated factor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from codebooks.folding import fold_codes
from grouper.forecast import features
from grouper.forecast.result import ForecastReason
from grouper.forecast.tables import toml

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from numpy.typing import NDArray

    from grouper.forecast.frame import Frame

_CATEGORY = 3
FACTORS = {
    ForecastReason.NEW_DEPARTMENT: "new_department",
    ForecastReason.NEW_CODE: "new_code",
    ForecastReason.REVERSED: "reversed",
    ForecastReason.TOO_LONG: "long_stay",
    ForecastReason.UNPRICED: "unpriced",
    ForecastReason.HISTORY: "history",
    ForecastReason.UNDATED: "undated",
    ForecastReason.NOT_STATED: "not_stated",
}
"""The factor of each doubt, by its name in ``data/amounts.toml``."""


def categories_of(cases: pa.RecordBatch) -> tuple[str, ...]:
    """The three-character categories of all diagnoses of cases, in order."""
    codes = pc.unique(pc.list_flatten(cases["dx"]).cast(pa.string())).drop_null()
    return tuple(sorted(set(_folded(codes.to_pylist()))))


def doubts_of(
    frame: Frame, known: Collection[str], long_day: int
) -> dict[ForecastReason, NDArray[np.bool_]]:
    """Which rows give rise to which doubt.

    Args:
        frame: the cases.
        known: categories of diagnoses that training saw.
        long_day: the day beyond which training saw next to none.
    """
    names = features.names()
    plan = toml("amounts.toml")["doubts"]
    stated = np.asarray(frame.known["admission_department"].is_valid())
    unseen = np.isnan(frame.features[:, names.index("department")])
    refunded = frame.features[:, names.index("refunded")]
    return {
        ForecastReason.NEW_DEPARTMENT: stated & unseen,
        ForecastReason.NEW_CODE: _new_codes(frame, frozenset(known)),
        ForecastReason.REVERSED: (refunded > plan["reversed_share"]) | (frame.snapshots.cost() < 0),
        ForecastReason.TOO_LONG: frame.day > long_day,
        ForecastReason.UNDATED: frame.snapshots.courses.lines.undated[frame.stay] > 0,
    }


def widening(doubts: Mapping[ForecastReason, NDArray[np.bool_]], count: int) -> NDArray[np.float64]:
    """By how much the half widths of each row's intervals grow; doubts multiply."""
    plan = toml("amounts.toml")["doubts"]
    found = np.ones(count)
    for reason, rows in doubts.items():
        if reason in FACTORS:
            found[rows] *= float(plan[FACTORS[reason]])
    return found


def _new_codes(frame: Frame, known: frozenset[str]) -> NDArray[np.bool_]:
    """Whether the leading diagnosis is of a category that training never saw."""
    lists = frame.known["dx"]
    lengths = np.asarray(pc.fill_null(pc.list_value_length(lists), 0))
    rows = np.flatnonzero(lengths > 0)
    heads = pc.list_element(lists.take(pa.array(rows)), 0).cast(pa.string())
    encoded = pc.dictionary_encode(heads)
    new = [word not in known for word in _folded(encoded.dictionary.to_pylist())]
    found = np.zeros(len(frame), bool)
    # An empty first place is no code.
    found[rows] = np.array([*new, False], bool)[np.asarray(pc.fill_null(encoded.indices, -1))]
    return found


def _folded(codes: Sequence[str | None]) -> list[str]:
    return [code[:_CATEGORY] for code in fold_codes([code or "" for code in codes])]
