"""Random conditions of own rules, and random worlds as the plain reading of them takes them."""

from __future__ import annotations

import random
from collections import defaultdict
from decimal import Decimal
from typing import Any

from audit_plain import after_refunds
from audit_support import HERBS, ITEMS, START, World

from codebooks.audit.expression import Type
from codebooks.audit.own_rules import APPLIES, OwnRow, own_facts, read_own
from codebooks.errors import CodebookError
from grouper.audit.own.one import Hit, OneLine, OneStay, hits
from grouper.case.dates import EPOCH, LOCAL

HOSTILE = ("') OR 1=1 --", "'; DROP TABLE found; --", "\\'", "{lines}", "$rule", "%", "内科' 甲")
WORDS = {
    "item": (*ITEMS[:4], HERBS[0]),
    "class": ("1", "2", "7", "9"),
    "scope": ("A", "B", "C"),
    "department": ("01", "02", "D"),
    "physician": ("D1", "D2"),
    "kind": ("inpatient", "outpatient"),
    "place": ("inpatient", "outpatient", "emergency"),
    "insurance_type": ("310", "390"),
    "hospital": ("H1",),
    "hospital_level": ("I", "II"),
    "visit_type": ("11", "21"),
    "case_department": ("D", "E"),
    "discharge_way": ("1", "2"),
    "items": (*ITEMS[:6], *HERBS),
    "day_items": ITEMS,
}
CODES = {
    "principal": ("J18", "I63.900", "C30-C39", "i6"),
    "dx": ("J18", "C34.9", "I60-I69", "j"),
    "px": ("47", "47.01", "40-49"),
}
NUMBERS = {"sex": (1, 2), "hour": (8, 9), "sum_amount": (10, "33.33"), "amount": (10, "3.33")}
FREE = ("department", "physician", "hospital", "case_department", "item", "items", "day_items")


def some_condition(chance: random.Random, applies: str) -> str:
    """A random condition that is of the form."""
    while True:
        text = " and ".join(_one(chance, 2) for _ in range(chance.randrange(1, 4)))
        try:
            read_own(text, applies)
        except CodebookError as error:
            if error.code not in {"AUDIT_OWN_MIXED", "AUDIT_OWN_APPLIES"}:
                raise
        else:
            return text


def _one(chance: random.Random, depth: int) -> str:
    roll = chance.random()
    if depth and roll < 0.15:
        return f"not {_one(chance, depth - 1)}"
    if depth and roll < 0.3:
        word = chance.choice(("and", "or"))
        return f"({_one(chance, depth - 1)} {word} {_one(chance, depth - 1)})"
    return _test(chance)


def _test(chance: random.Random) -> str:
    fact = chance.choice(list(own_facts().values()))
    if chance.random() < 0.1:
        return f"{chance.choice(('missing', 'present'))} {fact.name}"
    if fact.type in {Type.NUMBER, Type.DATE}:
        return _ordered(chance, fact.name, fact.type)
    if fact.type.coded:
        items = ", ".join(chance.sample(CODES[fact.name], chance.randrange(1, 3)))
        one = fact.type is Type.CODE
        return f"{fact.name} in [{items}]" if one else _list(chance, fact.name, f"in [{items}]")
    return _word(chance, fact.name, many=fact.type.many)


def _ordered(chance: random.Random, fact: str, kind: Type) -> str:
    op = chance.choice(("=", "!=", "<", "<=", ">", ">="))
    if kind is Type.DATE:
        literals, others = [f"2025-01-0{n}" for n in range(1, 9)], ("admission", "discharge")
    else:
        literals = [str(one) for one in NUMBERS.get(fact, (0, 1, 2, "2.5", 3, 14))]
        others = ("age", "los", "count_lines", "quantity", "diagnoses")
    return f"{fact} {op} {chance.choice(others if chance.random() < 0.15 else literals)}"


def _word(chance: random.Random, fact: str, *, many: bool) -> str:
    pool = [f'"{one}"' for one in WORDS[fact]]
    if fact in FREE and chance.random() < 0.2:
        pool += [f'"{one}"' for one in HOSTILE]
    how = chance.choice(("in", "in", "starts", "has"))
    few = chance.sample(pool, min(len(pool), chance.randrange(1, 4)))
    if how != "in":
        few = [one[: max(3, len(one) // 2)].rstrip('"') + '"' for one in few]
    asked = f"{how} [{', '.join(few)}]"
    if many:
        return _list(chance, fact, asked)
    roll = chance.random()
    if roll < 0.2:
        return f"{fact} {chance.choice(('=', '!='))} {chance.choice(pool)}"
    return "department = case_department" if roll < 0.25 else f"{fact} {asked}"


def _list(chance: random.Random, fact: str, asked: str) -> str:
    measure = chance.choice(("any", "any", "all", "count", "kinds"))
    if measure in {"any", "all"}:
        return f"{measure} {fact} {asked}"
    return f"{measure} {fact} {asked} {chance.choice(('>', '<', '='))} {chance.randrange(3)}"


def some_rows(seed: int, count: int) -> list[dict[str, Any]]:
    """Rows of the table ``own``, each with its rule."""
    chance = random.Random(seed)  # noqa: S311 -- a test
    rows = []
    for number in range(count):
        applies = chance.choice(APPLIES)
        rows.append(
            {
                "row": f"H{number}/1",
                "rule": f"H{number}",
                "applies": applies,
                "condition": some_condition(chance, applies),
                "zh": "不应如此",
                "en": "should not be",
                "valid_from": chance.choice((START, START, START.replace(day=4))),
                "valid_to": chance.choice((None, None, START.replace(day=6))),
            }
        )
    return rows


def plain(made: World, rows: list[OwnRow], levels: dict[str, str]) -> set[tuple[Any, ...]]:
    """What the plain reading finds: rule, case and all of a hit but what the engine makes of it."""
    stand, _ = after_refunds(made.lines)
    whole, left = defaultdict(int), defaultdict(list)
    for line in made.lines:
        whole[line.case_id] += 1
    for line in stand:
        left[line.case_id].append(_line(line))
    found = set()
    for one in made.people:
        case = one["case_id"]
        stay = stay_of(one, levels, charged=bool(whole[case]))
        known = stated(stay, [line for line in made.lines if line.case_id == case])
        for row in rows:
            if all(own_facts()[fact].field in known for fact in row.condition.facts):
                found |= {(row.rule, case, *told(hit)) for hit in hits(row, stay, left[case])}
    return found


def stated(stay: OneStay, lines: list[Any]) -> set[str | None]:
    """The fields that a case or one of its lines states; None: what no fact can leave out."""
    found: set[str | None] = {None, ""}
    asked = {
        "sex": stay.numbers["sex"],
        "age": stay.numbers["age_days"],
        "insurance_type": stay.words["insurance_type"],
        "hospital_level": stay.words["hospital_level"],
        "dx": stay.words["principal"],
        "admission_time": stay.first_day,
        "total_cost": stay.numbers["total"],
    }
    found |= {name for name, value in asked.items() if value is not None}
    for line in lines:
        of_line = {
            "line_item": line.item,
            "line_time": line.time,
            "line_quantity": line.quantity,
            "line_class": line.kind,
            "line_scope": line.scope,
        }
        found |= {name for name, value in of_line.items() if value is not None}
    return found


def told(hit: Hit) -> tuple[Any, ...]:
    """A hit to be compared."""
    lines = tuple(line.line for line in hit.lines)
    return (
        lines,
        hit.items,
        *(hit.day, hit.observed, hit.allowed, hit.unit, hit.amount, hit.evidence),
    )


def _line(line: Any) -> OneLine:
    second = None
    if line.time is not None:
        local = line.time.astimezone(LOCAL).replace(tzinfo=None)
        second = (local.date() - EPOCH).days * 86_400 + local.hour * 3_600 + local.second
        second += local.minute * 60
    return OneLine(
        line=line.line,
        item=line.item,
        kind=int(line.kind),
        scope=line.scope,
        quantity=int(line.quantity * 10_000),
        amount=int(line.amount * 100),
        second=second,
        department=line.department,
        physician="D1",
    )


def stay_of(one: dict[str, Any], levels: dict[str, str], *, charged: bool) -> OneStay:
    """A case of a world as the plain reading takes it."""
    outside = one["kind"] == "outpatient"
    age, days = one["age"], one["age_days"]
    if days is None and age:
        days = age * 365
    return OneStay(
        first_day=_day(one["admission_time"]),
        last_day=_day(one["discharge_time"]),
        department=one.get("department"),
        physician=one.get("physician"),
        words={
            "kind": one["kind"],
            "place": "outpatient" if outside else "inpatient",
            "visit_type": one.get("visit_type"),
            "insurance_type": one["insurance_type"],
            "hospital": "H1",
            "hospital_level": levels.get("H1"),
            "case_department": one.get("department"),
            "discharge_way": one.get("discharge_way"),
            "principal": one["dx"][0] if one["dx"] else None,
        },
        numbers={
            "sex": one["sex"],
            "age": age,
            "age_days": days,
            "total": Decimal(one["total_cost"]),
            "diagnoses": len(one["dx"]),
            "procedures": len(one["px"]),
        },
        dx=tuple(one["dx"]),
        px=tuple(one["px"]),
        charged=charged,
    )


def _day(time: Any) -> int:
    return (time.astimezone(LOCAL).date() - EPOCH).days
