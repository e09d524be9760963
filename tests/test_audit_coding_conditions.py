"""The form of conditions: read, checked, asked of one case and of many alike."""

from __future__ import annotations

import random
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from audit_coding_plain import make, table
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from codebooks.audit.books import audit_book, read_book
from codebooks.audit.conditions import check_conditions, checks_of, read_condition, types
from codebooks.audit.evaluate import grounds, holds, measured
from codebooks.audit.expression import (
    Ask,
    Both,
    Compare,
    Either,
    Known,
    Matches,
    Not,
    Type,
    asked_in,
    facts_of,
    parse,
)
from codebooks.audit.reading import Read
from codebooks.errors import CodebookError, Where
from codebooks.strict_csv import Row
from grouper.audit.coding.facts import Facts
from grouper.audit.coding.one import OneRow
from grouper.audit.coding.vector import holding


def test_a_condition_is_read() -> None:
    node = read_condition('sex = 2 and not (any dx in [c60-c63, N40] or kind = "outpatient")')
    assert isinstance(node, Both)
    assert node.of[0] == Compare("sex", "=", Decimal(2))
    assert isinstance(node.of[1], Not)
    assert isinstance(node.of[1].of, Either)
    assert node.of[1].of.of[0] == Ask("dx", "any", Matches("in", ("C60-C63", "N40"), coded=True))
    assert facts_of(node) == ("sex", "dx", "kind")
    assert [test.fact for test in asked_in(node)] == ["sex", "dx", "kind"]


@pytest.mark.parametrize(
    ("text", "code", "position"),
    [
        ("", "AUDIT_CONDITION", 1),
        ("sex =", "AUDIT_CONDITION", 6),
        ("sex = 1 sex", "AUDIT_CONDITION", 9),
        ("sex = 1 and", "AUDIT_CONDITION", 12),
        ("(sex = 1", "AUDIT_CONDITION", 9),
        ("sex @ 1", "AUDIT_CONDITION", 4),
        ("any dx in []", "AUDIT_CONDITION", 12),
        ('any dx_name has [""]', "AUDIT_CONDITION", 18),
        ("any dx in [C63-C60]", "AUDIT_CONDITION", 12),
        ("any dx like [C63]", "AUDIT_CONDITION", 8),
        ("count dx in [C63] > one", "AUDIT_CONDITION", 21),
        ("count dx in [C63] C64", "AUDIT_CONDITION", 19),
        ("missing not", "AUDIT_CONDITION", 9),
        ("__import__ = 1", "AUDIT_CONDITION_FACT", 1),
        ("sex = wings", "AUDIT_CONDITION_FACT", 7),
        ("any sex in [1]", "AUDIT_CONDITION_TYPE", 5),
        ("sex in [1]", "AUDIT_CONDITION_TYPE", 1),
        ("dx = 1", "AUDIT_CONDITION_TYPE", 1),
        ("any dx has [C60]", "AUDIT_CONDITION_TYPE", 5),
        ('kind < "x"', "AUDIT_CONDITION_TYPE", 8),
        ("age = birth_date", "AUDIT_CONDITION_TYPE", 7),
        ("quantity dx in [C60] > 1", "AUDIT_CONDITION_TYPE", 1),
        ("not " * 60 + "sex = 1", "AUDIT_CONDITION", 161),
        ("sex = 1 or " * 500, "AUDIT_CONDITION", 4000),
    ],
)
def test_what_is_not_of_the_form_is_refused(text: str, code: str, position: int) -> None:
    with pytest.raises(CodebookError) as told:
        read_condition(text, Where(file="own.csv", row=3))
    assert (told.value.code, told.value.where.position) == (code, position)
    assert (told.value.where.file, told.value.where.row) == ("own.csv", 3)
    for lang in ("zh", "en"):
        assert told.value.describe(lang)


@settings(deadline=None, max_examples=examples(300))
@given(st.text(alphabet=st.sampled_from(list('sex dxany=<>12[](),-"C60 notorinmiskg_'))))
def test_noise_raises_only_declared_errors(text: str) -> None:
    with suppress(CodebookError):
        parse(text, types())


NUMBERS = ("sex", "age", "los", "ventilator_hours", "total_cost", "lines_total", "dx_gaps")
CODES = ("dx", "other_dx", "px", "dx_repeated", "unknown_px")
ITEMS = ("K80", "K80.2", "C60-C63", "Z37", "I05-I06", "68", "96.7", "J44.900")


def draw(chance: random.Random, depth: int = 0) -> str:
    """A random condition of the form."""
    if depth < 3 and chance.random() < 0.5:
        left, right = draw(chance, depth + 1), draw(chance, depth + 1)
        return chance.choice((f"not {left}", f"({left} and {right})", f"({left} or {right})"))
    op = chance.choice(("=", "!=", "<", "<=", ">", ">="))
    items = ", ".join(chance.sample(ITEMS, chance.randint(1, 3)))
    lists = chance.choice(CODES)
    return chance.choice(
        (
            f"{chance.choice(NUMBERS)} {op} {chance.choice((0, 1, 2, 65, 100.5))}",
            f"total_cost {op} lines_total",
            f"admission_time {op} discharge_time",
            f"{chance.choice(('missing', 'present'))} {chance.choice((*NUMBERS, *CODES, 'kind'))}",
            f"{chance.choice(('any', 'all'))} {lists} in [{items}]",
            f"{chance.choice(('count', 'kinds'))} {lists} in [{items}] {op} 1",
            f"principal in [{items}]",
            f"principal {chance.choice(('=', '!='))} main_px",
            f'kind {chance.choice(("=", "!="))} "outpatient"',
            'any dx_poa in ["4"]',
            f'quantity line_name {chance.choice(("has", "starts", "in"))} ["呼吸机辅助呼吸"] {op} 2',
        )
    )


def test_one_case_and_many_are_asked_alike() -> None:
    chance = random.Random(11)  # noqa: S311 -- test data
    facts = Facts(table([make(chance, number) for number in range(60)]))
    both = 0
    for _ in range(400):
        node = read_condition(draw(chance))
        many = holding(node, facts).tolist()
        alone = [holds(node, OneRow(facts, at)) for at in range(facts.count)]
        assert many == alone
        both += 0 < sum(many) < facts.count
        for at in np.flatnonzero(many)[:3].tolist():
            assert all(
                holds(test, OneRow(facts, at)) for test, _ in grounds(node, OneRow(facts, at))
            )
    assert both > 200


def test_ranges_prefixes_and_texts() -> None:
    codes = Matches("in", ("C60-C63", "D24", "M80.0-M80.1"), coded=True)
    assert [
        one
        for one in ("C59.9", "C60", "C63.901", "C64", "D24.X00", "M80.1", "M80.2", "M8")
        if codes.fits(one)
    ] == ["C60", "C63.901", "D24.X00", "M80.1"]
    assert Matches("in", ("04",), coded=False).fits("04")
    assert not Matches("in", ("0",), coded=False).fits("04")
    assert Matches("has", ("支气管",), coded=False).fits("纤维支气管镜")
    assert not Matches("starts", ("支气管",), coded=False).fits("纤维支气管镜")
    members = (("I05", Decimal(2)), ("I05.1", Decimal(3)), ("I07", Decimal(1)))
    listed = Matches("in", ("I05", "I06", "I07"), coded=True)
    assert [measured(how, listed, members) for how in ("count", "kinds", "quantity")] == [3, 2, 6]


def test_missing_values_answer_no_comparison() -> None:
    class Empty:
        def value(self, fact: str) -> Any:
            del fact

        def members(self, fact: str) -> tuple[Any, ...]:
            del fact
            return ()

        def many(self, fact: str) -> bool:
            return types()[fact].many

    empty = Empty()
    for text in (
        "age > 1",
        "age != 1",
        "age < los",
        "all dx in [A]",
        "any dx in [A]",
        "principal in [A]",
    ):
        assert not holds(read_condition(text), empty)
    assert holds(read_condition("missing age and missing dx"), empty)
    assert not grounds(read_condition("not age = 1"), empty)
    assert grounds(read_condition("missing age or present dx"), empty) == [
        (Known("age", present=False), ())
    ]


def test_the_types_of_facts() -> None:
    assert Type.CODES.many
    assert Type.CODES.coded
    assert not Type.NUMBER.many
    assert len(types()) > 60


def test_the_book_has_its_checks() -> None:
    checks = checks_of(audit_book().tables["front_page"])
    assert sum(one.condition is not None for one in checks) == 134
    waiting = [one for one in checks if one.condition is None]
    assert all(one.missing("zh") and one.missing("en") and one.what("en") for one in waiting)


def test_a_hospital_adds_checks_in_the_same_form(tmp_path: Path) -> None:
    shipped = Path(audit_book.__code__.co_filename).parents[1] / "data" / "audit" / "national-2025"
    own = tmp_path / "national-2025"
    (own / "rows").mkdir(parents=True)
    head = "row,rule,check,kind,cases,condition,zh,en,needs_zh,needs_en,source"
    row = "H1,GZ10000201001000,H1,own,inpatient,{},缺路径,no pathway,,,own"
    file = own / "rows" / "front_page.csv"
    file.write_text(f"{head}\n{row.format('missing pathway')}\n", "utf-8")
    book = read_book(shipped, own)
    assert [one.row for one in checks_of(book.tables["front_page"])][-1] == "H1"
    file.write_text(f"{head}\n{row.format('missing wings')}\n", "utf-8")
    with pytest.raises(CodebookError) as told:
        read_book(shipped, own)
    where = told.value.where
    assert (told.value.code, where.row, where.column) == ("AUDIT_CONDITION_FACT", 2, "condition")


def test_rows_without_a_condition_are_no_error() -> None:
    check_conditions([Read({"condition": None}, Row(Where(), {}))])
