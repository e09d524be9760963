"""Weights out of a hospital's own visits: by hand, by their laws, and by the command."""

from __future__ import annotations

import csv
import json
import tomllib
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from apg_small import COLD, LENS, LID, PRESSURE, SKIN, STOMACH, rows, small_book, weight
from apg_visits import RandomVisits, batch_of
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from test_apg_rules import Line, visit
from typer.testing import CliRunner

from codebooks import paths
from codebooks.apg.importer import import_apg
from codebooks.importers.options import ImportOptions
from codebooks.registry import reload
from grouper.case.record import Case
from grouper.cli.main import app
from grouper.schemes.apg.estimate import WeightEstimate, WeightRow, fewest_cases
from grouper.schemes.apg.scheme import ApgScheme

D = Decimal
DEFAULT = "apg-grouper-1.0"
VISITS = Path(__file__).resolve().parents[1] / "grouper" / "demo" / "visits.jsonl"
MRI = "002102000010000"


@cache
def small() -> ApgScheme:
    return ApgScheme(small_book())


def estimated(*cases: Case) -> WeightEstimate:
    found = WeightEstimate(small())
    found.add(batch_of(list(cases)))
    return found


def by_group(estimate: WeightEstimate, min_cases: int = 1) -> dict[str, WeightRow]:
    return {row.group: row for row in estimate.weights(min_cases)}


def test_a_group_weighs_its_mean_over_the_mean_visit() -> None:
    # Two colds of 60 and 100, one pressure of 240: means 80, 240 and 133.33 a visit.
    found = estimated(
        visit(Line(None, "02", "20"), Line(None, "09", "40"), dx=(COLD,)),
        visit(Line(None, "09", "100"), dx=(COLD,)),
        visit(Line(None, "04", "240"), dx=(PRESSURE,)),
    )
    rows_ = by_group(found)
    assert (found.visits, found.cost) == (3, 40_000)
    assert rows_["COLD"] == WeightRow("COLD", D("0.600000"), 2, D("80.00"), "own")
    assert rows_["HEART"] == WeightRow("HEART", D("1.800000"), 1, D("240.00"), "own")


def test_what_is_paid_apart_goes_to_its_own_group() -> None:
    found = estimated(visit(Line(None, "02", "20"), Line(MRI, "03", "480"), dx=(COLD,)))
    rows_ = by_group(found)
    assert (rows_["COLD"].mean_cost, rows_["MRI"].mean_cost) == (D("20.00"), D("480.00"))


def test_what_is_inside_goes_to_the_procedures_by_their_shares() -> None:
    # GUT pays one share and SKIN half of one: 300 makes 200 for each full share.
    found = estimated(visit(Line(None, "06", "300"), dx=(COLD,), px=(STOMACH, SKIN)))
    rows_ = by_group(found)
    assert rows_["GUT"] == WeightRow("GUT", D("0.666667"), 1, D("200.00"), "own")
    assert (rows_["SKIN"].mean_cost, rows_["SKIN"].cases) == (D("200.00"), 1)


def test_a_consolidated_line_is_inside() -> None:
    scheme = ApgScheme(small_book({"procedure_lines": "always"}))
    found = WeightEstimate(scheme)
    found.add(batch_of([visit(Line(None, "06", "300"), Line(None, "06", "200"), dx=(COLD,))]))
    assert by_group(found)["OPLINE"].mean_cost == D("500.00")


def test_a_visit_without_lines_counts_with_its_total() -> None:
    found = estimated(
        Case(kind="outpatient", dx=(COLD,), total_cost=D("120.50")),
        Case(kind="outpatient", dx=(COLD,)),
        Case(kind="outpatient", dx=(COLD,), total_cost=D(0)),
        visit(Line(None, "09", "0"), dx=(COLD,)),
        visit(Line(None, "09", None), dx=(COLD,)),
        Case(kind="outpatient"),
    )
    assert (found.visits, found.costless, found.refused) == (1, 4, 1)
    assert by_group(found)["COLD"].mean_cost == D("120.50")


def test_refunds_and_unpaid_lines_do_not_count() -> None:
    found = estimated(
        visit(
            Line(None, "09", "100"),
            Line("A", "04", "60"),
            Line("A", "04", "-20", "-1"),
            Line("NEVER", "04", "7"),
            Line("Q", "99", "5"),
            dx=(COLD,),
        )
    )
    assert by_group(found)["COLD"].mean_cost == D("140.00")
    assert (found.cost, found.unpaid) == (14_000, 1_200)


def test_where_nothing_carries_what_is_inside_goes_to_what_pays_most() -> None:
    found = estimated(visit(Line(None, "07", "30"), Line(MRI, "03", "480"), Line(None, "04", "20")))
    rows_ = by_group(found)
    assert (rows_["MRI"].mean_cost, rows_["LAB"].mean_cost) == (D("510.00"), D("20.00"))


def test_few_cases_are_drawn_to_the_mean_of_their_type() -> None:
    cases = [visit(Line(None, "09", "100"), dx=(COLD,)) for _ in range(9)]
    cases.append(visit(Line(None, "09", "300"), dx=(PRESSURE,)))
    rows_ = by_group(estimated(*cases), 5)
    # The type's mean is 120 and so is the mean visit; HEART: (1 × 300 + 4 × 120) / 5 = 156.
    assert (rows_["COLD"].method, rows_["COLD"].weight) == ("own", D("0.833333"))
    assert (rows_["HEART"].method, rows_["HEART"].weight) == ("shrunk", D("1.300000"))
    assert (rows_["HEART"].cases, rows_["HEART"].mean_cost) == (1, D("300.00"))


def test_groups_without_cases_take_their_types_mean_or_keep_their_weight() -> None:
    rows_ = by_group(estimated(visit(Line(None, "09", "100"), px=(STOMACH,), dx=(COLD,))))
    assert (rows_["LENS"].method, rows_["LENS"].weight) == ("type", D("1.000000"))
    assert (rows_["MRI"].method, rows_["MRI"].weight) == ("kept", D("2.500000"))
    assert rows_["MRI"].mean_cost is None


def test_without_a_visit_there_are_no_weights() -> None:
    assert estimated(Case(kind="outpatient")).weights() == []


COST = st.decimals(1, 5000, places=2).map(str)
VISIT = st.builds(
    lambda lines, dx, px: visit(*lines, dx=dx, px=px),
    st.lists(
        st.builds(Line, st.sampled_from([None, MRI]), st.sampled_from(["02", "04", "09"]), COST),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from([(COLD,), (PRESSURE,), ()]),
    st.sampled_from([(), (STOMACH,), (LENS, SKIN), (LID,)]),
)


@settings(max_examples=examples(40), deadline=None)
@given(st.lists(VISIT, min_size=1, max_size=12))
def test_the_weights_of_all_visits_add_up_to_their_number(cases: list[Case]) -> None:
    estimate = estimated(*cases)
    found = by_group(estimate)
    used = 0
    total = D(0)
    for case in cases:
        answer = small().answer(case)
        if not any(part.share for part in answer.parts):
            continue
        used += 1
        for part in answer.parts:
            if part.share is not None and part.group is not None:
                total += part.share * found[part.group.code].weight
    assert estimate.visits == used
    # Each weight is rounded to six places.
    assert abs(total - used) <= D("0.00001") * (len(cases) + 1) * 10


@settings(max_examples=examples(25), deadline=None)
@given(st.lists(VISIT, min_size=2, max_size=10), st.integers(1, 9))
def test_batches_do_not_matter(cases: list[Case], cut: int) -> None:
    parted = WeightEstimate(small())
    for part in (cases[:cut], cases[cut:]):
        parted.add(batch_of(part))
    assert parted.weights(3) == estimated(*cases).weights(3)


def test_all_costs_arrive_whatever_the_visits_are() -> None:
    estimate = WeightEstimate(small())
    estimate.add(batch_of(RandomVisits(small().compiled, 4, dx=[COLD], px=[LENS, LID]).visits(800)))
    assert estimate.visits > 200
    assert int(estimate._cost.sum()) == estimate.cost


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    reload()
    yield
    reload()


def cli(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["codebooks", "estimate-weights", *words])
    return done.exit_code, done.output + (str(done.exception) if done.exception else "")


def test_the_command_writes_weights_that_the_import_takes(tmp_path: Path) -> None:
    output = tmp_path / "weights.csv"
    status, told = cli(str(VISITS), "-o", str(output), "--valid-from", "2027-01-01")
    assert status == 0, told
    assert "232" in told
    with output.open(encoding="utf-8-sig", newline="") as file:
        written = list(csv.DictReader(file))
    assert len(written) == 481
    assert {row["valid_from"] for row in written} == {"2027-01-01"}
    assert all(row["source"] for row in written)
    options = ImportOptions(id="own-apg", region="jinhua", valid_from=date(2027, 1, 1))
    book = import_apg(output, options, DEFAULT).book
    assert book is not None
    assert len(book.rows("weights")) == 2 * 481


def test_the_command_tells_its_figures_as_json(tmp_path: Path) -> None:
    words = ["--valid-from", "2027-01-01", "--valid-to", "2028-01-01", "--min-cases", "5"]
    status, told = cli(str(VISITS), "-o", str(tmp_path / "w.csv"), *words, "--json")
    assert status == 0, told
    figures: dict[str, Any] = json.loads(told)
    assert figures["visits"] + figures["refused"] + figures["costless"] == 240
    assert sum(figures[m] for m in ("own", "shrunk", "type", "kept")) == 481


def test_the_command_refuses_what_it_cannot_use(tmp_path: Path) -> None:
    output = tmp_path / "w.csv"
    status, told = cli(str(VISITS), "-o", str(output), "--scheme", "chs-drg-3.0")
    assert (status != 0, "APG_FAMILY" in told) == (True, True)
    status, told = cli(str(VISITS), "-o", str(output), "--valid-to", "2027-01-01")
    assert "APG_PERIOD" in told
    empty = tmp_path / "none.jsonl"
    empty.write_text('{"kind": "门诊"}\nno record\n', "utf-8")
    status, told = cli(str(empty), "-o", str(output))
    assert (status, output.exists()) == (1, False)


def test_the_method_of_each_weight_stands_beside_it(tmp_path: Path) -> None:
    output = tmp_path / "weights.csv"
    cli(str(VISITS), "-o", str(output), "--min-cases", "10")
    text = output.read_text("utf-8-sig")
    assert all(word in text for word in ("例数不足", "用同类型均值", "沿用原权重"))
    assert rows()["weights"][0] == weight("LENS", "6")


def test_the_usual_number_of_cases_is_data() -> None:
    shipped = tomllib.loads((paths.shipped() / "apg" / "estimate.toml").read_text("utf-8"))
    assert fewest_cases() == shipped["min_cases"]
    assert shipped["source"]
