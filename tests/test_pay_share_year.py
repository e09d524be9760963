"""The year of each person followed through a table: by hand, in any order, with every gap."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from pay_share_support import CHINA, asked, batch_of, both, noon, scoped, yuan

from grouper.case.record import Case
from grouper.payment.methods import methods
from grouper.payment.place import Terms
from grouper.payment.share import share
from grouper.payment.share.many import YEAR
from grouper.payment.share.year import NUMBER, follow_year

TERMS = Terms(region="demo")
FILLED = (*YEAR, NUMBER)


def stay(number: int, day: datetime, **more: Any) -> Case:
    values = {
        "case_id": f"C{number}",
        "person": "P1",
        "region": "demo",
        "hospital": "H00000000001",
        "insurance_type": "310",
        "discharge_time": day,
        **scoped(100800),
    }
    return Case(**{**values, **more})


def followed(cases: list[Case], terms: Terms = TERMS) -> list[dict[str, Any]]:
    table = follow_year(pa.Table.from_batches([batch_of(cases)]), terms)
    return table.select(FILLED).to_pylist()


def row(
    deductible: str, basic: str, burden: str, critical: str, number: int | None
) -> dict[str, Any]:
    told = dict(zip(YEAR, map(yuan, (deductible, basic, burden, critical)), strict=True))
    return {**told, NUMBER: number}


def test_a_year_by_hand() -> None:
    # Level III, in work. First stay: 100,800 − 800; 19,200 × 0.85 + 80,800 × 0.90 = 89,040; burden
    # 11,760. Second: deductible 400; 19,600 × 0.85 + 80,800 × 0.90 = 89,380; burden 11,420, in all
    # 23,180: 3,180 above 20,000 × 0.60 = 1,908. Third: none; 20,000 × 0.85 + 80,800 × 0.90 = 89,720.
    cases = [stay(n, noon(2025, 2 + n)) for n in range(4)]
    found = followed(cases)
    assert found[0] == row("0", "0", "0", "0", 1)
    assert found[1] == row("800", "89040", "11760", "0", 2)
    assert found[2] == row("1200", "178420", "23180", "1908", 3)
    # Third: burden 11,080 × 0.60 = 6,648.
    assert found[3] == row("1200", "268140", "34260", "8556", 4)
    # Fourth: of 300,000 there are 31,860 left.
    last = both([Case(**{**told(cases[3]), **found[3]})], TERMS)[0][0]
    assert last is not None
    assert last.basic == yuan(31860)


def told(case: Case) -> dict[str, Any]:
    return {name: getattr(case, name) for name in Case.__dataclass_fields__}


def test_accounts_add_up_apart() -> None:
    visit = {"kind": "outpatient", "visit_type": "11", **scoped(700)}
    found = followed(
        [
            stay(0, noon(2025, 2)),
            stay(1, noon(2025, 3), **visit),
            stay(2, noon(2025, 4), **visit),
            stay(3, noon(2025, 5), visit_type="28"),
            stay(4, noon(2025, 6), kind="outpatient", visit_type="14", **scoped(1300)),
        ]
    )
    # Outpatient visits do not count towards critical-illness insurance, nor as stays.
    assert found[1] == row("0", "0", "11760", "0", None)
    assert found[2] == row("500", "120", "11760", "0", None)
    # A day ward is a stay of the year.
    assert found[3] == row("800", "89040", "11760", "0", 2)
    assert found[4][NUMBER] is None
    assert (found[4]["year_deductible"], found[4]["year_basic"]) == (yuan(0), yuan(0))


def test_a_new_year_begins_as_the_policy_says() -> None:
    days = (noon(2025, 12, 31), noon(2026, 1, 1))
    found = followed([stay(n, day) for n, day in enumerate(days)])
    assert [one[NUMBER] for one in found] == [1, 1]
    # Xiamen's social-insurance year begins in July.
    xiamen = {"region": "xiamen", "insurance_type": "390", **scoped(1000)}
    days = (noon(2014, 6, 30), noon(2014, 7, 1), noon(2015, 6, 30))
    found = followed([stay(n, day, **xiamen) for n, day in enumerate(days)])
    assert [one[NUMBER] for one in found] == [1, 1, 2]
    assert found[2]["year_basic"] == yuan(750)


def test_baicheng_year() -> None:
    # 0.90: three stays of 30,000 give 27,000, 27,000 and the 6,000 that are left of 60,000.
    stays = [
        stay(n, noon(2015, 2 + n), region="baicheng", person_type="11", **scoped(30000))
        for n in range(4)
    ]
    found = followed(stays, Terms(region="baicheng"))
    assert [one["year_basic"] for one in found] == [yuan(n) for n in (0, 27000, 54000, 60000)]
    # Above the ceiling: 30,000 − 6,000 ÷ 0.90 = 23,333.33 × 0.90 by the supplement.
    assert found[3]["year_critical"] == yuan(21000)


def test_what_the_record_states_goes_first() -> None:
    known = {"year_basic": yuan(200000), "admission_number": 5, "year_burden": yuan(0)}
    found = followed([stay(0, noon(2025, 2), **known), stay(1, noon(2025, 3))])
    assert found[0]["year_basic"] == yuan(200000)
    # 100,800 of the fifth stay without deductible: 89,720.
    assert found[1]["year_basic"] == yuan(289720)
    assert found[1][NUMBER] == 6
    # What was settled counts, not what the rules come to.
    settled = {"basic_paid": yuan(50000), "deductible_paid": yuan(100)}
    found = followed([stay(0, noon(2025, 2), **settled), stay(1, noon(2025, 3))])
    assert (found[1]["year_basic"], found[1]["year_deductible"]) == (yuan(50000), yuan(100))


def test_a_case_that_cannot_be_reckoned_leaves_the_year_unknown() -> None:
    gap = stay(1, noon(2025, 3), scope_cost=None, own_cost=None)
    later = {"year_basic": yuan(7), "year_burden": yuan(8), "year_critical": yuan(9)}
    cases = [stay(0, noon(2025, 2)), gap, stay(2, noon(2025, 4))]
    found = followed([*cases, stay(3, noon(2025, 5), **later), stay(4, noon(2025, 6))])
    assert found[1]["year_basic"] == yuan(89040)
    assert [found[2][name] for name in YEAR] == [None] * 4
    # How many stays there were is known all the same; a record that states the rest goes on.
    assert [one[NUMBER] for one in found] == [1, 2, 3, 4, 5]
    assert found[4]["year_basic"] == yuan(89727)
    # Another's year is not touched by it; nor is a settled case without its parts in the dark.
    gap = stay(1, noon(2025, 3), scope_cost=None, own_cost=None, basic_paid=yuan(10))
    found = followed([gap, stay(2, noon(2025, 4)), stay(3, noon(2025, 4), person="P2")])
    assert found[1]["year_basic"] == yuan(10)
    assert found[1]["year_burden"] is None
    assert found[2] == row("0", "0", "0", "0", 1)


@pytest.mark.parametrize(
    "gap",
    [
        {"insurance_type": None},
        {"kind": "other"},
        {"insured_region": "nowhere"},
        {"region": "longyan"},
    ],
)
def test_a_case_without_rules_leaves_the_year_unknown(gap: dict[str, Any]) -> None:
    found = followed([stay(0, noon(2025, 2), **gap), stay(1, noon(2025, 3))])
    assert found[1]["year_basic"] is None


@pytest.mark.parametrize("gap", [{"kind": "other"}, {"insured_region": "nowhere"}])
def test_a_case_of_an_unknown_account_leaves_each_of_them_unknown(gap: dict[str, Any]) -> None:
    visit = {"kind": "outpatient", "visit_type": "11", **scoped(700)}
    others = [stay(n, noon(2025, 1), person=f"P{n}", **visit) for n in (3, 4)]
    cases = [stay(0, noon(2025, 2), **gap), stay(2, noon(2025, 4), **visit)]
    again = [stay(n, noon(2025, 5), person=f"P{n - 2}", **visit) for n in (5, 6)]
    found = followed([*others, *cases, *again])
    assert [found[3][name] for name in YEAR] == [None] * 4
    assert [one["year_deductible"] for one in found[4:]] == [yuan(500), yuan(500)]


@pytest.mark.parametrize(
    "lost",
    ["benefit.year_start", "benefit.visits", "cross_region.benefit_rules_of", "benefit.deducted"],
)
def test_a_policy_with_a_gap_leaves_the_year_unknown(lost: str) -> None:
    terms = Terms(region="demo", changes={lost: None}, source="test")
    away = {"insured_region": "jinhua"} if lost.startswith("cross") else {}
    found = followed([stay(0, noon(2025, 2), **away), stay(1, noon(2025, 3))], terms)
    assert found[1]["year_basic"] is None


def test_cases_that_are_not_followed_stay_as_they_are() -> None:
    odd = [
        stay(0, noon(2025, 2), person=None, year_basic=yuan(3)),
        stay(1, noon(2025, 3), region="nowhere"),
        stay(2, noon(2025, 4), discharge_time=None),
        stay(3, noon(2020, 4)),
    ]
    found = followed(odd)
    assert found[0]["year_basic"] == yuan(3)
    assert all(one[name] is None for one in found[1:] for name in FILLED)
    # Here alone: another's case is not touched by them.
    assert followed([*odd[1:], stay(4, noon(2025, 2))])[-1][NUMBER] == 1
    empty = pa.Table.from_batches([batch_of([])])
    assert follow_year(empty, TERMS).equals(empty)


def test_dialysis_has_a_year_of_its_own() -> None:
    # Its visits are told by the principal diagnosis; what the record says of their year is theirs.
    visit = {"region": "baicheng", "kind": "outpatient", "person_type": "11", **scoped(1000)}
    visit |= {"dx": ("N18.500",), "year_deductible": yuan(500), "year_basic": yuan(900)}
    cases = [
        stay(0, noon(2015, 2), **visit),
        stay(1, noon(2015, 3), region="baicheng", person_type="11", **scoped(1000)),
    ]
    table = pa.Table.from_batches([batch_of(cases)])
    grouped = pa.array(["grouped", "grouped"]).dictionary_encode()
    for name in ("scheme", "status", "group"):
        table = table.append_column(name, grouped)
    found = follow_year(table, Terms(region="baicheng")).select(FILLED).to_pylist()
    assert found[0]["year_basic"] == yuan(900)
    assert found[0]["year_burden"] is None
    assert found[1] == row("0", "0", "0", "0", 1)
    assert [name for name, one in methods().items() if getattr(one, "own_year", False)] == [
        "dialysis_capitation"
    ]


def crowd(seed: int, count: int) -> list[Case]:
    """Cases of some persons, of every kind and with every gap."""
    rng = random.Random(seed)  # noqa: S311 -- cases for a test
    found = []
    for number in range(count):
        day = datetime(2025, 1, 1, 8, tzinfo=CHINA) + timedelta(hours=rng.randrange(24 * 500))
        costs = scoped(rng.randrange(300000), own=rng.randrange(5000), first=rng.randrange(900))
        more: dict[str, Any] = {
            "person": rng.choice(["P1", "P2", "P3", "P4", "P5", None]),
            "kind": rng.choice(["inpatient", "inpatient", "outpatient", "long_stay"]),
            "visit_type": rng.choice([None, "14", "28"]),
            "insurance_type": rng.choice(
                ["310", "390", "390", None] if number % 40 == 0 else ["310"]
            ),
            "aid_category": rng.choice([None, "低保", "特困"]),
            "region": rng.choice(["demo", "demo", "demo", "pingdingshan"]),
            "insured_region": rng.choice([None, None, None, "demo", "jinhua"]),
            "year_basic": rng.choice([None] * 9 + [yuan(rng.randrange(10**5))]),
            "basic_paid": rng.choice([None] * 9 + [yuan(rng.randrange(10**4))]),
        }
        if rng.random() < 0.05:
            costs["scope_cost"] = costs["own_cost"] = None
        found.append(stay(number, day, **{**costs, **more}))
    return found


def plain_reading(cases: list[Case]) -> list[dict[str, Any]]:
    """The same case by case, by the scalar way: what is not known is None."""
    persons: dict[Any, dict[str, Any]] = {}
    found = [{name: getattr(case, name) for name in FILLED} for case in cases]
    moments = sorted(
        range(len(cases)), key=lambda at: (cases[at].discharge_time, cases[at].case_id)
    )
    for at in moments:
        case = cases[at]
        if case.person is None:
            continue
        state = persons.setdefault((case.person, case.discharge_time.year), {})
        account = (
            "stays" if case.kind != "outpatient" or case.visit_type == "28" else case.visit_type
        )
        keys = {name: name if name in YEAR[2:] else (account, name) for name in FILLED}
        for name in YEAR:
            if found[at][name] is None:
                found[at][name] = state.get(keys[name], yuan(0))
        if found[at][NUMBER] is None:
            number = state.get(keys[NUMBER], 0)
            found[at][NUMBER] = None if number is None else number + 1
        paid = share(asked(Case(**{**told(case), **found[at]}), TERMS))
        for name, part in zip(YEAR, ("deductible", "basic", "burden", "critical"), strict=True):
            added = getattr(paid, part)
            if part == "basic" and case.basic_paid is not None:
                added = case.basic_paid
            before = found[at][name]
            state[keys[name]] = None if None in (added, before) else before + added
        state[keys[NUMBER]] = found[at][NUMBER]
        if account != "stays":
            found[at][NUMBER] = case.admission_number
    return found


@pytest.mark.parametrize("seed", range(3))
def test_the_rounds_agree_with_a_plain_reading(seed: int) -> None:
    cases = crowd(seed, 200)
    assert followed(cases) == plain_reading(cases)


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_the_rows_does_not_matter(seed: int) -> None:
    cases = crowd(seed, 160)
    whole = followed(cases)
    order = list(range(len(cases)))
    random.Random(seed).shuffle(order)  # noqa: S311 -- as above
    mixed = followed([cases[at] for at in order])
    assert mixed == [whole[at] for at in order]
    # In several chunks the same.
    pieces = [batch_of(cases[at : at + 7]) for at in range(0, len(cases), 7)]
    table = follow_year(pa.Table.from_batches(pieces), TERMS)
    assert table.select(FILLED).to_pylist() == whole
    filled = sum(one["year_basic"] is not None for one in whole)
    assert 20 < filled < len(whole)
    assert any((one["year_critical"] or 0) > 0 for one in whole)


def test_a_table_without_the_columns_gets_them() -> None:
    table = pa.Table.from_batches([batch_of([stay(0, noon(2025, 2)), stay(1, noon(2025, 3))])])
    kept = [name for name in table.column_names if name not in FILLED and "line" not in name]
    found = follow_year(table.select([n for n in kept if n != "admission_time"]), TERMS)
    assert found[NUMBER].to_pylist() == [1, 2]
    assert found["year_basic"].to_pylist() == [yuan(0), yuan(89040)]
    assert found.schema.field("year_basic").type == pa.decimal128(14, 2)


def test_sums_that_no_column_holds_are_not_known() -> None:
    most = Decimal("999999999999.99")
    stated = {"year_burden": most, "year_basic": yuan(300000)}
    found = followed([stay(0, noon(2025, 2), **stated), stay(1, noon(2025, 3))])
    assert found[1]["year_burden"] is None
    assert found[1]["year_basic"] == yuan(300000)
