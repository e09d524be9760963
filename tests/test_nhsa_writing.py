"""A Case as nodes for upload, and the list of differences between what was sent and a proposal."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nhsa_support import (
    DX,
    ICU,
    ITEMS,
    LIST,
    PX,
    TABLES,
    case_from,
    message,
    raw,
    record_of,
    settlement,
)

from codebooks.errors import GrouperError
from grouper.case import Case
from grouper.case.fields import FIELDS
from grouper.intake.record import case_of
from hl7_adapters.nhsa import (
    FORM,
    Difference,
    as_csv,
    as_json,
    as_workbook,
    differences,
    write_case,
)

LOCAL = ZoneInfo("Asia/Shanghai")
WRITABLE = [
    ("4101", ""),
    ("4101", "chongqing_pinyin"),
    ("4101A", ""),
    ("4101A", "guangzhou"),
    ("4401", ""),
    ("4103", ""),
]
APART = {"case_id", "person", "hospital", "code_system"}
DERIVED = {"age", "age_days", "los", "insured_region"}


def moments(day: st.SearchStrategy[date]) -> st.SearchStrategy[datetime]:
    return st.builds(
        lambda d, h, m: datetime(d.year, d.month, d.day, h, m, tzinfo=LOCAL),
        day,
        st.integers(0, 23),
        st.integers(0, 59),
    )


DAYS = st.dates(date(2026, 1, 1), date(2026, 12, 31))
CODES = st.lists(
    st.sampled_from(["I21.001", "E11.900", "N18.900x001", "J10.801+G94.8*"]),
    max_size=4,
    unique=True,
)
PROCEDURES = st.lists(
    st.sampled_from(["36.0601", "88.5500", "39.9500x001"]), max_size=3, unique=True
)
MINUTES = st.integers(0, 60 * 24 * 90)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    dx, px = draw(CODES), draw(PROCEDURES)
    admitted = draw(moments(DAYS))
    poa = draw(
        st.lists(st.sampled_from(["1", "2", "3", "4", None]), min_size=len(dx), max_size=len(dx))
    )
    dates = draw(st.lists(st.none() | DAYS, min_size=len(px), max_size=len(px)))
    return Case(
        sex=draw(st.sampled_from([1, 2])),
        birth_date=draw(st.none() | st.dates(date(1950, 1, 1), date(2025, 12, 31))),
        age=draw(st.none() | st.integers(0, 90)),
        age_days=draw(st.none() | st.integers(0, 364)),
        birth_weight_g=draw(st.none() | st.integers(400, 6000)),
        admission_weight_g=draw(st.none() | st.integers(400, 6000)),
        admission_time=admitted,
        discharge_time=draw(st.none() | st.just(admitted.replace(year=2027))),
        discharge_way=draw(st.none() | st.sampled_from("123459")),
        insurance_type=draw(st.sampled_from([None, "310", "390"])),
        region=draw(st.sampled_from([None, "500000", "420100"])),
        insured_region=draw(st.sampled_from([None, "500000", "331002", "某地"])),
        department=draw(st.none() | st.just("A03")),
        admission_department=draw(st.none() | st.just("A02")),
        los=draw(st.none() | st.integers(1, 300)),
        icu_hours=draw(st.none() | MINUTES.map(lambda m: m / 60)),
        ventilator_hours=draw(st.none() | MINUTES.map(lambda m: m / 60)),
        total_cost=draw(st.none() | st.decimals(0, 99999, places=2)),
        dx=tuple(dx),
        dx_poa=tuple(poa) if any(poa) else (),
        px=tuple(px),
        px_date=tuple(dates) if any(dates) else (),
    )


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(cases(), st.sampled_from(WRITABLE))
def test_what_is_written_is_read_back(case: Case, of: tuple[str, str]) -> None:
    transaction, dialect = of
    written = write_case(case, transaction, dialect)
    nodes = json.loads(json.dumps(written.nodes))
    head = next(n.name for n in TABLES.nodes[transaction].values() if n.head)
    spelled = TABLES.spelling(transaction, dialect).write
    info = nodes.setdefault(spelled.get((head, ""), head), {})
    info[spelled.get((head, "mdtrt_id"), "mdtrt_id")] = "V1"
    around = {"mdtrtarea_admvs": "", "insuplc_admdvs": "", **written.message.head}
    found = case_from(message(transaction, nodes, **around))
    for name in FIELDS:
        if name in APART or name in written.unwritten:
            continue
        if name in DERIVED and getattr(case, name) is None:
            continue
        assert getattr(found, name) == getattr(case, name), name


@pytest.mark.parametrize(
    ("transaction", "dialect"), [("4101", ""), ("4101A", ""), ("4101A", "guangzhou")]
)
def test_a_message_goes_round(transaction: str, dialect: str) -> None:
    spelled = TABLES.spelling(transaction, dialect).write
    info = {
        n: v
        for n, v in LIST.items()
        if ("setlinfo", n) in TABLES.fields(transaction, dialect) or n == "mdtrt_id"
    }
    nodes = settlement(setlinfo=info | {"biz_sn": "7", "coner_name": "某测试"})
    if transaction == "4101A":
        del nodes["iteminfo"]
        nodes["oprninfo"] = [
            {n: v for n, v in row.items() if n != "oprn_oprt_date"}
            | {"oprn_oprt_begntime": "2026-03-02 10:00:00"}
            for row in PX
        ]
    if dialect == "guangzhou":
        nodes["diseinfo"] = [
            DX[0],
            DX[1] | {"diag_type": "2"},
            {"diag_type": "3", "diag_code": "BNG080"},
        ]
    body = message(transaction, {spelled.get((n, ""), n): rows for n, rows in nodes.items()})
    (event,) = FORM.events(raw(body))
    record = record_of(body)
    case = case_of(record)[0]
    written = write_case(case, transaction, dialect, record=record, person=event.person)
    for name, rows in nodes.items():
        got = written.nodes[spelled.get((name, ""), name)]
        kept = [got] if isinstance(got, dict) else got
        for wanted, row in zip([rows] if isinstance(rows, dict) else rows, kept, strict=True):
            assert wanted.items() <= row.items()
    assert case_from(message(transaction, written.nodes)) == case
    hidden = write_case(case, transaction, dialect, record=record)
    assert "某测试" not in json.dumps(hidden.nodes, ensure_ascii=False)


def test_types_are_those_of_the_dialect_that_is_written() -> None:
    rows = [
        *DX,
        {"diag_type": "2", "diag_code": "BNG080"},
        {"diag_type": "3", "diag_code": "ZBEA00"},
    ]
    record = record_of(message("4101", settlement(diseinfo=rows)))
    case = case_of(record)[0]
    there = write_case(case, "4101A", "guangzhou", record=record).nodes["Diseinfo"]
    assert [row["diag_type"] for row in there] == ["1", "2", "3", "4"]
    here = write_case(case, "4101A", "", record=record).nodes["diseinfo"]
    assert [row["diag_type"] for row in here] == ["1", "1", "2", "3"]


def test_the_check_runs_over_what_is_written() -> None:
    written = write_case(case_from(message("4101", settlement())), "4101")
    found = {(f.node, f.field, f.reason) for f in written.findings}
    assert ("setlinfo", "psn_name", "REQUIRED") in found
    assert ("icuinfo", "scs_cutd_ward_type", "REQUIRED") in found
    assert not [f for f in found if f[2] != "REQUIRED"]


def test_what_has_no_place_is_told() -> None:
    case = Case(
        admission_time=datetime(2026, 3, 1, 8, 30, tzinfo=LOCAL),
        weight_g=900,
        px=("36.0601",),
        px_level=("4",),
        age=3,
        icu_hours=0.001,
        region="east",
        dx=("I21.001",),
        total_cost=Decimal("5.00"),
        kind="outpatient",
    )
    assert write_case(case, "4101A").unwritten == (
        "age",
        "icu_hours",
        "kind",
        "px_level",
        "region",
        "total_cost",
        "weight_g",
    )
    front = write_case(case, "4401")
    assert {"admission_time", "icu_hours"} <= set(front.unwritten)
    assert front.nodes["oprninfo"][0]["oprn_lv_code"] == "4"


def test_items_are_written_from_lines_where_these_make_the_total() -> None:
    lines = {
        "line_class": ("01", "09", "01"),
        "line_amount": (Decimal("1.00"), Decimal("2.50"), Decimal("3.00")),
    }
    written = write_case(Case(total_cost=Decimal("6.50"), **lines), "4101")
    assert written.nodes["iteminfo"] == [
        {"med_chrgitm": "01", "amt": "4.00"},
        {"med_chrgitm": "09", "amt": "2.50"},
    ]
    assert "total_cost" not in written.unwritten
    other = write_case(Case(total_cost=Decimal("7.50"), **lines), "4101")
    assert "iteminfo" not in other.nodes
    assert "total_cost" in other.unwritten
    unclassed = Case(total_cost=Decimal("6.50"), **(lines | {"line_class": ("01", None, "01")}))
    assert "total_cost" in write_case(unclassed, "4101").unwritten


def test_other_transactions_are_not_written() -> None:
    with pytest.raises(GrouperError) as caught:
        write_case(Case(), "2301")
    assert caught.value.code == "NHSA_NOT_WRITTEN"
    assert "4101" in caught.value.describe("zh")


BODY = message("4101", settlement(setlinfo=LIST | {"psn_name": "张测试"}))


def of(found: list[Difference]) -> list[tuple[str, int, str, str, str, str]]:
    return [(d.node, d.row, d.field, d.original, d.proposed, d.reason) for d in found]


def test_a_case_as_it_was_sent_makes_no_difference() -> None:
    assert differences(raw(BODY), case_from(BODY)) == []
    assert differences(BODY, case_from(BODY)) == []
    bare = message(
        "4401",
        {"baseinfo": {"mdtrt_id": "V1", "brdy": "1960-05-01", "adm_date": "2026-03-01 08:00"}},
    )
    assert differences(bare, case_from(bare)) == []  # the age that follows is no proposal


def test_differences_of_a_proposed_case() -> None:
    case = replace(
        case_from(BODY),
        dx=("E11.900", "I21.001", "N18.900"),
        dx_poa=("4", "1", "1"),
        px=("36.0601",),
        px_date=(date(2026, 3, 3),),
        discharge_way="5",
        ventilator_hours=None,
        department="A04",
    )
    found = differences(raw(BODY), case, source="why", sources={"setlinfo.dscg_way": "because"})
    assert sorted(of(found)) == sorted(
        [
            ("setlinfo", 0, "dscg_caty", "A03.01", "A04", "VALUE_CHANGED"),
            ("setlinfo", 0, "vent_used_dura", "0/5/30", "", "VALUE_REMOVED"),
            ("setlinfo", 0, "dscg_way", "1", "5", "VALUE_CHANGED"),
            ("diseinfo", 1, "maindiag_flag", "1", "0", "VALUE_CHANGED"),
            ("diseinfo", 2, "maindiag_flag", "0", "1", "VALUE_CHANGED"),
            ("diseinfo", 3, "diag_code", "", "N18.900", "ROW_ADDED"),
            ("diseinfo", 3, "adm_cond_type", "", "1", "ROW_ADDED"),
            ("diseinfo", 3, "maindiag_flag", "", "0", "ROW_ADDED"),
            ("diseinfo", 3, "diag_type", "", "1", "ROW_ADDED"),
            ("oprninfo", 1, "oprn_oprt_date", "2026-03-02", "2026-03-03", "VALUE_CHANGED"),
            *(("oprninfo", 2, name, PX[1][name], "", "ROW_REMOVED") for name in PX[1]),
        ]
    )
    assert {d.source for d in found if d.field == "dscg_way"} == {"because"}
    assert {d.source for d in found if d.field != "dscg_way"} == {"why"}
    assert next(d.name for d in found if d.field == "dscg_way") == "离院方式"


def test_differences_are_told_in_the_senders_own_names() -> None:
    body = {
        "Input_Ybsjsc": {"JYH": "V1", "LYFS": "1", "ZDXX": [{"ZDXH": "00", "ZDBM1": "I21.001"}]}
    }
    found = differences(body, replace(case_from(body), discharge_way="2", dx=("I21.100",)))
    assert of(found) == [
        ("Input_Ybsjsc", 0, "LYFS", "1", "2", "VALUE_CHANGED"),
        ("ZDXX", 1, "ZDBM1", "I21.001", "I21.100", "VALUE_CHANGED"),
    ]


def test_differences_of_proposed_nodes() -> None:
    nodes = {
        "setlinfo": {
            "dscg_way": "1",
            "nwb_bir_wt": "3200",
            "psn_name": "李测试",
            "adm_time": "2026/3/1 8:30",
            "age": "65.0",
            "vent_used_dura": "0/05/30",
        },
        "iteminfo": [ITEMS[1], {"med_chrgitm": "02", "amt": 5}],
    }
    assert of(differences(BODY, nodes)) == [
        ("setlinfo", 0, "nwb_bir_wt", "", "3200", "VALUE_ADDED"),
        ("setlinfo", 0, "psn_name", "***", "***", "VALUE_CHANGED"),
        ("iteminfo", 1, "med_chrgitm", "01", "02", "VALUE_CHANGED"),
        ("iteminfo", 1, "amt", "1000.10", "5", "VALUE_CHANGED"),
    ]
    fewer = {"diseinfo": [DX[0]], "icuinfo": [ICU[0] | {"scs_cutd_exit_time": "?"}]}
    assert of(differences(BODY, fewer)) == [
        *(("diseinfo", 2, name, value, "", "ROW_REMOVED") for name, value in DX[1].items()),
        ("icuinfo", 1, "scs_cutd_exit_time", "2026-03-02 11:07:00", "?", "VALUE_CHANGED"),
    ]


def test_intensive_care_that_was_summed_is_not_taken_apart() -> None:
    case = case_from(BODY)
    assert differences(BODY, replace(case, icu_hours=99.0)) == []
    written = write_case(replace(case, icu_hours=99.0), "4101", record=record_of(BODY))
    assert written.unwritten == ("icu_hours",)
    assert written.nodes["icuinfo"] == ICU


FOUND = [
    Difference(
        node="setlinfo",
        row=0,
        field="dscg_way",
        name="离院方式",
        original="1",
        proposed="5",
        reason="VALUE_CHANGED",
        source="依据一",
    ),
    Difference(
        node="diseinfo",
        row=2,
        field="diag_name",
        name="诊断名称",
        original="",
        proposed="=1+1",
        reason="ROW_ADDED",
        source="",
    ),
]


def test_exports() -> None:
    told = json.loads(as_json(FOUND, "en"))
    assert told[0]["words"] == "other value"
    assert told[1]["proposed"] == "=1+1"
    rows = list(csv.reader(io.StringIO(as_csv(FOUND, "zh").decode("utf-8-sig"))))
    assert rows[0] == ["节点", "行", "字段", "名称", "原值", "建议值", "差异", "依据"]
    assert rows[1] == ["setlinfo", "0", "dscg_way", "离院方式", "1", "5", "取值不同", "依据一"]
    assert rows[2][5] == "'=1+1"
    book = openpyxl.load_workbook(io.BytesIO(as_workbook(FOUND, "zh")))
    sheet = book.worksheets[0]
    cells: list[Any] = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert cells[1] == ["setlinfo", 0, "dscg_way", "离院方式", "1", "5", "取值不同", "依据一"]
    assert cells[2][5] == "=1+1"
    assert sheet["F3"].data_type == "s"
    book.close()
    assert (
        openpyxl.load_workbook(io.BytesIO(as_workbook([], "en"))).worksheets[0]["A1"].value
        == "node"
    )
