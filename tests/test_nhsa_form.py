"""NHSA transactions in: what is told of them before they are stored, and what they say of a stay."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from nhsa_support import DX, HEAD, LIST, LOCAL, case_from, message, only, raw, record_of, settlement

from codebooks.registry import registry
from grouper.intake.envelope import Verdict
from grouper.intake.event import EventKind
from grouper.intake.forms import Form
from grouper.run.one_case import binding_of
from hl7_adapters.nhsa import FORM, NhsaForm, Options, read_options, write_case


def test_it_is_a_form() -> None:
    assert isinstance(FORM, Form)
    assert FORM.name == "nhsa"


def test_the_envelope_of_a_settlement_list() -> None:
    body = raw(message("4101", settlement()))
    envelope = FORM.envelope(body)
    assert envelope.raw == body
    assert (envelope.form, envelope.kind, envelope.verdict) == ("nhsa", "4101", Verdict.ACCEPTED)
    assert (envelope.patient, envelope.visit) == ("P1", "V1")
    assert (envelope.sender, envelope.facility) == ("FSI_LOCAL", "H00000000001")
    assert envelope.control_id == HEAD["msgid"]


def test_a_settlement_list_is_a_case() -> None:
    case = case_from(message("4101", settlement()))
    assert (case.sex, case.age, case.los, case.discharge_way) == (1, 65, 3, "1")
    assert case.admission_time == datetime(2026, 3, 1, 8, 30, tzinfo=LOCAL)
    assert case.dx == ("I21.001", "E11.900")
    assert case.dx_poa == ("1", "4")
    assert case.px == ("36.0601", "88.5500")
    assert (case.department, case.admission_department) == ("A03.01", "A03")
    assert case.icu_hours == pytest.approx(26 + 7 / 60)
    assert case.ventilator_hours == 5.5
    assert case.total_cost == Decimal("1234.50")
    # 990000 is no region of any codebook.
    assert (case.region, case.insured_region) == (None, "990000")


@pytest.mark.parametrize(
    ("treated", "region"),
    [("500112", "500000"), ("420106", "420100"), ("331002", "330000"), ("", None), ("x", None)],
)
def test_the_region_is_that_of_the_place_of_treatment(treated: str, region: str | None) -> None:
    content = settlement(setlinfo=LIST | {"insuplc": "350203"})
    case = case_from(message("4101", content, mdtrtarea_admvs=treated))
    assert (case.region, case.insured_region) == (region, "350200")


def test_who_is_insured_elsewhere_is_grouped_where_the_hospital_is() -> None:
    content = settlement(setlinfo=LIST | {"insuplc": "110105"})
    case = case_from(message("4101", content, mdtrtarea_admvs="330702"))
    here = case_from(message("4101", settlement(), mdtrtarea_admvs="330702", insuplc_admdvs=""))
    day = date(2023, 3, 4)
    assert (here.region, case.region, case.insured_region) == ("330700", "330700", "110000")
    assert binding_of(case, "national", day) == registry().binding("jinhua", day)
    # By the rules of the other city it would be another scheme.
    assert registry().binding("jinhua", day) != registry().binding("beijing", day)


def test_the_envelope_says_where_the_patient_is_insured_where_the_nodes_do_not() -> None:
    outer = message("4101", settlement(), mdtrtarea_admvs="330700", insuplc_admdvs="420100")
    assert case_from(outer).insured_region == "420100"
    blank = settlement(setlinfo=LIST | {"insuplc": ""})
    inner = message("4101", blank, insuplc_admdvs="420100")
    clearing = NhsaForm(Options(blank_clears=True))
    assert case_from(inner, form=clearing).insured_region == "420100"
    none = message("4101", blank, insuplc_admdvs="")
    assert case_from(inner, none, form=clearing).insured_region is None


def test_a_hospitals_own_field_may_state_the_place_of_treatment(tmp_path: Path) -> None:
    (tmp_path / "meanings.csv").write_text(
        "family,node,field,to,rank\n4101,setlinfo,pool,region,1\n4101,setlinfo,insuplc,region,2\n",
        "utf-8",
    )
    (tmp_path / "fields.csv").write_text(
        "dialect,transaction,node,field,name,type,length,scale,list,required,open,private,source\n"
        ",4101,setlinfo,pool,统筹区,text,6,,,,,,ours\n",
        "utf-8",
    )
    form = NhsaForm(read_options({"tables": str(tmp_path)}))
    info = LIST | {"insuplc": "110105", "pool": "330702"}
    sent = message("4101", settlement(setlinfo=info), mdtrtarea_admvs="350200")
    case = case_from(sent, form=form)
    assert (case.region, case.insured_region) == ("330700", "110000")
    odd = message("4101", settlement(setlinfo=info | {"pool": "本市", "insuplc": ""}))
    assert case_from(odd, form=form).region is None
    tables = form.options.load()
    nodes = write_case(case, "4101", tables=tables).nodes["setlinfo"]
    assert (nodes["pool"], nodes["insuplc"]) == ("330700", "110000")
    # Without a field of its own the place of treatment gives way to the insured place.
    (other := tmp_path / "other").mkdir()
    (other / "meanings.csv").write_text(
        "family,node,field,to,rank\n4101,setlinfo,insuplc,region,2\n", "utf-8"
    )
    one = NhsaForm(read_options({"tables": str(other)})).options.load()
    told = write_case(case, "4101", tables=one)
    assert told.nodes["setlinfo"]["insuplc"] == "110000"
    assert "region" in told.unwritten
    same = write_case(replace(case, insured_region="330702"), "4101", tables=one)
    assert "region" not in same.unwritten


@pytest.mark.parametrize(
    ("transaction", "nodes"),
    [
        ("4101", settlement()),
        (
            "4101A",
            {
                "setlinfo": {
                    "psn_no": "P1",
                    "mdtrt_id": "V1",
                    "nwb_admtype": "1",
                    "resp_nurs_code": "1",
                }
            },
        ),
        ("4401", {"baseinfo": {"mdtrt_sn": "1", "medcasno": "2"}}),
        ("2301", {"feedetail": [{"feedetl_sn": "1", "mdtrt_id": "V1"}]}),
        ("2401", {"mdtrtinfo": {"psn_no": "P1", "ipt_no": "9"}}),
        ("2402", {"dscginfo": {"psn_no": "P1", "mdtrt_id": "V1"}}),
        ("2304", {"setlinfo": {"mdtrt_id": "V1", "hifp_pay": "1"}, "setldetail": []}),
    ],
)
def test_a_bare_input_is_told_by_its_nodes(transaction: str, nodes: dict[str, Any]) -> None:
    envelope = FORM.envelope(raw(nodes), "key-1")
    assert (envelope.kind, envelope.verdict) == (transaction, Verdict.ACCEPTED)
    assert envelope.control_id == "key-1"


def test_an_answer_that_is_a_text_of_json_is_read() -> None:
    output = {"setlinfo": {"mdtrt_id": "V1", "medfee_sumamt": 1234.5, "hifp_pay": "900.00"}}
    body = {"infcode": "0", "inf_refmsgid": "R1", "output": json.dumps(output)}
    assert FORM.envelope(raw(body)).control_id == "R1"
    assert only(body).facts["total_cost"] == "1234.5"
    assert only(body).extra["2304.setlinfo.hifp_pay"] == "900.00"


def test_admission_knows_its_visit_by_the_answer_sent_along() -> None:
    content = {
        "mdtrtinfo": {
            "psn_no": "P1",
            "ipt_no": "9",
            "begntime": "2026-03-01 08:30:00",
            "insutype": "310",
            "med_type": "21",
        }
    }
    assert only(message("2401", content)).visit == "9"
    both = message("2401", content) | {"output": {"result": {"mdtrt_id": "V1"}}}
    event = only(both)
    assert (event.patient, event.visit) == ("P1", "V1")
    assert event.facts == {
        "admission_time": "2026-03-01 08:30:00",
        "insurance_type": "310",
        "insured_region": "990000",
        "kind": "inpatient",
        "visit_type": "21",
    }


def test_numbers_of_one_visit_are_linked_where_the_hospital_says_so() -> None:
    form = NhsaForm(Options(link=True))
    content = {"baseinfo": {"mdtrt_id": "V1", "ipt_no": "9", "mdtrt_sn": "H-9", "psn_no": "P1"}}
    first, second, stay = form.events(raw(message("4401", content)))
    assert (first.kind, first.prior_visit, first.visit) == (EventKind.MERGE_VISIT, "9", "V1")
    assert second.prior_visit == "H-9"
    assert stay.kind is EventKind.STAY
    form.configure({"visit": ["ipt_no"], "patient": ["medcasno", "psn_no"]})
    assert only(message("4401", content), form).visit == "9"
    assert form.envelope(raw(message("2402", {"dscginfo": {"mdtrt_id": "V1"}}))).place == "ipt_no"


def test_running_record_of_admission_discharge_and_list() -> None:
    admitted = message(
        "2401",
        {
            "mdtrtinfo": {"mdtrt_id": "V1", "psn_no": "P1", "begntime": "2026-03-01 08:30:00"},
            "diseinfo": [{"diag_code": "I20.000", "maindiag_flag": "1", "diag_type": "1"}],
        },
    )
    left = message(
        "2402",
        {
            "dscginfo": {
                "mdtrt_id": "V1",
                "psn_no": "P1",
                "endtime": "2026-03-04 10:00:00",
                "dscg_way": "1",
                "dscg_dept_codg": "A03",
            }
        },
    )
    case = case_from(admitted, left)
    assert (case.dx, case.los, case.discharge_way, case.department) == (("I20.000",), 3, "1", "A03")
    assert case_from(admitted, left, message("4101", settlement())).dx == ("I21.001", "E11.900")


def test_identity_stands_with_the_person_and_nowhere_else() -> None:
    info = LIST | {
        "psn_name": "张测试",
        "certno": "999999199001010000",
        "coner_tel": "00000000000",
        "curr_addr": "某地",
    }
    event = only(message("4101", settlement(setlinfo=info)))
    assert event.person["name"] == "张测试"
    assert event.person["id_number"] == "999999199001010000"
    assert event.person["coner_tel"] == "00000000000"
    assert event.person["birth_date"] == "1960-05-01"
    rest = json.dumps([event.facts, event.extra, [c.about for c in event.dx]], ensure_ascii=False)
    assert not any(word in rest for word in ("张测试", "999999199001010000", "某地", "00000000000"))


def test_unknown_codes_fields_and_nodes_are_kept_and_reported() -> None:
    content = settlement(
        setlinfo=LIST | {"dscg_way": "8", "local_flag": "q", "hi_paymtd": "77"},
        diseinfo=[DX[0] | {"local_grade": "x", "adm_cond_type": "7"}],
        localinfo={"a": [1, {"b": None}]},
    )
    event = only(message("4101", content))
    assert {
        ("setlinfo.dscg_way", "8"),
        ("setlinfo.hi_paymtd", "77"),
        ("diseinfo[1].adm_cond_type", "7"),
    } <= set(event.unknown)
    assert event.facts["discharge_way"] == "8"
    assert event.extra["4101.setlinfo.local_flag"] == "q"
    assert event.dx[0].about["local_grade"] == "x"
    assert event.extra["4101.rest.localinfo"] == {"a": ["1", {"b": None}]}


def test_a_field_that_holds_an_object_is_kept_as_json() -> None:
    event = only(message("4101", settlement(setlinfo=LIST | {"exp": {"a": [True]}})))
    assert event.extra["4101.setlinfo.exp"] == '{"a": [true]}'


def test_an_empty_field_says_nothing_or_clears_as_the_hospital_wants() -> None:
    first, blank = (
        message("4101", settlement()),
        message("4101", settlement(setlinfo=LIST | {"vent_used_dura": ""})),
    )
    assert case_from(first, blank).ventilator_hours == 5.5
    assert (
        case_from(first, blank, form=NhsaForm(Options(blank_clears=True))).ventilator_hours is None
    )


def test_a_snapshot_without_a_list_clears_what_was_kept_of_it() -> None:
    funds = message(
        "4101", settlement(payinfo=[{"fund_pay_type": "310100", "fund_payamt": "1.00"}])
    )
    record = record_of(funds, message("4101", settlement()))
    assert record["extra"]["4101.payinfo"][0] == []


def test_fields_beside_their_node_fill_what_it_leaves_open() -> None:
    body = {
        "infno": "2304",
        "input": {"data": {"mdtrt_id": "V1", "psn_no": "P1", "acct_used_flag": "1"}},
        "output": {"setlinfo": {"mdtrt_id": "V1", "medfee_sumamt": "9"}},
    }
    event = only(body)
    assert (event.patient, event.visit, event.facts["total_cost"]) == ("P1", "V1", "9")
    assert event.extra["2304.rest.acct_used_flag"] == "1"
    other = {"input": {"mdtrt_id": "V2", "psn_no": 7}, "output": {"setlinfo": {"mdtrt_id": "V1"}}}
    event = only({"infno": "2304"} | other)
    assert (event.visit, event.patient) == ("V1", "7")
    assert event.extra["2304.rest.mdtrt_id"] == "V2"
    lines = {"infno": "2301", "mdtrt_id": "V1", "psn_no": "P1", "feedetail": [{"mdtrt_id": "V1"}]}
    assert only(lines).extra == {"2301.rest.psn_no": "P1"}


def test_an_empty_node_says_as_much_as_none() -> None:
    event = only(message("4101", settlement(diseinfo=None, oprninfo={}, payinfo=None)))
    assert (event.dx, event.px, event.extra["4101.payinfo"]) == (None, (), [])


def test_the_code_of_the_hospital_may_stand_in_the_list_itself() -> None:
    body = settlement(setlinfo=LIST | {"fixmedins_code": "H00000000002"})
    assert only(body).hospital == "H00000000002"
    assert FORM.envelope(raw(body)).sender == "H00000000002"
