"""The parts of the service one by one: languages, problems, bodies, logs, audit queue, metrics."""

from __future__ import annotations

import io
import json
import logging
import threading
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from codebooks.errors import GrouperError
from codebooks.messages import catalogue
from grouper.intake.envelope import Receipt, Verdict
from grouper.service import logs, status
from grouper.service.audit_queue import AuditQueue, Entry, logged
from grouper.service.cds.cards import Reference
from grouper.service.form_answers import media_types, status_of, wanted
from grouper.service.language import accepted
from grouper.service.metrics import Metrics
from grouper.service.problems import BodyError, _standings, standing
from grouper.service.references import KEEP, References
from grouper.service.requests import read_json
from grouper.store.database import StoreError


@pytest.mark.parametrize(
    ("header", "lang"),
    [
        ("", None),
        ("*", None),
        ("fr", None),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-US,en;q=0.5", "en"),
        ("zh;q=0.2, en;q=0.7", "en"),
        ("zh;q=0, en;q=0.1", "en"),
        ("fr, EN ; q=0.4, zh; q=x", "en"),
        ("en;level=1", "en"),
    ],
)
def test_the_language_that_a_client_likes_best(header: str, lang: str | None) -> None:
    assert accepted(header) == lang


@given(st.text())
def test_any_header_of_languages_is_read(header: str) -> None:
    assert accepted(header) in ("zh", "en", None)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_code_with_a_status_has_its_words(lang: str) -> None:
    words = catalogue(lang)
    for code, found in _standings().items():
        declared = f"error.{code}" in words and f"hint.{code}" in words
        assert declared or (f"reason.{code}" in words and f"advice.{code}" in words), code
        assert f"service.status.{found.status}" in words, code


def test_an_error_that_nobody_listed_is_our_own_fault() -> None:
    assert standing("TABLE_ENCODING").status == 500


def test_numbers_of_a_body_stay_exact() -> None:
    assert read_json(b'{"a": 0.10000000000000000001}') == {"a": Decimal("0.10000000000000000001")}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"a": 1, "a": 2}',
        b'{"a": NaN}',
        b'{"a": "\\ud800"}',
        b'"\xff"',
        b"[" * 100_000,
        b"1" * 5000,
        b"-Infinity",
    ],
)
def test_a_body_that_is_no_proper_json_is_refused(body: bytes) -> None:
    with pytest.raises(BodyError) as caught:
        read_json(body)
    assert (caught.value.code, caught.value.status_code) == ("BODY_UNREADABLE", 400)


@given(st.binary(max_size=60))
def test_any_body_is_read_or_refused(body: bytes) -> None:
    with suppress(BodyError):
        read_json(body)


def test_the_answer_of_a_form_is_asked_for_by_its_media_type() -> None:
    assert wanted("hl7v2", "text/html, application/hl7-v2;q=0.9") == "application/hl7-v2"
    assert wanted("hl7v2", "*/*") is None
    assert wanted("nothing", "application/hl7-v2") is None
    assert set(media_types()) == {"hl7v2", "fhir", "nhsa", "table"}


@pytest.mark.parametrize(
    ("verdict", "reason", "expected"),
    [
        (Verdict.ACCEPTED, "", 202),
        (Verdict.UNUSABLE, "PATIENT_MISSING", 422),
        (Verdict.REFUSED, "TYPE_UNSUPPORTED", 415),
        (Verdict.REFUSED, "CHARSET_UNKNOWN", 415),
        (Verdict.REFUSED, "MESSAGE_UNREADABLE", 400),
        (Verdict.REFUSED, "NOT_STORED", 503),
    ],
)
def test_a_receipt_as_a_status_of_http(verdict: Verdict, reason: str, expected: int) -> None:
    assert status_of(Receipt(message_id=1, verdict=verdict, reason=reason)) == expected


# Logs


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    logs.configure()
    yield stream
    for handler in list(root.handlers):
        root.removeHandler(handler)
    for handler in before:
        root.addHandler(handler)
    root.setLevel(level)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_log_line_is_json_and_an_exception_has_no_words(written: io.StringIO) -> None:
    log = structlog.get_logger("grouper.test")
    try:
        raise ValueError("张三 of the message")  # noqa: TRY301 -- caught on purpose
    except ValueError:
        log.exception("failed", count=2)
    log.error("again", exc_info=KeyError("张三"))
    log.debug("not shown")
    first, second = lines(written)
    assert first["event"] == "failed"
    assert first["count"] == 2
    assert first["logger"] == "grouper.test"
    assert str(first["fault"]).startswith("ValueError at test_service_parts.py:")
    assert second["fault"] == "KeyError"
    assert "张三" not in written.getvalue()


def test_other_libraries_are_logged_by_their_templates(written: io.StringIO) -> None:
    logging.getLogger("uvicorn.error").info("from %s", "张三")
    logging.getLogger("elsewhere").info("not shown")
    logging.getLogger("elsewhere").warning(ValueError("张三"))
    first, second = lines(written)
    assert first["event"] == "from %s"
    assert second["event"] == "ValueError"
    assert "张三" not in written.getvalue()


# The audit queue


def test_looks_are_written_together_and_in_their_order() -> None:
    written: list[list[str]] = []
    first, go = threading.Event(), threading.Event()

    def write(entries: object) -> None:
        written.append([entry.object for entry in entries])  # type: ignore[attr-defined]
        first.set()
        assert go.wait(5)

    queue = AuditQueue(write)
    waiting = [queue.submit(Entry("a", "seen", "case:0"))]
    assert first.wait(5)
    waiting += [queue.submit(Entry("a", "seen", f"case:{i}")) for i in range(1, 4)]
    assert not any(done.done() for done in waiting)
    go.set()
    for done in waiting:
        logged(done)
    queue.close()
    assert written == [["case:0"], ["case:1", "case:2", "case:3"]]


@pytest.mark.parametrize("fault", [StoreError("STORE_UNAVAILABLE"), RuntimeError("x")])
def test_what_cannot_be_logged_is_told_and_the_next_is_tried(fault: Exception) -> None:
    faults = [fault]

    def write(_entries: object) -> None:
        if faults:
            raise faults.pop()

    queue = AuditQueue(write)
    with pytest.raises(GrouperError) as caught:
        queue.record(Entry("a", "seen", "case:1"))
    assert caught.value.code == "AUDIT_UNAVAILABLE"
    queue.record(Entry("a", "seen", "case:2"))
    queue.close()


def test_a_log_that_never_comes_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grouper.service.audit_queue.PATIENCE", 0.01)
    go = threading.Event()
    queue = AuditQueue(lambda _entries: go.wait(5) and None)
    with pytest.raises(GrouperError) as caught:
        queue.record(Entry("a", "seen", "case:1"))
    assert caught.value.code == "AUDIT_UNAVAILABLE"
    go.set()
    queue.close()


# Metrics and references


def test_metrics_tell_of_a_database_that_is_away(tmp_path: Path) -> None:
    def away() -> None:
        raise StoreError("STORE_UNAVAILABLE")

    status.write(tmp_path, "listener", {"intake_messages": 7})
    found = Metrics(away, tmp_path)  # type: ignore[arg-type] -- it never returns
    found.request("BREW", "/x", 200, 0.001)
    text = found.text().decode()
    assert "grouper_database_up 0.0" in text
    assert 'grouper_requests_total{method="other",route="/x",status="200"} 1.0' in text
    assert 'grouper_process_up{process="listener"} 1.0' in text
    assert 'grouper_process_value{name="intake_messages",process="listener"} 7.0' in text


def test_a_figure_is_remembered_for_some_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    now = [0.0]

    def read(_scheme: str, group: str) -> Reference:
        asked.append(group)
        return Reference(30, Decimal(len(asked)))

    references = References(read, lambda: now[0])
    assert references.of("s", "A").mean == references.of("s", "A").mean == 1  # type: ignore[union-attr]
    now[0] = KEEP
    assert references.of("s", "A").mean == 2  # type: ignore[union-attr]
    monkeypatch.setattr("grouper.service.references.MOST", 1)
    references.of("s", "B")
    assert asked == ["A", "A", "B"]
