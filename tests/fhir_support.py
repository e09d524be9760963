"""Bundles of R4 and R5 for the tests: built from a Case, or put together by hand."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson

from grouper.case.record import Case
from grouper.intake.event import Event, EventKind, ItemAction
from grouper.intake.record import case_of, merge
from hl7_adapters.fhir import FORM
from hl7_adapters.fhir.tables import BASE

Json = dict[str, Any]
THO = "http://terminology.hl7.org/CodeSystem"
DX, PX = f"{BASE}/CodeSystem/icd10-nhsa-2.0", f"{BASE}/CodeSystem/icd9cm3-nhsa-2.0"
SYSTEMS = {
    "nhsa": (DX, PX),
    "clinical": (
        f"{BASE}/CodeSystem/icd10-clinical-2.0",
        f"{BASE}/CodeSystem/icd9cm3-clinical-3.0",
    ),
    "icd10cm": ("http://hl7.org/fhir/sid/icd-10-cm", "http://www.cms.gov/Medicare/Coding/ICD10"),
}
RANK = "http://hl7.org/fhir/4.0/StructureDefinition/extension-Encounter.diagnosis.rank"
CLASSES = {"inpatient": "IMP", "outpatient": "AMB"}


def concept(system: str, code: str, display: str = "") -> Json:
    coding = {"system": system, "code": code}
    return {"coding": [coding | ({"display": display} if display else {})]}


def extension(field: str, value: Json) -> Json:
    return {"url": f"{BASE}/StructureDefinition/case-{field}"} | value


def ref(name: str) -> Json:
    return {"reference": f"urn:uuid:{name}"}


def patient(number: str = "P-1", **more: Any) -> Json:
    return {
        "resourceType": "Patient",
        "identifier": [{"type": concept(f"{THO}/v2-0203", "MR"), "value": number}],
    } | more


def encounter(visit: str = "V-1", version: str = "R4", subject: str = "p", **more: Any) -> Json:
    kind = {"system": f"{THO}/v3-ActCode", "code": "IMP"}
    return {
        "resourceType": "Encounter",
        "identifier": [{"type": concept(f"{THO}/v2-0203", "VN"), "value": visit}],
        "status": "finished" if version == "R4" else "completed",
        "class": kind if version == "R4" else [{"coding": [kind]}],
        "subject": ref(subject),
    } | more


def condition(code: str | Json, visit: str | None = "e", subject: str = "p", **more: Any) -> Json:
    found = {
        "resourceType": "Condition",
        "code": concept(DX, code) if isinstance(code, str) else code,
        "subject": ref(subject),
    }
    found["clinicalStatus"] = concept(f"{THO}/condition-clinical", "active")
    return found | ({"encounter": ref(visit)} if visit else {}) | more


def procedure(code: str | Json, visit: str = "e", subject: str = "p", **more: Any) -> Json:
    return {
        "resourceType": "Procedure",
        "status": "completed",
        "code": concept(PX, code) if isinstance(code, str) else code,
        "subject": ref(subject),
        "encounter": ref(visit),
    } | more


def bundle(resources: dict[str, Json], kind: str = "transaction", **more: Any) -> Json:
    entries = [{"fullUrl": f"urn:uuid:{name}", "resource": r} for name, r in resources.items()]
    return {"resourceType": "Bundle", "type": kind, "entry": entries} | more


def raw(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, default=_plain).encode()


def _plain(value: object) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)


def events(value: object) -> list[Event]:
    return list(FORM.events(value if isinstance(value, bytes) else raw(value)))


def stay(value: object) -> Event:
    """The one stay of a message."""
    (found,) = [e for e in events(value) if e.kind is EventKind.STAY]
    return found


def case(*messages: object) -> Case:
    """The Case of one stay after messages, with its charge lines."""
    record: Json = {}
    lines: dict[str, Any] = {}
    for stamp, message in enumerate(messages, 1):
        event = stay(message)
        # What is stored is JSON: anything else would be lost or refused there.
        event_facts = orjson.loads(orjson.dumps(dict(event.facts)))
        assert event_facts == dict(event.facts)
        orjson.dumps([event.extra, event.person, [line.about for line in event.lines]])
        record = orjson.loads(orjson.dumps(merge(record, event, stamp)))
        if event.lines_whole:
            lines = {}
        for line in event.lines:
            if line.action is ItemAction.DELETE:
                lines.pop(line.key, None)
            else:
                lines[line.key] = line.about
    found, _ = case_of(record, list(lines.values()), case_id=event.visit, person=event.patient)
    return found


def of_case(case: Case, version: str, kind: str = "collection", *, claim: bool = False) -> Json:
    """A bundle that states all of a case."""
    found: dict[str, Json] = {"p": patient(case.person or "P-1")}
    if case.sex:
        found["p"]["gender"] = {1: "male", 2: "female"}[case.sex]
    if case.birth_date:
        found["p"]["birthDate"] = case.birth_date.isoformat()
    found["e"] = _encounter(case, version)
    dx_system, px_system = SYSTEMS[case.code_system]
    for at, code in enumerate(case.dx):
        if code is not None:
            found[f"c{at}"] = condition(concept(dx_system, code, f"诊断{at}"), id=f"c{at}")
    for at, code in enumerate(case.px):
        if code is not None:
            found[f"r{at}"] = _procedure(case, at, concept(px_system, code), version)
    for at in range(len(case.line_item)):
        found[f"l{at}"] = _charge(case, at, version)
    found["o"] = _coverage(case, version)
    if claim:
        found["cl"] = _claim(case, version)
    return bundle(found, kind)


def _encounter(case: Case, version: str) -> Json:
    found = encounter(case.case_id or "V-1", version)
    four = version == "R4"
    times = {"start": case.admission_time, "end": case.discharge_time}
    stated = {name: t.isoformat() for name, t in times.items() if t}
    if not case.discharge_time:
        found["status"] = "in-progress"
    if stated:
        found["period" if four else "actualPeriod"] = stated
    coding = {"system": f"{THO}/v3-ActCode", "code": CLASSES.get(case.kind, "")}
    if case.kind not in CLASSES:
        coding = {"system": f"{BASE}/CodeSystem/kind", "code": case.kind}
    found["class"] = coding if four else [{"coding": [coding]}]
    if case.discharge_way:
        way = concept(f"{BASE}/CodeSystem/discharge-way", case.discharge_way)
        found["hospitalization" if four else "admission"] = {"dischargeDisposition": way}
    if case.department:
        service: Json = {"text": case.department}
        found["serviceType"] = service if four else [{"concept": service}]
    if case.los:
        found["length"] = {"value": case.los, "code": "d"}
    diagnoses = [_diagnosis(case, at, four=four) for at, code in enumerate(case.dx) if code]
    extensions = _extensions(case)
    found |= {"diagnosis": diagnoses} if diagnoses else {}
    return found | ({"extension": extensions} if extensions else {})


def _diagnosis(case: Case, at: int, *, four: bool) -> Json:
    entry: Json = {"condition": ref(f"c{at}") if four else [{"reference": ref(f"c{at}")}]}
    entry |= (
        {"rank": at + 1} if four else {"extension": [{"url": RANK, "valuePositiveInt": at + 1}]}
    )
    if case.dx_poa and case.dx_poa[at]:
        poa = {"url": f"{BASE}/StructureDefinition/dx_poa", "valueCode": case.dx_poa[at]}
        entry["extension"] = [*entry.get("extension", []), poa]
    return entry


def _extensions(case: Case) -> list[Json]:
    found = []
    for name in ("icu_hours", "ventilator_hours"):
        value = getattr(case, name)
        if value:
            found.append(extension(name, {"valueDuration": {"value": value, "code": "h"}}))
    for name in ("birth_weight_g", "admission_weight_g"):
        value = getattr(case, name)
        if value:
            kilograms = {"value": Decimal(value) / 1000, "code": "kg"}
            found.append(extension(name, {"valueQuantity": kilograms}))
    for value, unit in ((case.age, "a"), (case.age_days, "d")):
        if value is not None:
            found.append(extension("age", {"valueAge": {"value": value, "code": unit}}))
    return found


def _procedure(case: Case, at: int, code: Json, version: str) -> Json:
    found = procedure(code, id=f"r{at}")
    if case.px_date and case.px_date[at]:
        date = case.px_date[at].isoformat()
        found["performedDateTime" if version == "R4" else "occurrenceDateTime"] = date
    stated = [("rank", {"valuePositiveInt": at + 1})]
    for name in ("px_level", "px_modifier"):
        values = getattr(case, name)
        if values and values[at]:
            stated.append((name, {"valueString": values[at]}))
    found["extension"] = [{"url": f"{BASE}/StructureDefinition/{n}"} | v for n, v in stated]
    return found


def _charge(case: Case, at: int, version: str) -> Json:
    codes = concept(f"{BASE}/CodeSystem/nhsa-item", case.line_item[at] or "")
    if case.line_class and case.line_class[at]:
        kind = {"system": f"{BASE}/CodeSystem/line-class", "code": case.line_class[at]}
        codes["coding"].append(kind)
    if case.line_name and case.line_name[at]:
        codes["text"] = case.line_name[at]
    found: Json = {"resourceType": "ChargeItem", "id": f"l{at}", "status": "billable"}
    found |= {"code": codes, "subject": ref("p")}
    found["context" if version == "R4" else "encounter"] = ref("e")
    if case.line_quantity:
        found["quantity"] = {"value": case.line_quantity[at]}
    if case.line_amount:
        money = {"value": case.line_amount[at], "currency": "CNY"}
        if version == "R4":
            found["priceOverride"] = money
        else:
            found["totalPriceComponent"] = {"type": "base", "amount": money}
    if case.line_time and case.line_time[at]:
        found["occurrenceDateTime"] = case.line_time[at].isoformat()
    return found


def _coverage(case: Case, version: str) -> Json:
    found: Json = {"resourceType": "Coverage", "status": "active", "beneficiary": ref("p")}
    if case.insurance_type:
        found["type"] = {"text": case.insurance_type}
    system = f"{BASE}/NamingSystem/region"
    payor = {
        "identifier": {"system": system, "value": case.insured_region or ""},
        "display": "医保局",
    }
    if case.insured_region:
        found |= {"payor": [payor]} if version == "R4" else {"insurer": payor}
    return found | ({} if version == "R4" else {"kind": "insurance"})


def _claim(case: Case, version: str) -> Json:
    found: Json = {"resourceType": "Claim", "id": "cl", "status": "active", "use": "claim"}
    found |= {"patient": ref("p"), "type": concept(f"{THO}/claim-type", "institutional")}
    found |= {"created": "2026-02-01", "provider": {"display": "医院"}}
    found["priority"] = concept(f"{THO}/processpriority", "normal")
    found["insurance"] = [{"sequence": 1, "focal": True, "coverage": ref("o")}]
    if version == "R5":
        found["encounter"] = [ref("e")]
    if case.total_cost is not None:
        found["total"] = {"value": case.total_cost, "currency": "CNY"}
    return found
