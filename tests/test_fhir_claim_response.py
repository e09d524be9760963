"""Results as ClaimResponse (and Claim) of R4 and R5, checked by fhir.resources."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from fhir_support import BASE, Json

from codebooks.errors import GrouperError
from grouper.case.record import Case
from grouper.intake.result import CaseResult, Grouped, Priced
from hl7_adapters.fhir import FORM, encoder
from hl7_adapters.fhir.validate import faults

CASE, _ = Case.from_mapping(
    {"case_id": "G-1", "dx": ["I21.001", "E11.900"], "px": ["36.0601"], "total_cost": "23456.70"}
    | {"admission_time": "2026-01-02 08:00", "discharge_time": "2026-01-09 08:00"}
)
GROUPED = Grouped(
    scheme="chs-drg-2.0",
    content_hash="ab12",
    status="grouped",
    mdc="MDCF",
    adrg="FM1",
    group="FM19",
    group_name="经皮冠状动脉支架植入",
    cc_level="none",
    group_kind="surgical",
    weight=Decimal("2.3400"),
    warnings=("AGE_CONFLICT", "NEVER_HEARD_OF"),
)
RESULT = CaseResult(
    case=CASE,
    hospital="H33010000001",
    patient="P-1",
    visit="V-1",
    version=3,
    at=datetime(2026, 1, 9, 3, tzinfo=UTC),
    grouped=GROUPED,
)
PRICED = Priced(
    policy="p-2026",
    amount=Decimal("20000.10"),
    fund=Decimal("15000.05"),
    patient=Decimal("5000.05"),
    lines={"病组支付标准": Decimal("20000.10")},
)


def told(result: CaseResult, **options: object) -> Json:
    """The encoded result, valid FHIR of its version."""
    content = encoder(options).encode(result, "R-1")
    assert content == encoder(options).encode(result, "R-1")
    found: Json = json.loads(content, parse_float=Decimal)
    assert faults(json.loads(content), str(options.get("version", "R4"))) == ()
    return found


def parts(response: Json) -> Json:
    (grouping,) = response["extension"]
    assert grouping["url"] == f"{BASE}/StructureDefinition/grouping"
    return {p["url"]: next(v for k, v in p.items() if k != "url") for p in grouping["extension"]}


@pytest.mark.parametrize("version", ["R4", "R5"])
def test_a_grouped_case(version: str) -> None:
    found = told(RESULT, version=version)
    assert (found["resourceType"], found["outcome"]) == ("ClaimResponse", "complete")
    assert found["disposition"] == "已分入 FM19 经皮冠状动脉支架植入（chs-drg-2.0）"
    assert found["patient"]["identifier"]["value"] == "P-1"
    stated = parts(found)
    assert stated["group"]["coding"][0]["code"] == "FM19"
    assert stated["group"]["coding"][0]["system"] == f"{BASE}/CodeSystem/chs-drg-2.0"
    assert (stated["weight"], stated["version"]) == (Decimal("2.34"), 3)
    assert stated["stay"]["identifier"]["value"] == "V-1"
    assert (stated["mdc"], stated["adrg"], stated["contentHash"]) == ("MDCF", "FM1", "ab12")
    assert ("diagnosisRelatedGroup" in found) is (version == "R5")
    assert [note["number"] for note in found["processNote"]] == [1, 2]
    assert "年龄" in found["processNote"][0]["text"]
    assert "NEVER_HEARD_OF" in found["processNote"][1]["text"]
    (total,) = found["total"]
    assert total["amount"] == {"value": Decimal("23456.70"), "currency": "CNY"}
    assert "payment" not in found


@pytest.mark.parametrize("version", ["R4", "R5"])
def test_a_priced_case(version: str) -> None:
    found = told(replace(RESULT, priced=PRICED), version=version)
    amounts = {t["category"]["coding"][0]["code"]: t["amount"]["value"] for t in found["total"]}
    assert amounts == {
        "submitted": Decimal("23456.70"),
        "eligible": Decimal("20000.10"),
        "benefit": Decimal("15000.05"),
        "patient": Decimal("5000.05"),
    }
    assert found["payment"]["amount"]["value"] == Decimal("15000.05")
    assert found["payment"]["type"]["coding"][0]["code"] == "complete"
    assert found["adjudication"][0]["category"]["text"] == "病组支付标准"
    assert parts(found)["policy"] == "p-2026"
    bare = Priced(policy="p", amount=Decimal(7))
    running = replace(CASE, discharge_time=None, total_cost=None)
    found = told(replace(RESULT, case=running, priced=bare), version=version)
    assert [t["category"]["coding"][0]["code"] for t in found["total"]] == ["eligible"]
    assert found["payment"]["type"]["coding"][0]["code"] == "partial"
    assert found["payment"]["amount"]["value"] == 7


@pytest.mark.parametrize("version", ["R4", "R5"])
def test_outcomes(version: str) -> None:
    running = replace(RESULT, case=replace(CASE, discharge_time=None))
    reason = "DX_PRINCIPAL_MISSING"
    invalid = replace(GROUPED, status="invalid", group=None, group_name=None, reason=reason)
    ambiguous = replace(GROUPED, status="ambiguous", reason=reason)
    states = [
        (running, "partial", "running", "在院"),
        (replace(RESULT, grouped=invalid), "error", "invalid", "未能入组"),
        (
            replace(RESULT, grouped=replace(invalid, status="ungrouped")),
            "error",
            "ungrouped",
            "未能",
        ),
        (replace(RESULT, grouped=ambiguous), "partial", "ambiguous", "歧义"),
        (replace(RESULT, grouped=None, reason="SCHEME_UNCOVERED"), "error", "none", "没有可用"),
        (replace(RESULT, grouped=None), "queued", "waiting", "尚未分组"),
    ]
    for result, outcome, status, words in states:
        found = told(result, version=version)
        assert found["outcome"] == outcome
        assert parts(found)["status"]["code"] == status
        assert words in found["disposition"]
        stated = result.grouped.reason if result.grouped else result.reason
        assert ("error" in found) is (stated is not None)
        if stated:
            assert found["error"][0]["code"]["coding"][0]["code"] == stated


@pytest.mark.parametrize("version", ["R4", "R5"])
def test_the_claim_that_goes_with_it(version: str) -> None:
    found = told(RESULT, version=version, claim=True)
    claim, response = (entry["resource"] for entry in found["entry"])
    assert response["request"]["reference"] == found["entry"][0]["fullUrl"]
    first, second = claim["diagnosis"]
    assert first["diagnosisCodeableConcept"]["coding"][0] == {
        "system": f"{BASE}/CodeSystem/icd10-nhsa-2.0",
        "code": "I21.001",
    }
    assert first["type"][0]["coding"][0]["code"] == "principal"
    assert "type" not in second
    group = first["packageCode"] if version == "R4" else claim["diagnosisRelatedGroup"]
    assert group["coding"][0]["code"] == "FM19"
    assert claim["total"]["value"] == Decimal("23456.70")
    # What is told here reads back as the same diagnoses, procedures and cost.
    claim["item"] = [{"encounter": [{"identifier": {"value": "V-1"}}]}]
    (event,) = FORM.events(json.dumps(claim, default=float).encode())
    assert (event.patient, event.visit) == ("P-1", "V-1")
    assert [(c.code, c.rank) for c in event.dx or ()] == [("I21.001", 0), ("E11.900", 1)]
    assert [(c.code, c.rank) for c in event.px or ()] == [("36.0601", 0)]
    assert event.facts["total_cost"] == "23456.7"


@pytest.mark.parametrize("version", ["R4", "R5"])
def test_a_gap_stays_a_gap_in_the_claim(version: str) -> None:
    bare = Case(dx=(None, "E11.900"))
    unsure = replace(RESULT, case=bare, grouped=None, reason="SCHEME_UNCOVERED")
    found = told(unsure, version=version, claim=True)
    claim = found["entry"][0]["resource"]
    assert [d["sequence"] for d in claim["diagnosis"]] == [2]
    assert not {"procedure", "total", "diagnosisRelatedGroup"} & claim.keys()


def test_texts_and_systems_are_options() -> None:
    found = told(
        RESULT,
        language="en",
        base="https://his.example",
        insurer="Insurer",
        patient_system="urn:mrn",
        visit_system="urn:vn",
    )
    assert found["disposition"].startswith("grouped into FM19")
    assert found["insurer"] == {"display": "Insurer"}
    assert found["patient"]["identifier"]["system"] == "urn:mrn"
    assert found["extension"][0]["url"] == "https://his.example/StructureDefinition/grouping"


@pytest.mark.parametrize(
    "options",
    [{"version": "R3"}, {"language": "fr"}, {"claim": "yes"}, {"what": 1}, {"base": None}],
)
def test_wrong_options_are_refused(options: Json) -> None:
    with pytest.raises(GrouperError) as found:
        encoder(options)
    (name,) = options
    assert (found.value.code, found.value.params["setting"]) == (
        *("SETTING_INVALID", f"encoding.{name}"),
    )
