"""``grouper forecast train``, ``predict`` and ``report`` with a model in use, as a hospital calls them."""

from __future__ import annotations

import hashlib
import json
import signal
import sys
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import typer
from forecast_cli_support import AT, UNTIL, WARDS, code, hospital, run, small, stays

from codebooks.messages import text
from grouper.case.dates import LOCAL
from grouper.cli import main as entry
from grouper.forecast.registry.approved import forget
from grouper.forecast.result import FORECAST_SCHEMA

__all__ = ["hospital", "small"]


@dataclass(frozen=True)
class Trained:
    """The hospital, the folder of its models, and what training said."""

    hospital: Path
    data: Path
    out: str
    told: str

    @property
    def card(self) -> dict[str, Any]:
        """The card of the model in use, as its file has it."""
        (path,) = self.data.glob("**/card.json")
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
        return found


@pytest.fixture(scope="module")
def trained(hospital: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A model of the stays before May, approved; the stays after it are still to come."""
    data = tmp_path_factory.mktemp("models")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GROUPER_DATA", str(data))
        patch.setattr(
            sys, "argv", ["/opt/bin/grouper", "forecast", "train", str(hospital), "--approve"]
        )
        words = ("train", str(hospital), *WARDS, "--until", "2026-05-01")
        found = run(*words, "--approve", "--by", "王主任", "--lang", "en")
    assert found.exit_code == 0, found.exception
    return Trained(hospital, data, found.stdout, found.stderr)


@pytest.fixture
def in_use(trained: Trained, monkeypatch: pytest.MonkeyPatch) -> Trained:
    monkeypatch.setenv("GROUPER_DATA", str(trained.data))
    return trained


def running(folder: Path, at: datetime) -> set[str]:
    """Who is there at a moment."""
    return {
        row["case_id"]
        for row in stays(folder)
        if row["admission_time"] <= at < row["discharge_time"]
    }


# ---- training


def test_training_says_what_it_does_and_what_it_made(trained: Trained) -> None:
    steps = ("courses", "snapshots", "truth", "groups", "amounts", "calibration")
    words = [text(f"forecast_words.step_{step}", "en") for step in steps]
    told = trained.told.splitlines()
    assert told[:3] == words[:3]
    # Trained once for the back-test and once on all.
    assert [told.count(word) for word in words] == [1, 1, 1, 2, 2, 2]
    assert sum("origin 1/1 (2026-04-01)" in line for line in told) == 3
    card = trained.card
    data = card["data"]
    made, approved = trained.out.splitlines()
    assert made.startswith(f"model {card['id']}: {data['stays']} stays, discharged 2026-01-01")
    assert approved == f"default now uses model {card['id']}"


def test_the_card_tells_of_what_the_model_is_made(trained: Trained) -> None:
    card, before = trained.card, [r for r in stays(trained.hospital) if r["discharge_time"] < UNTIL]
    data = card["data"]
    assert data["stays"] + data["invalid"] == len(before)
    ends = sorted(row["discharge_time"].astimezone(LOCAL).date().isoformat() for row in before)
    assert (data["first_discharge"], data["last_discharge"]) == (ends[0], ends[-1])
    assert data["first_discharge"] < data["learnt_until"] < data["last_discharge"]
    files = [*sorted((trained.hospital / "inpatient").iterdir())]
    files += sorted((trained.hospital / "charges").iterdir())
    assert [one["name"] for one in data["files"]] == [path.name for path in files]
    hashes = [hashlib.sha256(path.read_bytes()).hexdigest() for path in files]
    assert [one["sha256"] for one in data["files"]] == hashes
    assert data["sha256"] == hashlib.sha256("".join(hashes).encode()).hexdigest()
    # No folder of this machine stands in it.
    whole = json.dumps(card, ensure_ascii=False)
    assert str(trained.hospital.parent) not in whole
    assert "/opt" not in whole
    assert f"grouper forecast train {trained.hospital.name} --approve" in whole
    origin = card["metrics"]["origins"][0]
    assert origin["origin"] == "2026-04-01"
    learnt = sum(row["discharge_time"] < datetime(2026, 3, 25, tzinfo=LOCAL) for row in before)
    assert learnt - data["invalid"] <= origin["learnt_stays"] <= learnt
    assert {row["day"] for row in card["metrics"]["by_day"]} == {0, 1, 3}
    assert card["drift"]


# ---- foretelling


def test_running_stays_are_summed_up(in_use: Trained, tmp_path: Path) -> None:
    out = tmp_path / "running.parquet"
    words = ("predict", str(in_use.hospital), "--at", "2026-05-20T08:00", "--lang", "en")
    shown = run(*words)
    assert shown.exit_code == 0, shown.exception
    written = run(*words, "-o", str(out))
    table = pq.read_table(out)
    assert table.schema.names == FORECAST_SCHEMA.names
    there = running(in_use.hospital, AT)
    rows = {row["case_id"]: row for row in table.to_pylist()}
    assert set(rows) == there
    assert len(rows) == table.num_rows > 10
    refused = [row for row in rows.values() if row["status"] == "refused"]
    last = f"Stays foretold: {len(rows) - len(refused)}; refused: {len(refused)}"
    assert shown.stdout.splitlines()[-1] == written.stdout.splitlines()[-1] == last
    assert f"running.parquet written: {len(rows)} stays" in written.stdout
    # Where it is written or there are many, the screen has the summary alone.
    assert "Likely groups" not in shown.stdout + written.stdout
    whole = next(line for line in shown.stdout.splitlines() if line.startswith("all "))
    good = [row for row in rows.values() if row["status"] == "forecast"]
    sums = [sum((r[name] for r in good), Decimal(0)) for name in ("cost_to_date", "cost_mean")]
    assert whole.split()[1:5] == [
        str(len(rows)),
        str(len(refused)),
        *(f"{one:,.0f}" for one in sums),
    ]
    losing = sorted(
        (row for row in good if row["surplus_middle"] is not None and row["surplus_middle"] < 0),
        key=lambda row: (row["surplus_middle"], row["case_id"]),
    )
    lines = [line.split()[0] for line in shown.stdout.splitlines() if line[:2] == "ZY"]
    assert losing
    assert lines == [row["case_id"] for row in losing[:10]]
    for reason in {row["reason"] for row in refused}:
        assert text(f"reason.{reason}", "en") in shown.stdout


def test_costs_so_far_are_those_of_the_whole_days_before(in_use: Trained, tmp_path: Path) -> None:
    out = tmp_path / "running.parquet"
    run("predict", str(in_use.hospital), "--at", "2026-05-20T08:00", "-o", str(out))
    midnight = AT.replace(hour=0)
    spent: dict[str, Decimal] = {}
    for file in (in_use.hospital / "charges").iterdir():
        for line in pq.read_table(
            file, columns=["case_id", "line_amount", "line_time"]
        ).to_pylist():
            if line["line_time"] < midnight:
                spent[line["case_id"]] = (
                    spent.get(line["case_id"], Decimal(0)) + line["line_amount"]
                )
    rows = [row for row in pq.read_table(out).to_pylist() if row["status"] == "forecast"]
    assert rows
    for row in rows:
        assert row["cost_to_date"] == spent.get(row["case_id"], Decimal(0))
        assert row["cost_low"] <= row["cost_middle"] <= row["cost_high"]


def test_chosen_cases_are_shown_whole(in_use: Trained) -> None:
    everything = run("predict", str(in_use.hospital), "--at", AT.isoformat(), "--format", "json")
    told = json.loads(everything.stdout)
    there = running(in_use.hospital, AT)
    assert {one["case_id"] for one in told} == there
    assert "预测" in everything.stderr
    good = [one["case_id"] for one in told if one["status"] == "forecast"][:2]
    chosen = ("--case", good[1], "--case", good[0])
    shown = run("predict", str(in_use.hospital), "--at", AT.isoformat(), *chosen, "--lang", "en")
    assert shown.stdout.count("Likely groups") == 2
    assert all(f"{case}, " in shown.stdout for case in good)
    assert "department" not in shown.stdout
    assert "Stays foretold: 2; refused: 0" in shown.stdout
    # Alone or among others, the answer is the same.
    alone = run(
        "predict", str(in_use.hospital), "--at", AT.isoformat(), *chosen, "--format", "json"
    )
    among = {one["case_id"]: one for one in told}
    assert [one["case_id"] for one in json.loads(alone.stdout)] == good
    for one in json.loads(alone.stdout):
        assert one == among[one["case_id"]]
        assert isinstance(one["cost"]["middle"], str)
        assert Decimal(one["cost"]["low"]) <= Decimal(one["cost"]["high"])


@pytest.mark.parametrize("status", ["forecast", "refused"])
def test_few_stays_are_shown_one_by_one(in_use: Trained, tmp_path: Path, status: str) -> None:
    at = ("--at", AT.isoformat())
    everything = run("predict", str(in_use.hospital), *at, "--format", "json")
    told = json.loads(everything.stdout)
    some = sorted(one["case_id"] for one in told if one["status"] == status)[:4]
    assert len(some) == 4
    parts = [pq.read_table(one) for one in sorted((in_use.hospital / "inpatient").iterdir())]
    cases = [part.filter(pc.is_in(part["case_id"], pa.array(some))) for part in parts]
    pq.write_table(pa.concat_tables(cases), tmp_path / "cases.parquet")
    lines = (f"--charges={file}" for file in (in_use.hospital / "charges").iterdir())
    shown = run("predict", str(tmp_path / "cases.parquet"), *at, *lines, "--lang", "en")
    assert shown.exit_code == 0, shown.exception
    titles = [line for line in shown.stdout.splitlines() if "(2026-05-20 08:00)" in line]
    assert sorted(line.split(",")[0] for line in titles) == some
    assert "Running cases by department" in shown.stdout
    # Without any case that is foretold there is none that loses most.
    assert status == "forecast" or "to lose most" not in shown.stdout


def test_refused_cases_say_why(in_use: Trained) -> None:
    ended = next(r["case_id"] for r in stays(in_use.hospital) if r["discharge_time"] < AT)
    later = next(r["case_id"] for r in stays(in_use.hospital) if r["admission_time"] > AT)
    words = ("predict", str(in_use.hospital), "--at", AT.isoformat())
    shown = run(*words, "--case", ended, "--case", later, "--lang", "en")
    assert shown.exit_code == 0, shown.exception
    assert "No forecast: already discharged" in shown.stdout
    assert "No forecast: not admitted yet" in shown.stdout
    assert "Stays foretold: 0; refused: 2" in shown.stdout
    told = json.loads(run(*words, "--case", ended, "--format", "json").stdout)
    assert (told[0]["reason"], "cost" in told[0]) == ("FORECAST_ENDED", False)


def test_written_beside_json_the_screen_has_json_alone(in_use: Trained, tmp_path: Path) -> None:
    out = tmp_path / "a.parquet"
    words = ("--at", AT.isoformat(), "--format", "json", "-o", str(out), "--lang", "en")
    found = run("predict", str(in_use.hospital), *words)
    assert len(json.loads(found.stdout)) == pq.read_table(out).num_rows
    assert "a.parquet written" in found.stderr
    assert "Stays foretold" in found.stderr


def test_questions_without_an_answer(in_use: Trained) -> None:
    words = ("predict", str(in_use.hospital))
    assert code(*words, "--at", "2026-05-20", "--case", "ZY-0") == "FORECAST_CASE_UNKNOWN"
    assert code(*words, "--at", "yesterday") == "FORECAST_AT"
    assert code(*words, "--at", "2020-01-01") == "FORECAST_NO_CASES"
    assert code(*words, "--at", "2026-05-20", "--model", "other") == "FORECAST_NO_MODEL"


def as_command(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """The command as a shell starts it; its exit status."""
    before = signal.getsignal(signal.SIGTERM)
    app = typer.Typer()
    app.callback()(lambda: None)
    monkeypatch.setattr(entry, "app", app)
    monkeypatch.setattr(sys, "argv", ["grouper", *words])
    try:
        with pytest.raises(SystemExit) as caught:
            entry.main()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert isinstance(caught.value.code, int)
    return caught.value.code


def test_an_error_is_one_line_in_the_language_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert as_command(monkeypatch, "forecast", "predict", "x", "--lang", "en") == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "FORECAST_NO_MODEL" in told.err
    assert text("hint.FORECAST_NO_MODEL", "en", name="default") in told.err


def test_without_its_library_forecasting_says_what_to_install(
    in_use: Trained, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    forget()
    monkeypatch.setitem(sys.modules, "xgboost", None)
    words = ("--at", AT.isoformat(), "--lang", "en")
    assert as_command(monkeypatch, "forecast", "predict", str(in_use.hospital), *words) == 2
    told = capsys.readouterr().err
    assert "FORECAST_NOT_INSTALLED" in told
    assert "[forecast]" in told
    forget()


# ---- the model in use, judged


@pytest.mark.parametrize(
    ("since", "first"), [(None, "2026-05-01"), ("2026-02-01", "2026-05-01"), ("2026-06-01",) * 2]
)
def test_the_model_is_judged_by_what_came_after_it(
    in_use: Trained, since: str | None, first: str
) -> None:
    words = ["report", str(in_use.hospital), "--format", "json"]
    found = run(*words, *(["--since", since] if since else []))
    assert found.exit_code == 0, found.exception
    told = json.loads(found.stdout)
    (origin,) = told["origins"]
    # Never by stays that it has learnt from.
    assert origin["origin"] == first
    earlier = text("forecast_words.since_learnt", first=first)
    assert (earlier in found.stderr) == (since is not None and since < first)
    assert told["version"] or told["model"]
    assert in_use.card["id"] in json.dumps(told)
    border = datetime.fromisoformat(first).replace(tzinfo=LOCAL)
    past = sum(row["discharge_time"] < border for row in stays(in_use.hospital))
    assert past - 60 < origin["learnt_stays"] <= past
    assert told["overall"]["stays"] == origin["tested_stays"] > 0
    assert told["drift"]


def test_the_report_is_a_page_and_words(in_use: Trained, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    words = ("report", str(in_use.hospital), "-o", str(page), "--lang", "en")
    found = run(*words)
    assert found.exit_code == 0, found.exception
    assert text("forecast_evaluation.table_cost", "en") in found.stdout
    assert page.read_text("utf-8").lower().startswith("<!doctype html>")
    assert "2026-05-01" in page.read_text("utf-8")
    assert text("forecast_words.step_truth", "en") in found.stderr


def test_a_report_needs_later_stays(in_use: Trained) -> None:
    assert code("report", str(in_use.hospital), "--since", "2026-12-01") == "FORECAST_REVIEW_EMPTY"
    assert code("report", str(in_use.hospital), "--since", "never") == "FORECAST_AT"
