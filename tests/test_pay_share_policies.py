"""The regions' files on benefits: what the documents state, and what is marked as an assumption."""

from __future__ import annotations

import csv
import tomllib
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from codebooks.policies.forms import topic_forms
from codebooks.policies.policies import policies

TOPICS = ("benefit", "critical_illness", "medical_aid", "supplement", "cross_region")
TEXTS = Path(__file__).resolve().parents[1] / "grouper" / "text"


def ratio(region: str, day: date, **facts: str) -> Decimal:
    keys = {"benefit": "inpatient", "place": "here", **facts}
    (row,) = policies().on(region, day).value("benefit.ratio", **keys).value
    assert row["above"] == 0
    found: Decimal = row["ratio"]
    return found


def number(region: str, day: date, path: str, **facts: str) -> Decimal:
    return policies().on(region, day).value(path, benefit="inpatient", **facts).number


def stated(facts: Path, region: str, parameter: str) -> Decimal:
    with (facts / "policies.csv").open(encoding="utf-8", newline="") as file:
        (value,) = [
            row["value"]
            for row in csv.DictReader(file)
            if (row["region"], row["parameter"]) == (region, parameter)
        ]
    return Decimal(value)


def test_ratios_are_those_of_the_documents(facts: Path) -> None:
    for tier in ("tier_1", "tier_2", "tier_3"):
        assert ratio("jinhua", date(2021, 1, 1), tier=tier, level="III") == stated(
            facts, "jinhua", f"reimbursement_ratio_{tier}"
        )
    for insurance in ("resident", "employee"):
        assert ratio("ningde", date(2022, 6, 1), insurance=insurance) == stated(
            facts, "ningde", f"reimbursement_ratio_{insurance}"
        )
    day, employee = date(2014, 12, 25), {"insurance": "employee"}
    found = [
        ratio("baicheng", day, **employee, person="active"),
        ratio("baicheng", day, **employee, person="retired"),
        ratio("baicheng", day, **employee, place="elsewhere"),
    ]
    names = ("ratio_active_employee", "ratio_retired", "ratio_referred_out_of_area")
    assert found == [stated(facts, "baicheng", name) for name in names]
    day = date(2014, 7, 1)
    for benefit in ("inpatient", "outpatient"):
        assert ratio("xiamen", day, insurance="resident", benefit=benefit) == stated(
            facts, "xiamen", f"ratio_resident_{benefit}"
        )


def test_layers_are_those_of_the_documents(facts: Path) -> None:
    day = date(2015, 1, 1)
    assert number("baicheng", day, "benefit.ceiling", insurance="employee") == stated(
        facts, "baicheng", "annual_ceiling_basic"
    )
    assert number("baicheng", day, "critical_illness.ceiling") == stated(
        facts, "baicheng", "annual_ceiling_with_supplement"
    )
    before = date(2014, 12, 24)
    assert number("baicheng", before, "benefit.ceiling", insurance="employee") == 40000
    assert number("xiamen", day, "critical_illness.threshold") == stated(
        facts, "xiamen", "threshold"
    )
    for insurance in ("employee", "resident"):
        assert number("xiamen", day, "critical_illness.ceiling", insurance=insurance) == stated(
            facts, "xiamen", f"ceiling_{insurance}"
        )
    (row,) = policies().on("xiamen", day).value("critical_illness.ratios").value
    assert row["ratio"] == stated(facts, "xiamen", "ratio")
    day = date(2022, 3, 1)
    for aid in ("extreme", "subsistence"):
        assert number("shucheng", day, "critical_illness.threshold_factor", aid=aid) == stated(
            facts, "shucheng", "critical_illness_deductible_factor_poor"
        )
        assert number("shucheng", day, "critical_illness.ratio_bonus", aid=aid) == stated(
            facts, "shucheng", "critical_illness_ratio_bonus_poor"
        )
    assert number("zhanjiang", date(2009, 6, 1), "supplement.premium_share") == stated(
        facts, "zhanjiang", "premium_share"
    )


def test_guangxi_states_whose_rules_hold() -> None:
    found = policies().on("guangxi", date(2013, 6, 1))
    for parameter in ("benefit_rules_of", "catalogues"):
        value = found.value(f"cross_region.{parameter}")
        assert (value.value, value.assumption) == ("insured_place", False)
    assert len(found.value("cross_region.mapping_sections").value) == 3
    assert len(found.value("cross_region.coordination").value) == 4


@pytest.mark.parametrize("region", ["demo", "pingdingshan"])
def test_what_no_document_states_is_an_assumption(region: str) -> None:
    given = [one for one in policies().given(region) if one.topic in TOPICS]
    assert given
    assert all(one.assumption for one in given)


def amounts(value: Any) -> list[Decimal]:
    """All numbers of a value, whatever it is set by."""
    if isinstance(value, dict):
        return [one for below in value.values() for one in amounts(below)]
    if isinstance(value, tuple):
        return [one for below in value for one in amounts(below)]
    return [value] if isinstance(value, Decimal) else []


def test_amounts_are_to_the_fen_and_ratios_do_not_fall_below_nought() -> None:
    regions = ("jinhua", "ningde", "baicheng", "shucheng", "xiamen", "zhanjiang", "demo")
    for region in (*regions, "pingdingshan", "national"):
        for one in policies().given(region):
            if one.topic in TOPICS:
                found = amounts(one.value)
                assert all(n >= 0 and n == round(n, 2) for n in found), (region, one.path)


def test_every_parameter_is_used_or_says_that_it_is_not() -> None:
    code = "".join(
        path.read_text("utf-8") for path in (TEXTS.parent / "payment" / "share").glob("*.py")
    )
    for topic in TOPICS:
        for name, form in topic_forms()[topic].parameters.items():
            named = any(f'{head}.{name}"' in code for head in (topic, "{topic}"))
            assert named != ("不参与计算" in form.note), (topic, name)


def test_the_texts_are_the_same_in_both_languages() -> None:
    zh, en = (
        tomllib.loads((TEXTS / lang / "pay_share.toml").read_text("utf-8")) for lang in ("zh", "en")
    )

    def keys(tree: Any) -> Any:
        return {k: keys(v) for k, v in tree.items()} if isinstance(tree, dict) else None

    assert keys(zh) == keys(en)
