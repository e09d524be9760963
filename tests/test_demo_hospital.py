"""The demonstration hospital gives back its calibration, and its records are what they claim."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from demo_hospital_support import MARCH, PART, hospital, lines_by_case, march, summed

from codebooks.charlson import charlson_variant
from codebooks.codes import code_set
from codebooks.registry import registry
from grouper.case.fields import CASE_SCHEMA
from grouper.demo.hospital.chains import YEAR, Stays, joined
from grouper.demo.hospital.coding import code_stays
from grouper.demo.hospital.frames import CHARGE_SCHEMA
from grouper.demo.hospital.inpatients import inpatients
from grouper.demo.hospital.plan import first_day, month_number
from grouper.demo.hospital.tables import profiles, toml
from grouper.demo.hospital.violations import plant
from grouper.schemes.dip.charlson import OTHER, charlson_index
from grouper.schemes.load import load_scheme

FIRST = month_number("2025-01")
MONTHS = range(FIRST, FIRST + 24)


@pytest.fixture(scope="module")
def stays() -> Stays:
    return joined([hospital().stays(month) for month in MONTHS])


def group_means() -> np.ndarray:
    return np.array([group.mean_cost for group in hospital().world.groups.all])


def test_two_years_have_the_size_that_was_asked_for(stays: Stays) -> None:
    assert len(stays) == pytest.approx(60_000, rel=0.02)


def test_cost_and_stay_give_back_their_moments(stays: Stays) -> None:
    mean, spread = stays.cost.mean(), stays.cost.std() / stays.cost.mean()
    # The lines come to half a per cent more than the draw; the slow test holds the lines.
    assert mean == pytest.approx(5_537 / 1.005, rel=0.015)
    assert spread == pytest.approx(1.26, abs=0.04)
    assert (stays.discharge - stays.admission).mean() == pytest.approx(8.48, abs=0.1)
    groups = hospital().world.groups
    level = stays.cost.mean() / group_means()[stays.group].mean()
    between = (group_means() * level)[stays.group].var() / stays.cost.var()
    assert between == pytest.approx(0.69, abs=0.03)
    log_days = np.log(stays.discharge - stays.admission)
    within = np.log(stays.cost) - groups.log_mean[stays.group]
    days = log_days - np.log(groups.mean_los)[stays.group]
    assert np.corrcoef(within, days)[0, 1] > 0.3


def test_groups_are_drawn_by_their_cases(stays: Stays) -> None:
    cases = np.array([group.cases for group in hospital().world.groups.all], float)
    drawn = np.bincount(stays.group, minlength=len(cases)) / len(stays)
    common = np.argsort(-cases)[:30]
    assert drawn[common] == pytest.approx((cases / cases.sum())[common], rel=0.2)
    book = registry().book("dip-pingdingshan-2025")
    assert cases.sum() > 0.999 * sum(row["cases"] for row in book.rows("groups"))


def test_people_are_as_in_two_cities(stays: Stays) -> None:
    age = np.floor((stays.admission - stays.birth) / YEAR)
    assert age.mean() == pytest.approx(51, abs=0.5)
    assert age.std() == pytest.approx(22.5, abs=0.5)
    assert 0.52 <= stays.female.mean() <= 0.53
    assert 0.0009 <= stays.dead.mean() <= 0.0017


def test_readmissions_and_histories(stays: Stays) -> None:
    person = stays.origin * 1_000_000 + stays.index
    order = np.lexsort((stays.admission, person))
    same = person[order][1:] == person[order][:-1]
    gap = stays.admission[order][1:] - stays.discharge[order][:-1]
    assert (gap[same] >= 1).all()
    whole = stays.discharge[order][:-1] < stays.discharge.max() - 30
    assert 0.054 <= (same & (gap <= 30))[whole].mean() <= 0.068
    years = stays.discharge.astype("datetime64[D]").astype("datetime64[Y]").astype(int)
    later = same & (years[order][1:] == years[order][:-1])
    assert (stays.number[order][1:][later] == stays.number[order][:-1][later] + 1).all()
    new = same & (years[order][1:] != years[order][:-1])
    assert new.any()
    assert (stays.number[order][1:][new] == 1).all()


def test_nobody_comes_back_from_death(stays: Stays) -> None:
    person = stays.origin * 1_000_000 + stays.index
    order = np.lexsort((stays.admission, person))
    same = person[order][1:] == person[order][:-1]
    assert not stays.dead[order][:-1][same].any()


def test_charlson_of_the_other_diagnoses() -> None:
    variant = charlson_variant("quan", "charlson")
    own = hospital().stays(MARCH)
    found = code_stays(hospital().world, own, MARCH)
    points = [charlson_index(variant, dx, OTHER).points for dx in found.dx]
    assert 0.43 <= np.mean(points) <= 0.56


def test_every_unspoiled_stay_falls_into_its_group() -> None:
    spoiled = {one.case_id for one in march().planted}
    world = hospital().world
    wanted = [world.groups.all[at].id for at in hospital().stays(MARCH).group]
    batch = march().inpatient.combine_chunks().to_batches()[0]
    given = load_scheme("dip-pingdingshan-2025").group_batch(batch).column("group").to_pylist()
    ids = batch.column("case_id").to_pylist()
    clean = [w == g for w, g, i in zip(wanted, given, ids, strict=True) if i not in spoiled]
    assert len(clean) > 2_300
    assert np.mean(clean) > 0.99
    assert any(w != g for w, g in zip(wanted, given, strict=True))


def test_visits_and_long_stays_are_grouped() -> None:
    visits = march().outpatient.combine_chunks().to_batches()[0]
    status = load_scheme("apg-grouper-1.0").group_batch(visits).column("status").to_pylist()
    assert status.count("grouped") == len(status)
    spoiled = {one.case_id for one in march().planted}
    long = march().long_stay.combine_chunks().to_batches()[0]
    given = load_scheme("pdpm-jinhua-2021").group_batch(long)
    for case, word in zip(
        long.column("case_id").to_pylist(), given.column("status").to_pylist(), strict=True
    ):
        assert word == ("invalid" if case in spoiled else "grouped")


def test_codes_exist_and_fit_the_person() -> None:
    spoiled = {one.case_id for one in march().planted if one.kind != "missing_discharge_way"}
    diagnoses, procedures = code_set("icd10-nhsa-2.0"), code_set("icd9cm3-nhsa-2.0")
    names = ("case_id", "sex", "age", "dx", "dx_poa", "px", "px_date", "px_level", "admission_time")
    for row in march().inpatient.select(names).to_pylist():
        assert len(row["dx"]) == len(row["dx_poa"])
        assert len(row["px"]) == len(row["px_date"]) == len(row["px_level"])
        if row["case_id"] in spoiled:
            continue
        name = diagnoses.name(row["dx"][0])
        assert all(code in diagnoses.codes for code in row["dx"]), row["dx"]
        assert all(code in procedures.codes for code in row["px"]), row["px"]
        if "妊娠" in name or "子宫" in name:
            assert row["sex"] == 2
        if "前列腺" in name:
            assert row["sex"] == 1
        if row["dx"][0].startswith("P"):
            assert row["age"] == 0
        if row["dx"][0].startswith("O"):
            assert 18 <= row["age"] <= 45


def test_procedures_fit_the_sex(facts: Path) -> None:
    with (facts / "audit" / "procedure_sex.csv").open(encoding="utf-8-sig") as file:
        limits = {
            r["proc_code"]: {"男": 1, "女": 2}.get(r["limit_sex"]) for r in csv.DictReader(file)
        }
    wrong = {
        row["case_id"]
        for row in march().inpatient.select(["case_id", "sex", "px"]).to_pylist()
        for code in row["px"]
        if limits.get(code) and row["sex"] and limits[code] != row["sex"]
    }
    assert wrong == {one.case_id for one in march().planted if one.kind == "procedure_sex"}
    assert wrong


def test_tables_have_the_columns_of_the_contract() -> None:
    for table in (march().inpatient, march().outpatient, march().long_stay):
        assert table.schema == CASE_SCHEMA
    assert march().charges.schema == CHARGE_SCHEMA
    assert march().inpatient.column("line_item").null_count == march().inpatient.num_rows
    for name in ("fund_paid", "patient_paid", "deductible_paid"):
        assert march().inpatient.column(name).null_count == march().inpatient.num_rows


def test_sums_are_exact_to_the_fen() -> None:
    found = {case: summed(lines) for case, lines in lines_by_case().items()}
    differing = {one.case_id for one in march(PART).planted if one.kind == "total_differs"}
    names = [
        "case_id",
        "total_cost",
        "own_cost",
        "over_limit_cost",
        "first_share_cost",
        "scope_cost",
    ]
    rows = (
        march(PART).inpatient.select(names).to_pylist()
        + march(PART).long_stay.select(names).to_pylist()
    )
    assert {row["case_id"] for row in rows} == set(found)
    seen = set()
    for row in rows:
        total, own, above, first = found[row["case_id"]]
        assert [row[n] for n in names[2:5]] == [own, above, first]
        assert row["scope_cost"] == total - own - above - first
        if row["total_cost"] != total:
            assert row["total_cost"] - total == Decimal(120)
            seen.add(row["case_id"])
    assert seen == differing
    assert any(row["over_limit_cost"] for row in rows)


def test_lists_of_visits_add_up() -> None:
    rows = march(PART).outpatient.to_pylist()
    for row in rows:
        assert sum(row["line_amount"]) == row["total_cost"]
        parts = ("scope_cost", "own_cost", "over_limit_cost", "first_share_cost")
        assert sum(row[name] for name in parts) == row["total_cost"]
        assert all(time >= row["admission_time"] for time in row["line_time"])


def test_lines_lie_within_the_stay_and_are_numbered() -> None:
    late = {one.case_id for one in march(PART).planted if one.kind == "after_discharge"}
    bounds = {
        row["case_id"]: row
        for table in (march(PART).inpatient, march(PART).long_stay)
        for row in table.select(["case_id", "admission_time", "discharge_time", "los"]).to_pylist()
    }
    outside = set()
    for case, lines in lines_by_case().items():
        own = bounds[case]
        assert [line["line"] for line in lines] == list(range(1, len(lines) + 1))
        assert lines == sorted(lines, key=lambda line: line["line_time"])
        if (
            not own["admission_time"]
            <= lines[0]["line_time"]
            <= lines[-1]["line_time"]
            <= own["discharge_time"]
        ):
            outside.add(case)
        beds = sum(line["line_class"] == "01" for line in lines)
        assert beds == own["los"]
    assert outside == late


def test_structure_of_surgical_stays_is_the_published_one() -> None:
    world = hospital().world
    kinds = world.groups.kind[hospital().stays(MARCH).group]
    ids = march().inpatient.column("case_id").to_pylist()
    surgical = {i for i, kind in zip(ids, kinds, strict=True) if kind == 2}
    lines = march().charges.select(["case_id", "line_class", "line_amount"]).to_pydict()
    spent: Counter[str] = Counter()
    for case, kind, amount in zip(*lines.values(), strict=True):
        if case in surgical:
            spent[kind] += amount
    share = {kind: float(amount / spent.total()) for kind, amount in spent.items()}
    assert share["08"] == pytest.approx(0.28, abs=0.04)
    assert share["05"] + share["06"] == pytest.approx(0.24, abs=0.04)
    assert share["09"] == pytest.approx(0.18, abs=0.04)
    assert share["03"] + share["04"] == pytest.approx(0.16, abs=0.04)
    assert share["01"] + share["02"] + share["07"] == pytest.approx(0.10, abs=0.04)


def test_every_kind_is_planted_as_often_as_the_table_says() -> None:
    table = toml("planted.toml")
    counts = Counter(one.kind for one in march().planted)
    wanted: Counter[str] = Counter()
    for name in ("lines", "thinned", "coded", "faults", "visits"):
        for row in table[name]:
            wanted[row["kind"]] += row["per_month"]
    assert {kind: counts[kind] for kind in wanted} == dict(wanted)
    assert counts["split_admission"] >= 1
    violations = {one.kind for one in march().planted if one.sort == "violation"}
    assert len(violations) >= 20
    codes = {one.rule for one in march().planted}
    assert "" not in codes


def test_planted_rules_are_known(facts: Path) -> None:
    with (facts / "audit" / "rules.csv").open(encoding="utf-8-sig") as file:
        known = {row["rule_code"] for row in csv.DictReader(file)}
    assert {one.rule for one in march().planted} <= known


def test_planted_lines_are_the_ones_named() -> None:
    lines = lines_by_case()
    for one in march(PART).planted:
        if one.sort != "violation" or not one.lines or one.case_id.startswith("MZ"):
            continue
        own = [lines[one.case_id][number - 1] for number in one.lines]
        assert sum(abs(line["line_amount"]) for line in own) * 100 == one.amount
        if one.kind == "over_frequency":
            assert own[0]["line_item"] == "001102000050000"
        if one.kind == "drug_course":
            assert len(own) == 3


Knowledge = tuple[dict[str, set[str]], set[str], dict[str, int]]


@pytest.fixture(scope="module")
def knowledge(facts: Path) -> Knowledge:
    """Pairs of items that exclude each other on a day, daily items, and days between repeats."""

    def table(name: str) -> list[dict[str, str]]:
        with (facts / "audit" / f"{name}.csv").open(encoding="utf-8-sig") as file:
            return list(csv.DictReader(file))

    pairs = defaultdict(set)
    for row in table("duplicate_charge_pairs"):
        pairs[row["code_a"]].add(row["code_b"])
    daily = {r["项目编码"] for r in table("frequency_limits") if r["数量单位"] in ("日", "天")}
    return pairs, daily, {row["项目代码"]: int(row["疗程周期"]) for row in table("cycle_limits")}


def audited(lines: list[dict[str, Any]], knowledge: Knowledge) -> set[str]:
    """What a plain audit of one stay's lines finds."""
    pairs, daily, cycles = knowledge
    found = set()
    days: dict[Any, Counter[str]] = defaultdict(Counter)
    for line in lines:
        days[line["line_time"].date()][line["line_item"]] += line["line_quantity"]
    for day, items in days.items():
        if any(items[code] > 1 for code in daily):
            found.add("over_frequency")
        if any(pairs[code] & items.keys() for code in items if code in pairs):
            found.add("duplicate")
        for code, length in cycles.items():
            before = [day - timedelta(days=n) for n in range(1, length)]
            if items[code] and any(code in days.get(at, ()) for at in before):
                found.add("over_cycle")
    return found


def test_an_audit_finds_what_is_planted_and_nothing_else(knowledge: Knowledge) -> None:
    found = {
        (kind, case)
        for case, lines in lines_by_case().items()
        for kind in audited(lines, knowledge)
    }
    names = {
        "over_frequency": "over_frequency",
        "over_cycle": "over_cycle",
        "duplicate_charge": "duplicate",
        "duplicate_test": "duplicate",
    }
    planted = {(names[p.kind], p.case_id) for p in march(PART).planted if p.kind in names}
    assert found == planted
    assert len({kind for kind, _ in planted}) == 3


def test_hanging_stays_have_days_without_care() -> None:
    lines = lines_by_case()
    hanging = [one for one in march(PART).planted if one.kind == "hanging_bed"]
    assert hanging
    for one in hanging:
        days: dict[Any, set[str]] = defaultdict(set)
        for line in lines[one.case_id]:
            days[line["line_time"].date()].add(line["line_class"])
        idle = [classes for classes in list(days.values())[2:] if classes <= {"01", "02", "07"}]
        assert len(idle) >= 5


def test_visits_within_stays_are_planted() -> None:
    inside = [one for one in march().planted if one.kind == "visit_in_stay"]
    stays = {row["person"]: row for row in march().inpatient.to_pylist()}
    visits = {row["case_id"]: row for row in march().outpatient.to_pylist()}
    for one in inside:
        visit = visits[one.case_id]
        stay = stays[visit["person"]]
        assert stay["admission_time"] < visit["admission_time"] < stay["discharge_time"]
        assert stay["case_id"] in one.text


def test_week_and_season_have_their_rhythm(stays: Stays) -> None:
    weekday = np.bincount((stays.discharge + 3) % 7, minlength=7)
    assert weekday[6] < weekday[:5].min()
    airways = np.array([g.diagnosis.startswith("J1") for g in hospital().world.groups.all])[
        stays.group
    ]
    month = stays.discharge.astype("datetime64[D]").astype("datetime64[M]").astype(int) % 12
    share = np.bincount(month[airways], minlength=12) / np.bincount(month, minlength=12)
    assert share[0] > 1.5 * share[6]
    first = stays.discharge < first_day(month_number("2026-01"))
    assert first.sum() < (~first).sum()
    assert stays.cost[~first].mean() > stays.cost[first].mean()


def test_dialysis_comes_in_series() -> None:
    visits = march().outpatient.select(["person", "visit_type", "dx", "px"]).to_pylist()
    own = Counter(v["person"] for v in visits if v["dx"][:1] == ["N18.500"])
    assert len(own) > 30
    assert min(own.values()) >= 12
    assert {v["visit_type"] for v in visits if v["dx"][:1] == ["N18.500"]} == {"14"}


def test_special_kinds_of_stays_are_there() -> None:
    rows = march().inpatient.to_pylist()
    kinds = Counter(row["visit_type"] for row in rows)
    assert kinds["28"] > 5
    assert kinds["26"] > 10
    for row in rows:
        if row["visit_type"] == "28":
            assert row["los"] == 1
            assert row["admission_time"].date() == row["discharge_time"].date()
        assert (row["pathway"] is not None) == (row["visit_type"] == "26")
    assert Counter(row["aid_category"] for row in rows).keys() == {None, "低保", "特困"}
    assert 0.01 < np.mean([row["insured_region"] is not None for row in rows]) < 0.06
    assert any(row["icu_hours"] for row in rows)
    assert all(row["icu_hours"] <= row["los"] * 24 for row in rows if row["icu_hours"])
    assert all(row["birth_weight_g"] is None for row in rows if (row["age"] or 0) > 0)


def test_persons_keep_what_is_theirs() -> None:
    rows = [
        row
        for month in (MARCH, MARCH + 1)
        for row in (march() if month == MARCH else hospital().month(month)).inpatient.to_pylist()
    ]
    persons: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        persons[row["person"]].append(row)
    again = [own for own in persons.values() if len(own) > 1]
    assert len(again) > 100
    for own in again:
        assert len({row["sex"] for row in own} - {None}) == 1
        assert len({row["birth_date"] for row in own} - {None}) == 1


def test_profiles_take_every_group() -> None:
    assert profiles()[-1].prefixes == ("",)
    assert {p.id for p in profiles()} >= {"newborn", "pregnancy", "men", "women"}
    assert all(group.recipes for group in hospital().world.groups.all)


@pytest.mark.slow
def test_the_lines_of_two_years_give_back_the_moments() -> None:
    costs, days, counts = [], [], Counter[str]()
    for month in MONTHS:
        tables = hospital().month(month)
        costs.append(np.array(tables.inpatient.column("total_cost").to_pylist(), float))
        days.append(np.array(tables.inpatient.column("los").to_pylist()))
        for name in ("inpatient", "outpatient", "long_stay"):
            counts[name] += getattr(tables, name).num_rows
    cost = np.concatenate(costs)
    assert cost.mean() == pytest.approx(5_537, rel=0.01)
    assert cost.std() / cost.mean() == pytest.approx(1.26, abs=0.04)
    assert np.concatenate(days).mean() == pytest.approx(8.48, abs=0.1)
    assert counts["inpatient"] == pytest.approx(60_000, rel=0.02)
    assert counts["outpatient"] == pytest.approx(400_000, rel=0.02)
    assert counts["long_stay"] == pytest.approx(300, rel=0.1)


def test_a_need_that_nobody_knows_is_refused() -> None:
    from grouper.demo.hospital.charges import charge  # noqa: PLC0415
    from grouper.demo.hospital.errors import HospitalError  # noqa: PLC0415
    from grouper.demo.hospital.planting import Field  # noqa: PLC0415

    world = hospital().world
    own = inpatients(world, MARCH, hospital().stays(MARCH))
    field = Field(world, own, charge(world, own))
    with pytest.raises(HospitalError, match="DEMO_HOSPITAL_TABLE"):
        field.fitting({"height": 3})
    plant(field)
    assert len(field.numbered()) > 100
