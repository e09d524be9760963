"""Run the benchmarks of ``list.toml`` one after the other, and keep their figures in ``history.csv``.

Usage: python benchmarks/history.py [--short] [--only NAME …] [--no-keep]
       python benchmarks/history.py --compare

What a script told is kept when the script has ended well, so that a run that is interrupted or fails
keeps what came before. ``--compare`` runs nothing: it says which figures of the last run are worse than
the median of those before, and ends with 1 if there are any. See ``docs/BENCHMARKS.md``.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import calibration
import tree
from records import HISTORY, HOME, LIST, Record, append, compared, machine, read, settings
from report import RESULTS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROOT = HOME.parent
INTERRUPTED = 130
HOSPITAL = "{hospital}"
NEEDS = {
    "postgres": ("sh", str(ROOT / "tools" / "ensure_postgres.sh")),
    "chromium": ("sh", str(ROOT / "tools" / "ensure_chromium.sh")),
}


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs scripts, and keeps what they tell.

    Attributes:
        told: the list.
        short: whether the short arguments are taken.
        history: file of the records; None: nothing is kept.
        work: folder for what is made meanwhile.
        make: makes the hospital in a folder, at a scale.
        home: folder of the scripts.
    """

    told: dict[str, Any]
    short: bool
    history: Path | None
    work: Path
    make: Callable[[Path, float], object]
    home: Path = HOME

    def run(self, only: Sequence[str] = ()) -> list[str]:
        """Run all, or those that are named; gives those that failed."""
        begun = datetime.now(UTC).isoformat(timespec="seconds")
        failed = []
        for one in self.told["benchmark"]:
            name = Path(one["script"]).stem
            if only and name not in only:
                continue
            print(f"== {one['script']}", flush=True)
            if not self._there(one.get("needs", ())):
                continue
            if not self._measure(one, name, begun):
                failed.append(name)
        return failed

    def _there(self, needs: Sequence[str]) -> bool:
        """Whether what a script needs is there; what can be fetched is."""
        for need in needs:
            if need in NEEDS:
                subprocess.run(NEEDS[need], check=True)
            elif shutil.which(need) is None:
                print(f"left out: there is no {need}", flush=True)
                return False
        return True

    def _measure(self, one: dict[str, Any], name: str, begun: str) -> bool:
        words = one["short" if self.short else "arguments"]
        words = [self._hospital() if word == HOSPITAL else word for word in words]
        results = self.work / f"{name}.jsonl"
        results.unlink(missing_ok=True)
        surroundings = {RESULTS: str(results), "GROUPER_DATA": str(self.work / "data")}
        rounds = calibration.seconds()
        watch = Watch()
        child = subprocess.Popen(
            [sys.executable, str(self.home / one["script"]), *words],
            env={**os.environ, **surroundings},
        )
        try:
            code = child.wait()
        except KeyboardInterrupt:
            child.terminate()
            child.wait()
            raise
        others = watch.others()
        rounds += calibration.seconds()
        if code:
            print(f"{one['script']} ended with {code}; its figures are not kept", flush=True)
            return False
        if self.history is not None and results.is_file():
            lines = [json.loads(line) for line in results.read_text("utf-8").splitlines()]
            day = round(calibration.median(rounds), 4)
            fixed = (begun, commit(), "short" if self.short else "whole", name)
            rows = [
                Record(
                    *fixed,
                    figure=line["figure"],
                    value=_short(line["value"]),
                    unit=line["unit"],
                    calibration=day,
                    others=others,
                    **machine(),
                )
                for line in lines
            ]
            append(rows, self.history)
        if others is not None and others > self.told["others"]:
            print(f"others used {others:.0%} of the processors: not compared", flush=True)
        return True

    def _hospital(self) -> str:
        place = self.work / "hospital"
        if not place.is_dir():
            print("the demonstration hospital is made", flush=True)
            scale = self.told["hospital"]["short" if self.short else "scale"]
            self.make(place, scale)
        return str(place)


def _short(value: float) -> float:
    """With as many digits as can mean anything."""
    return float(f"{value:.5g}")


class Watch:
    """How much of the processors others use from now on."""

    def __init__(self) -> None:
        tree.inherit()
        self._begun = time.perf_counter()
        self._all, self._own = _busy(), _own()

    def others(self) -> float | None:
        """Their part, 0 to 1; None: this machine does not tell."""
        tree.reap(wait=False)
        busy = _busy()
        if busy is None or self._all is None:
            return None
        whole = (time.perf_counter() - self._begun) * (os.cpu_count() or 1)
        used = busy - self._all - (_own() - self._own)
        return round(min(max(used / whole, 0.0), 1.0), 3)


def _own() -> float:
    return tree.spent() + time.process_time()


def _busy() -> float | None:
    """Core-seconds of all processes since the start of the machine, with what its host took away."""
    told = Path("/proc/stat")
    if not told.is_file():
        return None
    words = [int(word) for word in told.read_text("ascii").split("\n", 1)[0].split()[1:]]
    user, nice, system, _idle, _waiting, hard, soft, stolen = words[:8]
    ticks: int = os.sysconf("SC_CLK_TCK")
    return (user + nice + system + hard + soft + stolen) / ticks


def commit() -> str:
    """The commit, with ``+`` where files of the programs were changed; without Git: ``unknown``."""
    try:
        head = _git("rev-parse", "--short=12", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    # The rows of this very run are no change.
    other = [line for line in changed.splitlines() if not line.endswith(HISTORY.name)]
    return head.strip() + ("+" if other else "")


def _git(*words: str) -> str:
    asked = ("git", "-C", str(ROOT), *words)
    return subprocess.run(asked, check=True, capture_output=True, text=True).stdout


def tell(history: Path, told: dict[str, Any]) -> bool:
    """Print what became worse; whether there is anything."""
    changes = compared(read(history), told)
    for one in changes:
        record = one.record
        about = f"{record.variant:6} {record.figure:44} {record.value:>14,.5g} {record.unit}"
        if not one.quiet:
            print(f"{about}: others used the machine, not compared")
        elif one.lost:
            print(f"{about}: LOST, usual {one.usual:,.5g}, worse by {one.worse:.0%}")
    lost = sum(one.lost for one in changes)
    new = sum(one.usual is None for one in changes)
    print(f"{len(changes)} figures, {new} without an earlier one, {lost} lost")
    return lost > 0


def _made(folder: Path, scale: float) -> None:
    from hospital import hospital_at  # noqa: PLC0415 -- takes a second, which few scripts need

    hospital_at(folder, scale)


def main() -> int:
    """Run, or compare; gives the code to end with."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--short", action="store_true", help="less to do for each script")
    parser.add_argument("--only", nargs="+", default=[], help="scripts, without .py")
    parser.add_argument("--no-keep", action="store_true", help="print only")
    parser.add_argument("--compare", action="store_true", help="run nothing, say what was lost")
    parser.add_argument("--history", type=Path, default=HISTORY)
    parser.add_argument("--list", type=Path, default=LIST)
    asked = parser.parse_args()
    told = settings(asked.list)
    if asked.compare:
        return int(tell(asked.history, told))
    kept = None if asked.no_keep else asked.history
    with tempfile.TemporaryDirectory(prefix="grouper-bench-") as folder:
        runner = Runner(told, asked.short, kept, Path(folder), _made, asked.list.parent)
        try:
            failed = runner.run(asked.only)
        except KeyboardInterrupt:
            print("interrupted; what had ended is kept", file=sys.stderr)
            return INTERRUPTED
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
