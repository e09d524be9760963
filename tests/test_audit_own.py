"""The hospital's own rules: DuckDB's answer equals a plain reading, whatever is written in them."""

from __future__ import annotations

import random
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from audit_own_support import HOSTILE, plain, some_rows
from audit_support import ITEMS, START, Line, World, at, book, cases, charges, rule, world
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from codebooks.audit.books import AuditBook
from codebooks.audit.own_rules import own_rows
from grouper.audit.engine import Audited, Context, audit
from grouper.audit.own.queries import query
from grouper.audit.planning import FIELDS, MOMENT, OWN
from grouper.audit.words import lines as words_of
from grouper.audit.words import not_run_words
from grouper.case.dates import EPOCH

LEVELS = {"H1": "I"}
SLOW = pytest.mark.slow


def own_book(rows: list[dict[str, Any]], **changes: Any) -> AuditBook:
    known = [rule(row["rule"], "suspect", standing="own", **changes) for row in rows]
    return book({"own": rows}, known)


def row(condition: str, applies: str = "line", **changes: Any) -> dict[str, Any]:
    return {
        "row": "H/1",
        "rule": "H",
        "applies": applies,
        "condition": condition,
        "zh": "不应如此",
        "en": "this should not be",
    } | changes


def run(small: AuditBook, made: World, **options: Any) -> Audited:
    context = options.pop("context", Context(levels=LEVELS, own=True))
    return audit(cases(made.people), charges(made.lines), small, context=context, **options)


def ask(condition: str, lines: list[Line], applies: str = "line", **case: Any) -> Any:
    """The findings of one condition over one stay."""
    made = World({}, [{"case_id": "C0"} | case], lines)
    return run(own_book([row(condition, applies)]), made).findings.to_pylist()


def told(found: Audited) -> set[tuple[Any, ...]]:
    return {
        (
            *(one["rule"], one["case_id"], tuple(one["lines"]), tuple(one["items"])),
            one["day"] and (one["day"] - EPOCH).days,
            *(n if n is None else int(n * 10_000) for n in (one["observed"], one["allowed"])),
            one["unit"],
            int(one["amount"] * 100),
            tuple((part["key"], part["value"]) for part in one["evidence"]),
        )
        for one in found.findings.to_pylist()
    }


def varied(seed: int) -> World:
    made = world(seed)
    for number, one in enumerate(made.people):
        one |= {"department": "DE"[number % 2], "discharge_way": "12"[number % 2]}
        one |= {"visit_type": ("11", "21", None)[number % 3]}
    return made


@pytest.mark.parametrize("seed", [*range(5), *(pytest.param(n, marks=SLOW) for n in range(5, 160))])
def test_every_condition_answers_as_the_plain_reading(seed: int) -> None:
    made = varied(seed)
    small = own_book(some_rows(seed, 40))
    answer = run(small, made)
    lacking = {one.rule for one in answer.not_run}
    found = told(answer)
    wanted = plain(made, own_rows(small.tables["own"]), LEVELS)
    wanted = {one for one in wanted if one[0] not in lacking}
    assert sorted(found - wanted, key=str) == []
    assert sorted(wanted - found, key=str) == []
    assert wanted


def test_neither_order_nor_portions_change_a_finding() -> None:
    made = varied(5)
    small = own_book(some_rows(5, 12))
    first = run(small, made)
    chance = random.Random(5)  # noqa: S311 -- a test
    mixed = World(made.tables, made.people[:], made.lines[:])
    chance.shuffle(mixed.people)
    chance.shuffle(mixed.lines)
    assert first.findings.num_rows
    for size in (1, 9):
        again = run(small, mixed, portion_lines=size)
        assert again.findings.equals(first.findings)


def test_the_lines_that_fit_are_summed_by_item_and_day() -> None:
    lines = [
        Line("C0", 1, ITEMS[0], at(1), Decimal(2)),
        Line("C0", 2, ITEMS[0], at(1, 9), Decimal("1.5")),
        Line("C0", 3, ITEMS[0], at(2), Decimal(3)),
        Line("C0", 4, ITEMS[1], at(1), Decimal(9)),
        Line("C0", 5, ITEMS[0], None, Decimal(9)),
    ]
    condition = f'item in ["{ITEMS[0]}"] and sum_quantity > 3 and age < 14'
    (found,) = ask(condition, lines, "item_day", age=13)
    assert found["lines"] == [1, 2]
    assert (found["observed"], found["allowed"]) == (Decimal("3.5"), Decimal(3))
    assert found["unit"] == "own_sum_quantity"
    assert found["amount"] == Decimal("20.00")
    assert found["day"] == date(2025, 1, 1)
    assert {one["key"]: one["value"] for one in found["evidence"]} == {"own_age": "13"}
    assert ask(condition, lines, "item_day", age=14) == []
    # The day takes both items together, the case all days and the line without a time, too.
    (day,) = ask("sum_quantity > 12", lines, "day", age=13)
    assert day["lines"] == [1, 2, 4]
    (case,) = ask(condition.replace("> 3", "> 15"), lines, "item_case", age=13)
    assert case["lines"] == [1, 2, 3, 5]


def test_a_case_that_leaves_a_fact_out_is_not_judged_whatever_others_state() -> None:
    lines = [Line("C0", 1, ITEMS[0], at(1)), Line("C1", 1, ITEMS[0], at(1))]
    known = [{"case_id": "C0", "dx": ["I63.900"]}, {"case_id": "C1", "dx": []}]
    small = own_book([row("not any dx in [J18]", "case")])
    alone = [run(small, World({}, [one], lines)).findings["case_id"].to_pylist() for one in known]
    assert alone == [["C0"], []]
    assert run(small, World({}, known, lines)).findings["case_id"].to_pylist() == ["C0"]
    # The same of what lines state.
    lines[1] = Line("C1", 1, ITEMS[0], at(1), kind="")
    unsorted = own_book([row('not class in ["9"]')])
    found = run(unsorted, World({}, known, lines)).findings["case_id"].to_pylist()
    assert found == run(unsorted, World({}, known[:1], lines)).findings["case_id"].to_pylist()


def test_an_item_without_what_must_stand_beside_it() -> None:
    lines = [Line("C0", 1, ITEMS[0], at(1)), Line("C0", 2, ITEMS[1], at(2))]
    near = f'item = "{ITEMS[0]}" and not any day_items in ["{ITEMS[1]}"]'
    assert [one["lines"] for one in ask(near, lines)] == [[1]]
    assert ask(near.replace("day_items", "items"), lines) == []
    refunded = [*lines, Line("C0", 3, ITEMS[1], at(3), Decimal(-1), Decimal("-10.00"))]
    assert [one["lines"] for one in ask(near.replace("day_items", "items"), refunded)] == [[1]]


def test_a_charge_that_is_missing_is_found_in_cases_with_lines_alone() -> None:
    lines = [Line("C0", 1, ITEMS[0], at(1))]
    condition = f'item in ["{ITEMS[1]}"] and count_lines < 1 and los > 3'
    (found,) = ask(condition, lines, "case")
    assert (found["lines"], found["amount"], found["unit"]) == ([], 0, "own_count_lines")
    assert found["day"] == date(2025, 1, 1)
    assert ask(condition, [], "case") == []
    assert ask(condition, lines, "case", discharge_time=at(4)) == []


def test_a_case_is_asked_without_its_lines() -> None:
    (found,) = ask("los > 8 and not any dx in [I63]", [], "case")
    assert (found["observed"], found["allowed"], found["unit"]) == (9, 8, "own_los")
    assert ask("los > 8 and not any dx in [J18]", [], "case") == []
    assert ask("los > 9", [], "case") == []
    assert ask("admission >= 2025-01-01 and discharge < 2025-01-11", [], "case")
    assert ask("admission > 2025-01-01", [], "case") == []


def test_codes_compare_in_their_folded_spelling() -> None:
    assert ask("principal in [i61.000x006]", [], "case", dx=["I61.000x006"])
    assert ask(
        "any px in [47-48] and count dx in [J] = 2", [], "case", px=["47.0100"], dx=["J1", "J2"]
    )


def test_what_is_missing_compares_as_false() -> None:
    lines = [
        Line("C0", 1, None, None, None, Decimal("5.00"), None, "99", None),
        # So that something states what is asked.
        Line("C0", 2, ITEMS[0], at(1), Decimal(99), Decimal("7.00"), "B", "01", "01"),
    ]
    for condition in ("quantity < 9", "hour >= 9", 'scope in ["A"]', 'class in ["9"]'):
        assert ask(condition, lines) == []
        (found,) = ask(f"not {condition} and amount = 5", lines)
        assert found["lines"] == [1]
        assert found["items"] == []
    assert ask("missing quantity and missing day and missing item and missing scope", lines)
    (found,) = ask('department = "D9" and physician in ["D1"]', lines, department="D9")
    assert found["lines"] == [1]


@pytest.mark.parametrize("word", HOSTILE)
def test_a_hostile_word_is_a_word(word: str) -> None:
    lines = [
        Line("C0", 1, ITEMS[0], at(1), department=word),
        Line("C0", 2, ITEMS[0], at(2), department="01"),
    ]
    assert [one["lines"] for one in ask(f'department = "{word}"', lines)] == [[1]]
    assert [one["lines"] for one in ask(f'department in ["{word}"]', lines)] == [[1]]
    assert [one["lines"] for one in ask(f'not department has ["{word}"]', lines)] == [[2]]


WORDS = st.text(st.characters(exclude_characters='"', exclude_categories=["Cs"]), min_size=1)


@given(word=WORDS.filter(str.strip))
def test_no_word_of_a_condition_enters_the_query(word: str) -> None:
    def made(inside: str) -> Any:
        conditions = (f'department = "{inside}" and item has ["{inside}", "b"]', "line")
        (one,) = own_rows(own_book([row(*conditions)]).tables["own"])
        return query(one)

    hostile, tame = made(word), made("x")
    assert hostile.text == tame.text
    assert word in hostile.parameters.values()


@settings(max_examples=examples(8), deadline=None)
@given(word=WORDS.filter(str.strip))
def test_any_word_can_be_asked(word: str) -> None:
    lines = [Line("C0", 1, ITEMS[0], at(1), department="01")]
    found = ask(f'not department in ["{word}"] and any items in ["{word}", "{ITEMS[0]}"]', lines)
    assert len(found) == (word != "01")


def test_rows_hold_on_their_days() -> None:
    lines = [Line("C0", n, ITEMS[0], at(n)) for n in (1, 4, 6)]
    rows = [row("quantity = 1", valid_from=START.replace(day=2), valid_to=START.replace(day=6))]
    (found,) = run(own_book(rows), World({}, [{"case_id": "C0"}], lines)).findings.to_pylist()
    assert found["lines"] == [4]
    late = [row("los > 1", "case", valid_from=START.replace(day=11))]
    assert not run(own_book(late), World({}, [{}], [])).findings.num_rows


def test_own_rules_are_asked_on_request_alone() -> None:
    made = World({}, [{}], [])
    small = own_book([row("los > 1", "case")])
    for context in (Context(own=True), Context(shadow=True), Context(rules=frozenset({"H"}))):
        assert run(small, made, context=context).findings.num_rows == 1
    quiet = run(small, made, context=Context())
    assert not quiet.findings.num_rows
    assert [(one.rule, one.reason) for one in quiet.not_run] == [("H", OWN)]
    assert "--own" in not_run_words(quiet.not_run[0], small, "en")
    order = run(own_book([row("los > 1", "case")], moments=("order",)), made)
    assert [one.reason for one in order.not_run] == [MOMENT]


def test_a_condition_on_what_nobody_states_has_not_run() -> None:
    rows = [row('not hospital_level = "III"', "case"), row("los > 1", "case", rule="G", row="G/1")]
    small = own_book(rows)
    found = run(small, World({}, [{}], []), context=Context(own=True))
    assert {one["rule"] for one in found.findings.to_pylist()} == {"G"}
    (lacking,) = [one for one in found.not_run if one.reason == FIELDS]
    assert (lacking.rule, lacking.missing, lacking.template) == ("H", ("hospital_level",), "own")
    known = run(small, World({}, [{}], []))
    assert {one["rule"] for one in known.findings.to_pylist()} == {"G", "H"}


@pytest.mark.parametrize(("lang", "says"), [("zh", "不应如此"), ("en", "this should not be")])
def test_a_finding_says_what_the_row_says(lang: str, says: str) -> None:
    made = World({}, [{}], [Line("C0", 1, ITEMS[0], at(1), Decimal(4))])
    condition = "sum_quantity > 3 and los > 2 and principal in [J18]"
    small = own_book([row(condition, "item_day")])
    (found,) = run(small, made).findings.to_pylist()
    text = "\n".join(words_of(found, small, lang))
    assert says in text
    wanted = (
        ("合计数量：4，条件 3", "主要诊断：J18.900") if lang == "zh" else ("quantities: 4", "J18")
    )
    for one in wanted:
        assert one in text
    other = words_of(found | {"row": "none"}, small, lang)
    assert says not in "\n".join(other)
