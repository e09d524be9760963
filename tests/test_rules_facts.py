from __future__ import annotations

from grouper.rules.ast import Field, Scalar
from grouper.rules.facts import RuleInputs, rule_inputs, walk
from grouper.rules.parser import parse


def test_inputs_name_every_field_scalar_and_set() -> None:
    rule = parse(
        "not (ZYZD in {DI_A, DI_B}) and (QTZD in {MCC, CC} or NL>=70)"
        " and length(OP_C ∩ {ZYSS, QTSS})>=2 and 1"
    )
    assert rule_inputs(rule) == RuleInputs(
        fields=frozenset(Field),
        scalars=frozenset({Scalar.NL}),
        sets=frozenset({"DI_A", "DI_B", "OP_C"}),
        severities=frozenset({"MCC", "CC"}),
        lookups=frozenset(
            {
                (Field.ZYZD, "DI_A"),
                (Field.ZYZD, "DI_B"),
                (Field.QTZD, "MCC"),
                (Field.QTZD, "CC"),
                (Field.ZYSS, "OP_C"),
                (Field.QTSS, "OP_C"),
            }
        ),
    )


def test_the_empty_rule_reads_nothing() -> None:
    empty: frozenset[str] = frozenset()
    assert rule_inputs(None) == RuleInputs(frozenset(), frozenset(), empty, empty, frozenset())
    assert list(walk(None)) == []


def test_walk_goes_from_the_root_down() -> None:
    rule = parse("1 and not 0")
    assert [type(node).__name__ for node in walk(rule)] == ["And", "Number", "Not", "Number"]
