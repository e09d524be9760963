"""NHSA 3101, 3102 and 3103: read, checked, answered in the shape of the interface, and fuzzed."""

from __future__ import annotations

import copy
import csv
import json
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from orders_support import CYCLE_RULE, every, kept, ordering, put_exception, put_standing, stay
from preaudit_support import CYCLED, WOMEN, body, feedback, line, person, visit, whole_body
from service_support import Service

from codebooks.errors import CodebookError
from grouper.intake.forms import IntakeError
from grouper.intake.preaudit import preauditors
from grouper.service import preaudit
from grouper.service.problems import ServiceError, standing
from grouper.store.database import StoreError
from grouper.store.order_checks import GOES_BACK, GOES_ON
from hl7_adapters.nhsa.preaudit import PREAUDITOR
from hl7_adapters.nhsa.preaudit_tables import preaudit_tables
from hl7_adapters.nhsa.table_files import read_tables

DATA = Path(__file__).resolve().parents[1] / "hl7_adapters" / "nhsa" / "data"
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


def raw(found: Any) -> bytes:
    return json.dumps(found, ensure_ascii=False).encode()


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


# Over REST


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Service]:
    with ordering(tmp_path) as found:
        yield found


def send(on: Service, transaction: str, found: Any, **more: Any) -> Any:
    content = found if isinstance(found, bytes) else raw(found)
    role = more.pop("role", "interface")
    return on.ask(role, "POST", f"/api/v1/nhsa/{transaction}", content=content, **more)


def results(on: Service, found: Any, transaction: str = "3101") -> list[dict[str, Any]]:
    answer = send(on, transaction, found)
    assert answer.status_code == 200, answer.text
    document = answer.json()
    assert (document["infcode"], document["err_msg"]) == ("0", "")
    told: list[dict[str, Any]] = document["output"]["result"]
    return told


def test_an_order_is_answered_in_the_shape_of_the_interface(running: Service) -> None:
    answer = send(running, "3101", whole_body())
    (told,) = answer.json()["output"]["result"]
    with (DATA / "preaudit_fields.csv").open(encoding="utf-8") as file:
        out = [r for r in csv.DictReader(file) if r["direction"] == "out"]
    assert set(told) == {r["field"] for r in out if r["node"] == "result"}
    (detail,) = told["judge_result_detail_dtos"]
    assert set(detail) == {r["field"] for r in out if r["node"] == "judge_result_detail_dtos"}
    assert (told["rule_id"], told["patn_id"], told["mdtrt_id"]) == (CYCLE_RULE, "P1", "V1")
    assert (told["sev_deg"], told["vola_bhvr_type"], told["vola_amt_stas"]) == ("1", "1", "1")
    assert (detail["rx_id"], detail["vola_item_type"]) == ("L2", "1")
    assert b'"vola_amt":12.50' in answer.content
    assert "限 1 次" in told["vola_cont"]
    assert answer.json()["inf_refmsgid"] == "H00000000001202602221000000001"
    assert "示例张三" not in answer.text
    (row,) = kept(running, told["jr_id"])
    assert (row.via, row.moment, row.physician, row.stay_id) == ("3101", "order", "D7", None)
    assert running.looks()[-1] == ("his", "orders_checked", "case:handed-in")


def test_nothing_of_the_sender_is_kept_but_the_names_of_lines(running: Service) -> None:
    results(running, whole_body())
    (row,) = every(running)
    for private in ("示例", "P1", "V1", "1960"):
        assert private not in str(row)
    assert "示例" not in str(running.ask("admin", "GET", "/api/v1/audit").json())


def test_the_same_question_has_the_same_keys(running: Service) -> None:
    first, second = (results(running, whole_body())[0]["jr_id"] for _ in range(2))
    assert first == second
    other = whole_body()
    other["input"]["data"]["patient_dtos"][0]["patn_id"] = "P2"
    assert results(running, other)[0]["jr_id"] != first


def test_a_stored_stay_is_linked_and_its_lines_stand_beside(running: Service) -> None:
    case = stay(running)
    one = visit("V1", line(CYCLED, "L2"), medins_id="")
    (told,) = results(running, body(person(one)))
    assert [detail["rx_id"] for detail in told["judge_result_detail_dtos"]] == ["L2"]
    (row,) = kept(running, told["jr_id"])
    assert row.document["case_id"] == case
    assert running.looks()[-1][2] == f"case:{case}"
    one = visit("V1", line(WOMEN, "L0", current=0), line(CYCLED, "L2"), medins_id="")
    assert results(running, body(person(one))) == []


def test_another_patients_stay_is_not_used(running: Service) -> None:
    stay(running)
    one = body(person(visit("V1", line(CYCLED, "L2"), medins_id=""), patn_id="P2"))
    answer = send(running, "3101", one).json()
    assert answer["output"]["result"] == []
    assert "另一位患者" in answer["warn_msg"]


def test_what_was_not_judged_is_a_warning(running: Service) -> None:
    one = visit("V1", line(None, "L1"), line(CYCLED, "L2", cnt="zwei"))
    answer = send(running, "3101", body(person(one), rule_ids=["N2025-31", "X1"])).json()
    for word in ("L1", "没有项目编码", "L2", "X1"):
        assert word in answer["warn_msg"]


def test_a_line_that_states_nothing_keeps_its_place(running: Service) -> None:
    earlier = line(CYCLED, "L1", current=0, drord_begn_date="2026-02-21 09:00:00")
    one = visit("V1", earlier, {"curr_drord_flag": 1}, line(CYCLED, "L3"))
    (told,) = results(running, body(person(one)))
    assert [detail["rx_id"] for detail in told["judge_result_detail_dtos"]] == ["L3"]


def test_rules_that_are_named_alone_are_asked(running: Service) -> None:
    one = visit("V1", line(WOMEN, "L2"))
    assert results(running, body(person(one), rule_ids=["N2025-31"])) == []
    assert results(running, body(person(one), rule_ids=["X1"])) == []
    assert len(results(running, body(person(one)))) == 1


def test_standings_and_exceptions_hold_here_too(running: Service) -> None:
    put_exception(running, CYCLE_RULE, {"item": CYCLED}, date(2026, 2, 22))
    assert results(running, whole_body()) == []
    put_standing(running, CYCLE_RULE, "shadow")
    assert results(running, whole_body()) == []
    (row,) = every(running)
    assert row.shadow


def test_a_settlement_is_screened_as_a_whole_case(running: Service) -> None:
    now, before = "2026-02-25 10:00:00", "2026-02-12 10:00:00"
    first = line(CYCLED, "L1", drord_begn_date="2026-02-21 09:00:00")
    one = visit("V1", first, line(CYCLED, "L2"), dscg_date=now)
    old = visit("V0", adm_date="2026-02-05 08:00:00", dscg_date=before)
    found = results(running, body(person(one, old), scene="8"))
    assert {told["rule_id"] for told in found} == {CYCLE_RULE, "GZ10000204001000"}
    assert {row.moment for row in every(running)} == {"upload"}
    # The patient's own stays alone stand beside.
    other = person(old, patn_id="P2")
    found = results(running, body(person(one), other, scene="8"))
    assert {told["rule_id"] for told in found} == {CYCLE_RULE}


def test_at_admission_only_behaviour_is_asked(running: Service) -> None:
    one = visit("V1", line(CYCLED, "L1"), line(CYCLED, "L2"))
    found = results(running, body(person(one), scene="3"))
    assert found == []
    twin = visit("V2", adm_date="2026-02-19 08:00:00", dscg_date="2026-02-23 08:00:00")
    found = results(running, body(person(one, twin), scene="3"))
    assert {told["vola_bhvr_type"] for told in found} <= {"4"}


def test_charges_of_a_stay_are_asked_by_3102(running: Service) -> None:
    pair = ("001103000010000", "001102000030000")
    one = visit("V1", *(line(item, name) for item, name in zip(pair, "ab", strict=True)))
    found = results(running, body(person(one), scene="4", infno="") | {"infno": "3102"}, "3102")
    assert [told["rule_id"] for told in found] == ["GZ10000102012000"]
    (row,) = every(running)
    assert (row.via, row.moment) == ("3102", "stay")


def test_an_amount_that_cannot_be_split_is_left_open(running: Service) -> None:
    lines = [line(WOMEN, "a", sumamt="1.00"), line(WOMEN, "b", sumamt="2.00")]
    (told,) = results(running, body(person(visit("V1", *lines))))
    amounts = [detail["vola_amt"] for detail in told["judge_result_detail_dtos"]]
    assert (told["vola_amt"], amounts) == (3.0, [1.0, 2.0])


# Feedback


def warn(key: str, way: str, reason: str = "") -> dict[str, str]:
    return {"warn_rslt_id": key, "dspo_way": way, "dspo_way_rea": reason}


def test_feedback_is_kept_with_what_was_told(running: Service) -> None:
    key = results(running, whole_body())[0]["jr_id"]
    answer = send(running, "3103", feedback(warn(key, "1", "病情需要")))
    assert answer.json()["infcode"] == "0"
    (row,) = kept(running, key)
    assert (row.answer, row.answer_reason, row.answered_by) == (GOES_ON, "病情需要", "his")
    assert running.looks()[-1] == ("his", "order_answered", f"finding:{key}")
    send(running, "3103", feedback(warn(key, "2")))
    assert kept(running, key)[0].answer == GOES_BACK


@pytest.mark.parametrize(
    ("found", "code", "place"),
    [
        (feedback(warn("k", "1")), "PREAUDIT_REASON", "warns[1].dspo_way_rea"),
        (feedback(warn("k", "1", " ")), "PREAUDIT_REASON", "warns[1].dspo_way_rea"),
        (feedback(warn("k", "1", "x" * 501)), "PREAUDIT_REASON", "warns[1].dspo_way_rea"),
        (feedback(warn("k", "3")), "PREAUDIT_ANSWER", "warns[1].dspo_way"),
        (feedback(warn("k", "")), "PREAUDIT_ANSWER", "warns[1].dspo_way"),
        (feedback(warn("", "2")), "PREAUDIT_ANSWER", "warns[1].warn_rslt_id"),
        (feedback(warn("k", "2"), kind="7"), "PREAUDIT_ANSWER", "warn_type"),
        (feedback(), "PREAUDIT_EMPTY", "warns"),
        (feedback(warn("k", "2")), "PREAUDIT_UNKNOWN", "warns"),
    ],
)
def test_feedback_that_is_none_is_refused_in_the_interfaces_way(
    running: Service, found: Any, code: str, place: str
) -> None:
    answer = send(running, "3103", found)
    document = answer.json()
    assert answer.status_code == standing(code).status
    assert (document["infcode"], document["output"]) == ("-1", {})
    assert document["err_msg"].startswith(f"{code}（{place}）")
    assert document["inf_refmsgid"] == found["msgid"]


# Faults


def test_a_message_that_cannot_be_used_is_answered_in_the_interfaces_way(running: Service) -> None:
    answer = send(running, "3101", b"\x00{")
    assert answer.status_code == 400
    assert answer.json()["infcode"] == "-1"
    assert "MESSAGE_UNREADABLE" in answer.json()["err_msg"]
    bad = whole_body()
    bad["input"]["data"]["patient_dtos"][0]["fsi_encounter_dtos"][0]["fsi_order_dtos"][1]["cnt"] = (
        "99999999999999999999"
    )
    assert send(running, "3101", bad).json()["infcode"] in ("0", "-1")


def test_what_cannot_be_logged_is_not_told(
    running: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_entries: object) -> None:
        raise StoreError("STORE_UNAVAILABLE")

    monkeypatch.setattr(running.app.state.services.audit, "_write", away)
    answer = send(running, "3101", whole_body())
    assert answer.status_code == 503
    assert answer.json()["err_msg"].startswith("AUDIT_UNAVAILABLE")
    assert every(running) == []


def test_only_transactions_that_are_served_are_found_and_rights_are_asked(
    running: Service,
) -> None:
    assert send(running, "3105", {}).status_code == 404
    assert send(running, "x", {}).status_code == 422
    assert send(running, "3101", whole_body(), role="office").status_code == 403
    assert preauditors().keys() == {"3101", "3102", "3103"}


# Fuzz


_ODD = [
    *(None, "", "x", -1, 10**30, 1.5, True, [], {}, [None], ["x"], {"x": 1}, "2026-13-40"),
    *("9" * 400, "\u0000", "\ud800", "1e999", "NaN", "０１", "示例"),
]


def _nodes(found: Any) -> Iterator[tuple[Any, Any]]:
    items = found.items() if isinstance(found, dict) else enumerate(found)
    for name, value in list(items):
        yield found, name
        if isinstance(value, dict | list):
            yield from _nodes(value)


def mutated(base: dict[str, Any], seed: int) -> Any:
    """A body with a few of its values changed, dropped or repeated."""
    dice = random.Random(seed)  # noqa: S311 -- no secret
    found = copy.deepcopy(base)
    for _ in range(dice.randint(1, 4)):
        holder, name = dice.choice(list(_nodes(found)))
        way = dice.randrange(4)
        if way == 0:
            holder[name] = copy.deepcopy(dice.choice(_ODD))
        elif way == 1 and isinstance(holder, dict):
            del holder[name]
        elif way == 2 and isinstance(holder, list):
            holder.append(copy.deepcopy(holder[name]))
        else:
            holder[name] = [copy.deepcopy(holder[name])]
        if not found:
            break
    return found


def _answers(on: Service, found: Any, transaction: str) -> None:
    answer = send(on, transaction, json.dumps(found).encode())
    document = answer.json()
    assert answer.status_code in (200, 400, 404, 415, 422), answer.text
    assert document["infcode"] == ("0" if answer.status_code == 200 else "-1")
    if answer.status_code == 200 and transaction != "3103":
        for told in document["output"]["result"]:
            assert Decimal(str(told["vola_amt"])) >= 0
    else:
        assert answer.status_code == 200 or document["err_msg"]


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with ordering(tmp_path_factory.mktemp("fuzzed")) as found:
        yield found


@settings(
    max_examples=examples(60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 1 << 30), scene=st.sampled_from(["5", "4", ""]))
def test_no_body_breaks_the_service(fuzzed: Service, seed: int, scene: str) -> None:
    base = whole_body()
    base["input"]["data"]["trig_scen"] = scene
    base["infno"] = transaction = "3101" if seed % 2 else "3102"
    _answers(fuzzed, mutated(base, seed), transaction)


@settings(
    max_examples=examples(4),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 1 << 30))
def test_no_settlement_breaks_the_service(fuzzed: Service, seed: int) -> None:
    base = whole_body()
    base["input"]["data"]["trig_scen"] = "8"
    _answers(fuzzed, mutated(base, seed), "3101")


@settings(
    max_examples=examples(30),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 1 << 30))
def test_no_feedback_breaks_the_service(fuzzed: Service, seed: int) -> None:
    base = feedback(warn("0" * 24, "1", "x"), warn("1" * 24, "2"))
    _answers(fuzzed, mutated(base, seed), "3103")


@given(st.binary(max_size=64) | st.text(max_size=40).map(str.encode))
def test_no_bytes_break_the_reading(found: bytes) -> None:
    for transaction in ("3101", "3103"):
        ask = PREAUDITOR.read if transaction == "3101" else PREAUDITOR.read_reactions
        with pytest.raises(IntakeError):
            ask(found, transaction)  # type: ignore[operator]
    assert PREAUDITOR.reply_of(found) == ""


def test_a_visit_that_contradicts_itself_is_no_case() -> None:
    found = read(whole_body()).visits[0]
    # Only a hospital's own row of the meanings can bring two names of one field.
    odd = replace(found, raw={**found.raw, "性别": "2"})
    with pytest.raises(ServiceError) as caught:
        preaudit._read(odd, 1)
    assert caught.value.code == "CASE_UNREADABLE"


def test_texts_are_cut_to_the_length_of_the_field_table(running: Service) -> None:
    one = visit("V1", line(WOMEN, "L" * 60))
    (told,) = results(running, body(person(one)))
    name = told["judge_result_detail_dtos"][0]["rx_id"]
    assert (len(name), name[-1]) == (50, "…")
