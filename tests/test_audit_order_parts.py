"""The parts of the scalar engine: lines, facts, rows by item, what is not judged, what is kept ready."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from audit_order_support import case_of, line
from audit_support import ITEMS, Line, at, book, cases, charges, rule, rules, world
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from codebooks.audit.books import audit_book
from codebooks.audit.forms import MOMENTS
from codebooks.messages import LANGUAGES, catalogue, register
from grouper.audit.cases import case_rows
from grouper.audit.engine import Context, audit
from grouper.audit.errors import AuditError
from grouper.audit.order import engine, uncoded
from grouper.audit.order.engine import WHOLE, check, compiled, examine
from grouper.audit.order.facts import facts_of
from grouper.audit.order.index import OWN, index_of
from grouper.audit.order.lines import Line as Asked
from grouper.audit.order.lines import entries, lines_in
from grouper.audit.order.prices import Prices
from grouper.audit.planning import MOMENT, SHADOW
from grouper.case.dates import LOCAL
from grouper.case.record import Case

NOON = datetime(2025, 1, 2, 12, tzinfo=LOCAL)


def one(**changes: Any) -> Asked:
    return replace(Asked(1, ITEMS[0], Decimal(1), Decimal(10), NOON, scope="A"), **changes)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"number": 0}, "number"),
        ({"number": 1 << 31}, "number"),
        ({"quantity": Decimal("0.00001")}, "quantity"),
        ({"quantity": Decimal("1e10")}, "quantity"),
        ({"quantity": Decimal("1e999999")}, "quantity"),
        ({"quantity": Decimal("1e-999999")}, "quantity"),
        ({"quantity": Decimal("NaN")}, "quantity"),
        ({"quantity": Decimal("Infinity")}, "quantity"),
        ({"amount": Decimal("0.001")}, "amount"),
        ({"amount": Decimal("-1e12")}, "amount"),
        ({"time": datetime.max.replace(tzinfo=UTC)}, "time"),
        ({"time": datetime.min.replace(tzinfo=LOCAL)}, "time"),
    ],
)
def test_a_line_that_no_case_can_hold_is_refused(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(AuditError) as caught:
        entries([one(**changes)])
    assert caught.value.code == "AUDIT_LINE"
    assert caught.value.where.column == field
    for lang in LANGUAGES:
        assert field in caught.value.describe(lang)


def test_a_number_stands_once() -> None:
    with pytest.raises(AuditError):
        entries([one(), one()])


def test_lines_become_whole_numbers() -> None:
    odd = one(
        item=f" {ITEMS[0]} ",
        quantity=Decimal("0E-999999"),
        amount=Decimal("999999999999.99"),
        time=datetime(2025, 1, 2, 12, 0, 0, 999_999),  # noqa: DTZ001 -- read as local
        kind="3",
        scope=" B",
        department=" ",
    )
    (read,) = entries([odd])
    assert (read.item, read.quantity, read.amount) == (ITEMS[0], 0, 99_999_999_999_999)
    assert (read.day, read.second) == (20090, 20090 * 86_400 + 43_200)
    assert (read.kind, read.reimbursed, read.scope, read.department) == (3, True, "B", None)
    (bare,) = entries([Asked(7, None, None, None, None)])
    assert (bare.kind, bare.second, bare.day, bare.reimbursed) == (0, None, None, False)
    assert not any((bare.scope, bare.counted, bare.priced, bare.proposed))


NUMBERS = st.one_of(
    st.none(), st.sampled_from([Decimal(1), Decimal(-1), Decimal("0.5")]), st.decimals()
)
ANY_LINES = st.lists(
    st.builds(
        Asked,
        st.just(1),
        st.one_of(st.none(), st.text(max_size=5), st.sampled_from(ITEMS)),
        NUMBERS,
        NUMBERS,
        st.one_of(st.none(), st.datetimes(timezones=st.sampled_from([UTC, LOCAL, None]))),
        st.one_of(st.none(), st.text(max_size=3)),
        st.one_of(st.none(), st.text(max_size=3)),
        proposed=st.booleans(),
    ),
    max_size=5,
).map(lambda lines: [replace(one, number=n) for n, one in enumerate(lines, 1)])


@settings(max_examples=examples(200), deadline=None)
@given(ANY_LINES, st.sampled_from(MOMENTS))
def test_any_lines_are_answered_or_refused(lines: list[Asked], moment: str) -> None:
    try:
        checked = examine(SMALL, Case(case_id="C"), lines, moment=moment, only_proposed=False)
    except AuditError:
        return
    numbers = {one.number for one in lines}
    assert all(set(row["lines"]) <= numbers for row in checked.findings)
    assert {row.line for row in checked.uncoded} <= numbers


SMALL = compiled(book(world(5).tables, rules()), context=Context(levels={"H1": "I"}))


def test_the_lines_of_a_case_are_those_of_its_places() -> None:
    made = world(2)
    own = [one for one in made.lines if one.case_id == "C0"]
    names = ("item", "class", "quantity", "amount", "time", "scope", "department", "physician")
    charged = charges(own).to_pylist()
    nested = {f"line_{name}": [row[f"line_{name}"] for row in charged] for name in names}
    table = cases([made.people[0] | nested])
    small = book(made.tables, rules())
    asked = Context(moment="stay", levels={"H1": "I"})
    case = case_of(table)
    ready = compiled(small, context=asked)
    found = check(ready, case, lines_in(case), moment="stay", only_proposed=False)
    wanted = audit(table, None, small, context=asked).findings.to_pylist()
    assert found == [row for row in wanted if row["lines"]]
    assert found
    short = replace(case, line_item=case.line_item[1:], line_time=())
    assert {(one.item, one.time) for one in lines_in(short)} == {(None, None)}


DAYS = st.dates(date(2020, 1, 1), date(2025, 3, 1))


@settings(max_examples=examples(150), deadline=None)
@given(
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(["inpatient", "outpatient", "long_stay"]),
            "visit_type": st.sampled_from([None, "11", "13", "1301", "14"]),
            "hospital": st.sampled_from([None, "H1", "H2"]),
            "sex": st.sampled_from([None, 0, 1, 2, 9]),
            "age": st.sampled_from([None, 0, 1, 40]),
            "age_days": st.sampled_from([None, 0, 28, 365, 366, 731]),
            "birth_date": st.one_of(st.none(), DAYS),
            "admission_time": st.one_of(
                st.none(), DAYS.map(lambda d: at(1).combine(d, NOON.timetz()))
            ),
            "discharge_time": st.one_of(
                st.none(), DAYS.map(lambda d: at(1).combine(d, NOON.timetz()))
            ),
            "dx": st.sampled_from([[], [None], ["A01"], [None, "B02"], ["A01", None, "C03"]]),
            "px": st.sampled_from([[], ["47.0100"], [None, "47.0100"]]),
            "insurance_type": st.sampled_from([None, "310"]),
        }
    )
)
def test_a_case_is_read_as_many_are(told: dict[str, Any]) -> None:
    levels = {"H1": "II"}
    table = cases([told])
    rows = case_rows(table, levels, np.ones(1, bool))
    (row,) = rows.to_pylist()
    mine = facts_of(case_of(table), levels)
    for name in ("case_id", "person", "department", "physician", "age", "age_days", "first_day"):
        assert getattr(mine, name) == row[name], name
    for name in ("last_day", "inpatient", "stay", "place", "principal", "procedures"):
        assert getattr(mine, name) == row[name], name
    assert mine.insurance == row["insurance_type"]
    assert mine.level == row["hospital_level"]
    assert len(mine.codes) == row["diagnoses"]
    assert mine.sex == (row["sex"] if row["sex"] in {1, 2} else None)


def test_a_time_of_another_zone_is_of_the_local_day() -> None:
    late = datetime(2025, 1, 1, 17, tzinfo=UTC)
    assert facts_of(Case(admission_time=late), {}).first_day == 20090


@settings(max_examples=examples(150), deadline=None)
@given(
    st.lists(st.tuples(st.text("AB", min_size=1, max_size=3), st.booleans()), max_size=8),
    st.text("AB", min_size=1, max_size=4),
)
def test_rows_are_found_as_the_book_resolves_them(codes: list[tuple[str, bool]], item: str) -> None:
    rows = [
        {"rule": f"R{n % 2}", "item": code, "sex": "1", "match": "prefix" if begins else "whole"}
        for n, (code, begins) in enumerate(codes)
    ]
    small = book({"sex": rows})
    wanted = sorted(small.resolved("sex", [item])["row"].to_pylist())
    found = index_of(small).rows["sex"].of(item, frozenset({"R0", "R1"}))
    assert sorted(row.row for row in found) == wanted
    assert len(set(wanted)) == len(wanted)
    assert [r for r in found if r.rule == "R1"] == index_of(small).rows["sex"].of(
        item, frozenset({"R1"})
    )


def test_the_columns_of_the_index_are_those_of_the_book() -> None:
    for name, columns in OWN.items():
        assert set(columns) < set(book({}).tables[name].column_names)


def uncoded_of(rows: dict[str, list[dict[str, Any]]], case: Case, asked: Asked) -> Any:
    return examine(compiled(book(rows)), case, [replace(asked, proposed=True)]).uncoded


KNOWN = Case(sex=1, age=40, insurance_type="310", hospital="H1", dx=("J18.900",))


@pytest.mark.parametrize(
    ("table", "row", "case", "changes", "reason"),
    [
        ("sex", {"sex": "2"}, {"sex": 9}, {}, uncoded.NO_SEX),
        ("age", {"least_years": 3}, {"age": None}, {}, uncoded.NO_AGE),
        ("insurance", {"allowed": ["1"]}, {"insurance_type": None}, {}, uncoded.NO_INSURANCE),
        ("level", {"least_level": "II"}, {}, {}, uncoded.NO_LEVEL),
        ("indication", {"allowed": ["C"]}, {"dx": ()}, {}, uncoded.NO_DIAGNOSIS),
        ("second_line", {"text": "t"}, {}, {"scope": None}, uncoded.NO_SCOPE),
        ("quantity", {"most": 1, "per": "day"}, {}, {"time": None}, uncoded.NO_TIME),
        ("cycle", {"times": 1, "days": 3}, {}, {"quantity": None}, uncoded.NO_QUANTITY),
    ],
)
def test_what_cannot_be_judged_is_told_with_its_reason(
    table: str, row: dict[str, Any], case: dict[str, Any], changes: dict[str, Any], reason: str
) -> None:
    rows = {table: [{"item": ITEMS[0]} | row]}
    (told,) = uncoded_of(rows, replace(KNOWN, **case), one(**changes))
    assert told == uncoded.Uncoded(1, ITEMS[0], reason, ("GZ1",))
    # An item that no row speaks of lacks nothing.
    assert uncoded_of(rows, replace(KNOWN, **case), one(item=ITEMS[1], **changes)) == ()


def test_a_pair_needs_a_time() -> None:
    pair = {"item_a": ITEMS[1], "item_b": ITEMS[0], "window": "day", "keep": "a"}
    (told,) = uncoded_of({"pairs": [pair]}, KNOWN, one(time=None))
    assert told.reason == uncoded.NO_TIME


def test_what_the_patient_pays_needs_no_level() -> None:
    rows = {"level": [{"item": ITEMS[0], "least_level": "II"}]}
    assert uncoded_of(rows, KNOWN, one(scope="C")) == ()


def test_a_rule_of_the_hospital_that_asks_what_is_not_stated_is_told() -> None:
    row = {
        "rule": "H",
        "applies": "line",
        "condition": 'not insurance_type = "310" and quantity > 0',
        "zh": "不应如此",
        "en": "should not be",
    }
    ready = compiled(book({"own": [row]}), context=Context(own=True))
    lines = [one(proposed=True)]
    assert len(examine(ready, replace(KNOWN, insurance_type="390"), lines).findings) == 1
    checked = examine(ready, replace(KNOWN, insurance_type=None), lines)
    assert checked.findings == ()
    assert checked.uncoded == (uncoded.Uncoded(1, ITEMS[0], uncoded.NO_FACTS, ("H",)),)


def test_codes_that_are_none_are_told() -> None:
    ready = compiled(audit_book())
    lines = [one(item=None, proposed=True), one(number=2, item="X-1", proposed=True)]
    lines.append(one(number=3, item=None))
    told = examine(ready, KNOWN, lines).uncoded
    assert [(row.line, row.item, row.reason) for row in told] == [
        (1, None, uncoded.NO_ITEM),
        (2, "X-1", uncoded.UNKNOWN_ITEM),
    ]
    every = examine(ready, KNOWN, lines, only_proposed=False).uncoded
    assert [row.line for row in every] == [1, 2, 3]


def test_every_reason_has_its_words() -> None:
    register("grouper.text")
    reasons = {
        value for name, value in vars(uncoded).items() if name.startswith(("NO_", "UNKNOWN"))
    }
    assert len(reasons) == 11
    for lang in LANGUAGES:
        words = {
            key.split(".", 1)[1] for key in catalogue(lang) if key.startswith("audit_uncoded.")
        }
        assert words == reasons
        assert f"audit_not_run.{WHOLE}" in catalogue(lang)


def test_rules_that_are_not_asked_say_why() -> None:
    rows = {
        "sex": [{"item": ITEMS[0], "sex": "1", "source": "drug_limits_suspect.csv 3"}],
        "behaviour": [
            {"rule": "LOC-IMPERS", "parameter": "x", "value": Decimal(1), "unit": "days"},
        ],
    }
    small = book(rows, [rule("LOC-IMPERS"), rule("N", moments=("upload",))])
    told = compiled(small).asking("order").not_run
    reasons = {(one.rule, one.reason) for one in told}
    assert reasons >= {("LOC-IMPERS", WHOLE), ("N", MOMENT), ("GZ1", SHADOW)}
    some = compiled(small, context=Context(rules=frozenset({"N"}))).asking("order").not_run
    assert {one.rule for one in some} == {"N"}


def test_a_book_is_made_ready_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []

    def counted(small: Any) -> Any:
        made.append(small)
        return index_of(small)

    monkeypatch.setattr(engine, "index_of", counted)
    small = book({"sex": [{"item": ITEMS[0], "sex": "2"}]})
    one_more = Context(levels={"H1": "II"})
    with ThreadPoolExecutor(4) as pool:
        found = list(
            pool.map(
                lambda _: check(compiled(small), KNOWN, [line(Line("C", 1))], only_proposed=False),
                range(8),
            )
        )
    assert all(rows == found[0] for rows in found)
    assert len(found[0]) == 1
    compiled(small, context=one_more).warm()
    assert len(made) == 1
    compiled(small, context=Context(shadow=True)).warm("stay")
    assert len(made) == 2
    # Books that nobody asked for of late are let go.
    for _ in range(4):
        compiled(book({})).warm()
    compiled(small).warm()
    assert len(made) == 7


def test_levels_may_be_handed_in() -> None:
    rows = {"level": [{"item": ITEMS[0], "least_level": "III"}]}
    ready = compiled(book(rows), context=Context(levels={"H1": "III"}))
    assert check(ready, KNOWN, [one(proposed=True)]) == []
    (found,) = check(ready, KNOWN, [one(proposed=True)], levels={"H1": "I"})
    assert found["evidence"][0] == {"key": "hospital_level", "value": "I"}
    assert pickle.loads(pickle.dumps(found)) == found  # noqa: S301 -- our own


def test_prices_of_a_list_have_days() -> None:
    table = pa.table(
        {
            "item": ["a", "a", "b"],
            "price": [1, 2, 3],
            "since": pa.array([None, 10, None], pa.int32()),
            "until": pa.array([10, None, None], pa.int32()),
        }
    )
    prices = Prices(table)
    prices.learn(["a", "b", "c"])
    assert [prices.at("a", day) for day in (9, 10, None)] == [[1], [2], []]
    plain = Prices({"b": 3})
    plain.learn("b")
    assert prices.at("b", None) == [3] == plain.at("b", 5)
    assert prices.at("c", 1) == []


def test_half_an_hour_apart_is_one_hour() -> None:
    near = timedelta(minutes=59, seconds=59)
    pair = {"item_a": ITEMS[0], "item_b": ITEMS[1], "window": "hour", "keep": "a"}
    ready = compiled(book({"pairs": [pair]}))
    for apart, count in ((near, 1), (near + timedelta(seconds=1), 0)):
        later = one(number=2, item=ITEMS[1], time=NOON + apart, proposed=True)
        assert len(check(ready, KNOWN, [one(), later])) == count
