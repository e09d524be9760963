"""FHIR bundles of R4 and R5 to the same Case, and a Case through a bundle back to itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from examples import examples
from fhir_support import (
    BASE,
    THO,
    Json,
    bundle,
    case,
    concept,
    condition,
    encounter,
    events,
    extension,
    of_case,
    patient,
    procedure,
    raw,
    ref,
    stay,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from grouper.case.dates import LOCAL
from grouper.case.record import Case
from grouper.intake.event import EventKind
from hl7_adapters.fhir import FORM
from hl7_adapters.fhir.validate import faults

VERSIONS = ("R4", "R5")
DX = ("I21.001", "E11.900", "J18.900x002", "N18.900")
PX = ("36.0601", "88.5501", "37.2201")
TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2026, 1, 1)).map(  # noqa: DTZ001 -- located
    lambda t: t.replace(microsecond=0, tzinfo=LOCAL)
)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Any Case that a bundle can state."""
    admitted = draw(TIMES)
    dx = draw(st.lists(st.sampled_from(DX), unique=True, max_size=4))
    px = draw(st.lists(st.sampled_from(PX), unique=True, max_size=3))
    lines = draw(st.integers(0, 3))
    system = draw(st.sampled_from(["nhsa", "icd10cm"])) if dx or px else "nhsa"
    if len(dx) > 1 and draw(st.booleans()):
        dx = [None, *dx[1:]]

    def each(values: Any, size: int) -> tuple[Any, ...]:
        found = tuple(draw(values) for _ in range(size))
        return found if any(value is not None for value in found) else ()

    stated: Json = {
        "case_id": draw(st.sampled_from(["V-1", "住院-7"])),
        "person": "P-1",
        "kind": draw(st.sampled_from(["inpatient", "outpatient", "long_stay"])),
        "sex": draw(st.sampled_from([None, 1, 2])),
        "birth_date": draw(st.sampled_from([None, date(1950, 2, 3), date(2019, 12, 30)])),
        "birth_weight_g": draw(st.sampled_from([None, 900, 3455])),
        "admission_time": admitted,
        "discharge_time": draw(st.sampled_from([None, admitted + timedelta(days=5)])),
        "discharge_way": draw(st.sampled_from([None, "1", "5"])),
        "department": draw(st.sampled_from([None, "心血管内科"])),
        "insurance_type": draw(st.sampled_from([None, "310"])),
        "insured_region": draw(st.sampled_from([None, "330100"])),
        "icu_hours": draw(st.sampled_from([None, 20.5])),
        "ventilator_hours": draw(st.sampled_from([None, 96.0])),
        "code_system": system,
        "dx": tuple(dx),
        "dx_poa": each(st.sampled_from([None, "1", "4"]), len(dx)),
        "px": tuple(px),
        "px_date": each(st.sampled_from([None, date(2025, 1, 3)]), len(px)),
        "px_level": each(st.sampled_from([None, "4"]), len(px)),
        "line_item": each(st.sampled_from(["001", "002"]), lines),
        "line_class": each(st.sampled_from(["02", "14"]), lines),
        "line_quantity": each(st.sampled_from([Decimal("1.0000"), Decimal("-0.5000")]), lines),
        "line_amount": each(
            st.decimals(-(10**10), 10**10, places=2, allow_nan=False, allow_infinity=False), lines
        ),
        "line_time": each(st.just(admitted), lines),
        "total_cost": draw(st.sampled_from([None, Decimal("1234.50"), Decimal("0.07")])),
    }
    if not stated["discharge_time"]:
        stated["discharge_way"] = None
    if stated["dx_poa"] and dx[:1] == [None]:
        stated["dx_poa"] = (None, *stated["dx_poa"][1:])
        stated["dx_poa"] = stated["dx_poa"] if any(stated["dx_poa"]) else ()
    found, _ = Case.from_mapping(stated)
    return found


@settings(deadline=None, max_examples=examples(60))
@given(cases(), st.sampled_from(VERSIONS), st.sampled_from(["transaction", "document"]))
def test_a_case_comes_back_from_its_bundle(stated: Case, version: str, kind: str) -> None:
    message = of_case(stated, version, kind, claim=stated.total_cost is not None)
    assert case(message) == stated
    assert FORM.envelope(raw(message)).kind == f"Bundle/{kind} {version}"


@settings(deadline=None, max_examples=examples(30))
@given(cases())
def test_both_versions_say_the_same(stated: Case) -> None:
    claim = stated.total_cost is not None
    four, five = (stay(of_case(stated, version, claim=claim)) for version in VERSIONS)
    assert replace(four, extra={}, unknown=()) == replace(five, extra={}, unknown=())
    assert four.unknown == five.unknown == ()


@pytest.mark.parametrize("version", VERSIONS)
def test_the_built_bundles_are_valid_fhir(version: str) -> None:
    stated, _ = Case.from_mapping(
        {"case_id": "V-1", "dx": DX, "px": PX, "sex": "1", "admission_time": "2025-01-02 08:00"}
        | {"line_item": ["1"], "line_amount": ["2.50"], "department": "内科"}
        | {"insured_region": "3301"}
        | {"total_cost": "2.50", "discharge_time": "2025-01-05 08:00", "discharge_way": "1"}
    )
    assert faults(of_case(stated, version, claim=True), version) == ()


def test_several_encounters_give_several_stays() -> None:
    message = bundle(
        {
            "p": patient("P-1", birthDate="1950-02-03"),
            "q": patient("P-2"),
            "e": encounter("V-1"),
            "f": encounter("V-2", subject="q"),
            "c": condition("I21.001"),
            "d": condition("J18.900x002", "f", "q"),
            "x": patient("P-3", name=[{"family": "测", "given": ["试"]}]),
        }
    )
    one, two, person = events(message)
    assert (one.patient, one.visit, one.facts["birth_date"]) == ("P-1", "V-1", "1950-02-03")
    assert (two.patient, two.visit) == ("P-2", "V-2")
    assert [c.code for e in (one, two) for c in e.dx or ()] == ["I21.001", "J18.900x002"]
    assert (person.kind, person.patient, person.person["name"]) == (
        *(EventKind.PERSON, "P-3"),
        "测试",
    )


def test_a_part_of_a_stay_is_no_stay() -> None:
    message = bundle(
        {
            "p": patient(),
            "w": encounter("W-1", partOf=ref("e")),
            "e": encounter("V-1"),
            "c": condition("I21.001", "w"),
        }
    )
    found = stay(message)
    assert found.visit == "V-1"
    assert [c.code for c in found.dx or ()] == ["I21.001"]
    assert FORM.envelope(raw(message)).visit == "V-1"


@pytest.mark.parametrize(
    ("status", "cancelled"),
    [
        ("cancelled", True),
        ("entered-in-error", True),
        ("in-progress", False),
        ("finished", False),
        ("unknown", None),
        ("gone-fishing", None),
    ],
)
def test_what_the_status_says_of_the_stay(status: str, cancelled: object) -> None:
    found = stay(bundle({"p": patient(), "e": encounter(status=status)}))
    assert found.cancelled is cancelled
    expected = [("Bundle.entry[1].resource.status", status)] if status == "gone-fishing" else []
    assert list(found.unknown) == expected


def test_a_planned_encounter_is_no_stay_yet() -> None:
    (found,) = events(bundle({"p": patient(), "e": encounter(status="planned")}))
    assert (found.kind, found.visit) == (EventKind.NOTHING, "V-1")


def test_a_discharge_is_taken_back_by_an_open_encounter_without_end() -> None:
    way = {"dischargeDisposition": concept(f"{THO}/discharge-disposition", "home")}
    ended = encounter(period={"start": "2026-01-01", "end": "2026-01-05"}, hospitalization=way)
    opened = encounter(status="in-progress", period={"start": "2026-01-01"})
    first = bundle({"p": patient(), "e": ended})
    assert case(first).discharge_way == "1"
    again = case(first, bundle({"p": patient(), "e": opened}))
    assert (again.discharge_time, again.discharge_way) == (None, None)
    assert again.admission_time is not None


def test_a_claim_alone_with_what_it_contains() -> None:
    claim = {
        "resourceType": "Claim",
        "status": "active",
        "use": "claim",
        "contained": [
            patient("P-7", id="p"),
            encounter("V-7", id="e") | {"subject": {"reference": "#p"}},
            condition("I21.001", None) | {"id": "c", "subject": {"reference": "#p"}},
        ],
        "patient": {"reference": "#p"},
        "diagnosis": [{"sequence": 1, "diagnosisReference": {"reference": "#c"}}],
        "item": [
            {
                "sequence": 1,
                "productOrService": concept(f"{BASE}/CodeSystem/nhsa-item", "001"),
                "encounter": [{"reference": "#e"}],
                "net": {"value": 12.5, "currency": "CNY"},
            }
        ],
        "total": {"value": 12.5},
    }
    found = case(claim)
    assert (found.dx, found.line_amount) == (("I21.001",), (Decimal("12.50"),))
    assert found.total_cost == Decimal("12.50")
    assert stay(claim).patient == "P-7"
    # The id of a contained resource is no number of anything.
    assert stay(claim).dx[0].key == ""


def test_charges_of_a_stay_known_by_its_number_alone() -> None:
    charge = {
        "resourceType": "ChargeItem",
        "id": "f1",
        "status": "billable",
        "code": concept(f"{BASE}/CodeSystem/nhsa-item", "001"),
        "subject": {"identifier": {"value": "P-1"}},
        "context": {"identifier": {"value": "V-1"}},
        "quantity": {"value": 2},
    }
    found = stay(charge)
    assert (found.patient, found.visit, found.cancelled) == ("P-1", "V-1", None)
    assert [line.key for line in found.lines] == ["f1"]
    assert found.dx is None


def test_a_person_alone_and_a_merge() -> None:
    (alone,) = events(bundle({"p": patient("P-1", gender="female")}))
    assert (alone.kind, alone.person) == (EventKind.PERSON, {"sex": "female"})
    link = [{"type": "replaced-by", "other": ref("q")}]
    back = [{"type": "replaces", "other": ref("p")}, {"type": "seealso", "other": ref("p")}]
    found = events(bundle({"p": patient("P-1", link=link), "q": patient("P-2", link=back)}))
    merges = [e for e in found if e.kind is EventKind.MERGE_PERSON]
    assert [(e.patient, e.prior_patient) for e in merges] == [("P-2", "P-1")]


def test_numbers_are_chosen_by_the_table() -> None:
    card = {"system": "urn:oid:2.16.156.10011.1.3", "value": "110101195002030000"}
    numbers = [
        card,
        {"use": "old", "value": "X-0"},
        {"value": "X-1"},
        {"use": "official", "value": "X-2"},
        {"type": concept(f"{THO}/v2-0203", "MR"), "value": "X-3"},
    ]
    for keep, expected in ((5, "X-3"), (4, "X-2"), (3, "X-1")):
        person = patient(identifier=numbers[:keep], name=[{"text": "测试"}])
        found = stay(bundle({"p": person, "e": encounter()}))
        assert (found.patient, found.person["id_number"]) == (expected, card["value"])
        assert card["value"] not in repr((found.unknown, found.extra, found.facts))
    named = patient(identifier=[card], id="own")
    assert stay(bundle({"p": named, "e": encounter()})).patient == "own"


def test_hospital_and_departments() -> None:
    provider = {"system": f"{BASE}/NamingSystem/fixmedins-code", "value": "H33010000001"}
    kind = [concept(f"{THO}/organization-type", "dept")]
    message = bundle(
        {
            "p": patient(),
            "o": {"resourceType": "Organization", "identifier": [provider]},
            "d": {"resourceType": "Organization", "name": "外科", "partOf": ref("o"), "type": kind},
            "e": encounter(serviceProvider=ref("d")),
        }
    )
    found = stay(message)
    assert (found.hospital, found.facts["department"]) == ("H33010000001", "外科")
    ward = {"resourceType": "Location", "name": "一病区"}
    places = [{"location": ref("l")}, {"location": {"display": "二病区"}}]
    there = encounter(location=places, serviceProvider={"identifier": provider})
    found = stay(bundle({"p": patient(), "l": ward, "e": there}))
    assert found.hospital == "H33010000001"
    long = {"identifier": provider | {"value": "H" * 65}}
    cut = stay(bundle({"p": patient(), "e": encounter(serviceProvider=long)}))
    assert (cut.hospital, len(cut.unknown)) == ("", 1)
    assert (found.facts["admission_department"], found.facts["department"]) == ("一病区", "二病区")


def test_observations_and_units() -> None:
    weight = {"resourceType": "Observation", "status": "final", "subject": ref("p")}
    weight |= {"code": concept("http://loinc.org", "8339-4")}
    hours = weight | {"code": concept(f"{BASE}/CodeSystem/case-field", "ventilator_hours")}
    message = bundle(
        {
            "p": patient(),
            "e": encounter(extension=[extension("age", {"valueAge": {"value": 2, "code": "wk"}})]),
            "w": weight | {"valueQuantity": {"value": 3.455, "unit": "kg"}},
            "h": hours | {"valueQuantity": {"value": 90, "code": "min"}},
            "x": hours | {"status": "entered-in-error", "valueInteger": 1},
            "y": weight | {"code": concept("http://loinc.org", "1-1"), "valueInteger": 1},
        }
    )
    found = case(message)
    assert (found.birth_weight_g, found.ventilator_hours, found.age_days) == (3455, 1.5, 14)
    odd = weight | {"valueQuantity": {"value": 3, "unit": "斤"}}
    noted = stay(bundle({"p": patient(), "e": encounter(), "w": odd}))
    assert noted.unknown == (("Bundle.entry[2].resource.value", "birth_weight_g"),)


def test_the_coverage_that_counts() -> None:
    cover = {"resourceType": "Coverage", "status": "active", "beneficiary": ref("p")}
    office = {"resourceType": "Organization"}
    office |= {"identifier": [{"system": f"{BASE}/NamingSystem/region", "value": "330100"}]}
    message = bundle(
        {
            "p": patient(),
            "e": encounter(),
            "a": cover | {"order": 2, "type": {"text": "商业"}},
            "b": cover | {"order": 1, "type": concept("urn:x", "310"), "payor": [ref("o")]},
            "c": cover | {"order": 0, "status": "cancelled", "type": {"text": "旧"}},
            "o": office,
        }
    )
    found = stay(message)
    assert (found.facts["insurance_type"], found.facts["insured_region"]) == ("310", "330100")
    assert "region" not in found.facts
    assert found.extra["Coverage.others"] == [{"type": "商业"}]
    claim = {"resourceType": "Claim", "status": "active", "patient": ref("p")}
    claim["insurance"] = [{"coverage": ref("b")}, {"focal": True, "coverage": ref("a")}]
    message["entry"].append({"resource": claim})
    assert stay(message).facts["insurance_type"] == "商业"


def test_what_nothing_reads_is_kept() -> None:
    odd = {"url": "urn:x:hours", "valueDecimal": 1.5}
    where = encounter(priority=concept("urn:x", "EM"), extension=[odd], period="2026")
    found = stay(bundle({"p": patient(), "e": where}))
    assert found.extra["Encounter.priority"] == concept("urn:x", "EM")
    assert found.extra["Encounter.extension[urn:x:hours]"]["valueDecimal"] == "1.5"
    assert ("Bundle.entry[1].resource.period", "") in found.unknown


def test_a_message_that_shows_both_versions_is_read_and_reported() -> None:
    done = procedure("36.0601", occurrenceDateTime="2026-01-02")
    message = bundle({"p": patient(), "e": encounter(), "r": done})
    assert FORM.envelope(raw(message)).kind == "Bundle/transaction R4+R5"
    found = stay(message)
    assert ("Bundle", "R4+R5") in found.unknown
    assert found.px[0].about["px_date"] == "2026-01-02"
