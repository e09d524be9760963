"""A stand-in model for tests of the evaluation: group means with quantiles of their residuals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from grouper.case.dates import DAY_SECONDS, OFFSET
from grouper.demo.hospital.build import make_hospital
from grouper.demo.hospital.plan import make_plan
from grouper.forecast.course import courses_of
from grouper.forecast.evaluation.backtest import backtest
from grouper.forecast.evaluation.history import History, as_of
from grouper.forecast.evaluation.judged import Judged
from grouper.forecast.evaluation.lookup import Cells, means
from grouper.forecast.evaluation.plan import Plan
from grouper.forecast.frame import Frame, frame_of, truth_of
from grouper.forecast.levels import ADRG, GROUP, MDC
from grouper.forecast.result import FORECAST_SCHEMA
from grouper.forecast.snapshot import snapshots_of
from grouper.payment.place import Terms

LEVEL = 0.9


@dataclass(frozen=True)
class StandIn:
    """Charges to date and the typical rest of the bare group; intervals from the training residuals."""

    name: str = "stand-in"
    version: str = "1"
    trained: list[int] | None = None
    """How many stays each training saw."""

    def train(self, history: History) -> Callable[[Frame], pa.Table]:
        if self.trained is not None:
            self.trained.append(len(history))
        frame, truth = history.frame, history.truth.take(history.frame.stay)
        cells = Cells.of(frame.bare, frame.day)
        los = truth.los.astype(np.float64)
        came = {"cost": truth.cost, "los": los} | truth.money
        charged = frame.snapshots.cost()
        base = {name: charged if name == "cost" else np.zeros(len(charged)) for name in came}
        rest = {
            name: means(cells, frame.bare, frame.day, values - base[name], 5)
            for name, values in came.items()
        }
        away = {
            name: np.nanquantile(
                values - base[name] - rest[name].at(frame.bare, frame.day), [0.05, 0.5, 0.95]
            )
            for name, values in came.items()
        }
        right = float((frame.bare.texts(GROUP) == truth.levels.texts(GROUP)).mean())

        def predict(asked: Frame) -> pa.Table:
            found = {}
            for name, lookup in rest.items():
                middle = lookup.at(asked.bare, asked.day)
                middle = middle + (asked.snapshots.cost() if name == "cost" else 0)
                low, shift, high = away[name]
                found[f"{name}_low"], found[f"{name}_high"] = middle + low, middle + high
                found[f"{name}_middle"], found[f"{name}_mean"] = middle + shift, middle
            return forecasts(asked, found, right)

        return predict


def forecasts(asked: Frame, bounds: dict[str, np.ndarray], right: float) -> pa.Table:
    """A table of forecasts: the bare group with one probability, and the bounds given."""
    size = len(asked)
    texts = {level: asked.bare.texts(level).tolist() for level in (GROUP, ADRG, MDC)}
    likely = [
        [{"group": group, "name": "", "adrg": adrg, "mdc": mdc, "probability": right}]
        for group, adrg, mdc in zip(*texts.values(), strict=True)
    ]
    moment = (as_of(asked) + 1) * DAY_SECONDS - OFFSET
    given = {
        "case_id": asked.known["case_id"],
        "as_of": pa.array(moment, pa.int64()).cast(pa.timestamp("s", "UTC")),
        "day": pa.array(asked.day, pa.int32()),
        "status": ["forecast"] * size,
        "department": asked.known["department"],
        "bare_status": pa.array(asked.bare.status.tolist(), pa.string()),
        "bare_group": texts[GROUP],
        "groups": likely,
        "adrg": texts[ADRG],
        "adrg_probability": np.full(size, right),
        "mdc": texts[MDC],
        "mdc_probability": np.full(size, right),
        "other_probability": np.full(size, 1 - right),
        "level": np.full(size, LEVEL),
        **{
            name: pa.array(np.round(values, 2), pa.float64(), mask=~np.isfinite(values))
            for name, values in bounds.items()
        },
    }
    columns = []
    for field in FORECAST_SCHEMA:
        column = given.get(field.name)
        if column is None:
            columns.append(pa.nulls(size, field.type))
            continue
        column = column if isinstance(column, pa.Array) else pa.array(column, field.type)
        decimal = pa.types.is_decimal(field.type)
        columns.append(column.cast(field.type, safe=not decimal))
    return pa.table(columns, FORECAST_SCHEMA)


DAYS = (0, 1, 2, 3, 5, 10)


@cache
def tables() -> tuple[pa.Table, pa.Table]:
    """Eleven months of a small demonstration hospital: cases and charge lines."""
    plan = make_plan("2025-01", 11, 7, 0.14, region="demo", scheme="dip-pingdingshan-2025")
    with TemporaryDirectory() as folder:
        make_hospital(Path(folder), plan)
        cases, charges = (
            pa.concat_tables(
                [pq.read_table(path) for path in sorted(Path(folder, kind).glob("*.parquet"))]
            )
            for kind in ("inpatient", "charges")
        )
    return cases, charges


def history_of(cases: pa.Table, charges: pa.Table) -> History:
    """The history of some stays."""
    courses = courses_of(cases, charges)
    terms = Terms(region="demo")
    frame = frame_of(snapshots_of(courses, DAYS), "demo")
    return History(frame, truth_of(cases, courses.los, terms), terms)


@cache
def history() -> History:
    """The history of the small hospital."""
    return history_of(*tables())


@cache
def judged_rows() -> Judged:
    """Forecasts of the stand-in, each month of a model of the months before."""
    plan = replace(Plan.shipped(), least_months=3, step_months=1, most_origins=0, days=DAYS)
    with TemporaryDirectory() as folder:
        return backtest(history(), plan, StandIn(), Path(folder)).rows
