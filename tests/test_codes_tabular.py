"""Books whose rows are no rules: shown, searched and compared like the others."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from functools import cache
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from codebooks.book import SchemeBook
from codebooks.codes import code_set
from codebooks.dip.book_check import check_dip
from codebooks.errors import CodebookError
from codebooks.messages import text
from codebooks.registry import registry
from codebooks.search import search
from codebooks.storage import read_book, verify_book, write_book
from codebooks.tabular import about, diff_books, groups_of
from grouper.cli.codebooks import app

BOOK = "dip-3.0"


def run(*words: str, status: int = 0) -> str:
    result = CliRunner().invoke(app, list(words))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == status, result.output
    return result.stdout


def with_groups(book: SchemeBook, rows: list[dict[str, Any]], id_: str) -> SchemeBook:
    groups = pa.Table.from_pylist(rows, schema=book.form["groups"])
    return SchemeBook(replace(book.card, id=id_), {**book.tables, "groups": groups})


def test_a_group_stands_first_and_a_code_is_found_inside_expressions() -> None:
    book = registry().book(BOOK)
    first, *_ = about(book, "3")
    assert (first.table, first.row["group"], first.row["name"]) == ("groups", "3", "同种异体肝移植")
    found = {(entry.table, entry.row["group"]) for entry in about(book, "50.5100")}
    assert found == {("groups", "3")}
    # A longer code that only begins alike is another code.
    assert {e.row["group"] for e in about(book, "50.5100X002")} == {"4"}
    assert about(book, "Z99.Z99") == []
    assert about(book, " ") == []


def test_every_group_has_a_name_to_search_by() -> None:
    book = registry().book(BOOK)
    assert len(groups_of(book)) == 5125
    hits = search("同种异体肝移植", [BOOK])
    assert (hits[0].code, hits[0].kind) == ("3", "group")
    assert search("tzytg", [BOOK])[0].code == "3"


def test_show_prints_the_group_or_the_rows_that_name_a_code() -> None:
    assert "同种异体肝移植" in run("show", BOOK, "3")
    plain = json.loads(run("show", BOOK, "50.5100", "--json"))
    assert plain["names"] == {"icd9cm3-nhsa-2.0": "辅助肝移植"}
    assert [row["group"] for row in plain["rows"]] == ["3"]
    many = run("show", BOOK, "99.2503", "--lang", "en")
    assert "groups" in many
    # A code of the code sets that no row of the book names is told so.
    book = registry().book(BOOK)
    unused = next(
        code for code in reversed(code_set("icd10-nhsa-2.0").codes) if not about(book, code)
    )
    assert text("cli_codebooks.show.unused", "en") in run("show", BOOK, unused, "--lang", "en")
    with pytest.raises(CodebookError, match="CODE_UNKNOWN"):
        run("show", BOOK, "no-such-thing")


def test_long_lists_are_cut_and_say_so() -> None:
    shown = run("show", BOOK, "T31.0", "--lang", "en")
    assert "groups" in shown
    assert "more" in run("show", "dip-pingdingshan-2025", "99.2503", "--lang", "en")


def test_the_card_shows_options_and_counts() -> None:
    shown = run("show", BOOK, "--lang", "en")
    assert "groups 5125" in shown
    assert "exact" in shown


def test_a_book_without_change_has_no_difference() -> None:
    book = registry().book(BOOK)
    assert not diff_books(book, book)
    assert text("cli_codebooks.diff.nothing") in run("diff", BOOK, BOOK)


def test_groups_added_removed_and_changed_are_told() -> None:
    book = registry().book(BOOK)
    rows = book.rows("groups")
    changed = {**rows[1], "name": "另名"}
    new = with_groups(book, [changed, *rows[2:], {**rows[0], "group": "9999"}], "own")
    found = diff_books(book, new)
    groups = next(t for t in found.tables if t.table == "groups")
    assert (groups.added, groups.removed) == (("9999",), (rows[0]["group"],))
    assert [(c.key, c.columns) for c in groups.changed] == [
        (rows[1]["group"], (("name", rows[1]["name"], "另名"),))
    ]


def test_the_command_lists_changes(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUPER_DATA", str(tmp_path))
    book = registry().book(BOOK)
    rows = [{**row, "name": "另名"} for row in book.rows("groups")]
    fewer = book.tables["excluded_diagnoses"].slice(50)
    new = with_groups(book, rows, "own-dip")
    write_book(
        SchemeBook(new.card, {**new.tables, "excluded_diagnoses": fewer}),
        tmp_path / "schemes" / "own-dip",
    )
    registry.cache_clear()
    try:
        short = run("diff", BOOK, "own-dip", "--lang", "en")
        assert "… 5105 more" in short
        assert "… 30 more" in short
        assert len(run("diff", BOOK, "own-dip", "--codes").splitlines()) > 10_000
        plain = json.loads(run("diff", BOOK, "own-dip", "--json"))
        assert {t["table"] for t in plain["tables"]} == set(book.form)
    finally:
        registry.cache_clear()


def test_two_families_are_not_compared_row_by_row() -> None:
    with pytest.raises(CodebookError, match="DIFF_FAMILIES"):
        run("diff", BOOK, "chs-drg-3.0")


@cache
def small() -> SchemeBook:
    book = registry().book(BOOK)
    tables = {name: table.slice(0, 12) for name, table in book.tables.items()}
    return SchemeBook(book.card, tables)


@given(st.permutations(list(range(12))))
def test_the_order_of_rows_is_no_difference(order: list[int]) -> None:
    rows = small().rows("groups")
    other = with_groups(small(), [rows[i] for i in order], "two")
    assert not diff_books(small(), other)


def test_books_of_every_family_are_stored_whole(tmp_path: Any) -> None:
    families: dict[str, str] = {}
    for id_, card in registry().cards.items():
        families.setdefault(card.family, id_)
    for id_ in families.values():
        book = verify_book(registry().folders[id_])
        again = read_book(write_book(book, tmp_path / id_))
        assert again.content_hash() == book.content_hash()
        assert again.counts() == book.counts()


def test_a_sound_book_has_nothing_but_what_its_source_leaves_open() -> None:
    assert check_dip(registry().book(BOOK)) == []
    codes = {finding.code for finding in check_dip(registry().book("dip-pingdingshan-2025"))}
    assert codes == {"DIP_CONSERVATIVE"}


def test_a_spoilt_city_book_is_told() -> None:
    book = registry().book("dip-pingdingshan-2025")
    rows = book.rows("groups")
    rows[0] = {**rows[0], "score": Decimal("1.000000")}
    rows[1] = {**rows[2], "group": rows[1]["group"]}
    rows[3] = {**rows[3], "diagnosis": "K99.9"}
    codes = {finding.code for finding in check_dip(with_groups(book, rows, "own"))}
    assert {"DIP_SCORE_MEAN", "DIP_KEY_TWICE", "DIP_CODE_UNKNOWN"} <= codes
    unknown = replace(book.card, options={**book.card.options, "city_mean_cost": "unknown"})
    told = {f.code for f in check_dip(SchemeBook(unknown, book.tables))}
    assert told == {"DIP_CONSERVATIVE", "DIP_CITY_MEAN"}
