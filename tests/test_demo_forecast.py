"""What ``make demo`` shows of forecasting, on a hospital small enough for a test."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from forecast_cli_support import run, shrink

from codebooks.messages import text
from grouper.demo import forecast as demo
from grouper.demo.service import DemoError
from grouper.forecast.result import FORECAST_SCHEMA
from grouper.forecast.tables import toml


def here(
    words: list[str], *, env: Mapping[str, str], **how: Any
) -> subprocess.CompletedProcess[str]:
    """A command of forecasting in this process, where its settings are small."""
    assert words[:4] == [sys.executable, "-m", "grouper", "forecast"]
    assert how["encoding"] == "utf-8"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GROUPER_DATA", env["GROUPER_DATA"])
        found = run(*words[4:])
    return subprocess.CompletedProcess(words, found.exit_code, found.stdout)


def test_a_model_is_trained_judged_and_asked_about_five_cases(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shrink(monkeypatch)
    monkeypatch.setitem(toml("training.toml"), "days", [0, 1, 2, 4, 9])
    monkeypatch.setattr(demo, "FIRST", "2026-06")
    monkeypatch.setattr(demo, "MONTHS", 6)
    monkeypatch.setattr(demo, "SCALE", 0.06)
    monkeypatch.setattr(demo, "AT", "2026-10-20T22:00")
    monkeypatch.setattr(subprocess, "run", here)
    installed = Path(os.environ["GROUPER_DATA"])
    demo.show(tmp_path)
    told = capsys.readouterr().out
    table = pq.read_table(tmp_path / "forecast" / "running.parquet")
    stays = sum(
        pq.read_metadata(file).num_rows
        for file in (tmp_path / "forecast" / "hospital" / "inpatient").iterdir()
    )
    assert text("demo_forecast.made", None, stays=f"{stays:,}", months=6) in told
    (model,) = {*table["model"].to_pylist()}
    assert f"模型 {model}：" in told
    assert f"default 现在使用模型 {model}" in told
    assert f"模型卡：default {model}" in told
    # Five cases, one of each day, are told one by one; each runs and is foretold.
    rows = {row["case_id"]: row for row in table.to_pylist()}
    titles = [line for line in told.splitlines() if "（2026-10-20 22:00）" in line]
    shown = [row for case, row in rows.items() if any(case in title for title in titles)]
    assert sorted(row["day"] for row in shown) == [0, 1, 2, 4, 9]
    assert {row["status"] for row in shown} == {"forecast"}
    assert told.splitlines().count(text("forecast_words.groups")) == 5
    # Nothing is put where a hospital keeps its own models.
    assert list(installed.iterdir()) == []
    assert (tmp_path / "forecast" / "data").is_dir()


def test_without_a_case_of_each_day_the_show_stops(tmp_path: Path) -> None:
    rows = [
        {"case_id": f"ZY{day}", "day": day, "status": "refused" if day == 4 else "forecast"}
        for day in (0, 1, 2, 4, 9)
    ]
    path = tmp_path / "running.parquet"
    pq.write_table(pa.Table.from_pylist(rows, FORECAST_SCHEMA), path)
    with pytest.raises(DemoError, match="running cases"):
        demo._five(path)
    rows[3]["status"] = "forecast"
    pq.write_table(pa.Table.from_pylist(rows[::-1], FORECAST_SCHEMA), path)
    assert demo._five(path) == ["ZY0", "ZY1", "ZY2", "ZY4", "ZY9"]


def test_a_command_that_fails_stops_the_show(tmp_path: Path) -> None:
    with pytest.raises(DemoError, match="card"):
        demo._run(tmp_path, "card")
