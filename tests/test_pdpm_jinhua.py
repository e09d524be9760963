"""The Jinhua form: components, scales, derived categories, and that nothing passes as published."""

from __future__ import annotations

from collections import Counter
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pdpm_support import JINHUA, US, case_of, row_of

from codebooks.errors import CodebookError
from codebooks.registry import registry
from grouper.schemes.load import load_scheme, scheme_for
from grouper.schemes.pdpm.scheme import PdpmScheme
from grouper.schemes.reasons import Reason

SCALES = {"BARTHEL": "50", "MMSE": "30", "SWALLOW": "1", "HAMD": "0", "DIET_ALTERED": "0"}


@pytest.fixture(scope="module")
def jinhua() -> PdpmScheme:
    found = load_scheme(JINHUA)
    assert isinstance(found, PdpmScheme)
    return found


def answer(scheme: PdpmScheme, items: dict[str, str], **more: Any) -> Any:
    row = row_of([(0, "admission", SCALES | items)], **({"dx": ("J44.900",)} | more), system="nhsa")
    return scheme.answer(case_of(row))


def groups(scheme: PdpmScheme, items: dict[str, str], **more: Any) -> list[str]:
    found = answer(scheme, items, **more)
    assert found.periods, (found.reason, found.about)
    return [group.name for group in found.shown.groups]


@pytest.mark.parametrize(
    ("barthel", "therapy"),
    [
        ("0", "T31"),
        ("22", "T31"),
        ("23", "T32"),
        ("39", "T32"),
        ("40", "T33"),
        ("97", "T33"),
        ("98", "T34"),
        ("100", "T34"),
    ],
)
def test_barthel_gives_the_function_score(jinhua: PdpmScheme, barthel: str, therapy: str) -> None:
    assert groups(jinhua, {"BARTHEL": barthel})[0] == therapy


@pytest.mark.parametrize(
    ("items", "dx", "wanted"),
    [
        ({}, "J44.900", "S1"),
        ({"SWALLOW": "3"}, "J44.900", "S2"),
        ({"SWALLOW": "2"}, "J44.900", "S1"),
        ({"MMSE": "26"}, "J44.900", "S3"),
        ({"MMSE": "27"}, "J44.900", "S1"),
        ({"MMSE": "26", "DIET_ALTERED": "1"}, "J44.900", "S4"),
        ({"MMSE": "26"}, "I63.900", "S5"),
        ({"MMSE": "26", "SWALLOW": "5"}, "I63.900", "S6"),
        ({"MMSE": "26", "I4300": "1"}, "I63.900", "S7"),
    ],
)
def test_speech_has_seven_groups(
    jinhua: PdpmScheme, items: dict[str, str], dx: str, wanted: str
) -> None:
    assert groups(jinhua, items, dx=(dx,))[1] == wanted


def test_moods_and_services_give_the_nursing_group(jinhua: PdpmScheme) -> None:
    assert groups(jinhua, {"I2000": "1", "HAMD": "16"})[2] == "CBC1"
    assert groups(jinhua, {"I2000": "1", "HAMD": "17"})[2] == "CBC2"
    assert groups(jinhua, {"BARTHEL": "75", "MMSE": "20"})[2] == "BAB1"
    assert groups(jinhua, {"BARTHEL": "100", "O0100E2": "1"})[2] == "CA1"
    silent = {"BARTHEL": "0", "B0100": "1", "MMSE": "", "HAMD": ""}
    assert groups(jinhua, silent)[2] == "HDE1"


@pytest.mark.parametrize("item", ["BARTHEL", "MMSE", "SWALLOW", "DIET_ALTERED"])
def test_a_scale_that_decides_is_never_guessed(jinhua: PdpmScheme, item: str) -> None:
    found = answer(jinhua, {item: ""})
    assert found.reason is Reason.ASSESSMENT_ITEM_MISSING
    assert found.about == (item,)


def test_the_code_joins_the_groups(jinhua: PdpmScheme) -> None:
    row = row_of([(0, "admission", SCALES)], dx=("I63.900",), days=20, system="nhsa")
    found = jinhua.group(case_of(row))
    assert found.group == "T43-S3-PBC1-NF"
    assert found.group_kind == "pdpm_surgery_neurologic"
    by_component = {
        (c.name, g): f * c.points for c in jinhua.compiled.components for g, f in c.factors.items()
    }
    daily = by_component["PTOT", "T43"] + by_component["SLP", "S3"] + by_component["NUR", "PBC1"]
    wanted = 20 * daily + 26 * by_component["NTA", "NF"]
    assert found.weight == wanted
    assert sum(jinhua.day_points("T43-S3-PBC1-NF", day) for day in range(1, 21)) == wanted
    with pytest.raises(CodebookError, match="PDPM_CODE_UNKNOWN"):
        jinhua.day_points("T43-S3-PBC1", 1)
    with pytest.raises(CodebookError, match="PDPM_RATE_MISSING"):
        jinhua.rates("jinhua", date(2022, 1, 1))


def test_published_ranges_and_nothing_else_is_called_published(jinhua: PdpmScheme) -> None:
    ranges = {"PTOT": ("0.22", "1.96"), "NUR": ("0.59", "6.33"), "NTA": ("0.72", "2.91")}
    for component in jinhua.compiled.components:
        if component.name in ranges:
            values = component.factors.values()
            assert (min(values), max(values)) == tuple(map(Decimal, ranges[component.name]))
    assert sum(c.points for c in jinhua.compiled.components) == 100
    for table in ("components", "factors", "decay", "scores", "conditions"):
        assert {r["standing"] for r in jinhua.book.rows(table)} == {"assumption"}
    assert "本软件自拟" in jinhua.card.standing
    names = {a.name: [g.name for g in a.groups] for a in jinhua.compiled.axes}
    assert names["SLP"] == [f"S{n}" for n in range(1, 8)]
    assert names["NTA"] == [f"N{x}" for x in "ABCDEF"]
    assert len(names["PTOT"]) == 16


def test_factors_keep_the_order_of_the_us_indices(jinhua: PdpmScheme) -> None:
    us = load_scheme(US)
    assert isinstance(us, PdpmScheme)
    of_us = {c.name: list(c.factors.values()) for c in us.compiled.components}
    own = {c.name: list(c.factors.values()) for c in jinhua.compiled.components}
    for name in ("NUR", "NTA"):
        rank = sorted(range(len(own[name])), key=lambda i, n=name: (own[n][i], i))  # type: ignore[misc]
        assert rank == sorted(range(len(own[name])), key=lambda i, n=name: (of_us[n][i], i))  # type: ignore[misc]


def test_categories_rest_on_counted_votes(jinhua: PdpmScheme) -> None:
    rows = {r["code"]: r for r in jinhua.book.rows("diagnoses")}
    assert len(rows) == 33_304
    basis = Counter(r["basis"] for r in rows.values())
    assert basis == {"4 characters": 28_872, "3 characters": 2_571, "none": 1_861}
    for row in rows.values():
        if row["basis"] == "none":
            assert row["category"] is None
        else:
            assert 0 < row["votes"] <= row["of"]
    assert (rows["I63.900"]["category"], rows["I63.900"]["neurologic"]) == (4, 1)
    assert (rows["S72.000"]["category"], rows["S72.000"]["surgery"]) == (2, 3)
    assert answer(jinhua, {}, dx=("Z50.100",)).reason is Reason.DX_CATEGORY_NONE
    assert answer(jinhua, {}, dx=("R99.x00",)).reason is Reason.DX_RETURNED
    surgery = {"J2100": "1", "J2310": "1"}
    assert groups(jinhua, surgery, dx=("S72.000",))[0] == "T13"


def test_the_map_follows_from_the_us_book(jinhua: PdpmScheme) -> None:
    """A plain recount of the votes of some codes."""
    us = registry().book(US).rows("diagnoses")
    for code, prefix in (("I63.900", "I639"), ("S72.000", "S720"), ("M17.900", "M179")):
        voters = [r for r in us if r["code"].replace(".", "").startswith(prefix)]
        named = [r["clinical_category"] for r in voters if r["category"] != 0]
        winner, votes = Counter(named).most_common(1)[0]
        row = next(r for r in jinhua.book.rows("diagnoses") if r["code"] == code)
        assert (row["clinical_category"], row["votes"], row["of"]) == (winner, votes, len(voters))


def test_lists_are_carried_over_by_majority(jinhua: PdpmScheme) -> None:
    assert groups(jinhua, {}, dx=("J44.900", "K86.100"))[3] == "NE"
    lists: dict[str, list[str]] = {}
    for row in jinhua.book.rows("list_codes"):
        lists.setdefault(row["code"], []).append(row["list"])
    assert "I10.x00" not in lists
    alone = sorted(code for code, names in lists.items() if names == ["hiv"])
    assert len(alone) > 10
    assert groups(jinhua, {}, dx=("J44.900", alone[0]))[3] == "NC"


@settings(max_examples=examples(100), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 99), st.integers(0, 30), st.integers(0, 52))
def test_better_function_never_moves_to_a_lower_band(
    jinhua: PdpmScheme, barthel: int, mmse: int, mood: int
) -> None:
    items = {"BARTHEL": str(barthel), "MMSE": str(mmse), "HAMD": str(mood)}
    worse = answer(jinhua, items).shown
    better = answer(jinhua, items | {"BARTHEL": str(barthel + 1)}).shown
    for score in ("FUNCTION", "NURSING"):
        assert worse.evaluator.number(score).low <= better.evaluator.number(score).low
    assert worse.groups[0].number <= better.groups[0].number
    assert worse.groups[1] == better.groups[1]
    assert worse.groups[3] == better.groups[3]


def test_bindings() -> None:
    assert scheme_for(date(2021, 10, 1), "jinhua", "long_stay").id == JINHUA
    with pytest.raises(CodebookError, match="SCHEME_UNCOVERED"):
        scheme_for(date(2021, 9, 30), "jinhua", "long_stay")
    with pytest.raises(CodebookError, match="SCHEME_UNCOVERED"):
        scheme_for(date(2022, 9, 30), "wuhan", "long_stay")
    for day, scheme in (("2019-10-01", US), ("2022-09-30", US), ("2023-10-01", "us-pdpm-fy2024")):
        assert scheme_for(date.fromisoformat(day), "us", "long_stay").id == scheme
    with pytest.raises(CodebookError, match="SCHEME_NOT_AT_HAND"):
        scheme_for(date(2023, 1, 1), "us", "long_stay")
