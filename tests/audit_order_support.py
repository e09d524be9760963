"""One case asked of both engines: that of DuckDB with this case alone, and the scalar one."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pyarrow as pa
from audit_support import Line as Charged
from audit_support import World, cases, charges

from codebooks.audit.books import AuditBook
from grouper.audit.engine import Context, audit
from grouper.audit.order.engine import JUDGES, check, compiled
from grouper.audit.order.lines import Line
from grouper.audit.planning import plan
from grouper.case.record import Case


def line(one: Charged, *, proposed: bool = False) -> Line:
    """A line of the tests as the engine takes it."""
    return Line(
        one.line,
        one.item,
        one.quantity,
        one.amount,
        one.time,
        one.kind,
        one.scope,
        one.department,
        "D1",
        proposed,
    )


def only(made: World, case_id: str) -> World:
    """The world of one case."""
    return World(
        made.tables,
        [one for one in made.people if one["case_id"] == case_id],
        [one for one in made.lines if one.case_id == case_id],
    )


def case_of(table: pa.Table, at: int = 0) -> Case:
    """A row of a table of cases."""
    return Case.from_batch(table.combine_chunks().to_batches()[0], at)


def both(
    small: AuditBook, made: World, context: Context, proposed: frozenset[int] = frozenset()
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The findings of DuckDB and of the scalar engine for a world of one case.

    With proposed lines both tell only what these bring about: what is not found without them.
    """
    table = cases(made.people)
    found = audit(table, charges(made.lines), small, context=context).findings.to_pylist()
    judged = judged_rules(small, context)
    # Without lines is what is found of several cases; of one case that is only the hospital's own.
    hospital = {rule.rule for rule in small.rules.values() if rule.standing == "own"}
    wanted = [
        row for row in found if row["rule"] in judged and (row["lines"] or row["rule"] in hospital)
    ]
    if proposed:
        earlier = [one for one in made.lines if one.line not in proposed]
        before = audit(table, charges(earlier), small, context=context).findings["finding"]
        there = set(before.to_pylist())
        wanted = [row for row in wanted if row["finding"] not in there]
    ready = compiled(small, context=context)
    own = [line(one, proposed=one.line in proposed) for one in made.lines]
    mine = check(ready, case_of(table), own, moment=context.moment, only_proposed=bool(proposed))
    return wanted, mine


def judged_rules(small: AuditBook, context: Context) -> set[str]:
    """The rules that the scalar engine asks at the context's moment."""
    wanted = context.own or context.shadow
    asked = plan(small, context.moment, context.rules, hospital=wanted, shadow=context.shadow).asked
    return {rule.rule for template, rule in asked if template.name in JUDGES}


def at_moment(context: Context, moment: str) -> Context:
    """The same context at another moment."""
    return replace(context, moment=moment)


def blurred(made: World, seed: int) -> World:
    """The same world with rows for beginnings of items, rows in shadow and rules of few moments."""
    chance = random.Random(seed)  # noqa: S311 -- a test
    tables: dict[str, list[dict[str, Any]]] = {}
    for name, rows in made.tables.items():
        taken: set[tuple[Any, ...]] = set()
        for row in rows:
            changed = dict(row)
            if "item" in row and chance.random() < 0.3:
                changed |= {"match": "prefix", "item": row["item"][:-1]}
            if chance.random() < 0.3:
                changed["source"] = "drug_limits_suspect.csv 1"
            key = tuple(changed.get(part) for part in ("rule", "item", "per", "group"))
            if "item" not in row or key not in taken:
                tables.setdefault(name, []).append(changed)
                taken.add(key)
    return World(tables, made.people, made.lines)
