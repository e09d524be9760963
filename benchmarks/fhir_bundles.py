"""Bundles a second: reading them for the inbox and into events, against full validation.

A bundle is a stay as a hospital sends it: patient, encounter, 8 diagnoses, 4 procedures, coverage,
three organisations and charge lines, in UTF-8 with Chinese names. Usage: python benchmarks/fhir_bundles.py
[BUNDLES] [LINES …]
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson
from report import told

from hl7_adapters.fhir import FORM
from hl7_adapters.fhir.reader import read, read_exact
from hl7_adapters.fhir.tables import BASE
from hl7_adapters.fhir.validate import faults

if TYPE_CHECKING:
    from collections.abc import Callable

DEFAULT_BUNDLES, VALIDATED = 300, 25
DEFAULT_LINES = (0, 20)
THO = "http://terminology.hl7.org/CodeSystem"
DX = ("I21.001", "I10.x00x002", "E11.900", "J18.900", "N18.900", "I50.900", "K29.500", "D64.900")
PX = ("36.0601", "88.5501", "37.2201", "99.1001")
Json = dict[str, Any]


def concept(system: str, code: str, display: str) -> Json:
    """A concept with one coding."""
    return {"coding": [{"system": system, "code": code, "display": display}], "text": display}


def stay(number: int, lines: int, version: str) -> bytes:
    """One bundle."""
    rng = random.Random(number)  # noqa: S311 -- invented amounts
    names = [f"{kind}{at}" for kind, n in (("c", 8), ("r", 4), ("l", lines)) for at in range(n)]
    names += ["p", "e", "o", "d", "i", "v"]
    url = {name: f"urn:uuid:{UUID(int=rng.getrandbits(128))}" for name in names}
    four = version == "R4"

    def ref(name: str) -> Json:
        return {"reference": url[name]}

    kind = {"system": f"{THO}/v3-ActCode", "code": "IMP"}
    times = {"start": "2026-01-02T08:00:00+08:00", "end": "2026-01-09T10:30:00+08:00"}
    mr = {"coding": [{"system": f"{THO}/v2-0203", "code": "MR"}]}
    vn = {"coding": [{"system": f"{THO}/v2-0203", "code": "VN"}]}
    found: dict[str, Json] = {
        "o": {
            "resourceType": "Organization",
            "name": "示例医院",
            "identifier": [
                {"system": f"{BASE}/NamingSystem/fixmedins-code", "value": "H00000000001"}
            ],
        },
        "d": {"resourceType": "Organization", "name": "心血管内科", "partOf": ref("o")},
        "i": {
            "resourceType": "Organization",
            "name": "医保中心",
            "identifier": [{"system": f"{BASE}/NamingSystem/region", "value": "330100"}],
        },
        "p": {
            "resourceType": "Patient",
            "identifier": [{"type": mr, "value": f"B{number:08d}"}],
            "name": [{"text": "测试"}],
            "gender": "male",
            "birthDate": "1950-02-03",
        },
        "e": {
            "resourceType": "Encounter",
            "identifier": [{"type": vn, "value": f"Z{number:08d}"}],
            "status": "finished" if four else "completed",
            "class": kind if four else [{"coding": [kind]}],
            "subject": ref("p"),
            "period" if four else "actualPeriod": times,
            "serviceProvider": ref("d"),
            "diagnosis": [
                {"condition": ref(f"c{at}"), "rank": at + 1}
                if four
                else {"condition": [{"reference": ref(f"c{at}")}]}
                for at in range(8)
            ],
        },
        "v": {
            "resourceType": "Coverage",
            "status": "active",
            "beneficiary": ref("p"),
            "type": concept(f"{BASE}/CodeSystem/insutype", "310", "职工基本医疗保险"),
            **({"payor": [ref("i")]} if four else {"kind": "insurance", "insurer": ref("i")}),
        },
    }
    for at, code in enumerate(DX):
        found[f"c{at}"] = {
            "resourceType": "Condition",
            "clinicalStatus": {
                "coding": [{"system": f"{THO}/condition-clinical", "code": "active"}]
            },
            "verificationStatus": {
                "coding": [{"system": f"{THO}/condition-ver-status", "code": "confirmed"}]
            },
            "category": [
                {"coding": [{"system": f"{THO}/condition-category", "code": "encounter-diagnosis"}]}
            ],
            "code": concept(f"{BASE}/CodeSystem/icd10-nhsa-2.0", code, "诊断名称示例"),
            "subject": ref("p"),
            "encounter": ref("e"),
        }
    for at, code in enumerate(PX):
        found[f"r{at}"] = {
            "resourceType": "Procedure",
            "status": "completed",
            "code": concept(f"{BASE}/CodeSystem/icd9cm3-nhsa-2.0", code, "手术名称示例"),
            "subject": ref("p"),
            "encounter": ref("e"),
            "performedDateTime" if four else "occurrenceDateTime": "2026-01-03T09:00:00+08:00",
        }
    for at in range(lines):
        cents = orjson.Fragment(f"{rng.random() * 500:.2f}")
        money = {"value": cents, "currency": "CNY"}
        found[f"l{at}"] = {
            "resourceType": "ChargeItem",
            "identifier": [{"system": "urn:example:fee", "value": f"F{number}-{at}"}],
            "status": "billable",
            "code": {
                "coding": [
                    {"system": f"{BASE}/CodeSystem/nhsa-item", "code": f"0011020000{at:05d}"},
                    {"system": f"{BASE}/CodeSystem/line-class", "code": "05"},
                ],
                "text": "收费项目示例",
            },
            "subject": ref("p"),
            "context" if four else "encounter": ref("e"),
            "occurrenceDateTime": "2026-01-04T10:00:00+08:00",
            "quantity": {"value": 2},
            **(
                {"priceOverride": money}
                if four
                else {"totalPriceComponent": {"type": "base", "amount": money}}
            ),
        }
    entries = [
        {"fullUrl": url[n], "resource": r, "request": {"method": "POST", "url": r["resourceType"]}}
        for n, r in found.items()
    ]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    return orjson.dumps(bundle)


def rate(work: Callable[[bytes], object], messages: list[bytes]) -> float:
    """Messages a second of one core's time: the median of five rounds."""
    rounds = []
    for _ in range(5):
        begin = time.process_time()
        for message in messages:
            work(message)
        rounds.append(len(messages) / (time.process_time() - begin))
    return statistics.median(rounds)


def main(bundles: int, lines: int) -> None:
    """Print the rates of both versions."""
    for version in ("R4", "R5"):
        messages = [stay(number, lines, version) for number in range(bundles)]
        size = sum(map(len, messages)) / len(messages)
        assert FORM.envelope(messages[0]).kind == f"Bundle/transaction {version}"
        (event,) = FORM.events(messages[0])
        assert len(event.lines) == lines
        assert len(event.dx or ()) == len(DX)
        assert not faults(read_exact(messages[0]), version)
        rates = {
            "JSON, exact": rate(read_exact, messages),
            "JSON, fast": rate(read, messages),
            "envelope": rate(FORM.envelope, messages),
            "events": rate(FORM.events, messages),
            "full validation": rate(
                lambda m, v=version: faults(read_exact(m), v), messages[:VALIDATED]
            ),
        }
        print(f"{version}: {bundles} bundles of {lines} charge lines, {size / 1024:.1f} KiB each")
        for name, found in rates.items():
            print(f"  {name:16} {found:9,.0f}/s")
        told(f"fhir_bundles.{version}.{lines}_lines", rates["events"], "bundles/s")
        told(
            f"fhir_bundles.{version}.{lines}_lines_to_validation",
            rates["events"] / rates["full validation"],
            "times",
        )
        both = 1 / (1 / rates["envelope"] + 1 / rates["events"])
        print(f"  envelope and events, one after the other: {both:,.0f}/s")
        print(
            f"  events against full validation: {rates['events'] / rates['full validation']:.0f} times"
        )


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_BUNDLES
    for each in map(int, sys.argv[2:] or DEFAULT_LINES):
        main(count, each)
