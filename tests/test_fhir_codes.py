"""Diagnoses, procedures and charge lines of FHIR messages: order, roles, systems, amounts."""

from __future__ import annotations

from decimal import Decimal

import pytest
from fhir_support import (
    BASE,
    DX,
    PX,
    THO,
    Json,
    bundle,
    case,
    concept,
    condition,
    encounter,
    patient,
    procedure,
    raw,
    ref,
    stay,
)

from grouper.intake.event import Event, ItemAction
from hl7_adapters.fhir import FORM

ROLE = f"{THO}/diagnosis-role"
CLINICAL = f"{BASE}/CodeSystem/icd10-clinical-2.0"


def with_list(diagnosis: list[Json], conditions: dict[str, Json], **more: Json) -> Json:
    return bundle({"p": patient(), "e": encounter(diagnosis=diagnosis), **conditions, **more})


def codes(event: Event, name: str = "dx") -> list[tuple[str, int]]:
    return [(c.code, c.rank) for c in getattr(event, name) or () if c.action is ItemAction.SET]


def test_the_rank_says_which_is_principal_whatever_the_order() -> None:
    found = stay(
        with_list(
            [
                {"condition": ref("a"), "rank": 2},
                {"condition": ref("b"), "rank": 1},
            ],
            {"a": condition("E11.900"), "b": condition("I21.001")},
        )
    )
    assert codes(found) == [("E11.900", 1), ("I21.001", 0)]
    assert found.dx_whole


def test_without_rank_nothing_is_promoted() -> None:
    message = with_list([{"condition": ref("a")}], {"a": condition("I21.001")})
    assert case(message).dx == (None, "I21.001")


def test_admission_diagnoses_give_way_to_others() -> None:
    admission = {"condition": ref("a"), "rank": 1, "use": concept(ROLE, "AD")}
    final = {"condition": ref("b"), "rank": 1, "use": concept(ROLE, "DD")}
    conditions = {"a": condition("R07.400", id="a"), "b": condition("I21.001")}
    found = stay(with_list([admission, final], conditions))
    assert codes(found) == [("I21.001", 0)]
    assert found.extra["Condition/a"]["status"] == "admission"
    alone = stay(with_list([admission], {"a": condition("R07.400")}))
    assert codes(alone) == [("R07.400", 0)]


def test_the_claim_goes_before_the_encounter_and_a_difference_is_reported() -> None:
    kind = [concept(f"{THO}/ex-diagnosistype", "principal")]
    claim = {
        "resourceType": "Claim",
        "status": "active",
        "patient": ref("p"),
        "diagnosis": [
            {"sequence": 1, "diagnosisReference": ref("a")},
            {
                "sequence": 2,
                "diagnosisReference": ref("b"),
                "type": kind,
                "onAdmission": concept(f"{THO}/ex-diagnosis-on-admission", "n"),
            },
            {"sequence": 3, "diagnosisCodeableConcept": concept(DX, "J18.900x002")},
        ],
        "procedure": [
            {"sequence": 1, "procedureReference": ref("r"), "date": "2026-01-02"},
            {"sequence": 2, "procedureCodeableConcept": concept(PX, "88.5501")},
        ],
    }
    message = with_list(
        [{"condition": ref("a"), "rank": 1}, {"condition": ref("c")}],
        {
            "a": condition("E11.900"),
            "b": condition("I21.001"),
            "c": condition("J18.900x002"),
            "r": procedure("36.0601"),
        },
        cl=claim,
    )
    found = stay(message)
    assert codes(found) == [("E11.900", 1), ("I21.001", 0), ("J18.900x002", 1)]
    assert found.dx[1].about["dx_poa"] == "4"
    assert ("Bundle.entry[2].resource.code", "principal") in found.unknown
    assert codes(found, "px") == [("36.0601", 0), ("88.5501", 1)]
    assert found.px_whole
    assert case(message).px_date[0].isoformat() == "2026-01-02"


def test_two_principal_diagnoses_are_reported() -> None:
    role = {"use": concept(f"{BASE}/CodeSystem/dx-role", "principal")}
    entries = [{"condition": ref(name)} | role for name in "ab"]
    found = stay(with_list(entries, {"a": condition("I21.001"), "b": condition("E11.900")}))
    assert codes(found) == [("I21.001", 0), ("E11.900", 1)]
    assert found.unknown == (("Bundle.entry[3].resource.code", "principal"),)


@pytest.mark.parametrize("status", ["refuted", "entered-in-error"])
def test_a_condition_that_does_not_stand_is_taken_away_and_kept(status: str) -> None:
    first = bundle({"p": patient(), "e": encounter(), "c": condition("I21.001", id="k")})
    stated = concept(f"{THO}/condition-ver-status", status)
    gone = condition("I21.001", id="k", verificationStatus=stated)
    second = bundle({"p": patient(), "e": encounter(), "c": gone})
    assert case(first).dx == (None, "I21.001")
    assert case(first, second).dx == ()
    kept = stay(second).extra["Condition/k"]
    assert kept == {"code": [f"{DX}|I21.001"], "name": "", "status": status}


def test_conditions_of_the_person_are_none_of_the_stay() -> None:
    problem = [concept(f"{THO}/condition-category", "problem-list-item")]
    meant = [concept(f"{THO}/condition-category", "encounter-diagnosis")]
    message = bundle(
        {
            "p": patient(),
            "e": encounter(),
            "a": condition("I10.x00x002", None),
            "b": condition("E11.900", category=problem, id="b"),
            "c": condition("I21.001", None, category=meant),
        }
    )
    found = stay(message)
    assert codes(found) == [("I21.001", 1)]
    assert found.extra["Condition/b"]["status"] == "problem-list-item"


def test_one_edition_for_all_codes_where_that_can_be() -> None:
    both = {"coding": [*concept(CLINICAL, "C1")["coding"], *concept(DX, "N1")["coding"]]}
    single = concept(CLINICAL, "C2")
    entries = [{"condition": ref("a"), "rank": 1}, {"condition": ref("b"), "rank": 2}]
    found = stay(with_list(entries, {"a": condition(both), "b": condition(single)}))
    assert codes(found) == [("C1", 0), ("C2", 1)]
    assert (found.facts["code_system"], found.unknown) == ("clinical", ())
    mixed = stay(with_list(entries, {"a": condition(concept(DX, "N1")), "b": condition(single)}))
    assert codes(mixed) == [("N1", 0), ("C2", 1)]
    assert mixed.facts["code_system"] == "nhsa"
    assert mixed.unknown == (("Bundle.entry[3].resource.code", f"{CLINICAL}|C2"),)


@pytest.mark.parametrize(
    ("system", "code"),
    [("http://hl7.org/fhir/sid/icd-10", "I21.0"), ("urn:local", "A1"), ("", "A2")],
)
def test_codes_of_unsure_systems_are_kept_and_reported(system: str, code: str) -> None:
    stated = concept(system, code) if system else {"coding": [{"code": code}]}
    found = stay(with_list([{"condition": ref("a"), "rank": 1}], {"a": condition(stated)}))
    assert codes(found) == [(code, 0)]
    assert "code_system" not in found.facts
    assert [value.rpartition("|")[2] for _, value in found.unknown] == [code]


def test_a_terminology_that_is_no_classification_gives_a_name_alone() -> None:
    stated = concept("http://snomed.info/sct", "22298006", "心肌梗死")
    found = stay(with_list([{"condition": ref("a"), "rank": 1}], {"a": condition(stated)}))
    assert codes(found) == [("", 0)]
    assert found.dx[0].about["name"] == "心肌梗死"
    assert found.unknown[0][1] == "http://snomed.info/sct|22298006"


def test_procedures_by_their_status() -> None:
    message = bundle(
        {
            "p": patient(),
            "e": encounter(),
            "a": procedure("36.0601", performedPeriod={"start": "2026-01-02T08:00:00+08:00"}),
            "b": procedure("88.5501", status="not-done", id="b"),
            "c": procedure("37.2201", status="stopped"),
        }
    )
    found = stay(message)
    assert codes(found, "px") == [("36.0601", 1), ("37.2201", 1)]
    assert case(message).px_modifier == (None, None, "terminated")
    assert found.extra["Procedure/b"]["status"] == "not-done"
    roles = [concept(f"{BASE}/CodeSystem/px-role", "principal")]
    main = bundle({"p": patient(), "e": encounter(), "a": procedure("36.0601", category=roles)})
    assert case(main).px == ("36.0601",)


def test_an_encounter_lists_a_procedure_as_its_reason() -> None:
    entries = [{"condition": ref("r")}, {"condition": ref("a"), "rank": 1}, {}]
    conditions = {"a": condition("I21.001"), "r": procedure("36.0601")}
    found = stay(with_list(entries, conditions))
    assert (codes(found), codes(found, "px")) == ([("I21.001", 0)], [("36.0601", 1)])
    assert ("Bundle.entry[1].resource.diagnosis[2]", "condition") in found.unknown


def test_r5_states_a_diagnosis_in_place() -> None:
    entry = {
        "condition": [{"concept": concept(DX, "I21.001")}],
        "use": [concept("http://hl7.org/fhir/encounter-diagnosis-use", "final")],
    }
    message = bundle({"p": patient(), "e": encounter(version="R5", diagnosis=[entry])})
    assert codes(stay(message)) == [("I21.001", 1)]


def charge(key: str, amount: object, **more: object) -> Json:
    return {
        "resourceType": "ChargeItem",
        "identifier": [{"value": key}],
        "status": "billable",
        "code": concept(f"{BASE}/CodeSystem/nhsa-item", "001"),
        "subject": ref("p"),
        "context": ref("e"),
        "priceOverride": {"value": amount, "currency": "CNY"},
    } | more


def charged(*items: Json) -> Json:
    named = {f"l{at}": item for at, item in enumerate(items)}
    return bundle({"p": patient(), "e": encounter(), **named})


def test_a_charge_in_error_takes_its_line_away() -> None:
    first = charged(charge("a", 10.5), charge("b", 3))
    second = charged(charge("a", 10.5, status="entered-in-error"))
    assert case(first).line_amount == (Decimal("10.50"), Decimal(3))
    assert case(first, second).line_amount == (Decimal(3),)
    assert case(first, charged(charge("a", 12))).line_amount == (Decimal(12), Decimal(3))


def test_charges_without_a_number_are_the_same_when_sent_again() -> None:
    equal = charge("", 5, identifier=[])
    message = charged(equal, equal, charge("", 6, identifier=[]))
    found = stay(message)
    assert len({line.key for line in found.lines}) == 3
    assert [place for place, _ in found.unknown] == [
        f"Bundle.entry[{at}].resource.identifier" for at in (2, 3, 4)
    ]
    assert case(message, message).line_amount == (Decimal(5), Decimal(5), Decimal(6))


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("0.1", "0.1"),
        ("10.10", "10.1"),
        ("123456789.12345", "123456789.12345"),
        ("99999999999.99", "99999999999.99"),
        ("0.10000000000000000555", "0.10000000000000000555"),
        ("100.00499999999999999999", "100.00499999999999999999"),
        ("12345678901234567e-8", "123456789.01234567"),
        ("1.5e2", "150"),
        ("-0.00", "0"),
        ("12345678901234567890", "12345678901234567890"),
    ],
)
def test_an_amount_keeps_the_digits_that_were_written(text: str, amount: str) -> None:
    message = raw(charged(charge("a", 777))).replace(b"777", text.encode())
    (line,) = stay(message).lines
    assert Decimal(line.about["line_amount"]) == Decimal(amount)
    compact = message.replace(b": ", b":").replace(b", ", b",")
    assert stay(compact).lines == (line,)


@pytest.mark.parametrize(
    "money",
    [{"value": 1, "currency": "USD"}, {"value": "1"}, {"currency": "CNY"}, "5", {"value": True}],
)
def test_an_amount_that_is_no_yuan_is_reported(money: object) -> None:
    found = stay(charged(charge("a", 1, priceOverride=money)))
    assert "line_amount" not in found.lines[0].about
    assert found.unknown[0][0].startswith("Bundle.entry[2].resource.")


def test_price_components_and_unit_prices_of_r5() -> None:
    def part(kind: str, value: float) -> Json:
        return {"type": kind, "amount": {"value": value, "currency": "CNY"}}

    total = [part("base", 100), part("discount", 20.5), part("informational", 7), part("tax", 1)]
    one = charge("a", 0, totalPriceComponent=total)
    two = charge("b", 0, unitPriceComponent=part("base", 2.5), quantity={"value": 4, "unit": "次"})
    for item in (one, two):
        del item["priceOverride"]
        item["encounter"] = item.pop("context")
    found = stay(charged(one, two))
    assert [line.about["line_amount"] for line in found.lines] == ["80.5", "10"]
    assert found.lines[1].about["unit"] == "次"


def test_codes_of_a_charge_by_their_system() -> None:
    def coding(system: str, code: str) -> Json:
        return {"system": f"{BASE}/CodeSystem/{system}", "code": code}

    stated = {
        "coding": [
            coding("line-class", "09"),
            coding("hospital-item", "H1"),
            coding("other", "O1"),
        ],
        "text": "药",
    }
    doctor = {"actor": {"display": "甲"}}
    ward = {"display": "一病区"}
    item = charge("a", 1, code=stated, performer=[doctor], performingOrganization=ward)
    (line,) = stay(charged(item)).lines
    assert line.about == {
        "line_class": "09",
        "hospital_item": "H1",
        "line_item": "H1",
        "line_name": "药",
        "line_amount": "1",
        "physician": "甲",
        "department": "一病区",
    }


def claim(items: list[Json], **more: object) -> Json:
    return {
        "resourceType": "Claim",
        "identifier": [{"value": "C-1"}],
        "status": "active",
        "use": "claim",
        "patient": ref("p"),
        "item": items,
    } | more


def item(sequence: int, net: object = None, **more: object) -> Json:
    code = concept(f"{BASE}/CodeSystem/nhsa-item", f"00{sequence}")
    found: Json = {"sequence": sequence, "productOrService": code} | more
    return found | ({} if net is None else {"net": {"value": net, "currency": "CNY"}})


def test_a_claim_is_the_whole_bill() -> None:
    details = [item(1, 3), item(2, 4)]
    kind = concept(f"{BASE}/CodeSystem/line-class", "06")
    bill = claim(
        [
            item(1, 7, detail=details, servicedDate="2026-01-02", category=kind),
            item(2, 9, detail=details),
            item(3, unitPrice={"value": 2.5}, quantity={"value": 3}, factor=2),
            item(4),
        ],
        total={"value": 31},
    )
    found = stay(charged(charge("x", 99)) | {})
    assert not found.lines_whole
    message = bundle({"p": patient(), "e": encounter(), "l": charge("x", 99), "c": bill})
    found = stay(message)
    assert found.lines_whole
    assert found.extra["ChargeItem"] == {"count": 1, "status": "Claim.item"}
    assert [line.key for line in found.lines] == [
        *("C-1/1.1", "C-1/1.2"),
        *("C-1/2", "C-1/3", "C-1/4"),
    ]
    amounts = [line.about.get("line_amount") for line in found.lines]
    assert amounts == ["3", "4", "9", "15", None]
    assert found.lines[0].about["line_time"] == "2026-01-02"
    assert found.lines[0].about["line_class"] == "06"
    assert case(charged(charge("x", 99)), message).line_item[:2] == ("001", "002")


def test_a_claim_that_follows_another_adds_to_it_and_a_cancelled_one_goes() -> None:
    first = bundle({"p": patient(), "e": encounter(), "c": claim([item(1, 5)], total={"value": 5})})
    more = claim([item(1, 6)], identifier=[{"value": "C-2"}], related=[{"reference": {}}])
    second = bundle({"p": patient(), "e": encounter(), "c": more})
    assert not stay(second).lines_whole
    assert case(first, second).line_amount == (Decimal(5), Decimal(6))
    void = bundle({"p": patient(), "e": encounter(), "c": claim([item(1, 5)], status="cancelled")})
    assert case(first, second, void).line_amount == (Decimal(6),)
    assert stay(void).extra["Claim/C-1"] == {"status": "cancelled", "use": "claim"}
    asked = bundle(
        {"p": patient(), "e": encounter(), "c": claim([item(1, 5)], use="preauthorization")}
    )
    assert stay(asked).lines == ()
    assert stay(asked).dx is None


def test_a_long_key_is_known_by_its_hash() -> None:
    first, second = charged(charge("k" * 200, 1)), charged(charge("k" * 200, 2))
    assert len(stay(first).lines[0].key) == 64
    assert case(first, second).line_amount == (Decimal(2),)


def test_a_document_states_the_whole_bill() -> None:
    message = charged(charge("a", 1)) | {"type": "document"}
    assert stay(message).lines_whole
    assert FORM.envelope(raw(message)).kind == "Bundle/document R4"
