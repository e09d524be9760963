"""Coverage-guided fuzzing of the targets of ``targets.csv``; any error but a declared one ends one.

Usage: python tests/fuzz/run.py --all SECONDS [TARGET ...]      every target, or some, one by one
       python tests/fuzz/run.py TARGET [options of libFuzzer] [FOLDER OF INPUTS]
       python tests/fuzz/run.py --replay TARGET FILE ...        read inputs once more, unguided
       python tests/fuzz/run.py --keep TARGET FILE ...          keep inputs under found/TARGET
"""

from __future__ import annotations

import hashlib
import importlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import traceback
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent))

from harness import FOUND, REPOSITORY, Judge, targets

LONGEST = 4096
"""Bytes of an input; what is drawn from them may be longer."""
SECONDS_OF_ONE = 25
"""An input that takes longer is a finding, too; generous, for other work may share the cores."""
MIB = 3072
"""Memory of the process, its libraries included."""
KEPT = REPOSITORY / "out" / "fuzz"
"""Inputs that reached new code in earlier runs, and what broke; not needed, but it saves time."""
_EXECUTED = re.compile(r"stat::number_of_executed_units:\s*(\d+)")


class Done(NamedTuple):
    """What came of a target: whether it held, how many inputs it read, and what the fuzzer said."""

    target: str
    good: bool
    inputs: int
    said: str


def watched(name: str, options: list[str]) -> int:
    """Fuzz one target in this process."""
    import atheris  # noqa: PLC0415 -- not there on every platform

    with atheris.instrument_imports(include=[*targets()[name].modules]):
        judge = Judge(targets()[name])
    atheris.Setup([f"fuzz-{name}", *options], judge.one)
    atheris.Fuzz()
    return 0


def fuzz(group: str, names: list[str], seconds: int, folder: Path) -> list[Done]:
    """Fuzz targets of one group, each for some seconds, in a process of its own.

    Args:
        group: whose module is loaded once for all of them.
        names: of the targets.
        seconds: for each.
        folder: an input that breaks a target is written to ``folder/TARGET``.
    """
    with tempfile.TemporaryDirectory(prefix="grouper-fuzz-") as own:
        for part in ("data", "tmp", "logs"):
            (Path(own) / part).mkdir()
        environment = os.environ | {
            "GROUPER_DATA": f"{own}/data",
            "TMPDIR": str(Path(own, "tmp")),
            "GROUPER_LANG": "zh",
        }
        command = [sys.executable, __file__, "--group", group, str(seconds), str(folder), own]
        done = subprocess.run(
            [*command, *names],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            cwd=REPOSITORY,
            env=environment,
        )
        found = []
        for name in names:
            log = Path(own) / "logs" / name
            said = log.read_text("utf-8", "replace") if log.is_file() else done.stderr
            executed = _EXECUTED.findall(said)
            good = bool(executed) and said.rstrip().endswith("exit 0")
            found.append(Done(name, good, int(executed[-1]) if executed else 0, said[-6000:]))
        return found


def _group(group: str, seconds: int, folder: Path, own: Path, names: list[str]) -> int:
    """The process of a group: its module is loaded and watched once, each target has a fork of it."""
    import atheris  # noqa: PLC0415 -- not there on every platform

    modules = sorted({one for name in names for one in targets()[name].modules})
    with atheris.instrument_imports(include=modules):
        importlib.import_module(f"of_{group}")
    for name in names:
        child = os.fork()
        if child == 0:
            _child(name, seconds, folder, own)
        _, status = os.waitpid(child, 0)
        with (own / "logs" / name).open("a", encoding="utf-8") as log:
            log.write(f"\nexit {os.waitstatus_to_exitcode(status)}\n")
    return 0


def _child(name: str, seconds: int, folder: Path, own: Path) -> None:
    """One target; it never returns."""
    import atheris  # noqa: PLC0415 -- loaded already

    log = os.open(own / "logs" / name, os.O_CREAT | os.O_WRONLY)
    os.dup2(log, 1)
    os.dup2(log, 2)
    try:
        first, kept = own / "first" / name, KEPT / "inputs" / name
        for place in (first, kept, folder / name):
            place.mkdir(parents=True, exist_ok=True)
        judge = Judge(targets()[name])
        for number, one in enumerate(judge.first_inputs()):
            (first / f"{number:04}").write_bytes(one)
        known = [str(FOUND / name)] if (FOUND / name).is_dir() else []
        options = [
            *(f"-max_total_time={seconds}", f"-max_len={LONGEST}", f"-timeout={SECONDS_OF_ONE}"),
            *(
                f"-rss_limit_mb={MIB}",
                f"-artifact_prefix={folder / name}/",
                "-print_final_stats=1",
                "-verbosity=0",
            ),
        ]

        def one(raw: bytes) -> None:
            try:
                judge.one(raw)
            except BaseException:
                # A forked process ends before the fuzzer would write it.
                digest = hashlib.sha256(raw).hexdigest()[:16]
                (folder / name / f"crash-{digest}").write_bytes(raw)
                raise

        atheris.Setup([f"fuzz-{name}", *options, str(kept), str(first), *known], one)
        atheris.Fuzz()
    except BaseException:  # noqa: BLE001 -- the parent's own work must not go on in the child
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def by_group(names: list[str]) -> list[tuple[str, list[str]]]:
    """Names of targets by their group."""
    found = sorted(names or targets(), key=lambda name: (targets()[name].group, name))
    return [(k, list(own)) for k, own in groupby(found, key=lambda name: targets()[name].group)]


def all_of(seconds: int, names: list[str]) -> int:
    """Fuzz targets one after the other; how many broke."""
    broken = 0
    folder = KEPT / "broken"
    for group, own in by_group(names):
        for name in own:
            shutil.rmtree(folder / name, ignore_errors=True)
        for one in fuzz(group, own, seconds, folder):
            told = "good" if one.good else f"broken, see {folder / one.target}"
            sys.stdout.write(f"{one.target}: {told}, {one.inputs} inputs\n")
            if not one.good:
                broken += 1
                sys.stdout.write(one.said)
            sys.stdout.flush()
    return broken


def replay(name: str, files: list[str]) -> int:
    """Read inputs once more, without the fuzzer."""
    judge = Judge(targets()[name])
    for file in files:
        judge.one(Path(file).read_bytes())
    return 0


def keep(name: str, files: list[str]) -> int:
    """Keep inputs that were found, as plain as they can be said, so that they outlive the drawing."""
    judge = Judge(targets()[name])
    folder = FOUND / name
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        raw = Path(file).read_bytes()
        plain = judge.plain(raw)
        kept = raw if plain is None else plain
        (folder / hashlib.sha256(kept).hexdigest()[:16]).write_bytes(kept)
    return 0


def main() -> int:
    """See the top of this file."""
    match sys.argv[1:]:
        case ["--all", seconds, *names]:
            return min(all_of(int(seconds), names), 100)
        case ["--group", group, seconds, folder, own, *names]:
            return _group(group, int(seconds), Path(folder), Path(own), names)
        case ["--replay", name, *files]:
            return replay(name, files)
        case ["--keep", name, *files]:
            return keep(name, files)
        case [name, *options] if name in targets():
            return watched(name, options)
    sys.stderr.write(__doc__ or "")
    return 2


if __name__ == "__main__":
    sys.exit(main())
