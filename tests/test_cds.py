"""CDS Hooks over REST: the right stay, the right cards, logged; nothing else is shown."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from service_support import Service, service

from grouper.service.cds.cards import Reference
from grouper.service.cds.models import Cards, Discovery
from grouper.store.database import StoreError
from grouper.store.schema import now

INSTANCE = "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"
HOOKS = {
    "grouper-discharge": "encounter-discharge",
    "grouper-order": "order-sign",
    "grouper-forecast": "patient-view",
    "grouper-order-audit": "order-sign",
}


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Service]:
    with service(tmp_path) as found:
        yield found


def call(
    running: Service,
    name: str = "grouper-discharge",
    role: str = "interface",
    lang: str = "zh",
    prefetch: Any = None,
    **context: str,
) -> Any:
    told = {"userId": "Practitioner/D1", "patientId": "P1", "encounterId": "V1"} | context
    body = {"hook": HOOKS[name], "hookInstance": INSTANCE, "context": told, "fhirServer": "x"}
    if prefetch is not None:
        body["prefetch"] = prefetch
    answer = running.ask(
        role, "POST", f"/cds-services/{name}", json=body, headers={"Accept-Language": lang}
    )
    if answer.status_code == 200:
        assert "null" not in answer.text
        Cards.model_validate(answer.json())
        return answer.json()["cards"]
    return answer


def test_the_services_are_found_without_signing_in(running: Service) -> None:
    answer = running.client.get("/cds-services", headers={"Accept-Language": "en"})
    found = Discovery.model_validate(answer.json())
    assert {one.id: one.hook for one in found.services} == HOOKS
    assert "null" not in answer.text
    assert found.services[0].prefetch


def test_a_stay_is_told_of_at_discharge_and_that_is_logged(running: Service) -> None:
    case = running.stay()
    (card,) = call(running)
    assert card["summary"] == "FM39 经皮冠状动脉支架植入：已入组"
    assert "52,000.00" in card["detail"]
    assert "平均" not in card["detail"]
    assert running.looks()[-1] == ("his", "card_shown", f"case:{case}")
    (card,) = call(running, lang="en")
    assert "principal diagnosis" in card["detail"]
    (card,) = call(running, encounterId="Encounter/V1", patientId="Patient/P1")
    assert card["summary"].startswith("FM39")


def test_nothing_is_shown_when_it_cannot_be_logged(
    running: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    running.stay()

    def away(_entries: object) -> None:
        raise StoreError("STORE_UNAVAILABLE")

    monkeypatch.setattr(running.app.state.services.audit, "_write", away)
    answer = call(running)
    assert (answer.status_code, answer.json()["code"]) == (503, "AUDIT_UNAVAILABLE")


def test_the_cost_is_told_beside_the_hospitals_own_cases(running: Service) -> None:
    lately = {
        "admission_time": (now() - timedelta(days=9)).isoformat(),
        "discharge_time": (now() - timedelta(days=2)).isoformat(),
    }
    for i in range(19):
        running.stay(f"W{i}", f"Q{i}", facts=lately | {"total_cost": f"{40000 + i}.00"})
    running.stay(facts=lately)
    (card,) = call(running)
    assert "20 例，平均 40,608.55 元" in card["detail"]
    (above,) = call(running, "grouper-order")
    assert above["summary"] == "目前费用已高于本院该病组的平均费用"


def test_another_patients_stay_is_not_shown(running: Service) -> None:
    running.stay()
    (card,) = call(running, patientId="P2")
    assert "另一位患者" in card["summary"]
    assert "FM39" not in str(card)
    (card,) = call(running, "grouper-order", patientId="P2")
    assert card["indicator"] == "warning"
    assert not [look for look in running.looks() if look[1] == "card_shown"]


def test_a_stay_that_has_not_arrived(running: Service) -> None:
    (card,) = call(running)
    assert "尚未收到" in card["summary"]
    assert call(running, "grouper-order") == []
    (unnamed,) = call(running, encounterId="")
    assert unnamed["summary"] == card["summary"]


def test_a_prefetch_stands_in_and_tells_the_hospitals_numbers(running: Service) -> None:
    carried = {
        "resourceType": "Encounter",
        "visit": "V1",
        "patient": "P1",
        "facts": {"sex": "1", "age": "66", "discharge_time": "2026-03-01"},
        "dx": ["I21.001"],
        "px": ["36.0601"],
    }
    prefetch = {"encounter": carried}
    (card,) = call(running, prefetch=prefetch, encounterId="e-77", patientId="p-88")
    assert card["summary"].startswith("FM39")
    assert "费用" not in card["detail"]
    assert running.looks()[-1][2] == "case:prefetch"
    running.stay(dx=["J18.900"], px=[])
    (card, *_) = call(running, prefetch=prefetch, encounterId="e-77", patientId="p-88")
    assert not card["summary"].startswith("FM39")


def test_a_physicians_reach_counts_and_a_systems_is_whole(running: Service) -> None:
    running.stay(facts={"department": "骨科"})
    (card,) = call(running, role="physician")
    assert "尚未收到" in card["summary"]
    (card,) = call(running, role="interface")
    assert card["summary"].startswith("FM39")
    assert call(running, role="office").status_code == 403


def test_before_an_order_missing_data_are_told(running: Service) -> None:
    running.stay(dx=["XX99"], facts={"discharge_time": None})
    (card,) = call(running, "grouper-order")
    assert card["summary"].startswith("资料不全")
    running.stay("V2", "P1", facts={"discharge_time": None})
    assert call(running, "grouper-order", encounterId="V2") == []


def test_values_that_could_not_be_used_are_told(running: Service) -> None:
    running.stay(facts={"birth_date": "31.12.1960", "region": "nowhere"})
    first, second = call(running)
    assert first["summary"].startswith("无法选定分组方案")
    assert "出生日期" in second["detail"]
    assert "1960" not in first["detail"]


def test_a_running_stay_is_told_of_as_if_it_ended_today(
    running: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        running.app.state.services.references, "_read", lambda *_: Reference(30, Decimal(100))
    )
    running.stay(facts={"discharge_time": None})
    (card,) = call(running)
    assert "30 例" in card["detail"]


def test_a_service_or_hook_that_does_not_fit(running: Service) -> None:
    body = {"hook": "order-sign", "hookInstance": INSTANCE, "context": {"patientId": "P1"}}
    answer = running.ask("interface", "POST", "/cds-services/grouper-discharge", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "HOOK_MISMATCH")
    answer = running.ask("interface", "POST", "/cds-services/other", json=body)
    assert (answer.status_code, answer.json()["code"]) == (404, "SERVICE_UNKNOWN")


def test_feedback_is_kept_in_the_audit_log_without_comments(running: Service) -> None:
    card = "6797f551-1393-45f1-adc5-4933d0722589"
    said = [
        {"card": card, "outcome": "accepted", "outcomeTimestamp": "2026-03-01T00:00:00Z"},
        {
            "card": card,
            "outcome": "overridden",
            "overrideReason": {
                "reason": {"code": "already-handled", "system": "x"},
                "userComment": "张三",
            },
        },
    ]
    path = "/cds-services/grouper-discharge/feedback"
    answer = running.ask("interface", "POST", path, json={"feedback": said})
    assert (answer.status_code, answer.content) == (200, b"")
    found = running.ask("admin", "GET", "/api/v1/audit").json()["entries"]
    assert [entry["about"] for entry in reversed(found)] == [
        {"service": "grouper-discharge", "outcome": "accepted", "reason": "", "commented": False},
        {
            "service": "grouper-discharge",
            "outcome": "overridden",
            "reason": "already-handled",
            "commented": True,
        },
    ]
    assert "张三" not in str(found)
    bad = running.ask("interface", "POST", path, json={"feedback": []})
    assert bad.status_code == 422
