"""The service from outside: grouping, codebooks, errors, health, headers, jobs."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter
from service_support import HEART, PEOPLE, Service, service

from codebooks.errors import CodebookError
from codebooks.registry import registry
from grouper.schemes.load import load_scheme
from grouper.service import readiness as ready
from grouper.service import status
from grouper.service.settings import Settings, Web
from grouper.service.wrapping import HEADERS
from grouper.store.database import StoreError

CASE = {**HEART, "case_id": "A1", "dx": ["I21.001", "E11.900"], "px": ["36.0601"]}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service(tmp_path_factory.mktemp("service")) as found:
        yield found


def code(answer: Any) -> str:
    return str(answer.json()["code"])


# Grouping


def test_one_case_is_grouped_by_the_scheme_that_binds(running: Service) -> None:
    answer = running.ask("office", "POST", "/api/v1/group", json={"case": CASE, "trace": "json"})
    assert answer.status_code == 200
    found = answer.json()
    assert found["case_id"] == "A1"
    assert found["grouping"]["scheme"] == "chs-drg-2.0"
    assert found["grouping"]["group"] == {"code": "FM39", "name": "经皮冠状动脉支架植入"}
    assert found["grouping"]["content_hash"] == load_scheme("chs-drg-2.0").content_hash
    assert found["trace"]["binding"]["region"] == "national"
    assert found["issues"] == []


@pytest.mark.parametrize(("form", "begins"), [("text", ""), ("html", "<!")])
def test_the_trace_comes_as_text_or_page(running: Service, form: str, begins: str) -> None:
    asked = {"case": CASE, "trace": form}
    found = running.ask("office", "POST", "/api/v1/group", json=asked).json()["trace"]
    assert found.lower().startswith(begins)
    assert "FM39" in found
    asked = {"case": CASE, "format": form}
    answer = running.ask("office", "POST", "/api/v1/explain", json=asked)
    assert answer.text == found
    assert answer.headers["content-type"].startswith("text/html" if begins else "text/plain")


def test_a_trace_alone_and_in_english(running: Service) -> None:
    answer = running.ask(
        "office",
        "POST",
        "/api/v1/explain",
        json={"case": CASE, "scheme": "chs-drg-3.0"},
        headers={"Accept-Language": "en"},
    )
    assert answer.headers["content-language"] == "en"
    found = answer.json()
    assert (found["language"], found["scheme"]["id"]) == ("en", "chs-drg-3.0")


def test_a_case_without_a_kind_is_of_the_named_schemes_kind(running: Service) -> None:
    case = {"discharge_time": "2025-05-01", "dx": ["J06.900"], "lines": []}
    asked = {"case": case, "scheme": "apg-grouper-1.0"}
    found = running.ask("office", "POST", "/api/v1/group", json=asked)
    assert found.status_code == 200
    assert found.json()["grouping"]["scheme"] == "apg-grouper-1.0"
    asked["case"] = {**case, "kind": "inpatient"}
    assert code(running.ask("office", "POST", "/api/v1/group", json=asked)) == "CASE_KIND"


def test_amounts_are_read_exactly(running: Service) -> None:
    body = json.dumps({"case": CASE}).replace('"52000.00"', "0.125")
    answer = running.ask(
        "office",
        "POST",
        "/api/v1/group",
        content=body,
        headers={"Content-Type": "application/json"},
    )
    (issue,) = answer.json()["issues"]
    assert (issue["code"], issue["value"]) == ("NUMBER_ROUNDED", "0.125")


def test_a_batch_goes_on_after_a_case_that_cannot_be_grouped(running: Service) -> None:
    cases = [CASE, {"dx": ["I10"]}, {**CASE, "region": "张三"}, {**CASE, "dx": ["XX"]}]
    answer = running.ask("office", "POST", "/api/v1/group/batch", json={"cases": cases})
    first, second, third, fourth = answer.json()["results"]
    assert first["grouping"]["group"]["code"] == "FM39"
    assert second["error"]["code"] == "DATE_NEEDED"
    assert third["error"]["code"] == "REGION_UNKNOWN"
    assert "张三" not in answer.text
    assert fourth["grouping"]["status"] == "invalid"
    assert fourth["grouping"]["reason"] == "DX_PRINCIPAL_UNKNOWN"
    assert fourth["grouping"]["advice"]


def test_a_record_that_is_no_case_is_refused_with_its_issues(running: Service) -> None:
    bad = {**CASE, "discharge_time": "2026-03-01", "出院时间": "2026-03-02"}
    answer = running.ask("office", "POST", "/api/v1/group", json={"case": bad})
    assert (answer.status_code, code(answer)) == (422, "CASE_UNREADABLE")
    assert answer.json()["issues"][0]["severity"] == "reject"
    (item,) = running.ask("office", "POST", "/api/v1/group/batch", json={"cases": [bad]}).json()[
        "results"
    ]
    assert item["error"]["code"] == "CASE_UNREADABLE"
    assert item["issues"]


def test_a_case_under_two_schemes(running: Service) -> None:
    asked = {"case": CASE, "from": "chs-drg-1.1", "to": "auto"}
    found = running.ask("office", "POST", "/api/v1/compare", json=asked).json()
    assert found["comparison"]["to"]["trace"]["scheme"]["id"] == "chs-drg-2.0"
    assert found["conclusions"]
    for form, piece in (("text", "FM39"), ("html", "<html")):
        answer = running.ask("office", "POST", "/api/v1/compare", json={**asked, "format": form})
        assert answer.status_code == 200
        assert piece in answer.text
    asked["to"] = "nothing"
    assert code(running.ask("office", "POST", "/api/v1/compare", json=asked)) == "SCHEME_UNKNOWN"


# Codebooks


def test_schemes_and_which_of_them_binds(running: Service) -> None:
    found = running.ask("office", "GET", "/api/v1/schemes").json()["schemes"]
    assert {one["id"] for one in found} == set(registry().cards)
    asked = {"region": "national", "on": "2024-06-01"}
    bound = running.ask("office", "GET", "/api/v1/schemes/binding", params=asked).json()
    assert (
        bound["scheme"] == registry().binding("national", ready.datetime(2024, 6, 1).date()).scheme
    )
    assert (
        running.ask("office", "GET", "/api/v1/schemes/binding?region=national").status_code == 200
    )
    answer = running.ask("office", "GET", "/api/v1/schemes/binding?region=nowhere")
    assert (answer.status_code, code(answer)) == (422, "REGION_UNKNOWN")


def test_codes_are_found_by_initials(running: Service) -> None:
    asked = {"q": "I21.001", "limit": 1}
    (hit,) = running.ask("office", "GET", "/api/v1/codebooks/search", params=asked).json()["hits"]
    assert (hit["code"], hit["match"]) == ("I21.001", "exact_code")
    answer = running.ask("office", "GET", "/api/v1/codebooks/search?q=x&in=nothing")
    assert (answer.status_code, code(answer)) == (404, "SEARCH_UNKNOWN")


# Errors


def test_errors_are_problems_in_the_language_asked_for(running: Service) -> None:
    for lang, title in (("zh", "没有找到"), ("en", "Not found")):
        answer = running.client.get("/nowhere", headers={"Accept-Language": lang})
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["content-language"] == lang
        found = answer.json()
        assert found["title"] == title
        assert found["type"] == "urn:grouper:problem:NOT_FOUND"
        assert found["status"] == answer.status_code == 404
        assert found["detail"]
        assert found["advice"]


def test_a_wrong_method_says_which_are_right(running: Service) -> None:
    answer = running.ask("office", "PUT", "/api/v1/group")
    assert (answer.status_code, code(answer)) == (405, "METHOD_NOT_ALLOWED")
    assert answer.headers["allow"] == "POST"


def test_what_was_sent_is_never_echoed(running: Service) -> None:
    for body in (
        {"case": "张三"},
        {"case": {}, "张三": 1},
        {"case": {}, "trace": "张三"},
        {"case": {}, "scheme": "张三" * 100},
        ["张三"],
    ):
        answer = running.ask("office", "POST", "/api/v1/group", json=body)
        assert (answer.status_code, code(answer)) == (422, "REQUEST_INVALID")
        assert "张三" not in answer.text
        assert answer.json()["errors"][0]["message"]
    answer = running.ask("office", "GET", "/api/v1/codebooks/search?q=a&limit=x")
    assert answer.json()["errors"] == [
        {"place": "query.limit", "code": "int_parsing", "message": "应为整数"}
    ]


def test_a_body_that_is_no_json(running: Service) -> None:
    for body, kind in ((b"{", "application/json"), (b'{"a":1,"a":2}', "application/json")):
        answer = running.ask(
            "office", "POST", "/api/v1/group", content=body, headers={"Content-Type": kind}
        )
        assert (answer.status_code, code(answer)) == (400, "BODY_UNREADABLE")


def test_half_a_character_is_refused_everywhere(running: Service) -> None:
    for role, path in (
        ("office", "/api/v1/group"),
        ("office", "/api/v1/messages/1/dismiss"),
        ("admin", "/api/v1/accounts"),
        ("", "/api/v1/session"),
        ("interface", "/cds-services/grouper-order"),
    ):
        answer = running.ask(
            role,
            "POST",
            path,
            content=b'{"name": "\\ud800"}',
            headers={"Content-Type": "application/json"},
        )
        assert (answer.status_code, code(answer)) == (400, "BODY_UNREADABLE"), path


def test_nobody_groups_without_a_right(running: Service) -> None:
    answer = running.client.post("/api/v1/group", json={"case": CASE})
    assert (answer.status_code, code(answer)) == (401, "SIGN_IN_NEEDED")
    assert "Bearer" in answer.headers["www-authenticate"]
    answer = running.ask("admin", "POST", "/api/v1/group", json={"case": CASE})
    assert (answer.status_code, code(answer)) == (403, "NOT_ALLOWED")


def test_a_body_that_is_too_large_is_refused_however_it_is_sent(tmp_path: Path) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(30):
            yield b"x" * 100

    with service(tmp_path, web=Web(body_limit=1000)) as small:
        for path, kind in (
            ("/api/v1/group", "application/json"),
            ("/api/v1/inbox/fhir", "application/octet-stream"),
            ("/api/v1/jobs", "multipart/form-data; boundary=x"),
        ):
            for content in (b"x" * 1001, chunks()):
                answer = small.ask(
                    "office",
                    "POST",
                    path,
                    content=content,
                    headers={"Content-Type": kind, "Accept-Language": "en"},
                )
                assert (answer.status_code, code(answer)) == (413, "BODY_TOO_LARGE"), path
                assert "larger" in answer.json()["detail"]
        answer = small.ask("office", "POST", "/api/v1/group", json={"case": {"dx": ["I10"]}})
        assert code(answer) == "DATE_NEEDED"


def test_a_fault_of_our_own_says_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with service(tmp_path) as faulty:
        router = APIRouter()

        @router.get("/boom/{name}")
        def boom(name: str) -> None:
            raise ValueError(name)

        faulty.app.include_router(router)
        answer = faulty.client.get("/boom/zhangsan?q=zhangsan", headers={"Accept-Language": "en"})
    assert (answer.status_code, code(answer)) == (500, "INTERNAL")
    assert "zhangsan" not in answer.text
    assert "Value" not in answer.text
    assert answer.headers["x-request-id"]
    assert "zhangsan" not in caplog.text


def test_security_headers_stand_on_every_answer(running: Service) -> None:
    for path in ("/health/live", "/nowhere", "/api/v1/cases"):
        answer = running.client.get(path)
        for name, value in HEADERS.items():
            assert answer.headers[name] == value
        assert "server" not in answer.headers
        assert "strict-transport-security" not in answer.headers
    answer = running.client.get("https://testserver/health/live")
    assert "strict-transport-security" in answer.headers


def test_only_origins_of_the_settings_may_call_from_a_browser(tmp_path: Path) -> None:
    with service(tmp_path, web=Web(origins=("https://ehr.example",))) as open_:
        for origin, allowed in (("https://ehr.example", True), ("https://other.example", False)):
            asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
            answer = open_.client.options("/cds-services/grouper-order", headers=asked)
            assert ("access-control-allow-origin" in answer.headers) == allowed


# Health and metrics


def test_ready_only_when_all_is_there(running: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    assert running.client.get("/health/live").json() == {"status": "ok"}
    assert running.app.state.services.readiness.wait(60)
    worker = running.settings.folder / "status" / "worker.json"
    worker.unlink(missing_ok=True)
    answer = running.client.get("/health/ready")
    assert (answer.status_code, answer.json()["checks"]["worker"]) == (503, "away")
    status.write(running.settings.folder, "worker", {})
    answer = running.client.get("/health/ready")
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")
    monkeypatch.setattr(ready, "pending", lambda _database: ("store:0002",))
    assert running.client.get("/health/ready").json()["checks"]["migrations"] == "STORE_OLD"

    def away(_database: object) -> None:
        raise StoreError("STORE_UNAVAILABLE")

    monkeypatch.setattr(ready, "pending", away)
    checks = running.client.get("/health/ready").json()["checks"]
    assert (checks["database"], checks["migrations"]) == ("STORE_UNAVAILABLE", "unknown")


@pytest.mark.parametrize("fault", [StoreError("STORE_UNAVAILABLE"), RuntimeError("x")])
def test_schemes_that_cannot_be_loaded_keep_it_from_being_ready(
    running: Service, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    def broken(_settings: Settings) -> list[str]:
        raise fault

    monkeypatch.setattr(ready, "schemes_wanted", broken)
    found = ready.Readiness(running.settings, running.database)
    assert found.checks()["schemes"] == "loading"
    found.start()
    assert not found.wait(10)
    assert found.checks()["schemes"] == getattr(fault, "code", "INTERNAL")


def test_a_region_that_nobody_knows_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CodebookError) as caught:
        ready.schemes_wanted(Settings(folder=tmp_path, region="nowhere"))
    assert caught.value.code == "REGION_UNKNOWN"


def test_metrics_count_by_route_and_never_name_a_case(running: Service) -> None:
    running.ask("office", "GET", "/api/v1/cases/zhangsan")
    running.client.get("/zhangsan")
    assert running.client.get("/metrics").status_code == 401
    assert code(running.ask("physician", "GET", "/metrics")) == "NOT_ALLOWED"
    text = running.ask("office", "GET", "/metrics").text
    assert 'route="/api/v1/cases/{case_id}",status="404"' in text
    assert 'route="unmatched",status="404"' in text
    assert "grouper_queue_length" in text
    assert "zhangsan" not in text


@pytest.mark.parametrize(
    ("host", "header", "expected"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("127.0.0.1", {"X-Forwarded-For": "10.0.0.1"}, 401),
        ("10.0.0.1", {}, 401),
        ("nowhere", {}, 401),
    ],
)
def test_metrics_need_no_account_from_this_machine(
    running: Service, host: str, header: dict[str, str], expected: int
) -> None:
    client = running.client.__class__(running.app, client=(host, 1))
    assert client.get("/metrics", headers=header).status_code == expected


# Jobs over REST


def until(wanted: Any) -> None:
    end = time.monotonic() + 30
    while not wanted():
        assert time.monotonic() < end
        threading.Event().wait(0.02)


def test_a_file_is_grouped_as_a_job(running: Service) -> None:
    text = "case_id,sex,age,discharge_time,dx,px\nA1,1,66,2026-03-01,I21.001,36.0601\n"
    answer = running.ask(
        "office",
        "POST",
        "/api/v1/jobs",
        files={"file": ("cases.csv", text)},
        data={"output": "jsonl", "explain": "true"},
    )
    assert answer.status_code == 202
    place = answer.headers["location"]
    assert place == f"/api/v1/jobs/{answer.json()['id']}"
    until(lambda: running.ask("office", "GET", place).json()["state"] == "done")
    done = running.ask("office", "GET", place).json()
    assert (done["rows"], done["share"]) == (1, 1.0)
    result = running.ask("office", "GET", done["files"]["result"])
    assert json.loads(result.text)["group"] == "FM39"
    assert set(done["files"]) == {"result", "rejects", "traces"}
    assert running.ask("office", "GET", "/api/v1/jobs").json()["jobs"][0]["id"] == done["id"]
    assert running.ask("office", "DELETE", place).status_code == 204
    assert code(running.ask("office", "GET", place)) == "JOB_UNKNOWN"
    job = f"job:{done['id']}"
    looks = [look for look in running.looks() if look[2] == job]
    assert [action for _, action, _ in looks] == ["job_added", "job_fetched", "job_removed"]


def test_a_file_of_an_unknown_kind_is_refused(running: Service) -> None:
    answer = running.ask("office", "POST", "/api/v1/jobs", files={"file": ("a.xlsx", b"PK")})
    assert (answer.status_code, code(answer)) == (415, "JOB_FORMAT")
    files = {"file": ("a.csv", b"")}
    for data, expected in (
        ({"scheme": "x"}, "SCHEME_UNKNOWN"),
        ({"region": "x"}, "REGION_UNKNOWN"),
    ):
        answer = running.ask("office", "POST", "/api/v1/jobs", files=files, data=data)
        assert code(answer) == expected
    assert running.ask("office", "GET", "/api/v1/jobs").json() == {"jobs": []}


def test_a_job_that_cannot_be_logged_is_not_made(
    running: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_entry: object) -> None:
        raise StoreError("STORE_UNAVAILABLE")

    monkeypatch.setattr(running.app.state.services.audit, "record", away)
    answer = running.ask("office", "POST", "/api/v1/jobs", files={"file": ("a.csv", b"x")})
    assert (answer.status_code, code(answer)) == (503, "STORE_UNAVAILABLE")
    assert answer.headers["retry-after"] == "5"
    assert not list((running.settings.folder / "jobs").glob("*"))


def test_a_file_of_a_job_that_is_not_done_is_not_there(
    running: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running.app.state.services.jobs, "_run", lambda _number: None)
    answer = running.ask("office", "POST", "/api/v1/jobs", files={"file": ("a.csv", b"x")})
    place = answer.headers["location"]
    answer = running.ask("office", "GET", f"{place}/result")
    assert (answer.status_code, code(answer)) == (409, "JOB_NOT_DONE")
    assert running.ask("office", "GET", place).json()["files"] == {}
    assert running.ask("office", "DELETE", place).status_code == 204


def test_the_language_of_the_account_and_then_of_the_settings(tmp_path: Path) -> None:
    with service(tmp_path, language="en") as english:
        assert english.client.get("/nowhere").headers["content-language"] == "en"
        assert (
            english.client.get("/nowhere", headers={"Accept-Language": "zh"}).headers[
                "content-language"
            ]
            == "zh"
        )
    assert PEOPLE["office"].language == ""


def test_the_kind_may_be_stated_by_any_of_its_names(running: Service) -> None:
    """A case that says it is a visit is not made an inpatient because a scheme was named."""
    for name in ("kind", "KIND", "Case_Kind", "病例类型"):
        case = {name: "outpatient", "sex": "1", "age": "45", "dx": ["K80.101"]}
        asked = {"case": case, "scheme": "chs-drg-3.0"}
        answer = running.ask("office", "POST", "/api/v1/group", json=asked)
        assert answer.json()["code"] == "CASE_KIND", name
