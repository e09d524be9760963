"""What is prepared beside serving, and that nothing of it can keep the pages from being served."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from structlog.testing import capture_logs

from codebooks.errors import CodebookError, GrouperError
from dashboards.frame import ready
from grouper.service import beforehand
from grouper.service.settings import Settings, load_settings
from grouper.service.stay_grouping import StayGrouper


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(folder=tmp_path)


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What was prepared; one module of a page cannot be read."""
    steps: list[str] = []
    marts = ModuleType("marts_of_the_test")
    marts.opened = lambda _: steps.append("mart")  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "marts_of_the_test", marts)
    monkeypatch.setattr(ready, "_MARTS", "marts_of_the_test")
    rows = [
        SimpleNamespace(page=one, module=one) for one in ("no_such_module", "marts_of_the_test")
    ]
    monkeypatch.setattr(ready, "pages", lambda: rows)
    monkeypatch.setattr(ready, "PAUSE", 0.0)
    monkeypatch.setattr(ready.runtime, "exists", lambda: True)

    def books(_: Settings, day: date) -> Iterator[str]:
        for name in ("first", "second"):
            steps.append(f"{name} {day:%Y}"[: len(name)])
            yield name

    monkeypatch.setattr(ready, "books", books)
    yield steps
    gc.unfreeze()


def _until(met: Callable[[], bool]) -> None:
    waiting = threading.Event()
    for _ in range(500):
        if met():
            return
        waiting.wait(0.01)
    raise AssertionError


def test_mart_pages_and_books_are_made_ready(settings: Settings, done: list[str]) -> None:
    with capture_logs() as logs, ready.preparing(settings):
        _until(lambda: {"mart", "first", "second"} <= set(done) and gc.get_freeze_count() > 0)
    assert [(one["event"], one["page"]) for one in logs] == [("page not read", "no_such_module")]
    assert "ModuleNotFoundError" in logs[0]["fault"]


def test_what_is_over_before_it_began_prepares_nothing(
    settings: Settings, done: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ready.runtime, "exists", lambda: False)
    with ready.preparing(settings):
        pass
    assert done == []


def test_it_ends_between_two_steps(
    settings: Settings, done: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ready, "PAUSE", 60.0)
    with ready.preparing(settings):
        _until(lambda: "mart" in done)
    assert "first" not in done
    over = threading.Event()
    over.set()
    ready._pages(settings, over)
    assert "first" not in done


def test_a_mart_that_cannot_be_opened_is_left_to_the_pages(
    settings: Settings, done: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Settings) -> None:
        done.append("broken")
        raise GrouperError("MART_ABSENT")

    monkeypatch.setattr(sys.modules["marts_of_the_test"], "opened", broken)
    ready._mart(settings, threading.Event())
    assert done == ["broken"]


def test_a_book_that_cannot_be_read_is_logged_and_the_others_are(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def broken(name: str) -> None:
        raise CodebookError("AUDIT_BOOK_UNKNOWN", found=name, known="")

    def scheme(*about: object) -> SimpleNamespace:
        asked.append(about)
        return SimpleNamespace(content_hash="x")

    monkeypatch.setattr(beforehand, "audit_book", broken)
    monkeypatch.setattr(beforehand, "policies", lambda: asked.append("policies"))
    monkeypatch.setattr(StayGrouper, "warm", lambda _, day: asked.append(day))
    monkeypatch.setattr(beforehand, "scheme_for", scheme)
    day = date(2026, 3, 1)
    with capture_logs() as logs:
        assert list(beforehand.books(settings, day)) == ["audit", "policies", "scheme", "hash"]
    assert asked == ["policies", day, (day, settings.region, "inpatient")]
    assert [(one["book"], one["code"]) for one in logs] == [("audit", "AUDIT_BOOK_UNKNOWN")]
