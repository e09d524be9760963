"""The running record does not depend on the order in which messages are applied."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from grouper.intake.event import Coded, Event, ItemAction
from grouper.intake.record import Record, cancelled, case_of, entries, merge, raw_case

CODES = st.sampled_from(["I21.001", "E11.900", "J18.900", "N18.900"])
CODED = st.builds(
    Coded,
    code=CODES,
    rank=st.sampled_from([0, 1, 1]),
    key=st.sampled_from(["", "a", "b"]),
    action=st.sampled_from([ItemAction.SET, ItemAction.SET, ItemAction.DELETE]),
    about=st.dictionaries(st.just("dx_poa"), st.sampled_from(["1", "4"])),
)
EVENTS = st.builds(
    Event,
    visit=st.just("V1"),
    cancelled=st.sampled_from([None, None, True, False]),
    facts=st.dictionaries(
        st.sampled_from(["sex", "age", "discharge_time"]), st.sampled_from(["1", "40", None])
    ),
    dx=st.one_of(st.none(), st.lists(CODED, max_size=3).map(tuple)),
    dx_whole=st.booleans(),
    px=st.one_of(st.none(), st.lists(CODED, max_size=2).map(tuple)),
    px_whole=st.booleans(),
    extra=st.dictionaries(st.sampled_from(["ZXX-1", "ZXX-2"]), st.text(max_size=3)),
    assessments=st.one_of(st.none(), st.just({"assessment_item": ("BARTHEL",)})),
)


def told(record: Record) -> str:
    """What a record says, without the traces of what was taken away."""
    return json.dumps(
        {
            "cancelled": cancelled(record),
            "raw": raw_case(record),
            "dx": entries(record, "dx"),
            "px": entries(record, "px"),
            "extra": {name: value[0] for name, value in record.get("extra", {}).items()},
        },
        sort_keys=True,
    )


@given(st.lists(EVENTS, min_size=1, max_size=4))
def test_any_order_of_messages_gives_the_same_record(events: list[Event]) -> None:
    stamped = list(enumerate(events, 1))
    found = set()
    for order in permutations(stamped):
        record: Record = {}
        for stamp, event in order:
            record = merge(record, event, stamp)
        found.add(told(record))
    assert len(found) == 1


@given(st.lists(EVENTS, min_size=1, max_size=4), st.integers(0, 3))
def test_a_message_applied_again_changes_nothing(events: list[Event], again: int) -> None:
    record: Record = {}
    for stamp, event in enumerate(events, 1):
        record = merge(record, event, stamp)
    at = again % len(events)
    assert told(merge(record, events[at], at + 1)) == told(record)


@given(EVENTS, EVENTS)
def test_merging_leaves_the_record_before_as_it_was(first: Event, second: Event) -> None:
    record = merge({}, first, 1)
    before = json.dumps(record, sort_keys=True)
    merge(record, second, 2)
    assert json.dumps(record, sort_keys=True) == before


def test_a_case_is_read_from_the_record() -> None:
    event = Event(
        visit="V1",
        facts={"sex": "2", "age": "61", "discharge_time": "2026-03-02 10:00"},
        dx=(
            Coded(code="E11.900", about={"dx_poa": "1"}),
            Coded(code="I21.001", rank=0, about={"dx_poa": "4"}),
        ),
        px=(Coded(code="36.0601", about={"px_date": "2026-03-01"}),),
    )
    lines = [{"line_item": "A1", "line_amount": "12.50", "line_time": "2026-03-01 08:00"}]
    case, issues = case_of(merge({}, event, 1), lines, case_id="c", person="p", hospital=None)
    assert case.dx == ("I21.001", "E11.900")
    assert case.dx_poa == ("4", "1")
    # A main procedure that nobody named is not made up from another one.
    assert case.px == (None, "36.0601")
    assert case.px_date[1] is not None
    assert case.line_amount == (Decimal("12.50"),)
    assert case.line_time[0] is not None
    assert case.line_time[0].astimezone(UTC) == datetime(2026, 3, 1, 0, 0, tzinfo=UTC)
    assert (case.case_id, case.person, case.hospital) == ("c", "p", None)
    assert [i.reason for i in issues if i.severity == "reject"] == []


def test_the_bill_is_the_cost_where_no_message_states_one() -> None:
    silent, stating = Event(visit="V"), Event(visit="V", facts={"total_cost": "90.00"})
    assert case_of(merge({}, silent, 1), (), Decimal("12.50"))[0].total_cost == Decimal("12.50")
    assert case_of(merge({}, stating, 1), (), Decimal("12.50"))[0].total_cost == Decimal("90.00")
    assert case_of(merge({}, silent, 1), (), Decimal("-1.00"))[0].total_cost is None


def test_entries_can_be_set_and_taken_away_one_by_one() -> None:
    first = Event(visit="V", dx=(Coded(code="A00.000", rank=0, key="1"), Coded(code="B", key="2")))
    record = merge({}, first, 1)
    gone = Event(visit="V", dx=(Coded(code="", key="2", action=ItemAction.DELETE),), dx_whole=False)
    record = merge(record, gone, 2)
    assert raw_case(record)["dx"] == ["A00.000"]
    changed = Event(visit="V", dx=(Coded(code="A01.000", rank=0, key="1"),), dx_whole=False)
    assert raw_case(merge(record, changed, 3))["dx"] == ["A01.000"]
    # A code that a snapshot states twice is kept twice.
    twice = replace(first, dx=(Coded(code="A", rank=0), Coded(code="B"), Coded(code="B")))
    assert raw_case(merge(record, twice, 4))["dx"] == ["A", "B", "B"]


def test_a_null_clears_and_a_missing_name_leaves() -> None:
    record = merge({}, Event(visit="V", facts={"age": "40", "sex": "1"}), 1)
    record = merge(record, Event(visit="V", facts={"age": None}), 2)
    assert raw_case(record) == {"sex": "1"}
    assessed = Event(visit="V", assessments={"assessment_item": ("BARTHEL",)})
    assert raw_case(merge(record, assessed, 3))["assessment_item"] == ["BARTHEL"]
