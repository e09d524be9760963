"""The benchmark: what it learns, what it must not see, and what it says."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import typer
from benchmark_support import LATE, Table, quick, setting, stays, table, write
from typer.testing import CliRunner

from grouper.cli import forecast_benchmark
from grouper.cli.forecast_commands import add_forecast
from grouper.forecast import metrics
from grouper.forecast.benchmark.columns import SETTINGS, plan, shipped
from grouper.forecast.benchmark.design import learn
from grouper.forecast.benchmark.effects import Keys, of_log, of_mean
from grouper.forecast.benchmark.folds import folds
from grouper.forecast.benchmark.plain import Groups
from grouper.forecast.benchmark.reading import read_stays
from grouper.forecast.benchmark.scoring import Scored, figures, forecast, in_turns
from grouper.forecast.benchmark.words import lines, rows
from grouper.forecast.errors import ForecastError
from grouper.forecast.tables import toml

pytestmark = pytest.mark.slow

FORECASTS = ("mean", "median", "closest", "lower", "upper", "plain", "group_mean")


def scored(tmp_path: Path, test: Table, training: Table, task: str = "coded") -> Scored:
    columns, how_task, how = setting(task)
    return forecast(
        stays(tmp_path / "test.csv", test),
        stays(tmp_path / "train.csv", training),
        columns,
        how_task,
        how,
    )


def same(one: Scored, other: Scored) -> None:
    for name in FORECASTS:
        assert one.found[name].tolist() == other.found[name].tolist(), name


def test_parts_are_alike() -> None:
    found = folds(103, 5, 3)
    assert sorted(np.bincount(found).tolist()) == [20, 20, 21, 21, 21]
    assert all(set(found[at : at + 5]) == set(range(5)) for at in range(0, 100, 5))
    assert folds(103, 5, 3).tolist() == found.tolist() != folds(103, 5, 4).tolist()


def test_effects_find_the_factors_of_an_invented_cost(tmp_path: Path) -> None:
    data = stays(tmp_path / "a.csv", table(3000))
    keys = Keys.of(data, [("hospital",), ("severity",), ("procedure",)])
    places = keys.places(data)
    for fit in (of_log([5, 5, 5], 20), of_mean([5, 5, 5], 20, power=1.2, step=0.5)):
        found = fit(places, data.cost, keys.sizes())
        hospital, severity, procedure = found.effects
        assert np.exp(hospital[4] - hospital[1]) == pytest.approx(2.5, rel=0.05)
        assert np.exp(severity[4] - severity[1]) == pytest.approx(1.5**3, rel=0.05)
        assert np.exp(procedure[2] - procedure[1]) == pytest.approx(3.0, rel=0.05)
        assert hospital[0] == 0.0
    # The factors of the mean give back the sum of the costs.
    assert np.exp(found(places)).sum() == pytest.approx(data.cost.sum(), rel=0.01)


def test_few_stays_have_little_effect(tmp_path: Path) -> None:
    made = table(400)
    made["hospital_id"][0], made["costs"][0] = "Hospital Z", "900000"
    data = stays(tmp_path / "a.csv", made)
    keys = Keys.of(data, [("hospital",)])
    place = keys.places(data)[0, 0]
    bare = np.log(900000) - np.log(data.cost).mean()
    weak = of_log([20.0], 10)(keys.places(data), data.cost, keys.sizes())
    assert weak.effects[0][place] == pytest.approx(bare / 21)


def test_unseen_values_have_no_effect_and_are_counted(tmp_path: Path) -> None:
    made = table(50, seed=3)
    made["hospital_id"] = ["Hospital Z"] * 50
    keys = Keys.of(stays(tmp_path / "a.csv", table(300)), [("hospital",), ("hospital", "age")])
    other = stays(tmp_path / "b.csv", made)
    assert not keys.places(other).any()
    assert keys.unseen(other) == {"hospital": 50}


def test_a_stay_does_not_see_its_own_cost(tmp_path: Path) -> None:
    """A feature of training rests on other parts: one wild cost moves nothing of its own part."""
    columns, task, how = setting()
    data = stays(tmp_path / "a.csv", table(400)).in_order()
    _, seen = learn(data, columns, task, how)
    parts = folds(len(data), how["inner_folds"], how["seed"])
    cost = data.cost.copy()
    cost[-1] *= 50
    wild = type(data)(data.file, data.rows, data.values, cost, costed=True)
    _, moved = learn(wild, columns, task, how)
    own = parts == parts[-1]
    assert seen.log[own].tolist() == moved.log[own].tolist()
    assert seen.mean[own].tolist() == moved.mean[own].tolist()
    assert seen.log[~own].tolist() != moved.log[~own].tolist()


def test_what_is_known_only_at_discharge_changes_nothing(tmp_path: Path) -> None:
    test, training = table(60, seed=2), table(400)
    found = scored(tmp_path, test, training)
    draw = np.random.default_rng(5)
    for made in (test, training):
        for name in LATE:
            made[name] = [str(word) for word in draw.permutation(made[name])]
    same(found, scored(tmp_path, test, training))
    for made in (test, training):
        for name in LATE:
            del made[name]
    same(found, scored(tmp_path, test, training))


def test_the_cost_of_what_is_forecast_is_not_looked_at(tmp_path: Path) -> None:
    test, training = table(60, seed=2), table(400)
    found = scored(tmp_path, test, training)
    test["costs"] = [""] * 60
    same(found, scored(tmp_path, test, training))


def test_coded_fields_are_not_seen_at_admission(tmp_path: Path) -> None:
    test, training = table(60, seed=2), table(400)
    found = scored(tmp_path, test, training, "admission")
    for made in (test, training):
        for name in ("apr_severity_code", "apr_mortality_risk", "ccsr_proc_code", "ccsr_dx_code"):
            made[name] = ["x"] * len(made[name])
    same(found, scored(tmp_path, test, training, "admission"))


def test_neither_order_nor_company_matters(tmp_path: Path) -> None:
    test, training = table(60, seed=2), table(400)
    found = scored(tmp_path, test, training)
    turned = {name: cells[::-1] for name, cells in training.items()}
    few = {name: cells[40:30:-1] for name, cells in test.items()}
    other = scored(tmp_path, few, turned)
    for name in FORECASTS:
        assert other.found[name].tolist() == found.found[name][40:30:-1].tolist(), name


def test_groups_fall_back_to_all(tmp_path: Path) -> None:
    data = stays(tmp_path / "a.csv", table(200))
    groups = Groups.of(data, plan("coded"))
    made = table(2, seed=9)
    made["apr_severity_code"][0] = "9"
    mean, median = groups.predict(stays(tmp_path / "b.csv", made))
    assert (mean[0], median[0]) == (data.cost.mean(), np.median(data.cost))
    own = (data.values["severity"] == made["apr_severity_code"][1]) & (
        data.values["procedures"] == made["proc_group"][1]
    )
    assert mean[1] == pytest.approx(data.cost[own].mean())


def test_ours_beats_the_plain_ones_where_there_is_something_to_learn(tmp_path: Path) -> None:
    made = table(900)
    draw = np.random.default_rng(7)
    levels, own = np.exp(draw.normal(0, 0.6, 40)), draw.integers(0, 40, 900)
    made["hospital_id"] = [f"Hospital {number:02}" for number in own]
    costs = np.array(made["costs"], float) * levels[own]
    made["costs"] = [f"{cost:.2f}" for cost in costs]
    found = in_turns(stays(tmp_path / "a.csv", made), *setting())
    told = figures(found, quick())
    point = told["point"]
    assert point["mean"]["r2"] > point["plain"]["r2"] > point["group_mean"]["r2"]
    assert point["median"]["medape"] < point["plain"]["medape"] < point["group_median"]["medape"]
    assert 0.75 < told["interval"]["coverage"] < 0.85
    assert told["interval"]["coverage"] == pytest.approx(
        metrics.coverage(found.stays.cost, found.found["lower"], found.found["upper"]), abs=1e-6
    )
    assert [len(told["turns"]), sum(told["trained"])] == [3, 1800]
    assert next(iter(told["drivers"])) in {"severity", "procedure", "hospital"}


def test_bounds_hold_the_median(tmp_path: Path) -> None:
    found = scored(tmp_path, table(100, seed=4), table(400)).found
    assert (found["lower"] < found["median"]).all()
    assert (found["median"] < found["upper"]).all()
    assert (found["closest"] <= found["median"]).all()


def test_too_few_stays_are_refused(tmp_path: Path) -> None:
    training = table(230)
    training["costs"][:31] = [""] * 31
    with pytest.raises(ForecastError) as caught:
        scored(tmp_path, table(5), training)
    assert caught.value.code == "BENCHMARK_TOO_FEW"
    assert "199" in caught.value.describe("en")


def test_a_cost_that_never_varies_has_no_r2(tmp_path: Path) -> None:
    test = table(10, seed=2)
    test["costs"] = ["5000"] * 10
    found = figures(scored(tmp_path, test, table(300)), quick())
    assert found["point"]["mean"]["r2"] is None
    assert rows(found, "en")[0][1] == "–"
    found["turns"] = [{"point": found["point"], "interval": found["interval"]}] * 2
    assert any("R² of the mean –" in line for line in lines(found, "USD", "en"))


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forecast_benchmark, "toml", lambda _: quick())


def run(*words: object) -> str:
    command = ["forecast", "benchmark", *(str(word) for word in words)]
    found = CliRunner().invoke(_app(), command)
    assert found.exit_code == 0, found.output
    return found.stdout


def _app() -> typer.Typer:
    app = typer.Typer()
    app.callback()(lambda: None)
    add_forecast(app, ["forecast", "benchmark"])
    return app


@pytest.mark.usefixtures("fast")
def test_the_command_scores_a_file(tmp_path: Path) -> None:
    training = write(tmp_path / "train.csv.gz", table(400))
    made = table(40, seed=2)
    made["costs"][5] = ""
    made["hospital_id"][0] = "Hospital Z"
    test = write(tmp_path / "test.csv", made)
    out = tmp_path / "found.csv"
    said = json.loads(run(test, "--train", training, "--format", "json", "-o", out))
    assert (said["stays"], said["without_cost"], said["unit"]) == (40, 1, "USD")
    coded = said["tasks"]["coded"]
    assert (coded["trained"], coded["scored"], coded["unseen"]) == ([400], 39, {"hospital": 1})
    with out.open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    assert [int(row["row"]) for row in found] == list(range(2, 42))
    assert found[5]["cost"] == ""
    known = [row for row in found if row["cost"]]
    truth = np.array([float(row["cost"]) for row in known])
    mean = np.array([float(row["coded_mean"]) for row in known])
    assert coded["point"]["mean"]["r2"] == pytest.approx(metrics.r2(truth, mean), abs=1e-4)
    assert all(float(row["admission_lower"]) < float(row["admission_upper"]) for row in found)


@pytest.mark.usefixtures("fast")
def test_the_command_cross_validates_a_file(tmp_path: Path) -> None:
    made = table(330)
    made["costs"][7] = ""
    made["hospital_id"][0] = "Hospital Z"
    out = tmp_path / "found.csv"
    said = run(write(tmp_path / "a.csv", made), "--lang", "en", "-o", out)
    assert "1 stays without a cost are not scored" in said
    assert said.count("Over 3 turns: R² of the mean ") == 2
    assert said.count("plain XGBoost") == 2
    assert said.count("hospital: 1 stays with a value that training has not seen") == 2
    with out.open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    assert [row["row"] for row in found if not row["coded_mean"]] == ["9"]


@pytest.mark.usefixtures("fast")
def test_without_costs_there_are_forecasts_alone(tmp_path: Path) -> None:
    made = table(20, seed=2)
    del made["costs"]
    made["sex"][0] = "X"
    training = table(330)
    training["costs"][0] = ""
    words = (write(tmp_path / "a.csv", made), "--train", write(tmp_path / "b.csv", training))
    said = run(*words)
    assert "只给出预测" in said
    assert "1 例没有费用，不用于训练" in said
    assert "sex：1 例" in said
    assert "R²" not in said


@pytest.mark.slow
def test_the_public_stays_are_forecast_better_than_by_the_plain_model(facts: Path) -> None:
    columns, how = shipped(), toml(SETTINGS)
    data = read_stays(facts / "data" / "sparcs_2024_heart_failure.csv.gz", columns).in_order()
    parts = folds(len(data), 5, 1)
    test, training = (data.take(np.flatnonzero(one)) for one in (parts == 0, parts != 0))
    for task, more, less in (("admission", 0.03, 0.0), ("coded", 0.04, 0.005)):
        told = figures(forecast(test, training, columns, plan(task), how), how)
        point = told["point"]
        assert point["mean"]["r2"] > point["plain"]["r2"] + more
        assert point["median"]["medape"] < point["plain"]["medape"] - less
        assert 0.78 <= told["interval"]["coverage"] <= 0.82
