"""The form of own rules, and the hospital's own folder: checked with every fault, added to as a whole."""

from __future__ import annotations

import csv
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import typer
from audit_book_helper import SEX, small_book
from audit_own_support import some_rows
from hypothesis import example, given
from hypothesis import strategies as st
from typer.testing import CliRunner

from codebooks import paths
from codebooks.audit.books import audit_book
from codebooks.audit.conditions import facts
from codebooks.audit.expression import Type
from codebooks.audit.forms import FORMS
from codebooks.audit.own_folder import add_to_own_folder, check_own_folder, own_folder
from codebooks.audit.own_rules import APPLIES, CASE, GROUP, LINE, own_facts, read_own
from codebooks.errors import CodebookError, GrouperError
from codebooks.messages import catalogue
from grouper.audit.templates import toml
from grouper.cli.audit_commands import add_audit

BOOK = "small"
RULES = """rule,name_zh,name_en,class,subclass,level,standing,moments,template,source
HOSP-1,自有一,Own one,management,自有,suspect,own,stay upload,own,test
HOSP-2,自有二,Own two,behaviour,自有,verify,own,upload,own,test
"""
OWN = """row,rule,applies,condition,zh,en,source
HOSP-1/1,HOSP-1,item_day,"class in [5, 12] and sum_quantity > 3 and age < 14",多,many,test
HOSP-2/1,HOSP-2,case,los > 30 and not any dx in [I63],久,long,test
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # The national book takes a second to read; a small one is read alike.
    assert own_facts()
    assert facts()
    many = "".join(f"R1/m{n},R1,X{n:07},1,test\n" for n in range(45))
    (tmp_path / "shipped" / "audit").mkdir(parents=True)
    small_book(tmp_path / "shipped" / "audit", tables={"sex": SEX + many})
    monkeypatch.setattr(paths, "shipped", lambda: tmp_path / "shipped")
    monkeypatch.setenv("GROUPER_DATA", str(tmp_path / "data"))
    (tmp_path / "rules.csv").write_text(RULES, "utf-8")
    (tmp_path / "own.csv").write_text(OWN, "utf-8")
    return tmp_path


def run(*words: object, fails: bool = False) -> str:
    app = typer.Typer()
    app.callback()(lambda: None)
    add_audit(app, ["audit-book"])
    answer = CliRunner().invoke(app, ["audit-book", *map(str, words), "--book", BOOK])
    if fails:
        assert isinstance(answer.exception, GrouperError), answer.output
        return f"{answer.exception.code}\n{answer.output}"
    assert answer.exception is None or isinstance(answer.exception, SystemExit), answer.exception
    return f"{answer.exit_code}\n{answer.output}"


def test_a_condition_is_sorted_by_its_scopes() -> None:
    found = read_own(
        '(item starts ["0013"] and (scope in [A] or age < 3)) and not count_lines = 2 and los > 1',
        "case",
    )
    assert (len(found.lines), len(found.groups), len(found.cases)) == (2, 1, 1)
    assert found.facts == ("item", "scope", "age", "count_lines", "los")
    assert found.of_lines
    # Not of the group: it stands under `not`.
    assert found.measured is found.cases[0]
    assert read_own("quantity > 2", "line").measured is None
    assert read_own('any items in ["1"]', "case").of_lines
    assert not read_own("los > age", "case").of_lines


@pytest.mark.parametrize(
    ("text", "applies", "code", "position"),
    [
        ("los >", "case", "AUDIT_CONDITION", 6),
        ("lss > 3", "case", "AUDIT_CONDITION_FACT", 1),
        ("admission > 3", "case", "AUDIT_CONDITION", 13),
        ("admission > 2026-02-30", "case", "AUDIT_CONDITION", 13),
        ("admission > 2026-W01-1", "case", "AUDIT_CONDITION", 13),
        ("admission in [2026-01-01]", "case", "AUDIT_CONDITION_TYPE", 1),
        ("los > 2026-01-01", "case", "AUDIT_CONDITION_FACT", 7),
        ('item > "1"', "line", "AUDIT_CONDITION_TYPE", 8),
        ("any item in [1]", "line", "AUDIT_CONDITION_TYPE", 5),
        ("quantity items in [1] > 2", "case", "AUDIT_CONDITION", 10),
        ("sex = 3", "case", "AUDIT_OWN_VALUE", None),
        ("sex != 1.5", "case", "AUDIT_OWN_VALUE", None),
        ("class in [9, 15]", "line", "AUDIT_OWN_VALUE", None),
        ('scope = "a"', "line", "AUDIT_OWN_VALUE", None),
        ("principal in [163]", "case", "AUDIT_OWN_VALUE", None),
        ("any px in [I63]", "case", "AUDIT_OWN_VALUE", None),
        ("count dx in [C60-9] > 1", "case", "AUDIT_CONDITION", 14),
        ("count dx in [C60-ZZZZ] > 1", "case", "AUDIT_OWN_VALUE", None),
        ("quantity > 1 or sum_quantity > 1", "day", "AUDIT_OWN_MIXED", None),
        ("not (quantity > 1 and sum_quantity > 1)", "day", "AUDIT_OWN_MIXED", None),
        ("quantity > sum_quantity", "day", "AUDIT_OWN_MIXED", None),
        ("quantity > 1 and sum_quantity > 1", "line", "AUDIT_OWN_APPLIES", None),
        ("los > 1", "line", "AUDIT_OWN_APPLIES", None),
        ("los > 1", "item_case", "AUDIT_OWN_APPLIES", None),
    ],
)
def test_what_is_not_of_the_form_is_refused(
    text: str, applies: str, code: str, position: int | None
) -> None:
    with pytest.raises(CodebookError) as caught:
        read_own(text, applies)
    assert caught.value.code == code
    assert caught.value.where.position == position
    for lang in ("zh", "en"):
        assert caught.value.describe(lang)


@given(st.text(max_size=200), st.sampled_from(APPLIES))
@example("(" * 100, LINE)
def test_any_text_is_read_or_refused(text: str, applies: str) -> None:
    with suppress(CodebookError):
        read_own(text, applies)


@given(st.integers(0, 10_000))
def test_random_conditions_are_of_the_form_in_their_own_scope_alone(seed: int) -> None:
    for row in some_rows(seed, 2):
        found = read_own(row["condition"], row["applies"])
        scopes = [{own_facts()[fact].scope for fact in found.facts}]
        assert bool(found.lines) == (LINE in scopes[0])
        assert bool(found.groups) == (GROUP in scopes[0])


def test_the_examples_of_the_page_are_of_the_form() -> None:
    page = (Path(__file__).parents[1] / "docs" / "AUDIT.md").read_text("utf-8")
    block = next(one for one in page.split("```") if one.startswith("\nrow,rule,applies"))
    rows = list(csv.DictReader(block.strip().splitlines()))
    found = [read_own(row["condition"], row["applies"]) for row in rows]
    assert len(found) > 2
    assert all(row["zh"] and row["source"] for row in rows)


def test_every_fact_stands_in_the_engine_and_in_words() -> None:
    told = toml("own.toml")
    of_kind = {Type.NUMBER: ("numbers",), Type.DATE: ("days",), Type.WORD: ("words", "numbered")}
    of_kind |= {Type.CODE: ("words",), Type.WORDS: ("lists",), Type.CODES: ("lists",)}
    for name, fact in own_facts().items():
        assert any(name in told[place] for place in of_kind[fact.type]), name
        assert fact.scope in {LINE, GROUP, CASE}
        assert fact.says("zh")
        assert fact.says("en")
        for lang in ("zh", "en"):
            assert not fact.field or f"audit_field.{fact.field}" in catalogue(lang), name
    assert {one.words for one in FORMS["own"].columns if one.name == "applies"} == {APPLIES}
    every = {
        name for place in ("numbers", "days", "words", "numbered", "lists") for name in told[place]
    }
    assert every == set(own_facts())


def test_own_rules_stand_over_the_book(folder: Path) -> None:
    checked = add_to_own_folder(BOOK, [folder / "own.csv", folder / "rules.csv"])
    assert checked.faults == ()
    book = audit_book(BOOK)
    assert book.own_rules == {"HOSP-1", "HOSP-2"}
    assert book.own_rows == {"HOSP-1/1", "HOSP-2/1"}
    assert book.tables["own"]["level"].to_pylist() == ["suspect", "verify"]
    assert checked.book.content_sha256 == book.content_sha256
    # Nothing of the work is left beside it.
    assert sorted(one.name for one in (folder / "data").iterdir()) == ["audit"]


def test_every_fault_is_told_and_nothing_is_written(folder: Path) -> None:
    rows = [
        *('HOSP-2/2,HOSP-2,case,"los > 30 and any dx in [163]",x,x,test',),
        *("HOSP-2/3,HOSP-9,case,los > 30,x,x,test", "HOSP-2/4,HOSP-2,cases,los,x,x,test"),
        *("HOSP-2/5,HOSP-2,case,lss > 1,x,x,test", "HOSP-1/1,HOSP-1,case,los > 3,x,x,test"),
    ]
    (folder / "own.csv").write_text(OWN + "\n".join(rows), "utf-8")
    (folder / "rules.csv").write_text(RULES + "HOSP-3,三,,x,自有,suspect,own,,own,test\n", "utf-8")
    (folder / "sex.csv").write_text("row,rule\n1,2\n", "utf-8")
    files = [folder / name for name in ("rules.csv", "own.csv", "sex.csv")]
    checked = add_to_own_folder(BOOK, files)
    assert [(one.code, one.where.row) for one in checked.faults] == [
        ("AUDIT_EMPTY", 4),
        ("AUDIT_WORD", 4),
        ("AUDIT_EMPTY", 4),
        ("AUDIT_WORD", 6),
        ("AUDIT_TWICE", 8),
        ("AUDIT_RULE", 5),
        ("TABLE_COLUMN_MISSING", 1),
        ("AUDIT_OWN_VALUE", 4),
        ("AUDIT_CONDITION_FACT", 7),
    ]
    assert all(one.where.file.startswith(f"audit/{BOOK}/") for one in checked.faults)
    assert checked.book.own_rows == {"HOSP-1/1", "HOSP-2/1"}
    assert not own_folder(BOOK).exists()
    assert check_own_folder(BOOK, files).faults != ()


def test_a_table_that_is_there_is_replaced_on_request_alone(folder: Path) -> None:
    add_to_own_folder(BOOK, [folder / "own.csv", folder / "rules.csv"])
    (folder / "own.csv").write_text(OWN.replace("30", "60"), "utf-8")
    with pytest.raises(CodebookError) as caught:
        add_to_own_folder(BOOK, [folder / "own.csv"])
    assert caught.value.code == "AUDIT_OWN_THERE"
    assert not add_to_own_folder(BOOK, [folder / "own.csv"], replace=True).faults
    assert "60" in audit_book(BOOK).tables["own"]["condition"].to_pylist()[1]
    # A fault in what is there is told, too.
    (own_folder(BOOK) / "rows" / "wrong.csv").write_text("x\n", "utf-8")
    assert [one.code for one in check_own_folder(BOOK).faults] == ["AUDIT_TABLE"]


@pytest.mark.parametrize("name", ["mine.csv", "own.txt", "own"])
def test_a_file_named_after_no_table_is_refused(folder: Path, name: str) -> None:
    (folder / name).write_text("x\n", "utf-8")
    with pytest.raises(CodebookError) as caught:
        check_own_folder(BOOK, [folder / name])
    assert caught.value.code == "AUDIT_OWN_FILE"


def test_two_files_of_one_table_and_a_missing_one_are_refused(folder: Path) -> None:
    (folder / "other").mkdir()
    twice = folder / "other" / "own.csv"
    twice.write_text(OWN, "utf-8")
    for files, code in (
        ([folder / "own.csv", twice], "AUDIT_OWN_FILE"),
        ([folder / "none" / "own.csv"], "AUDIT_OWN_WRITE"),
    ):
        with pytest.raises(CodebookError) as caught:
            check_own_folder(BOOK, files)
        assert caught.value.code == code
    with pytest.raises(CodebookError) as caught:
        own_folder("none")
    assert caught.value.code == "AUDIT_BOOK"


def test_a_folder_that_cannot_be_written_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "file").write_text("", "utf-8")
    monkeypatch.setenv("GROUPER_DATA", str(folder / "file"))
    with pytest.raises(CodebookError) as caught:
        add_to_own_folder(BOOK, [folder / "rules.csv"])
    assert caught.value.code == "AUDIT_OWN_WRITE"
    monkeypatch.setenv("GROUPER_DATA", str(folder / "data"))

    def broken(*_: Any) -> None:
        raise OSError(28, "no space")

    monkeypatch.setattr("codebooks.audit.own_folder.swap_in", broken)
    with pytest.raises(CodebookError) as caught:
        add_to_own_folder(BOOK, [folder / "rules.csv"])
    assert caught.value.code == "AUDIT_OWN_WRITE"


def test_the_commands_add_show_and_list(folder: Path) -> None:
    files = (folder / "rules.csv", folder / "own.csv")
    assert run("check", *files).startswith("0\n没有错误：自有规则 2 条")
    assert run("add", *files).startswith("0\n")
    listed = run("list", "--own")
    assert "HOSP-1" in listed
    assert "R1" not in listed
    assert "R1" in run("list")
    shown = run("show", "HOSP-1", "--lang", "en")
    for word in ("Own one", "hospital's own", "sum_quantity > 3", "(own)", "suspect"):
        assert word in shown
    document = json.loads(run("show", "HOSP-2", "--format", "json")[2:])
    assert document["tables"]["own"][0]["condition"] == "los > 30 and not any dx in [I63]"
    assert document["own_rows"] == {"own": 1}
    assert run("show", "HOSP-9", fails=True).startswith("AUDIT_UNKNOWN_RULE")
    rules = json.loads(run("list", "--own", "--format", "json")[2:])
    assert [one["rule"] for one in rules] == ["HOSP-1", "HOSP-2"]
    many = run("show", "R1")
    assert "--all" in many
    assert len(run("show", "R1", "--all")) > len(many)


def test_the_commands_tell_faults(folder: Path) -> None:
    (folder / "own.csv").write_text(OWN.replace("I63", "163"), "utf-8")
    files = (folder / "rules.csv", folder / "own.csv")
    told = run("check", *files)
    assert told.startswith("2\n[AUDIT_OWN_VALUE]")
    assert "错误 1 处" in told
    document = json.loads(run("check", *files, "--format", "json")[2:])
    assert [one["code"] for one in document["faults"]] == ["AUDIT_OWN_VALUE"]
    assert document["faults"][0]["where"]["row"] == 3
    assert run("add", *files, fails=True).startswith("AUDIT_OWN_FAULTS")
    assert not own_folder(BOOK).exists()
