"""Codes, numbers, dates and layouts of NHSA transactions, as different systems write them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest
from nhsa_support import (
    DX,
    ICU,
    ITEMS,
    LIST,
    LOCAL,
    PX,
    case_from,
    message,
    only,
    raw,
    record_of,
    settlement,
)

from grouper.case import Case
from grouper.case.readers import open_source
from grouper.intake.record import case_of
from hl7_adapters.nhsa import NhsaForm, Options


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
