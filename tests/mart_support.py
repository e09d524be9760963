"""Small marts of invented facts for the tests, and plain readings of the same facts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from grouper.mart.facts import FACTS, NANO
from grouper.mart.manifest import Manifest, Year, publish
from grouper.mart.mart import Mart
from grouper.mart.means import MEANS

MEAN = {"G1": (1000.0, 5.0), "G2": (2000.0, 10.0)}
"""Mean cost in yuan and stay in days of the groups that have one."""


def fact(number: int = 1, **known: Any) -> dict[str, Any]:
    """A fact; what is not said is empty or as of a plain case; amounts in fen."""
    row: dict[str, Any] = dict.fromkeys(FACTS.names)
    row |= {
        "case_id": f"C{number:04}",
        "kind": "inpatient",
        "department": "D1",
        "scheme": "s",
        "status": "grouped",
        "group": "G1",
        "group_name": "一组",
        "method": "dip_score",
        "band": "normal",
        "pay_status": "priced",
        "day": date(2026, 3, 10),
    }
    row |= known
    row["month"] = f"{row['day']:%Y-%m}"
    if row["surplus"] is None and None not in (row["amount"], row["patient"], row["cost"]):
        row["deducted"] = row["deducted"] or 0
        row["fund"] = row["amount"] - row["deducted"]
        row["surplus"] = row["amount"] + row["patient"] - row["deducted"] - row["cost"]
    if row["standard"] is None:
        row["standard"] = row["amount"]
    return row


def write_mart(folder: Path, rows: list[dict[str, Any]], **known: Any) -> None:
    """A mart of some facts."""
    folder.mkdir(parents=True, exist_ok=True)
    state = Manifest(made=datetime(2026, 7, 1, tzinfo=UTC).isoformat(), source="store", **known)
    table = pa.Table.from_pylist(rows, FACTS)
    for month in sorted({row["month"] for row in rows}):
        mine = [row for row in rows if row["month"] == month]
        state.months[month] = f"{month}.parquet"
        pq.write_table(pa.Table.from_pylist(mine, FACTS), folder / state.months[month])
        state.years[month[:4]] = Year(inputs="", rules="", schemes=["s"])
    assert table.num_rows == len(rows)
    means = [
        {"id": place, "scheme": "s", "group": group, "mean_cost": cost, "mean_days": days}
        for place, (group, (cost, days)) in enumerate(MEAN.items())
    ]
    state.means = "means.parquet"
    pq.write_table(pa.Table.from_pylist(means, MEANS), folder / state.means)
    publish(folder, state)


@contextmanager
def mart(folder: Path, rows: list[dict[str, Any]], **known: Any) -> Iterator[Mart]:
    """A mart of some facts, open."""
    write_mart(folder, rows, **known)
    found = Mart.open(folder)
    try:
        yield found
    finally:
        found.close()


@dataclass
class Given:
    """A source of priced rows by year, for builds."""

    tables: Mapping[str, pa.Table]
    hashes: dict[str, str]
    region: str = "demo"
    name: str = "store"
    asked: tuple[str, ...] = ()

    def names(self) -> Mapping[str, Mapping[str, str]]:
        return {"department": {"D1": "一科"}}

    def years(self) -> Mapping[str, str]:
        return self.hashes

    def year(self, year: str, _: object) -> tuple[pa.Table, pa.Table | None]:
        self.asked += (year,)
        return self.tables[year], None


def ratio(row: dict[str, Any], name: str) -> int | None:
    """A case over the mean of its group, in billionths; None: there is no mean."""
    cost, days = MEAN.get(row["group"], (0.0, 0.0))
    if row["status"] != "grouped" or row["kind"] != "inpatient" or not cost:
        return None
    of, mean = (row["cost"], cost * 100) if name == "cost" else (row["days"], days)
    return None if of is None else int(of / mean * NANO + 0.5)
