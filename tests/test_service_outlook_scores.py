"""What became of kept outlooks: which of them are tries, and what their figures are held against."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from shutil import rmtree

import pytest
from month_support import OFFICE, done
from outlook_store_support import looking
from outlook_support import published
from service_support import Service, service

from grouper.service import outlook_scores, outlooks, settling
from grouper.service.errands import ErrandState
from grouper.service.outlook_scores import scored, together


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Service]:
    with service(tmp_path, region="demo", hospital="H00000000001") as found:
        yield found


def test_outlooks_of_one_day_are_one_try_and_years_come_with_any_outlook_of_the_year(
    running: Service, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    every = published(12)
    looking(running, monkeypatch, tmp_path, date(2025, 10, 31), every.until(2025 * 12 + 9))
    for month in ("2025-11", "2025-11", "2025-12", "2025-12"):
        done(running, outlooks.KIND, {"month": month})
    assert [one for one in scored(running.settings, OFFICE, None) if one.scored.came] == []
    newest = {one.of: one.name for one in reversed(outlooks.outlooks(running.settings, OFFICE))}
    looking(running, monkeypatch, tmp_path, date(2025, 12, 31), every)
    done(running, outlooks.KIND, {"month": "2025-12"})
    # Three are tries, whatever stands beside them.
    most = {"outlook": {**settling.sizes()["outlook"], "most_scored": 3}}
    monkeypatch.setattr(outlook_scores, "sizes", lambda: most)
    found = scored(running.settings, OFFICE, every)
    assert {one.kept.name for one in found} == set(newest.values())
    all_of = {(one.figure, one.year): one.tries for one in together(found)}
    # Two pools, two months, one year.
    assert (all_of["point_value", False], all_of["point_value", True]) == (4, 2)
    assert all_of["fund", True] == 1
    # The year's figures of an outlook of November come though no later one of November is there.
    (gone,) = [
        one for one in outlooks.outlooks(running.settings, OFFICE) if one.name == newest["2025-12"]
    ]
    rmtree(gone.folder)
    for one in outlooks.outlooks(running.settings, OFFICE, "2025-12")[1:]:
        rmtree(one.folder)
    years = [one for one in scored(running.settings, OFFICE, every) if one.scored.period == "2025"]
    assert {one.kept.of for one in years} == {"2025-11"}
    assert {one.figure for one in years if one.whole} >= {"fund", "amount", "surplus"}


def test_in_march_the_year_that_is_over_is_known(
    running: Service, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    every = published(14)
    looking(running, monkeypatch, tmp_path, date(2025, 9, 30), every.until(2025 * 12 + 8))
    done(running, outlooks.KIND, {"month": "2025-10"})
    looking(running, monkeypatch, tmp_path, date(2026, 3, 9), every)
    assert done(running, outlooks.KIND, {"month": "2025-12"}).state is ErrandState.DONE
    found = scored(running.settings, OFFICE, every)
    years = {one.figure for one in found if one.scored.period == "2025"}
    assert years >= {"point_value", "fund", "amount", "surplus"}
