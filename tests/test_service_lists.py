"""What was sent as a settlement list, held against the case; and the case written as a list."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from service_support import PEOPLE, Asking
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from grouper.service.app import create_app
from grouper.service.settings import Intake, Settings
from grouper.service.worker import Worker
from grouper.store import retention
from grouper.store.database import Database, connect
from grouper.store.migrate import upgrade
from grouper.store.schema import now

LIST: dict[str, Any] = json.loads(
    (files("grouper.demo") / "day" / "lists.jsonl").read_text("utf-8").splitlines()[0]
)
HOSPITAL = LIST["fixmedins_code"]


class Case:
    """An app with one stay, of which a settlement list was sent."""

    def __init__(self, client: TestClient, database: Database, settings: Settings) -> None:
        self.client, self.database, self.settings = client, database, settings
        self.send("nhsa", json.dumps(LIST).encode())
        found = self.get("/api/v1/cases").json()["cases"]
        self.path = f"/api/v1/cases/{found[0]['case_id']}"

    def send(self, form: str, raw: bytes) -> None:
        answer = self.client.post(
            f"/api/v1/inbox/{form}", content=raw, headers={"X-Test-Role": "office"}
        )
        assert answer.status_code == 202, answer.text
        while Worker(self.settings, self.database).step():
            pass

    def get(self, path: str, role: str = "office", **asked: str) -> Any:
        return self.client.get(path, params=asked, headers={"X-Test-Role": role})

    def correct(self) -> None:
        """The hospital's own system corrects the principal diagnosis by HL7."""
        info = LIST["input"]["setlinfo"]
        self.send(
            "hl7v2",
            "\r".join(
                (
                    "MSH|^~\\&|HIS|T|G|T|20270120100000+0800||ADT^A08^ADT_A01|C1|P|2.5|||AL|NE||UNICODE UTF-8",
                    "EVN|A08|20270120100000+0800",
                    f"PID|1||{info['psn_no']}^^^T^PI",
                    f"PV1|1|I|||||||||||||||||{info['mdtrt_id']}",
                    "DG1|1|ICD10|I21.001^^ICD10||20270120|F|||||||||1",
                    "",
                )
            ).encode(),
        )


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    settings = Settings(folder=tmp_path / "service", hospital=HOSPITAL, intake=Intake(linger=0))
    database = connect(f"sqlite:///{tmp_path / 'grouper.sqlite'}")
    upgrade(database)
    app = create_app(settings, database)
    app.user_middleware.insert(-1, Middleware(Asking))
    try:
        with TestClient(app) as client:
            yield Case(client, database, settings)
    finally:
        database.close()


def test_a_list_that_says_what_the_case_says_has_no_differences(case: Case) -> None:
    told = case.get(f"{case.path}/differences").json()
    assert (told["kind"], told["differences"]) == ("4101", [])


def test_what_was_corrected_since_is_listed_in_three_forms(case: Case) -> None:
    case.correct()
    told = case.get(f"{case.path}/differences").json()["differences"]
    sent = LIST["input"]["diseinfo"][0]["diag_code"]
    changed = {(one["original"], one["proposed"]) for one in told if one["field"] == "diag_code"}
    assert any(sent in pair for pair in changed)
    assert any("I21.001" in pair for pair in changed)
    assert all("第" in one["source"] for one in told)
    written = case.get(f"{case.path}/differences", format="csv")
    assert written.headers["content-type"].startswith("text/csv")
    rows = list(csv.reader(io.StringIO(written.content.decode("utf-8-sig"))))
    assert len(rows) == len(told) + 1
    book = case.get(f"{case.path}/differences", format="xlsx")
    sheet = openpyxl.load_workbook(io.BytesIO(book.content)).active
    assert sheet is not None
    assert sheet.max_row == len(told) + 1


def test_the_field_tables_are_held_against_what_was_sent(case: Case) -> None:
    told = case.get(f"{case.path}/checks").json()
    # The bundled list states no nationality, which the table of 4101 requires.
    assert "ntly" in {one["field"] for one in told["findings"] if one["node"] == "setlinfo"}
    assert all(one["words"] for one in told["findings"])
    assert "示例" not in json.dumps(told, ensure_ascii=False)


def test_the_case_is_written_as_a_list_for_those_who_may_see_the_person(case: Case) -> None:
    case.correct()
    told = case.get(f"{case.path}/settlement-list").json()
    codes = [one["diag_code"] for one in told["input"]["diseinfo"]]
    assert codes[0] == "I21.001"
    # The bundled list states neither place.
    assert told["head"] == {}
    assert case.get(f"{case.path}/settlement-list", "manager").status_code == 403
    wrong = case.get(f"{case.path}/settlement-list", kind="9999")
    assert (wrong.status_code, wrong.json()["code"]) == (404, "NO_SUCH_LIST")


def test_without_a_list_or_its_raw_bytes_it_says_so(case: Case) -> None:
    case.correct()
    hl7_only = b"MSH|^~\\&|HIS|T|G|T|20270120100000+0800||ADT^A01^ADT_A01|C2|P|2.5\rPID|1||PZ^^^T^PI\rPV1|1|I|||||||||||||||||ZZ9\r"
    case.send("hl7v2", hl7_only)
    found = case.get("/api/v1/cases", text="ZZ9").json()["cases"][0]["case_id"]
    none = case.get(f"/api/v1/cases/{found}/checks")
    assert (none.status_code, none.json()["code"]) == (404, "NO_LIST_SENT")
    retention.prune(case.database, now() + timedelta(days=1))
    gone = case.get(f"{case.path}/differences")
    assert (gone.status_code, gone.json()["code"]) == (410, "RAW_GONE")


def test_each_look_is_logged(case: Case) -> None:
    from grouper.store import audit  # noqa: PLC0415 -- only here

    case.get(f"{case.path}/differences")
    case.get(f"{case.path}/settlement-list")
    with case.database.reading() as connection:
        actions = {(one.actor, one.action) for one in audit.entries(connection, limit=100)}
    office = PEOPLE["office"].name
    assert {(office, "differences_shown"), (office, "list_written")} <= actions
