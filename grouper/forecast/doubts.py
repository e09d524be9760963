"""What makes a forecast impossible, or less sure: reasons and warnings of cases."""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

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


def refused(courses: Courses, day: NDArray[np.int64], at: int) -> list[ForecastReason | None]:
    """Why each case has no forecast; None where it has one.

    Args:
        courses: the cases.
        day: whole days of each so far.
        at: the moment, as seconds since 1970.
    """
    longest = int(toml("training.toml")["longest_day"])
    charged = np.bincount(
        courses.lines.stay[courses.lines.day < day[courses.lines.stay]],
        courses.lines.amount[courses.lines.day < day[courses.lines.stay]].astype(float),
        len(courses),
    )
    ends = courses.cases["discharge_time"].to_pylist()
    found: list[ForecastReason | None] = []
    for place, kind in enumerate(courses.texts("kind")):
        reason = None
        if kind != INPATIENT:
            reason = ForecastReason.KIND
        elif courses.start[place] == NO_DAY:
            reason = ForecastReason.NO_ADMISSION
        elif day[place] < 0:
            reason = ForecastReason.NOT_STARTED
        elif (end := ends[place]) is not None and end.timestamp() <= at:
            reason = ForecastReason.ENDED
        elif day[place] > longest:
            reason = ForecastReason.TOO_LONG
        elif charged[place] < 0:
            reason = ForecastReason.REVERSED
        found.append(reason)
    return found


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
        ForecastReason.UNDATED: undated,
        **amounts.warnings,
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
    except CodebookError:
        return None
