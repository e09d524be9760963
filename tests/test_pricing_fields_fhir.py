"""Fields for pricing in FHIR: the physician, who ordered a charge, and what extensions state."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from fhir_support import THO, bundle, concept, encounter, patient, raw, ref, stay

from grouper.case import Case
from grouper.case.fields import FIELDS
from grouper.intake.record import case_of, merge
from hl7_adapters.fhir.form import FhirForm
from hl7_adapters.fhir.tables import BASE

Json = dict[str, Any]
ATND = concept(f"{THO}/v3-ParticipationType", "ATND")
CITIZEN = {"system": "urn:oid:2.16.156.10011.1.3", "value": "000000000000000000"}


def doctor(*identifiers: Json, **more: Any) -> Json:
    name = [{"text": "测试医师"}]
    return {"resourceType": "Practitioner", "name": name, "identifier": list(identifiers)} | more


def stated(name: str, **value: Any) -> Json:
    return {"url": f"{BASE}/StructureDefinition/{name}"} | value


def charge(key: str, amount: float, **more: Any) -> Json:
    return {
        "resourceType": "ChargeItem",
        "identifier": [{"value": key}],
        "status": "billable",
        "code": {"text": "甲"},
        "subject": ref("p"),
        "context": ref("e"),
        "priceOverride": {"value": amount, "currency": "CNY"},
    } | more


def told(encountered: Json, **more: Json) -> Any:
    return stay(bundle({"p": patient(), "e": encountered} | more))


@pytest.mark.parametrize(("version", "key"), [("R4", "individual"), ("R5", "actor")])
def test_the_attender_is_the_physician(version: str, key: str) -> None:
    others = {"type": [concept(f"{THO}/v3-ParticipationType", "CON")], key: ref("d2")}
    attends = {"type": [ATND], key: ref("d1")}
    number = {"type": concept(f"{THO}/v2-0203", "EI"), "value": "D0012"}
    event = told(
        encounter(version=version, participant=[others, attends]),
        d1=doctor(CITIZEN, number),
        d2=doctor({"value": "D9"}),
    )
    assert event.facts["physician"] == "D0012"
    assert len(event.extra["Encounter.participant"]) == 2


@pytest.mark.parametrize(
    "who",
    [
        {"display": "测试医师"},
        {"reference": "Practitioner/x", "display": "测试医师"},
        {"identifier": CITIZEN},
        "d1",
        7,
    ],
)
def test_a_name_or_a_citizen_number_is_no_code(who: object) -> None:
    event = told(encounter(participant=[{"type": [ATND], "individual": who}]))
    assert "physician" not in event.facts
    named = told(
        encounter(participant=[{"type": [ATND], "individual": ref("d1")}]), d1=doctor(CITIZEN)
    )
    assert "physician" not in named.facts


def test_the_id_of_a_practitioner_is_its_code_where_it_has_no_number() -> None:
    event = told(
        encounter(participant=[{"type": [ATND], "individual": {"reference": "Practitioner/D7"}}]),
    )
    assert "physician" not in event.facts
    entry = {"fullUrl": "http://x/Practitioner/D7", "resource": doctor(id="D7")}
    body = bundle(
        {
            "p": patient(),
            "e": encounter(
                participant=[
                    {"type": [ATND], "individual": {"reference": "http://x/Practitioner/D7"}}
                ]
            ),
        }
    )
    body["entry"].append(entry)
    assert stay(body).facts["physician"] == "D7"


def test_who_ordered_a_charge_stands_apart_from_who_did_it() -> None:
    item = charge(
        "a",
        10,
        requestingOrganization={"display": "一病区"},
        performingOrganization={"display": "手术室"},
        performer=[{"actor": {"display": "甲"}}],
    )
    (line,) = told(encounter(), c=item).lines
    assert line.about["line_department"] == "一病区"
    assert (line.about["department"], line.about["physician"]) == ("手术室", "甲")
    assert "line_physician" not in line.about


def test_a_hospital_says_which_element_holds_who_ordered(tmp_path: Path) -> None:
    (tmp_path / "elements.csv").write_text(
        "resource,element,version,path,shape\nChargeItem,line_physician,,enterer,\n", "utf-8"
    )
    form = FhirForm()
    form.configure({"tables": str(tmp_path)})
    entered = {"identifier": {"type": concept(f"{THO}/v2-0203", "EI"), "value": "D3"}}
    body = bundle({"p": patient(), "e": encounter(), "c": charge("a", 10, enterer=entered)})
    (event,) = [e for e in form.events(raw(body)) if e.visit]
    assert event.lines[0].about["line_physician"] == "D3"


def test_extensions_state_scope_share_and_limit() -> None:
    more = [
        stated("line_scope", valueCode="B"),
        stated("line_first_share", valueDecimal=0.1),
        stated("line_limit", valueMoney={"value": 8, "currency": "CNY"}),
        stated("line_department", valueString="A03"),
        stated("line_physician", valueString="D1"),
    ]
    item = charge("a", 10, extension=more, requestingOrganization={"display": "一病区"})
    event = told(encounter(), c=item)
    case, issues = case_of(merge({}, event, 1), [line.about for line in event.lines])
    assert not [issue for issue in issues if issue.field.startswith("line_")]
    assert (case.line_scope, case.line_first_share) == (("B",), (Decimal("0.1"),))
    assert case.line_limit == (Decimal("8.00"),)
    assert (case.line_department, case.line_physician) == (("A03",), ("D1",))


SINGLE = {
    "insured_region": ("valueString", "331002", "331002"),
    "person_type": ("valueCode", "12", "12"),
    "aid_category": ("valueCode", "03", "03"),
    "visit_type": ("valueCode", "2105", "2105"),
    "admission_number": ("valueInteger", 2, 2),
    "physician": ("valueString", "D1", "D1"),
    "pathway": ("valueCode", "left", "left"),
} | {
    name: ("valueDecimal", 12.5, Decimal("12.50"))
    for name, field in FIELDS.items()
    if name.endswith(("_paid", "_cost")) or name.startswith("year_")
    if not field.nested
}


@pytest.mark.parametrize("name", sorted(SINGLE))
def test_any_single_field_may_be_an_extension(name: str) -> None:
    key, value, meant = SINGLE[name]
    extended = encounter(extension=[stated(f"case-{name}", **{key: value})])
    case: Case = case_of(merge({}, told(extended), 1))[0]
    assert getattr(case, name) == meant


def insured_at(code: str) -> dict[str, Json]:
    """A coverage and its payor, who insures at a place."""
    number = {"system": f"{BASE}/NamingSystem/region", "value": code}
    payor = {"resourceType": "Organization", "identifier": [number]}
    cover = {"resourceType": "Coverage", "status": "active", "beneficiary": ref("p")}
    return {"v": cover | {"payor": [ref("o")]}, "o": payor}


@pytest.mark.parametrize(
    ("code", "insured"),
    [("331002", "331002"), ("330702", "330700"), ("500112", "500000"), ("某地", "某地")],
)
def test_a_payor_says_where_the_patient_is_insured_and_not_which_region_binds(
    code: str, insured: str
) -> None:
    event = told(encounter(), **insured_at(code))
    assert event.facts["insured_region"] == insured
    assert "region" not in event.facts


def test_who_is_insured_elsewhere_stays_in_the_region_that_the_site_states() -> None:
    treated = encounter(extension=[stated("case-region", valueString="330700")])
    case = case_of(merge({}, told(treated, **insured_at("110105")), 1))[0]
    assert (case.region, case.insured_region) == ("330700", "110000")
    both = [
        stated("case-region", valueString="330700"),
        stated("case-insured_region", valueString="350200"),
    ]
    case = case_of(merge({}, told(encounter(extension=both), **insured_at("110105")), 1))[0]
    assert (case.region, case.insured_region) == ("330700", "350200")
