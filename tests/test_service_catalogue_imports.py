"""Catalogue files as errands: checked, installed onto what they were checked against, told in words."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from catalogue_support import (
    DAY,
    MATERIALS,
    NEXT,
    WESTERN,
    as_csv,
    as_xlsx,
    drug,
    mapped,
    own_data,
    put,
)

from codebooks.catalogues.catalogue import Catalogue, installed
from codebooks.errors import CodebookError
from grouper.service import catalogue_faults, catalogue_imports, catalogue_view
from grouper.service.access.principal import AccessError, Principal
from grouper.service.catalogue_imports import (
    CHANGES,
    CHECK,
    INSTALL,
    LEFT_OUT,
    MAPPING,
    Wanted,
    file_name,
    held_file,
    limits,
    read_report,
    stored_name,
)
from grouper.service.errand_files import IN
from grouper.service.errand_process import run_one
from grouper.service.errands import Errand, Errands, ErrandState
from grouper.service.settings import Settings, load_settings
from grouper.store import audit
from grouper.store.database import Database, connect
from grouper.store.migrate import upgrade
from grouper.store.states import Role

__all__ = ["own_data"]
OFFICE = Principal(account_id=1, name="office1", role=Role.OFFICE)
DOCTOR = Principal(account_id=2, name="doctor1", role=Role.PHYSICIAN, departments=("D1",))


class Desk:
    """Errands asked for and done at once."""

    def __init__(self, folder: Path) -> None:
        self.settings: Settings = load_settings(
            folder=folder / "service", database=f"sqlite:///{folder / 'grouper.sqlite'}"
        )
        self.database: Database = connect(self.settings.url)
        upgrade(self.database)
        self.errands = Errands.at(self.settings)

    def do(self, kind: str, params: dict[str, Any], files: dict[str, Any] | None = None) -> Errand:
        asked = self.errands.ask(kind, params, by=OFFICE, language="zh", files=files)
        done = run_one(self.errands, asked.id, self.settings, self.database)
        assert done is not None
        return done

    def check(self, kind: str, content: bytes, name: str = "list.csv", **more: Any) -> Errand:
        wanted = Wanted(kind=kind, file=name, **{"valid_from": DAY, **more})
        return self.do(CHECK, wanted.params(), {name: content})

    def install(self, checked: Errand, **other: Any) -> Errand:
        name = checked.params["file"]
        held = self.errands.folder(checked.id) / IN / name
        params = {**checked.params, **(checked.answer or {}), "check": checked.id, **other}
        return self.do(INSTALL, params, {name: held})

    def log(self) -> list[audit.Entry]:
        with self.database.reading() as connection:
            return [one for one in audit.entries(connection) if one.action == "catalogue_installed"]


@pytest.fixture
def desk(own_data: Path) -> Iterator[Desk]:
    made = Desk(own_data.parent)
    yield made
    made.database.close()


def test_a_file_is_checked_and_nothing_is_installed(desk: Desk) -> None:
    rows = [drug(WESTERN[0]), drug("坏码"), drug(WESTERN[1], price="=1+1")]
    done = desk.check("drugs", as_xlsx("drugs", rows), "list.xlsx", source="文 1 号")
    assert done.state is ErrandState.DONE
    assert done.answer is not None
    assert (done.answer["rows"], done.answer["left_out"], done.answer["refused"]) == (1, 2, False)
    assert not Catalogue("drugs")
    folder = desk.errands.files(done)
    report = read_report(folder)
    assert (report["source"], report["changes"]) == ("文 1 号", None)
    assert pq.read_table(folder / CHANGES).num_rows == 0
    for lang, words in (("zh", "不是该目录的国家编码"), ("en", "is no national code")):
        told = catalogue_view.findings_of(report, lang)
        assert any(words in one.words for one in told), told
        assert any("4" in one.place for one in told)
    gone = pq.read_table(folder / LEFT_OUT)
    written = catalogue_view.left_out_csv(gone, "zh").decode("utf-8-sig")
    table = list(csv.DictReader(io.StringIO(written)))
    assert [one["原因"] for one in table] == ["不是该目录的国家编码", "不是价格"]
    # A spreadsheet would reckon a cell that begins so.
    assert table[1]["单元格内容"] == "'=1+1"


def test_a_long_chinese_name_is_kept_and_told(desk: Desk) -> None:
    name = file_name(f"{'药' * 200}.csv")
    assert len(name.encode()) > 255
    params = Wanted(kind="drugs", file=name, valid_from=DAY).params()
    content = as_csv("drugs", [drug(WESTERN[0])])
    checked = desk.do(CHECK, params, {stored_name(name): content})
    assert checked.state is ErrandState.DONE, checked.detail
    assert read_report(desk.errands.files(checked))["file"] == name
    path = held_file(desk.errands.folder(checked.id) / IN, name)
    again = {**params, **(checked.answer or {}), "check": checked.id}
    assert desk.do(INSTALL, again, {path.name: path}).state is ErrandState.DONE
    (kept,) = Catalogue("drugs").kept.imports
    assert (kept.file, kept.source) == (name, name)


def test_an_installation_is_logged_before_it_is_done(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> None:
        raise CodebookError("CATALOGUE_BROKEN", reason="torn")

    checked = desk.check("drugs", as_csv("drugs", [drug(WESTERN[0])]))
    monkeypatch.setattr(catalogue_imports, "install_catalogue", broken)
    assert desk.install(checked).state is ErrandState.FAILED
    with desk.database.reading() as connection:
        entries = list(audit.entries(connection))
    told = [(one.object, one.about) for one in entries if one.action == "catalogue_install_asked"]
    assert told == [("catalogue:drugs", {"sha256": (checked.answer or {})["sha256"]})]
    assert desk.log() == []


def test_what_was_checked_is_installed_and_logged(desk: Desk) -> None:
    first = desk.check("drugs", as_csv("drugs", [drug(WESTERN[0]), drug(WESTERN[1])]))
    done = desk.install(first)
    assert done.state is ErrandState.DONE, done.detail
    assert [one.rows for one in Catalogue("drugs").kept.imports] == [2]
    entry = desk.log()[0]
    assert (entry.actor, entry.object) == ("office1", "catalogue:drugs")
    assert entry.about["rows"] == 2
    rows = [drug(WESTERN[0], price="12"), drug(WESTERN[2])]
    second = desk.check("drugs", as_csv("drugs", rows), valid_from=NEXT)
    changes = pq.read_table(desk.errands.files(second) / CHANGES).to_pylist()
    told = [(one["key"], one["sort"], one["old"], one["new"]) for one in changes]
    assert told == [
        (WESTERN[0], "price", "10", "12"),
        (WESTERN[1], "removed", None, None),
        (WESTERN[2], "added", None, None),
    ]
    # Only a part of the list: the second drug stays in force.
    part = desk.check("drugs", as_csv("drugs", rows[:1]), valid_from=NEXT, whole=False)
    assert desk.install(part).answer == {
        "number": 2,
        "valid_from": "2026-07-01",
        "rows": 1,
        "left_out": 0,
        "sha256": (part.answer or {})["sha256"],
    }
    assert Catalogue("drugs").on(NEXT).num_rows == 2


def test_another_import_that_came_between_is_not_overwritten(desk: Desk, own_data: Path) -> None:
    checked = desk.check("drugs", as_csv("drugs", [drug(WESTERN[0])]))
    put(own_data, "drugs", [drug(WESTERN[5])])
    done = desk.install(checked)
    assert (done.state, done.code) == (ErrandState.FAILED, "CATALOGUE_CHANGED")
    assert len(Catalogue("drugs").kept.imports) == 1
    other = desk.check("materials", as_csv("materials", [[MATERIALS[0], "材料", "大", "5"]]))
    done = desk.install(other, sha256="0" * 64)
    assert (done.state, done.code) == (ErrandState.FAILED, "CATALOGUE_CHANGED")
    assert not desk.log()


def test_an_installation_that_is_begun_anew_is_done_once(desk: Desk) -> None:
    checked = desk.check("drugs", as_csv("drugs", [drug(WESTERN[0])]))
    assert desk.install(checked).answer == desk.install(checked).answer
    assert len(Catalogue("drugs").kept.imports) == 1


@pytest.mark.parametrize(
    ("content", "name", "more", "code"),
    [
        (b"PK\x03\x04 broken", "list.xlsx", {}, "IMPORT_CORRUPT"),
        (as_csv("drugs", [drug(WESTERN[0])]), "list.csv", {"level": "IX"}, "CATALOGUE_LEVEL"),
        (as_csv("drugs", [drug(WESTERN[0])]), "list.csv", {"sheet": "other"}, "CATALOGUE_SHEET"),
    ],
    ids=["broken", "level", "sheet"],
)
def test_what_cannot_be_read_says_why(
    desk: Desk, content: bytes, name: str, more: dict[str, Any], code: str
) -> None:
    done = desk.check("drugs", content, name, **more)
    assert (done.state, done.code) == (ErrandState.FAILED, code)
    assert done.detail
    assert done.advice


def test_a_file_without_the_columns_is_refused_with_its_report(desk: Desk) -> None:
    done = desk.check("drugs", as_csv("drugs", [["x", "y"]], ["甲", "乙"]))
    assert done.answer is not None
    assert done.answer["refused"] is True
    told = catalogue_view.findings_of(read_report(desk.errands.files(done)), "zh")
    assert told[0].severity == "error"


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"kind": "other", "valid_from": "2026-01-01"}, "CATALOGUE_KIND"),
        ({"kind": "drugs", "valid_from": "soon"}, "CATALOGUE_VALID_FROM"),
    ],
    ids=["kind", "day"],
)
def test_parameters_that_mean_nothing_are_refused(params: dict[str, str], code: str) -> None:
    with pytest.raises(CodebookError) as refused:
        Wanted.of({**params, "file": "f.csv"})
    assert refused.value.code == code


def test_a_file_gets_a_plain_name() -> None:
    assert file_name("C:\\lists\\..\\药品.xlsx") == "药品.xlsx"
    assert file_name(".hidden.csv") == "hidden.csv"
    assert file_name("..") == "catalogue"
    long = file_name("长" * 300 + ".xlsx")
    assert len(long) == limits().longest_name
    assert long.endswith(".xlsx")


def test_who_may_not_import_is_refused(desk: Desk) -> None:
    with pytest.raises(AccessError):
        desk.errands.ask(CHECK, {}, by=DOCTOR, language="zh")
    for asked in (
        lambda: catalogue_view.standings(DOCTOR, DAY),
        lambda: catalogue_view.search(DOCTOR, "drugs", "x", DAY, 0, 5),
        lambda: catalogue_view.report_of(DOCTOR, "drugs", 1),
    ):
        with pytest.raises(AccessError):
            asked()


def test_lists_search_and_history(desk: Desk, own_data: Path) -> None:
    put(own_data, "drugs", [drug(code, name=f"药{n}") for n, code in enumerate(WESTERN)])
    put(own_data, "drugs", [drug(WESTERN[0], name="药0", price="9"), drug("坏")], valid_from=NEXT)
    standing = {one.kind: one for one in catalogue_view.standings(OFFICE, NEXT)}
    assert (standing["drugs"].rows, len(standing["drugs"].imports)) == (1, 2)
    assert (standing["grey"].rows, standing["grey"].first) == (0, None)
    assert standing["drugs"].first == DAY
    rows, more = catalogue_view.search(OFFICE, "drugs", "药", DAY, 8, 5)
    assert ([row["name"] for row in rows], more) == (["药8", "药9"], False)
    rows, more = catalogue_view.search(OFFICE, "drugs", "药", DAY, 0, 5)
    assert (len(rows), more) == (5, True)
    rows, _ = catalogue_view.search(OFFICE, "drugs", WESTERN[0], None, 0, 5)
    assert [str(row["price"]) for row in rows] == ["10.0000", "9.0000"]
    assert catalogue_view.search(OFFICE, "drugs", " ", DAY, 0, 5) == ([], False)
    assert catalogue_view.search(OFFICE, "grey", "x", DAY, 0, 5) == ([], False)
    days = [row["valid_from"] for row in catalogue_view.history_of(OFFICE, "drugs", WESTERN[0])]
    assert days == [NEXT, DAY]
    assert catalogue_view.key_of("mapping") == "hospital_code"
    assert catalogue_view.report_of(OFFICE, "drugs", 2)["left_out"] == 1
    assert catalogue_view.left_out_of(OFFICE, "drugs", 2)["fault"].to_pylist()
    with pytest.raises(CodebookError, match="CATALOGUE_BROKEN"):
        catalogue_view.report_of(OFFICE, "drugs", 9)
    with pytest.raises(CodebookError, match="CATALOGUE_KIND"):
        catalogue_view.search(OFFICE, "other", "x", DAY, 0, 5)
    assert desk.log() == []


def test_a_report_without_parameters_keeps_its_words() -> None:
    one = {"code": "X", "severity": "note", "where": {"file": "f", "row": 3}, "text": "said"}
    told = catalogue_view.findings_of({"findings": [one]}, "en")[0]
    assert (told.words, told.place) == ("said", "row 3")


def test_all_faults_of_the_mapping_are_told_page_by_page(desk: Desk, own_data: Path) -> None:
    put(own_data, "drugs", [drug(WESTERN[0], price="5")])
    items = [mapped(f"H{n:03}", WESTERN[1]) for n in range(40)]
    put(own_data, "mapping", [*items, mapped("DEAR", WESTERN[0], price="8")])
    params = {"day": "2026-02-01", "level": None, "stamp": catalogue_faults.stamp()}
    done = desk.do(MAPPING, params)
    assert done.answer == {
        "rows": 41,
        "faults": {"CATALOGUE_NOT_LISTED": 40, "CATALOGUE_ABOVE_CEILING": 1},
    }
    folder = desk.errands.files(done)
    # The report of an import lists twenty of a kind; here each one is found.
    found, more = catalogue_faults.page(folder, "CATALOGUE_NOT_LISTED", 30, 10)
    assert (len(found), more) == (10, False)
    assert found[-1].params == {"item": "H039", "code": WESTERN[1]}
    found, more = catalogue_faults.page(folder, None, 0, 10)
    assert (found[0].code, more) == ("CATALOGUE_ABOVE_CEILING", True)
    before = catalogue_faults.stamp()
    put(own_data, "grey", [[WESTERN[0], "药", "原因", "", ""]])
    assert catalogue_faults.stamp() != before
    assert installed()["grey"].on(date(2026, 2, 1)).num_rows == 1


def test_a_day_that_is_none_is_refused(desk: Desk) -> None:
    done = desk.do(MAPPING, {"day": "soon", "level": None})
    assert (done.state, done.code) == (ErrandState.FAILED, "CATALOGUE_VALID_FROM")
    done = desk.do(MAPPING, {"day": "2026-01-01", "level": None})
    assert (done.state, done.code) == (ErrandState.FAILED, "CATALOGUE_NONE")
