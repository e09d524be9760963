"""Draft orders of CDS Hooks: read from FHIR, checked, told in cards, answered by the feedback."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from orders_support import (
    CYCLE_RULE,
    CYCLED,
    SECOND,
    SEX_RULE,
    WOMEN,
    every,
    kept,
    ordering,
    put_standing,
    stay,
)
from service_support import Service

from codebooks.audit.books import audit_book
from codebooks.errors import CodebookError
from grouper.service.cds import order_tables
from grouper.service.cds.drafts import Draft, drafts_of
from grouper.service.cds.models import Cards
from grouper.service.cds.order_cards import card_id, key_of
from grouper.service.cds.order_tables import order_reasons, read_order_tables
from grouper.store.order_checks import GOES_BACK, GOES_ON

NATIONAL = "urn:yibao-grouper:fhir/CodeSystem/nhsa-item"
OWN = "https://hospital.example/fhir/CodeSystem/hospital-item"
INSTANCE = "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Service]:
    with ordering(tmp_path) as found:
        yield found


def concept(code: str, system: str = NATIONAL, display: str = "示例药") -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code, "display": display}]}


def drug(code: str, name: str = "m1", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "MedicationRequest",
        "id": name,
        "status": "draft",
        "medicationCodeableConcept": concept(code),
        "dispenseRequest": {"quantity": {"value": 1}},
        "authoredOn": "2026-02-22T10:00:00+08:00",
    } | more


def service_order(code: str, name: str = "s1", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "ServiceRequest",
        "id": name,
        "status": "draft",
        "code": concept(code, display="示例检验"),
        "authoredOn": "2026-02-22T10:00:00+08:00",
    } | more


def bundle(*resources: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "entry": [{"resource": one} for one in resources]}


def call(on: Service, *resources: Any, role: str = "interface", **more: Any) -> Any:
    context = {"userId": "Practitioner/D1", "patientId": "P1", "encounterId": "V1"}
    context |= more.pop("context", {})
    lang = more.pop("lang", "zh")
    body = {
        "hook": "order-sign",
        "hookInstance": INSTANCE,
        "context": context | {"draftOrders": bundle(*resources)},
    }
    answer = on.ask(
        role,
        "POST",
        "/cds-services/grouper-order-audit",
        json=body | more,
        headers={"Accept-Language": lang},
    )
    if answer.status_code != 200:
        return answer
    assert "null" not in answer.text
    Cards.model_validate(answer.json())
    return answer.json()["cards"]


def feedback(on: Service, *said: dict[str, Any]) -> Any:
    path = "/cds-services/grouper-order-audit/feedback"
    return on.ask("interface", "POST", path, json={"feedback": list(said)})


# Cards


def test_a_draft_that_breaks_a_rule_gets_a_card(running: Service) -> None:
    case = stay(running)
    (card,) = call(running, service_order(CYCLED))
    assert card["indicator"] == "critical"
    assert card["summary"] == "违规：医疗服务项目周期超频次 示例检验"
    assert "限 1 次" in card["detail"]
    assert [one["code"] for one in card["overrideReasons"]] == [
        one["code"] for one in order_reasons("zh")
    ]
    assert running.looks()[-1] == ("his", "orders_checked", f"case:{case}")
    (row,) = kept(running, str(key_of(UUID(card["uuid"]))))
    assert (row.via, row.rule, row.document["line_names"]) == ("cds", CYCLE_RULE, ["s1"])
    (english,) = call(running, service_order(CYCLED), lang="en")
    assert english["summary"].startswith("violation: ") or "示例检验" in english["summary"]


def test_a_charge_that_an_order_puts_in_the_wrong_is_named_by_its_item(running: Service) -> None:
    stay(running)
    (card,) = call(running, service_order(CYCLED, occurrenceDateTime="2026-02-20T10:00:00+08:00"))
    assert card["summary"] == f"违规：医疗服务项目周期超频次 {CYCLED}"


def test_cards_come_by_level_and_no_more_than_the_limit(running: Service) -> None:
    stay(running)
    rows = audit_book().on(date(2026, 2, 22)).tables["sex"].to_pylist()
    women = [one["item"] for one in rows if (one["rule"], one["sex"]) == (SEX_RULE, "2")]
    many = [drug(item, f"m{i}") for i, item in enumerate(women[:9])]
    *cards, last = call(running, *many, service_order(CYCLED))
    assert len(cards) == 8
    assert {one["indicator"] for one in cards} == {"critical"}
    assert "未显示" in last["detail"]
    assert last["indicator"] == "info"
    # What is not shown is kept all the same: it was found.
    assert len(every(running)) == 10


def test_what_has_no_national_code_is_told_in_one_line(running: Service) -> None:
    stay(running)
    unknown = drug("1", "m1", medicationCodeableConcept=concept("1", "http://loinc.org", "甲药"))
    meal = {"resourceType": "NutritionOrder", "id": "n1"}
    (card,) = call(running, unknown, meal)
    assert card["indicator"] == "info"
    assert card["detail"].count("\n") == 0
    assert "甲药" in card["detail"]
    assert "NutritionOrder" in card["detail"]


def test_orders_that_break_nothing_get_no_card(running: Service) -> None:
    stay(running)
    later = service_order(CYCLED, occurrenceDateTime="2026-03-20T10:00:00+08:00")
    assert call(running, later) == []
    assert call(running) == []
    assert every(running) == []


def test_rules_on_trial_get_no_card(running: Service) -> None:
    stay(running)
    put_standing(running, CYCLE_RULE, "shadow")
    assert call(running, service_order(CYCLED)) == []
    (row,) = every(running)
    assert row.shadow


def test_another_patients_stay_is_not_looked_at(running: Service) -> None:
    stay(running)
    (card,) = call(running, service_order(CYCLED), context={"patientId": "P2"})
    assert "另一位患者" in card["summary"]
    assert not [look for look in running.looks() if look[1] == "orders_checked"]


def test_a_stay_that_has_not_arrived_is_said(running: Service) -> None:
    first, second = call(running, service_order(CYCLED, "a"), service_order(CYCLED, "b"))
    assert "周期超频次" in first["summary"]
    assert "仅在本次医嘱之间" in second["detail"]


def test_a_prefetch_stands_in_for_a_stay(running: Service) -> None:
    carried = {
        "resourceType": "Encounter",
        "visit": "V1",
        "patient": "P1",
        "facts": {"sex": "1", "age": "66", "admission_time": "2026-02-20"},
        "dx": ["I21.001"],
    }
    (card,) = call(running, drug(WOMEN), prefetch={"encounter": carried})
    assert "性别" in card["summary"]
    assert running.looks()[-1][2] == "case:handed-in"


def test_a_level_that_is_to_verify_is_only_information(running: Service) -> None:
    stay(running)
    found = call(running, drug(SECOND))
    assert {one["indicator"] for one in found} <= {"info", "warning"}


def test_too_many_drafts_are_refused(running: Service) -> None:
    stay(running)
    answer = call(running, *[service_order(CYCLED, f"s{i}") for i in range(201)])
    assert (answer.status_code, answer.json()["code"]) == (422, "ORDERS_TOO_MANY")


def test_the_older_service_of_the_hook_goes_on(running: Service) -> None:
    stay(running)
    body = {"hook": "order-sign", "hookInstance": INSTANCE, "context": {"patientId": "P1"}}
    answer = running.ask("interface", "POST", "/cds-services/grouper-order", json=body)
    assert answer.json() == {"cards": []}


# Feedback


def test_feedback_to_a_card_is_the_answer_to_what_it_told(running: Service) -> None:
    stay(running)
    (card,) = call(running, service_order(CYCLED))
    key = str(key_of(UUID(card["uuid"])))
    why = {"reason": {"code": "condition-needs-it", "system": "x"}, "userComment": "示例张三"}
    said = {"card": card["uuid"], "outcome": "overridden", "overrideReason": why}
    assert feedback(running, said).status_code == 200
    (row,) = kept(running, key)
    assert (row.answer, row.answer_reason) == (GOES_ON, "condition-needs-it")
    assert {look[1] for look in running.looks()[-2:]} == {"order_answered", "card_feedback"}
    feedback(running, {"card": card["uuid"], "outcome": "accepted"})
    assert kept(running, key)[0].answer == GOES_BACK


def test_feedback_to_other_cards_goes_to_the_log_alone(running: Service) -> None:
    stay(running)
    said = {"card": str(uuid4()), "outcome": "accepted"}
    assert feedback(running, said, said | {"card": str(card_id("0" * 24))}).status_code == 200
    assert [look[1] for look in running.looks()].count("card_feedback") == 2
    assert "order_answered" not in [look[1] for look in running.looks()]


@given(st.integers(0, (1 << 96) - 1))
def test_a_card_holds_the_key_of_what_it_told(number: int) -> None:
    key = f"{number:024x}"
    card = card_id(key)
    assert (card.version, key_of(card)) == (8, key)
    assert key_of(UUID(str(card))) == key


def test_a_card_of_another_kind_holds_no_key() -> None:
    assert key_of(uuid4()) is None


# Drafts


def test_codes_are_read_where_each_version_keeps_them() -> None:
    r5 = {
        "resourceType": "MedicationRequest",
        "id": "m5",
        "medication": {"concept": concept("A1")},
        "dispenseRequest": {"quantity": {"value": Decimal("2.5")}},
        "authoredOn": "2026-02-22",
    }
    device = {
        "resourceType": "DeviceRequest",
        "id": "d1",
        "codeCodeableConcept": concept("C1", OWN, "支架"),
        "occurrenceDateTime": "2026-02-23",
        "authoredOn": "2026-02-22",
    }
    found = drafts_of(bundle(r5, service_order("S1", quantityQuantity={"value": 3}), device))
    assert found == [
        Draft("m5", "示例药", "A1", None, "2.5", "2026-02-22"),
        Draft("s1", "示例检验", "S1", None, "3", "2026-02-22T10:00:00+08:00"),
        Draft("d1", "支架", None, "C1", "1", "2026-02-23"),
    ]


def test_a_medication_that_is_referred_to_is_found() -> None:
    medication = {"resourceType": "Medication", "id": "x", "code": concept("A1")}
    inside = drug("", "m1", medicationReference={"reference": "#x"}, contained=[medication])
    del inside["medicationCodeableConcept"]
    beside = drug("", "m2", medicationReference={"reference": "https://h/fhir/Medication/x"})
    del beside["medicationCodeableConcept"]
    lost = drug("", "m3", medicationReference={"reference": "Medication/y"})
    del lost["medicationCodeableConcept"]
    found = drafts_of(bundle(inside, beside, lost, medication))
    assert [(one.name, one.item) for one in found] == [("m1", "A1"), ("m2", "A1"), ("m3", None)]


def test_what_is_called_off_is_no_draft() -> None:
    void = [service_order("S", "a", status="revoked"), service_order("S", "b", doNotPerform=True)]
    assert [one.name for one in drafts_of(bundle(*void, service_order("S", "c")))] == ["c"]


def test_names_are_unique_and_fit_to_be_shown() -> None:
    nameless = {"resourceType": "ServiceRequest"}
    odd = service_order("S", "a") | {"code": {"text": "x\u0007" + "y" * 500}}
    found = drafts_of(bundle(odd, service_order("S", "a"), nameless, nameless))
    assert len({one.name for one in found}) == 4
    assert found[0].display.startswith("xy")
    assert len(found[0].display) <= 128


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.decimals(-9, 9) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=12,
)
_RESOURCE = st.dictionaries(
    st.sampled_from(
        [
            *("id", "status", "code", "medication", "medicationCodeableConcept", "contained"),
            *("medicationReference", "dispenseRequest", "authoredOn", "quantityQuantity", "entry"),
        ]
    ),
    _JSON | st.fixed_dictionaries({"coding": _JSON}) | st.fixed_dictionaries({"reference": _JSON}),
)
_KINDS = ["MedicationRequest", "ServiceRequest", "Bundle", "Medication", "X"]


@given(st.lists(st.tuples(st.sampled_from(_KINDS), _RESOURCE), max_size=4) | _JSON)
def test_no_bundle_breaks_the_reading(found: Any) -> None:
    if isinstance(found, list) and all(isinstance(one, tuple) for one in found):
        found = bundle(*[{"resourceType": kind, **rest} for kind, rest in found])
    for draft in drafts_of(found):
        assert draft.name


# Tables


@pytest.mark.parametrize(
    ("system", "meaning"),
    [
        (NATIONAL, "national"),
        (NATIONAL.upper() + "/", "national"),
        ("https://hospital.example/fhir/nhsa-item", "national"),
        ("http://code.nhsa.gov.cn/yp", "national"),
        (OWN, "hospital"),
        ("http://loinc.org", ""),
        ("", ""),
    ],
)
def test_systems_are_known_by_what_the_table_says(system: str, meaning: str) -> None:
    assert order_tables.order_tables().meaning(system) == meaning


@pytest.mark.parametrize(
    ("file", "row"),
    [
        ("order_elements.csv", "ServiceRequest,price,x,"),
        ("order_systems.csv", "is,urn:x,provincial,"),
        ("order_systems.csv", "like,urn:x,national,"),
    ],
)
def test_a_row_that_cannot_be_used_is_refused(tmp_path: Path, file: str, row: str) -> None:
    folder = Path(order_tables.__file__).parent / "data"
    for path in folder.glob("order_*.csv"):
        shutil.copy(path, tmp_path)
    with (tmp_path / file).open("a", encoding="utf-8") as table:
        table.write(row + "\n")
    with pytest.raises(CodebookError) as caught:
        read_order_tables(tmp_path)
    assert caught.value.code == "CDS_ORDER_TABLE"
    assert file in str(caught.value)


def test_reasons_are_told_in_both_languages() -> None:
    zh, en = order_reasons("zh"), order_reasons("en")
    assert [one["code"] for one in zh] == [one["code"] for one in en]
    assert all(one["display"] for one in (*zh, *en))
