from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rule_trees import trees

from grouper.rules.ast import And, Cmp, Compare, Expr, Field, Member, Not, Or, Scalar
from grouper.rules.parser import parse
from grouper.rules.printer import print_rule

# Any word that is no keyword may name a set.
SETS = st.from_regex(r"(DI|OP)[0-9]?_[A-Z0-9]{2,5}|MCC|CC", fullmatch=True)
TEXTS = st.text(st.characters(categories=["L", "N"]), max_size=6)
TREES = trees(SETS, st.integers(0, 5000), st.sampled_from(Scalar), TEXTS, max_leaves=20)


@given(TREES)
def test_what_is_printed_reads_as_the_same_tree(tree: Expr) -> None:
    assert parse(print_rule(tree)) == tree


def test_the_empty_rule_is_the_empty_text() -> None:
    assert print_rule(None) == ""
    assert parse(print_rule(None)) is None


@pytest.mark.parametrize(
    ("written", "printed"),
    [
        ("{ ZYSS ,QTSS }  IN op_aa1", "{ZYSS, QTSS} in OP_AA1"),
        ("(ZYZD in DI_M00) and (XB = 1)", "ZYZD in DI_M00 and XB=1"),
        ("((NL>=70))", "NL>=70"),
        ("ZYSS NOT IN OP_ALL", "ZYSS not in OP_ALL"),
        ("QTZD in {MCC,CC}", "QTZD in {MCC, CC}"),
        ("{ZYZD} in {DI_A}", "ZYZD in DI_A"),
        ("length(OP_IC2∩{ZYSS,QTSS}) >= 2", "length(OP_IC2 ∩ {ZYSS, QTSS})>=2"),
        ("(1 and 0) OR KS='A 1'", "1 and 0 or KS='A 1'"),
        ("1 and (0 or 1)", "1 and (0 or 1)"),
        ("not (1 or 0) and not 1", "not (1 or 0) and not 1"),
        ("not not (1 and 0)", "not not (1 and 0)"),
    ],
)
def test_the_printed_form_is_the_official_one(written: str, printed: str) -> None:
    assert print_rule(parse(written)) == printed
    assert print_rule(parse(printed)) == printed


def test_brackets_that_make_another_tree_stay() -> None:
    male = Compare(Scalar.XB, Cmp.EQ, 1)
    old = Compare(Scalar.NL, Cmp.GE, 70)
    any_procedure = Member((Field.ZYSS, Field.QTSS), ("OP_ALL",))
    assert print_rule(And((And((male, old)), old))) == "(XB=1 and NL>=70) and NL>=70"
    assert print_rule(Or((Or((male, old)), any_procedure))) == (
        "(XB=1 or NL>=70) or {ZYSS, QTSS} in OP_ALL"
    )
    assert print_rule(Not(Not(male))) == "not not XB=1"
