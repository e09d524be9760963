"""What makes a forecast impossible, or less sure: reasons and warnings of cases."""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from codebooks.errors import CodebookError
from codebooks.registry import INPATIENT, registry
from grouper.case.dates import EPOCH
from grouper.forecast.course import NO_DAY
from grouper.forecast.features import names
from grouper.forecast.levels import ADRG, ALL, MDC
from grouper.forecast.result import ForecastReason
from grouper.forecast.tables import toml

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from grouper.forecast.amounts.model import Amounts
    from grouper.forecast.course import Courses
    from grouper.forecast.forecaster import Forecaster
    from grouper.forecast.frame import Frame


def refused(
    courses: Courses, day: NDArray[np.int64], at: int, forecaster: Forecaster
) -> list[ForecastReason | None]:
    """Why each case has no forecast; None where it has one.

    Args:
        courses: the cases.
        day: whole days of each so far.
        at: the moment, as seconds since 1970.
        forecaster: who is asked.
    """
    plan = toml("training.toml")
    longest = min(plan["longest_day"], plan["longest_times"] * forecaster.amounts.long_day)
    begins, ends = (_seconds(courses, name) for name in ("admission_time", "discharge_time"))
    lines, charged, back = _charged(courses, day)
    bare = (lines == 0) & (day > 0) & _always_known(forecaster, "lines")
    # In the order in which they are told: the last that hits stands.
    checks = {
        ForecastReason.NO_LINES: bare,
        ForecastReason.REVERSED: back > plan["most_refunded"] * charged,
        ForecastReason.TOO_LONG: day > longest,
        ForecastReason.ENDED: ends <= at,
        ForecastReason.NOT_STARTED: (day < 0) | (begins > at),
        ForecastReason.NO_ADMISSION: courses.start == NO_DAY,
        ForecastReason.KIND: np.array([kind != INPATIENT for kind in courses.texts("kind")], bool),
    }
    found = np.full(len(courses), None, object)
    for reason, hit in checks.items():
        found[hit] = reason
    return list(found.tolist())


def lacking(frame: Frame) -> dict[str, float]:
    """The shares of snapshots that lack what a forecast rests on; of lines of those after day 0.

    Args:
        frame: of training.
    """
    later = frame.day > 0
    found = {name: float(hit.mean()) if len(hit) else 0.0 for name, hit in _missing(frame).items()}
    bare = frame.features[later, names().index("lines")] == 0
    return found | {"lines": float(bare.mean()) if len(bare) else 0.0}


def unstated(frame: Frame, forecaster: Forecaster) -> dict[ForecastReason, NDArray[np.bool_]]:
    """Rows that lack what nearly all of training's had.

    Args:
        frame: what is asked.
        forecaster: who is asked.
    """
    hits = [hit for name, hit in _missing(frame).items() if _always_known(forecaster, name)]
    return {ForecastReason.NOT_STATED: np.logical_or.reduce([np.zeros(len(frame), bool), *hits])}


def _missing(frame: Frame) -> dict[str, NDArray[np.bool_]]:
    """Rows without sex, age, any diagnosis."""
    columns = {"age": "age", "sex": "female"}
    found: dict[str, NDArray[np.bool_]] = {
        name: np.isnan(frame.features[:, names().index(column)]) for name, column in columns.items()
    }
    known = pc.fill_null(pc.list_value_length(frame.known["dx"]), 0)
    return found | {"dx": np.asarray(known) == 0}


def _always_known(forecaster: Forecaster, what: str) -> bool:
    share = forecaster.setup.lacking.get(what, 0.0)
    return bool(share < toml("training.toml")["least_lacking"])


def _seconds(courses: Courses, name: str) -> NDArray[np.float64]:
    """Times as seconds since 1970; NaN for none."""
    column = courses.cases[name].combine_chunks().cast(pa.int64()).cast(pa.float64())
    return np.asarray(pc.fill_null(column, float("nan")))


def _charged(courses: Courses, day: NDArray[np.int64]) -> tuple[NDArray[np.float64], ...]:
    """Of each case before a day: how many lines, what they charge, what they take back."""
    lines = courses.lines
    known = lines.day < day[lines.stay]
    stay, amount = lines.stay[known], lines.amount[known].astype(np.float64)
    weights = (np.ones(len(stay)), np.maximum(amount, 0.0), np.maximum(-amount, 0.0))
    return tuple(np.bincount(stay, one, len(courses)).astype(np.float64) for one in weights)


def warnings(frame: Frame, amounts: Amounts, forecaster: Forecaster) -> list[str]:
    """What makes each forecast less sure, codes joined by ``;``; empty for none.

    Args:
        frame: what was asked.
        amounts: costs, stays and payments.
        forecaster: who answered.
    """
    courses, stay = frame.snapshots.courses, frame.stay
    lines = frame.features[:, names().index("lines")] > 0
    undated = (courses.dx.undated + courses.px.undated + courses.lines.undated)[stay] > 0
    other = _other_scheme(frame, amounts, forecaster)
    checks: dict[ForecastReason, Any] = {
        ForecastReason.NO_LINES: ~lines & (frame.day > 0),
        **amounts.warnings,
        ForecastReason.UNDATED: undated,
        ForecastReason.RARE_GROUP: np.isin(np.asarray(amounts.basis), (ADRG, MDC)),
        ForecastReason.HISTORY: np.asarray(amounts.basis) == ALL,
        ForecastReason.NEW_SCHEME: other | amounts.warnings.get(ForecastReason.NEW_SCHEME, other),
    }
    found = np.full(len(frame), "", object)
    for code, hit in checks.items():
        found[hit] += f"{code};"
    return [words.rstrip(";") for words in found.tolist()]


def _other_scheme(frame: Frame, amounts: Amounts, forecaster: Forecaster) -> NDArray[np.bool_]:
    """Whether another scheme than that of the snapshot binds on the expected day of discharge."""
    if forecaster.setup.scheme is not None:
        return np.zeros(len(frame), bool)
    start = frame.snapshots.courses.start[frame.stay]
    days = start + np.maximum(np.rint(amounts.middle["los"]).astype(np.int64), frame.day)
    regions = frame.known["region"].to_pylist()
    now = frame.results["scheme"].to_pylist()
    return np.array(
        [
            _scheme(region or forecaster.setup.region, day) not in {None, scheme}
            for region, day, scheme in zip(regions, days.tolist(), now, strict=True)
        ],
        bool,
    )


@lru_cache(maxsize=8192)
def _scheme(region: str, day: int) -> str | None:
    try:
        return registry().binding(region, EPOCH + timedelta(days=day), INPATIENT).scheme
    except (CodebookError, OverflowError):
        # Beyond the calendar nothing binds.
        return None
