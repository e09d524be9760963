"""Stored cases and messages over REST: reach, names, versions, traces; every look is logged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from postgres_support import postgres_url
from service_support import JsonForm, Service, service

from grouper.service.worker import Worker
from grouper.store.alert_rows import end, start
from grouper.store.database import StoreError
from grouper.store.schema import now

__all__ = ["postgres_url"]
CASES, MESSAGES, INBOX = "/api/v1/cases", "/api/v1/messages", "/api/v1/inbox/fhir"


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Service]:
    with service(tmp_path) as found:
        yield found


def code(answer: Any) -> str:
    return str(answer.json()["code"])


def away(*_args: object, **_options: object) -> None:
    raise StoreError("STORE_UNAVAILABLE")


# Cases


def test_a_case_is_shown_whole_and_names_nobody(running: Service) -> None:
    case = running.stay(lines={"1": {"line_item": "A01", "line_amount": "12.30"}})
    answer = running.ask("office", "GET", f"{CASES}/{case}")
    found = answer.json()
    assert (found["visit"], found["state"], found["total_cost"]) == ("V1", "discharged", "52000.00")
    assert found["grouping"]["group"] == "FM39"
    assert found["grouping"]["status_text"] == "已入组"
    assert found["case"]["dx"] == ["I21.001", "E11.900"]
    assert "line_item" not in found["case"]
    assert found["merged_into"] is None
    assert "示例P1" not in answer.text
    (line,) = running.ask("office", "GET", f"{CASES}/{case}/lines").json()["lines"]
    assert (line["item"], line["amount"]) == ("A01", "12.30")


def test_every_look_is_logged(running: Service) -> None:
    case = running.stay()
    for path in ("", "/versions", "/trace", "/lines", "/person"):
        assert running.ask("office", "GET", f"{CASES}/{case}{path}").status_code == 200
    looks = [action for actor, action, seen in running.looks() if seen == f"case:{case}"]
    assert looks == [
        "case_shown",
        "case_versions_shown",
        "case_trace_shown",
        "case_lines_shown",
        "person_shown",
    ]


def test_what_cannot_be_logged_is_not_shown(
    running: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = running.stay()
    monkeypatch.setattr(running.app.state.services.audit, "_write", away)
    for path in ("", "/versions", "/trace", "/lines", "/person"):
        answer = running.ask("office", "GET", f"{CASES}/{case}{path}")
        assert (answer.status_code, code(answer)) == (503, "AUDIT_UNAVAILABLE")
        assert answer.headers["retry-after"]
    assert code(running.ask("office", "GET", CASES)) == "AUDIT_UNAVAILABLE"


def test_a_physician_sees_the_own_department_alone(running: Service) -> None:
    own = running.stay("V1")
    other = running.stay("V2", "P2", facts={"department": "骨科"})
    listed = running.ask("physician", "GET", CASES).json()["cases"]
    assert [one["case_id"] for one in listed] == [own]
    asked = {"department": "骨科"}
    assert running.ask("physician", "GET", CASES, params=asked).json()["cases"] == []
    assert len(running.ask("manager", "GET", CASES, params=asked).json()["cases"]) == 1
    assert running.ask("physician", "GET", f"{CASES}/{own}").status_code == 200
    for path in ("", "/versions", "/trace", "/lines", "/person"):
        hidden = running.ask("physician", "GET", f"{CASES}/{other}{path}")
        nothing = running.ask("physician", "GET", f"{CASES}/nothing{path}")
        assert hidden.status_code == nothing.status_code == 404
        assert hidden.json() == nothing.json()
    assert f"case:{other}" not in {seen for _, _, seen in running.looks()}


def test_names_need_a_right_of_their_own(running: Service) -> None:
    case = running.stay()
    answer = running.ask("manager", "GET", f"{CASES}/{case}/person")
    assert (answer.status_code, code(answer)) == (403, "NOT_ALLOWED")
    found = running.ask("office", "GET", f"{CASES}/{case}/person").json()
    assert (found["name"], found["patient"], found["sex"]) == ("示例P1", "P1", None)
    nobody = running.stay("V9", patient="", person={})
    assert code(running.ask("office", "GET", f"{CASES}/{nobody}/person")) == "STORED_PERSON_UNKNOWN"


def test_cases_come_page_by_page_and_by_what_is_asked(running: Service) -> None:
    made = [running.stay(f"V{i}", f"P{i}") for i in range(5)]
    running.stay("V7", "P7", dx=["XX"], facts={"discharge_time": None})
    seen, after = [], None
    while True:
        asked = {"limit": 2} | ({"after": after} if after else {})
        found = running.ask("office", "GET", CASES, params=asked).json()
        seen += [one["visit"] for one in found["cases"]]
        after = found["next"]
        if after is None:
            break
    assert seen == ["V7", "V4", "V3", "V2", "V1", "V0"]
    for asked, count in (
        ({"state": "running"}, 1),
        ({"state": ["running", "discharged"]}, 6),
        ({"group": "FM39"}, 5),
        ({"scheme": "chs-drg-2.0", "status": "grouped"}, 5),
        ({"reason": "DX_PRINCIPAL_UNKNOWN"}, 1),
        ({"text": "P3"}, 1),
        ({"text": made[2]}, 1),
        ({"discharged_from": "2026-03-01T10:00:00+08:00"}, 5),
        ({"discharged_until": "2026-03-01T10:00:00"}, 0),
        ({"admitted_from": "2026-02-20", "admitted_until": "2026-02-21"}, 6),
        ({"kind": "outpatient"}, 0),
    ):
        answer = running.ask("office", "GET", CASES, params=asked)
        assert answer.status_code == 200, answer.text
        assert len(answer.json()["cases"]) == count, asked


@pytest.mark.parametrize("after", ["x", "1", "1.x", ".", "9" * 30 + ".1", "²." + "1", "-1.1"])
def test_a_mark_that_we_did_not_give_is_refused(running: Service, after: str) -> None:
    answer = running.ask("office", "GET", CASES, params={"after": after})
    assert (answer.status_code, code(answer)) == (422, "CURSOR_INVALID")


def test_every_version_can_be_seen_as_it_was(running: Service) -> None:
    case = running.stay()
    running.send(patient="P1", visit="V1", dx=["J18.900", "E11.900"], px=[])
    found = running.ask("office", "GET", f"{CASES}/{case}").json()
    assert (found["version"], found["case"]["dx"][0]) == (2, "J18.900")
    first = running.ask("office", "GET", f"{CASES}/{case}", params={"version": 1}).json()
    assert (first["version"], first["case"]["dx"][0]) == (1, "I21.001")
    assert first["groupings"][0]["group"] == "FM39"
    versions = running.ask("office", "GET", f"{CASES}/{case}/versions").json()["versions"]
    assert [one["version"] for one in versions] == [2, 1]
    assert versions[1]["groupings"][0]["group"] == "FM39"
    traced = running.ask("office", "GET", f"{CASES}/{case}/trace", params={"version": 1}).json()
    assert traced["trace"]["result"]["group"]["code"] == "FM39"
    answer = running.ask("office", "GET", f"{CASES}/{case}", params={"version": 3})
    assert (answer.status_code, code(answer)) == (404, "STORED_VERSION_UNKNOWN")


def test_charge_lines_come_page_by_page(running: Service) -> None:
    case = running.stay(lines={str(i): {"line_amount": f"{i}.00"} for i in range(5)})
    seen, start_ = [], 0
    while start_ is not None:
        asked = {"start": start_, "limit": 2}
        found = running.ask("office", "GET", f"{CASES}/{case}/lines", params=asked).json()
        seen += [one["amount"] for one in found["lines"]]
        start_ = found["next"]
    assert seen == ["0.00", "1.00", "2.00", "3.00", "4.00"]


def test_a_case_that_was_merged_says_into_which(running: Service) -> None:
    first = running.stay("V1")
    second = running.stay("V2")
    running.send(patient="P1", visit="V2", prior="V1")
    found = running.ask("office", "GET", f"{CASES}/{first}").json()
    assert (found["state"], found["merged_into"]) == ("merged", second)


# Traces


def test_a_trace_is_made_anew_and_tells_when_the_rules_changed(
    running: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = running.stay()
    path = f"{CASES}/{case}/trace"
    found = running.ask("office", "GET", path).json()
    assert (found["scheme"], found["same_rules"], found["warning"]) == ("chs-drg-2.0", True, None)
    for form, piece in (("text", "FM39"), ("html", "<html")):
        answer = running.ask("office", "GET", path, params={"format": form})
        assert piece in answer.text
        assert "x-same-rules" not in answer.headers
    other = running.ask("office", "GET", path, params={"scheme": "chs-drg-1.1"}).json()
    assert (other["scheme"], other["same_rules"], other["stored_hash"]) == (
        "chs-drg-1.1",
        None,
        None,
    )
    assert code(running.ask("office", "GET", path, params={"scheme": "x"})) == "SCHEME_UNKNOWN"

    class Changed:
        content_hash = "other"

    monkeypatch.setattr("grouper.service.tracing.load_scheme", lambda _scheme: Changed())
    found = running.ask("office", "GET", path).json()
    assert found["same_rules"] is False
    assert "规则已有变化" in found["warning"]
    answer = running.ask("office", "GET", path, params={"format": "text"})
    assert answer.text.startswith(found["warning"])
    assert answer.headers["x-same-rules"] == "false"
    answer = running.ask("office", "GET", path, params={"format": "html"})
    assert answer.headers["x-same-rules"] == "false"


def test_a_case_that_no_scheme_binds_has_no_trace_of_its_own(running: Service) -> None:
    case = running.stay(facts={"discharge_time": "1990-01-01", "admission_time": "1989-12-30"})
    found = running.ask("office", "GET", f"{CASES}/{case}").json()
    assert (found["grouping"]["scheme"], found["grouping"]["reason"]) == ("", "SCHEME_UNCOVERED")
    assert found["grouping"]["reason_text"]
    answer = running.ask("office", "GET", f"{CASES}/{case}/trace")
    assert (answer.status_code, code(answer)) == (409, "STORED_NOT_GROUPED")
    named = running.ask("office", "GET", f"{CASES}/{case}/trace?scheme=chs-drg-2.0")
    assert named.status_code == 200


def test_a_cancelled_case_is_traced_by_the_scheme_that_binds_today(running: Service) -> None:
    case = running.stay(facts={"discharge_time": None})
    path = f"{CASES}/{case}/trace"
    assert running.ask("office", "GET", path).json()["same_rules"] is True
    with running.database.writing_store() as connection:
        from grouper.store.schema import grouping  # noqa: PLC0415 -- only here

        connection.execute(grouping.delete())
    found = running.ask("office", "GET", path).json()
    assert found["same_rules"] is None
    assert found["trace"]["binding"]["region"] == "national"


# The inbox


def test_a_message_is_stored_before_it_is_answered(running: Service) -> None:
    body = {"id": "m1", "visit": "V1", "patient": "P1"}
    answer = running.ask("interface", "POST", INBOX, json=body)
    assert answer.status_code == 202
    found = answer.json()
    assert (found["verdict"], found["duplicate"]) == ("AA", False)
    assert answer.headers["location"] == found["status"] == f"{MESSAGES}/{found['message_id']}"
    status = running.ask("office", "GET", found["status"]).json()
    assert (status["state"], status["channel"]) == ("waiting", "rest:his")
    again = running.ask("interface", "POST", INBOX, json=body).json()
    assert (again["message_id"], again["duplicate"]) == (found["message_id"], True)


def test_a_key_of_the_client_makes_a_message_known(running: Service) -> None:
    first, second = (
        running.ask(
            "interface", "POST", INBOX, json={"visit": "V1"}, headers={"Idempotency-Key": "k1"}
        ).json()
        for _ in range(2)
    )
    assert first["message_id"] == second["message_id"]
    bad = running.ask("interface", "POST", INBOX, content=b"{}", headers={"Idempotency-Key": "a b"})
    assert (bad.status_code, code(bad)) == (422, "REQUEST_INVALID")


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b"{}", 422, "VISIT_MISSING"),
        (b"\xff", 400, "MESSAGE_UNREADABLE"),
        (b'{"kind": "odd"}', 415, "TYPE_UNSUPPORTED"),
    ],
)
def test_a_message_that_cannot_be_used_is_kept_and_said_so(
    running: Service, body: bytes, status: int, reason: str
) -> None:
    answer = running.ask("interface", "POST", INBOX, content=body)
    assert (answer.status_code, code(answer)) == (status, reason)
    found = answer.json()
    assert found["status"] == status
    number = found["message_id"]
    raw = running.ask("office", "GET", f"{MESSAGES}/{number}/raw")
    assert raw.content == body
    own = running.ask(
        "interface", "POST", INBOX, content=body, headers={"Accept": "application/fhir+json"}
    )
    assert own.status_code == status
    assert own.headers["content-type"] == "application/fhir+json"
    assert own.text.startswith(found["verdict"])


def test_a_message_that_is_not_stored_is_to_be_sent_again(
    running: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits = running.app.state.services.commits
    monkeypatch.setattr(commits, "_patience", 0.0)
    monkeypatch.setattr(commits._inbox, "put_many", away)
    answer = running.ask("interface", "POST", INBOX, json={"visit": "V1"})
    assert (answer.status_code, code(answer)) == (503, "NOT_STORED")
    assert answer.headers["retry-after"] == "5"
    assert "location" not in answer.headers


def test_a_form_that_is_not_at_hand(running: Service) -> None:
    answer = running.ask("interface", "POST", "/api/v1/inbox/x12", content=b"")
    assert (answer.status_code, code(answer)) == (404, "FORM_UNKNOWN")
    assert running.ask("physician", "POST", INBOX, content=b"").status_code == 403


# Quarantine


def test_a_message_waits_is_replayed_and_settled(
    running: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = running.send(kind="broken", visit="V1", patient="P1")
    (found,) = running.ask("office", "GET", MESSAGES).json()["messages"]
    assert (found["message_id"], found["state"], found["reason"]) == (
        number,
        "quarantined",
        "MESSAGE_TRUNCATED",
    )
    assert found["reason_text"]
    assert found["advice"]
    assert found["place"] == "end"
    for asked, count in (
        ({"reason": "MESSAGE_TRUNCATED", "visit": "V1", "since": "2020-01-01T00:00:00"}, 1),
        ({"state": "applied"}, 0),
        ({"until": "2020-01-01T00:00:00Z"}, 0),
        ({"after": number}, 0),
    ):
        listed = running.ask("office", "GET", MESSAGES, params=asked).json()["messages"]
        assert len(listed) == count, asked
    assert running.ask("office", "GET", MESSAGES, params={"limit": 1}).json()["next"] == number

    monkeypatch.setattr(JsonForm, "events", lambda _self, _raw: [])
    replay = running.ask("admin", "POST", f"{MESSAGES}/{number}/replay")
    assert replay.status_code == 202
    again = running.ask("admin", "POST", f"{MESSAGES}/{number}/replay").json()
    assert again == {"message_id": None, "status": None}
    Worker(running.settings, running.database, {"fhir": JsonForm()}).step()
    shown = running.ask("office", "GET", f"{MESSAGES}/{number}").json()
    assert (shown["state"], shown["replays"]) == ("replayed", [replay.json()["message_id"]])
    answer = running.ask("admin", "POST", f"{MESSAGES}/{number}/replay")
    assert (answer.status_code, code(answer)) == (409, "MESSAGE_SETTLED")
    actions = [action for _, action, seen in running.looks() if seen == f"message:{number}"]
    assert actions == ["message_replayed", "message_shown"]


def test_a_message_is_put_aside_with_a_note(running: Service) -> None:
    number = running.send(visit="", patient="P1")
    path = f"{MESSAGES}/{number}/dismiss"
    for note in ("", "  "):
        answer = running.ask("office", "POST", path, json={"note": note})
        assert (answer.status_code, code(answer)) == (422, "REQUEST_INVALID")
    assert running.ask("office", "POST", path, json={"note": "测试报文"}).status_code == 204
    shown = running.ask("office", "GET", f"{MESSAGES}/{number}").json()
    assert (shown["state"], shown["settled_by"], shown["settled_note"]) == (
        "dismissed",
        "office1",
        "测试报文",
    )


def test_an_applied_message_names_its_case(running: Service) -> None:
    case = running.stay()
    (found,) = running.ask("office", "GET", MESSAGES, params={"state": "applied"}).json()[
        "messages"
    ]
    assert found["cases"] == [case]
    shown = running.ask("office", "GET", f"{MESSAGES}/{found['message_id']}").json()
    assert (shown["cases"], shown["visit"]) == ([case], "V1")


def test_messages_that_are_not_there(running: Service) -> None:
    for path in ("", "/raw"):
        answer = running.ask("office", "GET", f"{MESSAGES}/99{path}")
        assert (answer.status_code, code(answer)) == (404, "MESSAGE_UNKNOWN")
    assert running.ask("physician", "GET", MESSAGES).status_code == 403


def test_raw_bytes_that_retention_let_go_of(
    running: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace  # noqa: PLC0415 -- only here

    from grouper.service.routes import messages  # noqa: PLC0415 -- only here

    number = running.send(visit="V1", patient="P1")
    stored = messages._stored(running.database, number)
    monkeypatch.setattr(messages, "_stored", lambda *_args: replace(stored, raw=None))
    answer = running.ask("office", "GET", f"{MESSAGES}/{number}/raw")
    assert (answer.status_code, code(answer)) == (410, "RAW_GONE")


# Alerts and the audit log


def test_alerts_with_their_start_and_end(running: Service) -> None:
    with running.database.writing_store() as connection:
        start(connection, "backlog", now(), {"waiting": 3})
        end(connection, "backlog", now())
        start(connection, "unheard", now(), {})
    second, first = running.ask("manager", "GET", "/api/v1/alerts").json()["alerts"]
    assert (first["kind"], first["about"]) == ("backlog", {"waiting": 3})
    assert first["ended"]
    assert (second["kind"], second["text"], second["ended"]) == ("unheard", "unheard", None)
    standing = running.ask("manager", "GET", "/api/v1/alerts?standing=true").json()["alerts"]
    assert [one["kind"] for one in standing] == ["unheard"]
    text = running.ask("manager", "GET", "/metrics").text
    assert 'grouper_alerts{kind="unheard"} 1.0' in text


def test_the_audit_log_is_read_by_those_who_may(running: Service) -> None:
    case = running.stay()
    for _ in range(3):
        running.ask("office", "GET", f"{CASES}/{case}")
    assert running.ask("office", "GET", "/api/v1/audit").status_code == 403
    asked: dict[str, Any] = {"object": f"case:{case}", "limit": 2}
    found = running.ask("admin", "GET", "/api/v1/audit", params=asked).json()
    assert [(e["actor"], e["action"]) for e in found["entries"]] == [("office1", "case_shown")] * 2
    asked["before"] = found["next"]
    rest = running.ask("admin", "GET", "/api/v1/audit", params=asked).json()
    assert (len(rest["entries"]), rest["next"]) == (1, None)


def test_outcomes_are_counted(running: Service) -> None:
    running.stay()
    running.send(visit="", patient="P1")
    text = running.ask("office", "GET", "/metrics").text
    assert 'grouper_outcomes{state="applied"} 1.0' in text
    assert 'grouper_outcomes{state="quarantined"} 1.0' in text
    assert "grouper_queue_length 0.0" in text
    running.ask("interface", "POST", INBOX, json={"visit": "V1", "id": "later"})
    text = running.ask("office", "GET", "/metrics").text
    assert "grouper_queue_length 1.0" in text


def test_all_of_it_on_postgresql(tmp_path: Path, postgres_url: str) -> None:
    with service(tmp_path, postgres_url) as running:
        case = running.stay(lines={"1": {"line_item": "A01", "line_amount": "12.30"}})
        other = running.stay("V2", "P2", facts={"department": "骨科"})
        for path in ("", "/versions", "/trace", "/lines", "/person"):
            assert running.ask("office", "GET", f"{CASES}/{case}{path}").status_code == 200
            assert running.ask("physician", "GET", f"{CASES}/{other}{path}").status_code == 404
        page = running.ask("office", "GET", CASES, params={"limit": 1}).json()
        rest = running.ask("office", "GET", CASES, params={"after": page["next"]}).json()
        assert [one["case_id"] for one in (*page["cases"], *rest["cases"])] == [other, case]
        asked = {"discharged_from": "0001-01-01", "discharged_until": "9999-12-31"}
        assert len(running.ask("office", "GET", CASES, params=asked).json()["cases"]) == 2
        number = running.send(visit="", patient="P3")
        (found,) = running.ask("office", "GET", MESSAGES).json()["messages"]
        assert found["message_id"] == number
        path = f"{MESSAGES}/{number}/dismiss"
        assert running.ask("office", "POST", path, json={"note": "x"}).status_code == 204
        hook = {
            "hook": "encounter-discharge",
            "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
            "context": {"patientId": "P1", "encounterId": "V1"},
        }
        cards = running.ask("interface", "POST", "/cds-services/grouper-discharge", json=hook)
        assert "52,000.00" in cards.json()["cards"][0]["detail"]
        assert "grouper_database_up 1.0" in running.ask("office", "GET", "/metrics").text
        for nul in ("%00", "a%00b"):
            assert running.ask("office", "GET", f"{CASES}/{nul}").status_code == 404
            assert running.ask("office", "GET", f"{CASES}?department={nul}").status_code == 422
            assert running.ask("office", "GET", f"{CASES}?text={nul}").status_code == 200
            assert running.ask("office", "GET", f"{MESSAGES}?visit={nul}").status_code == 422
