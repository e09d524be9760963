"""What the boosters of cost and stay see: a case beside the typical stays of one of its groups."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from grouper.forecast import features
from grouper.forecast.levels import ADRG, GROUP, MDC
from grouper.forecast.tables import rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from grouper.forecast.amounts.candidates import Candidates
    from grouper.forecast.amounts.cards import Cards
    from grouper.forecast.amounts.history import Facts, History, Typical
    from grouper.forecast.frame import Frame


@cache
def names() -> tuple[str, ...]:
    """The features of a case and a candidate: those of the snapshot, then ``data/amount_features.csv``."""
    return (*features.names(), *(row["feature"] for row in rows("amount_features.csv")))


@dataclass(frozen=True, slots=True)
class Anchors:
    """Cases beside their candidates; one row a pair.

    Attributes:
        matrix: [pairs, features] of :func:`names`.
        typical: of the candidate.
        charged: charged to date in yuan, at least nought.
        day: of the stay.
        cost: where a typical stay would end, in yuan: charged to date and the candidate's cost to come.
        days_left: the candidate's days to come.
    """

    matrix: NDArray[np.float32]
    typical: Typical
    charged: NDArray[np.float64]
    day: NDArray[np.int64]
    cost: NDArray[np.float64]
    days_left: NDArray[np.float64]


def anchors_of(
    frame: Frame,
    candidates: Candidates,
    cards: Cards,
    history: History,
    own: Facts | None = None,
) -> Anchors:
    """Lay cases beside their candidates.

    Args:
        frame: the cases.
        candidates: their groups.
        cards: of groups.
        history: of groups.
        own: what each pair's own stay added to the history (training).
    """
    row = candidates.row
    day = frame.day[row]
    charged = np.maximum(frame.snapshots.cost(), 0.0)[row]
    weights = np.append(cards.log_weight, np.nan)[candidates.card]
    places = []
    for level in (GROUP, ADRG, MDC):
        codes, words = candidates.words[level]
        places.append(history.levels[level].places(words)[codes])
    places.append(np.zeros(len(row), np.int64))
    typical = history.typical(np.column_stack(places), weights, day, own)
    extra = {
        "typical_cost": typical.log_cost,
        "typical_spread": typical.spread,
        "typical_los": np.log1p(typical.los),
        "typical_left": np.log1p(np.maximum(typical.left, 0.0)),
        "typical_days_left": np.log1p(np.maximum(typical.days_left, 0.0)),
        "typical_running": typical.running,
        "typical_cases": np.log1p(typical.cases),
        "course": np.log1p(charged) - np.log1p(np.maximum(typical.charged, 0.0)),
        "progress": np.log1p(charged) - typical.log_cost,
        "is_bare": candidates.are_bare(frame.bare).astype(np.float64),
    }
    own_names = names()[len(features.names()) :]
    matrix = np.empty((len(row), len(names())), np.float32)
    matrix[:, : len(features.names())] = frame.features[row]
    for place, name in enumerate(own_names, len(features.names())):
        matrix[:, place] = extra[name]
    cost = charged + np.maximum(typical.left, 0.0)
    return Anchors(matrix, typical, charged, day, cost, np.maximum(typical.days_left, 0.0))
