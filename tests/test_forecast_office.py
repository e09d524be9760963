"""Forecasts as the office uses them: insurance and method beside each, a summary, the outlook's file."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from forecast_support import AT, TERMS, archive, forecaster, history, hospital, quick
from typer import Typer
from typer.testing import CliRunner

from codebooks.policies.policies import policies
from grouper.cli import forecast_predict, forecast_train
from grouper.cli.settle import Format
from grouper.forecast.course import local_days
from grouper.forecast.insured import insurances
from grouper.forecast.outlook.running_file import read_running
from grouper.forecast.outlook.settings import Settings
from grouper.forecast.result import FORECAST_SCHEMA
from grouper.forecast.summary import summary
from grouper.forecast.words import document, lines
from grouper.payment.place import Terms

D = Decimal


@pytest.fixture(scope="module")
def foretold() -> pa.Table:
    """The stays of the small hospital that run at the moment, foretold with their drivers."""
    found = forecaster().of_courses(archive().courses(), AT, drivers=True)
    beside = ["FORECAST_NOT_STARTED", "FORECAST_ENDED"]
    keep = [row["reason"] not in beside for row in found.select(["reason"]).to_pylist()]
    return found.filter(pa.array(keep))


# ---- insurance, method and point value


def test_insurance_is_what_the_policy_reads() -> None:
    moment = pa.array([datetime(2026, 6, 1, tzinfo=UTC)] * 6).cast(
        pa.timestamp("s", "Asia/Shanghai")
    )
    words = ["310", "390", " 310 ", "none such", None, "310"]
    columns = {
        "insurance_type": pa.array(words),
        "region": pa.array(["demo", None, "demo", "demo", "demo", "no region"]),
        "discharge_time": moment,
    }
    known = pa.RecordBatch.from_arrays(list(columns.values()), list(columns))
    expected = ["employee", "resident", "employee", None, None, None]
    assert insurances(known, TERMS).to_pylist() == expected
    # Without a day the policy of today reads them; without today there is no policy.
    bare = known.select(["insurance_type"])
    today = Terms(region="demo", today=date(2026, 6, 1))
    assert insurances(bare, today).to_pylist() == [*expected[:5], "employee"]
    assert insurances(bare, TERMS).to_pylist() == [None] * 6
    assert insurances(known.select(["region"]), today).to_pylist() == [None] * 6


def test_method_and_point_value_stand_beside_each_payment(foretold: pa.Table) -> None:
    policy = policies().on("demo", AT.date())
    seen = set()
    for row in foretold.to_pylist():
        if row["amount_middle"] is None:
            assert row["method"] is None
            assert row["point_value"] is None
            continue
        seen.add((row["method"], row["insurance"]))
        found = policy.find(f"{row['method']}.point_value", insurance=row["insurance"])
        assert row["point_value"] == (found and found.value)
    assert {("dip_score", "resident"), ("dip_score", "employee")} <= seen


# ---- the file that the outlook reads


def test_the_outlook_reads_what_predict_writes(foretold: pa.Table, tmp_path: Path) -> None:
    path = tmp_path / "running.parquet"
    pq.write_table(foretold, path)
    found = {one.case_id: one for one in read_running(path, Settings.shipped())}
    rows = foretold.to_pylist()
    assert len(rows) > 20
    assert found.keys() == {row["case_id"] for row in rows}
    for row in rows:
        one = found[row["case_id"]]
        whole = row["surplus_middle"] is not None and row["insurance"] is not None
        assert one.known == whole
        if not whole:
            continue
        assert one.part == (row["method"], row["insurance"])
        assert one.level == row["level"]
        bounds = tuple(float(row[f"fund_{end}"]) for end in ("low", "middle", "high"))
        assert one.amounts["fund"] == bounds
        assert one.means["surplus"] == float(row["surplus_mean"])
        assert one.value == (row["point_value"] and float(row["point_value"]))
        # Admission day and foretold days of stay give the day of discharge.
        assert one.leaves is not None
        admitted = int(local_days(pa.chunked_array([[row["as_of"]]]))[0]) - row["day"]
        assert one.leaves[1] == pytest.approx(admitted + row["los_middle"])
    assert sum(one.known for one in found.values()) > 20


# ---- the summary


def row_of(
    case: str, ward: str | None, surplus: tuple[int, ...] | None, **more: Any
) -> dict[str, Any]:
    """A forecast in which only sums and surplus speak."""
    ends = ("low", "middle", "high", "mean")
    told = dict(zip(ends, surplus, strict=True)) if surplus else dict.fromkeys(ends)
    row = {
        "case_id": case,
        "as_of": AT,
        "day": 3,
        "status": "forecast",
        "bare_status": "grouped",
        "bare_group": "G",
        "other_probability": 0.1,
        "department": ward,
        "groups": [{"group": "G", "name": "n", "adrg": "G", "mdc": "M", "probability": 0.9}],
        "level": 0.9,
        "cost_to_date": D(100),
        "cost_middle": D(900),
        "cost_mean": D(1000),
        "amount_mean": None if surplus is None else D(800),
        "amount_middle": None if surplus is None else D(700),
    }
    return row | {f"surplus_{end}": None if v is None else D(v) for end, v in told.items()} | more


def table(*rows: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), FORECAST_SCHEMA)


def test_a_summary_counts_and_sums() -> None:
    refused = {"case_id": "E", "as_of": AT, "day": 1, "status": "refused", "department": "W1"}
    found = summary(
        table(
            row_of("A", "W1", (-50, -20, -5, -22)),
            row_of("B", "W1", (-10, 5, 30, 6), warnings="FORECAST_NEW_CODE"),
            row_of("C", "W2", (-90, -40, 10, -38)),
            row_of("D", None, None),
            refused | {"reason": "FORECAST_REVERSED"},
        )
    )
    assert [one.department for one in found.wards] == ["W2", "W1", None]
    ward = found.wards[1]
    assert (ward.cases, ward.refused, ward.unpriced, ward.warned) == (3, 1, 0, 1)
    assert (ward.loses, ward.surely) == (1, 1)
    assert ward.sums == {
        "cost_to_date": D(200),
        "cost": D(2000),
        "amount": D(1600),
        "surplus": D(-16),
    }
    whole = found.whole
    assert (whole.cases, whole.refused, whole.unpriced, whole.loses, whole.surely) == (
        5,
        1,
        1,
        2,
        1,
    )
    assert whole.sums["surplus"] == D(-54)
    # A cost without a payment counts as a cost alone.
    assert (whole.sums["cost"], whole.sums["amount"]) == (D(4000), D(2400))
    assert found.refused == {"FORECAST_REVERSED": 1}
    assert [row["case_id"] for row in found.worst] == ["C", "A"]


def test_a_summary_names_so_many_cases_and_no_more() -> None:
    many = [row_of(f"C{number:02}", "W", (-9, -number, 1, -1)) for number in range(1, 31)]
    found = summary(table(*many))
    assert [row["case_id"] for row in found.worst] == [f"C{30 - at}" for at in range(10)]
    assert summary(table()).whole.cases == 0


def predicted(monkeypatch: pytest.MonkeyPatch, *words: str) -> str:
    """What ``predict`` says of the small hospital at the moment."""
    loaded = SimpleNamespace(model=forecaster())
    monkeypatch.setattr(forecast_predict, "approved", lambda _name, _read: loaded)
    app = Typer()
    app.command()(forecast_predict.predict_command)
    found = CliRunner().invoke(app, [str(hospital()), "--at", AT.isoformat(), *words])
    assert found.exit_code == 0, found.exception
    return found.stdout


def test_predict_begins_with_the_departments(
    foretold: pa.Table, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told = predicted(monkeypatch, "--lang", "en").splitlines()
    assert told[0].startswith("Running cases by department")
    sums = summary(foretold)
    whole = next(line for line in told if line.startswith("all")).split()
    assert whole[1:3] == [str(sums.whole.cases), str(sums.whole.refused)]
    assert whole[6] == f"{sums.whole.sums['surplus']:,.0f}"
    worst = told.index("") + 3
    assert told[worst].split()[0] == sums.worst[0]["case_id"]
    out = tmp_path / "running.parquet"
    assert "各科室在院病例" in predicted(monkeypatch, "-o", str(out))
    # The file has what drives the cost as well.
    assert pq.read_table(out)["drivers"].null_count < foretold.num_rows


def test_of_one_case_predict_tells_all(foretold: pa.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    case = next(row["case_id"] for row in foretold.to_pylist() if row["status"] == "forecast")
    told = predicted(monkeypatch, "--case", case, "--lang", "en")
    assert told.startswith(f"{case}, ")
    assert "Running cases by department" not in told


def test_refusals_are_told_with_their_advice(capsys: pytest.CaptureFixture[str]) -> None:
    refused = {"case_id": "E", "as_of": AT, "day": 1, "status": "refused"}
    found = table(refused | {"reason": "FORECAST_REVERSED"}, row_of("A", "W", None))
    forecast_predict._tell(found, None, Format.TEXT, "en", whole=True)
    out = capsys.readouterr().out
    assert "1 refused: " in out
    assert "surely" in out
    # No case loses: no table of those that do.
    assert "Cases that are to lose most" not in out


# ---- words


def test_groups_that_hardly_count_are_told_among_the_others() -> None:
    row = dict.fromkeys(FORECAST_SCHEMA.names)
    (found,) = table(row_of("A", "W", (-5, -2, 1, -1))).to_pylist()
    groups = [
        {"group": "G1", "name": "a", "adrg": "G", "mdc": "M", "probability": 0.99},
        {"group": "G2", "name": "b", "adrg": "G", "mdc": "M", "probability": 0.006},
        {"group": "G3", "name": "c", "adrg": "G", "mdc": "M", "probability": 0.003},
    ]
    found |= {"groups": groups, "other_probability": 0.001}
    told = "\n".join(lines(row | found, "en"))
    assert "99.0%  G1" in told
    assert "0.6%  G2" in told
    assert "G3" not in told
    assert "0.4%  other groups" in told
    # The likeliest is told, however unlikely.
    found |= {"groups": groups[2:], "other_probability": 0.997}
    assert "0.3%  G3" in "\n".join(lines(row | found, "en"))


def test_documents_are_plain_json(foretold: pa.Table) -> None:
    drivers = set()
    for row in foretold.to_pylist():
        told = json.loads(json.dumps(document(row, "zh"), allow_nan=False))
        if row["status"] == "refused":
            continue
        drivers |= {one["value"] is None for one in told["drivers"]}
        assert all(round(one["probability"], 6) == one["probability"] for one in told["groups"])
        assert all(round(one["effect"], 2) == one["effect"] for one in told["drivers"])
        assert (told["insurance"], told["method"]) == (row["insurance"], row["method"])
        assert (told["pay_reason"] is None) == (told["pay_reason_text"] is None)
    # A driver without a value is among them: what the group's history says.
    assert drivers == {True, False}


# ---- training on a short history


def test_a_history_too_short_for_a_back_test_is_trained_and_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GROUPER_DATA", str(tmp_path))
    told: list[str] = []
    with quick(2):
        card = forecast_train.train_and_keep(
            history(), archive(), "short", origins=1, step=lambda _: None, tell=told.append
        )
    assert any("FORECAST_BACKTEST_SHORT" in one for one in told)
    assert any("FORECAST_BACKTEST_SHORT" in one for one in card.notes)
    assert card.metrics == {}
