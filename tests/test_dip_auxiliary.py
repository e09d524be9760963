"""Auxiliary directories: triggers, factors, gaps, scores."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from auxiliary_support import (
    DAY,
    GROUPS,
    HEADER,
    TRIGGERS,
    RandomStays,
    ask,
    batch_of,
    card,
    case_of,
    example,
    install,
    moment,
)
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from codebooks.errors import GrouperError
from codebooks.factors import SCALE, Directory
from codebooks.messages import LANGUAGES
from codebooks.registry import registry
from grouper.schemes.dip.auxiliary import NEEDS, cc_level, factors_of, part_rows, parts_of
from grouper.schemes.dip.auxiliary_batch import AuxiliaryBatch
from grouper.schemes.dip.auxiliary_tables import AuxiliaryTables
from grouper.schemes.dip.scheme import DipScheme
from grouper.schemes.dip.score import (
    YearOfCosts,
    adjusted,
    adjusted_scaled,
    group_score,
    weighted_mean,
)
from grouper.schemes.reasons import Reason


def met(tables: AuxiliaryTables, **values: Any) -> set[str]:
    return {f"{f.directory}.{f.subtype.id}" for f in ask(tables, **values).found}


def test_no_region_has_shipped_factors_so_every_factor_is_one() -> None:
    tables = AuxiliaryTables(card())
    assert not tables.active
    assert ask(tables, age=90).factor == 1
    columns = AuxiliaryBatch(tables, GROUPS)(batch_of([{"age": 90}]), np.array([0]))
    assert (columns.factor.tolist(), columns.winner.tolist()) == ([SCALE], [-1])


@pytest.mark.parametrize(
    ("values", "subtype"),
    [
        ({"age": 0, "age_days": 0}, "age.newborn"),
        ({"age": 0, "age_days": 28}, "age.newborn"),
        ({"age": 0, "age_days": 29}, "age.infant"),
        ({"age": 0, "age_days": 365}, "age.infant"),
        ({"age": 1}, "age.preschool"),
        ({"age": 6}, "age.preschool"),
        ({"age": 7}, "age.child"),
        ({"age": 17}, "age.child"),
        ({"age": 18}, None),
        ({"age": 64}, None),
        ({"age": 65}, "age.elderly"),
        ({"icu_hours": 47.9}, None),
        ({"icu_hours": 48.0}, "icu.icu_2_7"),
        ({"icu_hours": 191.9}, "icu.icu_2_7"),
        ({"icu_hours": 192.0}, "icu.icu_8_14"),
        ({"icu_hours": 360.0}, "icu.icu_15_30"),
        ({"icu_hours": 743.0}, "icu.icu_15_30"),
        ({"icu_hours": 744.0}, "icu.icu_31"),
    ],
)
def test_bands_of_age_and_intensive_care(values: dict[str, Any], subtype: str | None) -> None:
    found = {s for s in met(example(), **values) if s.startswith(("age", "icu"))}
    assert found == ({subtype} if subtype else set())


@pytest.mark.parametrize(
    ("dx", "los", "way", "subtype"),
    [
        (["K35.800"], 5, "1", "mild"),
        (["K35.800", "J96.000"], 5, "1", "severe"),
        (["K35.800", "J96.000"], 2, "1", "mild"),
        (["K35.800", "J96.000"], 5, "5", "death"),
        (["J96.000", "J96.000"], 5, "1", "mild"),
    ],
)
def test_severity_by_complication_stay_and_death(
    dx: list[str], los: int, way: str, subtype: str
) -> None:
    tables = example()
    found = {s for s in met(tables, dx=dx, los=los, discharge_way=way) if s.startswith("severity")}
    assert found == {f"severity.{subtype}"}


def test_a_complication_that_the_principal_excludes_does_not_count() -> None:
    stays = RandomStays(1)
    levels, excluded = set(), 0
    for principal in stays.principals[:400:8]:
        for other in stays.cc[:300:30]:
            level, _ = cc_level("chs-drg-2.0", case_of({"dx": [principal, other]}))
            alone, _ = cc_level("chs-drg-2.0", case_of({"dx": ["Z00.000", other]}))
            levels.add(alone)
            excluded += level != alone
            assert level in {alone, "none"}
    assert levels == {"CC", "MCC"}
    assert excluded > 0


@pytest.mark.parametrize(
    ("values", "subtypes"),
    [
        ({"dx": ["C34.900", "C78.700"]}, {"metastasis"}),
        ({"dx": ["C34.900"], "px": ["92.2400"]}, {"radiotherapy"}),
        ({"dx": ["I10.x00"], "px": ["92.2400"]}, set()),
        ({"dx": ["Z51.000"]}, {"radiotherapy"}),
        ({"dx": ["Z51.103", "C34.900"]}, {"chemotherapy"}),
        ({"dx": ["C34.900", "Z51.103"]}, set()),
        ({"dx": ["C34.900"], "px": ["99.2503"]}, {"chemotherapy"}),
        ({"dx": ["C97.x00"], "discharge_way": "5"}, {"tumour_death"}),
        ({"dx": ["D48.000"], "discharge_way": "5"}, set()),
    ],
)
def test_tumour_by_codes(values: dict[str, Any], subtypes: set[str]) -> None:
    found = {s for s in met(example(), **values) if s.startswith("tumour")}
    assert found == {f"tumour.{s}" for s in subtypes}


def test_the_highest_factor_wins_and_all_that_were_met_are_told() -> None:
    found = ask(example(), age=70, icu_hours=200.0, dx=["K35.800", "E11.900"])
    assert [(f.directory, f.subtype.id, f.factor) for f in found.found] == [
        (Directory.AGE, "elderly", Decimal("1.12")),
        (Directory.SEVERITY, "mild", Decimal("0.85")),
        (Directory.CHARLSON, "cci_1_2", Decimal("1.06")),
        (Directory.ICU, "icu_8_14", Decimal("2.2")),
    ]
    assert found.factor == Decimal("2.2")
    assert found.gaps == ()


def test_the_factor_of_the_group_goes_before_that_of_all_groups() -> None:
    tables, values = example(), {"dx": ["K35.800", "J96.000"]}
    assert ask(tables, "G1", **values).factor == Decimal("2.25")
    assert ask(tables, "G2", **values).factor == Decimal("1.6")
    # A subtype without a factor for the group is met and changes nothing.
    found = ask(tables, "G1", icu_hours=800.0, dx=["K35.800"])
    assert [f.factor for f in found.found if f.directory == Directory.ICU] == [None]
    assert found.factor == Decimal("0.85")


def test_the_day_of_discharge_decides_which_factor_holds() -> None:
    tables = example()
    days = [date(2024, 12, 31), date(2025, 12, 31), date(2026, 1, 1)]
    factors = [ask(tables, age=70, los=None, discharge_time=moment(day)).factor for day in days]
    assert factors == [Decimal(1), Decimal("1.12"), Decimal("1.2")]


@pytest.mark.parametrize(
    ("values", "gaps"),
    [
        ({"age": None}, {Reason.AGE_MISSING, Reason.AGE_DAYS_MISSING}),
        ({"age": 0}, {Reason.AGE_DAYS_MISSING}),
        ({"icu_hours": None}, {Reason.ICU_HOURS_MISSING}),
        ({"los": None, "dx": ["K35.800", "J96.000"]}, {Reason.LOS_MISSING}),
        ({"los": None}, set()),  # without a complication the stay is beside the point
        ({"discharge_way": None}, {Reason.DISCHARGE_WAY_MISSING}),
        ({"discharge_time": None}, {Reason.SCHEME_DATE_MISSING}),
        # What is missing could not beat the factor that wins.
        ({"age": 0, "icu_hours": 400.0}, set()),
        ({"age": None, "icu_hours": 400.0}, set()),
    ],
)
def test_a_missing_value_is_a_gap_where_a_factor_could_depend_on_it(
    values: dict[str, Any], gaps: set[Reason]
) -> None:
    assert set(ask(example(), **values).gaps) == gaps


def test_a_parent_regions_factors_serve_a_region_without_its_own() -> None:
    henan = HEADER + "henan,,age,elderly,,1.5,40,2025-01-01,,example\n"
    assert ask(example(henan), age=70).factor == Decimal("1.5")
    own = henan + "pingdingshan,,age,child,,1.4,40,2025-01-01,,example\n"
    tables = example(own)
    # The region's own rows replace its parent's for the whole directory.
    assert ask(tables, age=70).factor == 1
    assert ask(tables, age=8).factor == Decimal("1.4")
    assert not example(own, "zhejiang").active


def test_a_row_for_the_scheme_goes_before_one_for_every_scheme() -> None:
    rows = (
        "henan,chs-drg-2.0,age,elderly,,1.5,40,2025-01-01,,example\n"
        "henan,,age,elderly,,1.3,40,2025-01-01,,example\n"
    )
    install(HEADER + rows)
    assert ask(AuxiliaryTables(card(scheme="chs-drg-2.0")), age=70).factor == Decimal("1.5")
    assert ask(AuxiliaryTables(card()), age=70).factor == Decimal("1.3")


def test_a_hospitals_own_triggers_replace_the_national_ones_of_the_directory() -> None:
    shipped = TRIGGERS.read_text("utf-8").splitlines()[0]
    own = f"{shipped}\npingdingshan,age,old,66 岁起,66 or more,1,age,66,,,,2020-01-01,,city\n"
    install(own, "dip_triggers.csv")
    tables = example(HEADER + "pingdingshan,,age,old,,1.25,30,2025-01-01,,city\n")
    assert ask(tables, age=65).factor == 1
    assert ask(tables, age=66).factor == Decimal("1.25")
    assert "severity.mild" in met(tables, age=66)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_trace_tells_each_subtype_its_factor_and_why(lang: str) -> None:
    tables = example()
    found = ask(
        tables,
        age=70,
        dx=["C34.900", "J96.000", "C78.700"],
        px=["99.2503"],
        icu_hours=50.0,
        discharge_way="5",
    )
    lines = parts_of(found, lang)
    assert [line["number"] for line in lines] == list(range(1, len(lines) + 1))
    assert [line["share"] for line in lines] == [
        "1.12",
        "1.3",
        "1.33",
        "1.45",
        "1.25",
        "1.3",
        "1.5",
    ]
    assert lines[-1]["code"] == "icu.icu_2_7"
    assert len({line["action"] for line in lines}) == 2
    assert all(line["why"] and line["name"] for line in lines)
    none = ask(tables, "G1", icu_hours=800.0)
    assert len({line["action"] for line in parts_of(none, lang)}) == 2


def test_parts_are_those_of_the_protocol() -> None:
    found = ask(example(), "G1", age=70, icu_hours=800.0)
    rows = [(p.kind, p.code, p.action, p.share) for p in part_rows(found)]
    assert rows == [
        ("factor", "age.elderly", "taken", Decimal("1.12")),
        ("factor", "severity.mild", "lower", Decimal("0.85")),
        ("factor", "charlson.cci_0", "none", None),
        ("factor", "icu.icu_31", "none", None),
    ]


def test_a_schemes_weight_is_its_score_times_the_factor() -> None:
    install(HEADER + "pingdingshan,,age,elderly,A09.9,1.25,40,2025-01-01,,example\n")
    scheme = DipScheme(registry().book("dip-pingdingshan-2025"))
    old = {"age": 70, "los": 5, "discharge_way": "1", "discharge_time": DAY, "dx": ["A09.900"]}
    cases = [old, {**old, "age": 40}, {**old, "age": None}]
    score = Decimal("331.608717")
    expected = [adjusted(score, Decimal("1.25")), score, score]
    assert [scheme.group(case_of(case)).weight for case in cases] == expected
    assert scheme.group_batch(batch_of(cases)).column("weight").to_pylist() == expected
    warned = scheme.group_batch(batch_of(cases)).column("warnings").to_pylist()
    assert [w or "" for w in warned] == ["", "", "AGE_MISSING"]
    part = scheme.group(case_of(old)).parts[0]
    assert (part.kind, part.code, part.action) == ("factor", "age.elderly", "taken")


def test_schemes_hand_over_the_columns_that_are_asked() -> None:
    assert set(NEEDS) <= set(DipScheme.needs)


STAYS = RandomStays(3).cases(60)


@settings(max_examples=examples(60), deadline=None)
@given(at=st.integers(0, len(STAYS) - 1), group=st.sampled_from(GROUPS))
def test_the_factor_is_the_highest_of_those_met(at: int, group: str) -> None:
    found = factors_of(example(), case_of(STAYS[at]), group)
    factors = [f.factor for f in found.found if f.factor is not None]
    assert found.factor == max(factors, default=Decimal(1))
    assert all(found.factor >= factor for factor in factors)


def test_group_scores_are_the_mean_over_the_basis() -> None:
    city = Decimal("5718.153489")
    assert group_score(Decimal("2203.535449"), city) == Decimal("385.357870")
    assert group_score(Decimal("2203.535449"), city, Decimal(1), 4) == Decimal("0.3854")
    for mean, basis in (("1", "0"), ("-1", "5"), ("NaN", "5"), ("1", "Infinity")):
        with pytest.raises(GrouperError, match="DIP_SCORE_BASIS"):
            group_score(Decimal(mean), Decimal(basis))


def test_years_are_weighted_one_two_seven() -> None:
    years = [
        YearOfCosts(Decimal(1000), 10),
        YearOfCosts(Decimal(3000), 10),
        YearOfCosts(Decimal(6000), 20),
    ]
    assert weighted_mean(years) == Decimal(280)
    # A year without cases lends its weight to nobody.
    assert weighted_mean([None, years[1], years[2]], places=2) == Decimal("300.00")
    assert weighted_mean(years[1:], weights=(1, 1)) == Decimal(300)
    for wrong in ([], years[:2], [None, None, YearOfCosts(Decimal(0), 0)]):
        with pytest.raises(GrouperError, match="DIP_SCORE_YEARS"):
            weighted_mean(wrong)


SCALED = st.integers(0, 10**12)


@given(score=SCALED, factor=st.integers(1, 10**7), other=SCALED)
def test_adjusted_scores_are_rounded_alike_and_rise_with_the_score(
    score: int, factor: int, other: int
) -> None:
    exact = adjusted(Decimal(score).scaleb(-6), Decimal(factor).scaleb(-6))
    found = adjusted_scaled(np.array([score, other]), np.array([factor, factor]))
    assert int(found[0]) == int(exact * SCALE)
    assert (found[0] <= found[1]) == (score <= other) or found[0] == found[1]
