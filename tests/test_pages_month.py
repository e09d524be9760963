"""The page of the month's settlement: nothing yet, few cases, many, what is old, what cannot be done."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from io import BytesIO
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pytest
from month_support import MONTH, OFFICE, deducted, done, many, priced, settled, stays
from openpyxl import load_workbook
from pages_office_support import Office, office, words
from streamlit.testing.v1 import AppTest

from codebooks.messages import text
from dashboards.app_pages.auditing import months as picking
from dashboards.frame import exports
from dashboards.frame.export_sheet import workbook
from dashboards.frame.exports import Report
from grouper.payment.words import reason_text
from grouper.service import simulating
from grouper.service.errands import Errands, ErrandState
from grouper.service.settling import KIND, statements
from grouper.store.database import Database, StoreError

MANY, EMPTY, NONE = "2026-11", "2026-01", "2026-07"
FILE = f"month,amount,method,insurance,kind,reason\n{MANY},90.00,dip_score,employee,audit,b\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """March from the store's own stays, November from many invented cases, January empty."""
    with office(tmp_path_factory.mktemp("month"), region="demo", hospital="H00000000001") as found:
        cases = stays(found.running)
        deducted(found.running, cases["V2"], "30.00", 1)
        deducted(found.running, None, "5.00", 2)
        with priced(many()):
            settled(found.running, MANY, {"deductions.csv": FILE.encode()})
        settled(found.running, findings=True)
        settled(found.running, EMPTY)
        yield found


@pytest.fixture(autouse=True)
def _months(monkeypatch: pytest.MonkeyPatch) -> None:
    """The months to choose from do not move with the day of the test."""
    known = [f"2026-{number:02}" for number in range(12, 0, -1)]
    monkeypatch.setattr(picking, "months", lambda _: known)


def seen(made: Office, month: str, **params: str) -> AppTest:
    page = made.page("month", month=month, **params)
    assert not page.exception
    return page


def press(page: AppTest, key: str, **params: str) -> AppTest:
    label = text(key, "zh", **params)
    (button,) = [one for one in page.button if one.label == label]
    return button.click().run()


def asked(made: Office, kind: str = KIND) -> Any:
    """The errand that was asked for last; it is taken away."""
    errands = Errands.at(made.running.settings)
    (found,) = [one for one in errands.of(OFFICE, kind) if one.state is ErrandState.WAITING]
    errands.cancel(found.id, OFFICE)
    return found


def test_a_month_without_a_statement_says_what_to_do(made: Office) -> None:
    page = seen(made, NONE)
    assert text("month_page.none", "zh", month=NONE) in words(page)
    assert not page.metric
    page = press(page, "month_page.make")
    assert not page.exception
    assert text("month_page.none", "zh", month=NONE) not in words(page)
    assert text("errand_box.leave", "zh") in words(page)
    found = asked(made)
    assert dict(found.params) == {"month": NONE, "findings": True, "before": ""}
    assert made.looks()[-1] == "errand_asked"


def test_a_month_without_a_stay_says_so(made: Office) -> None:
    page = seen(made, EMPTY)
    assert text("month_page.no_case", "zh", month=EMPTY) in words(page)
    assert not page.metric


@pytest.mark.parametrize(
    ("part", "lang"),
    [
        *((part, "zh") for part in ("parts", "axes", "open", "deductions", "try")),
        *((part, "en") for part in ("parts", "open")),
    ],
)
def test_every_part_of_a_statement_is_whole(made: Office, part: str, lang: str) -> None:
    page = seen(made, MANY, part=part, lang=lang)
    assert len(page.metric) == 5
    (kept,) = statements(made.running.settings, OFFICE, MANY)
    told = kept.document(lang)
    assert f"{told['sums']['cases']}" in page.metric[0].value
    assert told["policy"] in words(page)
    if part == "parts":
        table = next(one.value for one in page.dataframe if "settled_paid" in one.value)
        assert list(table["cases"])[-1] == told["sums"]["cases"]
        assert list(table["pool"])[-2:] == [
            text("month_page.no_part", lang),
            text("month_page.whole", lang),
        ]
        for column in ("cases", "settled_priced", "amount", "fund", "surplus"):
            *of_parts, whole = [
                one or 0 for one in table[column].where(table[column].notna(), None)
            ]
            assert sum(of_parts) == whole
        source = next(one.value for one in page.dataframe if "settled_source" in one.value)
        assert text("month_page.assumed", lang) in set(source["settled_standing"])
    if part == "open":
        assert reason_text("PAY_METHOD_NONE", lang) in words(page)
    if part == "deductions":
        table = next(one.value for one in page.dataframe if "settled_kind" in one.value)
        assert list(table["sum_amount"]) == [Decimal("90.00")]


def test_a_statement_of_few_cases_names_findings_and_policy(made: Office) -> None:
    page = seen(made, MONTH, part="deductions")
    told = words(page)
    assert text("month_page.findings_title", "zh", count="2") in told
    kinds = list(page.dataframe[0].value["settled_kind"])
    assert kinds == [text("month_page.from_findings", "zh")] * 2
    assert "/finding?id=" in told
    assert "findings_listed" in made.looks()
    page = seen(made, MONTH, part="open")
    assert text("month_page.nothing_open", "zh") in words(page)
    page = seen(made, MONTH, part="parts")
    general = text("month_page.general", "zh", amount="5.00 元")
    assert general in set(page.dataframe[1].value["settled_why"])


def test_open_cases_are_turned_page_by_page_and_chosen_by_reason(
    made: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dashboards.app_pages.month import opened  # noqa: PLC0415 -- its sizes are changed here

    monkeypatch.setattr(opened, "sizes", lambda: {"open_cases": 3})
    page = seen(made, MANY, part="open")
    first = words(page)
    page = press(page, "rows.behind")
    assert not page.exception
    assert words(page) != first
    chosen = page.selectbox(key="month.why")
    page = chosen.set_value("unpriced:PAY_COST_MISSING").run()
    assert reason_text("PAY_METHOD_NONE", "zh") not in page.markdown[-1].value
    assert reason_text("PAY_COST_MISSING", "zh") in page.markdown[-1].value
    assert made.looks().count("cases_listed") >= 3


def test_rows_lead_to_their_cases_and_are_few(
    made: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dashboards.app_pages.month import axes  # noqa: PLC0415 -- as above

    monkeypatch.setattr(axes, "sizes", lambda: {"ranked": 1})
    page = seen(made, MANY, part="axes")
    table = page.dataframe[0].value
    assert len(table) == 1
    assert "since=2026-11-01&last=2026-11-30" in table["link"][0]
    assert text("month_page.ranked", "zh", shown="1", all="3") in words(page)


def test_a_broken_file_of_deductions_is_told_with_its_row_and_asks_for_nothing(
    made: Office,
) -> None:
    page = seen(made, MONTH)
    upload = page.file_uploader(key="month.file")
    upload.set_value(("d.csv", f"month,amount\n{MONTH},much\n".encode(), "text/csv"))
    page = press(page, "month_page.anew")
    assert not page.exception
    assert "SETTLE_AMOUNT" in page.error[0].value
    assert "2" in page.error[0].value
    errands = Errands.at(made.running.settings).of(OFFICE, KIND)
    assert not [one for one in errands if one.state is ErrandState.WAITING]


def test_a_statement_is_made_anew_with_a_file_or_the_one_before(made: Office) -> None:
    page = seen(made, MANY)
    page.checkbox(key="month.findings").uncheck()
    page = press(page, "month_page.anew")
    found = asked(made)
    (kept,) = statements(made.running.settings, OFFICE, MANY)
    assert dict(found.params) == {"month": MANY, "findings": False, "before": kept.name}
    page = seen(made, MONTH)
    page.file_uploader(key="month.file").set_value(("d.csv", FILE.encode(), "text/csv"))
    press(page, "month_page.anew")
    errands = Errands.at(made.running.settings)
    (waiting,) = [one for one in errands.of(OFFICE, KIND) if one.state is ErrandState.WAITING]
    assert (errands.folder(waiting.id) / "in" / "deductions.csv").read_text("utf-8") == FILE
    asked(made)


def test_what_is_old_is_told(made: Office) -> None:
    from dashboards.app_pages.month import making  # noqa: PLC0415 -- what it asks is changed here
    from grouper.service.settling import Since  # noqa: PLC0415

    with patch.object(making, "since", lambda *_: Since(3, 1, policy=True, findings=True)):
        page = seen(made, MONTH)
    told = [text("month_page.stays_changed", "zh", count="3")]
    told += [text("month_page.stays_fewer", "zh", count="1")]
    told += [text("month_page.policy_changed", "zh")]
    told += [text("month_page.findings_changed", "zh")]
    assert text("month_page.old", "zh", what="、".join(told)) in page.warning[0].value


def test_what_if_is_asked_for_and_shown(made: Office) -> None:
    page = seen(made, MANY, part="try")
    page = press(page, "month_try.ask")
    assert "SIMULATE_NOTHING" in page.error[0].value
    page.number_input(key="month.try.dip_score.employee").set_value(6.5)
    page.number_input(key="month.try.growth").set_value(5.0)
    page.selectbox(key="month.try.department").set_value("内科")
    page.number_input(key="month.try.cost").set_value(-2.0)
    press(page, "month_try.ask")
    params = dict(asked(made, simulating.KIND).params)
    changes = {name: params[name] for name in ("points", "growth", "cost")}
    assert changes == {
        "points": ["dip_score:employee=6.5000"],
        "growth": ["department:内科=5.00%"],
        "cost": "-2.00%",
    }
    changes["growth"] = [*changes["growth"], "department:无=5%"]
    found = done(made.running, simulating.KIND, params | changes | {"cost": ""})
    assert found.state is ErrandState.DONE
    page = seen(made, MANY, part="try")
    told = words(page)
    assert text("month_try.result", "zh") in told
    assert text("month_try.unmet", "zh", names="department:无") in told
    # The factor is on the point values as they were changed: 6.5, not what the statement has.
    assert "改动后点值的" in told
    assert re.search(r"6\.50* 元 → ", told)
    assert "the point value as changed" in text("month_try.even", "en", which="", factor="1")
    table = page.dataframe[0].value
    assert list(table["settled_figure"])[:1] == [text("settlement.column.cases", "zh")]


def test_a_statement_of_which_nothing_can_be_settled_says_so(made: Office) -> None:
    rows = many(8)
    gone = rows.set_column(rows.column_names.index("fund"), "fund", pa.nulls(8, rows["fund"].type))
    with priced(gone):
        settled(made.running, "2026-12")
    page = seen(made, "2026-12")
    assert text("month_page.unsettled", "zh") in words(page)
    assert text("month_page.no_deduction", "zh") in words(seen(made, "2026-12", part="deductions"))
    page = seen(made, "2026-12", part="open")
    assert text("month_page.fund_unknown", "zh", reason="")[:5] in words(page)


def test_all_of_it_can_be_taken_as_a_workbook(made: Office) -> None:
    taken: list[Report] = []

    def kept(view: Any, page: str, on: Any, sheets: Any, pictures: Any) -> None:
        del view
        taken.append(Report(page, page, on, "", tuple(sheets), tuple(pictures)))

    with patch.object(exports, "offer", kept), patch("dashboards.app_pages.month.offer", kept):
        seen(made, MANY)
    (report,) = taken
    book = load_workbook(BytesIO(workbook(report, "zh")))
    assert len(book.worksheets) == len(report.sheets) + 1 == 8
    assert text("month_part.open", "zh") in book.sheetnames
    (way,) = report.pictures
    assert way.table.num_rows == 9


def test_a_store_that_is_down_says_so(made: Office) -> None:
    def down(*_: object) -> object:
        raise StoreError("STORE_UNAVAILABLE")

    with patch.object(Database, "reading", down):
        page = made.page("month", month=MONTH)
    assert "STORE_UNAVAILABLE" in page.exception[0].message
