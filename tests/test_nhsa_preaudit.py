"""NHSA 3101, 3102 and 3103 over REST: checked, answered in the shape of the interface, and kept."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from orders_support import CYCLE_RULE, every, kept, ordering, put_exception, put_standing, stay
from preaudit_support import (
    CYCLED,
    DATA,
    WOMEN,
    body,
    feedback,
    line,
    person,
    send,
    visit,
    warn,
    whole_body,
)
from service_support import Service

from grouper.intake.preaudit import preauditors
from grouper.service.problems import standing
from grouper.store.database import StoreError
from grouper.store.order_checks import GOES_BACK, GOES_ON

# Over REST


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Service]:
    with ordering(tmp_path) as found:
        yield found


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


def test_texts_are_cut_to_the_length_of_the_field_table(running: Service) -> None:
    one = visit("V1", line(WOMEN, "L" * 60))
    (told,) = results(running, body(person(one)))
    name = told["judge_result_detail_dtos"][0]["rx_id"]
    assert (len(name), name[-1]) == (50, "…")


# Feedback


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
