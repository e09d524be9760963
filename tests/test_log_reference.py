"""The reference of log lines (docs/LOGS.md) against what the source logs."""

from __future__ import annotations

from collections import defaultdict
from functools import cache

import pytest
from log_reference_support import NAMED, Logged, logged
from reference_support import rows, shown, table

from grouper.service import auditor, clerk, forecaster
from grouper.service.retention import KINDS
from grouper.service.waiting import Waiter

_WAITERS = (auditor.Auditor, clerk.Clerk, forecaster.Forecaster)
_OWN_LIBRARY = ("grouper.forecast.registry", "hl7_adapters.")
"""Loggers of the standard library: they have no fields."""
_NOTHING_TO_DO = ("columns_not_kept",)


@cache
def _calls() -> dict[tuple[str, str], list[Logged]]:
    found: defaultdict[tuple[str, str], list[Logged]] = defaultdict(list)
    for one in logged():
        names = [one.logger]
        if one.logger == NAMED:
            names = [f"grouper.{made.__name__.lower()}" for made in _WAITERS]
        for name in names:
            found[name, one.event].append(one)
    return found


def _said() -> dict[tuple[str, str], dict[str, str]]:
    return {(row["logger"], row["event"]): row for row in rows("log_events")}


def test_every_line_that_is_logged_stands_in_the_reference_and_no_other() -> None:
    assert set(_said()) == set(_calls())
    assert len(rows("log_events")) == len(_said())


def test_those_that_wait_are_all_there_are() -> None:
    ours = {one for one in Waiter.__subclasses__() if one.__module__.startswith("grouper.")}
    assert ours == set(_WAITERS)


@pytest.mark.parametrize("key", sorted(_said()), ids="/".join)
def test_levels_and_fields_are_as_the_reference_says(key: tuple[str, str]) -> None:
    row, calls = _said()[key], _calls()[key]
    assert set(row["level"].split()) == {one.level for one in calls}
    told = row["fields"].split()
    always = {name for name in told if not name.endswith("?")}
    known = {name.rstrip("?") for name in told}
    for one in calls:
        given = one.fields | one.brought
        assert given <= known, one.place
        # What a mapping brings that is no literal is not seen here.
        assert always <= given or (one.more and not one.brought), one.place
    seen = set.union(*(set(one.fields | one.brought) for one in calls))
    assert known == seen or any(one.more and not one.brought for one in calls)
    assert row["meaning"]
    assert row["level"] == "info" or row["todo"] or key[1] in _NOTHING_TO_DO
    if key[0].startswith(_OWN_LIBRARY):
        assert not told


def test_the_sweep_tells_how_much_of_each_kind() -> None:
    told = _said()["grouper.retention", "swept"]["fields"].split()
    assert told == [f"{kind}?" for kind in KINDS]


def test_the_page_shows_the_reference() -> None:
    assert shown("LOGS.md") == {"log_events": table(rows("log_events"))}
