"""The upcoding watch and the funnel: unsupported codes that lift the group, shares beside peers."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from audit_coding_plain import table
from test_audit_coding import START, WHOLE

from codebooks.audit.books import audit_book
from codebooks.messages import LANGUAGES
from grouper.audit.coding.engine import check_coding
from grouper.audit.coding.facts import Facts
from grouper.audit.coding.funnel import complications, funnel, principals
from grouper.audit.coding.regroup import Placed, placed
from grouper.audit.coding.words import describe
from grouper.run.choose import Chooser

BOOK = audit_book()
DRG = Chooser(scheme="chs-drg-3.0")
DIP = Chooser(region="demo")
RULE = "LOC-UPCODE"
Case = dict[str, Any]


def lines(*names: str) -> Case:
    count = len(names)
    return {
        "line_item": [f"I{place}" for place in range(count)],
        "line_name": list(names),
        "line_class": ["05"] * count,
        "line_quantity": [Decimal(1)] * count,
        "line_amount": [Decimal(10)] * count,
    }


def stay(name: str, *dx: str, charged: tuple[str, ...] = ("床位费",), **more: Any) -> Case:
    times = [START] * len(dx)
    base = {"case_id": name, "dx": list(dx), "dx_poa": ["1"] * len(dx), "dx_time": times}
    return WHOLE | base | lines(*charged) | more


def found(cases: list[Case], chooser: Chooser, price: Decimal | None = None) -> list[Case]:
    checked = check_coding(table(cases), None, BOOK, chooser=chooser, price=price, rules={RULE})
    return list(checked.findings.to_pylist())


def test_a_complication_that_lifts_needs_support() -> None:
    cases = [
        stay("bare", "J18.900", "J96.000"),
        stay("backed", "J18.900", "J96.000", charged=("床位费", "血气分析")),
        stay("procedure", "J18.900", "J96.000", px=["96.7201"], px_date=[START.date()]),
        stay("lifts nothing", "J18.900", "E87.600"),
        stay("same group", "I63.900", "J96.000"),
        stay("unknown", "J18.900", "K75.000"),
    ]
    told = found(cases, DRG)
    assert [(one["case_id"], one["items"], one["level"]) for one in told] == [
        ("bare", ["J96.000"], "suspect")
    ]
    evidence = {pair["key"]: pair["value"] for pair in told[0]["evidence"]}
    assert (evidence["group"], evidence["group_without"]) == ("ES41", "ES45")
    assert "血气" in evidence["not_charged"]


def test_two_unsupported_complications_do_not_hide_each_other() -> None:
    case = stay("two", "J18.900", "J96.000", "N17.900", "E87.600", "N17.900")
    told = sorted(one["items"] for one in found([case], DRG))
    assert told == [["J96.000"], ["N17.900"]]
    backed = case | lines("床位费", "血气分析")
    assert found([backed], DRG) == []


def test_the_refund_of_what_supports_supports_nothing() -> None:
    case = stay("back", "J18.900", "J96.000", charged=("床位费", "血气分析", "血气分析"))
    case |= {"line_item": ["I0", "I1", "I1"]}
    case |= {"line_quantity": [Decimal(1), Decimal(1), Decimal(-1)]}
    assert [one["case_id"] for one in found([case], DRG)] == ["back"]


def test_a_case_without_lines_is_not_judged() -> None:
    case = stay("none", "J18.900", "J96.000", charged=())
    assert found([case, stay("bare", "J18.900", "J96.000")], DRG)[0]["case_id"] == "bare"


def test_a_principal_diagnosis_above_that_of_admission() -> None:
    late = [START + timedelta(days=2)]
    pneumonia = ("床位费", "头孢呋辛注射剂")
    cases = [
        stay("bare", "J15.901", admission_dx="J20.900"),
        stay("backed", "J15.901", admission_dx="J20.900", charged=pneumonia),
        stay("revised", "J15.901", admission_dx="J20.900", dx_time=late),
        stay("borne out", "J15.901", admission_dx="J20.900", dx_time=late, charged=pneumonia),
        stay("as admitted", "J15.901", admission_dx="J15.901"),
        stay("downwards", "J20.900", admission_dx="J15.901"),
        stay("not said", "J15.901", admission_dx=None),
        stay("undated", "J15.901", admission_dx="J20.900", dx_time=[None]),
    ]
    told = {one["case_id"]: one["level"] for one in found(cases, DIP)}
    assert told == {
        "bare": "suspect",
        "undated": "suspect",
        "backed": "verify",
        "revised": "verify",
    }


def test_the_cost_is_a_sign_where_a_price_is_known() -> None:
    late = [START + timedelta(days=2)]
    case = stay("x", "J15.901", admission_dx="J20.900", dx_time=late)
    cheap, dear = case | {"total_cost": Decimal(900)}, case | {"total_cost": Decimal(90000)}
    assert [one["level"] for one in found([cheap], DIP, Decimal("5.7"))] == ["suspect"]
    assert [one["level"] for one in found([dear], DIP, Decimal("5.7"))] == ["verify"]
    assert [one["level"] for one in found([cheap | {"total_cost": None}], DIP, Decimal(5))] == [
        "verify"
    ]


def test_the_watch_does_not_depend_on_company() -> None:
    cases = [stay(f"c{n}", "J18.900", "J96.000", admission_dx="J20.900") for n in range(5)]
    cases += [stay(f"d{n}", "J15.901", admission_dx="J20.900") for n in range(3)]
    alone = [one for case in cases for one in found([case], DIP)]
    assert alone == found(cases[::-1], DIP)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_watch_in_words(lang: str) -> None:
    cases = [
        stay("a", "J15.901", admission_dx="J20.900", total_cost=Decimal(900)),
        stay("b", "J18.900", "J96.000"),
    ]
    told = found(cases[:1], DIP, Decimal("5.7")) + found(cases[1:], DRG)
    assert len(told) == 2
    for one in told:
        assert "{" not in describe(one, BOOK, lang)


def test_places_compare_by_weight_else_by_level_of_one_adrg() -> None:
    def place(group: str | None, level: str | None = None, weight: int | None = None) -> Placed:
        adrg = None if group is None else group[:2]
        return Placed("s", adrg, group, level, None if weight is None else Decimal(weight))

    assert place("A11", weight=3).above(place("B11", weight=2))
    assert not place("A11", weight=2).above(place("B11", weight=3))
    assert place("A11", "MCC").above(place("A13", "CC"))
    assert place("A13", "CC").above(place("A15"))
    assert not place("A11", "MCC").above(place("B15"))
    assert not place("A11", "MCC").above(place("A11"))
    assert not place(None).above(place("A11"))
    assert placed(table([WHOLE]), [], None, DRG) == []


def test_a_funnel_compares_with_the_peers_of_the_same_kind() -> None:
    units = ["a"] * 40 + ["b"] * 40 + [None, "b"]
    strata = (["s"] * 20 + ["t"] * 20) * 2 + ["s", None]
    events = np.array(
        [True] * 20 + [False] * 20 + [True] * 10 + [False] * 10 + [False] * 20 + [True] * 2
    )
    rows = funnel(units, strata, events).to_pylist()
    assert [(row["unit"], row["cases"], row["observed"], row["expected"]) for row in rows] == [
        ("a", 40, 20, 15.0),
        ("b", 40, 10, 15.0),
    ]
    # Twenty draws with 3 in 4, twenty with none: the variance is 20 · 0.75 · 0.25 = 3.75.
    reach = 1.959964 * 3.75**0.5 / 15
    assert rows[0]["high_95"] == pytest.approx(1 + reach, abs=1e-6)
    assert rows[0]["low_95"] == pytest.approx(1 - reach, abs=1e-6)
    assert rows[0]["ratio"] > rows[0]["high_95"] > rows[1]["ratio"]
    assert rows[0]["low_998"] < rows[0]["low_95"]


def test_where_nothing_is_expected_no_ratio_is_told() -> None:
    rows = funnel(["a", "b"], ["s", "s"], np.array([False, False])).to_pylist()
    assert [row["ratio"] for row in rows] == [None, None]
    assert funnel([None], ["s"], np.array([True])).num_rows == 0


def test_shares_of_departments() -> None:
    cases = [stay(f"a{n}", "J18.900", "J96.000", department="a") for n in range(3)]
    cases += [stay(f"b{n}", "J18.900", department="b") for n in range(3)]
    cases += [stay("c", "J15.901", department="a"), stay("d", "J20.900", department=None)]
    cases += [stay("e", "J20.900", department="b"), stay("f", "M54.300", department="b")]
    facts = Facts(table(cases))
    counted = complications(facts, DRG, "department").to_pylist()
    assert [(row["unit"], row["observed"]) for row in counted] == [("a", 3), ("b", 0)]
    told = principals(BOOK, facts, "department").to_pylist()
    assert [(row["unit"], row["cases"], row["observed"]) for row in told] == [
        ("a", 4, 4),
        ("b", 4, 3),
    ]
