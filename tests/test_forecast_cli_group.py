"""The group of commands about forecasts: what is loaded, its help and texts, and its options."""

from __future__ import annotations

import io
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import typer
from forecast_cli_support import AT, run

from codebooks.messages import catalogue
from grouper.cli.forecast_commands import GROUP, add_forecast
from grouper.cli.forecast_options import Announcer, moment_of
from grouper.forecast.errors import ForecastError

# ---- the group of commands


def commands(*words: str) -> set[str | None]:
    """What is added to an app for the words of a command line."""
    app = typer.Typer()
    add_forecast(app, words)
    below = [group.typer_instance for group in app.registered_groups]
    return {one.name for group in below if group for one in group.registered_commands}


def test_only_what_is_asked_for_is_loaded() -> None:
    assert commands("group", "a.csv") == set()
    assert commands("forecast", "report", "x") == {"report"}
    assert commands("forecast", "card") == {"card"}
    listed = commands("forecast")
    assert {"train", "predict", "backtest", "report", "outlook", "approve"} <= listed
    assert commands("forecast", "--help") == listed
    # A list of all commands and a word that is no command need no more than a stand-in.
    assert commands("--help") == commands() == commands("forecast", "nonsense") == {"train"}
    stand_in = typer.Typer()
    add_forecast(stand_in, [])
    below = stand_in.registered_groups[0].typer_instance
    assert below is not None
    callback = below.registered_commands[0].callback
    assert callback is not None
    assert callback() is None


def test_a_command_that_is_not_there_is_refused() -> None:
    found = run("nonsense")
    assert found.exit_code == 2
    assert "nonsense" in found.stderr
    bare = run()
    assert bare.exit_code == 2
    assert all(word in bare.output for word in ("train", "predict", "backtest", "report"))


@pytest.mark.parametrize("words", [("--help",), ("forecast",), ("forecast", "predict", "--help")])
def test_help_needs_no_trees(words: tuple[str, ...], tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from grouper.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print('loaded:', 'xgboost' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *words],
        env={"GROUPER_DATA": str(tmp_path), "GROUPER_LANG": "en", "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )
    assert "loaded: False" in done.stdout
    wanted = {"--help": GROUP, "forecast": "backtest"}.get(
        words[-1] if len(words) == 1 else "", "--at"
    )
    assert wanted in done.stdout


def test_every_text_of_the_commands_is_in_both_languages() -> None:
    for key in catalogue("zh"):
        if key.startswith(("forecast_cli.", "forecast_help.", "forecast_words.", "forecast_sum.")):
            assert catalogue("en")[key]
    for name in ("train", "predict", "backtest", "report"):
        assert catalogue("zh")[f"forecast_cli.{name}"]


# ---- options


def test_a_moment_is_read_or_refused() -> None:
    before = datetime.now(UTC)
    assert before <= moment_of(None) <= datetime.now(UTC) + timedelta(seconds=1)
    assert moment_of("2026-05-20T08:00") == AT
    with pytest.raises(ForecastError) as caught:
        moment_of("2026-13-45" + "x" * 100)
    assert caught.value.code == "FORECAST_AT"
    assert len(str(caught.value.params["found"])) == 40


def test_files_are_named_on_a_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    class Screen(io.StringIO):
        def isatty(self) -> bool:
            return True

    for place, seen in ((io.StringIO(), ""), (Screen(), "reading 2026-01\ufffd.parquet\n")):
        monkeypatch.setattr(sys, "stderr", place)
        Announcer("en").file("2026-01\udcff.parquet")
        assert place.getvalue() == seen
