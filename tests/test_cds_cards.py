"""Cards: short, whole, in two languages; never a word on what to code for money."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codebooks.errors import CodebookError
from codebooks.messages import catalogue
from grouper.case.record import Case
from grouper.intake.event import Coded, Event, ItemAction, Line
from grouper.intake.forms import IntakeError
from grouper.schemes.load import load_scheme
from grouper.service.cds.cards import (
    Reference,
    Told,
    discharge_cards,
    order_cards,
    plain_card,
)
from grouper.service.cds.markdown import escaped
from grouper.service.cds.models import Cards
from grouper.service.cds.stays import carried, plain_id
from grouper.service.cds.tables import (
    Situation,
    indicators,
    limits,
    override_reasons,
    read_indicators,
    read_limits,
)

HEART = {
    "sex": "1",
    "age": 66,
    "admission_time": "2026-02-20",
    "discharge_time": "2026-03-01",
    "dx": ["I21.001", "E11.900"],
    "px": ["36.0601"],
    "total_cost": "52000",
}
MONEY_WORDS = (
    "建议",
    "选择编码",
    "改为",
    "高权重",
    "recommend",
    "choose",
    "should code",
    "instead",
)


def told(lang: str = "zh", scheme: str = "chs-drg-2.0", **more: Any) -> Told:
    raw = HEART | {name: more.pop(name) for name in list(more) if name in HEART}
    case, _ = Case.from_mapping(raw)
    document = load_scheme(scheme).group(case).trace.document(lang)
    return Told(document=document, cost=case.total_cost, **more)


def empties(value: Any, place: str = "") -> Iterator[str]:
    if value in (None, "", [], {}):
        yield place
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from empties(inner, f"{place}.{name}")
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from empties(inner, f"{place}[{at}]")


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_grouped_stay_has_one_card_that_says_why(lang: str) -> None:
    (card,) = discharge_cards(told(lang, reference=Reference(35, Decimal("48000.5"))), lang)
    Cards.model_validate({"cards": [card]})
    assert card["summary"].startswith("FM39 经皮冠状动脉支架植入")
    assert card["indicator"] == "info"
    assert r"I21\.001 急性前壁心肌梗死" in card["detail"]
    assert r"36\.0601" in card["detail"]
    assert "52,000.00" in card["detail"]
    assert "35" in card["detail"]
    assert "48,000.50" in card["detail"]
    assert not list(empties([card]))


def test_a_complication_that_counted_is_named() -> None:
    case = told(dx=["J18.900", "J96.000", "I50.900x007"], px=[])
    counted = [c for c in case.document["complications"] if c["counts"]]  # type: ignore[index]
    assert counted
    (card, *_) = discharge_cards(case, "zh")
    assert escaped(counted[0]["code"]) in card["detail"]
    assert "手术操作" not in card["detail"]


def test_few_cases_are_no_reference() -> None:
    least = limits().reference_cases
    (card,) = discharge_cards(told(reference=Reference(least - 1, Decimal(1))), "zh")
    assert "平均" not in card["detail"]
    assert not order_cards(told(reference=Reference(least - 1, Decimal(1))), "zh")


def test_what_is_missing_has_a_card_of_its_own() -> None:
    first, second = discharge_cards(
        told(dx=["I21.001", "XX99.999"], issues=[f"第 {i} 处" for i in range(9)]), "zh"
    )
    assert second["indicator"] == indicators()[Situation.REMARKS]
    assert "XX99" in second["detail"]
    assert "另有 4 处" in second["detail"]
    assert first["indicator"] == "info"
    invalid, missing = discharge_cards(told(dx=["XX99.999"]), "zh")
    assert invalid["indicator"] == "warning"
    assert missing["indicator"] == indicators()[Situation.MISSING]


def test_without_a_scheme_the_reason_is_told() -> None:
    (card,) = discharge_cards(Told(document=None, reason="SCHEME_UNCOVERED"), "zh")
    assert card["summary"].startswith("无法选定分组方案")
    assert not list(empties([card]))
    assert not order_cards(Told(document=None, reason="SCHEME_UNCOVERED"), "zh")


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_before_an_order_only_what_concerns_it_is_told(lang: str) -> None:
    assert not order_cards(told(lang, reference=Reference(50, Decimal(52000))), lang)
    (above,) = order_cards(told(lang, reference=Reference(50, Decimal(51999))), lang)
    assert "51,999.00" in above["detail"]
    (blocked,) = order_cards(told(lang, dx=["XX99.999"]), lang)
    assert blocked["indicator"] == "warning"
    for card in (above, blocked):
        assert not list(empties([card]))
        Cards.model_validate({"cards": [card]})


def test_cards_never_speak_of_coding_for_money() -> None:
    for lang in ("zh", "en"):
        own = [key for key in catalogue(lang) if key.startswith("cds.")]
        words = [catalogue(lang)[key] for key in own if not key.startswith("cds.service.")]
        assert words
        cards = [
            *discharge_cards(told(lang, reference=Reference(50, Decimal(1))), lang),
            *order_cards(told(lang, reference=Reference(50, Decimal(1))), lang),
            *(plain_card(s, lang) for s in (Situation.UNKNOWN_STAY, Situation.OTHER_PATIENT)),
        ]
        for card in cards:
            assert "suggestions" not in card
            written = json.dumps(card, ensure_ascii=False) + "".join(words)
            assert not any(word in written for word in MONEY_WORDS)


@given(st.text(max_size=400))
def test_a_summary_is_short_and_a_text_means_itself(words: str) -> None:
    (card,) = discharge_cards(Told(document=None, reason="SCHEME_UNCOVERED", issues=()), "zh")
    assert len(card["summary"]) < 140
    shown = escaped(words)
    assert "\n" not in shown
    assert "[" not in shown.replace(r"\[", "")
    assert "<" not in shown.replace(r"\<", "")


def test_a_long_name_is_cut() -> None:
    case = told()
    case.document["result"]["group"]["name"] = "长" * 300  # type: ignore[index]
    (card,) = discharge_cards(case, "zh")
    assert len(card["summary"]) == 139
    assert card["summary"].endswith("…")


def test_reasons_to_set_a_card_aside_are_in_both_languages() -> None:
    zh, en = override_reasons("zh"), override_reasons("en")
    assert [r["code"] for r in zh] == [r["code"] for r in en]
    assert all(r["display"] for r in (*zh, *en))


# Tables


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "summary = 139",
        'summary = "139"\nreference_cases = 1\nreference_days = 1\nitems = 1\ncomplications = 1\nabove_reference = "1"',
        "summary = 0\nreference_cases = 1\nreference_days = 1\nitems = 1\ncomplications = 1\nabove_reference = '1'",
        "summary = 9\nreference_cases = 1\nreference_days = 1\nitems = 1\ncomplications = 1\nabove_reference = 'x'",
        "summary = 9\nreference_cases = 1\nreference_days = 1\nitems = 1\ncomplications = 1\nabove_reference = '0'",
        "summary = 9\nreference_cases = 1\nreference_days = 1\nitems = 1\ncomplications = 1\nabove_reference = []",
        "summary = 9\nreference_cases = 1\nreference_days = 1\nitems = 1\ncomplications = 1\nabove_reference = '1'\nx = 1",
    ],
)
def test_limits_are_read_strictly(tmp_path: Path, text: str) -> None:
    path = tmp_path / "limits.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(CodebookError) as caught:
        read_limits(path)
    assert caught.value.code == "CDS_LIMITS"
    assert "limits.toml" in str(caught.value)


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("grouped,loud", "CDS_INDICATOR"),
        ("rich,info", "CDS_INDICATOR"),
        ("grouped,info", "CDS_SITUATION"),
    ],
)
def test_indicators_are_read_strictly(tmp_path: Path, row: str, code: str) -> None:
    path = tmp_path / "indicators.csv"
    path.write_text(f"situation,indicator\n{row}\n", "utf-8")
    with pytest.raises(CodebookError) as caught:
        read_indicators(path)
    assert caught.value.code == code
    assert "indicators.csv" in str(caught.value)


# The stay in a prefetch


class Reader:
    """Stands in for the form of FHIR."""

    name = "fhir"

    def __init__(self, *events: Event, fault: str = "") -> None:
        self._events, self._fault = events, fault
        self.seen: dict[str, Any] = {}

    def events(self, raw: bytes) -> tuple[Event, ...]:
        self.seen = json.loads(raw)
        if self._fault:
            raise IntakeError(self._fault)
        return self._events


PREFETCH = {
    "encounter": {"resourceType": "Encounter", "id": "e1"},
    "conditions": {
        "resourceType": "Bundle",
        "entry": [{"resource": {"resourceType": "Condition", "id": "c"}}, {}, 3],
    },
    "none": None,
    "price": {"resourceType": "ChargeItem", "value": Decimal("12.30")},
}


def test_a_prefetch_stands_in_for_a_stay() -> None:
    reader = Reader(
        Event(
            patient="P1",
            visit="V1",
            facts={"sex": "1"},
            dx=(Coded(code="I21.001", rank=0),),
            lines=(
                Line(key="1", about={"line_amount": "1.50"}),
                Line(key="2", about={"line_amount": "2"}),
                Line(key="2", action=ItemAction.DELETE),
            ),
        ),
        Event(patient="P1", visit="V1", lines_whole=True, lines=(Line(key="3"),)),
        Event(patient="P1", visit=""),
    )
    found = carried(PREFETCH, {"fhir": reader}, "other")  # type: ignore[dict-item] -- stands in
    assert found is not None
    assert (found.patient, found.visit) == ("P1", "V1")
    assert found.case.dx == ("I21.001",)
    assert found.case.line_amount == ()
    kinds = [entry["resource"]["resourceType"] for entry in reader.seen["entry"]]
    assert kinds == ["Encounter", "Condition", "ChargeItem"]
    assert reader.seen["entry"][2]["resource"]["value"] == 12.3


def test_of_several_stays_only_that_of_the_encounter_is_taken() -> None:
    reader = Reader(Event(visit="V1"), Event(visit="V2", patient="P2"))
    forms: Any = {"fhir": reader}
    assert carried(PREFETCH, forms, "V3") is None
    found = carried(PREFETCH, forms, "V2")
    assert found is not None
    assert (found.visit, found.patient) == ("V2", "P2")


def test_a_prefetch_that_cannot_be_read_is_none() -> None:
    assert carried(None, {}, "V1") is None
    assert carried(PREFETCH, {}, "V1") is None
    nothing: dict[str, Any] = {"patient": {"id": "P1"}, "list": [1], "none": None}
    forms: Any = {"fhir": Reader(Event(visit="V1"))}
    assert carried(nothing, forms, "V1") is None
    unreadable: Any = {"fhir": Reader(fault="MESSAGE_UNREADABLE")}
    assert carried(PREFETCH, unreadable, "V1") is None


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        ("V1", "V1"),
        ("Encounter/V1", "V1"),
        ("https://h/fhir/Encounter/V1/_history/2", "V1"),
        ("", ""),
        ("Encounter/V1/", "V1"),
    ],
)
def test_the_id_in_a_reference(reference: str, found: str) -> None:
    assert plain_id(reference) == found
