"""Which value holds: own before shipped, the region before those above it, day by day."""

from __future__ import annotations

import os
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from policy_support import one, probe, put, rate, two_places  # noqa: F401 -- a fixture

from codebooks.errors import CodebookError
from codebooks.policies.differences import differences
from codebooks.policies.files import Fault, policy_files, region_files
from codebooks.policies.forms import topic_forms
from codebooks.policies.policies import ASSIGNMENT, Policies, policies
from codebooks.policies.policy import Policy
from codebooks.policies.yaml_nodes import PolicyError

RULES = (
    "topic: assignment\nsource: 文件\nparameters:\n  rules:\n    values:\n"
    "      - {from: 2024-01-01, to: 2026-01-01, value: [{method: by_item, rank: 1}]}\n"
    "      - {from: 2026-01-01, value: null}\n"
)
FROM_2024 = "from: 2024-01-01, value: "


def held(found: Policies, region: str, day: date) -> Policy:
    (period,) = [p for p in found.periods(region) if p.valid_from <= day < p.valid_to]
    return period


@pytest.mark.usefixtures("probe")
def test_the_nearest_goes_before_the_farther(tmp_path: Path) -> None:
    day = date(2024, 6, 1)
    places = [
        ("shipped/national", "national", False),
        ("own/national", "national", True),
        ("shipped/heilongjiang", "heilongjiang", False),
        ("own/heilongjiang", "heilongjiang", True),
        ("shipped/harbin", "harbin", False),
        ("own/harbin", "harbin", True),
    ]
    for number, (place, region, own) in enumerate(places):
        put(tmp_path, f"{place}/probe.yaml", rate(f"{FROM_2024}{number}"))
        found = held(two_places(tmp_path), "harbin", day).value("probe.rate")
        assert found.value == number
        assert (found.given.region, found.given.own) == (region, own)


@pytest.mark.usefixtures("probe")
def test_an_own_value_holds_on_its_days_alone_and_may_switch_off(tmp_path: Path) -> None:
    put(tmp_path, "shipped/harbin/probe.yaml", rate(f"{FROM_2024}1"))
    own = rate("from: 2024-03-01, to: 2024-04-01, value: null")
    put(tmp_path, "own/harbin/probe.yaml", own)
    found = two_places(tmp_path)
    assert held(found, "harbin", date(2024, 2, 29)).value("probe.rate").value == 1
    march = held(found, "harbin", date(2024, 3, 1))
    assert (march.valid_from, march.valid_to) == (date(2024, 3, 1), date(2024, 4, 1))
    assert march.find("probe.rate") is None
    assert held(found, "harbin", date(2024, 4, 1)).value("probe.rate").value == 1


@pytest.mark.usefixtures("probe")
def test_a_region_is_known_by_each_of_its_names(tmp_path: Path) -> None:
    put(tmp_path, "shipped/harbin/probe.yaml", one("share", "0.5"))
    found = two_places(tmp_path)
    assert found.periods("哈尔滨") == found.periods("harbin")
    assert [g.value for g in found.given("230100")] == [Decimal("0.5")]
    with pytest.raises(CodebookError, match="REGION_UNKNOWN"):
        found.periods("atlantis")
    with pytest.raises(CodebookError, match="REGION_UNKNOWN"):
        found.given("atlantis")


@pytest.mark.usefixtures("probe")
def test_a_region_has_a_policy_while_rules_say_which_method_binds(tmp_path: Path) -> None:
    put(tmp_path, "shipped/national/probe.yaml", rate("from: 2000-01-01, value: 1"))
    put(tmp_path, "shipped/harbin/assignment.yaml", RULES)
    found = two_places(tmp_path)
    assert found.regions == ("harbin",)
    assert found.with_files == ("harbin", "national")
    policy = found.on("harbin", date(2025, 12, 31))
    assert policy.value(ASSIGNMENT).value[0]["method"] == "by_item"
    assert policy.id.startswith("harbin@2024-01-01#")
    for region, day in (
        ("harbin", date(2023, 12, 31)),
        ("harbin", date(2026, 1, 1)),
        ("harbin", date.max),
        ("heilongjiang", date(2025, 1, 1)),
    ):
        with pytest.raises(PolicyError) as caught:
            found.on(region, day)
        assert caught.value.code == "POLICY_MISSING"
        assert caught.value.params == {
            "region": region,
            "day": day.isoformat(),
            "known": "harbin",
        }


@pytest.mark.usefixtures("probe")
def test_a_broken_own_file_stops_its_region_and_those_below_alone(tmp_path: Path) -> None:
    for region in ("national", "heilongjiang", "harbin", "fujian", "ningde"):
        put(tmp_path, f"shipped/{region}/probe.yaml", rate(f"{FROM_2024}1"))
    put(tmp_path, "own/heilongjiang/probe.yaml", rate(f"{FROM_2024}-1"))
    found = two_places(tmp_path)
    assert set(found.broken) == {"heilongjiang"}
    for region in ("heilongjiang", "harbin"):
        for ask in (found.periods, lambda r: found.on(r, date(2024, 6, 1))):
            with pytest.raises(CodebookError) as caught:
                ask(region)
            assert caught.value.code == "POLICY_BOUNDS"
            assert caught.value.where.file == "heilongjiang/probe.yaml"
    for region in ("national", "fujian", "ningde"):
        assert held(found, region, date(2024, 6, 1)).value("probe.rate").value == 1
    # What the good files of the region say can still be looked at.
    assert len(found.given("heilongjiang")) == 1


@pytest.mark.usefixtures("probe")
def test_nothing_put_into_the_folder_is_passed_over(tmp_path: Path) -> None:
    own = tmp_path / "own"
    put(own, "harbin/probe.yaml", rate(f"{FROM_2024}1"))
    for name in ("harbin/probe.yml", "harbin/probe.YAML", "atlantis/probe.yaml", "probe.yaml"):
        put(own, name, rate(f"{FROM_2024}2"))
    for name in ("harbin/README.md", "harbin/w.csv", "notes.txt", ".hidden/probe.yaml"):
        put(own, name, "")
    found = two_places(tmp_path)
    told = {(f.region, f.error.code, f.error.where.file) for f in found.faults}
    assert told == {
        ("harbin", "POLICY_SUFFIX", "harbin/probe.yml"),
        ("harbin", "POLICY_SUFFIX", "harbin/probe.YAML"),
        ("atlantis", "REGION_UNKNOWN", "atlantis"),
        ("", "POLICY_SUFFIX", "probe.yaml"),
    }
    assert found.with_files == ("harbin",)
    with pytest.raises(PolicyError, match="POLICY_SUFFIX"):
        found.periods("harbin")
    # A folder that no region is called stops no region.
    assert found.periods("ningde")


@pytest.mark.usefixtures("probe")
def test_every_fault_is_told_and_the_first_of_a_region_stops_it(tmp_path: Path) -> None:
    put(tmp_path, "own/harbin/probe.yaml", one("share", "2"))
    put(tmp_path, "own/harbin/assignment.yaml", one("share", "2"))
    found = two_places(tmp_path)
    assert [f.error.code for f in found.faults] == ["POLICY_TOPIC", "POLICY_BOUNDS"]
    assert found.broken["harbin"].code == "POLICY_TOPIC"


def test_a_folder_that_cannot_be_listed_is_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, "harbin/probe.yaml", "")

    def fails(_path: Path) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", fails)
    for faults, region in (
        (policy_files(tmp_path), ""),
        (region_files(tmp_path / "harbin", "harbin"), "harbin"),
    ):
        (fault,) = faults
        assert isinstance(fault, Fault)
        assert (fault.region, fault.error.code) == (region, "POLICY_FILE")
        assert fault.error.params == {"reason": "Permission denied"}


@pytest.mark.usefixtures("probe")
@pytest.mark.parametrize(
    ("facts", "value", "path"),
    [
        ({"insurance": "employee", "level": "I"}, 1, "probe.rate[employee][I]"),
        ({"insurance": "employee", "level": "II"}, 2, "probe.rate[employee][*]"),
        ({"insurance": "employee"}, 2, "probe.rate[employee][*]"),
        ({"insurance": "resident", "level": "I"}, 3, "probe.rate[resident]"),
        ({"insurance": None, "level": "II"}, 4, "probe.rate[*][II]"),
        ({"level": "II"}, 4, "probe.rate[*][II]"),
        ({"insurance": "*", "level": "II"}, 4, "probe.rate[*][II]"),
    ],
)
def test_a_value_is_found_by_the_facts_of_a_case(
    tmp_path: Path, facts: dict[str, str | None], value: int, path: str
) -> None:
    written = "{employee: {I: 1, '*': 2}, resident: 3, '*': {II: 4}}"
    put(tmp_path, "own/harbin/probe.yaml", rate(FROM_2024 + written))
    policy = held(two_places(tmp_path), "harbin", date(2024, 1, 1))
    found = policy.value("probe.rate", **facts)
    assert (found.value, found.path, found.number) == (value, path, Decimal(value))
    assert found.assumption is False


@pytest.mark.usefixtures("probe")
def test_what_is_not_given_is_missing_with_what_was_asked(tmp_path: Path) -> None:
    put(tmp_path, "own/harbin/probe.yaml", rate(FROM_2024 + "{employee: {I: 1}}"))
    policy = held(two_places(tmp_path), "harbin", date(2024, 1, 1))
    for facts in ({"insurance": "employee", "level": "II"}, {"insurance": "resident"}, {}):
        assert policy.find("probe.rate", **facts) is None
    with pytest.raises(PolicyError) as caught:
        policy.value("probe.rate", insurance="employee", level=None)
    assert caught.value.params == {
        "path": "probe.rate",
        "region": "harbin",
        "day": "2024-01-01",
        "keys": "insurance=employee, level=?",
    }
    with pytest.raises(PolicyError) as caught:
        policy.value("probe.share")
    assert (caught.value.code, caught.value.params["keys"]) == ("POLICY_VALUE_MISSING", "-")


@pytest.mark.usefixtures("probe")
def test_changed_values_are_marked_and_change_the_hash(tmp_path: Path) -> None:
    put(tmp_path, "own/harbin/probe.yaml", one("share", "0.5"))
    policy = held(two_places(tmp_path), "harbin", date(2024, 1, 1))
    other = policy.changed({"probe.share": Decimal("0.6")}, "试算")
    found = other.value("probe.share")
    assert (found.value, found.assumption, found.given.source) == (Decimal("0.6"), True, "试算")
    assert found.given.note == ""
    assert policy.value("probe.share").value == Decimal("0.5")
    assert other.content_hash != policy.content_hash
    assert other.id != policy.id
    assert policy.changed({}, "x").content_hash == policy.content_hash
    # The same number as an assumption is another policy: results name what they rest on.
    assert policy.changed({"probe.share": Decimal("0.5")}, "x").id != policy.id
    with pytest.raises(PolicyError, match="POLICY_PATH"):
        policy.changed({"probe.rate": Decimal(1)}, "x")


@pytest.mark.usefixtures("probe")
def test_differences_are_told_by_parameter_key_and_row(tmp_path: Path) -> None:
    base = "topic: probe\nsource: 文件\nparameters:\n"
    first = base + (
        "  rate: {unit: CNY/weight, values: [{from: 2024-01-01, to: 2025-01-01, value: {employee: 1, resident: 2}},"
        " {from: 2025-01-01, value: {employee: 1, resident: 3}}]}\n"
        "  share: {values: [{from: 2024-01-01, to: 2025-01-01, value: 0.5}]}\n"
        "  listed: {values: [{from: 2025-01-01, value: true}]}\n"
        "  words: {values: [{from: 2024-01-01, value: 同}]}\n"
        "  places: {values: [{from: 2024-01-01, to: 2025-01-01, value: 2}, {from: 2025-01-01, value: 2, assumption: true}]}\n"
        "  weights: {values: [{from: 2024-01-01, to: 2025-01-01, value: [{group: A, weight: 1}, {group: B, weight: 1}]},"
        " {from: 2025-01-01, value: [{group: C, weight: 1}, {group: A, weight: 2}]}]}\n"
        "  rules: {values: [{from: 2024-01-01, to: 2025-01-01, value: [{method: x}, {method: y}]},"
        " {from: 2025-01-01, value: [{method: x}, {method: y, listed: true}]}]}\n"
    )
    put(tmp_path, "own/harbin/probe.yaml", first)
    found = two_places(tmp_path)
    old, new = (held(found, "harbin", date(year, 6, 1)) for year in (2024, 2025))

    places = [(d.path.split(".")[1], d.keys, d.row) for d in differences(old, new)]
    assert places == [
        ("listed", (), ""),
        ("places", (), ""),
        ("rate", ("resident",), ""),
        ("rules", (), "y"),
        ("rules", (), "y True"),
        ("share", (), ""),
        ("weights", (), "A"),
        ("weights", (), "B"),
        ("weights", (), "C"),
    ]
    weights = [(d.old, d.new) for d in differences(old, new) if d.path == "probe.weights"]
    assert [tuple(s and s.value["weight"] for s in pair) for pair in weights] == [
        (1, 2),
        (1, None),
        (None, 1),
    ]
    (mark,) = [d for d in differences(old, new) if d.path == "probe.places"]
    assert mark.old is not None
    assert mark.new is not None
    assert (mark.old.assumption, mark.new.assumption) == (False, True)
    assert differences(old, old) == []


FIRST = date(2024, 1, 1)
LAYERS = [
    (place, region)
    for region in ("harbin", "heilongjiang", "national")
    for place in ("own", "shipped")
]
"""In the order in which they go before each other."""


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[int, int | None, int | None]]:
    """Values that follow each other: from day, to day (None: not ended), value (None: off)."""
    cuts = draw(st.lists(st.integers(0, 40), unique=True, max_size=5).map(sorted))
    ends: list[int | None] = [*cuts[1:], draw(st.sampled_from([None, 45]))]
    values = [draw(st.none() | st.integers(0, 9)) for _ in cuts]
    return list(zip(cuts, ends, values, strict=False))


def on(number: int) -> str:
    return (FIRST + timedelta(days=number)).isoformat()


def dated(start: int, end: int | None, value: int | None) -> str:
    to = "" if end is None else f", to: {on(end)}"
    return f"from: {on(start)}{to}, value: {'null' if value is None else value}"


@settings(
    max_examples=examples(80),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@pytest.mark.usefixtures("probe")
@given(layers=st.lists(histories(), min_size=6, max_size=6))
def test_periods_are_cut_where_the_plain_reading_changes(
    layers: list[list[tuple[int, int | None, int | None]]],
) -> None:
    with TemporaryDirectory() as folder:
        root = Path(folder)
        for (place, region), history in zip(LAYERS, layers, strict=True):
            if history:
                values = [dated(*entry) for entry in history]
                put(root, f"{place}/{region}/probe.yaml", rate(*values))
        found = two_places(root)
        assert found.faults == []
        periods = found.periods("harbin")
    assert (periods[0].valid_from, periods[-1].valid_to) == (date.min, date.max)
    assert all(a.valid_to == b.valid_from for a, b in pairwise(periods))
    for number in range(-1, 50):
        wanted = plain_reading(layers, number)
        day = FIRST + timedelta(days=number)
        value = held(found, "harbin", day).find("probe.rate")
        assert (value and value.value) == wanted


def plain_reading(layers: list[list[tuple[int, int | None, int | None]]], day: int) -> int | None:
    """The value of the first layer in which anything covers the day."""
    for history in layers:
        for start, end, value in history:
            if day >= start and (end is None or day < end):
                return value
    return None


def test_every_shipped_file_is_read() -> None:
    found = policies()
    assert found.faults == []
    customers = (
        "jinhua ningde baicheng longyan shucheng xiamen zhanjiang guangxi harbin pingdingshan"
    )
    assert set(found.with_files) >= {"national", *customers.split()}
    for region in found.with_files:
        topics = {given.topic for given in found.given(region)}
        assert topics <= set(topic_forms())
        assert all(not given.own for given in found.given(region))
        assert found.periods(region)


def test_the_own_folder_is_read_from_the_data_folder() -> None:
    own = Path(os.environ["GROUPER_DATA"]) / "policies"
    put(
        own,
        "harbin/hospital.yaml",
        "topic: hospital\nsource: 本院等级证书\nparameters:\n  level:\n    values:\n"
        "      - {from: 2020-01-01, value: II}\n",
    )
    policies.cache_clear()
    try:
        found = policies().on("harbin", date(2024, 6, 1)).value("hospital.level", hospital="H1")
    finally:
        policies.cache_clear()
    assert (found.value, found.given.own, found.assumption) == ("II", True, False)


def test_harbin_is_paid_by_the_published_rates() -> None:
    for day, employee, resident in (
        (date(2023, 12, 31), "12165.26", "12099.85"),
        (date(2024, 1, 1), "12252.70", "9649.24"),
    ):
        policy = policies().on("harbin", day)
        for insurance, rate_ in (("employee", employee), ("resident", resident)):
            found = policy.value("drg_rate.rate", insurance=insurance, level="I")
            assert str(found.value) == rate_
        assert policy.find("drg_rate.rate", insurance="employee", level="II") is None
