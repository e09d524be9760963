"""One case asked of both engines: the scalar one says what DuckDB says, ids included."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import pyarrow as pa
import pytest
from audit_order_support import at_moment, blurred, both, case_of, judged_rules, only
from audit_own_support import some_rows
from audit_support import (
    HERBS,
    ITEMS,
    PLAIN_RULES,
    Line,
    World,
    at,
    book,
    cases,
    charges,
    rule,
    rules,
    world,
)
from demo_hospital_support import PART, march
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from codebooks.audit.books import AuditBook, audit_book
from codebooks.audit.forms import MOMENTS
from grouper.audit.engine import Context, audit
from grouper.audit.finding import FINDING_SCHEMA
from grouper.audit.order.engine import JUDGES, check, compiled
from grouper.audit.order.lines import Line as Asked
from grouper.audit.order.lines import lines_in
from grouper.audit.planning import OWN
from grouper.case.dates import LOCAL
from grouper.case.fields import CASE_SCHEMA

SLOW = pytest.mark.slow
LEVELS = {"H1": "I"}
CEILINGS = {ITEMS[0]: 500, ITEMS[1]: 1000, ITEMS[2]: 333}


def context(chance: random.Random, moment: str) -> Context:
    return Context(
        moment=moment,
        levels=LEVELS,
        ceilings=CEILINGS,
        prices=chance.choice([{}, {ITEMS[0]: 999, ITEMS[3]: 5000}]),
        shadow=chance.random() < 0.5,
    )


@pytest.mark.parametrize("seed", [*range(4), *(pytest.param(n, marks=SLOW) for n in range(4, 120))])
def test_both_engines_say_the_same_of_a_case(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 -- a test
    made = world(seed)
    if seed % 2:
        made = blurred(made, seed)
    small = book(made.tables, rules())
    for one in made.people[:2]:
        own = only(made, one["case_id"])
        numbers = [line.line for line in own.lines]
        proposed = frozenset(chance.sample(numbers, min(len(numbers), 3)))
        for some in (frozenset(), proposed):
            wanted, mine = both(small, own, context(chance, "stay"), some)
            assert mine == wanted


@cache
def found_in_worlds() -> frozenset[str]:
    found: set[str] = set()
    for seed in range(12):
        made = world(seed)
        small = book(made.tables, rules())
        asked = Context(moment="stay", levels=LEVELS, ceilings=CEILINGS)
        for one in made.people:
            own = only(made, one["case_id"])
            ready = compiled(small, context=asked)
            case = case_of(cases(own.people))
            lines = [
                Asked(o.line, o.item, o.quantity, o.amount, o.time, o.kind, o.scope)
                for o in own.lines
            ]
            rows = check(ready, case, lines, moment="stay", only_proposed=False)
            found |= {row["rule"] for row in rows}
    return frozenset(found)


def test_the_worlds_try_every_template() -> None:
    # A return, an overlap, visits and stays in number, and costs, are not seen of one case.
    of_persons = {
        *("GZ10000204001000", "LOC-READM15", "LOC-IMPERS", "GZ10000204002000"),
        *("GZ10000204004000", "LOC-COST"),
    }
    assert found_in_worlds() == {f"GZ{n}" for n in range(1, 15)} | (set(PLAIN_RULES) - of_persons)


TIMES = st.one_of(
    st.none(),
    st.builds(
        lambda day, hour, extra: at(day, hour) + timedelta(milliseconds=extra),
        st.integers(1, 6),
        st.sampled_from([0, 8, 13, 23]),
        st.sampled_from([0, 999, 1000, 30_000]),
    ),
    st.datetimes(datetime(1986, 1, 1), datetime(1991, 12, 31)).map(  # noqa: DTZ001 -- summer times
        lambda naive: naive.replace(tzinfo=LOCAL).astimezone(LOCAL)
    ),
)
QUANTITIES = st.one_of(
    st.none(), st.sampled_from([Decimal(n) for n in ("1", "2", "-1", "-2", "0", "0.3333", "-0.5")])
)
AMOUNTS = st.one_of(
    st.none(),
    st.sampled_from([Decimal(n) for n in ("10", "10", "3.33", "100", "0", "-10", "-3.33")]),
)
LINES = st.lists(
    st.builds(
        lambda *values: values,
        st.sampled_from([*ITEMS[:3], HERBS[0], HERBS[2], " ", None]),
        TIMES,
        QUANTITIES,
        AMOUNTS,
        st.sampled_from(["A", "B", " A ", "C", "甲", None]),
        st.sampled_from(["01", "1", "2", "9", "14", "15", None]),
        st.sampled_from(["01", " 01", "", None]),
    ),
    max_size=14,
)


@settings(max_examples=examples(15), deadline=None)
@given(LINES, st.integers(0, 200), st.randoms(use_true_random=False))
def test_odd_lines_are_read_alike(
    values: list[tuple[Any, ...]], seed: int, chance: random.Random
) -> None:
    made = blurred(world(seed), seed) if seed % 2 else world(seed)
    case = chance.choice(made.people)
    lines = [Line(case["case_id"], number, *one) for number, one in enumerate(values, 1)]
    chance.shuffle(lines)
    small = book(made.tables, rules())
    wanted, mine = both(small, World(made.tables, [case], lines), context(chance, "stay"))
    assert mine == wanted


def test_rows_are_of_the_schema() -> None:
    made = world(1)
    own = only(made, "C0")
    small = book(made.tables, rules())
    wanted, mine = both(small, own, Context(moment="stay", levels=LEVELS))
    assert mine
    told = pa.Table.from_pylist(mine, schema=FINDING_SCHEMA).to_pylist()
    assert told == mine == wanted


def test_a_rule_is_asked_at_its_moments_alone() -> None:
    made = World({"sex": [{"rule": "R", "item": ITEMS[0], "sex": "2"}]}, [{}], [Line("C0", 1)])
    small = book(made.tables, [rule("R", moments=("order",))])
    for moment, count in (("order", 1), ("stay", 0)):
        wanted, mine = both(small, made, Context(moment=moment))
        assert mine == wanted
        assert len(mine) == count


def test_a_running_stay_has_no_end() -> None:
    people = [{"discharge_time": None, "admission_time": at(3), "px": []}]
    lines = [Line("C0", day, ITEMS[0], at(day), kind="01") for day in (1, 3, 4, 5, 9)]
    small = book(world(0).tables, rules())
    for moment in MOMENTS:
        wanted, mine = both(small, World({}, people, lines), Context(moment=moment))
        assert mine == wanted
        told = {row["rule"] for row in mine}
        assert "GZ10000201008000" in told
        assert "GZ10000204005000" not in told
    people[0]["discharge_time"] = at(4)
    for kind, found in (("03", True), ("09", False)):
        lines[0].kind = kind
        wanted, mine = both(small, World({}, people, lines), Context(moment="stay"))
        assert mine == wanted
        assert ("GZ10000204005000" in {row["rule"] for row in mine}) is found


def test_only_what_concerns_an_order_is_told() -> None:
    rows = {"quantity": [{"item": item, "most": 1, "per": "day"} for item in ITEMS[:2]]}
    lines = [Line("C0", n, ITEMS[n % 2], at(2, 8, n)) for n in range(1, 5)]
    small = book(rows)
    made = World(rows, [{}], lines)
    # Without line 1, an order, line 3 would be no fault: that is told as well.
    for proposed, items in ((frozenset(), 2), (frozenset({4}), 1), (frozenset({1}), 1)):
        wanted, mine = both(small, made, Context(moment="order"), proposed)
        assert mine == wanted
        assert len(mine) == items


def test_an_order_without_a_price_is_judged() -> None:
    rows = {"sex": [{"item": ITEMS[0], "sex": "2"}]}
    lines = [Line("C0", 1, amount=None)]
    wanted, mine = both(
        book(rows), World(rows, [{}], lines), Context(moment="order"), frozenset({1})
    )
    assert mine == wanted
    assert [row["amount"] for row in mine] == [Decimal("0.00")]


@pytest.mark.parametrize("own", [0, 9, None])
def test_of_a_person_of_unclear_sex_nothing_is_said(own: int | None) -> None:
    rows = {"sex": [{"item": ITEMS[0], "sex": "2"}, {"item": ITEMS[0], "sex": "1", "rule": "R"}]}
    lines = [Line("C0", 1)]
    small = book(rows)
    wanted, mine = both(small, World(rows, [{"sex": own}], lines), Context(moment="order"))
    assert wanted == mine == []
    _, clear = both(small, World(rows, [{"sex": 1}], lines), Context(moment="order"))
    assert len(clear) == 1


def test_prices_with_days_hold_on_their_days() -> None:
    day = (at(3).date() - datetime(1970, 1, 1, tzinfo=LOCAL).date()).days
    columns = {
        "item": [ITEMS[0], ITEMS[0], ITEMS[1]],
        "price": [500, 2000, 700],
        "since": pa.array([-(1 << 31) + 1, day, -(1 << 31) + 1], pa.int32()),
        "until": pa.array([day, (1 << 31) - 1, (1 << 31) - 1], pa.int32()),
    }
    prices = pa.table(columns)
    rows = {
        "surgery": [{"item": item, "group": "x", "share": Decimal("0.5")} for item in (*ITEMS[:3],)]
    }
    lines = [
        Line("C0", n, ITEMS[n % 3], when, amount=Decimal(n * 7))
        for n, when in enumerate([at(2), at(2), at(2), at(3), at(3), at(4), None, None, None], 1)
    ]
    made = World(rows, [{}], lines)
    small = book(rows, rules())
    asked = Context(moment="stay", ceilings=prices, prices=prices)
    wanted, mine = both(small, made, asked)
    assert mine == wanted
    told = {row["rule"] for row in mine}
    assert told >= {"GZ1", "GZ10000102001000"}


def whole(table: pa.Table) -> pa.Table:
    rows = [{name: row.get(name) for name in CASE_SCHEMA.names} for row in table.to_pylist()]
    return pa.Table.from_pylist(rows, schema=CASE_SCHEMA)


@cache
def month() -> tuple[pa.Table, pa.Table]:
    made = march(PART)
    return pa.concat_tables([whole(made.inpatient), whole(made.outpatient)]), made.charges


def lines_by_case(table: pa.Table) -> dict[str, list[Asked]]:
    names = ("item", "quantity", "amount", "time", "class", "scope", "department", "physician")
    found = defaultdict(list)
    for row in table.to_pylist():
        line = Asked(row["line"], *(row[f"line_{name}"] for name in names))
        found[row["case_id"]].append(line)
    return found


def scalar(shipped: AuditBook, asked: Context) -> Iterator[dict[str, Any]]:
    table, charged = month()
    lines = lines_by_case(charged)
    ready = compiled(shipped, context=asked)
    batch = table.combine_chunks()
    for place, case_id in enumerate(table["case_id"].to_pylist()):
        case = case_of(batch, place)
        own = lines.get(case_id) or lines_in(case)
        yield from check(ready, case, own, moment=asked.moment, only_proposed=False)


@pytest.mark.parametrize(
    ("moment", "shadow"),
    [
        pytest.param("stay", True, marks=SLOW),
        pytest.param("stay", False, marks=SLOW),
        pytest.param("order", True, marks=SLOW),
        pytest.param("order", False, marks=SLOW),
        pytest.param("upload", True, marks=SLOW),
    ],
)
def test_both_engines_say_the_same_of_a_demonstration_month(moment: str, shadow: bool) -> None:
    shipped = audit_book()
    table, charged = month()
    operations = shipped.tables["surgery"]["item"].to_pylist()
    asked = Context(
        levels={"H00000000001": "I"},
        shadow=shadow,
        # Else the prices of operations are those of the lines at hand, which are more of a month.
        prices={item: 50_000 + 100 * place for place, item in enumerate(operations)},
        ceilings={item: 2_000 for item in charged["line_item"].unique().to_pylist()[::7] if item},
    )
    asked = at_moment(asked, moment)
    judged = judged_rules(shipped, asked)
    wanted = [
        row
        for row in audit(table, charged, shipped, context=asked).findings.to_pylist()
        # Cycles over all cases of a person are not seen of one case.
        if row["rule"] in judged and row["lines"] and row["unit"] != "times_person"
    ]
    mine = sorted(
        scalar(shipped, asked),
        key=lambda row: (row["case_id"], row["rule"], row["lines"][0], row["finding"]),
    )
    assert mine == wanted
    assert len({row["rule"] for row in mine}) >= (9 if moment == "order" else 14)


@pytest.mark.parametrize("seed", [*range(3), *(pytest.param(n, marks=SLOW) for n in range(3, 60))])
def test_both_engines_read_the_rules_of_the_hospital_alike(seed: int) -> None:
    made = world(seed)
    rows = some_rows(seed, 40)
    known = [rule(row["rule"], "suspect", standing="own") for row in rows]
    small = book({"own": rows}, known)
    asked = Context(moment="stay", levels=LEVELS, own=True)
    told: list[dict[str, Any]] = []
    for one in made.people[:2]:
        one |= {"department": "D", "physician": "D2", "discharge_way": "1", "visit_type": "21"}
        own = only(made, one["case_id"])
        wanted, mine = both(small, own, asked)
        assert mine == wanted
        told += mine
    assert told
    assert compiled(small, context=at_moment(asked, "order")).asking("order").rules
    shy = compiled(small).asking("stay")
    assert {one.reason for one in shy.not_run} == {OWN}


def test_every_template_of_one_case_is_there() -> None:
    # Those of cases and persons need other cases or the costs of groups.
    assert set(JUDGES) == {
        *("pairs", "quantity", "cycle", "course", "sex", "age", "insurance", "level", "visit"),
        *("excluded", "indication", "second_line", "surgery", "price", "duplicate_line"),
        *("outside", "line_information", "hanging", "low_admission", "own", "catalogue"),
    }


def test_the_order_of_lines_does_not_matter() -> None:
    made = world(4)
    own = only(made, "C1")
    small = book(made.tables, rules())
    first = both(small, own, Context(moment="stay", levels=LEVELS))[1]
    own.lines.reverse()
    assert both(small, own, Context(moment="stay", levels=LEVELS))[1] == first
    assert charges(own.lines).num_rows > 0
    assert first
