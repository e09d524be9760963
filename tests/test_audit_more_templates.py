"""The templates over a person's cases and of groups' costs: against a plain reading, and by example."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from audit_plain_persons import Costs, PlainPersons
from audit_support import ITEMS, Line, World, at, book, cases, charges, rule

from codebooks.audit.books import AuditBook, audit_book
from grouper.audit.engine import Audited, Context, audit
from grouper.audit.words import lines as words

SLOW = pytest.mark.slow
RULES = {
    "LOC-REPDX": "suspect",
    "LOC-SHIFT": "suspect",
    "LOC-LOWADM": "suspect",
    "LOC-UNDER": "suspect",
    "LOC-IMPERS": "verify",
}
THRESHOLDS = (
    ("LOC-REPDX", "within_days", "3"),
    ("LOC-SHIFT", "around_days", "7"),
    ("LOC-LOWADM", "most_days", "2"),
    ("LOC-LOWADM", "least_fold", "0.3"),
    ("LOC-UNDER", "least_fold", "0.5"),
)
MORE = {"LOC-REPDX", "LOC-SHIFT", "LOC-LOWADM", "LOC-UNDER", "GZ3"}


def small_book(cycles: list[dict[str, Any]] | None = None) -> AuditBook:
    tables = {
        "cycle": [{"rule": "GZ3"} | row for row in cycles or []],
        "behaviour": [
            {"rule": key, "parameter": name, "value": Decimal(value), "unit": "days"}
            for key, name, value in THRESHOLDS
        ],
    }
    return book(tables, [rule(key, level) for key, level in RULES.items()])


def world(seed: int) -> tuple[AuditBook, World, Costs]:
    """A random small world of persons who come again."""
    chance = random.Random(seed)  # noqa: S311 -- a test
    pick = chance.choice
    people: list[dict[str, Any]] = []
    for number in range(9):
        begin = pick([1, 2, 3, 4, 5, 8, 12, 16, 30])
        kind = pick(["inpatient", "outpatient"])
        end = pick([None, at(begin + pick([1, 1, 2, 4, 9]), 12)])
        if kind == "outpatient":
            end = at(begin, 20)
        people.append(
            {
                "case_id": f"C{number}",
                "person": pick(["P0", "P0", "P1", None]),
                "kind": kind,
                "visit_type": pick([None, None, None, None, "14"]),
                "sex": pick([1, 1, 2, None]),
                "birth_date": pick([date(1980, 1, 1), date(1980, 1, 1), date(1981, 1, 1), None]),
                "admission_time": at(begin, pick([0, 9])),
                "discharge_time": end,
                "discharge_way": pick(["1", "1", "1", None, "5"]),
                "dx": pick([["J18.900"], ["J18.900"], ["J20.900"], ["Z51.100"], []]),
                "px": pick([[], [], ["47.0100"]]),
                "total_cost": Decimal(chance.randrange(1, 400)),
            }
        )
    lines = []
    for one in people:
        begin = (one["admission_time"] - at(1, 0)).days + 1
        for number in range(1, chance.randrange(2, 14)):
            quantity = Decimal(pick(["1", "1", "2", "0.5", "-1"]))
            lines.append(
                Line(
                    one["case_id"],
                    number,
                    pick([*ITEMS[:3], None]),
                    at(begin + pick([0, 0, 1, 3, 8]), pick([8, 9]), pick([0, 7]))
                    if chance.random() < 0.95
                    else None,
                    quantity,
                    (1 if quantity > 0 else -1) * Decimal(pick(["10.00", "3.33"])),
                    pick(["A", "B", "C", None]),
                    pick(["01", "03", "03", "03", "04", "09", "14"]),
                )
            )
    cycles = [
        {"item": item, "times": pick([1, 2, 4]), "days": pick([5, 15, 20, 40])}
        | pick([{}, {"valid_from": date(2025, 1, 4)}, {"valid_to": date(2025, 1, 9)}])
        for item in chance.sample(ITEMS[:3], 2)
    ]
    costs = {
        one["case_id"]: {"mean": chance.randrange(1, 400_000), "days_p10": pick([2, 5, None])}
        for one in people
        if chance.random() < 0.8
    }
    return small_book(cycles), World({}, people, lines), costs


def table(costs: Costs) -> pa.Table:
    rows = [
        {"case_id": key, "group": "G", "deviation": 1, "count": 40} | one
        for key, one in costs.items()
    ]
    return pa.Table.from_pylist(rows) if rows else pa.table({"case_id": pa.array([], pa.string())})


def run(small: AuditBook, made: World, costs: Costs | None = None, **options: Any) -> Audited:
    known = None if costs is None else table(costs)
    context = Context(shadow=True, group_costs=known)
    return audit(cases(made.people), charges(made.lines), small, context=context, **options)


def told(found: Audited) -> set[tuple[Any, ...]]:
    return {
        (
            *(row[name] for name in ("rule", "row", "level", "case_id")),
            tuple(row["lines"]),
            *(row[name] for name in ("observed", "allowed", "amount")),
        )
        for row in found.findings.to_pylist()
        if row["rule"] in MORE
    }


def plainly(small: AuditBook, made: World, costs: Costs) -> set[tuple[Any, ...]]:
    plain = PlainPersons(small, made, {})
    plain.cycle()
    return plain.persons(costs)


@pytest.mark.parametrize(
    "seed", [*range(12), *(pytest.param(n, marks=SLOW) for n in range(12, 250))]
)
def test_the_answers_are_those_of_a_plain_reading(seed: int) -> None:
    small, made, costs = world(seed)
    answer = run(small, made, costs)
    found, wanted = told(answer), plainly(small, made, costs)
    ids = answer.findings["finding"].to_pylist()
    assert len(set(ids)) == len(ids)
    assert sorted(found - wanted, key=str) == []
    assert sorted(wanted - found, key=str) == []


def test_the_random_worlds_try_every_template() -> None:
    seen: set[tuple[str, str | None]] = set()
    wrong = set()
    for seed in range(10):
        small, made, costs = world(seed)
        for row in run(small, made, costs).findings.to_pylist():
            seen.add((row["rule"], row["unit"]))
            wrong |= {e["value"] for e in row["evidence"] if e["key"] == "wrong"}
    assert {rule for rule, _ in seen} == MORE | {"LOC-IMPERS"}
    assert ("GZ3", "times_person") in seen
    assert wrong == {"sex_differs", "birth_differs"}


@pytest.mark.parametrize("seed", [*range(2), *(pytest.param(n, marks=SLOW) for n in range(2, 12))])
def test_neither_order_nor_portions_nor_who_is_judged_change_a_finding(seed: int) -> None:
    small, made, costs = world(seed)
    first = run(small, made, costs).findings
    chance = random.Random(seed)  # noqa: S311 -- a test
    for size in (1, 7):
        chance.shuffle(made.lines)
        chance.shuffle(made.people)
        assert run(small, made, costs, portion_lines=size).findings.equals(first)
    for _ in range(3):
        judged = np.array([chance.random() < 0.5 for _ in made.people])
        own = [one["case_id"] for one, is_ in zip(made.people, judged, strict=True) if is_]
        some = run(small, made, costs, judged=judged, portion_lines=chance.choice([1, 1000]))
        wanted = [row for row in first.to_pylist() if row["case_id"] in own]
        assert some.findings.to_pylist() == wanted
        assert some.counts["lines"] == sum(one.case_id in own for one in made.lines)


def test_a_charge_and_its_refund_leave_no_trace() -> None:
    for seed in range(2):
        small, made, costs = world(seed)
        lines = made.lines[:]
        for number, one in enumerate(made.people):
            when = at(39, 20, second=number)
            extra = Line(one["case_id"], 900, ITEMS[0], when, scope="C", kind="03")
            back = Line(one["case_id"], 901, ITEMS[0], when, Decimal(-1), Decimal("-10.00"))
            lines += [back, extra]
        again = World({}, made.people, lines)
        assert told(run(small, again, costs)) == told(run(small, made, costs))


def person(*stays: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"person": "P", "case_id": f"C{n}"} | one for n, one in enumerate(stays)]


def only(found: Audited, key: str) -> list[dict[str, Any]]:
    return [row for row in found.findings.to_pylist() if row["rule"] == key]


VISIT = {"kind": "outpatient", "admission_time": at(12), "discharge_time": at(12, 12)}


@pytest.mark.parametrize(("day", "lines"), [(15, [1]), (16, [])])
def test_a_cycle_goes_over_the_cases_of_a_person(day: int, lines: list[int]) -> None:
    again = {"admission_time": at(day, 0), "discharge_time": at(day + 3)}
    made = World(
        {},
        person({"discharge_time": at(4)}, again),
        [Line("C0", 1, time=at(1)), Line("C1", 1, time=at(day))],
    )
    small = small_book([{"item": ITEMS[0], "times": 1, "days": 15}])
    found = only(run(small, made), "GZ3")
    assert [row["lines"] for row in found] == [lines] * bool(lines)
    if found:
        assert (found[0]["case_id"], found[0]["unit"]) == ("C1", "times_person")
        assert "C0" in "".join(words(found[0], small, "zh"))


def test_a_short_cycle_stays_within_a_case() -> None:
    again = {"admission_time": at(5, 0), "discharge_time": at(6)}
    made = World(
        {},
        person({"discharge_time": at(4)}, again),
        [Line("C0", 1, time=at(1)), Line("C1", 1, time=at(5))],
    )
    small = small_book([{"item": ITEMS[0], "times": 1, "days": 7}])
    assert only(run(small, made), "GZ3") == []


@pytest.mark.parametrize(
    ("change", "hit"),
    [
        ({}, True),
        ({"time": at(13, 8)}, False),
        ({"kind": "09"}, False),
        ({"item": ITEMS[1]}, False),
    ],
)
def test_a_test_again_within_days(change: dict[str, Any], hit: bool) -> None:
    made = World(
        {},
        person({"discharge_time": at(10, 9)}, VISIT),
        [
            Line("C0", 1, time=at(10), kind="03"),
            replace(Line("C1", 4, time=at(12, 8), kind="03"), **change),
        ],
    )
    found = only(run(small_book(), made), "LOC-REPDX")
    assert [(row["case_id"], row["lines"]) for row in found] == [("C1", [4])] * hit
    if hit:
        assert found[0]["observed"] == 2
        assert "C0" in "".join(words(found[0], small_book(), "en"))


def test_a_series_of_treatment_repeats_its_tests() -> None:
    lines = [Line("C0", 1, time=at(10), kind="03"), Line("C1", 1, time=at(12), kind="03")]
    for change in ({"visit_type": "14"}, {"dx": ["Z51.100"]}):
        made = World({}, person({}, VISIT | change), lines)
        assert only(run(small_book(), made), "LOC-REPDX") == []
    refund = Line("C0", 2, ITEMS[0], at(11), Decimal(-1), Decimal("-10.00"))
    made = World({}, person({}, VISIT), [*lines, refund])
    assert only(run(small_book(), made), "LOC-REPDX") == []


@pytest.mark.parametrize(
    ("visit", "scope", "kind", "shifted"),
    [
        (at(5), "A", "09", "inside"),
        (at(10, 20), "A", "09", None),
        (at(10, 20), "C", "09", "beside"),
        (at(17), "C", "09", "beside"),
        (at(18), "C", "09", None),
        (at(5), "C", "13", None),
    ],
)
def test_what_the_stay_is_charged_for_is_charged_to_a_visit(
    visit: Any, scope: str, kind: str, shifted: str | None
) -> None:
    made = World(
        {},
        person({}, {"kind": "outpatient", "admission_time": visit, "discharge_time": visit}),
        [Line("C0", 1, time=at(2)), Line("C1", 1, time=visit, scope=scope, kind=kind)],
    )
    found = only(run(small_book(), made), "LOC-SHIFT")
    assert [row["evidence"][0]["value"] for row in found] == [shifted] * (shifted is not None)
    made.lines[0].item = ITEMS[1]
    assert only(run(small_book(), made), "LOC-SHIFT") == []


@pytest.mark.parametrize(
    ("change", "low", "under"),
    [
        ({"total_cost": Decimal("299.99")}, True, True),
        ({"total_cost": Decimal("300.00")}, False, True),
        ({"total_cost": Decimal("500.00")}, False, False),
        ({"px": ["47.0100"]}, False, True),
        ({"discharge_time": at(4)}, False, True),
        ({"discharge_time": at(6)}, False, False),
        ({"discharge_way": "5"}, False, False),
        ({"kind": "outpatient"}, False, False),
    ],
)
def test_stays_that_cost_little(change: dict[str, Any], low: bool, under: bool) -> None:
    stay = {"discharge_time": at(3), "total_cost": Decimal("299.99")} | change
    costs = {"C0": {"mean": 100_000, "days_p10": 5}}
    found = run(small_book(), World({}, person(stay)), costs).findings.to_pylist()
    wanted = {name for name, is_ in (("LOC-LOWADM", low), ("LOC-UNDER", under)) if is_}
    assert {row["rule"] for row in found} == wanted
    for row in found:
        said = "".join(words(row, small_book(), "zh"))
        assert "1000.00" in said
        assert "40" in said


def test_without_costs_of_groups_the_rules_have_not_run() -> None:
    missing = {one.rule: one.missing for one in run(small_book(), World({}, person({}))).not_run}
    assert missing["LOC-LOWADM"] == missing["LOC-UNDER"] == ("group_costs",)


def test_a_person_has_one_sex_and_one_day_of_birth() -> None:
    born = {"birth_date": date(1990, 1, 1)}
    people = person(born, born | {"sex": 2, **VISIT}, {"birth_date": date(1991, 1, 1), "sex": None})
    people[2] |= {"admission_time": at(14), "discharge_time": at(15)}
    found = only(run(small_book(), World({}, people)), "LOC-IMPERS")
    assert [(row["case_id"], row["evidence"][0]["value"]) for row in found] == [
        ("C1", "sex_differs"),
        ("C2", "birth_differs"),
    ]
    assert all("1990" not in "".join(words(row, small_book(), "zh")) for row in found)
    people[1]["sex"], people[2]["birth_date"] = 1, None
    assert only(run(small_book(), World({}, people)), "LOC-IMPERS") == []


def test_a_rule_on_trial_is_asked_on_request() -> None:
    made = World({}, person({}))
    quiet = audit(cases(made.people), charges(made.lines), small_book(), context=Context())
    assert ("LOC-REPDX", "TRIAL") in {(one.rule, one.reason) for one in quiet.not_run}
    assert ("LOC-REPDX", "TRIAL") not in {
        (one.rule, one.reason) for one in run(small_book(), made).not_run
    }


def test_the_shipped_book_has_every_threshold() -> None:
    rows = audit_book().tables["behaviour"].to_pylist()
    known = {(row["rule"], row["parameter"]) for row in rows}
    assert {(key, name) for key, name, _ in THRESHOLDS} <= known
