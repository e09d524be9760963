"""Official files handed in at a page: checked by an errand, installed when somebody confirms it."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
import workbook_builder
from book_import_support import (
    MANAGER,
    OFFICE,
    SECOND,
    WISH,
    Desk,
    desk,
    good,
    spoilt,
    zipped,
)

from codebooks import paths
from codebooks.errors import CodebookError
from codebooks.registry import registry
from grouper.service import book_imports
from grouper.service.access.principal import AccessError
from grouper.service.book_changes import changes, read_changes
from grouper.service.book_imports import ask, install_checked, installed_as, report_of
from grouper.service.book_limits import book_limits
from grouper.service.book_reading import BookWish, sound
from grouper.service.errands import ErrandError, ErrandState
from grouper.store import audit
from grouper.store.database import Database, StoreError


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Desk]:
    with desk(tmp_path) as found:
        yield found


def codes_of(office: Desk, content: bytes, name: str, wish: BookWish = WISH) -> str | None:
    """The code with which a file is refused before it is read."""
    done = office.ask(content, wish, name)
    assert done.state is ErrandState.FAILED
    assert not list(office.errands.files(done).iterdir())
    return done.code


def test_a_sound_workbook_is_checked_then_confirmed_by_another_one(office: Desk) -> None:
    done = office.ask(good())
    assert done.state is ErrandState.DONE, done.detail
    answer = done.answer or {}
    assert (answer["refused"], answer["id"], answer["compared"]) == (False, "own-3.0", None)
    report = report_of(office.errands.files(done))
    assert report is not None
    assert (report["file"], report["content_sha256"]) == ("方案.xlsx", answer["content"])
    assert {one["table"] for one in report["tables"]} >= {"mdc", "adrg", "drg", "sets"}
    assert not installed_as(answer)
    assert "own-3.0" not in registry().cards
    card = install_checked(office.settings, office.database, SECOND, done.id)
    assert (card.id, card.region) == ("own-3.0", "demo")
    assert registry().binding("demo", date(2027, 3, 1)).scheme == "own-3.0"
    assert installed_as(answer)
    kept = paths.installed() / "schemes" / "own-3.0" / "import_report.json"
    assert json.loads(kept.read_text("utf-8"))["sha256"] == report["sha256"]
    assert office.actions() == [
        ("office1", "book_check_asked", "scheme:own-3.0"),
        ("office2", "book_install_asked", "scheme:own-3.0"),
        ("office2", "book_installed", "scheme:own-3.0"),
    ]


def test_a_book_is_logged_as_installed_before_its_columns_are_kept(
    office: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "no space")

    monkeypatch.setattr(book_imports, "_remember", full)
    done = office.ask(good(), name="张三 110101.xlsx")
    assert install_checked(office.settings, office.database, OFFICE, done.id).id == "own-3.0"
    assert office.actions()[-1] == ("office1", "book_installed", "scheme:own-3.0")
    with office.database.reading() as connection:
        entries = list(audit.entries(connection))
    asked = next(one.about for one in entries if one.action == "book_check_asked")
    sha256 = hashlib.sha256(good()).hexdigest()
    assert asked == {"sha256": sha256, "bytes": len(good())}


def test_a_refused_workbook_says_where_and_leaves_its_report_alone(office: Desk) -> None:
    done = office.ask(spoilt())
    assert (done.answer or {})["refused"] is True
    folder = office.errands.files(done)
    assert [one.name for one in folder.iterdir()] == ["report.json"]
    report = report_of(folder)
    assert report is not None
    first = report["findings"][0]
    assert (first["code"], first["sheet"], first["row"]) == ("IMPORT_SORT", "DRG", 3)
    assert first["severity"] == "error"
    assert set(first["text"]) == {"zh", "en"}
    with pytest.raises(CodebookError, match="BOOK_NOT_CHECKED"):
        install_checked(office.settings, office.database, OFFICE, done.id)
    assert not (paths.installed() / "schemes").exists()


def test_what_replaces_a_scheme_says_what_changes_and_keeps_the_old_one(office: Desk) -> None:
    first = office.ask(good())
    install_checked(office.settings, office.database, OFFICE, first.id)
    old = (first.answer or {})["content"]
    with pytest.raises(CodebookError, match="IMPORT_EXISTS"):
        office.ask(good())
    sheets = workbook_builder.small()
    sheets["DRG"][2][1] = "手术，伴极严重合并症"
    sheets["集合"].append(["DI_B00", "G41.900", "状态", "DI"])
    second = office.ask(workbook_builder.pack(sheets), replace(WISH, replace=True))
    assert (second.answer or {})["compared"] == "own-3.0"
    told = read_changes(office.errands.files(second))
    assert told is not None
    assert told["counts"] == {"renamed": 1, "set_changed": 1}
    by_part = {row["part"]: row for row in told["rows"]}
    assert (by_part["renamed"]["code"], by_part["set_changed"]["new"]) == ("BB11", "G41.900")
    install_checked(office.settings, office.database, OFFICE, second.id)
    kept = list((paths.installed() / "replaced" / "schemes").iterdir())
    assert [one.name.startswith("own-3.0-2") for one in kept] == [True]
    manifest = json.loads((kept[0] / "manifest.json").read_text("utf-8"))
    assert manifest["content_sha256"] == old
    assert installed_as(second.answer or {})
    assert not installed_as(first.answer or {})


def test_only_who_holds_the_right_may_ask_or_install(office: Desk) -> None:
    with pytest.raises(AccessError, match="NOT_ALLOWED"):
        ask(office.settings, office.database, MANAGER, WISH, "x.xlsx", good(), "zh")
    done = office.ask(good())
    with pytest.raises(AccessError, match="NOT_ALLOWED"):
        install_checked(office.settings, office.database, MANAGER, done.id)
    with pytest.raises(ErrandError, match="ERRAND_UNKNOWN"):
        install_checked(office.settings, office.database, OFFICE, "0" * 32)
    assert "own-3.0" not in registry().cards


def test_what_was_checked_is_what_is_installed(office: Desk) -> None:
    done = office.ask(good())
    (office.errands.files(done) / "book" / "mdc.parquet").write_bytes(b"torn")
    with pytest.raises(CodebookError, match="BOOK_CHECK_STALE"):
        install_checked(office.settings, office.database, OFFICE, done.id)
    other = office.ask(
        workbook_builder.pack(
            workbook_builder.small()
            | {
                "CC": [
                    ["疾病编码", "疾病名称", "排除表", "类型"],
                    ["I10.x00", "高血压", "EX_1", "CC"],
                ]
            }
        )
    )
    book = office.errands.files(done) / "book"
    for file in book.iterdir():
        file.unlink()
    for file in (office.errands.files(other) / "book").iterdir():
        (book / file.name).write_bytes(file.read_bytes())
    with pytest.raises(CodebookError, match="BOOK_CHECK_STALE"):
        install_checked(office.settings, office.database, OFFICE, done.id)


def test_a_store_that_is_down_lets_nothing_begin(
    office: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = office.ask(good())

    def down(_: Database) -> None:
        raise StoreError("STORE_UNAVAILABLE", reason="down")

    monkeypatch.setattr(Database, "writing_store", down)
    with pytest.raises(StoreError):
        install_checked(office.settings, office.database, OFFICE, done.id)
    assert not (paths.installed() / "schemes").exists()
    with pytest.raises(StoreError):
        ask(office.settings, office.database, OFFICE, WISH, "x.xlsx", good(), "zh")
    assert len(office.errands.all()) == 1


def test_files_that_cannot_be_opened_are_refused_with_their_reason(office: Desk) -> None:
    assert codes_of(office, b"hello", "方案.docx") == "BOOK_FILE_KIND"
    assert codes_of(office, b"hello", "方案.xlsx") == "IMPORT_NOT_XLSX"
    assert codes_of(office, good()[:200], "方案.xlsx") == "IMPORT_CORRUPT"
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le")
    assert codes_of(office, ole, "方案.xlsx") == "IMPORT_PASSWORD"
    assert codes_of(office, b"PK no archive", "表.zip") == "BOOK_ZIP"
    assert codes_of(office, good(), "方案.zip") == "BOOK_ZIP_WORKBOOK"


def test_a_zipped_folder_is_a_scheme_with_its_own_card(office: Desk) -> None:
    card = {
        "id": "city-1",
        "family": "drg",
        "region": "demo",
        "valid_from": "2027-04-01",
        "diagnosis_code_set": "icd10-nhsa-2.0",
        "procedure_code_set": "icd9cm3-nhsa-2.0",
        "newborn_weight": "admission",
    }
    tables = {
        "mdc.csv": "mdc,name,rule,sort\nMDCB,神经,ZYZD in DI_B00,1\n",
        "adrg.csv": "adrg,name,rule,mdc,sort\nBR1,内科,ZYZD in DI_B00,MDCB,1\n",
        "drg.csv": "drg,name,rule,adrg,mdc,sort\nBR19,内科,,BR1,MDCB,1\n",
        "sets.csv": "set_id,code\nDI_B00,G40.900\n",
        "cc.csv": "code,level,exclusion\nI10.x00,CC,EX_1\n",
        "exclusions.csv": "exclusion,principal_code\nEX_1,J96.000\n",
    }
    files = {name: text.encode() for name, text in tables.items()}
    files["scheme.json"] = json.dumps(card).encode()
    packed = zipped(files, "某市/")
    done = office.ask(packed, BookWish(), "某市.zip")
    assert done.state is ErrandState.DONE, done.detail
    assert (done.answer or {})["id"] == "city-1"
    assert (done.answer or {})["refused"] is False
    # An id that the card says and somebody has already is told before anything is kept.
    shipped = zipped(files | {"scheme.json": json.dumps(card | {"id": "dip-3.0"}).encode()})
    assert codes_of_failed(office, shipped) == "IMPORT_EXISTS"


def codes_of_failed(office: Desk, packed: bytes) -> str | None:
    return office.ask(packed, BookWish(), "某市.zip").code


def test_what_can_be_told_without_the_file_is_told_at_once() -> None:
    for wish, code in (
        (replace(WISH, id="../up"), "IMPORT_ID"),
        (replace(WISH, id="chs-drg-3.0"), "IMPORT_EXISTS"),
        (replace(WISH, valid_to=date(2027, 3, 1)), "IMPORT_VALIDITY"),
        (replace(WISH, region="nowhere"), "REGION_UNKNOWN"),
        (replace(WISH, base="none"), "SCHEME_UNKNOWN"),
    ):
        with pytest.raises(CodebookError, match=code):
            sound(wish)
    sound(replace(WISH, valid_to=date(2028, 1, 1), base="dip-3.0"))
    sound(BookWish())


def test_a_score_table_takes_the_groups_of_its_scheme_and_its_columns_are_remembered(
    office: Desk,
) -> None:
    group = registry().book("dip-3.0").rows("groups")[0]["group"]
    table = f"本地编号,本地分\n{group},512.5\n".encode()
    wish = BookWish(
        id="demo-scores",
        region="demo",
        valid_from=date(2027, 1, 1),
        base="dip-3.0",
        family="dip",
        columns={"group": "本地编号", "score": "本地分"},
    )
    done = office.ask(table, wish, "分值.csv")
    assert done.state is ErrandState.DONE, done.detail
    answer = done.answer or {}
    assert (answer["refused"], answer["family"], answer["compared"]) == (False, "dip", "dip-3.0")
    told = read_changes(office.errands.files(done))
    assert told is not None
    scored = [row for row in told["rows"] if row["part"] == "column"]
    assert [(row["code"], row["column"]) for row in scored] == [(group, "score")]
    assert not (paths.installed() / "dip_columns.json").exists()
    install_checked(office.settings, office.database, OFFICE, done.id)
    assert "本地编号" in (paths.installed() / "dip_columns.json").read_text("utf-8")


def test_an_option_of_the_card_that_the_engine_has_not_refuses_a_catalogue(office: Desk) -> None:
    group = registry().book("dip-3.0").rows("groups")[0]["group"]
    table = f"病种编码,分值\n{group},512.5\n".encode()
    wish = BookWish(
        id="odd",
        region="demo",
        valid_from=date(2027, 1, 1),
        base="dip-3.0",
        settings={"tie": "odd"},
    )
    done = office.ask(table, wish, "分值.csv")
    assert (done.answer or {})["refused"] is True
    report = report_of(office.errands.files(done))
    assert report is not None
    assert report["findings"][0]["code"] == "DIP_CARD_OPTION"


def test_parts_of_an_outpatient_scheme_take_the_rest_from_their_base(office: Desk) -> None:
    group = registry().book("apg-grouper-1.0").rows("groups")[0]["group"]
    table = f"group,weight\n{group},1.5\n".encode()
    wish = BookWish(
        id="own-apg", region="demo", valid_from=date(2027, 1, 1), base="apg-grouper-1.0"
    )
    done = office.ask(table, wish, "weights.csv")
    assert done.state is ErrandState.DONE, done.detail
    assert ((done.answer or {})["family"], (done.answer or {})["compared"]) == (
        "apg",
        "apg-grouper-1.0",
    )


def test_a_region_without_a_scheme_and_a_full_disk(
    office: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = office.ask(good(), replace(WISH, valid_from=date(2010, 1, 1)))
    answer = done.answer or {}
    assert answer["compared"] is None
    install_checked(office.settings, office.database, OFFICE, done.id)
    manifest = paths.installed() / "schemes" / "own-3.0" / "manifest.json"
    again = office.ask(good(), replace(WISH, replace=True))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copytree", full)
    with pytest.raises(CodebookError, match="IMPORT_WRITE"):
        install_checked(office.settings, office.database, OFFICE, again.id)
    assert installed_as(answer)
    manifest.write_text("{", "utf-8")
    assert not installed_as(answer)


def test_long_lists_of_codes_are_cut_with_the_number_of_the_rest() -> None:
    told = changes(registry().book("chs-drg-2.0"), registry().book("chs-drg-3.0"))
    most = book_limits().codes
    added = [row["new"].split() for row in told["rows"] if row["part"] == "set_added"]
    assert max(map(len, added)) == most + 1
    assert any(codes[-1].startswith("+") for codes in added)
    assert told["counts"]["added"] == 520
    rules = [row for row in told["rows"] if row["part"] == "rules"]
    assert all(row["old"] != row["new"] for row in rules)
