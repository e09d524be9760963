"""Findings over REST: who sees which, the review, evidence, exceptions."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from review_support import AT, RULE, asker, keep, row
from service_findings_support import ask, light, people, post, put, running, step
from service_support import Service

from grouper.audit.review.steps import Said
from grouper.service import finding_rules, findings
from grouper.service.access.principal import Right
from grouper.service.finding_answers import FileOut, FindingDetail, FindingList
from grouper.service.finding_asked import DeductionTable, WhitelistList, WhitelistOut
from grouper.service.problems import ServiceError
from grouper.store import accounts, audit
from grouper.store.schema import now
from grouper.store.states import Role

__all__ = ["light", "people", "running"]


def test_a_finding_is_reviewed_from_found_to_deducted(running: Service) -> None:
    case = put(running)
    page = ask(running, "findings").json()
    FindingList.model_validate(page)
    (one,) = page["findings"]
    number = one["id"]
    assert (one["case_id"], one["state"], one["state_name"]) == (case, "new", "待初审")
    assert page["counts"] == [{"state": "new", "level": "violation", "count": 1, "amount": "12.50"}]
    assert running.looks()[-1] == ("office1", "findings_listed", "findings")
    detail = ask(running, f"findings/{number}").json()
    FindingDetail.model_validate(detail)
    assert [one["action"] for one in detail["steps"]] == ["confirm", "propose", "ask", "assign"]
    assert detail["document"]["words"][0].startswith("【违规】")
    assert detail["document"]["line_names"] == ["L1"]
    assert running.looks()[-1] == ("office1", "finding_shown", f"finding:{number}")

    assert step(running, number, "confirm", "new", "office").json()["state"] == "confirmed"
    asked = step(running, number, "ask", "confirmed", "office", note="请核对").json()
    assert (asked["state"], asked["overdue"], asked["department"]) == ("asked", False, "心内科")
    mine = ask(running, "findings", "physician").json()["findings"]
    assert [one["id"] for one in mine] == [number]
    answered = step(running, number, "answer", "asked", "physician", note="已核对张三病历").json()
    assert (answered["state"], answered["steps"]) == ("answered", [])
    same = step(running, number, "uphold", "answered", "office")
    assert (same.status_code, same.json()["code"]) == (409, "SECOND_PERSON")
    assert step(running, number, "uphold", "answered", "second").json()["state"] == "upheld"
    above = step(running, number, "deduct", "upheld", "second", amount="99.00")
    assert (above.status_code, above.json()["code"]) == (422, "AMOUNT_ABOVE")
    done = step(running, number, "deduct", "upheld", "second", amount=12.5).json()
    assert (done["state"], done["deduction"], done["closed_by"]) == ("deducted", "12.50", "office2")
    assert [one["action"] for one in done["events"]] == [
        "found",
        "confirm",
        "ask",
        "answer",
        "uphold",
        "deduct",
    ]
    chain = done["events"]
    assert all(a["after"] == b["before"] for a, b in pairwise(chain))
    assert ask(running, "findings").json()["findings"] == []
    assert len(ask(running, "findings", params={"every": True}).json()["findings"]) == 1
    # What people wrote stands with the finding and never in the audit log.
    with running.database.reading() as connection:
        entries = audit.entries(connection, limit=500)
        assert audit.verify(connection).faults == ()
    assert "张三" not in json.dumps([one.about for one in entries], ensure_ascii=False)
    told = [one.about for one in entries if one.action == "finding_step"]
    assert told[0] == {
        "action": "deduct",
        "before": "upheld",
        "after": "deducted",
        "amount": "12.5",
    }

    month = now().astimezone(AT.tzinfo) + timedelta(hours=8)
    table = ask(running, "findings/deductions", params={"month": f"{month:%Y-%m}"}).json()
    DeductionTable.model_validate(table)
    assert (table["total"], table["deductions"][0]["closed_by"]) == ("12.50", "office2")


def test_of_two_reviewers_at_once_the_second_is_told(light: Service) -> None:
    put(light)
    assert step(light, 1, "confirm", "new", "office").status_code == 200
    late = step(light, 1, "propose", "new", "second", note="x")
    assert (late.status_code, late.json()["code"]) == (409, "FINDING_MOVED")
    assert step(light, 99, "confirm", "new", "office").json()["code"] == "FINDING_UNKNOWN"
    assert step(light, 1, "confirm", "new", "manager").status_code == 403
    assert step(light, 1, "confirm", "new", "office", more=1).status_code == 422


def test_physicians_see_live_findings_of_their_departments(light: Service) -> None:
    put(light, 2)
    keep(light.database, [row("a" * 24, shadow=True, stay_id=None)])
    keep(light.database, [row("b" * 24, department="骨科", stay_id=None)])
    assert len(ask(light, "findings", "physician").json()["findings"]) == 2
    assert [one["id"] for one in ask(light, "findings", "other").json()["findings"]] == [4]
    for shown in ({"state": "shadow"}, {"shadow": True}, {"every": True, "text": "a" * 24}):
        assert ask(light, "findings", "physician", params=shown).json()["findings"] == []
    assert len(ask(light, "findings", params={"state": "shadow"}).json()["findings"]) == 1
    for path in ("findings/3", "findings/4", "findings/99"):
        answer = ask(light, path, "physician")
        assert (answer.status_code, answer.json()["code"]) == (404, "FINDING_UNKNOWN")
    assert ask(light, "findings/3").json()["state"] == "shadow"
    assert ask(light, "findings", "admin").status_code == 403
    assert post(light, "findings/4/comments", {"note": "x"}, "physician").status_code == 404
    assert ask(light, "findings", "manager").status_code == 200


def test_a_finding_may_be_assigned_beyond_a_department(light: Service) -> None:
    put(light)
    with light.database.writing_store() as connection:
        accounts.create(connection, "doctor9", Role.PHYSICIAN, departments=["骨科"])
        accounts.create(connection, "his9", Role.INTERFACE)
    for name in ("nobody", "his9"):
        answer = step(light, 1, "ask", "new", "office", assignee=name)
        assert (answer.status_code, answer.json()["code"]) == (422, "ASSIGNEE_UNKNOWN")
    due = (now() + timedelta(days=2)).isoformat()
    asked = step(light, 1, "ask", "new", "office", assignee="doctor9", due=due).json()
    assert asked["assignee"] == "doctor9"
    assert [one["id"] for one in ask(light, "findings", "other").json()["findings"]] == [1]
    done = step(light, 1, "answer", "asked", "other", note="已核对")
    assert (done.status_code, done.json()["assignee"]) == (200, None)
    assert ask(light, "findings/1", "other").status_code == 404
    asked = step(light, 1, "ask", "answered", "office", department="骨科").json()
    assert asked["asked_department"] == "骨科"
    assert ask(light, "findings/1", "other").status_code == 200
    late = step(light, 1, "assign", "asked", "office", due="2020-01-01T00:00:00")
    assert late.json()["code"] == "DUE_PAST"


def test_comments(light: Service) -> None:
    put(light)
    said = post(light, "findings/1/comments", {"note": " 已电话联系 "}, "physician").json()
    assert said["events"][-1]["note"] == "已电话联系"
    assert said["state"] == "new"
    assert post(light, "findings/1/comments", {"note": " "}).json()["code"] == "REVIEW_NOTE"
    assert post(light, "findings/1/comments", {"note": "x" * 2001}).status_code == 422
    assert post(light, "findings/1/comments", {"note": "x\x00"}).status_code == 422
    assert light.looks()[-1] == ("doctor1", "finding_comment", "finding:1")


def attach(running: Service, name: str, content: bytes, role: str = "physician") -> Any:
    return running.ask(
        role, "POST", "/api/v1/findings/1/files", files={"file": (name, content, "text/html")}
    )


def test_evidence_is_an_attachment_and_every_look_is_logged(
    running: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(running)
    answer = attach(running, "病历摘要.pdf", b"%PDF-1.7 x")
    assert answer.status_code == 201, answer.text
    file = answer.json()
    FileOut.model_validate(file)
    assert (file["media"], file["size"], file["name"]) == ("application/pdf", 10, "病历摘要.pdf")
    assert answer.headers["location"] == file["place"]
    assert attach(running, "other.pdf", b"%PDF-1.7 x").json() == file
    fetched = running.ask("office", "GET", file["place"])
    assert fetched.content == b"%PDF-1.7 x"
    assert fetched.headers["content-disposition"].startswith("attachment")
    assert fetched.headers["content-type"] == "application/octet-stream"
    assert fetched.headers["x-content-type-options"] == "nosniff"
    assert running.looks()[-1] == ("office1", "finding_file_shown", "finding:1")
    detail = ask(running, "findings/1").json()
    assert [one["id"] for one in detail["files"]] == [file["id"]]
    assert [one["action"] for one in detail["events"]] == ["found", "file"]
    assert attach(running, "a.pdf", b"<html>").json()["code"] == "EVIDENCE_TYPE"
    assert attach(running, "a.txt", b"x", "other").status_code == 404
    assert running.ask("other", "GET", file["place"]).status_code == 404
    gone = running.ask("office", "GET", "/api/v1/findings/1/files/99")
    assert (gone.status_code, gone.json()["code"]) == (404, "FINDING_FILE_UNKNOWN")
    few = replace(finding_rules.limits(), most_files=1)
    monkeypatch.setattr("grouper.service.finding_evidence.limits", lambda: few)
    full = attach(running, "b.txt", b"more")
    assert (full.status_code, full.json()["code"]) == (409, "EVIDENCE_FULL")
    assert len(ask(running, "findings/1").json()["files"]) == 1


def test_a_finding_raised_by_hand(light: Service) -> None:
    lines = {
        "L1": {
            "line_item": "A",
            "line_amount": "120.00",
            "line_quantity": "1",
            "line_time": "2026-02-21 09:00",
            "line_department": "骨科",
        },
        "L2": {"line_item": "B", "line_amount": "30.50"},
        "L3": {"line_item": "B", "line_amount": "-31.00"},
    }
    case = light.stay(lines=lines)
    body = {"case_id": case, "rule": RULE, "lines": [2, 1], "note": "重复收费"}
    answer = post(light, "findings", body)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert answer.headers["location"] == f"/api/v1/findings/{made['id']}"
    assert (made["source"], made["raised_by"], made["state"]) == ("person", "office1", "new")
    assert (made["amount"], made["day"], made["department"]) == ("150.50", "2026-02-21", "骨科")
    assert made["document"]["lines"] == [1, 2]
    assert made["document"]["line_names"] == ["L1", "L2"]
    assert made["document"]["items"] == ["A", "B"]
    assert made["due"] is not None
    assert [one["action"] for one in made["events"]] == ["found", "raise"]
    assert made["events"][1]["note"] == "重复收费"
    bare = {"case_id": case, "rule": RULE, "note": "x", "amount": "5.00", "level": "suspect"}
    other = post(light, "findings", bare).json()
    assert (other["level"], other["amount"], other["department"]) == ("suspect", "5.00", "心内科")
    for change, code in (
        ({"rule": "R9"}, "REVIEW_RULE"),
        ({"lines": [4]}, "FINDING_LINE"),
        ({"lines": [2, 3]}, "AMOUNT_NEEDED"),
        ({"case_id": "nobody"}, "STORED_CASE_UNKNOWN"),
        ({"book": "none"}, "AUDIT_BOOK"),
        ({"note": " "}, "REVIEW_NOTE"),
        ({"lines": []}, "AMOUNT_NEEDED"),
        ({"lines": [0]}, "REQUEST_INVALID"),
    ):
        assert post(light, "findings", body | change).json()["code"] == code
    assert post(light, "findings", body, "physician").status_code == 403
    step(light, made["id"], "confirm", "new", "office")
    step(light, made["id"], "uphold", "confirmed", "second")
    alone = step(light, made["id"], "deduct", "upheld", "office", amount="1.00")
    assert alone.json()["code"] == "SECOND_PERSON"


def test_exceptions_need_a_second_person_and_an_end(running: Service) -> None:
    body = {
        "rule": RULE,
        "scope": {"dx": "Z51"},
        "reason": "化疗周期",
        "valid_from": "2026-01-01",
        "valid_to": "2027-01-01",
    }
    answer = post(running, "whitelists", body)
    assert answer.status_code == 201, answer.text
    WhitelistOut.model_validate(answer.json())
    assert (answer.json()["scope"], answer.json()["approved"]) == ({"dx": "Z51"}, None)
    assert post(running, "whitelists/1/approve").json()["code"] == "SECOND_PERSON"
    assert post(running, "whitelists/1/approve", role="second").json()["approved_by"] == "office2"
    assert (
        post(running, "whitelists/1/approve", role="second").json()["code"] == "WHITELIST_SETTLED"
    )
    listed = ask(running, "whitelists", params={"rule": RULE}).json()
    WhitelistList.model_validate(listed)
    assert [one["id"] for one in listed["whitelists"]] == [1]
    assert ask(running, "whitelists", params={"rule": "R9"}).json() == {"whitelists": []}
    for change, code in (
        ({"valid_to": "2028-01-01"}, "WHITELIST_DAYS"),
        ({"scope": {}}, "WHITELIST_SCOPE"),
        ({"row": "none"}, "REVIEW_ROW"),
        ({"scope": {"color": "red"}}, "REQUEST_INVALID"),
    ):
        assert post(running, "whitelists", body | change).json()["code"] == code
    assert post(running, "whitelists/1/end", {"reason": " "}).json()["code"] == "REVIEW_NOTE"
    assert post(running, "whitelists/1/end", {"reason": "结束"}).json()["ended_by"] == "office1"
    assert post(running, "whitelists/9/end", {"reason": "x"}).json()["code"] == "WHITELIST_UNKNOWN"
    assert ask(running, "whitelists", "physician").status_code == 403


def test_someone_without_the_right_takes_no_step(light: Service) -> None:
    put(light)
    limited = asker("doctor1", Right.FINDINGS, Right.ANSWER, reach=("心内科",))
    with pytest.raises(ServiceError):
        findings.show(light.database, replace(limited, reach=("骨科",)), 1)
    assert findings.show(light.database, limited, 1).steps == []
    refused = step(light, 1, "confirm", "new", "physician")
    assert (refused.status_code, refused.json()["code"]) == (403, "FINDING_RIGHT")
    shown = findings.step(light.database, asker("office1"), 1, "confirm", "new", Said(), AT)
    assert shown.listed.finding.state == "confirmed"
