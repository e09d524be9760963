"""A small invented hospital on disk, a forecaster taught on it, and its stays as they ran at a moment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pyarrow.parquet as pq
from demo_hospital_support import SEED

from grouper.case.dates import LOCAL
from grouper.case.fields import members
from grouper.case.record import Case
from grouper.demo.hospital.months import Hospital
from grouper.demo.hospital.plan import month_number
from grouper.forecast.archive import Archive, read_archive
from grouper.forecast.evaluation.history import History
from grouper.forecast.forecaster import Forecaster
from grouper.forecast.tables import toml
from grouper.forecast.training import history_of, learn
from grouper.payment.place import Terms

TERMS = Terms(region="demo")
FIRST, MONTHS, SCALE = "2026-01", 8, 0.05
AT = datetime(2026, 6, 10, 8, tzinfo=LOCAL)
"""Some stays run at this moment; the forecaster has learnt from them, which does not matter here."""
_AT_THE_END = (
    *("discharge_time", "discharge_way", "discharge_status", "department", "los"),
    *("total_cost", "scope_cost", "own_cost", "over_limit_cost", "first_share_cost"),
)
LINES = members("line_item")


@cache
def hospital() -> Path:
    """Eight months as the folder of a hospital, about a thousand stays."""
    folder = Path(mkdtemp(prefix="grouper-forecast-"))
    made, first = Hospital(SEED, SCALE), month_number(FIRST)
    for name in ("inpatient", "charges"):
        (folder / name).mkdir()
    for number in range(MONTHS):
        month = made.month(first + number)
        for name in ("inpatient", "charges"):
            pq.write_table(getattr(month, name), folder / name / f"2026-{number + 1:02}.parquet")
    return folder


@cache
def archive() -> Archive:
    """The hospital, read."""
    return read_archive([hospital()])


@cache
def history() -> History:
    """Its finished stays."""
    return history_of(archive(), TERMS)


@contextmanager
def quick(rounds: int = 12) -> Iterator[None]:
    """While it lasts, models are trained with few trees."""
    tables = (
        toml("amounts.toml")["training"]["booster"],
        toml("groups.toml")["ranker"]["trees"],
    )
    kept = [dict(one) for one in tables]
    try:
        for one in tables:
            one.update(rounds=rounds, threads=1)
        yield
    finally:
        for one, before in zip(tables, kept, strict=True):
            one.update(before)


@cache
def forecaster() -> Forecaster:
    """Taught on all its stays, with few trees."""
    with quick():
        return replace(learn(history()), id="m1")


@cache
def _lines() -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    charges = archive().charges
    assert charges is not None
    for line in charges.to_pylist():
        found[line["case_id"]].append(line)
    return found


@cache
def running(at: datetime = AT) -> tuple[Case, ...]:
    """The stays that ran at a moment as records of then: nothing of later stands in them."""
    rows = archive().cases.to_pylist()
    return tuple(
        _record(row, at) for row in rows if row["admission_time"] <= at < row["discharge_time"]
    )


@cache
def plain(day: int = 3) -> Case:
    """A running case on a day of its stay with charges, times, and a forecast without a warning."""
    told = forecaster().forecast(running(), AT)
    for case, row in zip(running(), told.to_pylist(), strict=True):
        if row["day"] == day and row["warnings"] is None and row["pay_reason"] is None:
            return case
    raise LookupError


def _record(row: dict[str, Any], at: datetime) -> Case:
    own = {name: value for name, value in row.items() if value is not None}
    for name in _AT_THE_END:
        own.pop(name, None)
    _cut(own, "dx", [time is not None and time <= at for time in row["dx_time"] or ()])
    _cut(own, "px", [day is not None and day <= at.date() for day in row["px_date"] or ()])
    lines = [line for line in _lines()[row["case_id"]] if line["line_time"] <= at]
    own |= {name: tuple(line.get(name) for line in lines) for name in LINES}
    own = {name: tuple(v) if isinstance(v, list) else v for name, v in own.items()}
    return Case(**{name: value for name, value in own.items() if value != (None,) * len(lines)})


def _cut(own: dict[str, Any], head: str, known: list[bool]) -> None:
    """Leave of a list what is known; where that does not begin with its first, the place is empty."""
    gap = any(known) and not known[0]
    for name in members(head):
        kept = [value for value, good in zip(own.get(name) or (), known, strict=False) if good]
        own[name] = (None, *kept) if kept and gap else tuple(kept)


def width(row: dict[str, Any], measure: str = "cost") -> float:
    """How wide an interval is beside its middle."""
    return float(row[f"{measure}_high"] - row[f"{measure}_low"]) / float(row[f"{measure}_middle"])


def one(case: Case, at: datetime = AT, **options: Any) -> dict[str, Any]:
    """The forecast of one case."""
    found: dict[str, Any] = forecaster().forecast([case], at, **options).to_pylist()[0]
    return found


def ordered(rows: list[dict[str, Any]], measure: str) -> bool:
    """Whether the bounds of all rows that have them stand in order."""
    return all(
        row[f"{measure}_low"] <= row[f"{measure}_middle"] <= row[f"{measure}_high"]
        for row in rows
        if row[f"{measure}_middle"] is not None
    )
