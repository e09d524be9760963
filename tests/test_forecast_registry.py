"""Models kept as files: written whole, never changed, told of by their cards, and none runs code."""

from __future__ import annotations

import ast
import json
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import forecast_registry_support as small
import pytest
from forecast_registry_support import NAME, folder, fresh, kept, refused

from grouper.forecast.registry import keeping, places, provenance
from grouper.forecast.registry.approved import approved
from grouper.forecast.registry.card import read_card
from grouper.forecast.registry.keeping import ids, keep, names, stored

__all__ = ["fresh"]

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


# ── of what they are made ─────────────────────────────────────────────────────────────────────────


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
