"""The bureau's statement held against the store: whose rows, which reasons, and what the book then has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from openpyxl import Workbook
from reconcile_support import (
    BEFORE,
    HEADS,
    MONTH,
    OFFICE,
    VISITS,
    Month,
    by_case,
    differing,
    month,
)
from service_support import PEOPLE

from codebooks.errors import GrouperError
from grouper.payment.settlement.errors import SettlementError
from grouper.service import reconciling
from grouper.service.access.principal import AccessError
from grouper.service.errands import Errands, ErrandState
from grouper.service.problems import ServiceError
from grouper.service.reconciling import Since, check, outcome, since, start, take_in
from grouper.store.database import StoreError

D = Decimal


@pytest.fixture(scope="module")
def of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Month]:
    with month(tmp_path_factory.mktemp("month")) as made:
        yield Month(made)


def totals(told: Any) -> dict[str, int]:
    return {one["state"]: one["cases"] for one in told["totals"] if one["cases"]}


def test_each_case_has_a_state_and_a_likely_reason(of: Month) -> None:
    found = of.found(differing(of))
    told = {one: by_case(found.entries)[of.cases[one]] for one in (*VISITS, BEFORE)}
    assert {visit: one["cause"] for visit, one in told.items()} == {
        "V1": "none",
        "V2": "group",
        "V3": "deducted",
        "V4": "share",
        "V5": "points",
        "V6": "missing_there",
        "V7": "missing_there",
        BEFORE: "outside",
    }
    assert told["V2"]["differs"] == ["group"]
    assert told["V3"]["deduction"] == D("30.00")
    assert told["V3"]["reason"] == "超限定用药"
    assert told["V4"]["difference"] == D("-7.00")
    assert told["V1"]["department"] == "心内科"
    assert told[BEFORE]["state"] == "missing_here"
    assert totals(found.told) == {
        "matched": 1,
        "different": 4,
        "missing_there": 2,
        "missing_here": 2,
    }
    # The largest difference stands first.
    sizes = [abs(one) for one in found.entries["difference"].to_pylist()]
    assert sizes == sorted(sizes, reverse=True)
    assert sum(one["cases"] for one in found.told["causes"]) == found.told["cases"] == 9
    assert found.told["deducted"] == found.told["net"] == 1
    assert told["V3"]["difference"] == D("0.00")


def test_sums_add_up_over_states_and_reasons(of: Month) -> None:
    told = of.found(differing(of)).told
    apart = D(told["theirs"]) - D(told["ours"])
    for part in ("totals", "causes"):
        assert sum((D(one["difference"]) for one in told[part]), D(0)) == apart
    assert sum((D(one["ours"]) for one in told["totals"]), D(0)) == D(told["ours"])


def test_a_row_of_nobody_here_keeps_its_row_and_no_number(of: Month) -> None:
    errand = of.done(differing(of))
    found = outcome(of.settings, errand)
    unknown = by_case(found.entries)[None]
    assert unknown["rows"] == [8]
    assert unknown["key"].startswith("unknown:")
    again = by_case(of.found(differing(of)).entries)[None]
    assert again["key"] == unknown["key"]
    folder = Errands.at(of.settings).folder(errand.id)
    held = b"".join(one.read_bytes() for one in folder.rglob("*") if one.is_file())
    assert b"X-7788" not in held
    assert b"X-7788" not in str(found.entries.to_pylist()).encode()


def test_a_case_is_known_by_any_of_its_numbers(of: Month) -> None:
    rows = of.same("V1", "V2", "V3")
    rows[0][0] = of.cases["V1"]
    rows[1][0] = "PV2"
    # Of this patient a stay of the month before is here too: that of the month is meant.
    rows.append(["PV1", *of.same("V1")[0][1:]])
    found = by_case(of.found(of.statement(rows, *HEADS)).entries)
    assert found[of.cases["V1"]]["state"] == "duplicate"
    assert found[of.cases["V1"]]["rows"] == [2, 5]
    assert {found[of.cases[one]]["state"] for one in ("V2", "V3")} == {"matched"}
    assert None not in found


def test_another_point_value_is_seen_in_several_cases(of: Month) -> None:
    rows = of.same(*VISITS[:5])
    for row in rows:
        points = D(str(row[2]))
        row[3] = (D(str(row[3])) + points * D("0.5")).quantize(D("0.01"))
        row[4] = (D(str(row[4])) + points * D("0.5")).quantize(D("0.01"))
    found = by_case(of.found(of.statement(rows, *HEADS)).entries)
    assert {found[of.cases[one]]["cause"] for one in VISITS[:5]} == {"point_value"}
    two = of.found(of.statement(rows[:2], *HEADS))
    assert by_case(two.entries)[of.cases["V1"]]["cause"] == "other"


def test_a_statement_of_one_insurance_is_of_its_cases_alone(of: Month) -> None:
    held = of.statement(of.same("V7"), *HEADS)
    found = of.found(held, of.scope("inpatient", "resident"))
    assert totals(found.told) == {"matched": 1}
    assert set(by_case(of.found(held, of.scope("inpatient", "employee")).entries)) >= {
        of.cases["V1"],
        of.cases["V7"],
    }


def test_a_workbook_is_read_and_its_totals_compared(of: Month) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(list(HEADS))
    for row in of.same(*VISITS):
        sheet.append([str(one) if isinstance(one, str) else float(str(one)) for one in row])
    sheet.append(["合计", "", "", "", 1.5])
    held = BytesIO()
    book.save(held)
    found = of.found(held.getvalue(), name="C:\\表\\三月.XLSX")
    assert totals(found.told) == {"matched": len(VISITS)}
    assert found.told["file"] == "三月.XLSX"
    (stated,) = found.told["stated"]
    assert (stated["column"], stated["stated"]) == ("fund", "1.50")


@pytest.mark.parametrize(
    ("held", "code", "place"),
    [
        pytest.param("就诊ID,病组\nV1,A\n", "BUREAU_COLUMN", (1, None), id="no amount"),
        pytest.param("就诊ID,基金支付\n,1\n", "BUREAU_CASE", (2, "就诊ID"), id="no case"),
        pytest.param("就诊ID,基金支付\nV1,abc\n", "BUREAU_NUMBER", (2, "基金支付"), id="number"),
        pytest.param("就诊ID,基金支付\n", "BUREAU_EMPTY", (None, None), id="empty"),
        pytest.param("", "BUREAU_EMPTY", (None, None), id="nothing"),
    ],
)
def test_a_fault_is_told_with_its_place_and_nothing_is_kept(
    of: Month, held: str, code: str, place: tuple[int | None, str | None]
) -> None:
    before = len(Errands.at(of.settings).all())
    with pytest.raises(GrouperError) as caught:
        of.asked(held.encode(), name="对账.csv")
    where = caught.value.where
    assert (caught.value.code, where.file) == (code, "对账.csv")
    assert (where.row, where.column) == place
    assert len(Errands.at(of.settings).all()) == before


def test_what_is_no_workbook_is_told(of: Month) -> None:
    with pytest.raises(GrouperError) as caught:
        check("三月.xlsx", b"PK\x03\x04 broken")
    assert caught.value.where.file == "三月.xlsx"
    assert check("a/b/三月", "就诊ID,基金支付\nV1,1\n".encode()).name == "三月"
    assert of.settings.folder.exists()


def test_a_month_without_cases_fails_in_words(of: Month) -> None:
    empty = replace(of.scope(), month="2025-06")
    errand = of.done(of.statement(of.same("V1"), *HEADS), empty)
    assert list((Errands.at(of.settings).folder(errand.id) / "in").iterdir()) == []
    assert (errand.state, errand.code) == (ErrandState.FAILED, "RECONCILE_NO_CASE")
    assert "2025-06" in str(errand.detail)


def test_only_who_sees_all_departments_and_reviews_may(of: Month) -> None:
    held = of.statement(of.same("V1"), *HEADS)
    found = of.found(held)
    for name in ("physician", "manager"):
        with pytest.raises(AccessError):
            start(
                of.settings,
                of.database,
                of.scope(),
                name="a.csv",
                held=held,
                by=PEOPLE[name],
                language="zh",
            )
        with pytest.raises(AccessError):
            take_in(of.settings, of.database, found, PEOPLE[name])


def test_an_errand_of_a_smaller_reach_is_refused(of: Month) -> None:
    errand = of.asked(of.statement(of.same("V1"), *HEADS))
    errands = Errands.at(of.settings)
    work: Any = type("Work", (), {"reach": ("心内科",), "files": errands.files(errand)})()
    with pytest.raises(AccessError):
        reconciling.run(work)
    errands.cancel(errand.id, OFFICE)


def test_what_cannot_be_logged_is_not_done(of: Month, monkeypatch: pytest.MonkeyPatch) -> None:
    held = of.statement(of.same("V1"), *HEADS)
    found = of.found(held, of.scope("inpatient", "employee"))

    def away(*_: object) -> None:
        raise StoreError("STORE_UNAVAILABLE")

    monkeypatch.setattr(reconciling, "write_looks", away)
    before = len(Errands.at(of.settings).all())
    for doing in (
        lambda: of.asked(held),
        lambda: take_in(of.settings, of.database, found, OFFICE),
    ):
        with pytest.raises(ServiceError) as caught:
            doing()
        assert caught.value.code == "AUDIT_UNAVAILABLE"
    assert len(Errands.at(of.settings).all()) == before
    assert list((of.settings.folder / "adjustments").rglob("*.parquet")) == []


def test_what_is_older_than_our_cases_is_not_entered(of: Month) -> None:
    found = of.found(of.statement(of.same("V1"), *HEADS))
    assert since(of.database, found) == Since(0, 0)
    assert found.told["stays"] == len(VISITS) + 1
    assert found.begun is not None
    before = {"begun": (found.begun - timedelta(days=1)).isoformat()}
    changed = replace(found, told={**found.told, **before})
    fewer = replace(found, told={**found.told, "stays": 5})
    unknown = replace(found, told={n: v for n, v in found.told.items() if n != "begun"})
    assert since(of.database, changed) == Since(len(VISITS) + 1, 0)
    assert since(of.database, fewer) == Since(0, 3)
    assert since(of.database, unknown) == Since(None, None)
    for one in (changed, fewer, unknown):
        with pytest.raises(SettlementError, match="RECONCILIATION_OLD"):
            take_in(of.settings, of.database, one, OFFICE)
    assert list((of.settings.folder / "adjustments").rglob("*.parquet")) == []


def test_a_result_that_is_gone_or_spoilt_is_told(of: Month) -> None:
    errand = of.done(of.statement(of.same("V1"), *HEADS))
    path = Errands.at(of.settings).files(errand) / "entries.parquet"
    path.write_bytes(b"no table")
    with pytest.raises(GrouperError, match="RECONCILIATION_GONE"):
        outcome(of.settings, errand)
    pq.write_table(pa.table({"key": ["a"]}), path)
    with pytest.raises(GrouperError, match="RECONCILIATION_GONE"):
        outcome(of.settings, errand)
    path.unlink()
    with pytest.raises(GrouperError, match="RECONCILIATION_GONE"):
        outcome(of.settings, errand)
    assert of.scope().month == MONTH
