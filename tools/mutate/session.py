"""Tests run inside a process that was forked for them, and what they tell."""

from __future__ import annotations

import gc
import os
import resource
import sys
import tempfile
import time
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import Phase, settings

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    import coverage

    from tools.mutate.scope import Limits

_OPTIONS = (
    "-q",
    "-x",
    "-p",
    "no:cacheprovider",
    "-p",
    "_hypothesis_pytestplugin",
    "-o",
    "addopts=",
)
_EXAMPLES = 33
"""Of a property, where it names no number itself: as many as in the default run."""
_ALONE = {
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    "OMP_NUM_THREADS": "1",
}


class _Marked:
    """A plugin: the marker of a plugin that is not loaded here, which the suite gives to tests."""

    def pytest_configure(self, config: pytest.Config) -> None:
        """Known, though it does nothing."""
        config.addinivalue_line("markers", "no_cover: not traced")


class Order:
    """A plugin: tests run in the order in which they were named; the first that fails is kept."""

    def __init__(self, names: Sequence[str]) -> None:
        self._rank = {name: at for at, name in enumerate(names)}
        self.failed: str | None = None

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """After the suite's own order."""
        items.sort(key=lambda item: self._rank.get(item.nodeid, len(self._rank)))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what failed first."""
        if report.failed and self.failed is None:
            self.failed = report.nodeid


class Recorder:
    """A plugin: which lines each test goes over, and how long it takes."""

    def __init__(self, lines: coverage.Coverage) -> None:
        self._lines = lines
        self.seconds: dict[str, float] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Around a test with its fixtures."""
        self._lines.switch_context(item.nodeid)
        begun = time.process_time()
        found = yield
        self.seconds[item.nodeid] = round(time.process_time() - begun, 3)
        self._lines.switch_context("")
        return found


def prepare(root: Path) -> None:
    """Make this process ready to be forked."""
    os.environ.update(_ALONE)
    os.environ["GROUPER_DATA"] = os.devnull
    os.chdir(root)
    for folder in (root / "tests", root):
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))


def warm(names: Sequence[str]) -> None:
    """Import what no mutant changes, and read what it keeps, before anything is forked.

    Args:
        names: modules, or ``module:function`` or ``module:function:argument`` to call.
    """
    for name in names:
        module, _, call = name.partition(":")
        there = import_module(module)
        if call:
            function, *arguments = call.split(":")
            getattr(there, function)(*arguments)


def hurried() -> None:
    """This process lives too short to look for rubbish."""
    gc.disable()


def bounded(limits: Limits, seconds: float) -> None:
    """No more processor time and memory than a trial of so long tests may take."""
    cpu = int(limits.cpu_seconds + limits.cpu_factor * seconds)
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 1))
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def scratch(folder: Path) -> None:
    """All temporary files of this process and of its tests go into a folder, which is made."""
    folder.mkdir(parents=True)
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)


def silent() -> None:
    """Nothing of the tests is written anywhere."""
    hole = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(hole, stream)


def run(names: Sequence[str], *plugins: object) -> int:
    """Run tests in this process.

    Args:
        names: node ids, or paths of modules.
        plugins: objects with pytest's hooks.

    Returns:
        pytest's exit code.
    """
    # A mutant needs a failing example, not the smallest; the same examples are tried each time.
    settings.register_profile(
        "mutate",
        phases=(Phase.explicit, Phase.generate),
        max_examples=_EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
    )
    options = [*_OPTIONS, "-m", "not slow", "--hypothesis-profile=mutate"]
    return int(pytest.main([*options, *names], [_Marked(), *plugins]))
