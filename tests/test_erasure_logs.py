"""A whole service at work with persons: its logs and its audit log hold none of their identifiers."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import serve_support
import test_serve
from erasure_support import ADDRESS, ID_NUMBER, PATIENT, SECRETS, VISITS, messages, traces
from serve_support import served
from sqlalchemy import select
from test_serve import send, until_grouped

from grouper.store import audit
from grouper.store.database import connect
from grouper.store.schema import audit as log
from grouper.store.states import Role

ASKED = (
    f"/api/v1/cases?text={PATIENT}",
    f"/api/v1/cases?text={VISITS[0]}&state=odd",
    f"/api/v1/cases/{PATIENT}",
    f"/api/v1/cases/{ID_NUMBER}/person",
    f"/api/v1/messages?patient={PATIENT}",
    f"/api/v1/messages?visit={VISITS[0]}&limit=x",
    f"/{ADDRESS}/{PATIENT}",
    f"/api/v1/codebooks/search?q={ID_NUMBER}",
)
"""What people ask for, and ask wrongly for, with identifiers in path and query."""


def _broken() -> bytes:
    """A message of a charset that it does not keep to, without what it is about."""
    return f"MSH|^~\\&|HIS|T|G|T|2026||ADT^A01|{VISITS[1]}|P|2.5\rPID|{PATIENT}|{ADDRESS}\rPV1|".encode(
        "gb18030"
    )


@pytest.mark.slow
def test_logs_name_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A machine that is busy starts seven processes slowly.
    for module in (serve_support, test_serve):
        monkeypatch.setattr(module, "LONGEST", 300.0)
    with served(tmp_path) as service:
        with service.client(Role.OFFICE) as office, service.client(Role.INTERFACE) as system:
            answers = send(service, *messages(), _broken())
            assert {"AA", "AE", "AR"} >= set(answers)
            assert len(set(answers)) > 1
            found = until_grouped(office, 3)
            for path in ASKED:
                assert office.get(path).status_code in {200, 401, 403, 404, 422}, path
            for one in found:
                for more in ("", "/person", "/trace", "/payment", "/findings"):
                    assert office.get(f"/api/v1/cases/{one['case_id']}{more}").status_code == 200
            waiting = office.get("/api/v1/messages").json()["messages"]
            assert waiting
            number = waiting[0]["message_id"]
            assert office.get(f"/api/v1/messages/{number}/raw").status_code == 200
            assert office.post(f"/api/v1/messages/{number}/replay").status_code in {200, 202}
            for body in (PATIENT.encode(), f'{{"resourceType": "{ID_NUMBER}"}}'.encode()):
                assert system.post("/api/v1/inbox/fhir", content=body).status_code >= 400
            hook = {
                "hook": "encounter-discharge",
                "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
                "context": {"userId": "Practitioner/1", "patientId": PATIENT, "encounterId": "V0"},
            }
            system.post("/cds-services/grouper-discharge", json=hook)
            until = time.monotonic() + serve_support.LONGEST
            while office.get("/api/v1/messages").json()["messages"] == waiting:
                # A replay that fails is told as tried once more.
                assert time.monotonic() < until
                time.sleep(0.1)
        assert service.stop() == 0
    words = (tmp_path / "service.log").read_bytes()
    assert words.count(b'"request"') > len(ASKED)
    assert traces({"log": words}, (*SECRETS, "李他人", "PT700001", "ZY700001")) == {}
    database = connect(service.url)
    try:
        with database.reading() as connection:
            rows = connection.execute(select(log)).all()
            assert audit.verify(connection, []).faults == ()
    finally:
        database.close()
    assert len(rows) > len(found)
    held = {str(row.id): f"{row.actor} {row.object} {row.about}".encode() for row in rows}
    assert traces(held) == {}
