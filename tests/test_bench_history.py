"""The history of benchmarks: what is kept of scripts that tell, and what counts as a loss."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tomllib
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

HOME = Path(__file__).resolve().parents[1] / "benchmarks"
sys.path.append(str(HOME))

calibration, history, records, report = map(
    import_module, ("calibration", "history", "records", "report")
)

TOLD: dict[str, Any] = {
    "tolerance": 0.25,
    "runs": 3,
    "others": 0.2,
    "units": {
        "s": {"better": "lower", "scales": "time"},
        "cases/s": {"better": "higher", "scales": "rate"},
        "MiB": {"better": "lower", "scales": "none"},
    },
    "hospital": {"scale": 1.0, "short": 0.5},
    "benchmark": [{"script": "a.py"}, {"script": "noisy.py", "tolerance": 2.0}],
}
ONE = records.Record(
    run="2026-01-01T00:00:00+00:00",
    commit="abc",
    variant="whole",
    benchmark="a",
    figure="a.speed",
    value=100.0,
    unit="cases/s",
    calibration=0.25,
    others=0.0,
    cores=2,
    cpu="a processor",
    python="3.11.0",
)
SCRIPT = f"""
import sys
sys.path.insert(0, {str(HOME)!r})
from report import told
"""


def changes(*rows: Any) -> list[Any]:
    return list(records.compared(rows, TOLD))


def runner(folder: Path, scripts: dict[str, str], **more: Any) -> Any:
    """A runner over scripts with these lines."""
    for name, lines in scripts.items():
        (folder / name).write_text(SCRIPT + lines, "utf-8")
    listed = [{"script": name, "arguments": ["10"], "short": ["1"]} | more for name in scripts]
    work = folder / "work"
    work.mkdir()
    made = {"benchmark": listed, "hospital": TOLD["hospital"], "others": 1.0}
    return history.Runner(
        told=made,
        short=True,
        history=folder / "history.csv",
        work=work,
        make=lambda *_: None,
        home=folder,
    )


@pytest.fixture
def _calm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "seconds", lambda: [0.5, 0.25, 0.25])
    monkeypatch.setattr(history, "commit", lambda: "abc+")
    # The children of this process belong to other tests, too.
    monkeypatch.setattr(history.tree, "inherit", lambda: None)
    monkeypatch.setattr(history.tree, "reap", lambda **_: None)


@pytest.mark.usefixtures("_calm")
def test_what_scripts_tell_is_kept_and_read_again(tmp_path: Path) -> None:
    asked = runner(
        tmp_path,
        {
            "one.py": "told('one.rate', 1234567.0, 'cases/s')\ntold('one.words', len(sys.argv[1]), 's')",
            "two.py": "told('two.s', 0.5, 's')",
        },
    )
    assert asked.run() == []
    found = records.read(tmp_path / "history.csv")
    told = [(one.benchmark, one.figure, one.value, one.unit) for one in found]
    # A script's short arguments; five digits.
    assert told == [
        ("one", "one.rate", 1234600.0, "cases/s"),
        ("one", "one.words", 1.0, "s"),
        ("two", "two.s", 0.5, "s"),
    ]
    assert {(one.variant, one.commit, one.calibration) for one in found} == {
        ("short", "abc+", 0.25)
    }
    assert len({one.run for one in found}) == 1
    own = {"cores": found[0].cores, "cpu": found[0].cpu, "python": found[0].python}
    assert own == records.machine()
    if sys.platform == "linux":
        assert all(0 <= one.others <= 1 for one in found)
    # Another run goes below.
    assert asked.run(["two"]) == []
    assert [one.benchmark for one in records.read(tmp_path / "history.csv")][3:] == ["two"]


@pytest.mark.usefixtures("_calm")
def test_of_a_script_that_fails_nothing_is_kept(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    lines = {
        "bad.py": "told('bad.s', 1.0, 's')\nraise SystemExit(3)",
        "good.py": "told('good.s', 1.0, 's')",
    }
    assert runner(tmp_path, lines).run() == ["bad"]
    assert [one.figure for one in records.read(tmp_path / "history.csv")] == ["good.s"]
    assert "bad.py ended with 3" in capfd.readouterr().out


@pytest.mark.usefixtures("_calm")
def test_an_interrupted_run_keeps_what_had_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[bytes]] = []

    class Stopped(subprocess.Popen[bytes]):
        def wait(self, timeout: float | None = None) -> int:
            if self not in started and "endless" in str(self.args):
                started.append(self)
                raise KeyboardInterrupt
            return super().wait(timeout)

    monkeypatch.setattr(subprocess, "Popen", Stopped)
    lines = {
        "first.py": "told('first.s', 1.0, 's')",
        "endless.py": "import time\ntold('endless.s', 1.0, 's')\ntime.sleep(600)",
        "last.py": "told('last.s', 1.0, 's')",
    }
    with pytest.raises(KeyboardInterrupt):
        runner(tmp_path, lines).run()
    assert [one.figure for one in records.read(tmp_path / "history.csv")] == ["first.s"]
    assert started[0].returncode == -signal.SIGTERM


@pytest.mark.usefixtures("_calm")
def test_what_needs_something_that_is_not_there_is_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = runner(tmp_path, {"one.py": "told('one.s', 1.0, 's')"}, needs=["no-such-program"])
    assert asked.run() == []
    assert "there is no no-such-program" in capsys.readouterr().out
    assert not (tmp_path / "history.csv").exists()


@pytest.mark.usefixtures("_calm")
def test_the_hospital_is_made_once(tmp_path: Path) -> None:
    made: list[float] = []

    def make(folder: Path, scale: float) -> None:
        folder.mkdir()
        made.append(scale)

    lines = "from pathlib import Path\nassert Path(sys.argv[1]).is_dir()\n"
    asked = runner(tmp_path, {"one.py": lines, "two.py": lines}, short=["{hospital}"])
    assert replace(asked, make=make).run() == []
    assert made == [0.5]


def test_by_itself_a_script_keeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(report.RESULTS, raising=False)
    report.told("x.s", 1.0, "s")
    monkeypatch.setenv(report.RESULTS, str(tmp_path / "told"))
    report.told("x.s", 1.0, "s")
    kept = (tmp_path / "told").read_text("utf-8").splitlines()
    assert [json.loads(line) for line in kept] == [{"figure": "x.s", "value": 1.0, "unit": "s"}]


def test_a_slow_day_is_no_loss_and_a_slow_program_is() -> None:
    slow = replace(ONE, value=40.0, calibration=0.625)
    (day,) = changes(ONE, slow)
    assert day.usual == pytest.approx(40.0)
    assert not day.lost
    (program,) = changes(ONE, replace(slow, calibration=0.25))
    assert program.worse == pytest.approx(1.5)
    assert program.lost
    times = replace(ONE, unit="s", value=2.0)
    (day,) = changes(times, replace(times, value=5.0, calibration=0.625))
    assert not day.lost
    assert day.worse == pytest.approx(0.0)
    (program,) = changes(times, replace(times, value=5.0))
    assert program.lost
    (better,) = changes(times, replace(times, value=1.0))
    assert better.worse < 0
    assert not better.lost


def test_memory_is_no_matter_of_the_day() -> None:
    memory = replace(ONE, unit="MiB", value=100.0)
    (change,) = changes(memory, replace(memory, value=130.0, calibration=1.0))
    assert change.lost
    (change,) = changes(memory, replace(memory, value=120.0))
    assert not change.lost


def test_usual_is_the_median_of_the_last_quiet_runs() -> None:
    values = (1.0, 100.0, 110.0, 90.0)
    rows = [replace(ONE, value=one) for one in values]
    noisy = replace(ONE, value=5.0, others=0.9)
    (change,) = changes(*rows, noisy, replace(ONE, value=95.0))
    # Three runs are looked at; neither the first nor that of the busy day is one of them.
    assert change.usual == 100.0
    assert not change.lost
    (change,) = changes(*rows, noisy)
    assert not change.quiet
    assert not change.lost
    unknown = replace(ONE, value=50.0, others=None)
    (change,) = changes(*rows, unknown)
    assert change.quiet
    assert change.lost


def test_other_machines_variants_and_tolerances_are_apart() -> None:
    found = changes(
        ONE,
        replace(ONE, cpu="another", value=1.0),
        replace(ONE, variant="short", value=1.0),
        replace(ONE, figure="noisy.speed", benchmark="noisy"),
        replace(ONE, figure="noisy.speed", benchmark="noisy", value=40.0),
    )
    assert [one.usual for one in found] == [None, None, None, 100.0]
    assert not any(one.lost for one in found)
    (zero,) = changes(ONE, replace(ONE, value=0.0))
    assert zero.lost


def test_compare_ends_with_one_where_something_was_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "history.csv"
    words = ["history.py", "--compare", "--history", str(path)]
    monkeypatch.setattr(sys, "argv", words)
    assert history.main() == 0
    told = replace(ONE, figure="run.batch", benchmark="run")
    records.append([told, replace(told, value=99.0)], path)
    assert history.main() == 0
    records.append([replace(told, value=50.0)], path)
    assert history.main() == 1
    out = capsys.readouterr().out
    assert "run.batch" in out
    assert "LOST, usual 99.5, worse by 99%" in out
    path.write_text("figure,value\nx,1\n", "utf-8")
    with pytest.raises(ValueError, match="other columns"):
        history.main()


def test_the_work_of_the_calibration_never_changes() -> None:
    assert calibration.work() == 322122640733097
    assert calibration.median([3.0, 1.0, 2.0]) == 2.0


def test_the_list_is_sound_and_the_history_can_be_read() -> None:
    told = records.settings()
    for unit in told["units"].values():
        assert unit["better"] in {"higher", "lower"}
        assert unit["scales"] in {"rate", "time", "none"}
    names = [one["script"] for one in told["benchmark"]]
    assert len(set(names)) == len(names)
    for one in told["benchmark"]:
        lines = (HOME / one["script"]).read_text("utf-8")
        assert "told(" in lines, one["script"]
        assert set(one) <= {"script", "arguments", "short", "needs", "tolerance"}
        assert {"arguments", "short"} <= set(one)
    known = {Path(name).stem for name in names}
    for record in records.read():
        assert record.benchmark in known
        assert record.unit in told["units"]
    assert tomllib.loads((HOME / "list.toml").read_text("utf-8")) == told
