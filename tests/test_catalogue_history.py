"""Imports over one another, asked by day: against a plain reading, day by day."""

from __future__ import annotations

import random
import time
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from catalogue_support import DAY, NEXT, SERVICES, WESTERN, drug, mapped, own_data, put, service

from codebooks.catalogues.catalogue import Catalogue, Catalogues, installed
from codebooks.catalogues.diff import difference
from codebooks.catalogues.forms import form
from codebooks.catalogues.history import NEVER, Part, disputes, history
from codebooks.catalogues.overlaps import overlapping
from codebooks.catalogues.reading import schema

__all__ = ["own_data"]
FIRST = date(2026, 1, 1)


def on(rows: pa.Table, number: int) -> set[tuple[str, str]]:
    return {
        (row["code"], row["name"])
        for row in rows.to_pylist()
        if row["since"] <= number < row["until"]
    }


def part(number: int, day: int, rows: list[dict[str, Any]], *, whole: bool = True) -> Part:
    own = form("grey")
    filled = [{name: row.get(name) for name in schema(own).names} for row in rows]
    table = pa.Table.from_pylist(filled, schema=schema(own))
    return Part(number, FIRST + timedelta(days=day), whole, table)


class Plain:
    """What each key says on each day, import by import."""

    def __init__(self, days: range) -> None:
        self.days = days
        self.said: dict[int, dict[str, set[str]]] = {day: {} for day in days}

    def lay(self, one: Part) -> None:
        day = (one.day - FIRST).days
        rows = one.rows.to_pylist()
        keys = {row["code"] for row in rows}
        for at in self.days:
            if at >= day:
                gone = set(self.said[at]) if one.whole else keys
                for key in gone & set(self.said[at]):
                    del self.said[at][key]
        # A row may begin before the import, but never over what was said before of its key.
        last = {
            key: max((at for at in self.days if key in self.said[at]), default=-10_000)
            for key in keys
        }
        for row in rows:
            start = (row["starts"] - FIRST).days if row["starts"] else day
            end = (row["ends"] - FIRST).days if row["ends"] else 10_000
            for at in self.days:
                if max(start, last[row["code"]] + 1) <= at < end:
                    self.said[at].setdefault(row["code"], set()).add(row["name"])


@pytest.mark.parametrize("seed", range(60))
def test_history_is_a_plain_reading_of_the_imports(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 -- a test
    pick = chance.choice
    parts = []
    for number in range(1, chance.randrange(2, 6)):
        rows = []
        for _ in range(chance.randrange(1, 6)):
            start, length = pick([None, None, -5, 3, 8]), pick([None, None, 4, 30])
            starts = FIRST + timedelta(days=start) if start is not None else None
            rows.append(
                {
                    "code": pick("ABC"),
                    "name": pick("xy"),
                    "starts": starts,
                    "ends": (starts or FIRST) + timedelta(days=length) if length else None,
                }
            )
        parts.append(part(number, pick([0, 2, 5, 9]), rows, whole=chance.random() < 0.7))
    days = range(-10, 60)
    plain = Plain(days)
    for one in sorted(parts, key=lambda one: (one.day, one.number)):
        plain.lay(one)
    made = history(form("grey"), parts)
    zero = int(np.datetime64(FIRST, "D").astype(int))
    for day in days:
        wanted = {(key, name) for key, names in plain.said[day].items() for name in names}
        assert on(made, zero + day) == wanted, day
    shuffled = parts[:]
    chance.shuffle(shuffled)
    assert history(form("grey"), shuffled).equals(made)
    told = disputes(form("grey"), made).to_pylist()
    for day in days:
        keys = [key for key, _ in on(made, zero + day)]
        several = {key for key in keys if keys.count(key) > 1}
        said = {r["key"] for r in told if r["since"] <= zero + day < r["until"]}
        assert said == several


def test_a_new_list_closes_what_it_no_longer_has(own_data: Path) -> None:
    put(own_data, "drugs", [drug(WESTERN[0]), drug(WESTERN[1], price="5"), drug(WESTERN[2])])
    made = put(
        own_data,
        "drugs",
        [drug(WESTERN[0]), drug(WESTERN[1], price="6"), drug(WESTERN[3])],
        valid_from=NEXT,
    )
    assert made.report.changes == {"added": 1, "removed": 1, "price": 1}
    one = Catalogue("drugs")
    before, after = NEXT - timedelta(days=1), NEXT
    assert one.on(before)["code"].to_pylist() == WESTERN[:3]
    assert one.on(after)["code"].to_pylist() == [WESTERN[0], WESTERN[1], WESTERN[3]]
    assert one.on(DAY - timedelta(days=1)).num_rows == 0
    old, new = one.entries(WESTERN[1])
    assert (old["price"], old["valid_from"], old["valid_to"]) == (Decimal(5), DAY, NEXT)
    assert (new["price"], new["valid_from"], new["valid_to"]) == (Decimal(6), NEXT, None)
    assert one.entries(WESTERN[1], before) == [old]
    # What stays as it is goes on as one row.
    assert [row["import"] for row in one.entries(WESTERN[0])] == [1]
    assert one.first_day == DAY


def test_an_older_list_that_comes_later_holds_until_the_newer_one(own_data: Path) -> None:
    put(own_data, "drugs", [drug(WESTERN[0], "乙")], valid_from=NEXT)
    put(own_data, "drugs", [drug(WESTERN[0], "甲")])
    one = Catalogue("drugs")
    assert one.on(DAY)["scope"].to_pylist() == ["A"]
    assert one.on(NEXT)["scope"].to_pylist() == ["B"]


def test_changes_alone_leave_the_rest(own_data: Path) -> None:
    put(own_data, "drugs", [drug(WESTERN[0]), drug(WESTERN[1])])
    made = put(own_data, "drugs", [drug(WESTERN[1], "乙")], valid_from=NEXT, whole=False)
    assert made.report.changes == {"scope": 1}
    assert Catalogue("drugs").on(NEXT)["scope"].to_pylist() == ["A", "B"]


def test_the_differences_of_two_states_by_what_they_are() -> None:
    own = form("mapping")

    def table(*rows: dict[str, Any]) -> pa.Table:
        filled = [{name: row.get(name) for name in own.schema.names} for row in rows]
        return pa.Table.from_pylist(filled, schema=own.schema)

    first = {"hospital_code": "H1", "hospital_name": "甲", "code": WESTERN[0], "price": Decimal(1)}
    second = {"hospital_code": "H2", "code": WESTERN[1]}
    found = difference(
        own,
        table(first, second),
        table(first | {"code": WESTERN[2], "price": Decimal(2)}, {"hospital_code": "H3"}),
    )
    assert dict(found.counts) == {"added": 1, "removed": 1, "price": 1, "mapping": 1}
    assert [(c.key, c.sort, c.field) for c in found.changes] == [
        ("H1", "price", "price"),
        ("H1", "mapping", "code"),
        ("H2", "removed", None),
        ("H3", "added", None),
    ]
    assert found.changes[1].old == WESTERN[0]
    assert not difference(own, table(second, first), table(first, second)).changes
    # Of an item that is mapped twice, the order of its rows is no change.
    twice = first | {"code": WESTERN[3]}
    assert not difference(own, table(first, twice), table(twice, first)).changes


@pytest.mark.parametrize("seed", range(40))
def test_every_row_that_shares_a_day_with_an_earlier_other_one_is_named(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 -- a test
    count = chance.randrange(0, 12)
    keys = [chance.choice(["a", "b", None]) for _ in range(count)]
    values = np.array([chance.randrange(3) for _ in range(count)], np.int64)
    since = np.array([chance.randrange(10) for _ in range(count)], np.int64)
    until = since + np.array([chance.randrange(1, 6) for _ in range(count)], np.int64)
    pairs = dict(overlapping(pa.array(keys, pa.string()), values, since, until))

    def clash(at: int, other: int) -> bool:
        return (
            keys[at] is not None
            and keys[at] == keys[other]
            and values[at] != values[other]
            and since[at] < until[other]
            and since[other] < until[at]
        )

    for at, other in pairs.items():
        assert clash(at, other)
    rank = {at: (since[at], values[at], at) for at in range(count)}
    for at in range(count):
        earlier = any(clash(at, other) and rank[other] < rank[at] for other in range(count))
        assert (at in pairs) == earlier


def test_words_and_codes_are_found(own_data: Path) -> None:
    put(own_data, "drugs", [drug(WESTERN[n], name=f"阿某片{'x' * n}") for n in range(4)])
    one = Catalogue("drugs")
    found = one.find(["阿某", "XX"], limit=2)
    assert found["code"].to_pylist() == [WESTERN[2], WESTERN[3]]
    assert one.find([WESTERN[3][-4:]])["code"].to_pylist() == [WESTERN[3]]
    assert one.find(["阿某"], DAY - timedelta(days=1)).num_rows == 0
    put(own_data, "mapping", [mapped("H1", WESTERN[0])])
    rows = Catalogue("mapping").entries(WESTERN[0])
    assert [row["hospital_code"] for row in rows] == ["H1"]
    assert Catalogue("mapping").entries("H1") == rows


def test_ceilings_by_level_and_day(own_data: Path) -> None:
    put(own_data, "services", [service(SERVICES[0], three="30"), service(SERVICES[1], three="")])
    put(own_data, "drugs", [drug(WESTERN[0], price="0.1234"), drug(WESTERN[1], price="")])
    every = Catalogues().ceilings(DAY).to_pylist()
    zero = int(np.datetime64(DAY, "D").astype(int))
    assert {(r["item"], r["level"], r["price"], r["since"], r["until"]) for r in every} == {
        (WESTERN[0], None, Decimal("0.1234"), zero, NEVER),
        (SERVICES[0], "III", Decimal(30), zero, NEVER),
        (SERVICES[0], "II", Decimal(20), zero, NEVER),
        (SERVICES[0], "I", Decimal(10), zero, NEVER),
        (SERVICES[1], "II", Decimal(20), zero, NEVER),
        (SERVICES[1], "I", Decimal(10), zero, NEVER),
    }
    assert Catalogues().ceilings(DAY - timedelta(days=1)).num_rows == 0


def test_without_an_import_nothing_is_at_hand(own_data: Path) -> None:
    assert own_data.is_dir()
    assert not Catalogues()
    one = Catalogue("drugs")
    assert (one.rows().num_rows, one.first_day, one.disputes.num_rows) == (0, None, 0)
    assert one.on(DAY).num_rows == 0
    assert not one.unreadable


@pytest.mark.slow
def test_200_000_drugs_are_imported_within_a_minute(own_data: Path) -> None:
    rows = [drug(f"XA01AAA{n % 1000:03}A{n:012}", price=f"{n % 900 + 1}") for n in range(200_000)]
    begun = time.perf_counter()
    put(own_data, "drugs", rows)
    assert time.perf_counter() - begun < 60
    assert Catalogue("drugs").on(DAY).num_rows == 200_000


def test_the_installed_catalogues_are_read_once_until_one_changes(own_data: Path) -> None:
    assert not installed()
    put(own_data, "drugs", [drug(WESTERN[0])])
    first = installed()
    assert first["drugs"].on(DAY)["code"].to_pylist() == [WESTERN[0]]
    assert installed() is first
    put(own_data, "drugs", [drug(WESTERN[1])], valid_from=NEXT)
    assert installed() is not first
    assert installed()["drugs"].on(NEXT)["code"].to_pylist() == [WESTERN[1]]
