"""Factors estimated from cases: exact quotients, thresholds, and a table that can be read back."""

from __future__ import annotations

import csv
import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from auxiliary_support import GROUPS, RandomStays, batch_of, card, case_of, install, moment
from typer.testing import CliRunner

from codebooks.factor_reading import load_tables
from codebooks.factors import Directory
from grouper.cli import estimate_factors
from grouper.cli.estimate_factors import places_of
from grouper.cli.main import app
from grouper.schemes.dip.auxiliary import factors_of, subtypes_of
from grouper.schemes.dip.auxiliary_tables import AuxiliaryTables
from grouper.schemes.dip.estimate import FactorEstimate, settings, write_factors

DAY = moment(date(2025, 6, 1))
RUN = CliRunner()


def stay(cost: str | None, **values: Any) -> dict[str, Any]:
    facts = {"age": 40, "los": 5, "icu_hours": 0.0, "discharge_way": "1", "discharge_time": DAY}
    return {**facts, "total_cost": Decimal(cost) if cost else None, "dx": [], "px": [], **values}


def estimate(cases: list[dict[str, Any]], groups: list[int]) -> FactorEstimate:
    found = FactorEstimate(AuxiliaryTables(card()), GROUPS)
    found.add(batch_of(cases), np.array(groups))
    return found


def rows(found: FactorEstimate, **how: Any) -> dict[tuple[str, str], tuple[Decimal, int]]:
    return {(f.subtype.id, f.group): (f.factor, f.cases) for f in found.factors(**how)}


def test_a_factor_is_the_mean_of_the_subtype_over_that_of_the_group() -> None:
    cases = [stay("1000"), stay("1000"), stay("4000", age=70), stay("2000", age=80)]
    found = rows(estimate(cases, [0, 0, 0, 0]), min_cases=2)
    # The four cost 2000 each in the mean, the two old ones 3000.
    assert found["elderly", "G1"] == (Decimal("1.5000"), 2)
    assert found["mild", "G1"] == found["cci_0", "G1"] == (Decimal("1.0000"), 4)
    assert set(found) == {("elderly", "G1"), ("mild", "G1"), ("cci_0", "G1")}


def test_a_factor_that_rests_on_too_few_cases_is_not_given() -> None:
    found = estimate([stay("1000"), stay("3000", age=70)], [0, 0])
    assert ("elderly", "G1") in rows(found, min_cases=1)
    assert ("elderly", "G1") not in rows(found, min_cases=2)
    assert rows(found) == {}
    assert settings()["min_cases"] == 15


def test_rounding_is_half_up_at_the_stated_places() -> None:
    found = estimate([stay("1"), stay("1"), stay("2", age=70)], [0, 0, 0])
    assert rows(found, min_cases=1)["elderly", "G1"][0] == Decimal("1.5000")
    third = estimate([stay("1"), stay("2", age=70)], [0, 0])
    assert rows(third, min_cases=1, places=6)["elderly", "G1"][0] == Decimal("1.333333")
    half = estimate([stay("79995"), stay("80005", age=70)], [0, 0])
    assert rows(half, min_cases=1, places=4)["elderly", "G1"][0] == Decimal("1.0001")


def test_over_all_groups_costs_are_held_against_the_means_of_the_groups() -> None:
    cases = [stay("100"), stay("300", age=70), stay("1000"), stay("1400", age=70)]
    found = rows(estimate(cases, [0, 0, 1, 1]), min_cases=2, pooled=True)
    # The old ones cost 1700 where their groups' means give 200 + 1200.
    assert found["elderly", ""] == (Decimal("1.2143"), 2)


def test_cases_that_cannot_take_part_are_counted_apart() -> None:
    cases = [stay("1"), stay(None), stay("1", discharge_time=None), stay("1")]
    found = estimate(cases, [-1, 0, 0, 0])
    assert (found.left.group, found.left.cost, found.left.day, found.used) == (1, 1, 1, 1)
    empty = FactorEstimate(AuxiliaryTables(card()), GROUPS)
    empty.add(pa.RecordBatch.from_pylist([{"age": 3}]), np.array([0]))
    assert (empty.left.cost, empty.used) == (1, 0)


def test_costs_of_nothing_give_no_factor() -> None:
    free = estimate([stay("0"), stay("0", age=70)], [0, 0])
    assert rows(free, min_cases=1) == rows(free, min_cases=1, pooled=True) == {}
    # A subtype that costs a thousandfold, or nothing, has no factor that could be written.
    odd = estimate([stay("0", age=70), *[stay("5")] * 3], [0] * 4)
    assert ("elderly", "G1") not in rows(odd, min_cases=1)


def test_the_greatest_costs_do_not_overflow() -> None:
    most = "999999999999.99"
    cases = [stay(most), stay(most, age=70)] * 60_000
    found = rows(estimate(cases[:1000], [0] * 1000), min_cases=1)
    assert found["elderly", "G1"][0] == Decimal("1.0000")
    many = estimate(cases, [0] * len(cases))
    assert rows(many)["elderly", "G1"] == (Decimal("1.0000"), 60_000)


def test_batches_add_up_and_agree_with_a_plain_computation() -> None:
    stays = RandomStays(11)
    cases = stays.cases(600)
    for case in cases:
        case["total_cost"] = Decimal(int(stays.rng.integers(1, 10**6))) / 100
    groups = stays.rng.integers(0, len(GROUPS), len(cases))
    tables = AuxiliaryTables(card())
    found = FactorEstimate(tables, GROUPS)
    batch = batch_of(cases)
    for at in range(0, len(cases), 7):
        part = batch.slice(at, 7)
        found.add(part, groups[at : at + part.num_rows])
    costs: dict[tuple[str, str], list[Decimal]] = {}
    for case, group in zip(cases, groups.tolist(), strict=True):
        if case["discharge_time"] is not None:
            for name in ("", *(s.id for s in subtypes_of(tables, case_of(case)))):
                costs.setdefault((name, GROUPS[group]), []).append(case["total_cost"])
    mean = {key: sum(c) / len(c) for key, c in costs.items()}
    expected = {
        key: (round(mean[key] / mean["", key[1]], 10), len(c))
        for key, c in costs.items()
        if key[0] and len(c) >= 15
    }
    got = rows(found, places=6)
    assert set(got) == set(expected)
    assert len(got) > 20
    for key, (factor, count) in got.items():
        assert count == expected[key][1]
        assert abs(factor - expected[key][0]) <= Decimal("0.0000005")


def test_what_is_written_is_read_back_and_binds(tmp_path: Path) -> None:
    cases = [stay("1000"), stay("1000"), stay("4000", age=70)]
    found = estimate(cases, [0, 0, 0]).factors(min_cases=1)
    path = tmp_path / "factors.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        how: dict[str, Any] = {"region": "henan", "scheme": "", "source": "own, 2025"}
        write_factors(found, file, valid_from=date(2025, 1, 1), valid_to=None, **how)
    install(path.read_text("utf-8"))
    assert len(load_tables().factors) == len(found)
    answer = factors_of(AuxiliaryTables(card()), case_of({"age": 70, "discharge_time": DAY}), "G1")
    assert answer.winner is not None
    assert answer.winner.directory == Directory.AGE
    assert answer.factor == Decimal(2)


def test_places_of_groups() -> None:
    column = pa.array(["G2", None, "KBBZ", "G1"]).dictionary_encode()
    assert places_of(column, GROUPS).tolist() == [1, -1, -1, 0]


SCHEME = "dip-pingdingshan-2025"


def command(tmp_path: Path, *more: str, scheme: str = SCHEME) -> tuple[int, str, Path]:
    source, output = tmp_path / "cases.csv", tmp_path / "factors.csv"
    lines = ["case_id,dx,px,age,los,discharge_way,discharge_time,total_cost"]
    for number in range(20):
        age, cost = (70, 4000) if number % 4 == 0 else (40, 1000)
        lines.append(f"{number},A09.900,,{age},5,1,2025-06-01 10:00:00,{cost}")
    lines.append("20,,,40,5,1,2025-06-01 10:00:00,1000")
    source.write_text("\n".join(lines), "utf-8")
    words = ["codebooks", "estimate-factors", str(source), "-o", str(output)]
    words += ["--scheme", scheme, "--valid-from", "2026-01-01", *more]
    found = RUN.invoke(app, words)
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        return -1, str(found.exception), output
    return found.exit_code, found.output, output


def test_the_command_writes_a_table_of_factors(tmp_path: Path) -> None:
    code, told, output = command(tmp_path, "--min-cases", "5", "--valid-to", "2027-01-01")
    assert code == 0, told
    with output.open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    elderly = next(row for row in table if row["subtype"] == "elderly")
    assert elderly == {
        "region": "pingdingshan",
        "scheme": SCHEME,
        "directory": "age",
        "subtype": "elderly",
        "group": "A09.9",
        "factor": "2.2857",  # 4000 over (5 × 4000 + 15 × 1000) / 20
        "cases": "5",
        "valid_from": "2026-01-01",
        "valid_to": "2027-01-01",
        "source": "由 20 例病例估算，分型至少 5 例",
    }
    assert "未入组 1 例" in told
    install(output.read_text("utf-8"))
    assert load_tables().factors


def test_the_command_says_how_many_cases_it_used(tmp_path: Path) -> None:
    code, told, _ = command(tmp_path, "--min-cases", "5", "--pooled", "--json", "--lang", "en")
    assert code == 0, told
    figures = json.loads(told)
    assert (figures["used"], figures["no_group"], figures["min_cases"]) == (20, 1, 5)
    assert figures["factors"] == 3


def test_the_command_ends_with_one_when_no_factor_rests_on_enough_cases(tmp_path: Path) -> None:
    code, told, output = command(tmp_path, "--min-cases", "500")
    assert code == estimate_factors.EXIT_EMPTY, told
    assert len(output.read_text("utf-8").splitlines()) == 1


def test_the_command_refuses_what_it_cannot_use(tmp_path: Path) -> None:
    assert "FACTOR_FAMILY" in command(tmp_path, scheme="chs-drg-2.0")[1]
    assert "FACTOR_PERIOD" in command(tmp_path, "--valid-to", "2026-01-01")[1]
    assert "REGION_UNKNOWN" in command(tmp_path, "--region", "atlantis")[1]
