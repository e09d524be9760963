"""Models in use: approved, rolled back, removed, and read once however often they are asked for."""

from __future__ import annotations

import dataclasses
import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import forecast_registry_support as small
import pytest
from forecast_registry_support import NAME, folder, fresh, kept, read, refused

from grouper.forecast.errors import ForecastError
from grouper.forecast.registry import approvals, choosing, lock, places
from grouper.forecast.registry.approved import approved
from grouper.forecast.registry.keeping import ids, remove, stored

__all__ = ["fresh"]

# ── approved, rolled back, removed ────────────────────────────────────────────────────────────────


def test_approvals_are_kept_all_and_rollback_goes_to_the_one_before() -> None:
    one, two, three = (kept(version) for version in (1, 2, 3))
    for card in (one, two, three):
        choosing.approve(NAME, card.id, by="A", why="tried", read=read)
    assert approved(NAME, read).model == (three.id, 3)
    assert choosing.rollback(NAME, by="B", why="too wide", read=read).id == two.id
    assert approved(NAME, read).model == (two.id, 2)
    assert choosing.rollback(NAME, by="B").id == one.id
    refused("FORECAST_NO_EARLIER", choosing.rollback, NAME, by="B")
    choosing.approve(NAME, three.id, by="A")
    assert choosing.rollback(NAME, by="B").id == one.id
    told = [(entry.action, entry.id, entry.by) for entry in approvals.approvals(NAME)]
    assert told == [
        ("approve", one.id, "A"),
        ("approve", two.id, "A"),
        ("approve", three.id, "A"),
        ("rollback", two.id, "B"),
        ("rollback", one.id, "B"),
        ("approve", three.id, "A"),
        ("rollback", one.id, "B"),
    ]


def test_only_what_can_be_read_is_approved() -> None:
    card = kept()
    (folder(card) / "model.json").write_text("{}")
    refused("FORECAST_FILE_CHANGED", choosing.approve, NAME, card.id, by="A")
    other = kept(2)

    def fails(files: Mapping[str, bytes], model: str) -> None:
        assert files
        assert model == other.id
        raise ForecastError("FORECAST_MODEL_UNREADABLE", part="x")

    refused("FORECAST_MODEL_UNREADABLE", choosing.approve, NAME, other.id, by="A", read=fails)
    refused("FORECAST_MODEL_ABSENT", choosing.approve, NAME, other.id[:-8] + "00000000", by="A")
    assert approvals.approvals(NAME) == ()
    choosing.approve(NAME, other.id, by="A")
    refused("FORECAST_MODEL_APPROVED_ALREADY", choosing.approve, NAME, other.id, by="A")


def test_the_model_in_use_is_not_removed_and_rollback_passes_over_one_that_was() -> None:
    one, two, three = (kept(version) for version in (1, 2, 3))
    for card in (one, two, three):
        choosing.approve(NAME, card.id, by="A")
    refused("FORECAST_MODEL_APPROVED", remove, NAME, three.id)
    remove(NAME, two.id)
    assert ids(NAME) == [three.id, one.id]
    refused("FORECAST_MODEL_ABSENT", remove, NAME, two.id)
    assert choosing.rollback(NAME, by="A").id == one.id
    assert approved(NAME, read).id == one.id


def test_without_approvals_there_is_no_model() -> None:
    refused("FORECAST_NO_MODEL", approved, NAME, read)
    refused("FORECAST_NO_EARLIER", choosing.rollback, NAME, by="A")
    card = kept()
    refused("FORECAST_NO_MODEL", approved, NAME, read)
    refused("FORECAST_NO_EARLIER", choosing.rollback, NAME, by="A")
    path = folder(card).parent / places.APPROVALS
    path.write_text('{"version": 1, "approvals": []}')
    refused("FORECAST_NO_MODEL", approved, NAME, read)


@pytest.mark.parametrize(
    "change",
    [
        {"id": "../x"},
        {"action": "burn"},
        {"at": "2026-11-01T00:00:00"},
        {"at": "now"},
        {"by": 3},
        {"action": "rollback"},
    ],
)
def test_a_list_that_makes_no_sense_is_refused(change: dict[str, Any]) -> None:
    card = kept()
    choosing.approve(NAME, card.id, by="A")
    path = folder(card).parent / places.APPROVALS
    document = json.loads(path.read_text("utf-8"))
    document["approvals"][0] |= change
    path.write_text(json.dumps(document))
    refused("FORECAST_APPROVALS_UNREADABLE", approvals.approvals, NAME)


@pytest.mark.parametrize("fault", ["many", "long", "half a character"])
def test_an_entry_that_could_not_be_read_again_is_not_written(
    monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    card = kept()
    choosing.approve(NAME, card.id, by="lin")
    before = approvals.approvals(NAME)
    why = {"many": "", "long": "x" * 5000, "half a character": "\udc80"}[fault]
    real = approvals.limit
    small = {"most_approvals": 1} if fault == "many" else {"most_card_bytes": 4000}
    monkeypatch.setattr(approvals, "limit", lambda key: small.get(key) or real(key))
    entry = dataclasses.replace(before[0], why=why)
    refused("FORECAST_APPROVALS_FULL", approvals.append, NAME, entry)
    assert approvals.approvals(NAME) == before


def test_a_list_of_another_version_is_refused() -> None:
    path = folder(kept()).parent / places.APPROVALS
    for text in (
        '{"version": 2, "approvals": []}',
        "{}",
        "[]",
        "",
        '{"version": 1, "approvals": 3}',
    ):
        path.write_text(text)
        refused("FORECAST_APPROVALS_UNREADABLE", approvals.approvals, NAME)


def test_two_writers_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "limit", lambda _: 0.2)
    card = kept()
    with lock.writing(folder(card).parent):
        refused("FORECAST_REGISTRY_BUSY", kept, 2)
        refused("FORECAST_REGISTRY_BUSY", choosing.approve, NAME, card.id, by="A")
        assert stored(NAME, card.id).card == card
    kept(2)


def test_many_at_once_lose_nothing() -> None:
    cards = [kept(version) for version in range(1, 7)]
    threads = [
        threading.Thread(target=choosing.approve, args=(NAME, card.id), kwargs={"by": card.id})
        for card in cards
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {entry.id for entry in approvals.approvals(NAME)} == {card.id for card in cards}


def test_a_folder_that_cannot_be_written_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GROUPER_DATA", str(tmp_path / "file"))
    refused("FORECAST_REGISTRY_WRITE", kept)


def test_a_list_that_cannot_be_written_stays_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = kept(1), kept(2)
    choosing.approve(NAME, one.id, by="A")

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(approvals.os, "fsync", full)
        refused("FORECAST_REGISTRY_WRITE", choosing.approve, NAME, two.id, by="A")
    assert approved(NAME, read).id == one.id
    assert not list(folder(one).parent.glob(f".{places.APPROVALS}*"))


# ── asked often ───────────────────────────────────────────────────────────────────────────────────


def test_a_model_is_read_once_and_a_new_approval_is_taken_up() -> None:
    calls: list[str] = []

    def counted(files: Mapping[str, bytes], model: str) -> tuple[str, int]:
        calls.append(model)
        return read(files, model)

    one, two = kept(1), kept(2)
    choosing.approve(NAME, one.id, by="A")
    first = approved(NAME, counted)
    assert approved(NAME, counted) is first
    assert (first.model, first.card.id, first.problem) == ((one.id, 1), one.id, None)
    choosing.approve(NAME, two.id, by="A")
    assert approved(NAME, counted).model == (two.id, 2)
    choosing.rollback(NAME, by="A")
    assert approved(NAME, counted).model == (one.id, 1)
    assert calls == [one.id, two.id, one.id]
    assert approved(NAME).model == small.files(1)


def test_a_broken_model_keeps_the_last_good_one_and_says_why(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = kept(1), kept(2)
    choosing.approve(NAME, one.id, by="A")
    approved(NAME, read)
    choosing.approve(NAME, two.id, by="A")
    path = folder(two) / "model.json"
    whole = path.read_bytes()
    path.write_bytes(b"{}")
    found = approved(NAME, read)
    assert found.model == (one.id, 1)
    assert found.problem is not None
    assert found.problem.code == "FORECAST_FILE_CHANGED"
    assert [r.levelname for r in caplog.records] == ["WARNING"]
    assert "FORECAST_FILE_CHANGED" in caplog.text
    # Said once, tried again after a while, in use when it is whole.
    assert approved(NAME, read).problem is found.problem
    path.write_bytes(whole)
    assert approved(NAME, read).model == (one.id, 1)
    monkeypatch.setattr("grouper.forecast.registry.approved.time.monotonic", lambda: 1e12)
    again = approved(NAME, read)
    assert (again.model, again.problem) == ((two.id, 2), None)
    assert len([r for r in caplog.records if r.levelname == "WARNING"]) == 1


def test_a_problem_is_gone_when_the_good_model_is_approved_again() -> None:
    one, two = kept(1), kept(2)
    choosing.approve(NAME, one.id, by="A")
    approved(NAME, read)
    choosing.approve(NAME, two.id, by="A")
    (folder(two) / "model.json").write_bytes(b"{}")
    assert approved(NAME, read).problem
    choosing.rollback(NAME, by="A")
    assert approved(NAME, read).problem is None
    (folder(one).parent / places.APPROVALS).unlink()
    refused("FORECAST_NO_MODEL", approved, NAME, read)


def test_many_threads_read_a_model_once() -> None:
    calls: list[str] = []

    def counted(files: Mapping[str, bytes], model: str) -> str:
        calls.append(model)
        return f"{model} {len(files)}"

    choosing.approve(NAME, kept().id, by="A")
    threads = [threading.Thread(target=approved, args=(NAME, counted)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls) == 1
