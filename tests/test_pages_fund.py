"""The page of fund and credit, run by itself, and its picture on its data."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from fund_view_support import settled
from pages_office_support import Office, office, words
from review_support import keep, row

from codebooks.messages import catalogue
from dashboards.app_pages import fund
from dashboards.app_pages.auditing.months import months
from dashboards.charts.leads import PARTS, leads_chart, leads_table, parts_of
from grouper.audit.fund.document import document, reason_of
from grouper.store.reading import stay_by_case
from grouper.store.schema import now

MONTH = months(2)[1]
LEADS: list[dict[str, Any]] = [
    {"name": "重复收费", "amount": "120.50", "open_amount": "100.00"},
    {"name": "超限定", "amount": "900.00", "open_amount": "0.00"},
]


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    monkeypatch.setenv("GROUPER_DATA", str(tmp_path / "data"))
    with office(tmp_path) as made:
        yield made


def found(running: Office) -> None:
    case = running.running.stay()
    with running.running.database.reading() as connection:
        head = stay_by_case(connection, case)
    assert head is not None
    rows = [row(f"{n:024x}", stay_id=head.id, amount="10.00") for n in range(3)]
    keep(running.running.database, rows, at=now())


def test_without_data_each_part_says_what_is_missing_and_what_to_do(running: Office) -> None:
    page = running.page("fund")
    assert not page.exception
    told = words(page)
    for code in ("NO_LEDGER", "NO_STATEMENTS"):
        known = [one for one in catalogue("zh") if one.startswith("reason.") and one.endswith(code)]
        for one in known:
            said = reason_of(one.removeprefix("reason."), "zh")
            assert said["text"] in told
            assert catalogue("zh")[f"page_hint.{said['code']}"] in told
            assert said["advice"] not in told
    assert "还没有疑点线索" in told
    assert "最少可支付月数 —" in told
    assert running.looks()[-1] == "fund_shown"


def test_the_month_of_the_address_is_shown_and_another_passed_over(running: Office) -> None:
    wanted = months(5)[4]
    page = running.page("fund", month=wanted)
    assert page.selectbox[0].value == wanted
    assert running.page("fund", month="1999-01").selectbox[0].value == MONTH


def test_ledger_and_leads_are_told(running: Office, tmp_path: Path) -> None:
    found(running)
    folder = tmp_path / "data" / "fund"
    folder.mkdir(parents=True)
    lines = ["month,insurance,income,outlay,balance"]
    lines += [f"{one},employee,100.00,100.00,550.00" for one in reversed(months(7)[1:])]
    (folder / "ledger.csv").write_text("\n".join(lines), "utf-8")
    page = running.page("fund")
    assert not page.exception
    told = words(page)
    assert "最少可支付月数 5.5" in told
    assert "待办理线索 3" in told
    payable = page.dataframe[0].value
    assert list(payable["payable_level"]) == ["预警"]
    assert list(payable["balance"]) == [Decimal("550.00")]
    leads = next(one.value for one in page.dataframe if "open_amount" in one.value)
    assert list(leads["amount"]) == [Decimal("30.00")]


def test_a_ledger_that_cannot_be_read_is_told_with_its_place(
    running: Office, tmp_path: Path
) -> None:
    folder = tmp_path / "data" / "fund"
    folder.mkdir(parents=True)
    (folder / "ledger.csv").write_text("month,insurance\n2026-13,employee\n", "utf-8")
    page = running.page("fund")
    assert "ledger.csv" in page.exception[0].message


def test_gaps_breaks_and_the_use_of_the_budget_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROUPER_DATA", str(tmp_path / "data"))
    folder = tmp_path / "data" / "fund"
    (folder / "settled").mkdir(parents=True)
    gone, *kept = list(reversed(months(7)[1:]))[2:]
    lines = ["month,insurance,income,outlay,balance"]
    lines += [f"{one},employee,100.00,100.00,550.00" for one in kept[:-1]]
    lines.append(f"{kept[-1]},employee,100.00,100.00,700.00")
    lines.append(f"{months(7)[6]},employee,100.00,100.00,550.00")
    (folder / "ledger.csv").write_text("\n".join(lines), "utf-8")
    for number in (1, 2):
        month = f"{MONTH[:4]}-{number:02}"
        told = json.dumps(settled(month), ensure_ascii=False)
        (folder / "settled" / f"{month}.json").write_text(told, "utf-8")
    with office(tmp_path, region="demo", hospital="H00000000001") as running:
        page = running.page("fund")
        assert not page.exception
        said = words(page)
    assert gone in said
    broken = [one.value for one in page.warning]
    assert any(kept[-1] in one for one in broken)
    absent = catalogue("zh")["fund_page.absent"].format(names="")
    assert absent[:4] in said
    uses = next(one.value for one in page.dataframe if "budget_share" in one.value)
    assert len(uses) == 3
    assert f"{MONTH[:4]}-01、{MONTH[:4]}-02" in said


def test_parts_that_cannot_be_told_say_why(
    running: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without(*known: Any) -> dict[str, Any]:
        told = document(*known)
        told["missing"] |= {
            part: reason_of("CREDIT_INPUT_ABSENT", "zh") for part in ("leads", "credit")
        }
        return told

    monkeypatch.setattr(fund, "document", without)
    page = running.page("fund")
    assert not page.exception
    assert words(page).count(reason_of("CREDIT_INPUT_ABSENT", "zh")["text"]) == 2
    assert "还没有疑点线索" not in words(page)
    assert fund._quotient({"value": "0.0004", "unit": "share"}) == "0.0%"


def test_the_picture_parts_what_is_open_from_what_is_closed() -> None:
    assert parts_of(LEADS[0]) == {"open": Decimal("100.00"), "closed": Decimal("20.50")}
    drawn = json.loads(leads_chart(LEADS, "zh").to_json())
    (values,) = drawn["datasets"].values() if "datasets" in drawn else (drawn["data"]["values"],)
    assert sum(one["yuan"] for one in values) == pytest.approx(1020.50)
    assert drawn["encoding"]["y"]["sort"] == ["超限定", "重复收费"]
    table = leads_table(LEADS, "en")
    assert table.num_rows == len(LEADS)
    assert table.num_columns == 1 + len(PARTS)
    assert table.column(1).to_pylist() == [Decimal("100.00"), Decimal("0.00")]
