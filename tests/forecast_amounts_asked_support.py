"""Snapshots of the small hospital that the model has not seen, and its answers held side by side."""

from __future__ import annotations

import numpy as np
from forecast_amounts_support import TERMS, model, small

from grouper.forecast.amounts.model import Amounts
from grouper.forecast.frame import Frame
from grouper.forecast.groups.forecast import GroupForecast
from grouper.forecast.result import MEASURES

BOUNDS = ("low", "middle", "high", "mean")


def unseen(most: int = 200) -> tuple[Frame, GroupForecast, np.ndarray]:
    """Snapshots that neither training nor calibration has seen."""
    rows = small().later[1::2][:most]
    return small().frame.take(rows), small().groups(rows), rows


def asked(most: int = 200) -> Amounts:
    """What the model says of them."""
    frame, groups, _ = unseen(most)
    return model().predict(frame, groups, TERMS)


def same(one: Amounts, other: Amounts, rows: np.ndarray) -> None:
    """Hold some rows of one answer equal to the whole of another."""
    for bound in BOUNDS:
        for measure in MEASURES:
            left = getattr(one, bound)[measure][rows]
            right = getattr(other, bound)[measure]
            np.testing.assert_array_equal(left, right, err_msg=f"{measure} {bound}")
    assert one.pay_reason[rows].tolist() == other.pay_reason.tolist()
    assert one.basis[rows].tolist() == other.basis.tolist()
