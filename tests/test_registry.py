"""Which scheme binds a case: regions, dates, installed books, and data that contradicts itself."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from codebooks import paths, registry, storage
from codebooks.book import SchemeBook
from codebooks.errors import CodebookError
from codebooks.registry import Registry

BOUNDARIES = [
    ("national", "2020-06-17", None),
    ("national", "2020-06-18", "chs-drg-1.0"),
    ("national", "2020-06-19", "chs-drg-1.0"),
    ("national", "2021-04-30", "chs-drg-1.0"),
    ("national", "2021-05-01", "chs-drg-1.1"),
    ("national", "2021-05-02", "chs-drg-1.1"),
    ("national", "2024-12-31", "chs-drg-1.1"),
    ("national", "2025-01-01", "chs-drg-2.0"),
    ("national", "2025-01-02", "chs-drg-2.0"),
    ("national", "2026-12-31", "chs-drg-2.0"),
    ("national", "2027-01-01", "chs-drg-3.0"),
    ("national", "2027-01-02", "chs-drg-3.0"),
    ("wuhan", "2021-12-31", "chs-drg-1.1"),
    ("wuhan", "2022-01-01", "wuhan-2022"),
    ("wuhan", "2024-12-31", "wuhan-2022"),
    ("wuhan", "2025-01-01", "chs-drg-2.0"),
    ("武汉市", "2023-06-01", "wuhan-2022"),
    ("hefei", "2022-12-31", "chs-drg-1.1"),
    ("hefei", "2023-01-01", "hefei-2023"),
    ("suzhou", "2023-01-01", "suzhou-2023"),
    ("jinhua", "2023-06-01", "zhejiang-2022"),
    ("厦门", "2027-05-01", "chs-drg-3.0"),
    ("420100", "2023-06-01", "wuhan-2022"),
    ("pingdingshan", "2024-12-31", "chs-drg-1.1"),
    ("pingdingshan", "2025-01-01", "dip-pingdingshan-2025"),
    ("平顶山", "2026-12-31", "dip-pingdingshan-2025"),
    ("pingdingshan", "2027-01-01", "dip-3.0"),
    ("宁德市", "2027-01-01", "dip-3.0"),
]


@pytest.mark.parametrize(("region", "day", "scheme"), BOUNDARIES)
def test_region_and_day_choose_the_scheme(region: str, day: str, scheme: str | None) -> None:
    found = registry.registry()
    if scheme is None:
        with pytest.raises(CodebookError, match="SCHEME_UNCOVERED"):
            found.binding(region, date.fromisoformat(day))
    else:
        assert found.binding(region, date.fromisoformat(day)).scheme == scheme


def test_every_binding_turns_on_its_own_days() -> None:
    found = registry.registry()

    def bound(region: str, day: date, kind: str) -> str:
        try:
            return found.binding(region, day, kind).scheme
        except CodebookError as error:
            return "" if error.code == "SCHEME_NOT_AT_HAND" else error.code

    for binding in found.bindings:
        region, first, kind = binding.region, binding.valid_from, binding.kind
        assert bound(region, first, kind) == binding.scheme
        assert not binding.covers(first - timedelta(days=1))
        if binding.valid_to:
            last = binding.valid_to - timedelta(days=1)
            assert bound(region, last, kind) == binding.scheme
            assert not binding.covers(binding.valid_to)


def test_every_book_has_a_binding() -> None:
    found = registry.registry()
    assert {b.scheme for b in found.bindings if b.scheme} == set(found.cards)


def test_a_scheme_that_is_not_at_hand_is_told() -> None:
    with pytest.raises(CodebookError, match="SCHEME_NOT_AT_HAND") as caught:
        registry.registry().binding("宁德", date(2026, 12, 31))
    assert "宁德市" in caught.value.describe()


def test_unknown_names_are_told() -> None:
    found = registry.registry()
    with pytest.raises(CodebookError, match="REGION_UNKNOWN"):
        found.binding("atlantis", date(2026, 1, 1))
    with pytest.raises(CodebookError, match="SCHEME_UNKNOWN"):
        found.card("chs-drg-9.9")
    with pytest.raises(CodebookError, match="SCHEME_UNKNOWN"):
        found.book("chs-drg-9.9")
    with pytest.raises(CodebookError, match="SCHEME_UNCOVERED"):
        found.binding("national", date(2026, 1, 1), kind="outpatient")


def install(book: SchemeBook, folder: Path) -> None:
    storage.write_book(book, folder / "schemes" / book.card.id)


def test_an_installed_book_binds_from_its_day(tmp_path: Path) -> None:
    book = registry.registry().book("chs-drg-2.0")
    start = date(2026, 7, 1)
    install(book.with_card(id="wuhan-2026", region="wuhan", valid_from=start), tmp_path)
    found = Registry(paths.shipped(), tmp_path)
    assert found.binding("wuhan", date(2026, 6, 30)).scheme == "chs-drg-2.0"
    assert found.binding("wuhan", start).scheme == "wuhan-2026"
    assert found.binding("wuhan", start).installed
    assert found.binding("national", start).scheme == "chs-drg-2.0"
    assert found.book("wuhan-2026").card.valid_from == start


def test_a_broken_installed_book_stops_nobody_else(tmp_path: Path) -> None:
    broken = tmp_path / "schemes" / "mine"
    broken.mkdir(parents=True)
    (broken / "manifest.json").write_text("{", "utf-8")
    found = Registry(paths.shipped(), tmp_path)
    assert found.broken["mine"].code == "BOOK_MANIFEST"
    assert "mine" not in found.cards
    assert found.binding("national", date(2027, 1, 1)).scheme == "chs-drg-3.0"


def shipped_copy(tmp_path: Path) -> Path:
    copy = tmp_path / "data"
    shutil.copytree(
        paths.shipped(), copy, ignore=shutil.ignore_patterns("codes", "crosswalks", "*.parquet")
    )
    return copy


@pytest.mark.parametrize(
    ("file", "line", "code"),
    [
        ("bindings.csv", "national,inpatient,chs-drg-1.1,2020-07-01,2020-08-01,x", "OVERLAP"),
        ("bindings.csv", "nowhere,inpatient,chs-drg-1.1,2010-07-01,2010-08-01,x", "UNKNOWN"),
        ("bindings.csv", "national,inpatient,no-such,2010-07-01,2010-08-01,x", "UNKNOWN"),
        ("regions.csv", "x,某地,nowhere,", "PARENT"),
    ],
)
def test_contradictions_name_file_and_row(tmp_path: Path, file: str, line: str, code: str) -> None:
    copy = shipped_copy(tmp_path)
    before = (copy / file).read_text("utf-8")
    (copy / file).write_text(before + line + "\n", "utf-8")
    with pytest.raises(CodebookError) as caught:
        Registry(copy, tmp_path / "none")
    assert caught.value.code.endswith(code)
    assert caught.value.where.file == file
    assert caught.value.where.row == len(before.splitlines()) + 1


def test_reload_sees_what_was_installed() -> None:
    book = registry.registry().book("chs-drg-2.0")
    install(book.with_card(id="new-one", region="fuzhou", valid_to=None), paths.installed())
    assert "new-one" in registry.reload().cards
    shutil.rmtree(paths.installed() / "schemes")
    assert "new-one" not in registry.reload().cards


def test_a_book_survives_the_disk_unchanged(tmp_path: Path) -> None:
    book = registry.registry().book("chs-drg-3.0")
    folder = storage.write_book(book, tmp_path / "book")
    again = storage.verify_book(folder)
    assert again.card == book.card
    assert again.content_hash() == book.content_hash()
    with pytest.raises(CodebookError, match="BOOK_EXISTS"):
        storage.write_book(book, folder)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["book"]


@pytest.mark.parametrize(
    ("harm", "code"),
    [
        (lambda f: (f / "sets.parquet").unlink(), "BOOK_TABLE"),
        (lambda f: (f / "sets.parquet").write_bytes(b"PAR1"), "BOOK_TABLE"),
        (lambda f: shutil.copy(f / "cc.parquet", f / "sets.parquet"), "BOOK_TABLE"),
        (lambda f: shutil.copy(f / "not_principal.parquet", f / "not_grouping.parquet"), "COUNT"),
        (lambda f: (f / "manifest.json").write_text("[]"), "BOOK_MANIFEST"),
        (lambda f: (f / "manifest.json").unlink(), "BOOK_MANIFEST"),
    ],
)
def test_a_harmed_book_is_refused(tmp_path: Path, harm: object, code: str) -> None:
    folder = storage.write_book(registry.registry().book("chs-drg-3.0"), tmp_path / "book")
    harm(folder)  # type: ignore[operator]
    with pytest.raises(CodebookError, match=code):
        storage.read_book(folder)


@pytest.mark.parametrize(
    "change", [{"format": 99}, {"card": {"id": "x"}}, {"card": {"surprise": 1}}]
)
def test_a_foreign_manifest_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    folder = storage.write_book(registry.registry().book("wuhan-2022"), tmp_path / "book")
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    (folder / "manifest.json").write_text(json.dumps(manifest | change), "utf-8")
    with pytest.raises(CodebookError, match="BOOK_MANIFEST"):
        storage.read_card(folder)


@pytest.mark.parametrize("damage", ["gone", "{", "other region", "tables only named"])
def test_a_lost_manifest_does_not_let_another_scheme_bind(tmp_path: Path, damage: str) -> None:
    book = registry.registry().book("wuhan-2022").with_card(id="wuhan-own")
    install(book, tmp_path)
    folder, card = tmp_path / "schemes" / "wuhan-own", book.card
    manifest = folder / storage.MANIFEST
    if damage == "{":
        manifest.write_text(damage, "utf-8")
    elif damage == "other region":
        manifest.write_text(manifest.read_text("utf-8").replace('"wuhan"', '"fuzhou"'), "utf-8")
    else:
        manifest.unlink()
    if damage == "tables only named":
        for one in folder.glob("*.parquet"):
            one.unlink()
    found = Registry(paths.shipped(), tmp_path)
    assert found.binding("wuhan", card.valid_from).scheme == "wuhan-own"
    assert found.binding("fuzhou", card.valid_from).scheme != "wuhan-own"
    with pytest.raises(CodebookError, match="BOOK_MANIFEST"):
        found.book("wuhan-own")


def test_what_is_left_of_a_scheme_is_broken_and_not_absent(tmp_path: Path) -> None:
    install(registry.registry().book("wuhan-2022"), tmp_path)
    folder = tmp_path / "schemes" / "wuhan-2022"
    shutil.copytree(folder, folder.with_name(".wuhan-2022-x"))
    for name in (storage.MANIFEST, storage.CLAIM):
        (folder / name).unlink()
    found = Registry(paths.shipped(), tmp_path)
    assert set(found.broken) == {"wuhan-2022"}
    with pytest.raises(CodebookError, match="BOOK_MANIFEST"):
        found.book("wuhan-2022")


def test_the_claim_that_is_whole_goes_before_a_damaged_one(tmp_path: Path) -> None:
    book = registry.registry().book("wuhan-2022").with_card(id="own")
    folder = storage.write_book(book, tmp_path / "own")
    assert storage.claimed_card(folder) == book.card
    claim = folder / storage.CLAIM
    claim.write_text(claim.read_text("utf-8").replace('"wuhan"', '"fuzhou"'), "utf-8")
    assert storage.claimed_card(folder) == book.card
    (folder / storage.MANIFEST).unlink()
    found = storage.claimed_card(folder)
    assert found is not None
    assert found.region == "fuzhou"
    claim.write_text(claim.read_text("utf-8").replace('"own"', '"another"'), "utf-8")
    assert storage.claimed_card(folder) is None


@pytest.mark.parametrize("replaced", [True, False])
def test_a_damaged_installed_book_is_not_replaced_by_another(
    tmp_path: Path, *, replaced: bool
) -> None:
    """Neither by the shipped one of its name nor by what bound its region before."""
    shipped = registry.registry().book("wuhan-2022")
    card = shipped.card if replaced else replace(shipped.card, id="wuhan-own")
    folder = storage.write_book(SchemeBook(card, shipped.tables), tmp_path / "schemes" / card.id)
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    manifest["card"]["source"] = "a bit turned"
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    found = Registry(paths.shipped(), tmp_path)
    assert found.binding(card.region, card.valid_from).scheme == card.id
    for ask in (found.card, found.book):
        with pytest.raises(CodebookError, match="BOOK_MANIFEST"):
            ask(card.id)


def test_what_a_damaged_book_says_of_an_unknown_region_binds_nobody(tmp_path: Path) -> None:
    folder = tmp_path / "schemes" / "mine"
    book = registry.registry().book("wuhan-2022")
    card = replace(book.card, id="mine", region="nowhere")
    storage.write_book(SchemeBook(card, book.tables), folder)
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    (folder / "manifest.json").write_text(json.dumps({**manifest, "counts": {"adrg": 1}}), "utf-8")
    found = Registry(paths.shipped(), tmp_path)
    assert set(found.broken) == {"mine"}
    assert not [one for one in found.bindings if one.scheme == "mine"]


def test_changed_content_does_not_pass_the_check(tmp_path: Path) -> None:
    folder = storage.write_book(registry.registry().book("wuhan-2022"), tmp_path / "book")
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    manifest["content_sha256"] = "0" * 64
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    with pytest.raises(CodebookError, match="BOOK_MANIFEST"):
        storage.read_book(folder)
    # Manifests of before have no sum of their own.
    del manifest["manifest_sha256"]
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    storage.read_book(folder)
    with pytest.raises(CodebookError, match="BOOK_HASH"):
        storage.verify_book(folder)


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    book = registry.registry().book("wuhan-2022")

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(storage.pq, "write_table", interrupted)
    with pytest.raises(KeyboardInterrupt):
        storage.write_book(book, tmp_path / "book")
    assert list(tmp_path.iterdir()) == []
