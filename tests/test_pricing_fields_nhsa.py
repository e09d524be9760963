"""Fields for pricing in the insurer's transactions: read, kept beside, and written."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nhsa_support import LIST, case_from, message, raw, record_of, settlement

from codebooks.places import insured_of
from grouper.case import Case
from grouper.intake.record import case_of, merge
from hl7_adapters.nhsa import FORM, NhsaForm, differences, write_case
from hl7_adapters.nhsa.options import Options
from hl7_adapters.nhsa.sums import amount_of, total

PAID = LIST | {
    "insuplc": "331002",
    "sp_psn_type": "03",
    "chfpdr_code": "D330700001",
    "psn_selfpay": "300.10",
    "psn_ownpay": "55.00",
    "acct_pay": "100.10",
    "psn_cashpay": "255.00",
}
ITEMS = [
    {
        "med_chrgitm": "01",
        "amt": "100.00",
        "claa_sumfee": "100.00",
        "clab_amt": "0",
        "fulamt_ownpay_amt": "0.00",
        "oth_amt": "0.00",
    },
    {
        "med_chrgitm": "09",
        "amt": "200.00",
        "claa_sumfee": "20.00",
        "clab_amt": "130.00",
        "fulamt_ownpay_amt": "50.00",
        "oth_amt": "0.00",
    },
]
FUNDS = [
    {"fund_pay_type": "310100", "fund_payamt": "800.00"},
    {"fund_pay_type": "330100", "fund_payamt": "79.40"},
]
SETTLED = {
    "mdtrt_id": "V1",
    "setl_id": "S1",
    "psn_no": "P1",
    "med_type": "2105",
    "psn_type": "12",
    "insutype": "310",
    "medfee_sumamt": "1234.50",
    "inscp_scp_amt": "1000.00",
    "fulamt_ownpay_amt": "110.00",
    "overlmt_selfpay": "24.50",
    "preselfpay_amt": "100.00",
    "act_pay_dedc": "500.00",
    "hifp_pay": "425.00",
    "fund_pay_sumamt": "450.00",
    "psn_part_amt": "784.50",
    "acct_pay": "84.50",
}


def test_a_settlement_list_states_who_pays_what() -> None:
    content = settlement(setlinfo=PAID, iteminfo=ITEMS, payinfo=FUNDS)
    case = case_from(message("4101", content, mdtrtarea_admvs="330702"))
    assert (case.region, case.insured_region) == ("330700", "331002")
    assert (case.aid_category, case.physician) == ("03", "D330700001")
    assert case.total_cost == Decimal("300.00")
    # The items state 全自费 themselves; 个人自费 of the head stands behind them.
    assert case.own_cost == Decimal("50.00")
    assert case.patient_paid == Decimal("355.10")
    assert case.fund_paid == Decimal("879.40")
    assert (case.visit_type, case.person_type, case.basic_paid) == (None, None, None)


def test_without_items_the_head_states_what_is_paid_in_full() -> None:
    case = case_from(message("4101", settlement(setlinfo=PAID)))
    assert case.own_cost == Decimal("55.00")


def test_what_was_queried_states_the_same() -> None:
    info = {
        "mdtrt_id": "V1",
        "insu_admdvs": "330702",
        "sp_psn_type": "03",
        "chfpdr_code": "D1",
        "psn_selfpay_amt": "300.10",
        "psn_ownpay_fee": "55.00",
    }
    items = [{"med_chrgitm_type": "01", "item_sumamt": "100", "item_ownpay_amt": "7.50"}]
    case = case_from(message("4103", {"setlinfo": info, "iteminfo": items, "payinfo": FUNDS}))
    assert (case.region, case.insured_region) == (None, "330700")
    assert (case.aid_category, case.physician) == ("03", "D1")
    assert (case.own_cost, case.patient_paid) == (Decimal("7.50"), Decimal("355.10"))
    assert case.fund_paid == Decimal("879.40")


def test_a_settlement_states_all_its_parts() -> None:
    case = case_from(message("2304", {"setlinfo": SETTLED}, "output"))
    assert (case.visit_type, case.person_type) == ("2105", "12")
    found = {
        name: getattr(case, name)
        for name in (
            *("scope_cost", "own_cost", "over_limit_cost", "first_share_cost", "deductible_paid"),
            *("basic_paid", "fund_paid", "patient_paid", "total_cost"),
        )
    }
    assert found == {
        "scope_cost": Decimal("1000.00"),
        "own_cost": Decimal("110.00"),
        "over_limit_cost": Decimal("24.50"),
        "first_share_cost": Decimal("100.00"),
        "deductible_paid": Decimal("500.00"),
        "basic_paid": Decimal("425.00"),
        "fund_paid": Decimal("450.00"),
        "patient_paid": Decimal("784.50"),
        "total_cost": Decimal("1234.50"),
    }
    # 2105 is in no list of the kinds: the kind is reported, the code itself is kept.
    (event,) = FORM.events(raw(message("2304", {"setlinfo": SETTLED}, "output")))
    assert ("setlinfo.med_type", "2105") in event.unknown
    assert event.extra["2304.setlinfo.acct_pay"] == "84.50"


def test_an_admission_states_physician_and_kind_of_visit() -> None:
    info = {"mdtrt_id": "V1", "psn_no": "P1", "med_type": "21", "atddr_no": "D7"}
    body = message("2401", {"mdtrtinfo": info}, mdtrtarea_admvs="230103", insuplc_admdvs="330702")
    case = case_from(body)
    assert (case.kind, case.visit_type, case.physician) == ("inpatient", "21", "D7")
    assert (case.region, case.insured_region) == ("230100", "330700")


def test_a_later_list_brings_the_patient_home() -> None:
    away = message("4101", settlement(setlinfo=PAID), insuplc_admdvs="")
    home = message("4101", settlement(setlinfo=PAID | {"insuplc": "330702"}), insuplc_admdvs="")
    assert case_from(away).insured_region == "331002"
    assert case_from(away, home).insured_region == "330700"


@pytest.mark.parametrize(
    ("code", "known"),
    [
        *(("330702", "330700"), ("330700", "330700"), ("331002", "331002"), ("990000", "990000")),
        *(("500112", "500000"), ("500229", "500000"), ("110105", "110000"), ("341523", "341523")),
        *((" 中国 ", "中国"), ("33", "33"), ("330000", "330000"), ("harbin", "harbin")),
    ],
)
def test_an_insured_region_is_never_widened(code: str, known: str) -> None:
    assert insured_of(code) == known


@pytest.mark.parametrize("broken", ["", "x", "1 000", "NaN", "1e3"])
def test_part_of_a_sum_is_no_sum(broken: str) -> None:
    rows = [*FUNDS, {"fund_pay_type": "390200", "fund_payamt": broken}]
    info = PAID | {"psn_selfpay": broken}
    record = record_of(message("4101", settlement(setlinfo=info, payinfo=rows)))
    case = case_of(record)[0]
    assert (case.fund_paid, case.patient_paid) == (None, None)
    # Nothing is lost: the payments are beside the case as they came.
    kept = record["extra"]["4101.payinfo"][0]
    assert [row["fund_payamt"] for row in kept if "fund_payamt" in row][:2] == ["800.00", "79.40"]


def test_a_list_without_payments_says_nothing_of_them() -> None:
    case = case_from(message("4101", settlement(setlinfo=LIST, payinfo=[])))
    assert (case.fund_paid, case.patient_paid, case.own_cost) == (None, None, None)


def test_an_empty_field_clears_where_the_hospital_says_so() -> None:
    form = NhsaForm(Options(blank_clears=True))
    full = message("4101", settlement(setlinfo=PAID))
    empty = message("4101", settlement(setlinfo=PAID | {"psn_selfpay": "", "chfpdr_code": ""}))
    case = case_from(full, empty, form=form)
    assert (case.patient_paid, case.physician, case.aid_category) == (None, None, "03")


LINE = {
    "feedetl_sn": "1",
    "mdtrt_id": "V1",
    "psn_no": "P1",
    "med_type": "28",
    "fee_ocur_time": "2026-03-01 09:00:00",
    "med_list_codg": "XA01-INVENTED",
    "det_item_fee_sumamt": "40.00",
    "cnt": "4",
    "pric": "10",
    "bilg_dept_codg": "A03",
    "bilg_dr_codg": "D1",
    "acord_dept_codg": "A09",
}
RESULT = {
    "feedetl_sn": "1",
    "chrgitm_lv": "02",
    "selfpay_prop": "0.1000",
    "pric_uplmt_amt": "8.000000",
    "med_chrgitm_type": "09",
    "overlmt_amt": "8.00",
}


def charged(*results: dict[str, Any]) -> tuple[Case, dict[str, Any]]:
    body = message("2301", {"feedetail": [LINE]}) | {"output": {"result": list(results)}}
    (event,) = FORM.events(raw(body))
    (line,) = event.lines
    return case_of(merge({}, event, 1), [line.about])[0], dict(line.about)


def test_charge_detail_with_the_answer_states_scope_share_and_limit() -> None:
    case, about = charged(RESULT)
    assert (case.kind, case.visit_type) == ("inpatient", "28")
    assert (case.line_department, case.line_physician) == (("A03",), ("D1",))
    assert (case.line_scope, case.line_first_share) == (("B",), (Decimal("0.1000"),))
    assert (case.line_limit, case.line_class) == ((Decimal("8.00"),), ("09",))
    assert (about["overlmt_amt"], about["acord_dept_codg"]) == ("8.00", "A09")


def test_a_highest_price_of_nought_is_no_limit() -> None:
    case, about = charged(RESULT | {"pric_uplmt_amt": "0.00"})
    assert case.line_limit == ()
    assert about["pric_uplmt_amt"] == "0.00"


def test_without_an_answer_nothing_is_said_of_the_catalogue() -> None:
    case, _ = charged()
    assert (case.line_scope, case.line_first_share, case.line_limit) == ((), (), ())


# What is written


def stay(**more: Any) -> Case:
    lines = {
        "line_item": ("a", "b", "c"),
        "line_class": ("01", "09", "09"),
        "line_amount": (Decimal("100.00"), Decimal("150.00"), Decimal("50.00")),
        "line_scope": ("A", "B", "C"),
    }
    return Case.from_mapping({"dx": ["I21.001"], "total_cost": "300.00"} | lines | more)[0]


def written(case: Case, transaction: str = "4101", **more: Any) -> Any:
    return write_case(case, transaction, **more)


def read_again(nodes: Any, transaction: str = "4101") -> Case:
    info = {"mdtrt_id": "V1", **nodes.get("setlinfo", {})}
    return case_from(message(transaction, {**nodes, "setlinfo": info}, insuplc_admdvs=""))


def test_the_writer_fills_who_pays_what() -> None:
    case = stay(
        own_cost="50.00",
        patient_paid="120.50",
        physician="D9",
        aid_category="03",
        insured_region="331002",
        scope_cost="250",
    )
    found = written(case)
    info = found.nodes["setlinfo"]
    assert (info["psn_ownpay"], info["psn_selfpay"]) == ("50.00", "70.50")
    assert (info["chfpdr_code"], info["sp_psn_type"]) == ("D9", "03")
    assert info["insuplc"] == "331002"
    assert found.nodes["iteminfo"] == [
        {
            "med_chrgitm": "01",
            "amt": "100.00",
            "claa_sumfee": "100.00",
            "clab_amt": "0.00",
            "fulamt_ownpay_amt": "0.00",
            "oth_amt": "0.00",
        },
        {
            "med_chrgitm": "09",
            "amt": "200.00",
            "claa_sumfee": "0.00",
            "clab_amt": "150.00",
            "fulamt_ownpay_amt": "50.00",
            "oth_amt": "0.00",
        },
    ]
    assert "scope_cost" in found.unwritten
    again = read_again(found.nodes)
    assert (again.own_cost, again.patient_paid) == (Decimal("50.00"), Decimal("120.50"))
    assert (again.physician, again.insured_region) == ("D9", "331002")


@pytest.mark.parametrize(
    ("region", "insured", "insuplc", "treated"),
    [
        ("230100", "331002", "331002", "230100"),
        ("harbin", "金华", "330700", "230100"),
        # Who is not said to be insured elsewhere is of the place itself.
        ("230100", None, "230100", "230100"),
        ("金华", None, "330700", "330700"),
        (None, "331002", "331002", None),
        # As it stands, where it has no code; and a region without one is no insured place.
        ("demo", "某地", "某地", None),
        ("demo", None, None, None),
        (None, None, None, None),
    ],
)
def test_insuplc_is_the_insured_place_and_the_envelope_the_place_of_treatment(
    region: str | None, insured: str | None, insuplc: str | None, treated: str | None
) -> None:
    case = stay(region=region, insured_region=insured, sex="1")
    found = written(case)
    assert found.nodes.get("setlinfo", {}).get("insuplc") == insuplc
    head = found.message.head
    assert (head.get("mdtrtarea_admvs"), head.get("insuplc_admdvs")) == (treated, insuplc)
    assert ("region" in found.unwritten) == (region is not None and treated is None)
    assert "insured_region" not in found.unwritten
    wanting = {(f.field, f.reason) for f in found.findings}
    assert (("insuplc", "REQUIRED") in wanting) == (insuplc is None)
    # A transaction without the field states it in the envelope.
    front = written(case, "4401")
    assert dict(front.message.head) == dict(head)
    assert "insured_region" not in front.unwritten


def test_the_insured_place_that_was_sent_stays_as_it_is_written() -> None:
    sent = message("4101", settlement(setlinfo=PAID | {"insuplc": "330702"}), insuplc_admdvs="")
    record = record_of(sent)
    case = case_of(record)[0]
    assert written(case, record=record).nodes["setlinfo"]["insuplc"] == "330702"
    assert differences(raw(sent), case) == []
    assert differences(raw(sent), replace(case, insured_region="jinhua")) == []
    # A case of another region is none of another insured place.
    assert differences(raw(sent), replace(case, region="350200")) == []
    home = replace(case, region="350200", insured_region=None)
    (found,) = differences(raw(sent), home)
    assert (found.field, found.original, found.proposed) == ("insuplc", "330702", "350200")
    moved = message("4101", settlement(setlinfo=PAID | {"insuplc": ""}), insuplc_admdvs="331002")
    assert differences(raw(moved), case_from(moved)) == []


def test_items_are_split_only_where_the_whole_agrees() -> None:
    without = written(stay(line_scope=["A", None, "C"])).nodes["iteminfo"]
    unknown = written(stay(line_scope=["A", "B", "Z"])).nodes["iteminfo"]
    other = written(stay(own_cost="51.00")).nodes["iteminfo"]
    for rows in (without, unknown, other):
        assert [sorted(row) for row in rows] == [["amt", "med_chrgitm"]] * 2
    assert "own_cost" not in written(stay(own_cost="51.00")).unwritten


def test_what_the_list_cannot_say_is_named() -> None:
    found = written(stay(fund_paid="10.00", patient_paid="5.00", own_cost="6.00"))
    assert {"fund_paid", "patient_paid"} <= set(found.unwritten)
    assert "psn_selfpay" not in found.nodes["setlinfo"]
    alone = written(stay(patient_paid="5.00"))
    assert "patient_paid" in alone.unwritten


def test_what_was_sent_before_is_the_ground() -> None:
    body = message("4101", settlement(setlinfo=PAID, iteminfo=ITEMS, payinfo=FUNDS))
    record = record_of(body)
    case = case_of(record)[0]
    found = written(case, record=record)
    assert found.nodes["payinfo"] == FUNDS
    # Its own field says 55.00 by itself; the items say what the Case holds.
    assert found.unwritten == ()
    assert found.nodes["setlinfo"]["psn_ownpay"] == "55.00"
    assert found.nodes["iteminfo"] == ITEMS
    assert not differences(body, case)
    changed = Case.from_mapping({**_plain(case), "own_cost": "60.00", "fund_paid": "900.00"})[0]
    told = differences(body, changed)
    assert {(d.field, d.proposed) for d in told} >= {("psn_ownpay", "60.00")}
    unsaid = write_case(changed, "4101", record=record).unwritten
    assert {"own_cost", "fund_paid"} <= set(unsaid)


def _plain(case: Case) -> dict[str, Any]:
    values = {name: getattr(case, name) for name in case.__dataclass_fields__}
    return {name: value for name, value in values.items() if value not in (None, ())}


MONEY = st.none() | st.decimals(0, 9999, places=2)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    own=MONEY,
    patient=MONEY,
    scopes=st.lists(st.sampled_from(["A", "B", "C", None]), min_size=3, max_size=3),
    transaction=st.sampled_from(["4101", "4103"]),
)
def test_amounts_are_read_back_or_named(
    own: Decimal | None, patient: Decimal | None, scopes: list[str | None], transaction: str
) -> None:
    case = stay(own_cost=own, patient_paid=patient, line_scope=scopes)
    found = written(case, transaction)
    again = read_again(found.nodes, transaction)
    for name in ("total_cost", "own_cost", "patient_paid"):
        if name not in found.unwritten and getattr(case, name) is not None:
            assert getattr(again, name) == getattr(case, name), name


@given(st.lists(st.decimals(-9999, 9999, places=2), min_size=1, max_size=9))
def test_sums_are_exact(amounts: list[Decimal]) -> None:
    rows = [{"x": f"{amount:.2f}"} for amount in amounts]
    assert total(rows, ["x"]) == sum(amounts)
    assert total([], ["x"]) is None
    assert amount_of("1,234.50 ") == Decimal("1234.50")
