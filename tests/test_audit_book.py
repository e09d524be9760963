"""The reader of rule books: what it takes, what it refuses, and the hospital's own rows."""

from __future__ import annotations

import gzip
import tempfile
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from audit_book_helper import CARD, QUANTITY, RULES, SEX, small_book
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from codebooks import paths
from codebooks.audit.books import NATIONAL, AuditBook, audit_book, read_book, shipped_books
from codebooks.audit.documentation import write
from codebooks.audit.forms import FORMS, schema
from codebooks.codes import code_set
from codebooks.errors import CodebookError, GrouperError
from codebooks.messages import LANGUAGES, text


@pytest.fixture(scope="module")
def national() -> AuditBook:
    return read_book(paths.shipped() / "audit" / NATIONAL)


def test_a_book_is_read_with_its_types(tmp_path: Path) -> None:
    book = read_book(small_book(tmp_path))
    assert (book.id, book.names["en"]) == ("small", "A small book")
    assert list(book.tables) == list(FORMS)
    assert all(book.tables[name].schema == schema(name) for name in FORMS)
    rule = book.rules["R2"]
    assert (rule.moments, rule.template, rule.valid_from) == (
        ("stay",),
        "quantity",
        date(2025, 6, 1),
    )
    assert (rule.name("zh"), rule.name("en"), rule.missing("en")) == (
        "频次",
        "Frequency",
        "the hospital's level",
    )
    assert book.rules["R3"].template is None
    first, second = book.tables["quantity"].to_pylist()
    # Level and start come from the rule where the row has none.
    assert (first["level"], first["valid_from"]) == ("suspect", date(2025, 6, 1))
    assert (second["level"], second["most"]) == ("violation", Decimal("2.5"))
    assert [row["match"] for row in book.tables["sex"].to_pylist()] == ["whole", "prefix", "prefix"]
    assert book.tables["sex"].column("valid_from").to_pylist() == [date(2025, 1, 1)] * 3


@pytest.mark.parametrize(
    ("day", "rules", "rows"),
    [
        (date(2024, 12, 31), [], []),
        (date(2025, 5, 31), ["R1", "R3"], []),
        (date(2025, 6, 1), ["R1", "R2", "R3"], ["R2/1"]),
        (date(2025, 8, 31), ["R1", "R2", "R3"], ["R2/1"]),
        (date(2025, 9, 1), ["R1", "R2", "R3"], ["R2/2"]),
        # The second row has no end, its rule has: then neither holds.
        (date(2026, 1, 1), ["R1", "R3"], []),
    ],
)
def test_validity_is_half_open(
    tmp_path: Path, day: date, rules: list[str], rows: list[str]
) -> None:
    book = read_book(small_book(tmp_path)).on(day)
    assert list(book.rules) == rules
    assert book.tables["quantity"].column("row").to_pylist() == rows


def test_a_whole_code_goes_before_its_beginning(tmp_path: Path) -> None:
    book = read_book(small_book(tmp_path))
    rows = book.resolved("sex", ["X1234567", "X1239999", "X9990000", "X1239999", "00001"])
    found = {(row["row"], row["item"], row["sex"]) for row in rows.to_pylist()}
    assert found == {
        ("R1/1", "X1234567", "2"),
        ("R1/2", "X1239999", "1"),
        ("R1/3", "X9990000", "1"),
    }
    assert book.resolved("sex", []).num_rows == 0
    assert book.resolved("quantity", ["00001"]).num_rows == 2


def test_own_rows_replace_and_add(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = tmp_path / "shipped" / "audit"
    shipped.mkdir(parents=True)
    small_book(shipped)
    monkeypatch.setattr(paths, "shipped", lambda: tmp_path / "shipped")
    monkeypatch.setenv("GROUPER_DATA", str(tmp_path / "own"))
    assert shipped_books() == ["small"]
    before = audit_book("small")
    assert audit_book("small") is before
    own = tmp_path / "own" / "audit" / "small"
    (own / "rows").mkdir(parents=True)
    (own / "rules.csv").write_text(
        RULES.splitlines()[0] + "\nOWN-1,自有,Own,policy,院内,verify,own,order,sex,,us,,\n", "utf-8"
    )
    (own / "rows" / "sex.csv").write_text(
        "row,rule,item,sex,source\nR1/1,R1,X1234567,1,us\nOWN-1/1,OWN-1,X7654321,2,us\n", "utf-8"
    )
    book = audit_book("small")
    assert book is not before
    rows = {row["row"]: row for row in book.tables["sex"].to_pylist()}
    assert (rows["R1/1"]["sex"], rows["OWN-1/1"]["level"]) == ("1", "verify")
    assert len(rows) == 4
    assert book.rules["OWN-1"].standing == "own"
    assert book.content_sha256 != before.content_sha256
    (own / "rows" / "sex.csv").unlink()
    (own / "rules.csv").unlink()
    again = audit_book("small")
    assert again.content_sha256 == before.content_sha256


def test_own_faults_name_the_own_file(tmp_path: Path) -> None:
    folder = small_book(tmp_path)
    own = tmp_path / "own" / "small"
    (own / "rows").mkdir(parents=True)
    (own / "rows" / "sex.csv").write_text("row,rule,item,sex,source\nA,R1,X1234567,3,us\n", "utf-8")
    with pytest.raises(CodebookError) as caught:
        read_book(folder, own)
    where = caught.value.where
    assert (caught.value.code, where.file, where.row, where.column) == (
        "AUDIT_WORD",
        "audit/small/rows/sex.csv",
        2,
        "sex",
    )


def test_a_packed_table_is_read(tmp_path: Path) -> None:
    folder = small_book(tmp_path, tables={})
    (folder / "rows" / "sex.csv.gz").write_bytes(gzip.compress(SEX.encode()))
    assert read_book(folder).tables["sex"].num_rows == 3
    (folder / "rows" / "sex.csv.gz").write_bytes(gzip.compress(SEX.encode())[:20])
    with pytest.raises(CodebookError) as caught:
        read_book(folder)
    assert caught.value.code == "TABLE_FILE"


def _sex(row: str) -> dict[str, str]:
    return {"sex": SEX + row + "\n"}


BROKEN: list[tuple[dict[str, object], str, str, int | None, str | None]] = [
    ({"card": CARD.replace("small", "other")}, "AUDIT_CARD", "small/book.yaml", 1, "id"),
    ({"card": CARD + "more: x\n"}, "AUDIT_CARD", "small/book.yaml", 10, "more"),
    ({"card": "- a\n"}, "AUDIT_CARD", "small/book.yaml", 1, None),
    ({"card": CARD.replace("2025-01-01", "soon")}, "AUDIT_DATE", "small/book.yaml", 4, "valid_from"),
    ({"card": CARD.replace("match: whole, about: s", "match: some, about: s")}, "AUDIT_WORD", "small/book.yaml", 7, "items[0]"),
    ({"card": CARD.replace("0[0-9]{4}", "0[0-9{4}")}, "AUDIT_CARD", "small/book.yaml", 7, "items[0]"),
    ({"rules": RULES + "R1,a,b,policy,c,suspect,own,stay,,,t,,\n"}, "AUDIT_TWICE", "small/rules.csv", 5, "rule"),
    ({"rules": RULES.replace(",clinical,", ",medical,")}, "AUDIT_WORD", "small/rules.csv", 2, "class"),
    ({"rules": RULES.replace("order stay", "order later")}, "AUDIT_WORD", "small/rules.csv", 2, "moments"),
    ({"rules": RULES.replace(",sex,,", ",sexes,,")}, "AUDIT_TEMPLATE", "small/rules.csv", 2, "template"),
    ({"rules": RULES.replace("2026-01-01", "2025-06-01")}, "AUDIT_PERIOD", "small/rules.csv", 3, "valid_to"),
    ({"rules": RULES.replace("2026-01-01", "2026-02-30")}, "AUDIT_DATE", "small/rules.csv", 3, "valid_to"),
    ({"rules": RULES.replace("2026-01-01", "2026-1-1")}, "AUDIT_DATE", "small/rules.csv", 3, "valid_to"),
    ({"tables": {"sexes": SEX}}, "AUDIT_TABLE", "small/rows/sexes.csv", None, None),
    ({"tables": _sex(",R1,X0000000,2,t")}, "AUDIT_EMPTY", "small/rows/sex.csv", 5, "row"),
    ({"tables": _sex("-9,R1,X0000000,2,t")}, "AUDIT_ID", "small/rows/sex.csv", 5, "row"),
    ({"tables": _sex("R1/9,R9,X0000000,2,t")}, "AUDIT_RULE", "small/rows/sex.csv", 5, "rule"),
    ({"tables": _sex("R1/9,R1,X00000000,2,t")}, "AUDIT_ITEM", "small/rows/sex.csv", 5, "item"),
    ({"tables": _sex("R1/9,R1,X0000000,女,t")}, "AUDIT_WORD", "small/rows/sex.csv", 5, "sex"),
    ({"tables": _sex("R1/1,R1,X0000000,2,t")}, "AUDIT_TWICE", "small/rows/sex.csv", 5, "row"),
    ({"tables": _sex("R1/9,R1,X1234567,1,t")}, "AUDIT_CONFLICT", "small/rows/sex.csv", 5, "item"),
    ({"tables": _sex("R1/9,R1,X1234567,1")}, "TABLE_ROW_WIDTH", "small/rows/sex.csv", 5, None),
    ({"tables": {"quantity": QUANTITY.replace("2.5", "-2")}}, "AUDIT_NUMBER", "small/rows/quantity.csv", 3, "most"),
    ({"tables": {"quantity": QUANTITY.replace("2025-09-01,test", "2025-06-01,test")}}, "AUDIT_PERIOD", "small/rows/quantity.csv", 2, "valid_to"),
    ({"tables": {"cycle": "row,rule,item,times,days,source\nA,R1,00001,1,1.5,t\n"}}, "AUDIT_NUMBER", "small/rows/cycle.csv", 2, "days"),
    ({"tables": {"course": "row,rule,item,source\nA,R1,00001,t\n"}}, "AUDIT_ONE_OF", "small/rows/course.csv", 2, None),
    ({"tables": {"px_sex": "row,rule,prefix,sex,source\nA,R1,6 8,2,t\n"}}, "AUDIT_CODE", "small/rows/px_sex.csv", 2, "prefix"),
]  # fmt: skip


@pytest.mark.parametrize(("parts", "code", "file", "row", "column"), BROKEN)
def test_what_is_wrong_is_refused_with_its_place(
    tmp_path: Path,
    parts: dict[str, object],
    code: str,
    file: str,
    row: int | None,
    column: str | None,
) -> None:
    folder = small_book(tmp_path, **parts)  # type: ignore[arg-type]  # a case names only some parts
    with pytest.raises(CodebookError) as caught:
        read_book(folder)
    where = caught.value.where
    assert (caught.value.code, where.file, where.row, where.column) == (code, file, row, column)
    for lang in LANGUAGES:
        assert code in caught.value.describe(lang)


def test_a_book_may_have_rules_alone(tmp_path: Path) -> None:
    folder = small_book(tmp_path, tables={})
    (folder / "rows").rmdir()
    assert all(table.num_rows == 0 for table in read_book(folder).tables.values())


def test_a_table_in_two_files_is_refused(tmp_path: Path) -> None:
    folder = small_book(tmp_path)
    (folder / "rows" / "sex.csv.gz").write_bytes(gzip.compress(SEX.encode()))
    with pytest.raises(CodebookError) as caught:
        read_book(folder)
    assert caught.value.code == "AUDIT_TABLE"


def test_an_unknown_book_is_refused() -> None:
    with pytest.raises(CodebookError) as caught:
        audit_book("none")
    assert (caught.value.code, caught.value.params["known"]) == ("AUDIT_BOOK", NATIONAL)


_CELL = st.text(
    st.one_of(st.characters(codec="utf-8", exclude_characters="\r"), st.sampled_from(',"\n0X12')),
    max_size=12,
)
_LINE = st.lists(_CELL, min_size=4, max_size=6).map(",".join)


@settings(max_examples=examples(80), deadline=None)
@given(
    card=st.one_of(st.just(CARD), _CELL.map(lambda more: CARD + more)),
    rules=st.one_of(st.just(RULES), _LINE.map(lambda line: RULES + line)),
    rows=st.lists(_LINE, max_size=3).map("\n".join),
    table=st.sampled_from(sorted(FORMS)),
)
def test_fuzzed_files_only_raise_declared_errors(
    card: str, rules: str, rows: str, table: str
) -> None:
    form = FORMS[table]
    header = ",".join(["row", "rule", *(one.name for one in form.columns if one.required)])
    tables = {table: f"{header},source\n{rows}"}
    with tempfile.TemporaryDirectory() as parent:
        folder = small_book(Path(parent), card=card, rules=rules, tables=tables)
        try:
            book = read_book(folder)
        except GrouperError as error:
            told = {error.describe(lang) for lang in LANGUAGES}
        else:
            told = set(book.names.values())
        assert len(told) == 2


def test_every_rule_that_cannot_run_says_what_is_missing(national: AuditBook) -> None:
    for rule in national.rules.values():
        assert rule.template or rule.needs, rule.rule
        for lang in LANGUAGES:
            assert bool(rule.missing(lang)) == bool(rule.needs)
    assert sum(rule.standing == "official" for rule in national.rules.values()) == 88
    reasons = set(national.tables["kept"].column("reason").to_pylist())
    assert all(text(f"audit.kept.{one}", lang) for one in reasons for lang in LANGUAGES)


def test_rows_stand_in_the_table_of_their_rule(national: AuditBook) -> None:
    for name, table in national.tables.items():
        if name in {"kept", "front_page", "support", "lesser", "behaviour"}:
            continue
        for rule in set(table.column("rule").to_pylist()):
            assert national.rules[rule].template == name, (rule, name)


def test_no_reading_is_left_to_chance(national: AuditBook) -> None:
    """Samples over all readings of texts, each looked at by eye."""
    rows = {row["row"]: row for name in FORMS for row in national.tables[name].to_pylist()}
    by_note: dict[str, list[dict[str, object]]] = {}
    for row in national.tables["age"].to_pylist():
        by_note.setdefault(str(row["note"]).rpartition("；限")[2], []).append(row)
    ages = {
        note: {(row["least_years"], row["most_years"]) for row in found}
        for note, found in by_note.items()
    }
    assert ages["5至12岁以下单纯性甲型和乙型流感儿童患者。"] == {(5, 11)}
    assert ages["3-12岁特发性或先天性肺动脉高压患者。"] == {(3, 12)}
    assert ages["6-17岁儿童和青少年的注意缺陷多动障碍(ADHD)。"] == {(6, 17)}
    assert ages["2岁至11岁儿童慢性便秘。"] == {(2, 11)}
    assert ages["3岁及以上儿童的生长激素缺乏症所致的生长缓慢。"] == {(3, 17)}
    assert ages[
        "3岁及3岁以上伴有症状、无法手术的丛状神经纤维瘤(PN)的I型神经纤维瘤病(NF1)儿童患者。"
    ] == {(3, 17)}
    assert ages["儿童。"] == {(None, 17)}
    courses = {
        (str(row["note"]).rpartition("；")[2], row["most_days"], row["least_gap"])
        for row in national.tables["course"].to_pylist()
    }
    assert ("限新发的急性血栓性脑梗死，支付不超过14天。", 14, None) in courses
    assert ("限二级及以上医疗机构肿瘤患者，住院方可支付，单次最多支付14天。", 14, None) in courses
    assert (
        "限轻-中度急性血栓性脑梗死，应在发作48小时内开始使用，支付不超过21天。",
        21,
        None,
    ) in courses
    assert ("手功能评定：总时间不超过90天，评定间隔时间不短于14天。", 90, 14) in courses
    assert ("儿童听力障碍语言训练：支付不超过一年，每周最多支付一次。", 365, None) in courses
    assert rows["GZ10000102014000/25"]["per"] == "hours24"
    assert rows["GZ10000102014000/61"]["per"] == "day"
    assert rows["GZ10000101005000/9.1.1"]["text"]
    levels = national.tables["level"].to_pylist()
    assert {row["least_level"] for row in levels if "限二级" in str(row["note"])} == {"II"}
    assert {row["level"] for row in levels if "首次处方" in str(row["note"])} == {"verify"}
    visits = national.tables["visit"].to_pylist()
    assert {tuple(row["allowed"]) for row in visits if "限急诊或住院" in str(row["note"])} == {
        ("emergency", "inpatient")
    }


def test_updates_end_the_points_they_replace(national: AuditBook) -> None:
    item = "XB01AXA223B002010100156"
    rows = [r for r in national.tables["course"].to_pylist() if r["item"] == item]
    assert [(r["valid_from"], r["valid_to"]) for r in rows] == [
        (date(2025, 1, 1), date(2026, 1, 28)),
        (date(2026, 1, 28), None),
    ]
    for day in (date(2025, 1, 1), date(2026, 1, 27), date(2026, 1, 28), date(2027, 1, 1)):
        assert national.on(day).resolved("course", [item]).num_rows == 1


def test_prefixes_are_of_the_code_sets(national: AuditBook) -> None:
    codes = [*code_set("icd10-nhsa-2.0").codes, *code_set("icd10-clinical-2.0").codes]
    starts = {code[:length] for code in codes for length in range(1, 6)}
    prefixes = {
        one for allowed in national.tables["indication"]["allowed"].to_pylist() for one in allowed
    }
    for table in ("dx_sex", "dx_age"):
        prefixes |= set(national.tables[table].column("prefix").to_pylist())
    assert len(prefixes) > 300
    assert prefixes <= starts
    procedures = set(code_set("icd9cm3-nhsa-2.0").codes)
    assert set(national.tables["px_sex"].column("prefix").to_pylist()) <= procedures
    assert set(national.tables["px_dx"].column("px").to_pylist()) <= procedures


def test_the_page_is_that_of_the_book(pytestconfig: pytest.Config, tmp_path: Path) -> None:
    page = (pytestconfig.rootpath / "docs" / "AUDIT_RULES.md").read_text("utf-8")
    write(tmp_path / "page.md")
    assert (tmp_path / "page.md").read_text("utf-8") == page
