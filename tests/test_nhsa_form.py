"""NHSA transactions in: what is told of them before they are stored, and what they say of a stay."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nhsa_support import (
    DX,
    HEAD,
    ICU,
    ITEMS,
    LIST,
    PX,
    case_from,
    message,
    raw,
    record_of,
    settlement,
)

from codebooks.errors import CodebookError, GrouperError
from codebooks.registry import registry
from grouper.case import Case
from grouper.case.readers import open_source
from grouper.intake.envelope import Receipt, Verdict
from grouper.intake.event import EventKind
from grouper.intake.forms import Form, IntakeError
from grouper.intake.record import case_of
from grouper.run.one_case import binding_of
from hl7_adapters.nhsa import FORM, NhsaForm, Options, read_options, write_case

LOCAL = ZoneInfo("Asia/Shanghai")


def only(body: Any, form: NhsaForm = FORM) -> Any:
    (event,) = form.events(body if isinstance(body, bytes) else raw(body))
    return event


def code_of(content: bytes, form: NhsaForm = FORM) -> tuple[str, str]:
    with pytest.raises(IntakeError) as caught:
        list(form.events(content))
    envelope = form.envelope(content)
    assert envelope.reason == caught.value.code
    assert envelope.verdict is not Verdict.ACCEPTED
    return caught.value.code, str(caught.value.params["place"])


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


def test_the_principal_is_where_the_message_says_and_nothing_is_promoted() -> None:
    second = [DX[0] | {"maindiag_flag": "0"}, DX[1] | {"maindiag_flag": "1"}]
    assert case_from(message("4101", settlement(diseinfo=second))).dx == ("E11.900", "I21.001")
    unmarked = [{"diag_code": "I21.001"}, {"diag_code": "E11.900"}]
    body = message("4101", settlement(diseinfo=unmarked))
    assert case_from(body).dx == (None, "I21.001", "E11.900")
    assert case_from(body, form=NhsaForm(Options(first_is_main=True))).dx == ("I21.001", "E11.900")
    twice = [DX[0], DX[1] | {"maindiag_flag": "1"}]
    assert case_from(message("4101", settlement(diseinfo=twice))).dx == ("I21.001", "E11.900")


def test_chinese_medicine_is_kept_beside_the_case() -> None:
    tcm = [*DX, {"diag_type": "2", "diag_code": "BNG080", "diag_name": "e", "maindiag_flag": "1"}]
    event = only(message("4101", settlement(diseinfo=tcm)))
    assert [c.code for c in event.dx] == ["I21.001", "E11.900"]
    assert event.extra["4101.diseinfo"][0]["diag_code"] == "BNG080"


def test_a_western_code_typed_as_chinese_medicine_is_not_lost() -> None:
    typed = [DX[0], DX[1] | {"diag_type": "2"}]
    event = only(message("4101", settlement(diseinfo=typed)))
    assert [(c.code, c.rank) for c in event.dx] == [("I21.001", 0), ("E11.900", 1)]
    assert ("diseinfo[2].diag_type", "E11.900") in event.unknown
    # In Guangzhou the same type is that of any other western diagnosis.
    other = only(message("4101A", {"Setlinfo": LIST, "Diseinfo": typed}))
    assert not [u for u in other.unknown if "diag_type" in u[0]]


def test_void_rows_and_cancelled_procedures_are_no_codes() -> None:
    content = {
        "baseinfo": {"mdtrt_id": "V1"},
        "diseinfo": [
            {"diag_code": "I21.001", "maindiag_flag": "1", "vali_flag": "1", "adm_cond_code": "1"},
            {"diag_code": "E11.900", "maindiag_flag": "0", "vali_flag": "0"},
        ],
        "oprninfo": [
            {
                "oprn_oprt_code": "36.0601",
                "main_oprn_flag": "1",
                "vali_flag": "1",
                "oprn_lv_code": "4",
            },
            {"oprn_oprt_code": "88.5500", "main_oprn_flag": "0", "canc_oprn_flag": "1"},
        ],
        "icuinfo": [
            {"inpool_icu_time": "2026-03-01 09:00:00", "out_icu_time": "2026-03-01 21:00:00"},
            {
                "inpool_icu_time": "2026-03-02 09:00:00",
                "out_icu_time": "2026-03-02 10:00:00",
                "vali_flag": "0",
            },
        ],
    }
    record = record_of(message("4401", content))
    case = case_of(record)[0]
    assert (case.dx, case.px, case.px_level, case.icu_hours) == (
        ("I21.001",),
        ("36.0601",),
        ("4",),
        12.0,
    )
    assert record["extra"]["4401.diseinfo"][0][0]["diag_code"] == "E11.900"


def test_hqms_4401_and_4101_tell_the_same_case(tmp_path: Path) -> None:
    page = {
        "A48": "00000001",
        "A49": "1",
        "A12C": "1",
        "A13": "1960-05-01",
        "A14": "65",
        "B12": "2026-03-01 08:30:00",
        "B15": "2026-03-04 10:00:00",
        "B13C": "A03",
        "B16C": "A03.01",
        "B20": "3",
        "B34C": "1",
        "C03C": "I21.001",
        "C05C": "1",
        "C06x01C": "E11.900",
        "C08x01C": "4",
        "C14x01C": "36.0601",
        "C16x01": "2026-03-02",
        "C35x01C": "88.5500",
        "C37x01": "2026-03-02",
        "C47": "5.5",
        "C49x01": "2026-03-01 09:00:00",
        "C50x01": "2026-03-02 11:07:00",
        "D01": "1234.50",
    }
    path = tmp_path / "page.csv"
    path.write_text(",".join(page) + "\n" + ",".join(page.values()) + "\n", "utf-8")
    (batch,) = open_source(path).batches()
    hqms = Case.from_batch(batch.cases, 0)
    base = {
        "mdtrt_id": "V1",
        "gend": "1",
        "brdy": "1960-05-01",
        "age": "65",
        "adm_date": "2026-03-01 08:30:00",
        "dscg_date": "2026-03-04 10:00:00",
        "adm_caty": "A03",
        "dscg_caty": "A03.01",
        "ipt_days": "3",
        "vent_used_dura": "0/5/30",
        "dscg_way": "1",
        "medfee_sumamt": "1234.50",
    }
    front = {
        "baseinfo": base,
        "diseinfo": [
            {
                "diag_code": d["diag_code"],
                "maindiag_flag": d["maindiag_flag"],
                "adm_cond_code": d["adm_cond_type"],
                "vali_flag": "1",
            }
            for d in DX
        ],
        "oprninfo": [
            {
                "oprn_oprt_code": p["oprn_oprt_code"],
                "oprn_oprt_date": p["oprn_oprt_date"],
                "main_oprn_flag": str(int(p["oprn_oprt_type"] == "1")),
            }
            for p in PX
        ],
        "icuinfo": [
            {
                "inpool_icu_time": ICU[0]["scs_cutd_inpool_time"],
                "out_icu_time": ICU[0]["scs_cutd_exit_time"],
            }
        ],
    }
    here = {"insuplc_admdvs": ""}
    for body in (message("4401", front, **here), message("4101", settlement(), **here)):
        told = case_of(record_of(body), case_id=hqms.case_id)[0]
        assert told == hqms


def test_pinyin_layout_of_chongqing() -> None:
    content = {
        "Input_Ybsjsc": {
            "JYH": "V1",
            "BAH": "8",
            "XB": "1",
            "CSRQ": "19600501",
            "NL": "65",
            "RYSJ": "2026-03-01 08:30:00",
            "CYSJ": "2026-03-04 10:00:00",
            "LYFS": "1",
            "SJZYTS": "3",
            "ZFY": "1234.50",
            "ZYCS": "2",
            "ZDXX": [
                {"ZDXH": "01", "ZDBM1": "E11.900", "RYBQ": "4"},
                {"ZDXH": "00", "ZDBM1": "I21.001", "RYBQ": "1"},
            ],
            "SSXX": [{"SSXH": "01", "SSBM1": "36.0601", "SSJCZRQ": "20260302", "SSJB": "4"}],
            "FYXX": [{"BAFYLB": "1", "JE_0": "1234.50"}],
        }
    }
    record = record_of(content)
    case = case_of(record)[0]
    assert (case.dx, case.dx_poa, case.px, case.px_level) == (
        ("I21.001", "E11.900"),
        ("1", "4"),
        ("36.0601",),
        ("4",),
    )
    assert (case.sex, case.age, case.total_cost, case.los) == (1, 65, Decimal("1234.50"), 3)
    assert record["extra"]["4101.setlinfo.ZYCS"][0] == "2"
    assert record["extra"]["4101.fyxx"][0] == [{"BAFYLB": "1", "JE_0": "1234.50"}]
    assert record["extra"]["4101.dialect"][0] == "chongqing_pinyin"
    bare = content["Input_Ybsjsc"]
    assert only(bare).facts == only(content).facts


def test_spellings_of_one_field_meet() -> None:
    info = {"mdtrt_id": "V1", "nwbbirwt": "3200.00", "nwbadmwt": 3150, "resp_nurs_code": "1"}
    facts = only(message("4101A", {"setlinfo": info})).facts
    assert (facts["birth_weight_g"], facts["admission_weight_g"]) == ("3200.00", "3150")
    both = info | {"nwb_bir_wt": "3100"}
    event = only(message("4101A", {"setlinfo": both}))
    assert event.facts["birth_weight_g"] == "3200.00"
    assert event.extra["4101.setlinfo.nwb_bir_wt (2)"] == "3100"
    turned = {"nwb_bir_wt": "3100"} | info
    assert only(message("4101A", {"setlinfo": turned})).extra["4101.setlinfo.nwbbirwt"] == "3200.00"


def test_newborns() -> None:
    info = {
        "mdtrt_id": "V1",
        "gend": "2",
        "nwb_age": "3",
        "nwb_bir_wt": "2500.00",
        "nwb_adm_wt": "2480",
        "adm_time": "2026-03-04 01:00:00",
    }
    case = case_from(message("4101", settlement(setlinfo=info)))
    assert (case.age, case.age_days, case.birth_weight_g, case.admission_weight_g) == (
        0,
        3,
        2500,
        2480,
    )


def test_settlement_list_as_it_was_queried() -> None:
    info = {
        "setl_list_sn": "1",
        "mdtrt_id": "V1",
        "psn_no": "P1",
        "gend": "1",
        "age": "65",
        "insutype": "310",
        "hi_type": "390",
        "vent_used_days": "1",
        "vent_used_h_cnt": "13",
        "vent_used_m_cnt": "",
        "insu_admdvs": "500000",
    }
    items = [{"med_chrgitm_type": "01", "item_sumamt": "10.05"}]
    case = case_from(
        message("4103", {"setlinfo": info, "diseinfo": DX, "iteminfo": items}, key="output")
    )
    assert (case.ventilator_hours, case.insurance_type) == (37.0, "390")
    assert (case.region, case.insured_region) == (None, "500000")
    assert case.total_cost == Decimal("10.05")


def test_durations_without_a_unit_are_not_guessed_at() -> None:
    info = LIST | {"vent_used_dura": "3"}
    event = only(message("4101", settlement(setlinfo=info)))
    assert "ventilator_hours" not in event.facts
    assert ("setlinfo.vent_used_dura", "3") in event.unknown
    assert event.extra["4101.setlinfo.vent_used_dura"] == "3"
    assert (
        case_from(
            message("4101", settlement(setlinfo=LIST | {"vent_used_dura": "0"}))
        ).ventilator_hours
        == 0
    )
    assert (
        case_from(
            message("4101", settlement(setlinfo=LIST | {"vent_used_dura": "36小时"}))
        ).ventilator_hours
        == 36
    )


def test_intensive_care_that_cannot_be_summed_is_reported() -> None:
    rows = [*ICU, {"scs_cutd_inpool_time": "2026-03-03 09:00:00"}]
    event = only(message("4101", settlement(icuinfo=rows)))
    assert "icu_hours" not in event.facts
    assert ("icuinfo[2].scs_cutd_inpool_time", "") in event.unknown
    assert len(event.extra["4101.icuinfo"]) == 2
    assert only(message("4101", settlement(icuinfo=[]))).facts["icu_hours"] is None
    seconds = [
        {"scs_cutd_inpool_time": "2026-03-03 09:00:00", "scs_cutd_exit_time": "2026-03-03 09:00:36"}
    ]
    assert case_from(message("4101", settlement(icuinfo=seconds))).icu_hours == 0.01
    wrong = [
        {"scs_cutd_inpool_time": "2026-03-03 09:00:00", "scs_cutd_exit_time": "2026-03-02 09:00:00"}
    ]
    assert "icu_hours" not in only(message("4101", settlement(icuinfo=wrong))).facts


def test_an_item_without_an_amount_makes_no_total() -> None:
    rows = [*ITEMS, {"med_chrgitm": "14", "amt": "1e9"}]
    assert "total_cost" not in only(message("4101", settlement(iteminfo=rows))).facts


def test_numbers_are_exact_as_text_and_as_numbers() -> None:
    as_text = settlement(
        iteminfo=[{"med_chrgitm": "01", "amt": "0.10"}, {"med_chrgitm": "02", "amt": "0.20"}]
    )
    body = raw(message("4101", as_text)).replace(b'"0.10"', b"0.10").replace(b'"0.20"', b"0.20")
    assert only(body).facts["total_cost"] == "0.30"
    assert only(body).extra["4101.iteminfo"][0]["amt"] == "0.10"
    assert case_from(body) == case_from(message("4101", as_text))


def test_a_code_that_came_as_a_number_is_kept_beside() -> None:
    body = raw(message("4101", settlement())).replace(b'"88.5500"', b"88.55")
    event = only(body)
    assert [c.code for c in event.px] == ["36.0601", ""]
    assert event.px[1].about["number"] == "88.55"
    assert ("oprninfo[2].oprn_oprt_code", "88.55") in event.unknown
    assert case_from(body).px == ("36.0601",)


@pytest.mark.parametrize(
    "written",
    [
        "2026/3/1 8:30",
        "20260301083000",
        "2026-03-01T08:30:00",
        "2026年3月1日 8时30分",
        "2026.3.1 08:30:00.000",
    ],
)
def test_dates_in_odd_spellings(written: str) -> None:
    body = message("4101", settlement(setlinfo=LIST | {"adm_time": written}))
    assert case_from(body).admission_time == datetime(2026, 3, 1, 8, 30, tzinfo=LOCAL)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_charsets(encoding: str) -> None:
    info = LIST | {"psn_name": "测试女", "dscg_caty": "内科"}
    event = only(raw(message("4101", settlement(setlinfo=info)), encoding))
    assert (event.person["name"], event.facts["department"]) == ("测试女", "内科")


def test_gb18030_that_is_valid_utf_8_too() -> None:
    assert only('{"dscginfo":{"mdtrt_id":"女"}}'.encode("gb18030")).visit == "女"
    assert only('{"dscginfo":{"mdtrt_id":"é1"}}'.encode()).visit == "é1"


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


@pytest.mark.parametrize(
    ("content", "code", "place"),
    [
        (b"", "MESSAGE_UNREADABLE", "$"),
        (b"[]", "MESSAGE_UNREADABLE", "$"),
        (b"7", "MESSAGE_UNREADABLE", "$"),
        (b"MSH|^~\\&|", "MESSAGE_UNREADABLE", "@0"),
        (b'{"infno":"4101","input":{"setlinfo":{"mdtrt_id"', "MESSAGE_TRUNCATED", "@47"),
        (b'{"infno":"41', "MESSAGE_TRUNCATED", "@9"),
        (b'{"infno":"4101","input":{"setlinfo":{"mdtrt_id":NaN}}}', "MESSAGE_UNREADABLE", "NaN"),
        (
            b'{"infno":"4101","input":{"setlinfo":{"mdtrt_id":"1","mdtrt_id":"2"}}}',
            "MESSAGE_UNREADABLE",
            "mdtrt_id",
        ),
        (
            b'{"infno":"4101","input":{"setlinfo":{"mdtrt_id":"\\u0000"}}}',
            "MESSAGE_UNREADABLE",
            "$.input.setlinfo.mdtrt_id",
        ),
        (
            b'{"infno":"4101","input":{"diseinfo":[{"x":"\\ud800"}]}}',
            "MESSAGE_UNREADABLE",
            "$.input.diseinfo[1].x",
        ),
        (b'{"a":' * 100 + b"1" + b"}" * 100, "MESSAGE_UNREADABLE", "$"),
        (b'{"a":' * 100_000, "MESSAGE_UNREADABLE", "$"),
        (
            b'{"infno":"4101","input":{"setlinfo":[{"mdtrt_id":"1"},{"mdtrt_id":"2"}]}}',
            "MESSAGE_UNREADABLE",
            "setlinfo",
        ),
        (b'{"infno":"4101","input":{"diseinfo":["x"]}}', "MESSAGE_UNREADABLE", "diseinfo[1]"),
        (b'{"infno":"4101","input":[1]}', "MESSAGE_UNREADABLE", "input"),
        (b'{"infno":"4101","input":"{"}', "MESSAGE_TRUNCATED", "@1"),
        (b"\xff\xfe\x00", "CHARSET_BROKEN", "$"),
        (b'{"infno":"4101","x":"\xff\xff"}', "CHARSET_BROKEN", "$"),
        (b'{"infno":"9999","msgid":"M9","input":{}}', "TYPE_UNSUPPORTED", "infno"),
        (b'{"a":1}', "TYPE_UNSUPPORTED", "infno"),
        (b'{"infno":"4101","input":{}}', "VISIT_MISSING", "setlinfo.mdtrt_id"),
        (
            b'{"infno":"4101A","input":{"Setlinfo":{"psn_no":"P1"}}}',
            "VISIT_MISSING",
            "Setlinfo.mdtrt_id",
        ),
        (b'{"infno":"2301","input":{"feedetail":[]}}', "VISIT_MISSING", "feedetail.mdtrt_id"),
    ],
)
def test_what_cannot_be_used_is_named(content: bytes, code: str, place: str) -> None:
    assert code_of(content) == (code, place)
    refused = FORM.envelope(content).verdict is Verdict.REFUSED
    assert refused == (code == "TYPE_UNSUPPORTED")


def test_a_refused_message_keeps_its_name_and_sender() -> None:
    envelope = FORM.envelope(raw(message("1101", {"data": {}})))
    assert (envelope.kind, envelope.control_id, envelope.sender) == (
        "1101",
        HEAD["msgid"],
        "FSI_LOCAL",
    )


def test_answers() -> None:
    good = FORM.envelope(raw(message("4101", settlement())))
    told = json.loads(FORM.answer(good, Receipt(message_id=7, verdict=Verdict.ACCEPTED)))
    assert told == {
        "infcode": "0",
        "inf_refmsgid": HEAD["msgid"],
        "err_msg": "",
        "output": {"receipt": "7"},
    }
    bad = FORM.envelope(b'{"infno":"4101","msgid":"M9","input":{"setlinfo":{}}}')
    receipt = Receipt(message_id=8, verdict=bad.verdict, reason=bad.reason, place=bad.place)
    told = json.loads(FORM.answer(bad, receipt))
    assert (told["infcode"], told["inf_refmsgid"]) == ("-1", "M9")
    assert told["err_msg"].startswith("VISIT_MISSING（setlinfo.mdtrt_id）：报文没有就诊号。")
    lost = json.loads(
        FORM.answer(bad, Receipt(message_id=None, verdict=Verdict.REFUSED, reason="NOT_STORED"))
    )
    assert (lost["infcode"], lost["output"]) == ("-1", {})
    assert lost["err_msg"].startswith("NOT_STORED：")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "setlinfo",
                    "diseinfo",
                    "oprninfo",
                    "icuinfo",
                    "iteminfo",
                    "feedetail",
                    "result",
                    "mdtrt_id",
                    "diag_code",
                    "amt",
                    "cnt",
                    "vent_used_dura",
                    "ZDXX",
                    "Input_Ybsjsc",
                    "setldetail",
                    "x",
                ]
            )
            | st.text(max_size=4),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
BODIES = st.one_of(
    JSON,
    st.builds(
        lambda infno, content, key: {"infno": infno, key: content},
        st.sampled_from(["4101", "4101A", "4103", "4401", "2301", "2304", "2401", "2402", "1", ""]),
        JSON,
        st.sampled_from(["input", "output"]),
    ),
)


def drain(content: bytes) -> None:
    envelope = FORM.envelope(content)
    assert envelope.raw == content
    reason, events = "", []
    try:
        events = list(FORM.events(content))
    except IntakeError as error:
        reason = error.code
    assert envelope.reason == reason
    assert (envelope.verdict is Verdict.ACCEPTED) == (reason == "")
    for event in events:
        json.dumps([dict(event.facts), dict(event.extra), dict(event.person)])


@given(BODIES)
def test_any_json_raises_only_intake_errors(body: Any) -> None:
    drain(raw(body, "utf-8") if _fits(body) else json.dumps(body).encode())


def _fits(body: Any) -> bool:
    return "\\ud" not in json.dumps(body)


@given(st.binary(max_size=60), st.integers(0, 400))
def test_any_bytes_raise_only_intake_errors(noise: bytes, at: int) -> None:
    drain(noise)
    whole = raw(message("4101", settlement()))
    drain(whole[:at] + noise + whole[at + len(noise) :])


@pytest.mark.parametrize(
    ("options", "setting"),
    [
        ({"link": "yes"}, "link"),
        ({"visit": "mdtrt_id"}, "visit"),
        ({"visit": [1]}, "visit"),
        ({"tables": "/nowhere/at/all"}, "tables"),
        ({"dialect": "mars"}, "dialect"),
        ({"other": 1}, "other"),
    ],
)
def test_options_that_are_wrong_are_named(options: dict[str, Any], setting: str) -> None:
    with pytest.raises(GrouperError) as caught:
        read_options(options)
    assert caught.value.code == "SETTING_INVALID"
    assert caught.value.params["setting"] == f"forms.nhsa.{setting}"


def test_a_hospital_adds_its_own_rows(tmp_path: Path) -> None:
    (tmp_path / "dialects.csv").write_text(
        "dialect,transaction,node,field,spelled,source\n*,4101,setlinfo,dscg_way,LEAVE,ours\nours,4101,setlinfo,,SETL,ours\n",
        "utf-8",
    )
    (tmp_path / "regions.csv").write_text(
        "dialect,region,whole,zh,en\nours,9901,,我院,ours\n", "utf-8"
    )
    (tmp_path / "code_lists.csv").write_text(
        "dialect,list,code,meaning,role,source\n,dscg_way,8,其他,,ours\n,ipt_patn_disediag_type_code,2,门诊诊断,aside,ours\n",
        "utf-8",
    )
    form = NhsaForm(read_options({"tables": str(tmp_path), "dialect": "ours"}))
    event = only(message("4101", {"SETL": {"mdtrt_id": "V1", "LEAVE": "8"}}), form)
    assert event.facts["discharge_way"] == "8"
    assert event.unknown == ()
    assert event.extra["4101.dialect"] == "ours"
    content = {
        "baseinfo": {"mdtrt_id": "V1"},
        "diseinfo": [{"diag_code": "I20.000", "ipt_patn_disediag_type_code": "2"}],
    }
    assert only(message("4401", content), form).dx == ()


@pytest.mark.parametrize(
    ("table", "content", "row", "column"),
    [
        (
            "fields",
            "dialect,transaction,node,field,name,type,length,scale,list,required,open,private,source\n,4101,setlinfo,x,,text,ten,,,,,,\n",
            2,
            "length",
        ),
        (
            "fields",
            "dialect,transaction,node,field,name,type,length,scale,list,required,open,private,source\n,4101,setlinfo,x,,word,,,,,,,\n",
            2,
            "type",
        ),
        ("code_lists", "dialect,list,code,meaning,role,source\n,gend,3,x,queen,\n", 2, "role"),
    ],
)
def test_a_table_that_is_wrong_is_refused_with_its_place(
    tmp_path: Path, table: str, content: str, row: int, column: str
) -> None:
    (tmp_path / f"{table}.csv").write_text(content, "utf-8")
    with pytest.raises(CodebookError) as caught:
        read_options({"tables": str(tmp_path)})
    where = caught.value.where
    assert (caught.value.code, where.file, where.row, where.column) == (
        "NHSA_TABLE_VALUE",
        f"{table}.csv",
        row,
        column,
    )
    assert f"{table}.csv" in caught.value.describe("zh")
