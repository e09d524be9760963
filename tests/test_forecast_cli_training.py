"""``grouper forecast train`` and ``backtest``: what is learnt from, kept, gone on with and refused."""

from __future__ import annotations

import getpass
import json
from pathlib import Path

import pytest
from forecast_cli_support import UNTIL, WARDS, code, hospital, run, small, stays

from codebooks.messages import text
from grouper.cli import forecast_train
from grouper.cli.forecast_options import discharged_before
from grouper.forecast.archive import read_archive
from grouper.forecast.errors import ForecastError
from grouper.forecast.registry import approvals, keeping
from grouper.forecast.tables import toml
from grouper.forecast.training import history_of
from grouper.payment.place import Terms

__all__ = ["hospital", "small"]

# ---- training


def test_the_last_day_is_left_out(hospital: Path) -> None:
    archive = read_archive([hospital])
    assert discharged_before(archive, None) is archive
    kept = discharged_before(archive, "2026-05-01")
    wanted = {row["case_id"] for row in stays(hospital) if row["discharge_time"] < UNTIL}
    assert set(kept.cases["case_id"].to_pylist()) == wanted
    assert 0 < len(wanted) < len(archive)
    with pytest.raises(ForecastError, match="FORECAST_AT"):
        discharged_before(archive, "soon")


def test_files_may_be_named_and_nothing_is_in_use_unasked(
    hospital: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROUPER_DATA", str(tmp_path))
    words = ["train", *(str(hospital / "inpatient" / f"2026-0{m}.parquet") for m in (1, 2))]
    for month in (1, 2):
        words += ["--charges", str(hospital / "charges" / f"2026-0{month}.parquet")]
    found = run(*words, *WARDS, "--until", "2026-02-10", "--model", "ward", "--lang", "en")
    assert found.exit_code == 0, found.exception
    (model,) = keeping.ids("ward")
    assert f"model {model}: " in found.stdout
    assert approvals.current("ward") is None
    card = keeping.stored("ward", model).card
    assert len(card.data["files"]) == 4
    # Too short for a back-test and for a watch: the card has neither, and says why.
    notes = " ".join(card.document()["notes"])
    assert "FORECAST_BACKTEST_SHORT" in notes
    assert "FORECAST_BACKTEST_SHORT" in found.stderr
    assert "FORECAST_DRIFT_SHORT" in notes
    assert not card.document()["metrics"]


def test_a_model_is_made_though_its_earlier_stays_were_too_few(
    hospital: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROUPER_DATA", str(tmp_path))
    monkeypatch.setitem(toml("training.toml"), "least_stays", 400)

    def nobody() -> str:
        raise KeyError("uid")

    monkeypatch.setattr(getpass, "getuser", nobody)
    found = run("train", str(hospital), *WARDS, "--until", "2026-05-01", "--approve")
    assert found.exit_code == 0, found.exception
    (model,) = keeping.ids("default")
    notes = keeping.stored("default", model).card.document()["notes"]
    assert any("FORECAST_TOO_LITTLE" in note for note in notes)
    held = approvals.current("default")
    assert held is not None
    assert (held.id, held.by) == (model, "—")


def test_without_a_back_test_the_card_has_no_metrics(hospital: Path) -> None:
    found = run("train", str(hospital), *WARDS, "--until", "2026-02-10", "--origins", "0")
    assert found.exit_code == 0, found.exception
    (model,) = keeping.ids("default")
    card = keeping.stored("default", model).card.document()
    assert not card["metrics"]
    assert not any("BACKTEST" in note for note in card["notes"])
    assert "起点" not in found.stderr


@pytest.mark.parametrize("until", ["2026-01-05", "2026-01-01"])
def test_too_few_stays_make_no_model(hospital: Path, until: str) -> None:
    assert code("train", str(hospital), *WARDS, "--until", until) == "FORECAST_TOO_LITTLE"
    assert keeping.ids("default") == []


def test_what_cannot_be_is_said_before_anything_is_read(tmp_path: Path) -> None:
    nowhere = str(tmp_path / "nowhere")
    assert code("train", nowhere, "--model", "../other") == "FORECAST_MODEL_NAME"
    assert code("train", nowhere, "--region", "nowhere") == code(
        "backtest", nowhere, "--region", "nowhere"
    )
    for name in ("backtest", "report"):
        assert code(name, nowhere, "-o", "page.pdf") == "OUTPUT_FORMAT"
    assert code("predict", nowhere, "-o", "cases.csv") == "OUTPUT_FORMAT"
    for name in ("predict", "report"):
        assert code(name, nowhere) == "FORECAST_NO_MODEL"
    (tmp_path / "empty").mkdir()
    assert code("train", str(tmp_path / "empty")) == "FORECAST_FOLDER"


def test_a_folder_of_another_back_test_stops_training(hospital: Path, tmp_path: Path) -> None:
    (tmp_path / "backtest.json").write_text("{}", "utf-8")
    archive = read_archive([hospital])
    history = history_of(archive, Terms(region="demo"))
    said: list[str] = []
    with pytest.raises(ForecastError, match="FORECAST_BACKTEST_FOLDER"):
        forecast_train.train_and_keep(
            history,
            archive,
            "default",
            origins=1,
            step=said.append,
            tell=said.append,
            folder=tmp_path,
        )
    assert keeping.ids("default") == []


# ---- back-tests


def test_a_back_test_goes_on_where_it_was(hospital: Path, tmp_path: Path) -> None:
    folder, page = tmp_path / "kept", tmp_path / "page.html"
    words = ("backtest", str(hospital), *WARDS, "--until", "2026-06-15", "--origins", "2")
    more = ("--folder", str(folder), "--lang", "en")
    first = run(*words, *more, "--format", "json")
    assert first.exit_code == 0, first.exception
    told = json.loads(first.stdout)
    assert [one["origin"] for one in told["origins"]] == ["2026-04-01", "2026-05-01"]
    assert told["plan"]["most_origins"] == 2
    assert {row["day"] for row in told["by_day"]} == {0, 1, 3}
    assert told["drift"]
    assert first.stderr.count(text("forecast_evaluation.step_train", "en")) >= 2
    again = run(*words, *more, "-o", str(page))
    kept = text("forecast_evaluation.step_kept", "en")
    assert again.stderr.count(kept) == 2
    assert "origin 1/2 (2026-04-01)" in again.stderr
    assert "Back-test of forecasts: grouper" in again.stdout
    assert f"{told['overall']['cost']['mae']:,.0f}" in again.stdout
    assert page.read_text("utf-8").lower().startswith("<!doctype html>")
    assert "page.html" in again.stdout
    same = run(*words, *more, "--format", "json", "-o", str(page))
    assert json.loads(same.stdout) == told
    assert "page.html" in same.stderr
    # Another history does not take the answers of this one.
    other = ("backtest", str(hospital), *WARDS, "--until", "2026-06-10", "--origins", "2")
    assert code(*other, "--folder", str(folder)) == "FORECAST_BACKTEST_FOLDER"


def test_a_back_test_stands_without_a_watch(
    hospital: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(toml("evaluation.toml")["drift"], "least_weeks", 60)
    words = ("backtest", str(hospital), *WARDS, "--until", "2026-05-01", "--lang", "en")
    found = run(*words, "--format", "json")
    assert found.exit_code == 0, found.exception
    assert json.loads(found.stdout)["drift"] is None
    assert "FORECAST_DRIFT_SHORT" in found.stderr
    # How many origins there are is told by the settings.
    assert len(json.loads(found.stdout)["origins"]) == 1
    short = ("backtest", str(hospital), *WARDS, "--until", "2026-02-10")
    assert code(*short) == "FORECAST_BACKTEST_SHORT"
