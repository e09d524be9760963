from __future__ import annotations

import pytest

from codebooks.errors import Where
from grouper.rules.ast import And, Cmp, Compare, Count, Field, Member, Not, Number, Or, Scalar
from grouper.rules.parser import RuleSyntaxError, parse


def test_and_binds_tighter_than_or() -> None:
    tree = parse("1 and 0 or NL>=70 AND not 1")
    old = Compare(Scalar.NL, Cmp.GE, 70)
    assert tree == Or((And((Number(1), Number(0))), And((old, Not(Number(1))))))


def test_case_and_white_space_do_not_matter() -> None:
    tree = parse("(zyzd IN di_wb1)_x000D_\n\u00a0and\u3000length(op_a∩{zyss,QTSS})>=2")
    assert tree == And(
        (
            Member((Field.ZYZD,), ("DI_WB1",)),
            Count("OP_A", (Field.ZYSS, Field.QTSS), Cmp.GE, 2),
        )
    )


@pytest.mark.parametrize("text", ["", "  \n", "\u3000"])
def test_a_blank_cell_is_the_empty_rule(text: str) -> None:
    assert parse(text) is None


@pytest.mark.parametrize(
    ("text", "code", "position"),
    [
        ("ZYZD @ DI_B00", "RULE_CHARACTER", 6),
        ("(ZYZD in DI_B00", "RULE_INCOMPLETE", 16),
        ("ZYZD in", "RULE_INCOMPLETE", 8),
        ("ZYZD in and", "RULE_TOKEN", 9),
        ("ZYZD DI_B00", "RULE_TOKEN", 6),
        ("XYZ in DI_B00", "RULE_TOKEN", 1),
        ("{ZYZD QTZD} in DI_A", "RULE_TOKEN", 7),
        ("NL DI_A", "RULE_TOKEN", 4),
        ("NL>=x", "RULE_TOKEN", 5),
        ("KS>'a'", "RULE_TEXT_ORDER", 4),
        ("1 1", "RULE_TOKEN", 3),
        ("70.5", "RULE_CHARACTER", 1),
        ("(" * 51 + "1" + ")" * 51, "RULE_DEPTH", 51),
        ("not " * 51 + "1", "RULE_DEPTH", 197),
    ],
)
def test_errors_have_a_code_and_a_position(text: str, code: str, position: int) -> None:
    with pytest.raises(RuleSyntaxError) as caught:
        parse(text, Where(sheet="ADRG", row=7))
    assert caught.value.code == code
    assert caught.value.where == Where(sheet="ADRG", row=7, position=position)
    for lang in ("zh", "en"):
        assert code in caught.value.describe(lang)
