"""A forecast in words and as a document, in both languages: nothing of it is lost or made up."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from codebooks.messages import catalogue, text
from grouper.case.fields import FIELDS
from grouper.forecast.features import names
from grouper.forecast.result import FORECAST_SCHEMA, MEASURES, ForecastReason, ForecastStatus
from grouper.forecast.tables import rows, toml
from grouper.forecast.words import codes, document, driver_words, figure, lines
from grouper.payment.reasons import PayReason
from grouper.schemes.reasons import Status

LANGS = ("zh", "en")
ENDS = ("low", "middle", "high", "mean")
Row = dict[str, Any]


def likely(group: str, probability: float, name: str = "") -> Row:
    parts = {"group": group, "name": name, "adrg": group[:3], "mdc": group[:1]}
    return parts | {"probability": probability}


def bounds(measure: str, *values: Any) -> Row:
    return {f"{measure}_{end}": value for end, value in zip(ENDS, values, strict=True)}


def money(measure: str, *values: str) -> Row:
    return bounds(measure, *map(Decimal, values))


TOLD: Row = {
    "case_id": "A1",
    "as_of": datetime(2026, 3, 4, 23, 30, tzinfo=UTC),
    "day": 3,
    "model": "demo-1",
    "scheme": "dip-pingdingshan-2025",
    "status": "forecast",
    "warnings": "FORECAST_UNDATED;FORECAST_NEW_CODE",
    "department": "03.01",
    "bare_status": "grouped",
    "bare_group": "I20.0",
    "groups": [likely("I21.9", 0.625, "心肌梗死"), likely("I20.0", 0.25, "心绞痛")],
    "adrg": "I21",
    "adrg_probability": 0.62500004,
    "mdc": "I",
    "mdc_probability": 0.9,
    "other_probability": 0.125,
    "basis": "adrg",
    "basis_cases": 321,
    "level": 0.9,
    "cost_to_date": Decimal("4321.50"),
    **money("cost", "8000.10", "12345.60", "23456.70", "12999.99"),
    **bounds("los", 5.0, 8.25, 14.0, 8.5),
    "insurance": "employee",
    "method": "dip-points",
    "point_value": Decimal("8.5"),
    **money("amount", "9000.00", "11000.00", "15000.00", "11234.00"),
    **money("fund", "6000.00", "7777.00", "9999.00", "7800.00"),
    **money("surplus", "-9876.00", "-1234.00", "2222.00", "-1300.00"),
    "drivers": [
        {"feature": "cost", "value": 8.37, "effect": 1502.4},
        {"feature": "age", "value": None, "effect": -310.0},
    ],
}
REFUSED: Row = {
    "case_id": "A2",
    "as_of": datetime(2026, 3, 4, tzinfo=UTC),
    "day": 0,
    "model": "demo-1",
    "status": "refused",
    "reason": "FORECAST_ENDED",
    "department": None,
}


def made(base: Row = TOLD, **change: Any) -> Row:
    """A row as a table of forecasts gives it."""
    whole = {name: (base | change).get(name) for name in FORECAST_SCHEMA.names}
    found: Row = pa.Table.from_pylist([whole], FORECAST_SCHEMA).to_pylist()[0]
    return found


def unpriced(reason: str) -> Row:
    nothing: Row = {}
    for measure in ("amount", "fund", "surplus"):
        nothing |= bounds(measure, None, None, None, None)
    return made(**nothing, method=None, point_value=None, pay_reason=reason)


def shown(low: str, middle: str, high: str) -> dict[str, str]:
    return {"level": "90%", "low": low, "middle": middle, "high": high}


@pytest.mark.parametrize("lang", LANGS)
def test_the_lines_tell_all_figures(lang: str) -> None:
    def say(key: str, **params: str) -> str:
        return text(f"forecast_words.{key}", lang, **params)

    cost = shown("8,000", "12,346", "23,457") | {"now": "4,322"}
    assert lines(made(), lang) == [
        say("title", case="A1", day="3", at="2026-03-05 07:30"),
        say("bare", group="I20.0", status=text("status.grouped", lang)),
        say("groups"),
        say("group", probability=" 62.5%", group="I21.9", name="心肌梗死"),
        say("group", probability=" 25.0%", group="I20.0", name="心绞痛"),
        say("other", probability=" 12.5%"),
        say("cost", **cost),
        say("los", **shown("5.0", "8.2", "14.0")),
        say("amount", **shown("9,000", "11,000", "15,000")),
        say("fund", **shown("6,000", "7,777", "9,999")),
        say("surplus", **shown("-9,876", "-1,234", "2,222")),
        say("drivers"),
        "  " + driver_words({"feature": "cost", "value": 1.0, "effect": 1502.0}, lang),
        "  " + driver_words({"feature": "age", "value": 1.0, "effect": -310.0}, lang),
        say("basis", basis=say("adrg_level"), cases="321", model="demo-1"),
        *(
            say("warning", reason=text(f"reason.{code}", lang), advice=text(f"advice.{code}", lang))
            for code in ("FORECAST_UNDATED", "FORECAST_NEW_CODE")
        ),
    ]


def test_every_language_tells_the_same_figures() -> None:
    zh, en = (re.findall(r"-?[0-9][0-9,.:%]*", "".join(lines(made(), lang))) for lang in LANGS)
    assert Counter(word.rstrip(",.:") for word in zh) == Counter(word.rstrip(",.:") for word in en)
    assert lines(made()) == lines(made(), "zh") != lines(made(), "en")


def test_at_admission_there_is_no_day() -> None:
    first = made(day=0, cost_to_date=Decimal(0))
    for lang in LANGS:
        told = text("forecast_words.admission", lang, case="A1", at="2026-03-05 07:30")
        assert lines(first, lang)[0] == told


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("code", ForecastReason)
def test_every_reason_has_words(code: ForecastReason, lang: str) -> None:
    words = [text(f"{kind}.{code}", lang) for kind in ("reason", "advice")]
    told = lines(made(REFUSED, reason=code), lang)
    assert len(told) == 2
    assert all(word in told[1] for word in words)
    warned = lines(made(warnings=code), lang)
    assert warned[:-1] == lines(made(warnings=None), lang)
    assert all(word in warned[-1] for word in words)
    found = document(made(REFUSED, reason=code), lang)
    assert [found["reason"], found["reason_text"], found["advice"]] == [code, *words]
    warnings = document(made(warnings=code), lang)["warnings"]
    assert warnings == [{"code": code, "reason": words[0], "advice": words[1]}]


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("code", [*PayReason, ForecastReason.HISTORY])
def test_every_reason_of_no_payment_has_words(code: str, lang: str) -> None:
    row = unpriced(code)
    told = "\n".join(lines(row, lang))
    assert text("forecast_words.unpriced", lang, reason=text(f"reason.{code}", lang)) in told
    # A reason beside a payment is of some candidates alone: the payment is told.
    assert lines(made(pay_reason=code), lang) == lines(made(), lang)
    found = document(row, lang)
    assert (found["amount"], found["fund"], found["surplus"]) == (None, None, None)
    assert (found["point_value"], found["method"], found["pay_reason"]) == (None, None, code)
    assert found["cost"] == document(made(), lang)["cost"]


def test_what_is_refused_tells_no_figure() -> None:
    row = made(REFUSED)
    told = lines(row, "en")
    assert told[0] == text("forecast_words.admission", "en", case="A2", at="2026-03-04 08:00")
    assert not any(letter.isdigit() for letter in told[1])
    found = document(row, "en")
    assert set(found) == {
        *("case_id", "day", "model", "scheme", "status", "department", "level", "as_of"),
        *("reason", "reason_text", "advice", "warnings"),
    }
    assert found["status"] == ForecastStatus.REFUSED
    assert found["warnings"] == []


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("status", Status)
def test_every_status_of_the_bare_answer_has_words(status: Status, lang: str) -> None:
    told = lines(made(bare_status=status, bare_group=f"?{status}"), lang)[1]
    assert text(f"status.{status}", lang) in told


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("level", ["group", "adrg", "mdc", "all"])
def test_every_basis_has_words(level: str, lang: str) -> None:
    told = lines(made(basis=level, model="", warnings=None), lang)[-1]
    assert text(f"forecast_words.{level}_level", lang) in told
    assert "321" in told
    assert told.endswith("—")
    assert lines(made(basis=None, warnings=None), lang)[-1] != told


@pytest.mark.parametrize("lang", LANGS)
def test_every_feature_has_words(lang: str) -> None:
    features = {*names(), *(row["feature"] for row in rows("amount_features.csv"))}
    assert len(features) > 50
    for feature in features:
        for effect in (12.0, -12.0):
            told = driver_words({"feature": feature, "value": 1.0, "effect": effect}, lang)
            assert catalogue(lang)[f"feature.{feature}"] in told
            assert "12" in told
            assert "-" not in told.replace(catalogue(lang)[f"feature.{feature}"], "")
    more, less = (
        driver_words({"feature": "age", "value": 1.0, "effect": effect}, lang)
        for effect in (5.0, -5.0)
    )
    assert more != less


def test_without_drivers_there_is_no_heading() -> None:
    head = text("forecast_words.drivers", "en")
    assert head in lines(made(), "en")
    empty: tuple[list[Row] | None, ...] = (None, [])
    for none in empty:
        assert head not in lines(made(drivers=none), "en")
        assert document(made(drivers=none))["drivers"] == []


def test_groups_that_hardly_count_are_told_among_the_others() -> None:
    least = toml("training.toml")["told_probability"]
    groups = [likely("I21.9", 0.7), likely("I20.0", least), likely("J18.9", least / 2)]
    told = lines(made(groups=groups, other_probability=0.2), "en")
    assert [line.split()[1] for line in told[3:6]] == ["I21.9", "I20.0", "other"]
    assert f"{0.2 + least / 2:.1%}" in told[5]
    # The likeliest is told however unlikely it is.
    alone = lines(made(groups=[likely("I21.9", least / 2)], other_probability=0.99), "en")
    assert alone[3].split() == [f"{least / 2:.1%}", "I21.9"]
    assert alone[4].split()[0] == f"{0.99:.1%}"
    # The document keeps them all.
    kept = document(made(groups=groups, other_probability=0.2))
    assert [one["group"] for one in kept["groups"]] == ["I21.9", "I20.0", "J18.9"]
    assert kept["other_probability"] == 0.2


@pytest.mark.parametrize("lang", LANGS)
def test_an_interval_without_an_end_says_so(lang: str) -> None:
    word = text("forecast_words.open", lang)
    row = made(cost_low=None, cost_high=None, los_high=None)
    cost, los = lines(row, lang)[6:8]
    assert cost.count(word) == 2
    assert los.count(word) == 1
    assert "12,346" in cost
    assert document(row, lang)["cost"]["high"] is None
    assert document(row, lang)["los"] == {"low": 5.0, "middle": 8.25, "high": None, "mean": 8.5}


@pytest.mark.parametrize(
    ("value", "places", "wanted"),
    [
        (Decimal("-0.30"), 0, "0"),
        (Decimal("-0.60"), 0, "-1"),
        (Decimal("1234567.89"), 0, "1,234,568"),
        (3.14159, 1, "3.1"),
        (-0.01, 1, "0.0"),
    ],
)
def test_a_figure(value: Decimal | float, places: int, wanted: str) -> None:
    assert figure(value, "en", places) == wanted


def test_the_document_holds_the_row() -> None:
    row = made()
    for lang in LANGS:
        found = document(row, lang)
        assert json.loads(json.dumps(found, allow_nan=False)) == found
        for name in ("case_id", "day", "model", "scheme", "status", "department", "level"):
            assert found[name] == row[name]
        assert found["as_of"] == "2026-03-05T07:30:00+08:00"
        assert found["reason"] is None
        assert "reason_text" not in found
        assert found["bare"] == {"status": "grouped", "group": "I20.0"}
        assert found["groups"] == row["groups"]
        assert found["adrg"] == {"code": "I21", "probability": 0.625}
        assert found["mdc"] == {"code": "I", "probability": 0.9}
        assert found["basis"] == {"level": "adrg", "cases": 321}
        assert found["cost_to_date"] == "4321.50"
        for measure in MEASURES:
            for end in ENDS:
                value = row[f"{measure}_{end}"]
                # Amounts are exact: as texts.
                assert found[measure][end] == (value if measure == "los" else str(value))
        assert (found["insurance"], found["method"]) == ("employee", "dip-points")
        assert Decimal(found["point_value"]) == Decimal("8.5")
        assert found["pay_reason"] is None
        assert found["drivers"] == [
            {**one, "text": driver_words(one, lang)} for one in row["drivers"]
        ]
        assert [one["code"] for one in found["warnings"]] == codes(row["warnings"])
    assert document(row)["warnings"] == document(row, "zh")["warnings"]


def test_a_group_of_a_level_nobody_knows() -> None:
    found = document(made(adrg=None, adrg_probability=None))
    assert found["adrg"] == {"code": None, "probability": None}


def test_codes_stand_joined() -> None:
    assert codes(None) == codes("") == []
    assert codes("A") == ["A"]
    assert codes("A;B") == ["A", "B"]


def test_a_forecast_has_no_place_for_a_person() -> None:
    """But for the case's id, by which it is asked for."""
    private = {name for name, field in FIELDS.items() if field.private}
    assert private & set(FORECAST_SCHEMA.names) == {"case_id"}
    assert "person" not in document(made())
    assert not any("A1" in line for line in lines(made())[1:])
