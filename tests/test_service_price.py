"""Prices over REST, on the physician's card and in what goes back to the hospital."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from service_support import HEART, Service, service

from grouper.case.record import Case
from grouper.payment.place import Terms
from grouper.payment.result import Payment, PayStatus
from grouper.payment.share.many import YEAR
from grouper.service import pricing
from grouper.service.cds.cards import Told, discharge_cards
from grouper.service.month import priced_month
from grouper.service.pricing import StayPricer, grouping_from, needs_lines, priced_from
from grouper.service.year import with_year
from grouper.store.groupings import GroupingRow

AT = datetime(2024, 5, 3, tzinfo=UTC)
ROW = GroupingRow(
    stay_id=1,
    version=1,
    at=AT,
    scheme="harbin-2022",
    content_hash="",
    binding=True,
    status="grouped",
    reason=None,
    warnings=None,
    mdc="MDCA",
    adrg="AB1",
    group="AB19",
    group_name="",
    cc_level=None,
    group_kind=None,
    weight=None,
)
CASE = Case(
    region="harbin",
    insurance_type="310",
    discharge_time=AT,
    total_cost=Decimal("400000.00"),
    own_cost=Decimal(0),
    over_limit_cost=Decimal(0),
    first_share_cost=Decimal(0),
    scope_cost=Decimal("400000.00"),
)
HARBIN = {
    **HEART,
    "discharge_time": "2024-05-01",
    "admission_time": "2024-04-20",
    "dx": ["K80.101"],
    "px": ["51.2300"],
    "insurance_type": "310",
    "region": "哈尔滨",
}


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Service]:
    with service(tmp_path) as found:
        yield found


def test_a_case_handed_in_is_priced(running: Service) -> None:
    answer = running.ask("office", "POST", "/api/v1/price", json={"case": HARBIN})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["grouping"]["scheme"] == "harbin-2022"
    payment = found["payment"]
    assert (payment["method"], payment["pay_status"]) == ("drg_rate", "priced")
    assert Decimal(payment["amount"]) > 0
    assert payment["lines"][-1]["inputs"]
    assert "drg_rate.hospital_factor" in {one["path"] for one in payment["assumptions"]}
    english = running.ask(
        "office",
        "POST",
        "/api/v1/price",
        json={"case": HARBIN},
        headers={"Accept-Language": "en"},
    ).json()["payment"]
    assert english["method_name"] == "DRG by rate"


def test_a_case_without_a_policy_says_so(running: Service) -> None:
    case = {**HEART, "dx": ["I21.001"]}
    found = running.ask("office", "POST", "/api/v1/price", json={"case": case}).json()["payment"]
    assert (found["pay_reason"], found["amount"]) == ("POLICY_MISSING", None)


def test_a_stored_case_is_priced_and_the_look_is_logged(running: Service) -> None:
    facts = {k: v for k, v in HARBIN.items() if k not in {"dx", "px"}}
    case = running.stay(facts=facts, dx=HARBIN["dx"], px=HARBIN["px"])
    found = running.ask("office", "GET", f"/api/v1/cases/{case}/payment").json()
    assert found["payment"]["method"] == "drg_rate"
    assert running.looks()[-1][1:] == ("case_payment_shown", f"case:{case}")
    text = running.ask("office", "GET", f"/api/v1/cases/{case}/payment?format=text").text
    assert "支付标准" in text
    assert "drg_rate.rate[employee][I]" in text
    page = running.ask("office", "GET", f"/api/v1/cases/{case}/payment?format=html")
    assert page.headers["content-type"].startswith("text/html")
    assert "示例P1" not in page.text


def test_the_card_tells_the_payment_without_advice(running: Service) -> None:
    facts = {k: v for k, v in HARBIN.items() if k not in {"dx", "px"}}
    running.stay(facts=facts, dx=HARBIN["dx"], px=HARBIN["px"])
    hook = {
        "hook": "encounter-discharge",
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {"userId": "Practitioner/1", "patientId": "P1", "encounterId": "V1"},
    }
    answer = running.ask("interface", "POST", "/cds-services/grouper-discharge", json=hook)
    (card, *_) = answer.json()["cards"]
    assert "DRG 费率法" in card["detail"]
    assert "含政策文件未明确的假设" in card["detail"]


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_an_unpriced_case_tells_its_reason_on_the_card(lang: str) -> None:
    result = {"group": None, "status": "grouped", "status_text": "x", "reason": None}
    told = {
        "result": result,
        "scheme": {"id": "s"},
        "case": {"diagnoses": [], "procedures": []},
        "complications": [],
        "path": [],
        "warnings": [],
    }
    payment = {"amount": None, "reason_text": "why not", "assumptions": []}
    (card,) = discharge_cards(Told(document=told, payment=payment), lang)
    assert "why not" in card["detail"]


def test_what_goes_back_carries_the_price() -> None:
    priced = StayPricer("national").of(CASE, ROW)
    assert priced is not None
    assert priced.amount > 0
    assert priced.lines is not None
    assert priced.amount in priced.lines.values()
    assert priced.policy.startswith("harbin@2024")


def test_a_stay_without_scheme_or_policy_has_no_price() -> None:
    assert StayPricer("national").of(CASE, replace(ROW, scheme="")) is None
    assert StayPricer("national").of(replace(CASE, region=None), ROW) is None


def test_a_price_that_fails_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: Any) -> Payment:
        raise RuntimeError("secret of a case")

    monkeypatch.setattr(pricing, "price", broken)
    assert StayPricer("national").of(CASE, ROW) is None


def test_a_stored_grouping_is_read_back() -> None:
    row = replace(ROW, status="invalid", reason="SEX_MISSING", weight="12.5")
    found = grouping_from(row)
    assert (found.status, found.reason, found.weight) == ("invalid", "SEX_MISSING", Decimal("12.5"))
    assert grouping_from(replace(ROW, reason="OF_ANOTHER_PART")).reason is None
    assert found.trace.document("zh")["steps"] == []


def test_lines_are_only_read_when_they_are_needed() -> None:
    assert not needs_lines(CASE)
    assert needs_lines(replace(CASE, scope_cost=None))
    assert priced_from(Payment(status=PayStatus.UNPRICED, reason="x")) is None
    assert CASE.discharge_time is not None
    assert CASE.discharge_time.date() == date(2024, 5, 3)


def test_the_year_before_a_stored_case_comes_from_the_patients_other_stays(tmp_path: Path) -> None:
    facts = {
        "region": "示范市",
        "insurance_type": "390",
        "visit_type": "21",
        "total_cost": "90000.00",
        "own_cost": "1000.00",
        "over_limit_cost": "0.00",
        "first_share_cost": "2000.00",
        "scope_cost": "87000.00",
    }
    days = {"S1": ("2026-02-01", "2026-02-10"), "S2": ("2026-03-01", "2026-03-12")}
    with service(tmp_path, hospital="H00000000001") as running:
        for visit, (admitted, left) in days.items():
            times = {"admission_time": admitted, "discharge_time": left}
            running.stay(visit, facts=facts | times, dx=["J18.900"], px=[])
        running.stay("S9", "P9", facts=facts | {"discharge_time": "2026-03-12"}, dx=["J18.900"])
        found = {}
        for visit in days:
            (head,) = running.ask("office", "GET", "/api/v1/cases", params={"text": visit}).json()[
                "cases"
            ]
            told = running.ask("office", "GET", f"/api/v1/cases/{head['case_id']}/payment").json()
            found[head["case_id"]] = told["payment"]
        month = priced_month(running.database, "2026-03", region="demo")
    first, second = found.values()
    assert first["share_reason"] is second["share_reason"] is None
    # The second stay of the year has a lower deductible, and less is left of the ceiling.
    assert first["fund"] != second["fund"]
    (row,) = [one for one in month.to_pylist() if one["case_id"] in found]
    assert Decimal(second["fund"]) == row["fund"]
    assert row["year_basic"] > 0


def test_what_the_record_states_of_the_year_is_not_looked_up(tmp_path: Path) -> None:
    told = replace(CASE, admission_number=1, **dict.fromkeys(YEAR, Decimal(0)))
    with service(tmp_path) as running:
        for person, case in ((None, CASE), (1, told)):
            assert with_year(running.database, person, case, Terms(), AT) is case


@pytest.mark.parametrize(
    ("left", "los", "days"),
    [(None, None, 9), (None, 4, 4), ("left", None, None)],
    ids=["runs", "stated", "ended"],
)
def test_a_stay_that_runs_has_the_days_until_now(
    left: str | None, los: int | None, days: int | None
) -> None:
    at = datetime(2026, 3, 10, 20, tzinfo=UTC)
    admitted = datetime(2026, 3, 2, 8, tzinfo=UTC)
    case = Case(admission_time=admitted, discharge_time=at if left else None, los=los)
    assert pricing._as_if_ended(case, at).los == days
    assert pricing._as_if_ended(case, admitted).los == (1 if days == 9 else days)
    assert pricing._as_if_ended(case, datetime(2026, 3, 1, tzinfo=UTC)).los == los
    assert pricing._as_if_ended(Case(), at).los is None
