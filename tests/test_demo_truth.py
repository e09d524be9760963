"""What of the planted nobody can see is marked, and nothing else."""

from __future__ import annotations

import csv
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from grouper.case.dates import LOCAL
from grouper.demo.hospital import build
from grouper.demo.hospital.build import PLANTED, make_hospital
from grouper.demo.hospital.inpatients import case_id, previous_id
from grouper.demo.hospital.plan import make_plan, month_number
from grouper.demo.hospital.planting import Planted
from grouper.demo.hospital.truth import BEFORE_BOOK, FIRST_STAY, REFUNDED, voids

FIRST = datetime(2025, 1, 1, 8, tzinfo=LOCAL)
OWN = "ZY2501000071"


def charges(folder: Path, rows: list[tuple[int, str, int, int]]) -> Path:
    """Lines of one stay: number, item, quantity, days since the first day of the book."""
    path = folder / "charges.parquet"
    table = pa.table(
        {
            "case_id": pa.array([OWN] * len(rows)).dictionary_encode(),
            "line": pa.array([row[0] for row in rows], pa.int32()),
            "line_item": [row[1] for row in rows],
            "line_quantity": pa.array([Decimal(row[2]) for row in rows], pa.decimal128(14, 4)),
            "line_time": pa.array(
                [FIRST + timedelta(days=row[3]) for row in rows], pa.timestamp("ms", str(LOCAL))
            ),
        }
    )
    pq.write_table(table, path)
    return path


def planted(rule: str, *lines: int, kind: str = "other") -> Planted:
    return Planted(OWN, kind, "violation", rule, "text", 0, lines)


PAIRS, CYCLE, COURSE, COPY = "GZ10000102012000", "N2025-31", "GZ10000101010000", "LOC-DUPLINE"


@pytest.mark.parametrize(
    ("one", "rows", "void"),
    [
        (planted(PAIRS, 1), [(1, "a", 1, -1)], BEFORE_BOOK),
        (planted(PAIRS, 1), [(1, "a", 1, 0)], ""),
        (planted(PAIRS, 1, 2), [(1, "a", 1, -1), (2, "a", 1, 0)], ""),
        # Rows that count days count those of the book alone.
        (planted(CYCLE, 2), [(1, "a", 1, -1), (2, "a", 1, 2)], BEFORE_BOOK),
        (planted(CYCLE, 2), [(1, "a", 1, 0), (2, "a", 1, 2)], ""),
        (planted(COURSE, 3, 4), [(n, "a", 1, n - 2) for n in (1, 2, 3, 4)], ""),
        (planted(COURSE, 3, 4), [(n, "a", 1, n - 3) for n in (1, 2, 3, 4)], BEFORE_BOOK),
        # A rule without rows is not bound to them.
        (planted(COPY, 2), [(1, "a", 1, -3), (2, "a", 1, -3)], ""),
        (planted(COPY, 2), [(1, "a", 1, 3), (2, "a", 1, 3), (3, "a", -1, 4)], REFUNDED),
        (planted(COPY, 2), [(1, "a", 1, 3), (2, "a", 1, 3), (3, "a", -1, 2)], ""),
        (planted(COPY, 2), [(1, "a", 1, 3), (2, "a", 1, 3), (3, "b", -1, 4)], ""),
        (planted(COPY, 2), [(1, "a", 2, 3), (2, "a", 2, 3), (3, "a", -1, 4)], ""),
        (planted("GZ10000201002000", 1), [(1, "a", -1, 3)], ""),
        (planted("", 1), [(1, "a", 1, -3)], ""),
        (planted(PAIRS, 9), [(1, "a", 1, -3)], ""),
    ],
)
def test_why_nobody_can_see_it(
    tmp_path: Path, one: Planted, rows: list[tuple[int, str, int, int]], void: str
) -> None:
    assert voids([one], charges(tmp_path, rows), frozenset()) == [void]


def test_a_return_needs_the_stay_before_it(tmp_path: Path) -> None:
    assert previous_id(case_id(month_number("2025-01"), 7, 1)) == "ZY2501000070"
    one = planted("GZ10000204001000", kind="split_admission")
    path = tmp_path / "none.parquet"
    assert voids([one], path, frozenset()) == [FIRST_STAY]
    assert voids([one], path, frozenset({"ZY2501000070"})) == [""]
    assert voids([], path, frozenset()) == []
    assert voids([planted("x")], path, frozenset()) == [""]


def test_the_list_of_what_was_planted_says_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def some(planted: list[Planted], *_: Any) -> list[str]:
        return [REFUNDED, *[""] * (len(planted) - 1)]

    monkeypatch.setattr(build, "voids", some)
    plan = make_plan("2025-02", 1, 7, 0.04, region="demo", scheme="dip-pingdingshan-2025")
    made = make_hospital(tmp_path, plan)
    with (tmp_path / PLANTED).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["void"] for row in rows] == [REFUNDED, *[""] * (len(rows) - 1)]
    assert made.manifest["void"] == {REFUNDED: 1}
    assert sum(made.manifest["planted"].values()) == len(rows)
    assert date.fromisoformat(f"{rows[0]['month']}-01").year == 2025
