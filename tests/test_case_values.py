"""The written forms of single values, and what must not be guessed."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grouper.case.dates import EPOCH, day_key, local_days, parse_time
from grouper.case.derive import years_between
from grouper.case.fields import FIELDS
from grouper.case.issues import shown
from grouper.case.values import read, split

LOCAL = ZoneInfo("Asia/Shanghai")


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=LOCAL)  # type: ignore[misc,arg-type]


DATES = [
    "2026-01-31",
    "2026/1/31",
    "2026.1.31",
    "20260131",
    "2026年1月31日",
    "２０２６－０１－３１",
    " 2026-01-31 ",
]


@pytest.mark.parametrize(
    "raw", [*DATES, 20260131, 20260131.0, date(2026, 1, 31), at(2026, 1, 31, 23)]
)
def test_dates(raw: object) -> None:
    assert read(raw, FIELDS["birth_date"]) == (date(2026, 1, 31), None)


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        ("2026-01-31 14:30", at(2026, 1, 31, 14, 30)),
        ("2026-01-31T14:30:05.123", at(2026, 1, 31, 14, 30, 5)),
        ("20260131143005", at(2026, 1, 31, 14, 30, 5)),
        ("202601311430", at(2026, 1, 31, 14, 30)),
        ("20260131 14:30:05", at(2026, 1, 31, 14, 30, 5)),
        ("2026年1月31日14时30分05秒", at(2026, 1, 31, 14, 30, 5)),
        ("2026年1月31日 14时30分", at(2026, 1, 31, 14, 30)),
        ("2026-01-31T14:30:05Z", at(2026, 1, 31, 22, 30, 5)),
        ("2026-01-31T14:30:05+08:00", at(2026, 1, 31, 14, 30, 5)),
        ("2026-01-31T14:30:05-0130", at(2026, 2, 1, 0, 0, 5)),
        ("20260131143005+0800", at(2026, 1, 31, 14, 30, 5)),
        ("1986-05-04 00:30", at(1986, 5, 4, 0, 30)),
        (datetime(2026, 1, 31, 6, 30, tzinfo=UTC), at(2026, 1, 31, 14, 30)),
        (datetime(2026, 1, 31, 6, 30), at(2026, 1, 31, 6, 30)),  # noqa: DTZ001 -- a local time
        (date(2026, 1, 31), at(2026, 1, 31)),
    ],
)
def test_times(raw: object, wanted: datetime) -> None:
    found, reason = read(raw, FIELDS["discharge_time"])
    assert (found, reason) == (wanted, None)
    assert str(found.tzinfo) == "Asia/Shanghai"


@pytest.mark.parametrize(
    "raw",
    [
        "2026-02-30", "20260231", "2026-13-01", "2026-1/31", "2026-01-31 25:00", "2026-01-31 14:30:",
        "45000", "yesterday", "2026-01-31 14:30+99:99", True, ["2026-01-31"], "1" * 60, "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59-08:00", date(1700, 1, 1), "2201-01-01", datetime.max.replace(tzinfo=UTC), 2.5,
    ],
)  # fmt: skip
def test_no_dates(raw: object) -> None:
    assert read(raw, FIELDS["admission_time"]) == (None, "DATE_INVALID")
    assert read(raw, FIELDS["birth_date"])[1] == "DATE_INVALID"


@pytest.mark.parametrize("raw", ["01/02/2026", "31.12.2026", "1-2-26", "01/02/2026 10:00"])
def test_ambiguous_dates(raw: str) -> None:
    assert parse_time(raw) == (None, "DATE_AMBIGUOUS")


VALUES: list[tuple[str, object, Any, str | None]] = [
    ("sex", "男", 1, None), ("sex", "Female", 2, None), ("sex", 1.0, 1, None), ("sex", "２", 2, None),
    ("sex", "0", None, "SEX_UNSTATED"), ("sex", "未说明", None, "SEX_UNSTATED"), ("sex", "x", None, "SEX_INVALID"),
    ("sex", True, None, "SEX_INVALID"), ("sex", {"a": 1}, None, "SEX_INVALID"), ("sex", "", None, None),
    ("age", "45岁", 45, None), ("age", "45.0", 45, None), ("age", 45.5, None, "AGE_INVALID"),
    ("age", "10天", None, "AGE_INVALID"), ("age", "151", None, "AGE_INVALID"), ("age", float("nan"), None, None),
    ("age", 10**30, None, "AGE_INVALID"), ("age", "1" * 70, None, "AGE_INVALID"), ("age", "NULL", None, None),
    ("age_days", "3天", 3, None), ("birth_weight_g", "3.2kg", 3200, None), ("birth_weight_g", "3200 克", 3200, None),
    ("birth_weight_g", "3.2公斤", 3200, None), ("birth_weight_g", "3.2", None, "WEIGHT_INVALID"),
    ("birth_weight_g", "3.2斤", None, "WEIGHT_INVALID"), ("birth_weight_g", "3200.5", None, "WEIGHT_INVALID"),
    ("birth_weight_g", "３２００", 3200, None), ("los", "-1", None, "NUMBER_INVALID"),
    ("icu_hours", "1/13/24", 37.4, None), ("icu_hours", "1/25/0", None, "NUMBER_INVALID"),
    ("icu_hours", "1/1/61", None, "NUMBER_INVALID"), ("icu_hours", "12小时", 12.0, None), ("icu_hours", 3, 3.0, None),
    ("icu_hours", float("inf"), None, "NUMBER_INVALID"), ("los", "1/13/24", None, "NUMBER_INVALID"),
    ("total_cost", "1,234.56", Decimal("1234.56"), None), ("total_cost", "￥12", Decimal("12.00"), None),
    ("total_cost", ".5元", Decimal("0.50"), None), ("total_cost", "12.345", Decimal("12.35"), "NUMBER_ROUNDED"),
    ("total_cost", 1234.5600000000002, Decimal("1234.56"), None), ("total_cost", "1e3", None, "NUMBER_INVALID"),
    ("total_cost", "12,34", None, "NUMBER_INVALID"), ("total_cost", Decimal("NaN"), None, "NUMBER_INVALID"),
    ("total_cost", "", None, None), ("total_cost", ["1"], None, "NUMBER_INVALID"),
    ("kind", "住院", "inpatient", None), ("kind", " Ward ", "Ward", "VALUE_UNKNOWN"),
    ("discharge_way", "医嘱离院", "1", None), ("discharge_way", 5, "5", None), ("discharge_way", 1.0, "1", None),
    ("discharge_way", False, None, "VALUE_INVALID"), ("discharge_way", "01", "01", "VALUE_UNKNOWN"),
    ("case_id", 12, "12", None), ("case_id", 1.5, "1.5", None), ("case_id", " a ", "a", None),
    ("case_id", [1], None, "VALUE_INVALID"), ("case_id", 10**20, None, "VALUE_INVALID"), ("case_id", "—", None, None),
    ("dx", " I10 ", "I10", None), ("dx", 51.23, None, "CODE_INVALID"), ("dx", "-", None, None),
    ("code_system", "yibao-2.0", "nhsa", None), ("code_system", "国家临床版2.0", "clinical", None),
]  # fmt: skip


@pytest.mark.parametrize(("name", "raw", "value", "reason"), VALUES)
def test_values(name: str, raw: object, value: object, reason: str | None) -> None:
    found = read(raw, FIELDS[name])
    assert found == (value, reason)
    assert type(found[0]) is type(value)


def test_lists_split_and_dual_codes_stay_whole() -> None:
    assert split("J10.801+G94.8* | I10；E11、K80,,") == (
        "J10.801+G94.8* ",
        " I10",
        "E11",
        "K80",
        "",
        "",
    )
    assert split(["a", None]) == ("a", None)
    assert split(None) == ()
    assert split(3) == (3,)


def test_issues_name_nobody() -> None:
    sex, day = FIELDS["sex"], FIELDS["birth_date"]
    assert shown("张三", sex) == "**"
    assert shown("Zhang San", sex) == "***** ***"
    assert "110101" not in shown("11010119900101123X", day)
    assert "138" not in shown("13800138000", FIELDS["age"])
    assert shown("3.2 kg", FIELDS["weight_g"]) == "3.2 kg"
    assert shown("01/02/2026", day) == "01/02/2026"
    assert shown("4-7", FIELDS["case_id"]) == ""
    assert shown(10**5000, FIELDS["age"]) == ""
    assert shown({"name": "x"}, sex) == ""


@given(
    st.dates(date(1850, 1, 1), date(2200, 12, 31)), st.dates(date(1850, 1, 1), date(2200, 12, 31))
)
def test_years_between_is_the_calendars(birth: date, day: date) -> None:
    if day < birth:
        birth, day = day, birth
    had = (day.month, day.day) >= (birth.month, birth.day)
    wanted = day.year - birth.year - (0 if had else 1)
    keys = day_key(np.array([(birth - EPOCH).days, (day - EPOCH).days], np.int32))
    assert years_between(keys[:1], keys[1:])[0] == wanted


@given(st.datetimes(datetime(1950, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 -- bounds
def test_local_days_are_the_zones(moment: datetime) -> None:
    seconds = np.array([int(moment.timestamp())])
    wanted = datetime.fromtimestamp(int(seconds[0]), UTC).astimezone(LOCAL).date()
    assert local_days(seconds)[0] == (wanted - EPOCH).days
