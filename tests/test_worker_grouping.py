"""Grouping of changed stays: the scheme that binds, those to compare with, both engines alike."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from inbox_support import DISCHARGED

from codebooks.errors import CodebookError
from grouper.case.record import Case
from grouper.schemes.load import load_scheme
from grouper.service import stay_grouping
from grouper.service.stay_grouping import StayGrouper, ToGroup

NOON = datetime(2026, 3, 20, 4, tzinfo=UTC)
DX = ("I63.900", "K35.800", "O80.000", "J18.900", "I10.x00", "S72.000", "X99", None)
PX = ("47.0100", "79.3500", "88.7200", "ZZ")


def case_of(**said: Any) -> Case:
    return Case.from_mapping({**DISCHARGED, "dx": ["I63.900"], **said})[0]


def to_group(number: int, case: Case, rejected: str = "") -> ToGroup:
    return ToGroup(stay_id=number, version=2, case=case, rejected=rejected)


def some_cases(count: int) -> list[Case]:
    dice = random.Random(3)  # noqa: S311 -- a seeded test
    return [
        case_of(
            dx=[dice.choice(DX) for _ in range(dice.randint(0, 4))],
            px=[dice.choice(PX) for _ in range(dice.randint(0, 3))],
            age=dice.choice(("0", "5", "40", "90", None)),
            sex=dice.choice(("1", "2", None)),
            region=dice.choice((None, "national", "jinhua", "nowhere")),
            kind=dice.choice(("inpatient", "inpatient", "outpatient", "long_stay")),
            discharge_time=dice.choice(("2026-03-09", "2019-03-09", None)),
            line_item=["001"],
            line_amount=[dice.choice(("5", "700"))],
        )
        for _ in range(count)
    ]


@pytest.mark.parametrize("compare", [(), ("chs-drg-1.1", "chs-drg-3.0")])
def test_one_by_one_and_in_a_batch_come_to_the_same(compare: tuple[str, ...]) -> None:
    stays = [to_group(n, case) for n, case in enumerate(some_cases(400))]
    rows = [
        StayGrouper(region="national", compare=compare, batch_from=limit).group(stays, NOON)
        for limit in (1, 10**6)
    ]
    assert rows[0] == rows[1]
    assert [row.stay_id for row in rows[0] if row.binding] == list(range(400))
    assert len({row.scheme for row in rows[0]}) > 3
    assert {row.status for row in rows[0]} >= {"grouped", "ungrouped", "invalid"}


def test_the_discharge_date_binds_and_for_a_running_stay_today() -> None:
    grouper = StayGrouper(region="national")

    def scheme(day: str | None, today: datetime) -> tuple[str, str | None]:
        (row,) = grouper.group([to_group(1, case_of(discharge_time=day))], today)
        return row.scheme, row.reason

    assert scheme("2026-03-09", NOON)[0] == scheme(None, NOON)[0] == "chs-drg-2.0"
    assert scheme("2012-03-09", NOON) == ("", "SCHEME_UNCOVERED")
    assert scheme(None, datetime(2012, 3, 9, tzinfo=UTC)) == ("", "SCHEME_UNCOVERED")


def test_today_is_that_of_the_hospital(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[date] = []
    real = StayGrouper._scheme_of

    def spy(region: str, kind: str, day: date) -> tuple[str, str]:
        asked.append(day)
        return real(region, kind, day)

    monkeypatch.setattr(StayGrouper, "_scheme_of", staticmethod(spy))
    running = [to_group(1, case_of(discharge_time=None))]
    StayGrouper(region="national").group(running, datetime(2026, 3, 20, 17, tzinfo=UTC))
    assert asked == [date(2026, 3, 21)]


@pytest.mark.parametrize(
    ("said", "rejected", "reason"),
    [
        ({"region": "nowhere"}, "", "REGION_UNKNOWN"),
        ({"kind": "unheard_of"}, "", "KIND_UNSUPPORTED"),
        ({}, "CODE_BROKEN", "CODE_BROKEN"),
    ],
)
def test_where_no_scheme_binds_the_reason_stands(
    said: dict[str, Any], rejected: str, reason: str
) -> None:
    grouper = StayGrouper(region="national", compare=("chs-drg-2.0",))
    row, *others = grouper.group([to_group(1, case_of(**said), rejected)], NOON)
    assert (row.scheme, row.status, row.reason, row.binding) == ("", "invalid", reason, True)
    assert (row.group, row.content_hash) == (None, "")
    assert [other.binding for other in others] == ([False] if reason == "REGION_UNKNOWN" else [])


def test_schemes_to_compare_with_stand_beside_the_one_that_binds() -> None:
    grouper = StayGrouper(
        region="national", compare=("chs-drg-2.0", "chs-drg-3.0", "no-such-scheme")
    )
    rows = grouper.group([to_group(1, case_of())], NOON)
    assert [(row.scheme, row.binding) for row in rows] == [
        ("chs-drg-2.0", True),
        ("chs-drg-3.0", False),
    ]
    assert all(row.content_hash == load_scheme(row.scheme).content_hash for row in rows)


@pytest.mark.parametrize("batch_from", [1, 100])
def test_a_scheme_that_fails_with_one_case_groups_the_others(
    monkeypatch: pytest.MonkeyPatch, batch_from: int
) -> None:
    scheme = load_scheme("chs-drg-2.0")
    real = type(scheme).group

    def group(self: Any, case: Case) -> Any:
        if case.age == 33:
            raise ZeroDivisionError
        return real(self, case)

    def group_batch(_self: Any, _cases: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(type(scheme), "group", group)
    monkeypatch.setattr(type(scheme), "group_batch", group_batch)
    stays = [to_group(n, case_of(age=str(n))) for n in (32, 33, 34)]
    rows = StayGrouper(region="national", batch_from=batch_from).group(stays, NOON)
    assert [(row.status, row.reason) for row in rows] == [
        ("grouped", None),
        ("invalid", "GROUPER_FAILED"),
        ("grouped", None),
    ]


def test_a_broken_book_is_a_reason_and_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(_: str) -> Any:
        raise CodebookError("MANIFEST_BROKEN")

    monkeypatch.setattr(stay_grouping, "load_scheme", load)
    grouper = StayGrouper(region="national")
    grouper.warm(NOON.date())
    (row,) = grouper.group([to_group(1, case_of())], NOON)
    assert (row.scheme, row.status, row.reason) == ("chs-drg-2.0", "invalid", "MANIFEST_BROKEN")


def test_nothing_to_group_is_nothing() -> None:
    grouper = StayGrouper(region="national")
    grouper.warm(NOON.date() + timedelta(days=1))
    assert grouper.group([], NOON) == []


@pytest.mark.parametrize("batch_from", [1, 100])
def test_charge_lines_are_read_only_for_a_scheme_that_asks_for_them(batch_from: int) -> None:
    read: list[int] = []
    billed = {"line_item": ["110200005"], "line_class": ["1"], "line_amount": ["5"]}
    visit = {"kind": "outpatient", "region": "jinhua"}

    def bare(number: int, **said: Any) -> ToGroup:
        def whole() -> Case:
            read.append(number)
            return case_of(**billed, **said)

        return ToGroup(stay_id=number, version=2, case=case_of(**said), billed=whole)

    grouper = StayGrouper(region="national", batch_from=batch_from)
    rows = grouper.group([bare(1), bare(2, **visit)], NOON)
    assert [row.scheme for row in rows] == ["chs-drg-2.0", "apg-grouper-1.0"]
    assert read == [2]
    whole = [to_group(1, case_of(**billed)), to_group(2, case_of(**billed, **visit))]
    assert rows == grouper.group(whole, NOON)
    assert rows[1] != grouper.group([to_group(2, case_of(**visit))], NOON)[0]
