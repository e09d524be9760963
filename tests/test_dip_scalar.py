"""The order and the conditions of matching, one small catalogue at a time, with their traces."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from dip_random import batch_of
from dip_small import case, row, scheme

from codebooks.codes import code_set
from codebooks.errors import GrouperError
from codebooks.messages import LANGUAGES
from grouper.schemes.dip.fallback import chapter_group, chapter_of
from grouper.schemes.dip.policy import Treatment
from grouper.schemes.dip.scheme import DipScheme
from grouper.schemes.load import load_scheme
from grouper.schemes.protocol import PartedScheme
from grouper.schemes.reasons import Reason, Status


@pytest.fixture(scope="module")
def national() -> DipScheme:
    return load_scheme("dip-3.0")  # type: ignore[return-value]


@pytest.fixture(scope="module")
def pingdingshan() -> DipScheme:
    return load_scheme("dip-pingdingshan-2025")  # type: ignore[return-value]


def test_a_city_case_falls_into_the_row_of_its_diagnosis_and_procedure(
    pingdingshan: DipScheme,
) -> None:
    found = pingdingshan.group(case("K35.800", "47.0100", cost="9000"))
    assert found.status is Status.GROUPED
    assert found.group == "K35.8:47.0100"
    assert found.group_kind == "HX"
    assert (found.mdc, found.adrg, found.cc_level, found.parts) == (None, None, None, ())
    assert found.weight is not None
    assert found.warnings == ()


def test_related_procedures_go_before_none(pingdingshan: DipScheme) -> None:
    found = pingdingshan.group(case("A09.900", "45.2302 44.1300x001"))
    assert found.group == "A09.9:44.1300x001_45.2302"


def test_comprehensive_rows_follow_core_rows_by_treatment() -> None:
    ready = scheme(
        row("K35.8", "47.0100"),
        row("K35", treatment="diagnostic"),
        row("K35", treatment="surgery"),
        row("K35.8"),
        row("K35", treatment="conservative"),
    )
    assert ready.group(case("K35.800", "47.0100")).group == "K35.8:47.0100"
    assert ready.group(case("K35.800", "44.1300x001 51.2300")).group == "K35:surgery"
    assert ready.group(case("K35.800", "44.1300x001")).group == "K35:diagnostic"
    assert ready.group(case("K35.800")).group == "K35.8"
    assert ready.group(case("K35.300")).group == "K35:conservative"
    nothing = ready.group(case("K35.800", "99.2503"))
    assert (nothing.status, nothing.reason) == (Status.UNGROUPED, Reason.GROUP_NONE)
    assert nothing.group is None
    asked = [e["asked"] for t in nothing.trace.document("en")["steps"] for e in t["failed_by"]]
    assert "treatment: surgery or intervention" in asked
    assert "no surgery or procedure (conservative)" in asked


def test_a_procedure_that_is_no_treatment_leaves_a_case_conservative() -> None:
    ready = scheme(row("K35.8"))
    assert ready.group(case("K35.800", "17.4200")).group == "K35.8"


def test_the_first_kind_of_the_met_procedures_goes_before_the_number_of_parts() -> None:
    ready = scheme(
        row("K63.5", "45.2302", "44.1300x001"), row("K63.5", "45.4307"), row("K63.5", "44.1300x001")
    )
    found = ready.group(case("K63.500", "45.2302 44.1300x001 45.4307"))
    assert found.group == "K63.5:45.4307"
    steps = {s["code"]: s for s in found.trace.document("en")["steps"]}
    assert "treatment" in steps["K63.5:45.2302_44.1300x001"]["failed_by"][0]["asked"]


def test_cost_decides_between_rows_that_are_alike() -> None:
    ready = scheme(
        row("K80.1", "51.2300", mean_cost="20000"),
        row("K80.1", "51.2200", mean_cost="8000"),
        row("K80.1", "47.0100"),
    )
    procedures = "51.2300 51.2200 47.0100"
    assert ready.group(case("K80.100", procedures, cost="15000")).group == "K80.1:51.2300"
    found = ready.group(case("K80.100", procedures, cost="9000.5"))
    assert found.group == "K80.1:51.2200"
    step = next(s for s in found.trace.document()["steps"] if s["code"] == "K80.1:51.2300")
    assert step["failed_by"][0]["found"] == "10999.5 / 1000.5"


def test_without_a_cost_the_order_decides_and_says_so_only_where_it_would_have() -> None:
    ready = scheme(
        row("K80.1", "51.2200", mean_cost="8000"), row("K80.1", "51.2300", mean_cost="20000")
    )
    found = ready.group(case("K80.100", "51.2300 51.2200"))
    assert found.group == "K80.1:51.2200"
    assert [w.reason for w in found.warnings] == [Reason.COST_MISSING]
    assert ready.group(case("K80.100", "51.2300")).warnings == ()


def test_excluded_procedures_are_of_three_kinds(national: DipScheme) -> None:
    conservative = national.group(case("C16.900", "00.0100"))
    assert conservative.trace.document()["not_grouping"][0]["code"] == "00.0100"
    passed = national.group(case("C16.900", "38.9100 43.7x03"))
    assert passed.group == "79"
    # Gastroscopy may be the main procedure of a digestive case alone.
    assert national.group(case("C16.900", "44.1401")).group == "83"
    restricted = national.group(case("J18.900", "44.1401"))
    steps = [s for s in restricted.trace.document()["steps"] if s["level"] == "exclusion"]
    assert "K20-K93" in steps[-1]["words"]


def test_an_excluded_diagnosis_may_not_be_principal(national: DipScheme) -> None:
    found = national.group(case("A00.000", "43.7x03"))
    assert (found.status, found.reason) == (Status.UNGROUPED, Reason.DX_NOT_PRINCIPAL)
    document = found.trace.document()
    assert document["path"] == []
    assert [(s["level"], s["holds"]) for s in document["steps"]] == [("exclusion", True)]


def test_pre_groups_go_before_all_others(national: DipScheme) -> None:
    assert national.group(case("J18.900", "50.5100")).group == "3"
    assert national.group(case("J18.900", "43.7x03 50.5100")).group is None
    assert national.group(case("J18.900", "43.7x03 39.6500")).group == "11"
    assert national.group(case("J18.900", "39.9500x007 96.7201")).group == "13"
    assert national.group(case("J18.900", "43.7x03 96.7201")).group == "14"


@pytest.mark.parametrize(
    ("weight", "group"),
    [(0, "16"), (999, "16"), (1000, "17"), (1500, "18"), (2000, "19"), (2499, "19")],
)
def test_low_birth_weight_takes_its_diagnosis_anywhere(
    national: DipScheme, weight: int, group: str
) -> None:
    newborn = {"age": 0, "age_days": 28, "birth_weight_g": weight}
    assert national.group(case("J18.900 P07.100", **newborn)).group == group


def test_low_birth_weight_has_its_bounds(national: DipScheme) -> None:
    newborn = {"age": 0, "age_days": 5}
    assert national.group(case("J18.900 P07.100", **newborn, weight_g=2500)).group_kind == "JC"
    old = {"age": 0, "age_days": 29, "weight_g": 2000}
    assert national.group(case("J18.900 P07.100", **old)).group_kind == "JC"


def test_a_missing_newborn_value_that_decides_makes_the_case_invalid(national: DipScheme) -> None:
    found = national.group(case("J18.900 P07.100", age=0, age_days=5))
    assert (found.status, found.reason) == (Status.INVALID, Reason.NEWBORN_WEIGHT_MISSING)
    assert found.group is None
    found = national.group(case("J18.900 P07.100", age=0, weight_g=2000))
    assert found.reason is Reason.AGE_DAYS_MISSING
    both = national.group(case("J18.900 P07.100"))
    assert both.reason is Reason.AGE_DAYS_MISSING
    grown = national.group(case("J18.900 P07.100", age=1))
    assert (grown.status, grown.warnings) == (Status.GROUPED, ())


def test_a_missing_newborn_value_that_does_not_decide_is_a_warning(national: DipScheme) -> None:
    found = national.group(case("J18.900 P07.100", "50.5100", age=0, age_days=5))
    assert found.group == "3"
    assert [w.reason for w in found.warnings] == [Reason.NEWBORN_WEIGHT_MISSING]


def test_of_two_gaps_the_one_that_decides_is_named() -> None:
    by_weight = scheme(row("P07", weight_g_min=0, weight_g_max=999, section="XQ"))
    assert by_weight.group(case("P07.100")).reason is Reason.NEWBORN_WEIGHT_MISSING
    either = scheme(
        row("P07", weight_g_min=0, weight_g_max=999, section="XQ", group="a"),
        row("P07", age_days_max=28, section="XQ", group="b"),
    )
    assert either.group(case("P07.100")).reason is Reason.AGE_DAYS_MISSING
    for ready in (by_weight, either):
        lists = {"dx": ["P07.100"], "px": []}
        for values in ({}, {"age_days": 3}, {"weight_g": 900}, {"age": 2}):
            found = ready.group(case("P07.100", **values))
            result = ready.group_batch(batch_of([{**lists, **values}])).to_pylist()[0]
            assert (result["group"], result["reason"]) == (found.group, found.reason)


def test_a_key_with_a_plus_takes_dual_codes_alone() -> None:
    ready = scheme(row("M47.0+"), row("M48.0+"), row("M51.1+G55.1*", group="whole"))
    for code, group in (("M47.001+G99.2*", "M47.0+"), ("M51.101+G55.1*", "whole")):
        assert ready.group(case(code)).group == group
        result = ready.group_batch(batch_of([{"dx": [code], "px": []}]))
        assert result.column("group").to_pylist() == [group]
    assert ready.group(case("M48.001")).group is None


def test_conservative_rows_of_one_key_are_told_apart_by_cost() -> None:
    ready = scheme(row("K35.8", mean_cost="900"), row("K35", mean_cost="100"))
    found = ready.group(case("K35.800", "17.4200", cost="200"))
    assert found.group == "K35"
    plain = {"dx": ["K35.800"], "px": ["17.4200"], "total_cost": Decimal(200)}
    assert ready.group_batch(batch_of([plain])).column("group").to_pylist() == ["K35"]


def test_a_category_outside_every_chapter_has_no_chapter_group() -> None:
    assert (chapter_of("A00.000"), chapter_of("U99.9"), chapter_of("")) == (1, 22, 0)
    assert chapter_group(0, Treatment.SURGERY) is None


def test_tuberculosis_asks_for_resistance(national: DipScheme) -> None:
    resistant = national.group(case("A15.001 U84.300"))
    assert resistant.group == "1836"
    assert national.group(case("A15.000x010")).group == "1836"
    assert national.group(case("A15.001")).group == "1837"
    # Of A17 only the other diagnosis makes it so.
    rows = {r["group"]: r for r in national.compiled.book.rows("groups")}
    assert (rows["1836"]["resistant_list"], rows["1840"]["resistant_list"]) == ("yes", "")


def test_burns_and_tumours_ask_for_another_diagnosis(national: DipScheme) -> None:
    assert national.group(case("T20.200 T31.000")).group == "1745"
    assert national.group(case("T20.200 T31.000", "86.2201")).group == "1746"
    assert national.group(case("Z51.102 C16.900", "99.2800x005 99.2503")).group == "1771"
    assert national.group(case("Z51.102 C77.200", "99.2503")).group == "1774"
    assert national.group(case("Z51.102", "99.2503")).group_kind != "FZ"


def test_a_repeated_main_procedure_meets_a_row_that_lists_it_twice(national: DipScheme) -> None:
    assert national.group(case("M16.900", "81.5100 81.5100")).group == "1111"
    once = national.group(case("M16.900", "81.5100"))
    assert once.group is not None
    assert once.group != "1111"


def test_where_related_procedures_match_only_partly_the_row_with_most_of_them(
    national: DipScheme,
) -> None:
    # Rows 202 (40.5910 + 68.6900x001) and 203 (54.5904 + 68.4901) of C56 with 65.6100.
    assert national.group(case("C56.x00", "65.6100 40.5910 68.6900x001")).group == "202"
    assert national.group(case("C56.x00", "65.6100 54.5904")).group == "203"
    plain = national.group(case("C56.x00", "65.6100"))
    assert plain.group not in (None, "202", "203")


def test_primary_care_is_told_beside_the_group(national: DipScheme) -> None:
    rows = national.compiled.book.rows("primary_care")
    own = next(r for r in rows if r["diagnosis"] == "K37" and r["procedure"])
    found = national.group(case("K37.x00", own["procedure"].split("|")[0]))
    part = found.parts[-1]
    assert (part.kind, part.group, part.action) == ("primary_care", own["group"], "noted")
    assert found.warnings == ()
    assert isinstance(national, PartedScheme)
    line = found.trace.document("zh")["parts"][-1]
    assert line["group"] == {"code": own["group"], "name": "基层病种"}
    with_related = national.group(case("M16.900", "81.5100 81.5100"))
    assert with_related.parts == ()


def test_a_conservative_primary_care_case_is_told_by_its_diagnosis(national: DipScheme) -> None:
    ready = national.compiled
    known = ready.codes.diagnoses.folded
    own = next(r for r in ready.book.rows("primary_care") if r["diagnosis"] == "H81.9")
    able = [
        known[text]
        for number, text in ready.folded.items()
        if text.startswith("H81.9") and text in known and number not in ready.excluded_diagnoses
    ]
    found = national.group(case(able[0]))
    assert (found.parts[-1].group, found.parts[-1].code) == (own["group"], None)
    assert found.trace.document()["parts"][-1]["code"] == able[0]


@pytest.mark.parametrize(
    ("dx", "px", "reason"),
    [
        ((), (), Reason.DX_PRINCIPAL_MISSING),
        ((None, "K35.800"), (), Reason.DX_PRINCIPAL_MISSING),
        (("",), ("43.7x03",), Reason.DX_PRINCIPAL_MISSING),
        (("Z99.Z99",), (), Reason.DX_PRINCIPAL_UNKNOWN),
        (("C16.900",), ("99.9999",), Reason.PX_MAIN_UNKNOWN),
        (("C16.900",), (None, "43.7x03"), Reason.PX_MAIN_MISSING),
        (("Z99.Z99",), ("99.9999",), Reason.DX_PRINCIPAL_UNKNOWN),
    ],
)
def test_bad_input_is_refused_with_its_reason(
    national: DipScheme, dx: tuple[str | None, ...], px: tuple[str | None, ...], reason: Reason
) -> None:
    found = national.group(case("").__class__(dx=dx, px=px))
    assert (found.status, found.reason, found.group) == (Status.INVALID, reason, None)
    document = found.trace.document()
    assert (document["steps"], document["path"]) == (document["steps"][:1], [])


def test_codes_of_another_edition_are_told_apart(national: DipScheme) -> None:
    def foreign(clinical: str, own: str) -> str:
        return next(c for c in code_set(clinical).codes if c not in code_set(own))

    diagnosis = foreign("icd10-clinical-2.0", "icd10-nhsa-2.0")
    procedure = foreign("icd9cm3-clinical-3.0", "icd9cm3-nhsa-2.0")
    assert national.group(case(diagnosis)).reason is Reason.DX_PRINCIPAL_EDITION
    assert national.group(case("C16.900", procedure)).reason is Reason.PX_MAIN_EDITION
    found = national.group(case(f"C16.900 {diagnosis}", f"43.7x03 {procedure}"))
    told = {w.reason: w.codes for w in found.warnings}
    assert told == {Reason.DX_OTHER_EDITION: (diagnosis,), Reason.PX_EDITION: (procedure,)}


def test_a_missing_main_procedure_is_no_matter_where_any_may_be(pingdingshan: DipScheme) -> None:
    found = pingdingshan.group(case("").__class__(dx=("K35.800",), px=(None, "47.0100")))
    assert found.group == "K35.8:47.0100"


def test_unknown_other_codes_are_warnings(national: DipScheme) -> None:
    found = national.group(case("C16.900 Z99.Z99", "43.7x03 99.9999"))
    assert found.group == "79"
    told = {w.reason: w.codes for w in found.warnings}
    assert told == {Reason.DX_OTHER_UNKNOWN: ("Z99.Z99",), Reason.PX_UNKNOWN: ("99.9999",)}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_trace_tells_what_was_asked(national: DipScheme, lang: str) -> None:
    found = national.group(case("C16.900 C77.200", "38.9100 43.7x03 40.5911", cost="52000"))
    document = found.trace.document(lang)
    assert [s["code"] for s in document["path"]] == ["78"]
    assert document["path"][0]["level"] == "merged"
    levels = list(dict.fromkeys(s["level"] for s in document["steps"]))
    assert levels == ["exclusion", "pre", "merged"]
    assert [v["value"] for v in document["case"]["values"]] == ["52000"]
    lost = next(s for s in document["steps"] if s["code"] == "79")
    assert lost["failed_by"][0]["found"] == "0 / 2"
    assert "78" in lost["failed_by"][0]["asked"]
    assert found.trace.text(lang)
    assert found.trace.html(lang)
    assert found.trace.json(lang)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_condition_has_words(national: DipScheme, lang: str) -> None:
    cases = [
        case("A15.001 U84.300", "31.9400"),
        case("T20.200", "86.6201 86.6901"),
        case("J18.900 P07.100", age=0, age_days=5, weight_g=2600),
        case("Z51.102 C77.200", "99.2503 99.2800x006"),
        case("A00.000"),
    ]
    for one in cases:
        document = national.group(one).trace.document(lang)
        asked = [e["asked"] for s in document["steps"] for e in s["failed_by"]]
        assert all(asked), one


def test_long_lists_of_rows_are_cut_and_counted(national: DipScheme) -> None:
    found = national.group(case("C16.900", "81.5100"))
    pre = [s for s in found.trace.document("en")["steps"] if s["level"] == "pre"]
    assert len(pre) == 15
    many = scheme(*(row("K35.8", f"4{n // 10}.{n % 10}100") for n in range(60)))
    steps = many.group(case("K35.800", "51.2300")).trace.document("en")["steps"]
    assert len(steps) == 41
    assert steps[-1]["name"] == "20 more rows do not hold either and are not listed"


def test_the_arithmetic_shows_from_what_the_score_follows(pingdingshan: DipScheme) -> None:
    found = pingdingshan.group(case("A03.900"))
    lines = found.trace.document("en")["arithmetic"]
    assert lines[0]["formula"] == "2203.535449 ÷ 5718.153489 × 1000"
    assert lines[0]["value"] == "385.35787"
    assert lines[1]["formula"] == "385.35787 × 1"
    assert found.weight == Decimal("385.357870")


@pytest.mark.parametrize("city_mean", ["none", "0", "1000", "NaN"])
def test_a_score_that_does_not_follow_is_shown_as_published(city_mean: str) -> None:
    ready = scheme(
        row("K35.8", score="12.5", mean_cost="100"), city_mean_cost=city_mean, score_base=1000
    )
    lines = ready.group(case("K35.800")).trace.document("en")["arithmetic"]
    assert lines[0]["formula"] == "as the catalogue has it"


@pytest.mark.parametrize(
    ("rows", "lists", "code"),
    [
        ([{**row("K35.8"), "diagnosis": ""}], {}, "DIP_ROW"),
        ([{**row("K35.8"), "related": "47.0100"}], {}, "DIP_ROW"),
        ([{**row("K35.8"), "treatment": "magic"}], {}, "DIP_TREATMENT_WORD"),
        ([{**row("K35.8"), "procedure": "what"}], {}, "DIP_PROCEDURE_CODE"),
        (
            [row("K35.8", "47.0100", "+".join(f"4{n // 10}.{n % 10}1" for n in range(65)))],
            {},
            "DIP_PARTS",
        ),
        (
            [row("K35.8")],
            {"excluded_procedures": [{"code": "47.0100", "treatment": "never", "diagnoses": ""}]},
            "DIP_EXCLUSION_WORD",
        ),
    ],
)
def test_a_book_that_cannot_be_read_is_refused_with_its_place(
    rows: list[dict[str, object]], lists: dict[str, object], code: str
) -> None:
    with pytest.raises(GrouperError) as error:
        scheme(*rows, lists=lists)
    assert error.value.code == code
    for lang in LANGUAGES:
        assert code in error.value.describe(lang)


def test_a_discharge_without_factors_needs_no_day(pingdingshan: DipScheme) -> None:
    when = datetime(2025, 6, 1, tzinfo=UTC)
    found = pingdingshan.group(case("A03.900", discharge_time=when))
    assert found.weight == Decimal("385.357870")
