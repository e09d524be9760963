"""A small invented hospital as snapshots with what came of them, and groups foretold in a plain way."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
from demo_hospital_support import MARCH, SEED

from grouper.case.fields import CASE_SCHEMA
from grouper.demo.hospital.months import Hospital
from grouper.forecast.amounts.model import AmountModel
from grouper.forecast.course import courses_of
from grouper.forecast.frame import Frame, Truth, frame_of, truth_of
from grouper.forecast.groups.forecast import GroupForecast
from grouper.forecast.levels import ADRG, GROUP, MDC
from grouper.forecast.snapshot import snapshots_of
from grouper.forecast.tables import toml
from grouper.payment.place import Terms

TERMS = Terms(region="demo")
DAYS = (0, 1, 2, 3, 5, 8, 12)
HOW = {
    "most_rows": 700,
    "alphas": [0.1, 0.5, 0.9],
    "booster": toml("amounts.toml")["training"]["booster"] | {"rounds": 12, "depth": 3},
}
"""Quick training."""


@dataclass(frozen=True)
class Small:
    """Snapshots of three months; the third is unseen in training."""

    frame: Frame
    truth: Truth
    earlier: np.ndarray[Any, Any]
    later: np.ndarray[Any, Any]

    def groups(self, rows: np.ndarray[Any, Any]) -> GroupForecast:
        """The bare answer with 0.7 and the final group with 0.2."""
        return foretold(self.frame.take(rows), self.truth)


@cache
def small(scale: float = 0.07) -> Small:
    """The hospital, made once."""
    hospital = Hospital(SEED, scale)
    months = [hospital.month(MARCH + number) for number in range(3)]
    cases = pa.concat_tables([one.inpatient for one in months])
    for field in CASE_SCHEMA:
        if field.name not in cases.column_names:
            cases = cases.append_column(field.name, pa.nulls(len(cases), field.type))
    charges = pa.concat_tables([one.charges for one in months], promote_options="default")
    courses = courses_of(cases, charges)
    frame = frame_of(snapshots_of(courses, DAYS), "demo")
    truth = truth_of(cases, courses.los, TERMS)
    last = courses.end >= np.sort(courses.end)[len(courses) * 2 // 3]
    return Small(frame, truth, np.flatnonzero(~last[frame.stay]), np.flatnonzero(last[frame.stay]))


@cache
def model() -> AmountModel:
    """Trained on the earlier stays, calibrated on half of the later ones."""
    made = small()
    fit = made.frame.take(made.earlier)
    trained = AmountModel.trained(fit, made.truth, HOW)
    half = made.later[::2]
    return trained.calibrated(made.frame.take(half), made.truth, made.groups(half), TERMS)


def foretold(frame: Frame, truth: Truth) -> GroupForecast:
    """Groups of rows: the bare answer with 0.7, the final group with 0.2; one of both with 0.9."""
    final = truth.take(frame.stay).levels
    pairs = {}
    for levels in (frame.bare, final):
        own = zip(*(levels.texts(level) for level in (GROUP, ADRG, MDC)), strict=True)
        pairs |= {name: (adrg, mdc) for name, adrg, mdc in own}
    names = tuple(sorted(pairs))
    at = {name: place for place, name in enumerate(names)}
    bare = np.array([at[name] for name in frame.bare.texts(GROUP)])
    came = np.array([at[name] for name in final.texts(GROUP)])
    one = bare == came
    code = np.column_stack([bare, np.where(one, -1, came)])
    probability = np.column_stack([np.where(one, 0.9, 0.7), np.where(one, 0.0, 0.2)])
    return GroupForecast(
        code,
        probability,
        names,
        tuple(pairs[name][0] for name in names),
        tuple(pairs[name][1] for name in names),
    )
