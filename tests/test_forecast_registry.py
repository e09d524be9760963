"""Models kept as files: written whole, never changed, read after every check, approved and rolled back."""

from __future__ import annotations

import ast
import dataclasses
import json
import os
import shutil
import threading
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import forecast_registry_support as small
import pytest
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codebooks.errors import GrouperError
from grouper.forecast.boost import Booster
from grouper.forecast.errors import ForecastError
from grouper.forecast.registry import approvals, choosing, keeping, lock, places, provenance
from grouper.forecast.registry.approved import approved, forget
from grouper.forecast.registry.card import Card, id_of, listed, read_card
from grouper.forecast.registry.keeping import check, ids, keep, names, remove, stored

NAME = "default"
FIRST = datetime(2026, 11, 1, 3, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _fresh() -> None:
    forget()


def kept(version: int = 1, name: str = NAME) -> Card:
    """A model of a version, made that many hours after the first."""
    return keep(name, small.files(version), small.MADE, FIRST + timedelta(hours=version))


def folder(card: Card) -> Path:
    return places.folder_of(card.name, card.id)


def read(files: Mapping[str, bytes], model: str) -> tuple[str, int]:
    """What a forecaster would be: it reads its trees and a setting."""
    Booster.read(files["cost.ubj"], small.NAMES)
    return model, int(json.loads(files["model.json"])["version"])


def refused(code: str, *call: Any, **named: Any) -> ForecastError:
    with pytest.raises(ForecastError) as found:
        call[0](*call[1:], **named)
    assert found.value.code == code
    assert found.value.describe("en")
    assert found.value.describe("zh")
    return found.value


# ── written and read ──────────────────────────────────────────────────────────────────────────────


def test_a_model_comes_back_as_it_was_kept() -> None:
    card = kept()
    found = stored(NAME, card.id)
    assert found.files == small.files()
    assert found.card == card
    assert card.id.startswith("20261101T040000Z-")
    assert card.size == sum(map(len, small.files().values()))
    assert (names(), ids(NAME)) == ([NAME], [card.id])
    assert card.data["stays"] == 1234
    assert card.features["sha256"] == provenance.features_hash()
    assert card.code["version"]
    assert card.code["libraries"]["numpy"]
    assert "training.toml" in card.settings
    # The card keeps what a reader needs of the evaluation, not all of it.
    assert set(card.metrics) == {"version", "overall", "by_day"}
    assert sorted(one.name for one in folder(card).iterdir()) == sorted(
        [places.CARD, *small.files()]
    )


def test_nothing_is_overwritten() -> None:
    card = kept()
    before = {one.name: one.read_bytes() for one in folder(card).iterdir()}
    error = refused("FORECAST_MODEL_EXISTS", kept)
    assert card.id in str(error)
    assert {one.name: one.read_bytes() for one in folder(card).iterdir()} == before
    assert not list(folder(card).parent.glob(f"{places.NEW}*"))


def test_the_newest_stands_first_and_names_are_apart() -> None:
    cards = [kept(version) for version in (1, 3, 2)]
    other = kept(1, "surgery")
    assert ids(NAME) == [cards[1].id, cards[2].id, cards[0].id]
    assert (names(), ids("surgery")) == ([NAME, "surgery"], [other.id])
    assert ids("nobody") == []


def test_what_is_half_written_is_no_model_and_is_tidied(monkeypatch: pytest.MonkeyPatch) -> None:
    first = kept(1)
    left = folder(first).parent / f"{places.NEW}killed"
    left.mkdir()
    (left / "model.json").write_bytes(b"{}")
    assert ids(NAME) == [first.id]

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(keeping.os, "fsync", full)
        error = refused("FORECAST_REGISTRY_WRITE", kept, 2)
        assert "No space left" in str(error)
    assert ids(NAME) == [first.id]
    assert not list(folder(first).parent.glob(f"{places.NEW}*"))


@pytest.mark.parametrize(
    "name", ["", "..", "a/b", "../x", "A", "a b", "x" * 65, ".new-1", "a\n", "名"]
)
def test_a_name_leads_nowhere_else(name: str) -> None:
    refused("FORECAST_MODEL_NAME", kept, 1, name)
    refused("FORECAST_MODEL_NAME", ids, name)
    refused("FORECAST_MODEL_NAME", approved, name)
    refused("FORECAST_MODEL_NAME", stored, NAME, name)


@pytest.mark.parametrize(
    "name",
    [
        *("../a.json", "/a.json", "a/b.json", "a\\b.json", "..json", ".a.json", "card.json"),
        *("a.pkl", "a.py", "a.so", "a", "a.json.exe", "a.json\n", "x" * 130 + ".json", "a .json"),
    ],
)
def test_a_file_of_a_model_has_a_plain_name(name: str) -> None:
    refused("FORECAST_FILE_NAME", keep, NAME, small.files() | {name: b"{}"}, small.MADE)
    document = json.loads(kept().raw())
    document["files"][name] = {"bytes": 2, "sha256": "0" * 64}
    refused("FORECAST_FILE_NAME", read_card, json.dumps(document).encode())


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("bad.ubj", b"{i\x01a"),
        ("bad.json", b"{"),
        ("bad.json", b"[" * 9999),
        ("bad.arrow", b"ARROW1"),
        ("bad.parquet", b"PAR1"),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_not_kept(name: str, raw: bytes) -> None:
    refused("FORECAST_MODEL_UNREADABLE", keep, NAME, small.files() | {name: raw}, small.MADE)
    assert names() == []


def test_limits_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    card = kept()
    size = len(small.files()["cost.ubj"])
    real = places.limit
    for name, most in (("most_file_bytes", size - 1), ("most_model_bytes", card.size - 1)):
        for module in ("card", "keeping", "places"):
            path = f"grouper.forecast.registry.{module}.limit"
            monkeypatch.setattr(
                path, lambda asked, n=name, m=most: m if asked == n else real(asked)
            )
        refused("FORECAST_FILE_LARGE", stored, NAME, card.id)
        refused("FORECAST_FILE_LARGE", kept, 2)
    monkeypatch.undo()


def test_more_files_than_allowed_are_no_model() -> None:
    many = {f"part{number}.json": b"{}" for number in range(places.limit("most_files") + 1)}
    refused("FORECAST_CARD_UNREADABLE", keep, NAME, many, small.MADE)


def test_a_model_without_files_is_none() -> None:
    refused("FORECAST_CARD_UNREADABLE", keep, NAME, {}, small.MADE)


# ── broken, swapped, linked ───────────────────────────────────────────────────────────────────────


def test_a_changed_file_is_noticed() -> None:
    card = kept()
    path = folder(card) / "model.json"
    path.write_bytes(b'{"version": 2}')
    assert refused("FORECAST_FILE_CHANGED", stored, NAME, card.id).where.file == "model.json"
    path.write_bytes(b'{"version": 1}'[:-1])
    refused("FORECAST_FILE_CHANGED", stored, NAME, card.id)
    path.unlink()
    refused("FORECAST_FILE_MISSING", stored, NAME, card.id)
    path.mkdir()
    refused("FORECAST_FILE_LINK", stored, NAME, card.id)


def test_files_of_another_model_are_noticed() -> None:
    one, two = kept(1), kept(2)
    shutil.copy(folder(two) / "model.json", folder(one) / "model.json")
    refused("FORECAST_FILE_CHANGED", stored, NAME, one.id)
    shutil.copy(folder(two) / places.CARD, folder(one) / places.CARD)
    refused("FORECAST_CARD_UNREADABLE", stored, NAME, one.id)


def test_a_card_made_to_fit_changed_files_does_not_fit_its_id() -> None:
    card = kept()
    document = json.loads(card.raw())
    document["files"]["model.json"] = {
        "bytes": 2,
        "sha256": listed({"a.json": b"{}"})["a.json"].sha256,
    }
    assert refused("FORECAST_CARD_UNREADABLE", read_card, json.dumps(document).encode()).params == {
        "key": "id"
    }


def test_a_card_changed_since_its_approval_is_noticed() -> None:
    card = kept()
    choosing.approve(NAME, card.id, by="A", read=read)
    path = folder(card) / places.CARD
    path.write_text(path.read_text("utf-8").replace("812.5", "112.5"), "utf-8")
    assert refused("FORECAST_FILE_CHANGED", approved, NAME, read).where.file == places.CARD
    assert [error.code for error in check(NAME, card.id)[1]] == ["FORECAST_FILE_CHANGED"]


@pytest.mark.parametrize("what", ["model.json", places.CARD, ""])
def test_links_are_not_followed(tmp_path: Path, what: str) -> None:
    card = kept()
    inside = folder(card) / what if what else folder(card)
    aside = tmp_path / "aside"
    inside.rename(aside)
    inside.symlink_to(aside)
    refused("FORECAST_FILE_LINK", stored, NAME, card.id)


def test_a_link_in_the_place_of_the_list_or_of_the_name_is_not_followed(tmp_path: Path) -> None:
    card = kept()
    choosing.approve(NAME, card.id, by="A")
    path = folder(card).parent / places.APPROVALS
    path.rename(tmp_path / "list.json")
    path.symlink_to(tmp_path / "list.json")
    refused("FORECAST_FILE_LINK", approvals.approvals, NAME)
    home = folder(card).parent
    home.rename(tmp_path / "home")
    home.symlink_to(tmp_path / "home")
    refused("FORECAST_FILE_LINK", stored, NAME, card.id)
    refused("FORECAST_FILE_LINK", kept, 2)


def test_a_pipe_is_not_waited_for() -> None:
    card = kept()
    path = folder(card) / "model.json"
    path.unlink()
    os.mkfifo(path)
    refused("FORECAST_FILE_LINK", stored, NAME, card.id)


def test_a_model_of_other_features_has_to_be_trained_again(monkeypatch: pytest.MonkeyPatch) -> None:
    card = kept()
    choosing.approve(NAME, card.id, by="A")
    monkeypatch.setattr(provenance, "features_hash", lambda: "f" * 64)
    error = refused("FORECAST_MODEL_OUTDATED", stored, NAME, card.id)
    assert "重新训练" in error.describe("zh")
    document = json.loads(card.raw()) | {"version": 2}
    refused("FORECAST_MODEL_OUTDATED", read_card, json.dumps(document).encode())


def test_the_hash_of_features_follows_their_meaning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = provenance.files("grouper.forecast")
    shutil.copytree(str(real / "data"), tmp_path / "data")
    before = provenance.features_hash()

    def again() -> str:
        provenance.features_hash.cache_clear()
        return provenance.features_hash()

    monkeypatch.setattr(provenance, "files", lambda _: tmp_path)
    table = tmp_path / "data" / "features.csv"
    text = table.read_text("utf-8")
    assert again() == before
    table.write_text(text.replace("whole years on admission", "years"), "utf-8")
    assert again() == before
    table.write_text(text.replace("age,person", "age_now,person"), "utf-8")
    assert again() != before
    table.unlink()
    assert again() != before
    monkeypatch.undo()
    assert again() == before
    assert len(provenance.sources_hash()) == 64


def test_the_basis_names_schemes_and_policies_with_their_hashes() -> None:
    first, last = date(2025, 3, 1), date(2026, 2, 1)
    found = provenance.basis("demo", None, ["chs-drg-2.0"], first, last)
    assert (found["region"], found["scheme"]) == ("demo", "")
    assert [len(one) for one in found["schemes"].values()] == [64]
    # One policy a year.
    assert [one.partition("#")[0] for one in found["policies"]] == [
        "demo@2025-01-01",
        "demo@2026-01-01",
    ]
    day = provenance.basis("demo", "chs-drg-2.0", [], last, last)
    assert (day["scheme"], len(day["policies"])) == ("chs-drg-2.0", 1)


def test_verification_tells_all_that_is_wrong() -> None:
    card = kept()
    assert check(NAME, card.id) == (card, [])
    (folder(card) / "more.json").write_text("{}")
    (folder(card) / "model.json").write_text("{}")
    codes = [error.code for error in check(NAME, card.id)[1]]
    assert codes == ["FORECAST_FILE_CHANGED", "FORECAST_FILE_UNLISTED"]
    refused("FORECAST_MODEL_ABSENT", check, NAME, "20261101T040000Z-00000000")


MUTATIONS = st.tuples(
    st.sampled_from([*small.files(), places.CARD, places.APPROVALS]),
    st.sampled_from(["cut", "flip", "swap", "more", "gone"]),
    st.integers(0, 1 << 20),
    st.integers(1, 255),
)


@settings(
    max_examples=examples(40),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(MUTATIONS, min_size=1, max_size=3))
def test_whatever_happens_to_the_files_the_error_is_declared(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[str, str, int, int]]
) -> None:
    """Cut off, overwritten, swapped or gone: an error of ours, or the very model."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GROUPER_DATA", str(tmp_path_factory.mktemp("fuzz")))
        forget()
        card = kept()
        choosing.approve(NAME, card.id, by="A")
        home = folder(card)
        for file, what, at, value in changes:
            path = home.parent / file if file == places.APPROVALS else home / file
            raw = bytearray(path.read_bytes()) if path.exists() else bytearray()
            if what == "gone":
                path.unlink(missing_ok=True)
                continue
            if what == "cut":
                raw = raw[: at % (len(raw) + 1)]
            elif what == "flip" and raw:
                raw[at % len(raw)] ^= value
            elif what == "swap":
                raw = bytearray(small.files(2).get(file, b"{}"))
            else:
                raw += bytes([value])
            path.write_bytes(raw)
        try:
            found = approved(NAME, read)
        except GrouperError as error:
            assert error.describe("zh")  # noqa: PT017 -- either is right
        else:
            assert found.model == (card.id, 1)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=examples(80), deadline=None)
@given(st.data())
def test_any_card_is_read_or_refused(data: st.DataObject) -> None:
    told = listed(small.files())
    document: dict[str, Any] = {
        "version": 1,
        "name": NAME,
        "id": id_of(FIRST, told),
        "trained_at": FIRST.isoformat(),
        "command": "",
        **{
            key: {} for key in ("data", "basis", "code", "features", "settings", "metrics", "drift")
        },
        "notes": [],
        "files": {name: {"bytes": one.size, "sha256": one.sha256} for name, one in told.items()},
    }
    assert read_card(json.dumps(document).encode()).files == told
    for key in data.draw(st.lists(st.sampled_from(sorted(document)), max_size=2)):
        document[key] = data.draw(JSON)
    try:
        card = read_card(json.dumps(document).encode())
    except ForecastError as error:
        assert error.describe("en")  # noqa: PT017 -- either is right
    else:
        assert read_card(card.raw()).document() == card.document()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff",
        b"[]",
        b'{"version": 1}',
        b'{"version": NaN}',
        b'{"version": 1, "name": "\\ud800"}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_card_is_refused(raw: bytes) -> None:
    refused("FORECAST_CARD_UNREADABLE", read_card, raw)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("trained_at", "yesterday"),
        ("trained_at", "2026-11-01T03:00:00"),
        ("files", {"model.json": {"bytes": -1, "sha256": "0" * 64}}),
        ("files", {"model.json": {"bytes": True, "sha256": "0" * 64}}),
        ("files", {"model.json": {"bytes": 1, "sha256": "0" * 63}}),
        ("files", {"model.json": {"bytes": 1, "sha256": "X" * 64}}),
        ("files", {"model.json": 3}),
        ("name", "a/b"),
        ("id", "latest"),
        ("notes", [1]),
        ("version", "1"),
        ("version", True),
        ("metrics", None),
    ],
)
def test_a_card_with_a_wrong_value_names_it(key: str, value: Any) -> None:
    document = json.loads(kept().raw()) | {key: value}
    error = refused("FORECAST_CARD_UNREADABLE", read_card, json.dumps(document).encode())
    assert error.params == {"key": key}


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


# ── nothing is run ────────────────────────────────────────────────────────────────────────────────

RUNS = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
CALLS = {"eval", "exec", "compile", "__import__"}


def test_nothing_that_runs_code_out_of_data_is_in_the_package() -> None:
    root = Path(__file__).resolve().parents[1]
    looked = 0
    for package in ("grouper", "codebooks", "hl7_adapters"):
        for path in sorted((root / package).rglob("*.py")):
            looked += 1
            source = path.read_text("utf-8")
            if not any(word in source for word in (*RUNS, *CALLS, "allow_pickle")):
                continue
            for node in ast.walk(ast.parse(source)):
                modules = set()
                if isinstance(node, ast.Import):
                    modules = {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom):
                    modules = {(node.module or "").partition(".")[0]}
                elif isinstance(node, ast.Call):
                    named = node.func.id if isinstance(node.func, ast.Name) else ""
                    assert named not in CALLS, f"{path}:{node.lineno}"
                    keywords = {keyword.arg for keyword in node.keywords}
                    assert "allow_pickle" not in keywords, f"{path}:{node.lineno}"
                assert not modules & RUNS, f"{path}: {modules}"
    assert looked > 200
