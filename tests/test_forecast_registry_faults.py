"""Models whose files were changed, swapped, linked or cut off: noticed before they are used."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import forecast_registry_support as small
import pytest
from examples import examples
from forecast_registry_support import FIRST, NAME, folder, fresh, kept, read, refused
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codebooks.errors import GrouperError
from grouper.forecast.errors import ForecastError
from grouper.forecast.registry import approvals, choosing, places, provenance
from grouper.forecast.registry.approved import approved, forget
from grouper.forecast.registry.card import id_of, listed, read_card
from grouper.forecast.registry.keeping import check, stored

__all__ = ["fresh"]


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
