"""A grouped (and priced) case as ClaimResponse, with the Claim it answers if that is wished.

R5 has an element for the group (``diagnosisRelatedGroup``); R4 states it as the package code of
the principal diagnosis of the Claim. In both the whole grouping stands in one extension of our own
(``{base}/StructureDefinition/grouping``), so that a receiver reads one place.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

import orjson

from codebooks.errors import GrouperError
from codebooks.messages import catalogue, text
from hl7_adapters.fhir.book import Book, load_book
from hl7_adapters.fhir.tables import BASE
from hl7_adapters.fhir.values import Json, plain

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from grouper.intake.result import CaseResult, Grouped, Priced

_THO = "http://terminology.hl7.org/CodeSystem"
_CURRENCY = "CNY"
_ALLOWED = {"version": ("R4", "R5"), "language": ("zh", "en")}


@dataclass(frozen=True, slots=True)
class _Options:
    """Options of the encoder.

    Attributes:
        version: ``R4`` or ``R5``.
        base: canonical base of our own code systems and extensions.
        claim: whether the Claim goes with the ClaimResponse, in a Bundle.
        language: of the texts to people.
        insurer: name of the insurer that the response speaks for.
        patient_system: of the patient's number; empty: one of our own.
        visit_system: of the number of the stay; as above.
    """

    version: str = "R4"
    base: str = BASE
    claim: bool = False
    language: str = "zh"
    insurer: str = "医疗保障"
    patient_system: str = ""
    visit_system: str = ""


class ClaimResponses:
    """The encoder; options as :class:`_Options`."""

    def __init__(self, options: _Options, book: Book) -> None:
        self._options = options
        self._book = book

    def encode(self, result: CaseResult, control_id: str) -> bytes:
        """As :meth:`grouper.intake.porches.Encoder.encode`: one resource as JSON in UTF-8."""
        if not self._options.claim:
            return orjson.dumps(self._response(result, control_id))
        address = f"urn:uuid:{uuid5(NAMESPACE_URL, f'{self._options.base}/{control_id}/claim')}"
        response = self._response(result, control_id) | {"request": {"reference": address}}
        answer = f"urn:uuid:{uuid5(NAMESPACE_URL, f'{self._options.base}/{control_id}')}"
        bundle = {
            "resourceType": "Bundle",
            "identifier": self._identifier("result", control_id),
            "type": "collection",
            "timestamp": result.at.isoformat(timespec="seconds"),
            "entry": [
                {"fullUrl": address, "resource": self._claim(result, control_id)},
                {"fullUrl": answer, "resource": response},
            ],
        }
        return orjson.dumps(bundle)

    def _response(self, result: CaseResult, control_id: str) -> Json:
        grouped, key = result.grouped, _status(result)
        found: Json = {"resourceType": "ClaimResponse"}
        found["extension"] = self._extensions(result, key)
        found["identifier"] = [self._identifier("result", control_id)]
        found |= self._head(result)
        found["insurer"] = {"display": self._options.insurer}
        found["outcome"] = self._book.outcomes[key]
        found["disposition"] = self._disposition(result, key)
        if self._options.version == "R5":
            found["encounter"] = [self._visit(result)]
            if grouped is not None and grouped.group:
                found["diagnosisRelatedGroup"] = self._group(grouped)
        reason = grouped.reason if grouped else result.reason
        if reason:
            found["error"] = [{"code": self._reason(reason)}]
        if grouped is not None and grouped.warnings:
            found["processNote"] = [self._note(n, w) for n, w in enumerate(grouped.warnings, 1)]
        found |= self._amounts(result)
        return found

    def _head(self, result: CaseResult) -> Json:
        system = self._options.patient_system or f"{self._options.base}/NamingSystem/patient"
        return {
            "status": "active",
            "type": {"coding": [{"system": f"{_THO}/claim-type", "code": "institutional"}]},
            "use": "claim",
            "patient": {
                "type": "Patient",
                "identifier": {"system": system, "value": result.patient},
            },
            "created": result.at.isoformat(timespec="seconds"),
        }

    def _visit(self, result: CaseResult) -> Json:
        system = self._options.visit_system or f"{self._options.base}/NamingSystem/visit"
        return {"type": "Encounter", "identifier": {"system": system, "value": result.visit}}

    def _identifier(self, name: str, value: str) -> Json:
        return {"system": f"{self._options.base}/NamingSystem/{name}", "value": value}

    def _coding(self, system: str, code: str, display: str = "") -> Json:
        shown = {"display": display} if display else {}
        return {"system": f"{self._options.base}/CodeSystem/{system}", "code": code} | shown

    def _group(self, grouped: Grouped) -> Json:
        name = grouped.group_name or ""
        return {"coding": [self._coding(grouped.scheme, grouped.group or "", name)]}

    def _reason(self, code: str) -> Json:
        return {"coding": [self._coding("reason", code)], "text": self._words(code)}

    def _words(self, code: str) -> str:
        known = f"reason.{code}" in catalogue(self._options.language)
        return text(f"reason.{code}", self._options.language) if known else code

    def _note(self, number: int, code: str) -> Json:
        lang = self._options.language
        words = text("fhir.warning", lang, code=code, words=self._words(code))
        kind: Any = "display"
        if self._options.version == "R5":
            kind = {"coding": [{"system": "http://hl7.org/fhir/note-type", "code": "display"}]}
        return {"number": number, "type": kind, "text": words}

    def _disposition(self, result: CaseResult, key: str) -> str:
        grouped, lang = result.grouped, self._options.language
        if grouped is None:
            reason = self._words(result.reason) if result.reason else ""
            return text(f"fhir.{key}", lang, reason=reason)
        known = key if key in ("running", "ambiguous") else "failed"
        return text(
            "fhir.complete" if key == "grouped" else f"fhir.{known}",
            lang,
            group=grouped.group or "",
            name=grouped.group_name or "",
            scheme=grouped.scheme,
            reason=self._words(grouped.reason) if grouped.reason else "",
        )

    def _extensions(self, result: CaseResult, key: str) -> list[Json]:
        """The stay and its grouping; parts that there are not are left out."""
        grouped = result.grouped
        parts: list[Json] = [
            {"url": "stay", "valueReference": self._visit(result)},
            {"url": "version", "valueInteger": result.version},
            {"url": "status", "valueCoding": self._coding("status", key)},
        ]
        if grouped is not None:
            codes = {
                "mdc": grouped.mdc,
                "adrg": grouped.adrg,
                "ccLevel": grouped.cc_level,
                "kind": grouped.group_kind,
                "contentHash": grouped.content_hash,
                "scheme": grouped.scheme,
            }
            parts += [{"url": u, "valueCode": v} for u, v in codes.items() if v]
            if grouped.group:
                parts.append({"url": "group", "valueCodeableConcept": self._group(grouped)})
            if grouped.weight is not None:
                parts.append({"url": "weight", "valueDecimal": _number(grouped.weight)})
        if result.priced is not None:
            parts.append({"url": "policy", "valueString": result.priced.policy})
        return [{"url": f"{self._options.base}/StructureDefinition/grouping", "extension": parts}]

    def _amounts(self, result: CaseResult) -> Json:
        priced, cost = result.priced, result.case.total_cost
        totals = [] if cost is None else [_total(_THO + "/adjudication", "submitted", cost)]
        if priced is None:
            return {"total": totals} if totals else {}
        totals.append(_total(f"{_THO}/adjudication", "eligible", priced.amount))
        if priced.fund is not None:
            totals.append(_total(f"{_THO}/adjudication", "benefit", priced.fund))
        if priced.patient is not None:
            own = f"{self._options.base}/CodeSystem/adjudication"
            totals.append(_total(own, "patient", priced.patient))
        found: Json = {"total": totals, "payment": _payment(result, priced)}
        if priced.lines:
            found["adjudication"] = [
                {"category": {"text": name}, "amount": _money(amount)}
                for name, amount in priced.lines.items()
            ]
        return found

    def _claim(self, result: CaseResult, control_id: str) -> Json:
        case, grouped, five = result.case, result.grouped, self._options.version == "R5"
        found: Json = {"resourceType": "Claim"}
        found["identifier"] = [self._identifier("claim", control_id)]
        found |= self._head(result)
        number = self._identifier("fixmedins-code", result.hospital)
        found["provider"] = {"type": "Organization", "identifier": number}
        found["priority"] = {"coding": [{"system": f"{_THO}/processpriority", "code": "normal"}]}
        cover = {"display": case.insurance_type or self._options.insurer}
        found["insurance"] = [{"sequence": 1, "focal": True, "coverage": cover}]
        diagnoses = self._coded("dx", case.dx, case.code_system)
        for diagnosis in diagnoses:
            if diagnosis["sequence"] == 1:
                kind = {"system": f"{_THO}/ex-diagnosistype", "code": "principal"}
                diagnosis["type"] = [{"coding": [kind]}]
                if not five and grouped is not None and grouped.group:
                    diagnosis["packageCode"] = self._group(grouped)
        procedures = self._coded("px", case.px, case.code_system)
        found |= {"diagnosis": diagnoses} if diagnoses else {}
        found |= {"procedure": procedures} if procedures else {}
        if five:
            found["encounter"] = [self._visit(result)]
            if grouped is not None and grouped.group:
                found["diagnosisRelatedGroup"] = self._group(grouped)
        if case.total_cost is not None:
            found["total"] = _money(case.total_cost)
        return found

    def _coded(self, name: str, codes: tuple[str | None, ...], edition: str) -> list[Json]:
        """Codes with their system; the number of an entry is its place, so a gap stays one."""
        element = {"dx": "diagnosisCodeableConcept", "px": "procedureCodeableConcept"}[name]
        known = self._book.systems[name].items()
        ranked = sorted((rank, uri) for uri, (meaning, rank) in known if meaning == edition)
        system = {"system": ranked[0][1]} if ranked else {}
        return [
            {"sequence": place, element: {"coding": [system | {"code": code}]}}
            for place, code in enumerate(codes, 1)
            if code is not None
        ]


def _status(result: CaseResult) -> str:
    """The key of ``outcomes.csv``."""
    grouped = result.grouped
    if grouped is None:
        return "none" if result.reason else "waiting"
    running = result.case.discharge_time is None and grouped.status == "grouped"
    return "running" if running else grouped.status


def _payment(result: CaseResult, priced: Priced) -> Json:
    kind = "partial" if result.case.discharge_time is None else "complete"
    return {
        "type": {"coding": [{"system": f"{_THO}/ex-paymenttype", "code": kind}]},
        "amount": _money(priced.amount if priced.fund is None else priced.fund),
    }


def _total(system: str, code: str, amount: Decimal) -> Json:
    category = {"coding": [{"system": system, "code": code}]}
    return {"category": category, "amount": _money(amount)}


def _money(amount: Decimal) -> Json:
    return {"value": _number(amount), "currency": _CURRENCY}


def _number(value: Decimal) -> orjson.Fragment:
    """A JSON number with the digits of the decimal, never through a float."""
    return orjson.Fragment(plain(value).encode())


def encoder(options: Mapping[str, Any]) -> ClaimResponses:
    """The encoder of results; options as ``docs/FHIR.md``.

    Raises:
        GrouperError: ``SETTING_INVALID``.
    """
    found = _Options()
    for name, value in options.items():
        known = getattr(found, name, None) if name in _Options.__dataclass_fields__ else None
        if known is None or type(value) is not type(known):
            raise GrouperError("SETTING_INVALID", setting=f"encoding.{name}", why="unknown or type")
        if value not in _ALLOWED.get(name, (value,)):
            why = " | ".join(_ALLOWED[name])
            raise GrouperError("SETTING_INVALID", setting=f"encoding.{name}", why=why)
        found = replace(found, **{name: value})
    return ClaimResponses(found, load_book(found.base))
