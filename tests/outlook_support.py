"""Priced cases and published months for the tests of the outlook: plainly invented."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from settlement_support import D, policies_of, value

from codebooks.errors import GrouperError
from codebooks.policies.policies import Policies
from grouper.forecast.outlook.months import first, name_of
from grouper.forecast.outlook.office import Office
from grouper.forecast.outlook.published import Month, Published, Status
from grouper.forecast.outlook.settings import Settings
from grouper.payment.settlement.priced import COLUMNS

DIP = "dip_score"
START = 2025 * 12
BUDGET = (
    "  annual_budget:\n    unit: CNY/year\n    values:\n"
    "      - {from: 2020-01-01, value: {employee: {dip_score: 4000000}, resident: {dip_score: 9000000}}}\n"
    + value("outside_spending", '{"*": {"*": 0}}', "CNY/year").replace(
        '{"*": {"*": 0}}', '{employee: {"*": 0}, resident: {"*": 0}}'
    )
    + value("payment_ratio", "{employee: 0.8, resident: 0.6}")
)
RULES = (
    value("point_value_rule", '{dip_score: fund, "*": budget}')
    + value("month_point_value", "{dip_score: month}")
    + value("prepaid_share", "0.95")
    + value("kept_back", "0.05")
)


def at_hand(tmp_path: Path, **topics: str) -> Policies:
    """Policies of an invented region, with a budget unless it is said otherwise."""
    return policies_of(tmp_path, **{"budget": BUDGET, "settlement": RULES, **topics})


def cases(months: int = 14, *, start: int = START, a_day: int = 3, seed: int = 1) -> pa.Table:
    """Priced cases: points for both insurances, and some that are paid without points."""
    chance = np.random.default_rng(seed)
    rows: dict[str, list[Any]] = {name: [] for name in COLUMNS}
    for day in range(first(start), first(start + months)):
        for _ in range(a_day + int(chance.integers(2))):
            row = _case(len(rows["case_id"]), day, chance)
            for name, cells in rows.items():
                cells.append(row.get(name))
    return pa.table({name: pa.array(cells, COLUMNS[name]) for name, cells in rows.items()})


def _case(number: int, day: int, chance: np.random.Generator) -> dict[str, Any]:
    when = datetime(1970, 1, 1, 4, tzinfo=UTC) + timedelta(days=day)
    employee = chance.random() < 0.4
    row: dict[str, Any] = {
        "case_id": f"C{number}",
        "kind": "inpatient",
        "insurance_type": "310" if employee else "390",
        "discharge_time": when,
        "status": "grouped",
        "total_cost": D(int(chance.integers(100_000, 900_000))).scaleb(-2),
        "pay_status": "priced",
        "method": DIP,
        "policy": "demo@2020-01-01#test",
    }
    if chance.random() < 0.02:
        return row | {"pay_status": "unpriced", "pay_reason": "PAY_METHOD_NONE", "method": None}
    if chance.random() < 0.1:
        row |= {"method": "disease_quota", "amount": D("3000.00")}
    else:
        points = D(int(chance.integers(300_000, 1_500_000))).scaleb(-3)
        price = D("5.4") if employee else D("5.1")
        row |= {"points": points, "point_value": price, "amount": round(points * price, 2)}
    if chance.random() < 0.03:
        return row | {"share_reason": "PAY_SCOPE_MISSING"}
    part = round(row["total_cost"] * D("0.3"), 2)
    fund = row["amount"] - part
    row |= {"patient": part, "deducted": part, "fund": fund}
    return row | {"surplus": fund - (row["total_cost"] - part)}


def published(months: int = 14, *, start: int = START, seed: int = 2, **known: Any) -> Published:
    """Published months with a season and some chance; the value follows from the budget."""
    chance = np.random.default_rng(seed)
    season = [1.02, 0.9, 1.03, 1.0, 1.0, 0.99, 0.98, 0.99, 1.0, 1.01, 1.03, 1.05]
    rows = []
    for month in range(start, start + months):
        for pool, level, fund in (
            ((DIP, "employee"), 77_000, D(4_000_000) / 12 / D("0.8")),
            ((DIP, "resident"), 245_000, D(9_000_000) / 12 / D("0.6")),
        ):
            points = level * season[month % 12] * float(np.exp(chance.normal(0, 0.015)))
            total = Decimal(f"{points:.2f}")
            rows.append(Month(month=month, pool=pool, points=total, value=round(fund / total, 4)))
    found = [Month(**{**{k: getattr(one, k) for k in one.__slots__}, **known}) for one in rows]
    return Published.of(found)


def office(
    tmp_path: Path,
    table: pa.Table | None = None,
    months: Published | None = None,
    draws: int = 400,
    **topics: str,
) -> Office:
    """An office of an invented region."""
    return Office.of(
        cases() if table is None else table,
        published() if months is None else months,
        region="demo",
        day=date(2026, 12, 31),
        at_hand=at_hand(tmp_path, **topics),
        settings=Settings.shipped().drawing(draws),
    )


def written(months: Published) -> str:
    """Published months as the text of a table."""
    rows = ["month,insurance,method,total_points,point_value,status"]
    rows += [
        f"{name_of(one.month)},{one.pool[1]},{one.pool[0]},{one.points},{one.value},"
        + ("final" if one.status is Status.FINAL else "preliminary")
        for one in months.months
    ]
    return "\n".join(rows) + "\n"


def declared(ask: Callable[[], object]) -> str:
    """What a question comes to: the words of a declared error, or that there was none."""
    try:
        ask()
    except GrouperError as error:
        return error.describe("en")
    return "no error"
