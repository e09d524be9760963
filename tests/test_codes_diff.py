"""What changed between schemes, and what one scheme says of a code."""

from __future__ import annotations

from typing import Any

import pytest

from codebooks.book import BookCard, SchemeBook, make_book
from codebooks.diff import Changed, LevelChange, Named, SetChange, diff
from codebooks.lookup import code_use, group_rows, set_members
from codebooks.registry import registry
from grouper.cli.codebooks_diff import canonical_rule

CARD: dict[str, Any] = {
    "id": "old",
    "family": "drg",
    "region": "national",
    "valid_from": "2030-01-01",
    "valid_to": None,
    "diagnosis_code_set": "icd10-nhsa-2.0",
    "procedure_code_set": "icd9cm3-nhsa-2.0",
    "newborn_weight": "birth",
    "standing": "test",
    "source": "test",
}


def rule_rows(table: str, *rows: tuple[Any, ...]) -> list[dict[str, Any]]:
    names = {
        "mdc": ("mdc", "name", "rule"),
        "adrg": ("adrg", "name", "rule", "mdc"),
        "drg": ("drg", "name", "rule", "adrg", "mdc"),
    }[table]
    return [
        {**dict(zip(names, row, strict=True)), "sort": n, "source_row": n}
        for n, row in enumerate(rows, 1)
    ]


def old_rows() -> dict[str, list[dict[str, Any]]]:
    return {
        "mdc": rule_rows("mdc", ("MDCA", "先期", ""), ("MDCB", "神经", "ZYZD in DI_B00")),
        "adrg": rule_rows(
            "adrg",
            ("BB1", "开颅", "ZYSS in OP_BB1", "MDCB"),
            ("BB2", "旧名（一）", "ZYSS in OP_BB2", "MDCB"),
            ("BB3", "将无", "", "MDCB"),
            ("BQY", "", "ZYSS in OP_ALL", "MDCB"),
        ),
        "drg": rule_rows(
            "drg",
            ("BB11", "甲", "QTZD in MCC", "BB1", "MDCB"),
            ("BB15", "乙", "", "BB1", "MDCB"),
            ("BB29", "丙", "", "BB2", "MDCB"),
            ("BQY", "", "", "BQY", "MDCB"),
        ),
        "sets": [
            {"set_id": "DI_B00", "code": "I61.000x006"},
            {"set_id": "DI_B00", "code": "I61.001"},
            {"set_id": "OP_BB1", "code": "01.2400"},
            {"set_id": "OP_OLD", "code": "01.2400"},
        ],
        "cc": [
            {"code": "I21.001", "level": "MCC", "exclusion": "EX_1"},
            {"code": "I21.002", "level": "CC", "exclusion": "EX_1"},
            {"code": "J18.900", "level": "CC", "exclusion": "EX_2"},
            {"code": "J96.000", "level": "MCC", "exclusion": None},
        ],
        "exclusions": [
            {"exclusion": "EX_1", "principal_code": "I61.001"},
            {"exclusion": "EX_2", "principal_code": "J18.900"},
            {"exclusion": "EX_2", "principal_code": "J44.000"},
        ],
        "not_principal": [{"code": "R99.x00"}],
    }


def new_rows() -> dict[str, list[dict[str, Any]]]:
    rows = old_rows()
    rows["adrg"] = rule_rows(
        "adrg",
        ("BB2", "旧名(一)", "(ZYSS in  OP_BB2)", "MDCB"),
        ("BB1", "开颅手术", "ZYSS in OP_BB1 and NL>=1", "MDCB"),
        ("BB4", "新增", "", "MDCB"),
        ("BQY", "", "ZYSS IN OP_ALL", "MDCB"),
    )
    rows["drg"] = rule_rows(
        "drg",
        ("BB11", "甲", "QTZD in MCC", "BB1", "MDCB"),
        ("BB15", "乙", "", "BB4", "MDCB"),
        ("BB29", "丙", "", "BB2", "MDCB"),
        ("BQY", "", "", "BQY", "MDCB"),
    )
    rows["sets"] = [
        {"set_id": "DI_B00", "code": "I61.000X006"},
        {"set_id": "DI_B00", "code": "I61.002"},
        {"set_id": "OP_BB1", "code": "01.2400"},
        {"set_id": "OP_NEW", "code": "01.2401"},
    ]
    rows["cc"] = [
        {"code": "I21.001", "level": "CC", "exclusion": "EX_9"},
        {"code": "I21.003", "level": "CC", "exclusion": "EX_9"},
        {"code": "J18.900", "level": "CC", "exclusion": "EX_1"},
        {"code": "J96.000", "level": "MCC", "exclusion": None},
    ]
    rows["exclusions"] = [
        {"exclusion": "EX_9", "principal_code": "I61.001"},
        {"exclusion": "EX_1", "principal_code": "J18.900"},
        {"exclusion": "EX_1", "principal_code": "J45.900"},
    ]
    rows["not_principal"] = []
    return rows


@pytest.fixture
def books() -> tuple[SchemeBook, SchemeBook]:
    return (
        make_book(BookCard.from_json(CARD), old_rows()),
        make_book(BookCard.from_json({**CARD, "id": "new"}), new_rows()),
    )


def test_a_scheme_does_not_differ_from_itself(books: tuple[SchemeBook, SchemeBook]) -> None:
    for book in books:
        assert not diff(book, book)
    shipped = registry().book("beijing-2022")
    assert not diff(shipped, shipped.with_card(id="other"))


def test_groups(books: tuple[SchemeBook, SchemeBook]) -> None:
    changes = diff(*books)
    mdc, adrg, drg = changes.groups
    assert changes
    assert (changes.old, changes.new) == ("old", "new")
    assert (mdc.added, mdc.removed, mdc.renamed, mdc.rules, mdc.moved) == ((), (), (), (), ())
    assert adrg.added == (Named("BB4", "新增"),)
    assert adrg.removed == (Named("BB3", "将无"),)
    assert adrg.renamed == (Changed("BB1", "开颅手术", "开颅", "开颅手术"),)
    assert [c.code for c in adrg.rules] == ["BB1", "BB2", "BQY"]
    assert adrg.rules[0] == Changed("BB1", "开颅手术", "ZYSS in OP_BB1", "ZYSS in OP_BB1 and NL>=1")
    assert len(adrg.moved) == 1
    assert adrg.moved[0].code in ("BB1", "BB2")
    assert drg.moved == (Changed("BB15", "乙", "BB1 #2", "BB4 #1"),)
    assert drg.rules == ()


def test_rules_compared_by_their_meaning(books: tuple[SchemeBook, SchemeBook]) -> None:
    changes = diff(*books, canonical_rule)
    assert [c.code for c in changes.groups[1].rules] == ["BB1"]
    assert canonical_rule("ZYZD @") == "ZYZD @"


def test_sets(books: tuple[SchemeBook, SchemeBook]) -> None:
    assert diff(*books).sets == (
        SetChange("DI_B00", "changed", ("I61.002",), ("I61.001",)),
        SetChange("OP_NEW", "added", ("01.2401",), ()),
        SetChange("OP_OLD", "removed", (), ("01.2400",)),
        SetChange("not_principal", "removed", (), ("R99.x00",)),
    )


def test_levels_and_exclusions(books: tuple[SchemeBook, SchemeBook]) -> None:
    changes = diff(*books)
    assert changes.levels == (
        LevelChange("I21.001", "MCC", "CC"),
        LevelChange("I21.002", "CC", None),
        LevelChange("I21.003", None, "CC"),
    )
    # EX_1 became EX_9 with the same content: no change for I21.001.
    (only,) = changes.exclusions
    assert (only.old, only.new, only.codes) == ("EX_2", "EX_1", ("J18.900",))
    assert (only.added, only.removed) == (("J45.900",), ("J44.000",))


def test_backwards_is_the_mirror(books: tuple[SchemeBook, SchemeBook]) -> None:
    forth, back = diff(*books), diff(books[1], books[0])
    for there, here in zip(forth.groups, back.groups, strict=True):
        assert there.added == here.removed
        assert there.removed == here.added
        assert [(c.code, c.old, c.new) for c in there.rules] == [
            (c.code, c.new, c.old) for c in here.rules
        ]
    assert [(s.set_id, s.added, s.removed) for s in forth.sets] == [
        (s.set_id, s.removed, s.added) for s in back.sets
    ]
    assert {(x.code.upper(), x.old, x.new) for x in forth.levels} == {
        (x.code.upper(), x.new, x.old) for x in back.levels
    }


def test_several_rows_of_one_group() -> None:
    rows = old_rows()
    rows["drg"] += [
        {**rows["drg"][0], "adrg": "BB2"},
        {**rows["drg"][1], "rule": "NL>=70", "adrg": "BB2"},
    ]
    book = make_book(BookCard.from_json(CARD), old_rows())
    (change,) = diff(book, make_book(BookCard.from_json(CARD), rows)).groups[2].rules
    assert change == Changed("BB15", "乙", "", "\nNL>=70")


def test_national_schemes_differ_as_published() -> None:
    changes = diff(registry().book("chs-drg-2.0"), registry().book("chs-drg-3.0"), canonical_rule)
    adrg, drg = changes.groups[1:]
    assert 429 + len(adrg.added) - len(adrg.removed) == 537
    assert 654 + len(drg.added) - len(drg.removed) == 870
    assert "BJ13" in [c.code for c in drg.rules]
    assert "OP_ALL" in [s.set_id for s in changes.sets]


def test_use_of_a_code(books: tuple[SchemeBook, SchemeBook]) -> None:
    old = books[0]
    use = code_use(old, "i61.001")
    assert (use.scheme, use.sets, use.cc, use.excludes) == ("old", ("DI_B00",), (), ("EX_1",))
    assert code_use(old, "I61.000x006").sets == ("DI_B00",)
    assert code_use(old, "J96.000").cc == (("MCC", ""),)
    assert code_use(old, "r99.X00").not_principal
    assert not code_use(old, "r99.X00").not_grouping
    assert not code_use(old, "Z00.000")


def test_rows_of_a_group(books: tuple[SchemeBook, SchemeBook]) -> None:
    old = books[0]
    assert [g.table for g in group_rows(old, "bqy")] == ["adrg", "drg"]
    (group,) = group_rows(old, "BB1")
    assert [r["drg"] for r in group.below] == ["BB11", "BB15"]
    (category,) = group_rows(old, "mdcb")
    assert [r["adrg"] for r in category.below] == ["BB1", "BB2", "BB3", "BQY"]
    assert group_rows(old, "ZZ9") == []


def test_members(books: tuple[SchemeBook, SchemeBook]) -> None:
    assert set_members(books[0], "di_b00") == ("I61.000x006", "I61.001")
    assert set_members(books[0], "EX_2") == ("J18.900", "J44.000")
    assert set_members(books[0], "EX_77") == ()
