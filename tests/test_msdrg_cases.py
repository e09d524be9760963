"""MS-DRG case by case: versions, gaps, what was acquired in the hospital, edits, refusals."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest
from msdrg_support import batch_of, by_kind, case, scheme, warned

from codebooks.book import SchemeBook
from codebooks.registry import registry
from grouper.case.record import Case
from grouper.schemes.msdrg import native
from grouper.schemes.msdrg.scheme import MsdrgScheme
from grouper.schemes.protocol import WEIGHT


@pytest.fixture(scope="module")
def asked() -> MsdrgScheme:
    return scheme()


def test_a_plain_case(asked: MsdrgScheme) -> None:
    found = asked.group(case("I50.20 n17.9:Y E1165", "02703dz b2111zz"))
    assert (found.status, found.reason, found.warnings) == ("grouped", None, ())
    assert (found.mdc, found.adrg, found.group, found.cc_level) == ("05", "321", "322", "CC")
    assert found.group_name == (
        "Percutaneous Cardiovascular Procedures with Intraluminal Device without MCC"
    )
    assert (found.group_kind, found.weight) == ("surgical_drg", None)
    assert by_kind(found, "diagnosis") == [
        ("I50.20", "principal", "IMPACT_BOTH"),
        ("n17.9", "cc", "CC;POA_Y"),
        ("E1165", "none", None),
    ]
    assert by_kind(found, "procedure") == [
        ("02703dz", "procedure", "IMPACT_BOTH"),
        ("b2111zz", "procedure", None),
    ]


def test_the_weight_is_the_books() -> None:
    book = registry().book("ms-drg")
    table = book.tables["groups"]
    weights = [Decimal("1.2345") if g == "293" else None for g in table["group"].to_pylist()]
    table = table.set_column(
        table.num_columns - 1, table.schema.field("weight"), pa.array(weights, WEIGHT)
    )
    asked = MsdrgScheme(SchemeBook(book.card, {**book.tables, "groups": table}))
    found = asked.group(case("I5020"))
    assert found.weight == Decimal("1.2345")
    assert found.parts[0].weight == found.parts[1].weight == Decimal("1.234500")
    assert found.trace.document("en")["result"]["weight"] == "1.2345"
    assert asked.group_batch(batch_of([case("I5020")])).to_pylist()[0]["weight"] == found.weight


def test_the_discharge_date_chooses_the_version(asked: MsdrgScheme) -> None:
    versions = asked.tables.versions
    assert [v.number for v in versions] == [400, 401, 410, 411, 420, 421, 430, 431, 440]
    for version in versions:
        for day in (version.start, version.end - timedelta(days=1)):
            found = asked.group(case("I5020", day=day.isoformat()))
            steps = found.trace.document("en")["steps"]
            assert (steps[0]["level"], steps[0]["code"]) == ("msdrg_version", version.label)
    for left, right in pairwise(versions):
        assert left.end == right.start


def test_a_code_of_a_later_version_is_unknown_before(asked: MsdrgScheme) -> None:
    # B88.0 was divided in the fiscal year 2026 (the package's own example of a conversion).
    assert asked.group(case("B88.0", day="2025-09-30")).group == "607"
    assert asked.group(case("B88.01", day="2025-10-01")).group == "607"
    for code, day in (("B88.0", "2025-10-01"), ("B88.01", "2025-09-30")):
        found = asked.group(case(code, day=day))
        assert (found.status, found.reason) == ("invalid", "DX_PRINCIPAL_UNKNOWN")


@pytest.mark.parametrize("day", ["2022-09-30", "2027-04-01", "1999-01-01"])
def test_a_day_without_a_version_is_refused(asked: MsdrgScheme, day: str) -> None:
    found = asked.group(case("I5020", day=day))
    assert (found.status, found.reason, found.group) == ("invalid", "VERSION_UNCOVERED", None)
    _, issues = asked.group_with_issues(batch_of([case("I5020", day=day)]))
    assert issues.to_pylist()[0]["value"] == day


REFUSED: list[tuple[Case, str]] = [
    (case("I5020", day=""), "VERSION_DATE_MISSING"),
    (case("I5020", code_system="nhsa"), "CODE_SYSTEM_MISMATCH"),
    (case("I5020", code_system="clinical"), "CODE_SYSTEM_MISMATCH"),
    (case("I5020", kind="outpatient"), "KIND_UNSUPPORTED"),
    (case(""), "DX_PRINCIPAL_MISSING"),
    (case("", dx=(None, "I5020")), "DX_PRINCIPAL_MISSING"),
    (case("", dx=("  ", "I5020")), "DX_PRINCIPAL_MISSING"),
    (case("I5029"), "DX_PRINCIPAL_UNKNOWN"),
    (case("", dx=("I5020\0",)), "DX_PRINCIPAL_UNKNOWN"),
    (case("", dx=("I5020\udcff",)), "DX_PRINCIPAL_UNKNOWN"),
    (case("0000"), "DX_PRINCIPAL_UNKNOWN"),
    (case("I50.900"), "DX_PRINCIPAL_EDITION"),
    (case("I5020", age=-1), "AGE_IMPLAUSIBLE"),
    (case("I5020", age=125), "AGE_IMPLAUSIBLE"),
    (case("I5020", age=2**40), "AGE_IMPLAUSIBLE"),
    (case("I5020", discharge_status="0"), "DISCHARGE_STATUS_INVALID"),
    (case("I5020", discharge_status="99"), "DISCHARGE_STATUS_INVALID"),
    (case("I5020", discharge_status="8"), "DISCHARGE_STATUS_INVALID"),
    (case("I5020", discharge_status="home"), "DISCHARGE_STATUS_INVALID"),
    (case("A510", sex=None), "SEX_MISSING"),
    (case("I2101", discharge_status=None), "DISCHARGE_STATUS_MISSING"),
    (case("I2101", discharge_status=None, discharge_way="9"), "DISCHARGE_STATUS_MISSING"),
    (case("I2101 I469", discharge_status=None), "DISCHARGE_STATUS_MISSING"),
    (case("I5020 L89153"), "HAC_POA_MISSING"),
]


@pytest.mark.parametrize(("refused", "reason"), REFUSED)
def test_what_cannot_be_grouped_is_invalid(asked: MsdrgScheme, refused: Case, reason: str) -> None:
    found = asked.group(refused)
    assert (found.status, found.reason) == ("invalid", reason)
    assert found.group in (None, "999")
    assert found.parts == ()
    assert found.trace.document("zh")["path"] == []
    assert found.trace.text("en")
    assert found.trace.html("zh")
    results, issues = asked.group_with_issues(batch_of([_plain(refused)]), 5)
    assert results.to_pylist()[0]["reason"] == found.reason
    lines = issues.to_pylist()
    assert [x["reason"] for x in lines if x["severity"] == "reject"] == [reason]
    assert {x["row"] for x in lines} == {5}


def _plain(refused: Case) -> Case:
    """The case with what an Arrow column cannot hold made into what it can."""
    age = refused.age
    dx = tuple(x.encode("ascii", "replace").decode() if x else x for x in refused.dx)
    return replace(refused, age=200 if age is not None and age > 1000 else age, dx=dx)


UNGROUPED = [
    ("O0902", {"sex": 2, "age": 30}, "DX_NOT_PRINCIPAL", "998"),
    ("V0001XA", {}, "DX_NOT_PRINCIPAL", "999"),
]


@pytest.mark.parametrize(("dx", "fields", "reason", "group"), UNGROUPED)
def test_the_softwares_998_and_999_are_told(
    asked: MsdrgScheme, dx: str, fields: dict[str, Any], reason: str, group: str
) -> None:
    found = asked.group(case(dx, **fields))
    assert (found.status, found.reason, found.group) == ("ungrouped", reason, group)
    assert (found.adrg, found.group_kind, found.cc_level) == (None, None, None)
    assert [p.group for p in found.parts[:2]] == [group, group]
    steps = found.trace.document("en")["steps"]
    assert not steps[-1]["holds"]
    assert steps[-1]["failed_by"]


def test_the_ages_at_both_ends_are_plausible(asked: MsdrgScheme) -> None:
    for age in (0, 124):
        assert asked.group(case("I5020", age=age)).group == "293"
    found = asked.group(case("Z38.00", age=None, age_days=3))
    assert (found.group, warned(found)) == ("795", {})
    found = asked.group(case("I5020", age=None, age_days=400))
    assert warned(found) == {"AGE_MISSING": ()}


def test_a_gap_that_decides_nothing_is_a_warning(asked: MsdrgScheme) -> None:
    found = asked.group(case("I5020", age=None, sex=None, discharge_status=None))
    assert (found.status, found.group) == ("grouped", "293")
    assert list(warned(found)) == ["SEX_MISSING", "AGE_MISSING", "DISCHARGE_STATUS_MISSING"]
    # An edit that asks for what is missing is not judged.
    assert "EDIT_AGE_CONFLICT" in warned(asked.group(case("I5020 O80", age=65)))
    assert "EDIT_AGE_CONFLICT" not in warned(asked.group(case("I5020 O80", age=None)))


def test_two_gaps_together_name_the_one_that_decides(asked: MsdrgScheme) -> None:
    found = asked.group(case("I2101", age=None, discharge_status=None))
    assert (found.status, found.reason) == ("invalid", "DISCHARGE_STATUS_MISSING")
    assert warned(found) == {"AGE_MISSING": ()}


def test_a_gap_that_decides_only_with_another_names_the_weightier(
    asked: MsdrgScheme, monkeypatch: pytest.MonkeyPatch
) -> None:
    software = native.software()
    plain = software.group

    def moody(claim: native.Claim) -> dict[str, Any] | None:
        found = plain(claim)
        if found and claim["age"] == 80 and claim["discharge_status"] == 20:
            found["final_drg"] = 1
        return found

    monkeypatch.setattr(software, "group", moody)
    found = asked.group(case("I5020", age=None, discharge_status=None))
    assert found.reason == "AGE_MISSING"


WAYS = [
    ("1", "01", False, "282"),
    ("2", "02", True, "282"),
    ("3", "70", True, "282"),
    ("4", "07", False, "282"),
    ("5", "20", False, "285"),
]


@pytest.mark.parametrize(("way", "status", "derived", "group"), WAYS)
def test_the_discharge_way_stands_in_for_the_status(
    asked: MsdrgScheme, way: str, status: str, derived: bool, group: str
) -> None:
    found = asked.group(case("I2101", discharge_status=None, discharge_way=way))
    assert found.group == group
    told = {"DISCHARGE_STATUS_DERIVED": (f"{way}>{status}",)} if derived else {}
    assert warned(found) == told
    values = found.trace.document("en")["case"]["values"]
    assert values[-1]["shown"].startswith(status)
    # A status that is stated goes before the way.
    assert asked.group(case("I2101", discharge_way=way)).group == "282"


def test_a_condition_acquired_in_the_hospital_does_not_raise_the_final_group(
    asked: MsdrgScheme,
) -> None:
    found = asked.group(case("I5020:Y L89.153:N"))
    assert [(p.kind, p.group, p.reason) for p in found.parts[:2]] == [
        ("initial", "291", "MCC"),
        ("final", "293", None),
    ]
    assert (found.group, found.cc_level) == ("293", None)
    assert warned(found) == {"HAC_PRESENT": ("L89.153",)}
    assert by_kind(found, "diagnosis")[1][1:] == (
        "hac",
        "MCC;POA_N;HAC04_CRITERIA_MET;IMPACT_BOTH",
    )
    text = found.trace.text("en")
    assert "Stage III and IV Pressure Ulcers: criteria met; decided the initial DRG" in text
    there = asked.group(case("I5020:Y L89.153:Y"))
    assert (there.group, warned(there)) == ("291", {})
    assert by_kind(there, "diagnosis")[1][2] == "MCC;POA_Y;HAC04_CRITERIA_NOT_MET;IMPACT_BOTH"


def test_the_hospital_may_be_exempt_or_unknown() -> None:
    exempt = scheme(hospital_status="EXEMPT").group(case("I5020 L89153"))
    assert (exempt.status, exempt.group) == ("grouped", "291")
    assert "HAC04_NOT_APPLICABLE_EXEMPT" in str(by_kind(exempt, "diagnosis")[1][2])
    unknown = scheme(hospital_status="UNKNOWN").group(case("I5020:Y L89153:N"))
    assert (unknown.status, unknown.reason) == ("invalid", "HAC_STATUS_UNKNOWN")
    silent = scheme(hospital_status="UNKNOWN").group(case("I5020:Y L89153"))
    assert (silent.status, silent.reason) == ("invalid", "HAC_POA_MISSING")


def test_a_letter_that_cannot_be_read_is_told(asked: MsdrgScheme) -> None:
    found = asked.group(case("", dx=("I5020", "N179", "E1165"), dx_poa=("1", "9", "E")))
    assert warned(found) == {"POA_UNKNOWN": ("N179",)}


def test_a_complication_may_be_excluded_or_count_for_survivors_alone(asked: MsdrgScheme) -> None:
    found = asked.group(case("I5020 I5021 I469", discharge_status="20"))
    assert by_kind(found, "diagnosis")[1:] == [
        ("I5021", "excluded", "MCC"),
        ("I469", "death", "MCC"),
    ]
    complications = found.trace.document("en")["complications"]
    assert [(c["code"], c["level"], c["counts"]) for c in complications] == [
        ("I5021", "MCC", False)
    ]


def test_a_procedure_may_belong_to_an_acquired_condition(asked: MsdrgScheme) -> None:
    found = asked.group(case("M1611:Y I2699:N", "0SR90JZ"))
    assert by_kind(found, "procedure")[0][2] == "HAC10_USED;IMPACT_BOTH"
    assert "HAC10_CRITERIA_MET" in str(by_kind(found, "diagnosis")[1][2])


def test_unknown_codes_beside_the_principal_are_warnings(asked: MsdrgScheme) -> None:
    found = asked.group(case("I5020 ZZZ99 I50.900 I50209999999", "ZZZ9999 0000000 03.9100 02703DZ"))
    assert found.group == "322"
    assert warned(found) == {
        "DX_OTHER_UNKNOWN": ("ZZZ99", "I50209999999"),
        "DX_OTHER_EDITION": ("I50.900",),
        "PX_UNKNOWN": ("ZZZ9999", "0000000"),
        "PX_EDITION": ("03.9100",),
    }
    assert [p[1] for p in by_kind(found, "procedure")] == ["unknown"] * 3 + ["procedure"]
