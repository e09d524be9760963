"""Forecasts at work: a model trained on the demonstration hospital, and five cases that run."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pyarrow.compute as pc
import pyarrow.parquet as pq
import typer

from codebooks.messages import text
from grouper.demo.hospital.build import make_hospital
from grouper.demo.hospital.plan import make_plan
from grouper.demo.hospital.tables import toml
from grouper.demo.service import DemoError

if TYPE_CHECKING:
    from pathlib import Path

FIRST, MONTHS, SEED, SCALE = "2025-03", 21, 20250101, 0.2
UNTIL, AT = "2026-10-01", "2026-10-20T08:00"
"""Training knows the stays discharged before the first; the cases run at the second."""
_DAYS = (0, 1, 2, 4, 9)
"""Days of the stay of the five cases."""


def show(out: Path) -> None:
    """Train, judge, approve, and foretell five running cases, by the commands a hospital uses.

    Args:
        out: the folder of the demonstration; everything lies in ``forecast`` in it.
    """
    own = toml("hospital.toml")["hospital"]
    folder = out / "forecast"
    hospital = folder / "hospital"
    plan = make_plan(FIRST, MONTHS, SEED, SCALE, region=own["region"], scheme=own["scheme"])
    stays = make_hospital(hospital, plan).manifest["totals"]["inpatient"]
    typer.echo("\n" + text("demo_forecast.made", None, stays=f"{stays:,}", months=MONTHS))
    where = ["--region", own["region"]]
    trained = ["train", str(hospital), *where, "--until", UNTIL, "--approve", "--by", "demo"]
    typer.echo(_run(folder, *trained).rstrip())
    typer.echo("\n" + text("demo_forecast.judged", None))
    typer.echo(_run(folder, "card").rstrip())
    running = folder / "running.parquet"
    typer.echo(
        "\n" + _run(folder, "predict", str(hospital), "--at", AT, "-o", str(running)).rstrip()
    )
    shown = [word for case in _five(running) for word in ("--case", case)]
    typer.echo("\n" + _run(folder, "predict", str(hospital), "--at", AT, *shown).rstrip())


def _five(path: Path) -> list[str]:
    """One running case for each of some days of the stay."""
    table = pq.read_table(path)
    found: list[str] = []
    for day in _DAYS:
        of_day = table.filter(
            pc.and_(pc.equal(table["day"], day), pc.equal(table["status"], "forecast"))
        )
        found += of_day.sort_by("case_id").slice(0, 1)["case_id"].to_pylist()
    if len(found) < len(_DAYS):
        raise DemoError("running cases")
    return found


def _run(folder: Path, *words: str) -> str:
    """What a command of forecasting says; its models lie in the folder, not in the hospital's."""
    done = subprocess.run(  # noqa: S603 -- our own command
        [sys.executable, "-m", "grouper", "forecast", *words],
        env={**os.environ, "GROUPER_DATA": str((folder / "data").resolve())},
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode:
        raise DemoError(words[0])
    return done.stdout
