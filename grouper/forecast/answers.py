"""Forecasts as a table of ``FORECAST_SCHEMA``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from grouper.forecast.arrays import texts
from grouper.forecast.levels import ADRG, GROUP, MDC
from grouper.forecast.result import FORECAST_SCHEMA, MEASURES, POINT_VALUE, YUAN, ForecastStatus
from grouper.forecast.tables import toml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from grouper.forecast.amounts.drivers import Driver
    from grouper.forecast.amounts.model import Amounts
    from grouper.forecast.course import Courses
    from grouper.forecast.frame import Frame
    from grouper.forecast.groups.forecast import GroupForecast

_PLACES, _FEN = 4, 2
_BOUNDS = ("low", "middle", "high", "mean")


def answers(
    frame: Frame,
    groups: GroupForecast,
    amounts: Amounts,
    titles: Mapping[str, str],
    *,
    model: str,
    at: NDArray[np.int64],
    doubts: Sequence[str],
    insurance: pa.Array,
    drivers: Sequence[Sequence[Driver]] | None = None,
) -> pa.Table:
    """The table of forecasts, one row a snapshot.

    Args:
        frame: what was asked.
        groups: the likely groups.
        amounts: costs, stays and payments.
        titles: what groups are called.
        model: id of the model.
        at: the moment of each, as seconds since 1970.
        doubts: warnings of each, codes joined by ``;``.
        insurance: of each, as the policy reads it.
        drivers: effects of each.
    """
    size = len(frame)
    adrg, adrg_chance = groups.at(ADRG)
    mdc, mdc_chance = groups.at(MDC)
    found: dict[str, pa.Array] = {
        "case_id": frame.known["case_id"],
        "as_of": moments(at),
        "day": pa.array(frame.day, pa.int32()),
        "model": pa.repeat(pa.scalar(model), size),
        "scheme": texts(frame.results["scheme"]),
        "status": pa.repeat(pa.scalar(ForecastStatus.FORECAST.value), size),
        "warnings": pa.array([words or None for words in doubts], pa.string()),
        "department": frame.known["department"],
        "bare_status": texts(frame.results["status"]),
        "bare_group": pa.array(frame.bare.texts(GROUP), pa.string()),
        "groups": _likely(groups, titles),
        "adrg": pa.array(adrg, pa.string()),
        "adrg_probability": pa.array(adrg_chance),
        "mdc": pa.array(mdc, pa.string()),
        "mdc_probability": pa.array(mdc_chance),
        "other_probability": pa.array(groups.other()),
        "basis": pa.array(amounts.basis, pa.string()),
        "basis_cases": pa.array(amounts.basis_cases, pa.int32()),
        "level": pa.repeat(pa.scalar(float(toml("training.toml")["level"])), size),
        "cost_to_date": money(frame.snapshots.cost()),
        "insurance": insurance,
        "method": pa.array([word or None for word in amounts.method], pa.string()),
        "point_value": money(amounts.point_value, POINT_VALUE),
        "pay_reason": pa.array([word or None for word in amounts.pay_reason], pa.string()),
    }
    for measure in MEASURES:
        for bound in _BOUNDS:
            values = getattr(amounts, bound)[measure]
            kind = FORECAST_SCHEMA.field(f"{measure}_{bound}").type
            found[f"{measure}_{bound}"] = (
                money(values) if kind == YUAN else pa.array(values, mask=np.isnan(values))
            )
    if drivers is not None:
        kind = FORECAST_SCHEMA.field("drivers").type
        told = [
            [
                {
                    "feature": one.feature,
                    # A feature may have no value; in JSON there is no NaN.
                    "value": round(one.value, _PLACES) if np.isfinite(one.value) else None,
                    "effect": round(one.effect, _FEN),
                }
                for one in row
            ]
            for row in drivers
        ]
        found["drivers"] = pa.array(told, kind)
    return _table(found, size)


def refusals(
    courses: Courses,
    day: NDArray[np.int64],
    reasons: Sequence[str | None],
    *,
    model: str,
    at: NDArray[np.int64],
) -> pa.Table:
    """The table of what is refused: cases with a reason.

    Args:
        courses: the cases.
        day: whole days of each so far.
        reasons: why each is refused; None: it is not.
        model: id of the model.
        at: the moment of each, as seconds since 1970.
    """
    places = np.flatnonzero([reason is not None for reason in reasons])
    size = len(places)
    taken = pa.array(places)
    found = {
        "case_id": courses.cases["case_id"].combine_chunks().take(taken),
        "as_of": moments(at[places]),
        "day": pa.array(day[places], pa.int32()),
        "model": pa.repeat(pa.scalar(model), size),
        "status": pa.repeat(pa.scalar(ForecastStatus.REFUSED.value), size),
        "reason": pa.array([reasons[place] for place in places.tolist()], pa.string()),
        "department": courses.cases["admission_department"].combine_chunks().take(taken),
    }
    return _table(found, size)


def _table(found: dict[str, pa.Array], size: int) -> pa.Table:
    columns = [
        _typed(found[f.name], f.type) if f.name in found else pa.nulls(size, f.type)
        for f in FORECAST_SCHEMA
    ]
    return pa.table(columns, FORECAST_SCHEMA)


def _typed(column: pa.Array, kind: pa.DataType) -> pa.Array:
    return column if column.type == kind else column.cast(kind)


def moments(at: NDArray[np.int64]) -> pa.Array:
    """Seconds since 1970 as times of the case's zone."""
    return pa.array(at, pa.int64()).cast(pa.timestamp("s", "UTC"))


def money(values: NDArray[np.float64], kind: pa.DataType = YUAN) -> pa.Array:
    """Estimates in yuan as amounts, rounded to the last place of their kind; NaN is null."""
    known = np.isfinite(values)
    fen = np.rint(np.where(known, values, 0.0) * 10**kind.scale).astype(np.int64)
    words = np.empty((len(fen), 2), np.int64)
    words[:, 0], words[:, 1] = fen, fen >> 63
    mask = None if known.all() else pa.array(known).buffers()[1]
    return pa.Array.from_buffers(kind, len(fen), [mask, pa.py_buffer(words.tobytes())])


def _likely(groups: GroupForecast, titles: Mapping[str, str]) -> pa.Array:
    """Lists of the likely groups, the likeliest first."""
    most = int(toml("training.toml")["shown_groups"])
    code = groups.code[:, :most]
    some = code >= 0
    flat = code[some].tolist()
    names = [groups.names[number] for number in flat]
    parts = [
        pa.array(names, pa.string()),
        pa.array([titles.get(name, "") for name in names], pa.string()),
        pa.array([groups.adrg[number] for number in flat], pa.string()),
        pa.array([groups.mdc[number] for number in flat], pa.string()),
        pa.array(groups.probability[:, :most][some]),
    ]
    kind = FORECAST_SCHEMA.field("groups").type
    values = pa.StructArray.from_arrays(parts, fields=list(kind.value_type))
    ends = np.concatenate([[0], np.cumsum(some.sum(axis=1))])
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), values)
