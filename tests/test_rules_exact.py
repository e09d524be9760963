"""Rules at the edges: depth, order of what is told, names of rows."""

from __future__ import annotations

import pytest
from rule_trees import TinyBook
from test_rules_check import CARD, check, rows, with_rule
from test_rules_reach import possible

from codebooks.book import make_book
from grouper.rules.ast import And, Number, Or
from grouper.rules.parser import RuleSyntaxError, parse
from grouper.rules.rows import read_rows


@pytest.mark.parametrize("one", ["(1)", "not 1", "((1))"])
def test_depth_is_of_one_branch_not_of_all(one: str) -> None:
    both = parse(" and ".join([one] * 60))
    assert isinstance(both, And)
    assert len(both.items) == 60
    either = parse(" or ".join([one] * 60))
    assert isinstance(either, Or)
    assert len(either.items) == 60


def test_the_deepest_rule_is_read() -> None:
    # The rule itself is the first level.
    assert parse("(" * 49 + "1" + ")" * 49) == Number(1)
    assert parse("not " * 49 + "1") is not None
    for deeper in ("(" * 50 + "1" + ")" * 50, "not " * 50 + "1", "(not " * 25 + "1" + ")" * 25):
        with pytest.raises(RuleSyntaxError) as caught:
            parse(deeper)
        assert caught.value.code == "RULE_DEPTH"
        assert caught.value.params == {"limit": 50}


def test_rows_keep_code_name_and_place() -> None:
    given = rows()
    given["drg"][1]["name"] = None
    found, findings = read_rows(make_book(CARD, given))
    assert findings == []
    assert [(row.code, row.name, row.number) for row in found["adrg"]] == [
        ("AA1", "名称AA1", 10), ("BB1", "名称BB1", 10), ("BR1", "名称BR1", 11), ("BZ1", "名称BZ1", 12)
    ]  # fmt: skip
    # Without a row of the official sheet: the number in the table.
    assert [(row.code, row.name, row.number) for row in found["drg"][:3]] == [
        ("AA19", "AA19", 1), ("BB11", "", 2), ("BB13", "BB13", 3)
    ]  # fmt: skip
    assert [row.path for row in found["mdc"]] == [("MDCA",), ("MDCB",)]
    assert found["adrg"][1].path == ("MDCB", "BB1")
    assert found["drg"][1].path == ("MDCB", "BB1", "BB11")


def test_sets_of_one_rule_are_told_in_the_order_of_their_names() -> None:
    names = [f"DI_BB{letter}" for letter in "QGTACWLEX"]
    found = check(with_rule("drg", 1, " or ".join(f"ZYZD in {name}" for name in names)))
    told = [one.params["set_id"] for one in found if one.code == "RULE_SET_UNKNOWN"]
    assert told == sorted(names)


BOOK = TinyBook(
    {
        "DI_A": frozenset({"D1", "D2"}),
        "DI_B": frozenset({"D2"}),
        "OP_A": frozenset({"P1", "P2", "P3"}),
        "OP_B": frozenset({"P3"}),
        "OP_NONE": frozenset(),
    },
    {},
    {},
)


@pytest.mark.parametrize(
    ("text", "may_be"),
    [
        # A field of one code gives one at most, two such fields two.
        ("length(OP_A ∩ {ZYSS})>=1", True),
        ("length(OP_A ∩ {ZYSS})>=2", False),
        ("length(OP_NONE ∩ {ZYSS})>=1", False),
        ("length(OP_A ∩ {ZYSS, QTSS})>=3", True),
        ("length(OP_A ∩ {ZYSS, QTSS})>=4", False),
        ("length(OP_A ∩ {QTSS})>=3", True),
        ("length(OP_A ∩ {QTSS})>=4", False),
        ("length(OP_A ∩ {ZYSS})>=1 and ZYSS in OP_B", True),
        ("length(OP_B ∩ {ZYSS})>=1 and not ZYSS in OP_B", False),
        ("length(OP_A ∩ {ZYSS})=0 and ZYSS in OP_B", False),
        ("length(OP_A ∩ {ZYSS})<1 and ZYSS in OP_A", False),
        ("length(OP_A ∩ {ZYSS})<2 and ZYSS in OP_A", True),
        ("length(OP_A ∩ {QTSS})<1 and QTSS in OP_B", False),
        ("length(OP_A ∩ {QTSS})<2 and QTSS in OP_B", True),
        ("length(OP_A ∩ {QTSS})>=2 and not QTSS in OP_B", True),
        ("length(OP_A ∩ {QTSS})>=3 and not QTSS in OP_B", False),
        ("ZYZD in DI_A and not ZYZD in DI_B", True),
        ("ZYZD in DI_B and not ZYZD in DI_A", False),
        ("NL>=3 and NL<3", False),
        ("NL>=3 and NL<=3", True),
        ("NL>3 and NL<=3", False),
        ("NL>3 and NL<4", False),
        ("NL>3 and NL<5", True),
        ("NL=3 and (NL<3 or NL>3)", False),
        ("(NL<3 or NL>=5) and NL=4", False),
        ("(NL<3 or NL>=4) and NL=4", True),
    ],
)
def test_what_can_hold(text: str, may_be: bool) -> None:
    assert possible(BOOK, parse(text)) is may_be
