"""The template ``catalogue``: examples, and a plain reading on random catalogues and lines."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest
from audit_support import Line, book, cases, charges, rule
from catalogue_support import (
    MATERIALS,
    PATENT,
    SERVICES,
    WESTERN,
    Row,
    drug,
    mapped,
    own_data,
    put,
    service,
)

from codebooks.audit.books import audit_book
from codebooks.catalogues.catalogue import Catalogue, Catalogues
from codebooks.catalogues.forms import common
from grouper.audit.catalogue import said_of
from grouper.audit.engine import Context, audit
from grouper.audit.planning import FIELDS
from grouper.audit.words import lines as words
from grouper.audit.words import not_run_words
from grouper.case.dates import LOCAL

__all__ = ["own_data"]
RULE = "LOC-CATALOG"
FIRST = date(2026, 1, 1)
SMALL = book({}, [rule(RULE)])
LISTED = ("drugs", "services", "materials")


def moment(day: int) -> datetime:
    return datetime(2026, 1, 1, 9, tzinfo=LOCAL) + timedelta(days=day)


def line(item: str | None, day: int | None = 0, **more: Any) -> Line:
    return Line(
        more.get("case", "C0"),
        more.get("number", 1),
        item,
        None if day is None else moment(day),
        Decimal(more.get("quantity", "1")),
        Decimal(more.get("amount", "10.00")),
        more.get("scope", "A"),
    )


def run(made: list[Line], **context: Any) -> list[dict[str, Any]]:
    people = [{"case_id": one, "person": "P"} for one in sorted({one.case_id for one in made})]
    options = {"catalogue": Catalogues(), **context}
    found = audit(cases(people), charges(made), SMALL, context=Context(**options))
    return found.findings.to_pylist()


def wrong(found: list[dict[str, Any]]) -> list[tuple[str, str, list[int]]]:
    told = []
    for row in found:
        evidence = {one["key"]: one["value"] for one in row["evidence"]}
        told.append((evidence["wrong"], row["level"], row["lines"]))
    return sorted(told)


def test_an_item_in_force_is_not_told_and_one_that_is_not_listed_is(own_data: Path) -> None:
    put(own_data, "drugs", [drug(WESTERN[0])])
    found = run([line(WESTERN[0]), line(WESTERN[1], number=2), line(WESTERN[1], 1, number=3)])
    assert wrong(found) == [("unknown", "violation", [2, 3])]
    assert found[0]["amount"] == Decimal("20.00")
    assert found[0]["day"] == FIRST


def test_days_before_the_catalogue_s_first_are_not_judged(own_data: Path) -> None:
    put(own_data, "drugs", [drug(WESTERN[0])], valid_from=date(2026, 1, 5))
    assert not run([line(WESTERN[1], 3)])
    assert wrong(run([line(WESTERN[1], 4)])) == [("unknown", "violation", [1])]


def test_what_the_patient_pays_alone_is_told_only_when_grey(own_data: Path) -> None:
    put(own_data, "drugs", [drug(WESTERN[0], "自费")])
    put(own_data, "grey", [[WESTERN[2], "", "停产", "2026-01-03", "2026-01-05"]])
    made = [line(WESTERN[1], scope="C"), line(WESTERN[0], scope="C", number=2)]
    assert not run(made)
    grey = [line(WESTERN[2], day, scope="C", number=day + 1) for day in range(5)]
    assert wrong(run(grey)) == [("grey", "violation", [3, 4])]


def test_a_row_that_ended_and_one_to_come(own_data: Path) -> None:
    rows = [
        drug(WESTERN[0], start="2025-01-01", end="2026-01-03"),
        drug(WESTERN[1], start="2026-01-03"),
    ]
    put(own_data, "drugs", rows)
    made = [line(WESTERN[n], day, number=2 * day + n + 1) for n in (0, 1) for day in range(4)]
    assert wrong(run(made)) == [
        ("not_in_force", "violation", [2, 4]),
        ("not_in_force", "violation", [5, 7]),
    ]


def test_a_class_better_than_the_catalogue_s_and_one_that_is_worse(own_data: Path) -> None:
    put(own_data, "drugs", [drug(WESTERN[0], "乙")])
    made = [line(WESTERN[0], scope=s, number=n) for n, s in enumerate("ABC", 1)]
    assert wrong(run(made)) == [("scope", "verify", [3]), ("scope", "violation", [1])]


def test_without_a_class_nobody_knows_who_pays(own_data: Path) -> None:
    put(own_data, "drugs", [drug(WESTERN[0])])
    assert wrong(run([line(WESTERN[1], scope=None)])) == [("unknown", "verify", [1])]
    assert not run([line(WESTERN[0], scope=None)])


def test_the_mapping_its_days_and_its_prices(own_data: Path) -> None:
    rows = [
        mapped("H1", WESTERN[0], price="10"),
        mapped("H2", WESTERN[0], price="12.5"),
        mapped("H3", WESTERN[1], end="2026-01-03", start="2025-01-01"),
    ]
    put(own_data, "mapping", rows)
    made = [
        line(WESTERN[0], amount="25.00", quantity="2"),
        line(WESTERN[0], amount="25.01", quantity="2", number=2),
        line(WESTERN[1], 1, number=3),
        line(WESTERN[1], 2, number=4),
        line(WESTERN[2], number=5),
    ]
    found = run(made)
    assert wrong(found) == [
        ("mapping_out", "violation", [4]),
        ("own_price", "violation", [2]),
        ("unmapped", "violation", [5]),
    ]
    price = next(row for row in found if row["unit"] == "yuan")
    assert (price["observed"], price["allowed"]) == (Decimal("25.01"), Decimal(25))
    assert price["amount"] == Decimal("0.01")


def test_what_is_disputed_is_not_judged(own_data: Path) -> None:
    put(own_data, "drugs", [drug(WESTERN[0], "甲"), drug(WESTERN[0], "乙")])
    rows = [mapped("H1", WESTERN[0], price="1"), mapped("H1", WESTERN[1], price="1")]
    put(own_data, "mapping", rows)
    assert not run([line(WESTERN[0], scope="A"), line(WESTERN[0], scope="B", number=2)])


def test_a_row_that_could_not_be_read_blames_nobody(own_data: Path) -> None:
    put(own_data, "drugs", [drug(WESTERN[0]), drug(WESTERN[1], "戊")])
    assert not run([line(WESTERN[1])])
    assert Catalogue("drugs").unreadable == {WESTERN[1]}


def test_codes_whose_catalogue_is_not_at_hand_are_not_judged(own_data: Path) -> None:
    put(own_data, "drugs", [drug(WESTERN[0])])
    assert not run([line(PATENT[0]), line(SERVICES[0], number=2), line("H0815", number=3)])


def test_a_code_of_no_form_is_to_verify_when_all_catalogues_are_at_hand(own_data: Path) -> None:
    put(own_data, "drugs", [drug(WESTERN[0])])
    put(own_data, "services", [service(SERVICES[0])])
    assert not run([line("H0815")])
    put(own_data, "materials", [[MATERIALS[0], "料", "", ""]])
    assert wrong(run([line("H0815")])) == [("no_form", "verify", [1])]


def test_a_longer_code_is_found_under_its_beginning(own_data: Path) -> None:
    put(own_data, "services", [service(SERVICES[0], "乙")])
    put(own_data, "materials", [[MATERIALS[0][:20], "料", "", ""]])
    made = [
        line(f"{SERVICES[0]}-110100001"),
        line(f"{SERVICES[1]}-1", number=2),
        line(MATERIALS[1], number=3),
        line(f"C{'9' * 26}", number=4),
    ]
    assert wrong(run(made)) == [
        ("scope", "violation", [1]),
        ("unknown", "violation", [2]),
        ("unknown", "violation", [4]),
    ]


def test_refunds_cancel_first(own_data: Path) -> None:
    put(own_data, "drugs", [drug(WESTERN[0])])
    made = [line(WESTERN[1]), line(WESTERN[1], number=2, quantity="-1", amount="-10.00")]
    assert not run(made)


def test_without_a_catalogue_the_rule_is_told_as_not_run(own_data: Path) -> None:
    assert own_data.is_dir()
    made = [line(WESTERN[0])]
    for catalogue in (None, Catalogues()):
        context = Context(catalogue=catalogue)
        found = audit(cases([{"case_id": "C0"}]), charges(made), SMALL, context=context)
        assert not found.findings.num_rows
        (absent,) = found.not_run
        assert (absent.rule, absent.reason, absent.missing) == (RULE, FIELDS, ("catalogue",))
        assert "catalogue" in not_run_words(absent, SMALL, "en")


def test_the_shipped_rule_runs_and_its_finding_has_words(own_data: Path) -> None:
    put(own_data, "drugs", [drug(WESTERN[0], "乙")])
    shipped = audit_book()
    context = Context(catalogue=Catalogues(), rules=frozenset({RULE}))
    found = audit(cases([{"case_id": "C0"}]), charges([line(WESTERN[0])]), shipped, context=context)
    assert not found.not_run
    (row,) = found.findings.to_pylist()
    chinese, english = ("\n".join(words(row, shipped, lang)) for lang in ("zh", "en"))
    assert "上传的类别与目录不符" in chinese
    assert "class of the catalogue B" in english


class World:
    """Random catalogues, as rows of files, and what they say on a day."""

    def __init__(self, seed: int) -> None:
        chance = self.chance = random.Random(seed)  # noqa: S311 -- a test
        pick = chance.choice

        def days() -> dict[str, str]:
            start, length = pick([None, -9, 2, 5]), pick([None, None, 3, 20])
            told = {}
            if start is not None:
                told["start"] = (FIRST + timedelta(days=start)).isoformat()
            if length is not None:
                told["end"] = (FIRST + timedelta(days=(start or 0) + length)).isoformat()
            return told

        self.items = [*WESTERN[:4], PATENT[0], *SERVICES[:3], f"{SERVICES[0]}-7", "H0815"]
        self.rows: dict[str, list[Row]] = {
            "drugs": [drug(WESTERN[0])]
            + [drug(pick([*WESTERN[:4], PATENT[0]]), pick("甲乙丙"), **days()) for _ in range(5)],
            "services": [service(pick(SERVICES[:3]), pick("甲乙丙"), **days()) for _ in range(3)],
            "materials": [[MATERIALS[0], "料", "", ""]],
            "grey": [[pick(WESTERN[:4]), "", "", *self._grey(days())] for _ in range(2)],
            "mapping": [
                mapped(pick("UVWXY"), pick(self.items[:-1]), price=pick(["9", "10.005"]), **days())
                for _ in range(7)
            ],
        }
        self.first = {kind: pick([0, 0, 3]) for kind in self.rows}
        if chance.random() < 0.5:
            del self.rows[pick(list(self.rows))]
        self.lines = [
            line(
                pick([*self.items, None]),
                pick([*range(9), None]),
                case=pick(["C0", "C1"]),
                number=number,
                scope=pick(["A", "B", "C", None]),
                quantity=pick(["1", "2", "0.5"]),
                amount=pick(["10.00", "20.01", "5.00", "20.00"]),
            )
            for number in range(1, 60)
        ]

    def _grey(self, days: dict[str, str]) -> list[str]:
        return [days.get("start", ""), days.get("end", "")]

    def put(self, folder: Path) -> None:
        for kind, rows in self.rows.items():
            put(folder, kind, rows, valid_from=FIRST + timedelta(days=self.first[kind]))


class Plain:
    """The rows of the files read line by line."""

    def __init__(self, made: World) -> None:
        self.made = made
        self.kept: dict[str, list[dict[str, Any]]] = defaultdict(list)
        columns = {"drugs": (0, 2, None), "services": (0, 2, None), "materials": (0, None, None)}
        columns |= {"grey": (0, None, None), "mapping": (3, None, 5)}
        for kind, rows in made.rows.items():
            code, scope, price = columns[kind]
            for row in rows:
                start, end = (row[-2], row[-1]) if kind != "materials" else ("", "")
                begin = date.fromisoformat(str(start)) if start else self._first(kind)
                until = date.fromisoformat(str(end)) if end else date.max
                if begin >= until:
                    continue
                if kind == "grey" and not start:
                    begin = self._first(kind)
                entry = {
                    "key": row[0],
                    "code": row[code],
                    "scope": {"甲": "A", "乙": "B", "丙": "C"}[str(row[scope])] if scope else None,
                    "price": Decimal(str(row[price])) if price else None,
                    "begin": begin,
                    "until": until,
                }
                if entry not in self.kept[kind]:
                    self.kept[kind].append(entry)

    def _first(self, kind: str) -> date:
        return FIRST + timedelta(days=self.made.first[kind])

    def _of(self, kind: str, item: str) -> list[dict[str, Any]]:
        rows = [row for row in self.kept[kind] if row["code"] == item]
        short = item.split("-", maxsplit=1)[0]
        return rows or [row for row in self.kept[kind] if row["code"] == short]

    def _covered(self, kind: str, item: str) -> bool:
        forms = {self._form(row["code"]) for row in self.kept[kind]}
        return bool({self._form(item), self._form(item.split("-", maxsplit=1)[0])} & forms)

    @staticmethod
    def _form(code: str) -> str | None:
        found = common().form_of(code)
        return found.name if found else None

    def all(self) -> set[tuple[Any, ...]]:
        found: dict[tuple[Any, ...], list[Line]] = defaultdict(list)
        for one in self.made.lines:
            if one.item is None or one.time is None:
                continue
            for why, level, more in self._judged(one, one.time.date()):
                found[(one.case_id, one.item, why, level, *more)].append(one)
        return {
            (key[0], key[1], key[2], key[3], tuple(sorted(one.line for one in lines)))
            for key, lines in found.items()
        }

    def _judged(self, one: Line, day: date) -> list[tuple[str, str, tuple[Any, ...]]]:
        assert one.item is not None
        told: list[tuple[str, str, tuple[Any, ...]]] = []
        sent = "verify" if one.scope is None else "violation"

        def gap(kind: str, why: tuple[str, str]) -> None:
            rows = self._of(kind, one.item or "")
            started = kind in self.made.rows and day >= self._first(kind)
            if started and self._covered(kind, one.item or "") and not self._holding(rows, day):
                later = max([row["until"] for row in rows if row["until"] <= day], default=None)
                told.append((why[bool(rows)], sent, (later,)))

        form = common().form_of(one.item)
        if self._holding(self._of("grey", one.item), day):
            told.append(("grey", sent, ()))
        if form is None:
            first = max(self._first(kind) for kind in LISTED)
            if all(kind in self.made.rows for kind in LISTED) and day >= first and one.scope != "C":
                told.append(("no_form", "verify", ()))
            return told
        if one.scope != "C":
            gap(form.catalogue, ("unknown", "not_in_force"))
            gap("mapping", ("unmapped", "mapping_out"))
        return told + self._dearer(one, day) + self._classed(one, day, form.catalogue)

    def _holding(self, rows: list[dict[str, Any]], day: date) -> list[dict[str, Any]]:
        return [row for row in rows if row["begin"] <= day < row["until"]]

    def _classed(self, one: Line, day: date, kind: str) -> list[tuple[str, str, tuple[Any, ...]]]:
        scopes = {row["scope"] for row in self._holding(self._of(kind, str(one.item)), day)}
        if len(scopes) != 1 or not one.scope or None in scopes or one.scope in scopes:
            return []
        (listed,) = scopes
        level = "verify" if one.scope > str(listed) else "violation"
        return [("scope", level, (one.scope, listed))]

    def _dearer(self, one: Line, day: date) -> list[tuple[str, str, tuple[Any, ...]]]:
        assert one.quantity is not None
        assert one.amount is not None
        rows = self._holding(self._of("mapping", str(one.item)), day)
        # Rows that say the same of one day are one.
        every = self._holding(self.kept["mapping"], day)
        said = [key for key, _, _ in {(row["key"], row["code"], row["price"]) for row in every}]
        if not rows or any(said.count(row["key"]) > 1 for row in rows):
            return []
        price = max(row["price"] for row in rows)
        most = (price * one.quantity).quantize(Decimal("0.01"), ROUND_HALF_UP)
        return [("own_price", "violation", (price,))] if one.amount > most else []


@pytest.mark.parametrize(
    "seed", [*range(8), *(pytest.param(n, marks=pytest.mark.slow) for n in range(8, 150))]
)
def test_the_template_answers_as_a_plain_reading(own_data: Path, seed: int) -> None:
    made = World(seed)
    made.put(own_data)
    found = {
        (
            row["case_id"],
            row["items"][0],
            next(e["value"] for e in row["evidence"] if e["key"] == "wrong"),
            row["level"],
            tuple(row["lines"]),
        )
        for row in run(made.lines)
    }
    wanted = Plain(made).all()
    assert sorted(found - wanted) == []
    assert sorted(wanted - found) == []


def test_neither_order_nor_portions_change_a_finding(own_data: Path) -> None:
    made = World(4)
    made.put(own_data)
    first = run(made.lines)
    assert first
    mixed = made.lines[:]
    made.chance.shuffle(mixed)
    people = [{"case_id": one, "person": "P"} for one in ("C1", "C0")]
    context = Context(catalogue=Catalogues())
    for size in (1, 7):
        again = audit(cases(people), charges(mixed), SMALL, context=context, portion_lines=size)
        assert again.findings.to_pylist() == first
    ids = [row["finding"] for row in first]
    assert len(set(ids)) == len(ids)


def test_one_item_asked_alone_is_answered_as_among_many(own_data: Path) -> None:
    made = World(7)
    made.put(own_data)
    known = Catalogues()
    together = said_of(known, made.items)
    assert together == [said_of(known, [item])[0] for item in made.items]
    assert any(one.gaps for one in together)
    assert any(one.scopes for one in together)
