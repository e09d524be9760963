"""Batches over REST: each message stored and answered by itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from folder_support import LineForm
from hl7_messages import stay
from service_support import Service, service

from grouper.intake.envelope import Envelope, Receipt
from grouper.store.group_commit import NOT_STORED, GroupCommit
from grouper.store.inbox import Inbox
from hl7_adapters.hl7v2 import FORM

ONE, TWO = stay("ADT^A01", control_id="T1"), stay("ADT^A08", control_id="T2")
ODD = stay("MFN^M02", control_id="T3")


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Service]:
    with service(tmp_path) as found:
        state = found.app.state
        more = {"hl7v2": FORM, "lines": LineForm()}
        state.services = replace(state.services, forms={**state.services.forms, **more})
        yield found


def post(running: Service, form: str, content: bytes, **headers: str) -> Any:
    kind = {"Content-Type": "application/octet-stream"}
    path = f"/api/v1/inbox/{form}"
    return running.ask("interface", "POST", path, content=content, headers=kind | headers)


def test_all_messages_of_a_batch_are_answered(running: Service) -> None:
    answer = post(running, "hl7v2", b"FHS|^~\\&\rBHS|^~\\&\r" + ONE + TWO + b"BTS|2\rFTS|1\r")
    assert answer.status_code == 202
    body = answer.json()
    assert [(m["message_id"], m["verdict"], m["duplicate"]) for m in body["messages"]] == [
        (1, "AA", False),
        (2, "AA", False),
    ]
    counts = {"messages": 2, "AA": 2, "AE": 0, "AR": 0, "duplicates": 0, "not_stored": 0}
    assert body["counts"] == counts
    assert "各条报文" in body["text"]
    stored = Inbox(running.database).after(0, count=9, size=10**6)
    assert [(one.raw, one.channel) for one in stored] == [(ONE, "rest:his"), (TWO, "rest:his")]
    again = post(running, "hl7v2", ONE + TWO, **{"Accept-Language": "en"})
    assert again.json()["counts"]["duplicates"] == 2
    assert "All messages" in again.json()["text"]


def test_what_cannot_be_used_is_told_beside_the_others(running: Service) -> None:
    answer = post(running, "hl7v2", ONE + ODD)
    assert answer.status_code == 200
    first, second = answer.json()["messages"]
    assert (first["verdict"], first["reason"]) == ("AA", "")
    assert (second["verdict"], second["reason"]) == ("AR", "TYPE_UNSUPPORTED")
    assert answer.json()["counts"]["AR"] == 1


def test_a_single_message_is_answered_as_ever(running: Service) -> None:
    accept = {"Accept": "application/hl7-v2"}
    answer = post(running, "hl7v2", ONE, **accept)
    assert (answer.status_code, b"MSA|AA|T1" in answer.content) == (202, True)
    wrapped = post(running, "hl7v2", b"BHS|^~\\&\r" + ONE + b"BTS|1\r")
    assert wrapped.json()["duplicate"] is True
    assert wrapped.json()["message_id"] == 1


def test_a_batch_that_is_not_whole_is_one_message_in_quarantine(running: Service) -> None:
    answer = post(running, "hl7v2", b"BHS|^~\\&\r" + ONE + TWO + b"BTS|3\r")
    assert answer.status_code == 422
    assert answer.json()["message_id"] == 1


def test_a_key_counts_for_each_message_of_a_batch(running: Service) -> None:
    content = b"- a\n- a\n7 c"
    for duplicates in (0, 3):
        answer = post(running, "lines", content, **{"Idempotency-Key": "k" * 256})
        assert answer.json()["counts"]["duplicates"] == duplicates
    assert post(running, "lines", content).json()["counts"]["duplicates"] == 1


def test_a_batch_that_is_not_all_stored_is_to_be_sent_again(
    running: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = GroupCommit.put

    async def failing(self: GroupCommit, envelope: Envelope, channel: str) -> Receipt:
        if envelope.control_id == "T2":
            return NOT_STORED
        return await own(self, envelope, channel)

    monkeypatch.setattr(GroupCommit, "put", failing)
    answer = post(running, "hl7v2", ONE + TWO)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    body = answer.json()
    assert [m["message_id"] for m in body["messages"]] == [1, None]
    assert (body["counts"]["AA"], body["counts"]["AR"], body["counts"]["not_stored"]) == (1, 0, 1)
    monkeypatch.undo()
    assert post(running, "hl7v2", ONE + TWO).status_code == 202


def test_the_answers_are_described(running: Service) -> None:
    found = running.app.openapi()
    answers = found["paths"]["/api/v1/inbox/{form}"]["post"]["responses"]
    assert "PiecesAnswer" in str(answers["200"])
    assert "PiecesAnswer" in str(answers["202"])
    assert "PiecesAnswer" in str(answers["503"])
    assert {"PiecesAnswer", "PiecesMessage", "PiecesCounts"} <= set(found["components"]["schemas"])


def test_names_of_the_document_stay_as_they_were(running: Service) -> None:
    """Two models of one name would both be renamed."""
    assert [name for name in running.app.openapi()["components"]["schemas"] if "__" in name] == []
