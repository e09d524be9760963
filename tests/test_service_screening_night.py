"""The process that screens each night, what is asked of it over REST, and the command."""

from __future__ import annotations

import json
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import typer
from screening_support import FACTS, HANGING, ITEM, REPEATED, small_book
from screening_support import few_rules as few_rules  # noqa: PLC0414 -- a fixture
from service_support import Service, service
from typer.testing import CliRunner

from codebooks.errors import GrouperError
from grouper.audit.finding import FINDING_SCHEMA
from grouper.case.dates import LOCAL
from grouper.cli import audit_store, serve
from grouper.cli.audit_commands import add_audit
from grouper.service import auditor, logs, process, screening, screening_page, status
from grouper.service.auditor import Auditor
from grouper.service.settings import Audit
from grouper.store import alert_rows, rule_standings, screenings
from grouper.store.database import StoreError
from grouper.store.rule_standings import StandingRow
from grouper.store.schema import now
from grouper.store.screenings import ScreeningRow

LINE = {
    "line_item": ITEM,
    "line_quantity": "1",
    "line_amount": "20.00",
    "line_time": "2026-03-03 09:00",
    "line_department": "心内科",
}
TWICE = {"a": LINE, "b": LINE}
LEFT = {"discharge_time": "2026-03-08 10:00", "discharge_way": "1"}


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Service]:
    made = Audit(hour=2, every=0.01)
    with service(tmp_path, hospital="H00000000001", region="demo", audit=made) as found:
        yield found


def stay(running: Service, visit: str = "V1", patient: str = "P1", **facts: Any) -> str:
    """A stay with a line that is charged twice; running, unless its end is said."""
    usual = {"discharge_time": None, "total_cost": None}
    return running.stay(
        visit, patient, facts={**FACTS, **usual, **facts}, dx=["I10.x00x002"], px=[], lines=TWICE
    )


def rows(running: Service, **which: Any) -> list[ScreeningRow]:
    with running.database.reading() as connection:
        return screenings.listed(connection, **which)


def tonight(hour: int, days: int = 0) -> datetime:
    """An hour of tomorrow: what is in the store now is known then."""
    day = now().astimezone(LOCAL) + timedelta(days=1 + days)
    return day.replace(hour=hour, minute=30)


def clocked(running: Service) -> tuple[list[datetime], Auditor]:
    """An auditor whose clock is a list: its last entry is the time."""
    clock = [tonight(1)]
    return clock, Auditor(running.settings, running.database, lambda: clock[-1])


def test_the_hour_is_waited_for_and_each_night_comes_once(running: Service) -> None:
    stay(running)
    stay(running, "V2", "P2", **LEFT)
    clock, made = clocked(running)
    assert made.step() == []
    clock.append(tonight(2))
    assert [(row.scope, row.cases, row.fresh) for row in made.step()] == [
        ("running", 1, 1),
        ("discharged", 1, 1),
    ]
    clock.append(tonight(9))
    assert made.step() == []
    # A process that was started anew knows from the store what is done.
    assert Auditor(running.settings, running.database, lambda: tonight(10)).step() == []
    clock.append(tonight(2, days=1))
    assert [(row.scope, row.cases, row.fresh) for row in made.step()] == [
        ("running", 1, 0),
        ("discharged", 0, 0),
    ]
    told = made.metrics()
    assert (told["auditor_cases"], told["auditor_fresh"], told["auditor_runs"]) == (3, 2, 4)


def test_no_error_ends_it_and_nights_that_fail_start_an_alert(
    running: Service, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stay(running, "V1", "P1")
    stay(running, "V2", "P2")
    stay(running, "V3", "P3")
    clock, made = clocked(running)

    def broken(*_arguments: Any, **_named: Any) -> Any:
        raise ValueError("secret of a case")

    def standing() -> set[str]:
        with running.database.reading() as connection:
            return set(alert_rows.standing(connection))

    real = screening_page.screen
    monkeypatch.setattr(screening_page, "screen", broken)
    for night in range(3):
        assert standing() == set()
        clock.append(tonight(3, days=night))
        made.look()
        # It is not tried again at once.
        made.look()
    assert standing() == {"screening:running"}
    assert [row.state for row in rows(running, scope="running")] == ["failed"] * 3
    assert len(rows(running, scope="discharged")) == 3
    told = capsys.readouterr().out
    assert "ValueError" in told
    assert "secret" not in told
    alerts = running.ask("office", "GET", "/api/v1/alerts").json()["alerts"]
    assert "连续" in alerts[0]["text"]
    # Later in the same night it goes well.
    monkeypatch.setattr(screening_page, "screen", real)
    clock.append(tonight(4, days=2))
    made.look()
    assert standing() == set()
    assert rows(running, scope="running")[0].state == "done"
    assert made.metrics()["auditor_failed_runs"] == 3


def test_what_waits_is_screened_at_any_hour(
    running: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    stay(running, **LEFT)
    asked = running.ask("office", "POST", "/api/v1/screenings", json={"month": "2026-03"})
    assert asked.status_code == 202
    assert asked.headers["Location"] == f"/api/v1/screenings/{asked.json()['id']}"
    assert (asked.json()["state"], asked.json()["actor"]) == ("waiting", "office1")
    # It is not asked for twice.
    again = running.ask("office", "POST", "/api/v1/screenings", json={"month": "2026-03"})
    assert again.json()["id"] == asked.json()["id"]
    _, made = clocked(running)
    (row,) = made.step()
    assert (row.id, row.state, row.cases, row.actor) == (asked.json()["id"], "done", 1, "office1")
    found = running.ask("office", "GET", f"/api/v1/screenings/{row.id}").json()
    assert (found["state"], found["cases"], found["fresh"]) == ("done", 1, 1)
    assert found["failures"] == []
    gaps = {gap["rule"]: gap["words"] for gap in found["not_run"]}
    assert "最高限价" in gaps["GZ10000102001000"]
    # One that goes on already is answered, too; one that fell is asked for anew.
    with running.database.writing_store() as connection:
        number = screenings.add(
            connection,
            ScreeningRow(**{**_values(row), "id": None, "state": "running", "touched": now()}),
        )
    third = running.ask("office", "POST", "/api/v1/screenings", json={"month": "2026-03"})
    assert third.json()["id"] == number
    # An error of one that was asked for does not keep the night from being screened.
    with running.database.writing_store() as connection:
        screenings.add(
            connection,
            ScreeningRow(**{**_values(row), "id": None, "scope": "2026-04", "state": "waiting"}),
        )
    monkeypatch.setattr(auditor, "now", now)
    clock, made = clocked(running)
    clock.append(tonight(2))
    real = auditor.screen_stored

    def some(database: Any, scope: str, *arguments: Any, **named: Any) -> Any:
        if scope == "2026-04":
            raise StoreError("STORE_UNAVAILABLE")
        return real(database, scope, *arguments, **named)

    monkeypatch.setattr(auditor, "screen_stored", some)
    made.look()
    assert made.metrics()["auditor_waits"] == 1
    assert {row.scope for row in rows(running, states=["done"])} >= {"running", "discharged"}
    # What is asked to stop begins nothing.
    made.stop()
    assert made.step() == []


@pytest.mark.parametrize(("changed", "cases"), [(False, 2), (True, 3)])
def test_a_month_that_was_asked_for_goes_on_after_a_restart(
    running: Service, monkeypatch: pytest.MonkeyPatch, *, changed: bool, cases: int
) -> None:
    stay(running, **LEFT)
    stay(running, "V2", "P2", **LEFT)
    running.ask("office", "POST", "/api/v1/screenings", json={"month": "2026-03"})
    _, made = clocked(running)
    real = auditor.screen_stored

    def one_page(database: Any, scope: str, how: Any, *arguments: Any, **named: Any) -> Any:
        pages = iter((False, True))
        named["stopped"] = lambda: next(pages)
        return real(database, scope, replace(how, page=1), *arguments, **named)

    monkeypatch.setattr(auditor, "screen_stored", one_page)
    (row,) = made.step()
    assert (row.state, row.cases, row.ended) == ("waiting", 1, None)
    monkeypatch.setattr(auditor, "screen_stored", real)
    if changed:
        # What was screened by other rules is screened again.
        given = StandingRow(
            book="national-2025", rule=REPEATED, standing="off", at=now(), actor="a", reason="试"
        )
        with running.database.writing_store() as connection:
            rule_standings.set_standing(connection, given)
    again = Auditor(running.settings, running.database, lambda: tonight(1, days=1))
    assert [(one.id, one.state, one.cases) for one in again.step()] == [(row.id, "done", cases)]
    assert again.step() == []


def _values(row: ScreeningRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ScreeningRow.__dataclass_fields__}


def test_a_case_is_screened_at_once(running: Service) -> None:
    case = stay(running)
    running.stay("V2", "P1", facts={**FACTS, "kind": "outpatient"})
    answer = running.ask("office", "POST", "/api/v1/screenings", json={"case_id": case})
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["case_id"], told["screening"]["moment"], told["screening"]["cases"]) == (
        *(case, "stay"),
        1,
    )
    (one,) = told["findings"]
    assert (one["rule"], one["state"], one["document"]["line_names"]) == (REPEATED, "new", ["b"])
    assert any("重复" in line for line in one["document"]["words"])
    # Physicians see it within reach.
    seen = running.ask(
        "physician",
        "GET",
        f"/api/v1/cases/{case}/findings",
        headers={"Accept-Language": "en"},
    ).json()
    assert [row["key"] for row in seen["findings"]] == [one["key"]]
    assert running.looks()[-1] == ("doctor1", "case_findings_shown", f"case:{case}")
    other = stay(running, "V3", "P3", department="骨科")
    running.ask("office", "POST", "/api/v1/screenings", json={"case_id": other})
    assert running.ask("physician", "GET", f"/api/v1/cases/{other}/findings").status_code == 404
    assert running.ask("office", "GET", f"/api/v1/cases/{other}/findings").status_code == 200
    # What is in shadow is not told.
    with running.database.writing_store() as connection:
        from sqlalchemy import update  # noqa: PLC0415 -- only here

        from grouper.store.review_schema import finding  # noqa: PLC0415 -- only here

        connection.execute(update(finding).values(shadow=True, state="shadow"))
    hidden = running.ask("office", "GET", f"/api/v1/cases/{case}/findings").json()
    assert hidden["findings"] == []


def test_what_cannot_be_screened_is_answered_so(running: Service, tmp_path: Path) -> None:
    def asked(body: Any, role: str = "office") -> tuple[int, str]:
        answer = running.ask(role, "POST", "/api/v1/screenings", json=body)
        return answer.status_code, answer.json()["code"]

    assert asked({"month": "2026-13"}) == (422, "SCREENING_SCOPE")
    assert asked({"case_id": "nobody"}) == (404, "STORED_CASE_UNKNOWN")
    assert asked({"case_id": "a\x00b"})[0] == 422
    for wrong in ({}, {"month": "2026-03", "case_id": "x"}, {"weeks": 3}):
        assert asked(wrong) == (422, "REQUEST_INVALID")
    assert asked({"month": "2026-03"}, "physician") == (403, "NOT_ALLOWED")
    answer = running.ask("office", "GET", "/api/v1/screenings/99")
    assert (answer.status_code, answer.json()["code"]) == (404, "SCREENING_UNKNOWN")
    case = stay(running)
    running.send(visit="V1", patient="P1", kind="x")
    with service(tmp_path / "other", audit=Audit(on=False)) as other:
        answer = other.ask("office", "POST", "/api/v1/screenings", json={"month": "2026-03"})
        assert (answer.status_code, answer.json()["code"]) == (409, "SCREENING_OFF")
    assert case


def test_screenings_are_listed_page_by_page(running: Service) -> None:
    case = stay(running)
    for _ in range(3):
        running.ask("office", "POST", "/api/v1/screenings", json={"case_id": case})
    page = running.ask("office", "GET", "/api/v1/screenings", params={"limit": 2}).json()
    assert ([one["id"] for one in page["screenings"]], page["next"]) == ([3, 2], 2)
    last = running.ask("office", "GET", "/api/v1/screenings", params={"before": page["next"]})
    assert ([one["id"] for one in last.json()["screenings"]], last.json()["next"]) == ([1], None)
    none = running.ask("office", "GET", "/api/v1/screenings", params={"scope": "2026-03"}).json()
    assert none["screenings"] == []


def test_stays_that_could_not_be_screened_are_told(
    running: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = stay(running)

    def broken(*_arguments: Any, **_named: Any) -> Any:
        raise ValueError("secret of a case")

    monkeypatch.setattr(screening_page, "screen", broken)
    answer = running.ask("office", "POST", "/api/v1/screenings", json={"case_id": case})
    assert answer.status_code == 200
    (failed,) = answer.json()["screening"]["failures"]
    assert (failed["case_id"], failed["reason"]) == (case, "SCREENING_FAILED")
    assert "出错" in failed["words"]
    assert "secret" not in answer.text


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def surround(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUPER_SERVICE_DATABASE", f"sqlite:///{tmp_path / 'grouper.sqlite'}")
    monkeypatch.setenv("GROUPER_SERVICE_FOLDER", str(tmp_path))
    monkeypatch.setenv("GROUPER_SERVICE_REGION", "demo")
    monkeypatch.setenv("GROUPER_SERVICE_AUDIT__HOUR", "0")


def test_the_process_screens_until_a_signal_comes(
    running: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stay(running)
    surround(tmp_path, monkeypatch)
    monkeypatch.setattr(process, "configure", lambda: None)
    niced: list[int] = []
    monkeypatch.setattr(os, "nice", niced.append)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def done() -> bool:
        told = {one.process: one.values for one in status.read(tmp_path)}
        return "auditor_fresh" in told.get("auditor", {}) and len(rows(running)) == 2

    def end() -> None:
        try:
            until(done)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=end)
    thread.start()
    try:
        assert process.main("auditor") == 0
    finally:
        thread.join()
        for number, handler in before.items():
            signal.signal(number, handler)
    assert niced == [auditor.NICE]


def test_the_service_runs_it_unless_it_is_switched_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []
    surround(tmp_path, monkeypatch)
    monkeypatch.setattr(serve, "Supervisor", lambda wanted, _: asked.append(list(wanted)))
    monkeypatch.setattr(serve, "until_signalled", lambda _: None)
    app = typer.Typer()
    app.command()(serve.serve_command)
    for on in ("true", "false"):
        monkeypatch.setenv("GROUPER_SERVICE_AUDIT__ON", on)
        assert CliRunner().invoke(app, []).exit_code == 0
    assert ["auditor" in wanted for wanted in asked] == [True, False]


def command(*words: object, code: int = 0) -> str:
    app = typer.Typer()
    app.callback()(lambda: None)
    add_audit(app, ["audit"])
    result = CliRunner().invoke(app, ["audit", *map(str, words)])
    if isinstance(result.exception, GrouperError):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.stdout


@pytest.fixture
def commanded(running: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Service:
    surround(tmp_path, monkeypatch)
    levels: list[int] = []
    monkeypatch.setattr(logs, "configure", levels.append)
    monkeypatch.setattr(audit_store, "audit_book", lambda _: small_book())
    return running


def test_the_command_screens_a_month_of_the_store(commanded: Service, tmp_path: Path) -> None:
    with pytest.raises(GrouperError, match="AUDIT_NO_CASES"):
        command("2026-03")
    stay(commanded, **LEFT)
    commanded.stay("V2", "P1", facts={**FACTS, **LEFT, "kind": "outpatient"}, dx=["J18.900"])
    output = tmp_path / "found.parquet"
    told = command("2026-03", "-o", output)
    assert "新发现" in told
    assert "重复明细：1 条" in told
    written = pq.read_table(output)
    assert written.schema.equals(FINDING_SCHEMA)
    assert REPEATED in written["rule"].to_pylist()
    (found,) = json.loads(command("2026-03", "--format", "json"))["screenings"]
    assert (found["scope"], found["moment"], found["state"], found["fresh"]) == (
        *("2026-03", "upload"),
        *("done", 0),
    )
    assert found["counts"]["cases"] == 2
    assert {one["rule"] for one in found["findings"]} == set(written["rule"].to_pylist())
    assert all(one["words"] for one in found["findings"])
    for option in (("--rule", REPEATED), ("--region", "demo"), ("--charges", output)):
        with pytest.raises(GrouperError, match="AUDIT_STORE_OPTION"):
            command("2026-03", *option)
    with pytest.raises(GrouperError, match="AUDIT_OUTPUT"):
        command("2026-03", "-o", tmp_path / "found.xls")


def test_the_command_does_the_nights_work_once(
    commanded: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    stay(commanded)
    stay(commanded, "V2", "P2", **LEFT)
    told = command("running", "--lang", "en")
    assert "stays that run" in told
    assert "stays that ended and have changed" in told
    # Nothing more is to be done tonight.
    assert "0" in command("running", "--lang", "en", code=1)

    def broken(*_arguments: Any, **_named: Any) -> Any:
        raise ValueError("secret of a case")

    stay(commanded, "V3", "P3")
    monkeypatch.setattr(screening_page, "screen", broken)
    told = command("running", code=1)
    assert "不能读取或审核时出错" in told
    assert HANGING not in told


def test_what_is_hidden_is_counted(commanded: Service) -> None:
    stay(commanded)
    row = StandingRow(
        book="national-2025", rule=REPEATED, standing="shadow", at=now(), actor="a", reason="试"
    )
    with commanded.database.writing_store() as connection:
        rule_standings.set_standing(connection, row)
    assert "另有 1 条属于影子规则" in command("running", code=1)


def test_the_levels_of_logs(
    running: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    surround(tmp_path, monkeypatch)
    levels: list[int] = []
    monkeypatch.setattr(logs, "configure", levels.append)
    assert running
    with pytest.raises(GrouperError, match="AUDIT_NO_CASES"):
        command("2026-03")
    assert levels == [logging.WARNING]


def test_a_store_that_is_away_leaves_the_night_for_later(
    running: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, made = clocked(running)
    clock.append(tonight(2))

    def away(*_arguments: Any, **_named: Any) -> Any:
        raise StoreError("STORE_UNAVAILABLE")

    with monkeypatch.context() as patch:
        patch.setattr(screening, "audit_book", away)
        patch.setattr(type(running.database), "writing_store", away)
        made.look()
    assert rows(running) == []
    clock.append(tonight(3))
    made.look()
    assert {row.state for row in rows(running)} == {"done"}
