"""A mart of few invented figures, and a view for pages that ask it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import fields, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from uuid import uuid4

import pyarrow as pa

from dashboards.frame import marts
from dashboards.frame.parts import Parts, hold
from grouper.mart.answers import (
    BY,
    CHOICES,
    CONTROL,
    ROWS,
    SPREAD,
    STRUCTURE,
    TREND,
    WATERFALL,
    About,
    Figure,
    Headline,
    Interval,
    Unreckoned,
)
from grouper.mart.slices import Axis, Slice
from grouper.service.access.principal import Principal
from grouper.service.settings import load_settings
from grouper.store.database import connect
from grouper.store.migrate import upgrade
from grouper.store.states import Role

if TYPE_CHECKING:
    from collections.abc import Iterator

MONTHS = tuple(f"2026-{month:02d}" for month in range(1, 7))
MADE = datetime(2026, 7, 1, 2, 0, tzinfo=UTC)


class Fake:
    """Answers as the mart does, for so many cases in each of three departments."""

    def __init__(
        self, cases: int = 40, months: tuple[str, ...] = MONTHS, source: str = "store"
    ) -> None:
        self.cases = cases
        self.left = 0
        self.asked: list[tuple[str, Slice]] = []
        self.about = About(
            made=MADE,
            source=source,
            region="demo",
            months=months,
            first=date(2026, 1, 1),
            last=date(2026, 6, 30),
            cases=3 * cases,
            schemes=("chs-drg-2.0",),
            policies=("demo-2026",),
            means={},
            assumptions=(),
            stamp=f"{cases}-{len(months)}-{uuid4().hex}",
        )

    def _values(self, axis: Axis | None) -> list[str]:
        if not self.cases:
            return []
        if axis is None or axis is Axis.MONTH:
            return list(self.about.months)
        if axis is Axis.INSURANCE:
            return ["employee", "resident"]
        if axis is Axis.KIND:
            return ["inpatient", "outpatient"]
        if self.cases == 1:
            return [f"{axis.value[0].upper()}1"]
        return [f"{axis.value[0].upper()}{number}" for number in (1, 2, 3)]

    def headline(self, cut: Slice) -> Headline:
        self.asked.append(("headline", cut))
        many = Figure(value=Decimal(self.cases), before=Decimal(self.cases or 1) / 2)
        mean = Figure(
            value=Decimal("1.05") if self.cases else None,
            low=Decimal("1.01") if self.cases > 1 else None,
            high=Decimal("1.09") if self.cases > 1 else None,
            interval=Interval.MEAN if self.cases > 1 else Interval.NONE,
        )
        money = Figure(value=Decimal("-123456.78"), before=Decimal("-100000.00"))
        special = {"cases": many, "ungrouped": many, "surplus": money, "cost": money}
        return Headline(**{one.name: special.get(one.name, mean) for one in fields(Headline)})

    def _measures(self, number: int) -> dict[str, Any]:
        return {
            "cases": max(1, self.cases),
            "groups": 2,
            "ungrouped": 0,
            "unpriced": 0,
            "high": 1,
            "low": 0,
            "losing": 1,
            "deaths": 0,
            "weight": Decimal("41.5"),
            "cmi": Decimal("1.0375"),
            "cost": Decimal(10_000 * (number + 1)),
            "amount": Decimal(9_000 * (number + 2)),
            "fund": Decimal(7_000 * (number + 1)),
            "patient": Decimal(2_000),
            "surplus": Decimal(8_000 - 6_000 * (2 - number)),
            "mean_cost": Decimal("9876.54"),
            "mean_days": Decimal("7.25"),
            "cost_index": Decimal("1.1") - Decimal(number) / 10,
            "time_index": Decimal("0.9") + Decimal(number) / 10,
        }

    def by(self, cut: Slice, axis: Axis, **wanted: object) -> pa.Table:
        self.asked.append((f"by {axis} {sorted(wanted.items())}", cut))
        rows = [
            {"value": value, "name": f"name of {value}", **self._measures(number)}
            for number, value in enumerate(self._values(axis))
        ]
        return pa.Table.from_pylist(rows, BY)

    def trend(self, cut: Slice, **wanted: object) -> pa.Table:
        self.asked.append((f"trend {wanted}", cut))
        rows = [
            {"period": date.fromisoformat(f"{month}-01"), **self._measures(number)}
            for number, month in enumerate(self.about.months)
            if cut.since <= date.fromisoformat(f"{month}-01") < cut.until
        ]
        return pa.Table.from_pylist(rows, TREND)

    def waterfall(self, cut: Slice) -> pa.Table:
        self.asked.append(("waterfall", cut))
        amounts = [
            ("cost", True, 1000),
            ("apart", False, -100),
            ("standard", True, 900),
            ("high", False, 50),
            ("low", False, -20),
            ("other", False, 0),
            ("beside", False, 10),
            ("income", True, 940),
            ("spent", False, -1000),
            ("surplus", True, -60),
        ]
        rows = [
            {"step": step, "total": total, "amount": Decimal(amount)}
            for step, total, amount in amounts
        ]
        return pa.Table.from_pylist(rows, WATERFALL)

    def unreckoned(self, cut: Slice) -> Unreckoned:
        self.asked.append(("unreckoned", cut))
        return Unreckoned(self.left, Decimal("234.50") * self.left, Decimal("80.00") * self.left)

    def structure(self, cut: Slice, axis: Axis) -> pa.Table:
        self.asked.append((f"structure {axis}", cut))
        rows = [
            {
                "value": value,
                "name": "",
                "cost_class": code,
                "amount": Decimal(500),
                "share": Decimal("0.5"),
            }
            for value in self._values(axis)
            for code in ("09", None)
        ]
        return pa.Table.from_pylist(rows, STRUCTURE)

    def spread(self, cut: Slice, axis: Axis) -> pa.Table:
        self.asked.append((f"spread {axis}", cut))
        rows = [
            {
                "value": value,
                "name": f"name of {value}",
                "measure": measure,
                "cases": self.cases,
                "p05": Decimal(1),
                "p25": Decimal(2),
                "p50": Decimal(3),
                "p75": Decimal(4),
                "p95": Decimal(9),
                "reference": Decimal("3.5"),
            }
            for value in self._values(axis)
            for measure in ("cost", "days")
        ]
        return pa.Table.from_pylist(rows, SPREAD)

    def control(self, cut: Slice, measure: object, axis: Axis | None = None) -> pa.Table:
        self.asked.append((f"control {measure} {axis}", cut))
        few = self.cases < 2
        rows = [
            {
                "value": value,
                "name": "",
                "cases": max(1, self.cases),
                "figure": 9.0 if number == 1 else 5.0 + number / 10,
                "centre": None if few else 5.0,
                "low": None if few else 4.0,
                "high": None if few else 6.0,
                "outside": not few and number == 1,
            }
            for number, value in enumerate(self._values(axis))
        ]
        return pa.Table.from_pylist(rows, CONTROL)

    def count(self, cut: Slice) -> int:
        self.asked.append(("count", cut))
        return self.cases

    def rows(self, cut: Slice, *, start: int, limit: int, **wanted: object) -> pa.Table:
        self.asked.append((f"rows {start} {limit} {sorted(wanted.items())}", cut))
        rows = [
            {
                "case_id": f"c{number}",
                "day": date(2026, 3, 1),
                "department": "D1",
                "department_name": "外科",
                "group": "GB25",
                "group_name": "胆囊切除",
                "insurance": "employee",
                "band": "normal",
                "days": 5,
                "cost": Decimal("1000.00"),
                "amount": Decimal("900.00"),
                "surplus": Decimal("-100.00"),
            }
            for number in range(start, min(self.cases, start + limit))
        ]
        return pa.Table.from_pylist(rows, ROWS)

    def choices(self, cut: Slice, axis: Axis) -> pa.Table:
        self.asked.append((f"choices {axis}", cut))
        rows = [{"value": value, "name": "", "cases": 1} for value in self._values(axis)]
        return pa.Table.from_pylist(rows, CHOICES)


def principal(role: Role = Role.MANAGER, departments: tuple[str, ...] = ()) -> Principal:
    """Who looks."""
    return Principal(account_id=1, name="manager1", role=role, departments=departments)


def parts_in(folder: Path) -> Parts:
    """The parts of an application with a store of its own; a manager asks."""
    settings = load_settings(
        folder=folder / "service", database=f"sqlite:///{folder / 'grouper.sqlite'}"
    )
    (folder / "service").mkdir(exist_ok=True)
    database = connect(settings.url)
    upgrade(database)
    return Parts(settings, database, principal)


def for_one(parts: Parts, who: Principal) -> Parts:
    """The same parts for another one who asks."""
    return replace(parts, asker=lambda: who)


@contextmanager
def held(parts: Parts, mart: Fake | None) -> Iterator[None]:
    """The application's parts and the mart that its pages find; None: they look for a real one."""
    hold(parts)
    try:
        if mart is None:
            yield
        else:
            with patch.object(marts, "_opened", lambda *_: mart):
                yield
    finally:
        hold(None)
