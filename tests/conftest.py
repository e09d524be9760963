"""Fixtures that every test may use."""

from __future__ import annotations

import importlib
import itertools
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
import structlog
from examples import FULL, examples
from hypothesis import settings

from codebooks import registry

REPOSITORY = Path(__file__).resolve().parents[1]


LONG = REPOSITORY / "tests" / "long_modules.txt"
"""Modules of few and long tests. xdist hands out modules of few tests last; these go first, so that
no worker is left with one of them at the end while the other has nothing to do."""


UNTRACED = re.compile(
    r"test_(pages_\w+|\w+_(engines|labelled|language|both|properties|fuzz|laws|random))\.py"
)
"""Modules that go over the same lines with thousands of cases, and pages, whose own code is not
measured."""


if not os.environ.get(FULL):
    settings.register_profile("part", max_examples=examples(settings().max_examples))
    settings.load_profile("part")


def pytest_configure() -> None:
    """Modules that ask for schemes while they are collected see the shipped ones alone."""
    os.environ["GROUPER_DATA"] = tempfile.mkdtemp(prefix="grouper-none-")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long modules first; the order within a module stays.

    Being traced doubles the time of what Python does itself, so in the default run long modules and
    those that go over the same lines many times are not traced. In the full run all are.
    """
    names = LONG.read_text("utf-8").split()
    rank = {name: at for at, name in enumerate(names)}
    items.sort(key=lambda item: rank.get(item.path.name, len(names)))
    if os.environ.get(FULL):
        return
    for item in items:
        many = UNTRACED.fullmatch(item.path.name) or hasattr(getattr(item, "obj", 0), "hypothesis")
        if item.path.name in rank or many:
            item.add_marker("no_cover")


@pytest.fixture(scope="session")
def facts() -> Path:
    """The folder of facts beside the checkout; tests that need it skip where it is absent."""
    folder = REPOSITORY.parent / "shared" / "facts"
    if not folder.is_dir():
        pytest.skip("the folder shared/facts is not beside this checkout")
    return folder


@pytest.fixture(scope="session")
def _own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A fresh folder for each test. Pytest's own way looks through all earlier ones each time."""
    base = tmp_path_factory.mktemp("own")
    return (base / str(number) for number in itertools.count())


@pytest.fixture(autouse=True)
def _components_found_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streamlit looks through all installed packages for components each time a page is tested."""
    if "streamlit.testing.v1" in sys.modules:
        scanner = importlib.import_module("streamlit.components.v2.manifest_scanner")
        monkeypatch.setattr(scanner, "scan_component_manifests", _components(scanner))


@cache
def _components(scanner: ModuleType) -> Callable[[], list[object]]:
    return cache(scanner.scan_component_manifests)


@pytest.fixture(autouse=True)
def _forms_as_shipped() -> Iterator[None]:
    """A service that runs within a test sets the forms of its whole process."""
    yield
    known = getattr(sys.modules.get("grouper.intake.forms"), "forms", None)
    if known is None or not known.cache_info().currsize:
        return
    for one in known().values():
        now, shipped = vars(one), vars(type(one)())
        # What is only read once and kept, such as a mapping, may stay.
        if any(now[name] != value for name, value in shipped.items()):
            now.clear()
            now.update(shipped)


@pytest.fixture(autouse=True)
def _own_data(_own_folders: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes what a hospital installed on this machine; texts are Chinese."""
    folder = next(_own_folders)
    folder.mkdir()
    monkeypatch.setenv("GROUPER_DATA", str(folder))
    monkeypatch.setenv("GROUPER_LANG", "zh")
    known = registry.registry
    if known.cache_info().currsize and (known().installed or known().broken):
        # An earlier test installed a scheme: it would bind its region in this one too.
        known.cache_clear()
    # A process of the service that ran in a test before set its own.
    structlog.reset_defaults()
