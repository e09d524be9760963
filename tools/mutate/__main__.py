"""``python -m tools.mutate``: mutate the scope, and say what the tests noticed."""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import signal
import sys
import time
from collections import deque
from pathlib import Path

from tools.mutate import lines, report, session
from tools.mutate.choosing import Chooser, Known, read_known, write_known
from tools.mutate.mutants import Mutant, mutants_of
from tools.mutate.results import Result, Results
from tools.mutate.scope import FOLDER, REPOSITORY, SCOPE, Area, Scope, read_scope
from tools.mutate.survivors import LISTED, read_survivors, stale
from tools.mutate.trial import Trials, forked


def all_mutants(scope: Scope, root: Path) -> list[tuple[str, Mutant]]:
    """Every mutant of the scope, with its area's name."""
    return [
        (area.name, mutant)
        for area in scope.areas
        for module in area.modules
        for mutant in mutants_of(module, (root / module).read_bytes(), scope.words)
    ]


def sampled(mutants: list[tuple[str, Mutant]], size: int, seed: str) -> list[tuple[str, Mutant]]:
    """Some of them: the same ones each time, whatever else was added.

    Args:
        mutants: all, with their areas.
        size: how many.
        seed: another seed gives another sample.

    Returns:
        Those with the least hashes, in their order.
    """
    least = sorted(mutants, key=lambda one: hashlib.sha256((seed + one[1].key).encode()).digest())
    chosen = {id(one) for one in least[:size]}
    return [one for one in mutants if id(one) in chosen]


def recorded(scope: Scope, root: Path, folder: Path, areas: set[str], jobs: int) -> list[str]:
    """Record the lines of the test modules of these areas, where that is not done yet.

    Returns:
        The test modules that do not pass as they are.
    """
    chosen = [area for area in scope.areas if area.name in areas]
    modules = sorted({one for area in scope.areas for one in area.modules})
    tests = sorted({one for area in chosen for one in area.tests})
    waiting = deque(one for one in tests if lines.read(root, lines.stored(folder, one)) is None)
    running: dict[int, str] = {}
    failed = []
    while waiting or running:
        while waiting and len(running) < jobs:
            test = waiting.popleft()
            running[forked(lambda test=test: _record(root, test, modules, folder))] = test  # type: ignore[misc]
        pid, status = os.wait()
        test = running.pop(pid)
        shutil.rmtree(folder / f"tmp-{pid}", ignore_errors=True)
        if status:
            failed.append(test)
    return failed


def _record(root: Path, test: str, modules: list[str], folder: Path) -> int:
    session.silent()
    session.scratch(folder / f"tmp-{os.getpid()}")
    return lines.record(root, test, modules, lines.stored(folder, test))


def main(arguments: list[str] | None = None) -> int:
    """Run.

    Returns:
        0: every area has its part of mutants noticed, and the list of survivors holds; else 1.
    """
    options = _options().parse_args(arguments)
    # Who is told to end ends the trials too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    root = options.root.resolve()
    folder = (options.folder or root / ".mutate").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    scope = read_scope(options.scope, root)
    listed = read_survivors(options.explained)
    every = all_mutants(scope, root)
    written = read_known(options.known) if options.quick else {}
    chosen = _chosen(options, every, written, scope)
    left = sum(one.key in written for _, one in every)
    if 2 * left < len(written):
        print(f"Of {len(written)} mutants {left} are left: run make mutate", file=sys.stderr)
        return 1
    session.prepare(root)
    session.warm(scope.warm)
    known = Known(written) if options.quick else None
    if known is None:
        areas = {area for area, _ in chosen}
        if failed := recorded(scope, root, folder, areas, options.jobs):
            print("These do not pass without any mutant:", *failed, sep="\n", file=sys.stderr)
            return 1
    results = _tried(scope, root, folder, chosen, options.jobs, known)
    if options.write:
        least = {one.key for _, one in sampled(every, scope.limits.sample, scope.limits.seed)}
        tests = {one.key: one.test or "" for _, _, one in results if one.key in least}
        write_known(options.known, tests)
    found = report.rows(results, listed)
    if options.survivors:
        for _, _, one in results:
            if not one.killed and one.key not in listed:
                print(f"{one.status}: {one.key}")
    print(report.table(found))
    told = stale(listed, (one.key for _, one in every), (one for _, _, one in results))
    print(*told, sep="\n")
    low = _low(found, scope, quick=options.quick)
    if low:
        print("Too few are noticed in:", *low)
    return 1 if low or told else 0


def _chosen(
    options: argparse.Namespace,
    every: list[tuple[str, Mutant]],
    written: dict[str, str],
    scope: Scope,
) -> list[tuple[str, Mutant]]:
    """The mutants that are asked for."""
    chosen = [
        one
        for one in every
        if (not options.area or one[0] in options.area)
        and (not options.module or one[1].module in options.module)
        and (not options.quick or one[1].key in written)
    ]
    return sampled(chosen, options.sample, scope.limits.seed) if options.sample else chosen


def _low(found: dict[str, list[report.Row]], scope: Scope, *, quick: bool) -> list[str]:
    """The areas of which too few mutants were noticed; of a sample it is asked as a whole."""
    least = scope.limits.least_killed
    if quick:
        return ["the sample"] if report.whole(found).unexplained_rate < least else []
    return [some[-1].name for some in found.values() if some[-1].rate < least]


def _tried(
    scope: Scope,
    root: Path,
    folder: Path,
    chosen: list[tuple[str, Mutant]],
    jobs: int,
    known: Known | None,
) -> list[tuple[str, str, Result]]:
    results = Results(folder / ("quick.jsonl" if known else "results.jsonl"), root)
    found: list[tuple[str, str, Result]] = []
    for area in scope.areas:
        waiting = []
        for mutant in (one for name, one in chosen if name == area.name):
            if before := results.known(mutant, area.tests):
                found.append((area.name, mutant.module, before))
            else:
                waiting.append(mutant)
        session.warm(area.warm)
        chooser = known or Chooser(_records(root, folder, area), scope.limits)
        begun = time.monotonic()
        for at, outcome in enumerate(
            Trials(root, folder, chooser, scope.limits, jobs).run(waiting), 1
        ):
            result = results.add(outcome, area.tests)
            found.append((area.name, outcome.mutant.module, result))
            if at % 50 == 0:
                each = (time.monotonic() - begun) / at
                print(f"{area.name}: {at} of {len(waiting)}, {each:.2f} s each", file=sys.stderr)
    return found


def _records(root: Path, folder: Path, area: Area) -> list[lines.Recorded]:
    some = (lines.read(root, lines.stored(folder, one)) for one in area.tests)
    return [one for one in some if one is not None]


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m tools.mutate", description=__doc__)
    parser.add_argument("--area", action="append", help="only this area")
    parser.add_argument("--module", action="append", help="only this module, by its path")
    parser.add_argument("--sample", type=int, default=0, help="so many mutants only")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--root", type=Path, default=REPOSITORY, help="the repository")
    parser.add_argument("--scope", type=Path, default=SCOPE, help="what is mutated, and how")
    parser.add_argument("--explained", type=Path, default=LISTED, help="survivors with reasons")
    parser.add_argument("--folder", type=Path, help="where results are kept; .mutate")
    parser.add_argument(
        "--quick", action="store_true", help="the sample only, with the tests that are written down"
    )
    parser.add_argument("--write", action="store_true", help="write down the sample's tests")
    parser.add_argument("--known", type=Path, default=FOLDER / "noticed.csv", help="those tests")
    parser.add_argument("--survivors", action="store_true", help="name those that no test noticed")
    return parser


if __name__ == "__main__":
    sys.exit(main())
