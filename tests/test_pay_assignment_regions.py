"""The shipped rules of which method binds a case, region by region."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pay_quota_support import FACTS, asked, grouping

from codebooks.policies.forms import topic_forms
from codebooks.policies.policies import policies
from codebooks.policies.yaml_nodes import PolicyError
from grouper.case.record import Case
from grouper.payment.assignment import assign
from grouper.payment.methods import methods
from grouper.payment.methods.dialysis_capitation import METHOD as DIALYSIS
from grouper.payment.methods.disease_quota import METHOD as QUOTA
from grouper.payment.methods.drg_rate import METHOD as RATE
from grouper.schemes.reasons import Status

if TYPE_CHECKING:
    from grouper.payment.methods import Method

METHODS: dict[str, Method] = {"drg_rate": RATE, "disease_quota": QUOTA, "dialysis": DIALYSIS}


EVERY = ("jinhua", "ningde", "baicheng", "longyan", "shucheng", "xiamen", "zhanjiang", "guangxi")


@pytest.mark.parametrize("region", [*EVERY, "harbin", "pingdingshan", "demo"])
def test_every_region_has_rules_that_can_be_read(region: str) -> None:
    given_rules = [one for one in policies().given(region) if one.path == "assignment.rules"]
    assert given_rules
    for one in given_rules:
        assert one.source
        for row in one.value:
            ranks = [other["rank"] for other in one.value]
            assert len(set(ranks)) == len(ranks), "no shipped rules claim one case at one rank"
            assert row["method"]


def _first(region: str, day: date, case: Case, status: Status, family: str, **facts: str) -> Any:
    shown = asked(
        case,
        policies().on(region, day),
        to=grouping(status),
        family=family,
        facts={**FACTS, **facts},
    )
    rules = shown.policy.value("assignment.rules").value
    known = {one["method"]: METHODS.get(one["method"], _Named()) for one in rules}
    known["dialysis_capitation"] = DIALYSIS
    found = assign(shown, known)
    return found.method or found.reason


class _Named:
    """Stands for a method of which only the name counts; its list holds every case."""

    name = section = "named"

    def lists(self, _: Any) -> bool:
        return False

    def lists_block(self, many: Any) -> Any:
        return np.zeros(len(many), np.bool_)


@pytest.mark.parametrize(
    ("region", "day", "case", "status", "family", "binds"),
    [
        ("jinhua", "2015-12-31", Case(), "grouped", "drg", None),
        ("jinhua", "2016-01-01", Case(), "grouped", "drg", "drg_points"),
        ("jinhua", "2016-01-01", Case(), "ungrouped", "drg", "individual_review"),
        ("jinhua", "2016-01-01", Case(), "ambiguous", "drg", "individual_review"),
        ("jinhua", "2019-12-31", Case(kind="outpatient"), "grouped", "apg", "PAY_METHOD_NONE"),
        ("jinhua", "2020-01-01", Case(kind="outpatient"), "grouped", "apg", "apg_points"),
        ("jinhua", "2021-09-30", Case(kind="long_stay"), "grouped", "pdpm", "PAY_METHOD_NONE"),
        ("jinhua", "2021-10-01", Case(kind="long_stay"), "grouped", "pdpm", "pdpm_points"),
        ("jinhua", "2022-01-01", Case(kind="outpatient"), "invalid", "apg", "PAY_CASE_INVALID"),
        ("ningde", "2022-01-01", Case(), "grouped", "dip", "dip_score"),
        ("ningde", "2022-01-01", Case(kind="outpatient"), "grouped", "apg", "PAY_METHOD_NONE"),
        ("baicheng", "2014-01-01", Case(kind="outpatient", dx=("N18.001",)), "invalid", "", "dialysis_capitation"),
        ("baicheng", "2014-01-01", Case(dx=("I10",)), "invalid", "", "PAY_CASE_INVALID"),
        ("baicheng", "2015-01-01", Case(dx=("I10",)), "invalid", "", "global_budget"),
        ("shucheng", "2022-01-01", Case(), "grouped", "drg", "drg_rate"),
        ("shucheng", "2022-01-01", Case(), "ungrouped", "drg", "PAY_METHOD_NONE"),
        ("longyan", "2020-01-01", Case(), "grouped", "drg", "PAY_METHOD_NONE"),
        ("xiamen", "2020-01-01", Case(), "grouped", "drg", "PAY_METHOD_NONE"),
        ("zhanjiang", "2020-01-01", Case(), "grouped", "drg", "PAY_METHOD_NONE"),
        ("guangxi", "2022-01-01", Case(), "grouped", "drg", "PAY_METHOD_NONE"),
        ("pingdingshan", "2025-03-01", Case(), "grouped", "dip", "dip_score"),
        ("demo", "2025-03-01", Case(visit_type="28"), "grouped", "dip", "day_ward"),
        ("demo", "2025-03-01", Case(visit_type="28"), "ungrouped", "dip", "individual_review"),
        ("demo", "2025-03-01", Case(visit_type="21"), "grouped", "dip", "dip_score"),
        ("demo", "2025-03-01", Case(visit_type="26"), "grouped", "dip", "dip_score"),
        ("demo", "2025-03-01", Case(visit_type="26", dx=("K35.800",), px=("47.0100",)), "grouped", "dip", "disease_quota"),
        ("demo", "2025-03-01", Case(visit_type="26", dx=("K35.800",), px=("47.0100",), pathway="left"), "grouped", "dip", "dip_score"),
        ("demo", "2025-03-01", Case(visit_type="21"), "invalid", "dip", "PAY_CASE_INVALID"),
        ("demo", "2025-03-01", Case(kind="outpatient", visit_type="14", dx=("N18.001",)), "invalid", "", "dialysis_capitation"),
        ("demo", "2025-03-01", Case(kind="outpatient"), "grouped", "apg", "apg_points"),
        ("demo", "2025-03-01", Case(kind="outpatient"), "ungrouped", "apg", "by_item"),
        ("demo", "2025-03-01", Case(kind="long_stay"), "grouped", "pdpm", "pdpm_points"),
        ("demo", "2025-03-01", Case(kind="long_stay", visit_type="2105"), "invalid", "", "bed_day"),
    ],
)  # fmt: skip
def test_what_binds_where(
    region: str, day: str, case: Case, status: str, family: str, binds: str | None
) -> None:
    on = date.fromisoformat(day)
    if binds is None:
        with pytest.raises(PolicyError) as error:
            policies().on(region, on)
        assert error.value.code == "POLICY_MISSING"
        return
    assert _first(region, on, case, Status(status), family) == binds


def test_county_hospitals_of_jinhua_follow_a_year_later() -> None:
    visit = Case(kind="outpatient")
    for day, binds in (("2020-06-01", "PAY_METHOD_NONE"), ("2021-01-01", "apg_points")):
        on = date.fromisoformat(day)
        assert _first("jinhua", on, visit, Status.GROUPED, "apg", level="II") == binds


def test_a_rule_can_only_name_a_method_there_is() -> None:
    form = topic_forms()["assignment"].parameters["rules"].columns["method"]
    assert set(form.choices) == set(methods())
