"""Shares by department and month: against a plain reading, their limits, and the command."""

from __future__ import annotations

import csv
import json
import random
from collections import defaultdict
from dataclasses import replace
from decimal import Decimal
from math import sqrt
from pathlib import Path
from statistics import mean
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
from audit_support import Line, at, book, cases, charges, rule
from typer.testing import CliRunner

from codebooks.audit.books import AuditBook, audit_book
from codebooks.messages import text
from grouper.audit.errors import AuditError
from grouper.audit.monitors.charts import FEW_CASES, FEW_MONTHS, Month, judged
from grouper.audit.monitors.measures import Asked, measures
from grouper.audit.monitors.monitor import MONITOR_SCHEMA, Monitored, monitor
from grouper.cli.audit_monitors import monitors_command

RULES = tuple(sorted({one.rule for one in measures()}))
CLASSES = {"drugs": {9, 10, 11}, "tests": {3, 4}, "materials": {8}, "treatment": {5}}
STARTS = {"ct": "002103", "mri": "002102"}


def small_book(
    least_months: int = 2, least_cases: int = 1, *, without: tuple[str, ...] = ()
) -> AuditBook:
    values = {
        "deviations": "3",
        "least_months": str(least_months),
        "least_cases": str(least_cases),
        "heavy_fold": "1.5",
    }
    rows = [
        {"rule": key, "parameter": name, "value": Decimal(value), "unit": "times"}
        for key in RULES
        for name, value in values.items()
        if name not in without
    ]
    return book({"behaviour": rows}, [rule(key, "monitor") for key in RULES])


def world(seed: int) -> tuple[list[dict[str, Any]], list[Line], dict[str, int]]:
    """Cases of half a year in two departments."""
    chance = random.Random(seed)  # noqa: S311 -- a test
    pick = chance.choice
    people: list[dict[str, Any]] = []
    lines: list[Line] = []
    for number in range(70):
        day = chance.randrange(1, 175)
        key = f"C{number}"
        people.append(
            {
                "case_id": key,
                "kind": pick(["inpatient", "inpatient", "outpatient", "long_stay"]),
                "department": pick(["01", "02", "02", None]),
                "admission_time": at(day, 1),
                "discharge_time": pick([at(day + 3), at(day + 30), None]),
                "discharge_way": pick(["1", "1", "2", None]),
            }
        )
        for line in range(1, chance.randrange(1, 8)):
            quantity = Decimal(pick([1, 2, 3, -1]))
            lines.append(
                Line(
                    key,
                    line,
                    pick(["002103000010000", "002102000010000", "003300000000000", None]),
                    at(day),
                    quantity,
                    quantity * Decimal(pick(["10.00", "3.33"])),
                    pick(["A", "B", "C", None]),
                    pick(["03", "05", "08", "09", "10", "01", None]),
                )
            )
    means = {one["case_id"]: chance.randrange(100, 9000) for one in people if chance.random() < 0.8}
    return people, lines, means


def costs(means: dict[str, int]) -> pa.Table:
    return pa.table({"case_id": list(means), "mean": pa.array(list(means.values()), pa.int64())})


def run(
    people: list[dict[str, Any]], lines: list[Line], means: dict[str, int], **options: Any
) -> Monitored:
    small = options.pop("book", small_book())
    return monitor(cases(people), charges(lines), small, costs=costs(means), **options)


def plainly(
    people: list[dict[str, Any]], lines: list[Line], means: dict[str, int]
) -> dict[tuple[str, str, str, str], tuple[int, float | None]]:
    """The value of each measure, kind, department and month, by plain sums."""
    own = defaultdict(list)
    for line in lines:
        own[line.case_id].append(line)
    average = mean(means.values())
    counts: dict[Any, list[float]] = defaultdict(lambda: [0, 0.0, 0.0])
    for one in people:
        if one["department"] is None or one["kind"] == "long_stay":
            continue
        end = one["discharge_time"] or one["admission_time"]
        month = f"{end:%Y-%m}"
        whole = float(sum(line.amount for line in own[one["case_id"]]))
        parts: dict[str, tuple[float, float]] = {}
        for name, classes in CLASSES.items():
            part = sum(o.amount for o in own[one["case_id"]] if o.kind and int(o.kind) in classes)
            parts[name] = (float(part), whole)
        for name, start in STARTS.items():
            part = sum(o.amount for o in own[one["case_id"]] if (o.item or "").startswith(start))
            parts[name] = (float(part), whole)
        if one["kind"] == "inpatient":
            part = sum(o.amount for o in own[one["case_id"]] if o.scope == "C")
            parts["own_pay"] = (float(part), whole)
            parts["severe"] = (float(means.get(one["case_id"], 0) >= 1.5 * average), 1)
            parts["transfers"] = (float(one["discharge_way"] in {"2", "3"}), 1)
        for name, (value, base) in parts.items():
            counts[name, one["kind"], one["department"], month][0] += 1
            counts[name, one["kind"], one["department"], month][1] += value
            counts[name, one["kind"], one["department"], month][2] += base
    return {
        key: (int(n), part / base if base > 1e-9 else None)
        for key, (n, part, base) in counts.items()
    }


@pytest.mark.parametrize("seed", range(4))
def test_the_shares_are_those_of_a_plain_reading(seed: int) -> None:
    people, lines, means = world(seed)
    found = run(people, lines, means)
    assert found.table.schema == MONITOR_SCHEMA
    assert found.not_run == ()
    told = {
        (row["measure"], row["kind"], row["department"], row["month"]): (row["n"], row["value"])
        for row in found.table.to_pylist()
    }
    wanted = plainly(people, lines, means)
    assert set(told) == set(wanted)
    for key, (n, value) in wanted.items():
        assert told[key][0] == n
        if value is None:
            assert told[key][1] is None
        else:
            assert float(told[key][1]) == pytest.approx(value, abs=1e-6)
    lacking = sum(one["department"] is None for one in people)
    assert found.counts["cases_without_department"] == lacking
    assert found.counts["cases"] == len(people)


@pytest.mark.parametrize("seed", range(2))
def test_order_portions_and_later_months_change_nothing(seed: int) -> None:
    people, lines, means = world(seed)
    first = run(people, lines, means).table
    chance = random.Random(seed)  # noqa: S311 -- a test
    chance.shuffle(people)
    chance.shuffle(lines)
    assert run(people, lines, means, portion_lines=5).table.equals(first)
    rules = frozenset(RULES) - {"LOC-REFUSE"}
    some = run(people, lines, means, rules=rules, until="2025-04").table.to_pylist()
    wanted = [
        row
        for row in first.to_pylist()
        if row["month"] <= "2025-04" and row["rule"] != "LOC-REFUSE"
    ]
    assert some == wanted
    assert {row["month"] for row in wanted} >= {"2025-03", "2025-04"}


def asked(name: str, least_months: int = 3, least_cases: int = 5) -> Asked:
    found = next(one for one in measures() if one.name == name)
    return Asked(found, Decimal(3), least_months, least_cases, Decimal(0))


def test_the_limits_of_a_share_of_cost() -> None:
    shares = [300, 320, 310, 330, 500, 310]
    months = [Month(f"2025-0{n}", 50, part, 1000) for n, part in enumerate(shares, 1)]
    found = judged(months, asked("drugs"))
    assert [point.reason for point in found] == [FEW_MONTHS] * 3 + [None] * 3
    ranges = mean([0.02, 0.01])
    assert float(found[3].centre or 0) == pytest.approx(0.31)
    assert float(found[3].upper or 0) == pytest.approx(0.31 + 3 * ranges / 1.128, abs=1e-6)
    assert float(found[3].lower or 0) == pytest.approx(0.31 - 3 * ranges / 1.128, abs=1e-6)
    assert [point.flag for point in found] == [None, None, None, None, "above", None]
    # Of drugs nothing is said on the other side; of treatment it is.
    low = [*months[:4], Month("2025-05", 50, 100, 1000)]
    assert judged(low, asked("drugs"))[-1].flag is None
    assert judged(low, asked("treatment"))[-1].flag == "below"


def test_the_limits_of_a_share_of_cases() -> None:
    months = [Month(f"2025-0{n}", 100, part, 100) for n, part in enumerate((20, 22, 18), 1)]
    sigma = sqrt(0.2 * 0.8 / 100)
    for part, flag in ((7, "below"), (8, None), (33, None)):
        last = judged([*months, Month("2025-04", 100, part, 100)], asked("severe"))[-1]
        assert last.flag == flag
        assert float(last.lower or 0) == pytest.approx(0.2 - 3 * sigma, abs=1e-6)
    last = judged([*months, Month("2025-04", 100, 33, 100)], asked("transfers"))[-1]
    assert last.flag == "above"
    # Fewer cases, wider limits.
    assert judged([*months, Month("2025-04", 9, 3, 9)], asked("transfers"))[-1].flag is None


def test_a_month_of_few_cases_is_not_judged_and_no_reference() -> None:
    months = [Month(f"2025-0{n}", 50, 300 + n, 1000) for n in range(1, 4)]
    odd = Month("2025-04", 4, 900, 1000)
    after = Month("2025-05", 50, 302, 1000)
    found = judged([*months, odd, after], asked("drugs"))
    assert found[3].reason == FEW_CASES
    assert found[3].flag is None
    assert found[4].centre == judged([*months, after], asked("drugs"))[-1].centre
    assert judged([Month("2025-01", 9, 0, 0)], asked("drugs"))[0].value is None


def test_what_cannot_be_asked_is_told() -> None:
    people, lines, means = world(1)
    other = [replace(line, item="003300000000000", kind=None) for line in lines]
    told = {(one.template, one.reason) for one in run(people, other, {}).not_run}
    assert told == {
        *(("ct", "NO_ITEMS"), ("mri", "NO_ITEMS"), ("severe", "FIELDS")),
        *((name, "FIELDS") for name in CLASSES),
    }
    without = run(people, lines, means, book=small_book(without=("least_months",)))
    assert {one.reason for one in without.not_run} == {"PARAMETERS"}
    assert without.table.num_rows == 0
    small = small_book()
    quiet = {key: replace(one, moments=("order",)) for key, one in small.rules.items()}
    later = run(people, lines, means, book=replace(small, rules=quiet))
    assert {one.reason for one in later.not_run} == {"MOMENT"}
    assert run(people, lines, means, rules=frozenset({"LOC-DUPLINE"})).table.num_rows == 0
    assert monitor(cases(people), None, small_book()).table.num_rows > 0


def test_the_shipped_book_has_the_thresholds() -> None:
    people, lines, means = world(1)
    found = run(people, lines, means, book=audit_book())
    assert found.not_run == ()
    assert {one.rule for one in measures()} == {row["rule"] for row in found.table.to_pylist()}


def hospital(folder: Path) -> Path:
    """Half a year of a department whose drugs leap in the last month."""
    people, lines = [], []
    for month in range(8):
        for number in range(25):
            key = f"C{month}-{number}"
            day = 1 + 31 * month + number % 20
            people.append(
                {
                    "case_id": key,
                    "person": key,
                    "department": "03",
                    "admission_time": at(day, 0),
                    "discharge_time": at(day, 20),
                }
            )
            drug = Decimal(90 if month == 7 else 30 + (month + number) % 3)
            lines += [
                Line(key, 1, "XA0000000000001", at(day), amount=drug),
                Line(key, 2, "002103000010000", at(day), amount=Decimal(70), kind="03"),
            ]
    for name, table in (("inpatient", cases(people)), ("charges", charges(lines))):
        (folder / name).mkdir(parents=True)
        pq.write_table(table, folder / name / "all.parquet")
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hospital(tmp_path_factory.mktemp("monitored"))


def command(*words: str) -> tuple[int, str, BaseException | None]:
    app = typer.Typer()
    app.command()(monitors_command)
    found = CliRunner().invoke(app, list(words))
    return found.exit_code, found.stdout, found.exception


def test_the_command_tells_what_leaps(folder: Path, tmp_path: Path) -> None:
    status, said, _ = command(str(folder), "-o", str(tmp_path / "m.csv"), "--lang", "zh")
    assert status == 0
    assert text("audit_monitor.drugs", "zh") in said
    assert text("audit_monitor_words.advice", "zh") in said
    with (tmp_path / "m.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    flagged = {(row["measure"], row["month"]) for row in rows if row["flag"]}
    assert flagged == {("drugs", "2025-08")}
    assert len(rows) == 8 * len({row["measure"] for row in rows})
    earlier, said, _ = command("2025-07", str(folder), "--lang", "en")
    assert earlier == 0
    assert text("audit_monitor_words.advice", "en") not in said
    assert text("audit_monitor.mri", "en") in said


def test_the_command_gives_json(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "m.parquet"
    words = ("2025-08", str(folder), "--rule", "ZB10000205001000", "--format", "json")
    status, said, _ = command(*words, "-o", str(target))
    assert status == 0
    told = json.loads(said)
    assert [row["department"] for row in told["flagged"]] == ["03"]
    assert told["flagged"][0]["value"] == "0.562500"
    assert pq.read_table(target).num_rows == 8
    assert told["counts"]["cases"] == 200


def test_the_command_refuses_what_it_cannot_use(folder: Path, tmp_path: Path) -> None:
    for words, code in (
        ((str(folder), "--rule", "NONE"), "AUDIT_UNKNOWN_RULE"),
        ((str(folder), "-o", str(tmp_path / "m.doc")), "AUDIT_OUTPUT"),
        (("2025-03",), "AUDIT_NO_CASES"),
    ):
        status, _, error = command(*words)
        assert status == 1
        assert isinstance(error, AuditError)
        assert error.code == code
