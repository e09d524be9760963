"""The charge audit: every template against a plain reading, any order, and refunds."""

from __future__ import annotations

import random
from typing import Any

import pyarrow as pa
import pytest
from audit_plain import Plain
from audit_support import Line, World, at, book, cases, charges, rules, world

from codebooks.audit.books import AuditBook
from grouper.audit.engine import Audited, Context, audit

LEVELS = {"H1": "I"}
SLOW = pytest.mark.slow


def run(small: AuditBook, made: World, **options: Any) -> Audited:
    context = options.pop("context", Context(levels=LEVELS))
    return audit(cases(made.people), charges(made.lines), small, context=context, **options)


def told(found: Audited) -> set[tuple[Any, ...]]:
    return {
        (
            *(row[name] for name in ("rule", "row", "level", "case_id")),
            tuple(row["lines"]),
            row["observed"],
            row["allowed"],
            row["amount"],
        )
        for row in found.findings.to_pylist()
    }


@pytest.mark.parametrize(
    "seed", [*range(12), *(pytest.param(n, marks=SLOW) for n in range(12, 150))]
)
def test_every_template_answers_as_a_plain_reading(seed: int) -> None:
    made = world(seed)
    small = book(made.tables, rules())
    answer = run(small, made)
    found = told(answer)
    wanted = Plain(small, made, LEVELS).all()
    ids = answer.findings["finding"].to_pylist()
    assert len(set(ids)) == len(ids)
    assert sorted(found - wanted, key=str) == []
    assert sorted(wanted - found, key=str) == []


def test_the_random_worlds_try_every_template() -> None:
    seen = set()
    for seed in range(12):
        made = world(seed)
        seen |= {one[0] for one in Plain(book(made.tables, rules()), made, LEVELS).all()}
    assert seen >= {f"GZ{n}" for n in range(1, 15)}
    assert seen >= {
        *("LOC-DUPLINE", "GZ10000201008000", "GZ10000201002000", "LOC-HANG", "LOC-IMPERS"),
        *("GZ10000204001000", "GZ10000204002000", "GZ10000204004000", "GZ10000204005000"),
    }


@pytest.mark.parametrize("seed", range(2))
def test_neither_order_nor_portions_change_a_finding(seed: int) -> None:
    made = world(seed)
    small = book(made.tables, rules())
    first = run(small, made)
    chance = random.Random(seed)  # noqa: S311 -- a test
    mixed = World(made.tables, made.people[:], made.lines[:])
    chance.shuffle(mixed.people)
    chance.shuffle(mixed.lines)
    for size in (1, 7, 100):
        again = run(small, mixed, portion_lines=size)
        assert again.findings.equals(first.findings)
        assert again.counts == first.counts


@pytest.mark.parametrize("seed", range(2))
def test_a_charge_and_its_refund_leave_no_trace(seed: int) -> None:
    made = world(seed)
    small = book(made.tables, rules())
    first = run(small, made)
    lines = made.lines[:]
    for number, one in enumerate(made.people):
        # After everything else of the item, so that the newest charge is this one.
        when = at(20, second=number)
        item = made.lines[number].item
        extra = Line(one["case_id"], 1000, item, when)
        refund = Line(one["case_id"], 1001, item, when, -extra.quantity, -extra.amount)
        lines += [refund, extra]
    kept = [
        row
        for row in run(small, World(made.tables, made.people, lines)).findings.to_pylist()
        if row["rule"] != "GZ10000201002000"
    ]
    wanted = [r for r in first.findings.to_pylist() if r["rule"] != "GZ10000201002000"]
    assert kept == wanted


def test_only_the_judged_cases_are_told() -> None:
    made = world(3)
    small = book(made.tables, rules())
    judged = pa.array([True, False, True, False, False]).to_numpy(zero_copy_only=False)
    some = run(small, made, judged=judged).findings.to_pylist()
    every = run(small, made).findings.to_pylist()
    # Prices of operations are those of the lines at hand, so that rule is left out.
    wanted = [r for r in every if r["case_id"] in {"C0", "C2"} and r["rule"] != "GZ14"]
    assert [r for r in some if r["rule"] != "GZ14"] == wanted
    assert wanted
