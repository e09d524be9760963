"""Base points estimated from cases: exact figures, thresholds, and a table a policy can use."""

from __future__ import annotations

import json
import statistics
from datetime import date
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from pay_points_support import one, stay
from pay_quota_support import policy
from typer.testing import CliRunner

from codebooks.errors import GrouperError
from codebooks.policies.forms import topic_forms
from codebooks.policies.reading import read_file
from grouper.case.fields import CASE_SCHEMA
from grouper.cli.estimate_points import estimate_points_command
from grouper.payment.estimate import COLUMNS, PointsEstimate, policy_text, settings, write_groups
from grouper.payment.methods.drg_points import METHOD
from grouper.schemes.protocol import RESULT_SCHEMA

D = Decimal
SCHEME = "harbin-2022"


def cases(
    *rows: tuple[str | None, Any, int | None], status: str = "grouped", scheme: str = SCHEME
) -> pa.RecordBatch:
    """Cases of a group, a cost and days."""
    words = {"scheme": scheme, "status": status}
    columns = {
        name: pa.array([word] * len(rows), RESULT_SCHEMA.field(name).type)
        for name, word in words.items()
    }
    columns["group"] = pa.array([row[0] for row in rows], RESULT_SCHEMA.field("group").type)
    cost = [None if row[1] is None else D(row[1]) for row in rows]
    columns["total_cost"] = pa.array(cost, CASE_SCHEMA.field("total_cost").type)
    columns["los"] = pa.array([row[2] for row in rows], CASE_SCHEMA.field("los").type)
    return pa.RecordBatch.from_pydict(columns)


def estimate(*batches: pa.RecordBatch) -> PointsEstimate:
    found = PointsEstimate()
    for batch in batches:
        found.add(batch)
    return found


def test_base_points_are_the_groups_mean_over_that_of_all() -> None:
    # All: (1000 + 3000 + 8000) ÷ 3 = 4000. G1: 2000, 50 points; G2: 8000, 200 points.
    found = estimate(cases(("G1", 1000, 4), ("G2", 8000, None)), cases(("G1", 3000, 5)))
    assert found.mean_cost == D("4000.00")
    one, other = found.groups(min_cases=1)
    assert (one.group, one.base_points, one.mean_cost) == ("G1", D("50.0000"), D("2000.00"))
    # Deviations of 1000 from a mean of 2000: a coefficient of variation of 0.5.
    assert (one.mean_days, one.cases, one.cv) == (D("4.50"), 2, D("0.5000"))
    assert (other.base_points, other.mean_days, other.cv) == (D("200.0000"), None, D("0.0000"))
    assert found.groups(min_cases=1, places=0, scale=D(1000))[0].base_points == D(500)


def test_rounding_is_half_up() -> None:
    # Means 1 and 2 of a mean of 5 ÷ 3: 60 and 120 points.
    found = estimate(cases(("G1", 1, 1), ("G2", 2, 1), ("G2", 2, 1)))
    assert [g.base_points for g in found.groups(min_cases=1)] == [D("60.0000"), D("120.0000")]
    # 1 ÷ (4 ÷ 3) × 100 = 75; in whole points of 10: 7.5, so 8.
    found = estimate(cases(("G1", 1, 1), ("G2", 1, 1), ("G3", 2, 1)))
    assert found.groups(min_cases=1, places=0, scale=D(10))[0].base_points == D(8)


def test_groups_that_rest_on_too_few_cases_are_not_given() -> None:
    found = estimate(cases(*[("G1", 10, 1)] * 5, *[("G2", 10, 1)] * 4))
    assert settings()["min_cases"] == 5
    assert [g.group for g in found.groups()] == ["G1"]
    assert found.small() == 1
    assert found.small(4) == 0


def test_cases_that_cannot_take_part_are_counted() -> None:
    found = estimate(
        cases(("G1", 10, 1), (None, 10, 1), ("G1", None, 1), ("G1", 0, 1), ("G1", -3, 1)),
        cases(("G1", 10, 1), status="ungrouped"),
        cases(("A01", 10, 1), scheme="dip-pingdingshan-2025"),
        cases(("A01", 10, 1), scheme="nowhere"),
        cases(),
    )
    assert (found.used, found.no_group, found.no_cost) == (1, 4, 3)
    assert found.schemes == {SCHEME}
    assert estimate().mean_cost is None
    assert estimate().groups() == []


AMOUNTS = st.integers(1, 10**13).map(lambda cents: D(cents).scaleb(-2))


@given(st.lists(st.tuples(st.sampled_from(["G1", "G2"]), AMOUNTS), min_size=1, max_size=9))
def test_weighted_by_their_cases_base_points_come_to_the_scale(rows: Any) -> None:
    found = estimate(cases(*[(group, cost, 1) for group, cost in rows]))
    groups = found.groups(min_cases=1, places=6)
    total = sum(g.base_points * g.cases for g in groups)
    assert abs(total - 100 * len(rows)) <= D("0.000001") * len(rows)
    for found_one in groups:
        costs = [float(cost) for group, cost in rows if group == found_one.group]
        cv = statistics.pstdev(costs) / statistics.fmean(costs)
        assert float(found_one.cv) == pytest.approx(cv, abs=1e-4)


def test_the_table_and_its_policy_price_a_case(tmp_path: Path) -> None:
    found = estimate(cases(*[("G1", 1000, 4)] * 5, *[("G2", 3000, None)] * 5))
    folder = tmp_path / "jinhua"
    folder.mkdir()
    text = StringIO()
    write_groups(found.groups(), text)
    (folder / "own.csv").write_text(text.getvalue(), encoding="utf-8")
    words = policy_text(
        "own.csv",
        valid_from=date(2025, 1, 1),
        mean_cost=found.mean_cost or D(0),
        scale=D(100),
        source='由 "10" 例\n病例 \\ 估算',
        note="自行估算",
    )
    (folder / "drg_points.yaml").write_text(words, encoding="utf-8")
    given = {one.path: one for one in read_file(folder / "drg_points.yaml", "jinhua", own=True)}
    assert all(one.assumption for one in given.values())
    assert given["drg_points.groups"].source == '由 "10" 例 病例 \\ 估算'
    assert given["drg_points.mean_cost"].value == D("2000.00")
    rows = {row["group"]: row for row in given["drg_points.groups"].value}
    assert (rows["G2"]["base_points"], rows["G2"]["mean_days"]) == (D(150), None)
    assert set(COLUMNS) <= set(topic_forms()["drg_points"].parameters["groups"].columns)
    terms = policy(
        {
            "drg_points.groups": given["drg_points.groups"].value,
            "drg_points.cost_factors": (),
            "drg_points.default_factor": D(1),
            "drg_points.bed_day_minimum": 1,
            "drg_points.point_value": D(20),
        }
    )
    assert one(METHOD, stay(3000, "G2"), terms).amount == D("3000.00")


RUN = CliRunner()
HEADER = "case_id,sex,age,discharge_time,dx,px,total_cost,los\n"


def app() -> typer.Typer:
    found = typer.Typer()
    found.command()(estimate_points_command)
    return found


def stays(folder: Path, count: int = 6, day: str = "2024-05-06") -> Path:
    file = folder / "cases.csv"
    rows = [f"C{n},1,40,{day} 10:00:00,J18.900,,{4000 + n},5\n" for n in range(count)]
    file.write_text(HEADER + "".join(rows), encoding="utf-8")
    return file


def test_the_command_writes_a_table_and_a_policy(tmp_path: Path) -> None:
    source, table, file = stays(tmp_path), tmp_path / "own.csv", tmp_path / "drg_points.yaml"
    args = [str(source), "-o", str(table), "--policy", str(file), "--valid-from", "2025-01-01"]
    done = RUN.invoke(app(), [*args, "--region", "harbin"], catch_exceptions=False)
    assert done.exit_code == 0
    assert "已写入" in done.output
    header, row = table.read_text("utf-8").splitlines()
    assert header == ",".join(COLUMNS)
    # Six stays of 4000 to 4005 yuan in one group: 100 points, a mean of 4002.50 yuan.
    assert row.split(",")[1:5] == ["100.0000", "4002.50", "5.00", "6"]
    assert len(read_file(file, "harbin")) == 3
    with pytest.raises(GrouperError, match="ESTIMATE_POLICY_THERE"):
        RUN.invoke(app(), [*args, "--region", "harbin"], catch_exceptions=False)


def test_the_command_says_its_figures_as_json(tmp_path: Path) -> None:
    table = tmp_path / "own.csv"
    args = [str(stays(tmp_path)), "-o", str(table), "--valid-from", "2025-01-01", "--json"]
    more = ["--scheme", SCHEME, "--min-cases", "2", "--scale", "1000.5", "--places", "2"]
    done = RUN.invoke(app(), [*args, *more], catch_exceptions=False)
    told = json.loads(done.output)
    assert (told["groups"], told["used"], told["mean_cost"]) == (1, 6, "4002.50")
    assert table.read_text("utf-8").splitlines()[1].split(",")[1] == "1000.50"


def test_the_command_writes_nothing_out_of_nothing(tmp_path: Path) -> None:
    table = tmp_path / "own.csv"
    args = [str(stays(tmp_path, 2)), "-o", str(table), "--valid-from", "2025-01-01"]
    done = RUN.invoke(app(), [*args, "--region", "harbin"], catch_exceptions=False)
    assert done.exit_code == 1
    assert not table.exists()


def test_the_command_refuses_other_families_and_mixed_schemes(tmp_path: Path) -> None:
    table = tmp_path / "own.csv"
    source = stays(tmp_path)
    args = [str(source), "-o", str(table), "--valid-from", "2025-01-01"]
    with pytest.raises(GrouperError, match="ESTIMATE_FAMILY"):
        RUN.invoke(app(), [*args, "--scheme", "dip-pingdingshan-2025"], catch_exceptions=False)
    rows = source.read_text("utf-8") + "C9,1,40,2025-05-06 10:00:00,J18.900,,4000,5\n"
    source.write_text(rows, encoding="utf-8")
    with pytest.raises(GrouperError, match="ESTIMATE_SCHEMES"):
        RUN.invoke(app(), [*args, "--region", "harbin"], catch_exceptions=False)
    assert not table.exists()
