"""NHSA 3101 and 3102 read: the tables of the interface, and requests as cases and lines."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from nhsa_support import raw
from preaudit_support import CYCLED, DATA, body, line, person, visit, whole_body

from codebooks.errors import CodebookError
from grouper.intake.forms import IntakeError
from grouper.service import preaudit
from grouper.service.problems import ServiceError
from hl7_adapters.nhsa.preaudit import PREAUDITOR
from hl7_adapters.nhsa.preaudit_tables import preaudit_tables
from hl7_adapters.nhsa.table_files import read_tables

NODES = {
    "InputData": "data",
    "InputPD": "patient_dtos",
    "InputFED": "fsi_encounter_dtos",
    "InputFDD": "fsi_diagnose_dtos",
    "InputFOD": "fsi_order_dtos",
    "InputFODSS": "fsi_operation_dtos",
    "Outputrs": "result",
    "OutputJRDD": "judge_result_detail_dtos",
}


def read(found: Any, transaction: str = "3101") -> Any:
    return PREAUDITOR.read(raw(found), transaction)


def refused(found: Any, transaction: str = "3101") -> tuple[str, str]:
    with pytest.raises(IntakeError) as caught:
        PREAUDITOR.read(found if isinstance(found, bytes) else raw(found), transaction)
    return caught.value.code, str(caught.value.params["place"])


# Tables


def test_every_field_of_the_interface_is_carried(facts: Path) -> None:
    with (DATA / "preaudit_fields.csv").open(encoding="utf-8") as file:
        here = {(r["transaction"], r["node"], r["field"]): r for r in csv.DictReader(file)}
    for name in ("nhsa_3101_preaudit_in", "nhsa_3101_preaudit_out", "nhsa_3102_inaudit_in"):
        with (facts / "interfaces" / f"{name}.csv").open(encoding="utf-8-sig") as file:
            for row in csv.DictReader(file):
                node = NODES.get(row["node"].removesuffix(row["txn"]))
                if node is None:
                    assert row["node"].startswith("Receive")
                    continue
                own = here[row["txn"], node, row["field"]]
                length, _, scale = row["length"].partition(",")
                if length.isdigit() and own["type"] in ("text", "number"):
                    assert (own["length"], own["scale"]) == (length, scale)


def test_what_names_a_person_means_nothing_but_its_number() -> None:
    with (DATA / "preaudit_fields.csv").open(encoding="utf-8") as file:
        private = {(r["node"], r["field"]) for r in csv.DictReader(file) if r["private"]}
    meant = {
        (node, name): to for node, found in preaudit_tables().meanings.items() for name, to in found
    }
    told = {meant[one] for one in private if one in meant}
    assert told == {"patient", "birth_date"}


def test_meanings_and_codes_are_of_fields_that_exist() -> None:
    with (DATA / "preaudit_fields.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    fields = {(r["node"], r["field"]) for r in rows}
    tables = preaudit_tables()
    for node, found in tables.meanings.items():
        assert all((node, name) in fields for name, _ in found)
    names = {name for _, name in fields}
    assert {name for name, _ in tables.values} <= names
    for level in ("violation", "suspect", "verify", "monitor"):
        assert tables.codes["sev_deg", level]
    for class_ in ("policy", "management", "clinical", "behaviour", "coding"):
        assert tables.codes["vola_bhvr_type", class_]


def test_a_hospitals_own_codes_go_above_ours(tmp_path: Path) -> None:
    own = (
        "list,code,value,meaning,source\nsev_deg,9,violation,示例,示例\nsev_deg,1,other,示例,示例\n"
    )
    (tmp_path / "preaudit_codes.csv").write_text(own, "utf-8")
    assert preaudit_tables(tmp_path).codes["sev_deg", "violation"] == "9"
    (tmp_path / "preaudit_scenes.csv").write_text(
        "scene,moment,engine,classes,proposed,kind,zh,en,source\n5,later,lines,,Y,,x,x,x\n", "utf-8"
    )
    with pytest.raises(CodebookError) as caught:
        read_tables(tmp_path)
    assert caught.value.code == "NHSA_TABLE_VALUE"


# Reading


def test_a_request_is_read_into_a_case_and_lines() -> None:
    asked = read(whole_body())
    assert (asked.transaction, asked.scene, asked.moment, asked.engine) == (
        *("3101", "5", "order", "lines"),
    )
    assert asked.only_proposed
    (found,) = asked.visits
    assert (found.patient, found.visit, found.current) == ("P1", "V1", True)
    assert found.raw["kind"] == "inpatient"
    assert found.raw["dx"] == ["I21.001"]
    assert found.raw["department"] == "A03"
    first, second = found.lines
    assert (first.name, first.proposed, second.proposed) == ("L1", False, True)
    assert second.about["line_amount"] == "12.5"
    assert "示例张三" not in str(asked)
    assert "示例李四" not in str(asked)
    assert asked.remarks == ()


def test_names_may_be_spelled_in_another_case_and_nodes_stand_alone() -> None:
    data = whole_body()["input"]["data"]
    visits = data["patient_dtos"][0].pop("fsi_encounter_dtos")
    visits[0]["fsiOrderDtos"] = visits[0].pop("fsi_order_dtos")
    visits[0]["mdtrtId"] = visits[0].pop("mdtrt_id")
    data["patient_dtos"][0]["fsiEncounterDtos"] = visits[0]
    found = read(data).visits[0]
    assert (found.visit, len(found.lines)) == ("V1", 2)
    assert read({"input": json.dumps(data)}).visits[0].visit == "V1"


def test_gb18030_is_read() -> None:
    found = json.dumps(whole_body(), ensure_ascii=False).encode("gb18030")
    assert PREAUDITOR.read(found, "3101").visits[0].lines[0].about["line_name"] == "示例项目"


def test_the_principal_is_the_one_that_is_marked_and_none_is_promoted() -> None:
    def codes(*rows: tuple[str, int, int], stated: str = "") -> Any:
        dx = [
            {"dise_codg": code, "maindise_flag": main, "dias_srt_no": place}
            for code, main, place in rows
        ]
        one = visit("V1", fsi_diagnose_dtos=dx, dscg_main_dise_codg=stated)
        return read(body(person(one))).visits[0].raw.get("dx")

    assert codes(("E11.900", 0, 2), ("I21.001", 1, 3), ("J18.900", 0, 1)) == [
        *("I21.001", "J18.900", "E11.900"),
    ]
    assert codes(("E11.900", 0, 1), ("I21.001", 0, 2)) == [None, "E11.900", "I21.001"]
    assert codes(("E11.900", 0, 1), ("I21.001", 0, 2), stated="I21.001") == ["I21.001", "E11.900"]
    assert codes(("E11.900", 0, 1), stated="I21.001") == ["I21.001", "E11.900"]
    assert codes(("E11.900", 0, 1), ("E11.900", 1, 2)) == ["E11.900"]
    assert codes() is None


def test_two_principals_are_told_unless_only_one_is_of_discharge() -> None:
    dx = [
        {"dise_codg": "E11.900", "maindise_flag": "1", "inout_dise_type": "1"},
        {"dise_codg": "I21.001", "maindise_flag": "1", "inout_dise_type": "2"},
    ]
    asked = read(body(person(visit("V1", fsi_diagnose_dtos=dx))))
    assert (asked.visits[0].raw["dx"], asked.remarks) == (["I21.001", "E11.900"], ())
    dx[1]["inout_dise_type"] = "1"
    assert read(body(person(visit("V1", fsi_diagnose_dtos=dx)))).remarks


def test_procedures_are_read() -> None:
    px = [{"oprn_code": "36.0601", "main_oprn_flag": "1", "oprn_date": "2026-02-21"}]
    found = read(body(person(visit("V1", fsi_operation_dtos=px)))).visits[0].raw
    assert (found["px"], found["px_date"]) == (["36.0601"], ["2026-02-21"])


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ({"med_type": "11", "med_mdtrt_type": "2"}, "outpatient"),
        ({"med_type": "99", "med_mdtrt_type": "2"}, "inpatient"),
        ({"med_type": "", "med_mdtrt_type": ""}, "inpatient"),
    ],
)
def test_the_kind_is_what_is_known_first(more: dict[str, str], kind: str) -> None:
    asked = read(body(person(visit("V1", **more))))
    assert asked.visits[0].raw["kind"] == kind
    assert bool(asked.remarks) == (more["med_type"] == "99")


def test_without_any_mark_all_lines_are_the_current_ones() -> None:
    lines = [line(CYCLED, "a"), line(CYCLED, "b")]
    for one in lines:
        del one["curr_drord_flag"]
    assert all(one.proposed for one in read(body(person(visit("V1", *lines)))).visits[0].lines)
    lines[1]["curr_drord_flag"] = True
    found = read(body(person(visit("V1", *lines)))).visits[0].lines
    assert [one.proposed for one in found] == [False, True]


def test_an_amount_is_price_times_quantity_where_none_is_stated() -> None:
    lines = [
        line(CYCLED, "a", sumamt=None, pric="0.10", cnt="3"),
        line(CYCLED, "b", sumamt="", pric="x", cnt="3"),
        line(CYCLED, "c", sumamt="", pric="1e99", cnt="3"),
    ]
    found = read(body(person(visit("V1", *lines)))).visits[0].lines
    assert [one.about.get("line_amount") for one in found] == ["0.30", None, None]


def test_a_code_that_came_as_a_number_is_none() -> None:
    asked = read(body(person(visit("V1", line(1101, "a")))))  # type: ignore[arg-type]
    assert "line_item" not in asked.visits[0].lines[0].about
    assert [one.reason for one in asked.remarks] == ["CODE_INVALID"]


def test_lines_of_one_order_keep_names_of_their_own() -> None:
    found = read(body(person(visit("V1", line(CYCLED, "a"), line(CYCLED, "a"), line(CYCLED, "")))))
    assert [one.name for one in found.visits[0].lines] == ["a", "a#2", "#3"]


def test_places_that_hold_no_value_are_told() -> None:
    one = visit("V1", line(CYCLED, "a", cnt=[1]), adm_date={"x": 1})
    asked = read(body(person(one, gend="1", GEND="2")))
    assert len(asked.remarks) == 3
    assert asked.visits[0].raw["sex"] == "1"


def test_rules_may_stand_in_the_place_of_a_scene() -> None:
    asked = read(body(person(visit("V1")), scene="", rule_ids=["N2025-31", "N2025-31"]))
    assert (asked.scene, asked.moment, asked.rules) == ("rules", "stay", ("N2025-31",))
    assert read(body(person(visit("V1")), rule_ids="N2025-31")).rules == ("N2025-31",)


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (b"{", "MESSAGE_TRUNCATED"),
        (b"[]", "MESSAGE_UNREADABLE"),
        (b"\xff\xff\xff", "CHARSET_BROKEN"),
        ({}, "PREAUDIT_SCENE"),
        (body(person(visit("V1")), scene="10"), "PREAUDIT_SCENE"),
        (body(person(visit("V1")), scene="rules"), "PREAUDIT_SCENE"),
        (body(), "PREAUDIT_EMPTY"),
        (body(person(visit("V1")), patient_dtos=[]), "PREAUDIT_EMPTY"),
        (body(person(visit("V1"), current="V2")), "VISIT_MISSING"),
        (body(person(visit("V1"), visit("V2"), current="")), "VISIT_MISSING"),
        (body(person(visit("V1"), visit("V1"))), "VISIT_MISSING"),
        (body(person(visit("V1")), patient_dtos=["x"]), "MESSAGE_UNREADABLE"),
        ({"input": 5}, "MESSAGE_UNREADABLE"),
        ({"infno": "4101"}, "TYPE_UNSUPPORTED"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_reason(found: Any, code: str) -> None:
    assert refused(found)[0] == code


def test_a_visit_that_contradicts_itself_is_no_case() -> None:
    found = read(whole_body()).visits[0]
    # Only a hospital's own row of the meanings can bring two names of one field.
    odd = replace(found, raw={**found.raw, "性别": "2"})
    with pytest.raises(ServiceError) as caught:
        preaudit._read(odd, 1)
    assert caught.value.code == "CASE_UNREADABLE"
