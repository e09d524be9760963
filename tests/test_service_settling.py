"""A month settled from the store as an errand: what is kept, what is deducted, what has changed since."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from month_support import ENDS, MONTH, OFFICE, deducted, done, many, priced, settled, stays
from service_support import PEOPLE, Service, service
from sqlalchemy import update

from codebooks import paths
from codebooks.audit.books import audit_book
from codebooks.errors import GrouperError
from codebooks.policies.policies import policies
from grouper.payment.settlement.document import document
from grouper.payment.settlement.errors import SettlementError
from grouper.payment.settlement.month import settle_month
from grouper.service import kept_results, settling, simulating
from grouper.service.access.principal import AccessError
from grouper.service.errands import ErrandState
from grouper.service.fund import Files, fund_view
from grouper.service.fund_files import files_of
from grouper.service.month import priced_month
from grouper.service.settled_telling import open_page, open_reasons, ranked, value_of, way
from grouper.service.settling import DEDUCTIONS, checked_deductions, since, statements
from grouper.store.discharges import span, standing
from grouper.store.review_schema import finding
from grouper.store.schema import now


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Service]:
    with service(tmp_path, region="demo", hospital="H00000000001") as found:
        yield found


def test_a_statement_is_the_settlement_of_the_months_stays(running: Service) -> None:
    cases = stays(running)
    found = settled(running)
    assert (found.state, found.answer and found.answer["cases"]) == (ErrandState.DONE, 2)
    (kept,) = statements(running.settings, OFFICE, MONTH)
    table = priced_month(running.database, MONTH, region="demo")
    direct = document(settle_month(table, region="demo", month=MONTH, at_hand=policies()), "en")
    told = kept.document("en")
    assert {name: told[name] for name in direct if name in told} == {
        name: value for name, value in direct.items() if name != "open_cases"
    }
    assert kept.document("zh")["language"] == "zh"
    assert kept.about["policy"] == told["policy"] == settling.policy_of(running.settings, MONTH).id
    assert (kept.about["actor"], kept.about["stays"], kept.about["deductions"]) == (
        *("office1", 4),
        False,
    )
    own = pq.read_table(kept.folder / settling.CASES)
    assert set(own["case_id"].to_pylist()) == {cases["V2"], cases["V3"]}
    assert not {"person", "birth_date", "visit", "patient_name"} & set(own.column_names)
    assert statements(running.settings, OFFICE, "2026-02") == []


def test_only_who_sees_all_departments_sees_a_statement(running: Service) -> None:
    with pytest.raises(AccessError, match="NOT_ALLOWED"):
        statements(running.settings, PEOPLE["physician"], MONTH)


def test_deductions_come_from_a_file_and_from_findings(running: Service) -> None:
    cases = stays(running)
    deducted(running, cases["V2"], "30.00", 1)
    deducted(running, None, "5.00", 2)
    file = f"month,amount,kind\n{MONTH},100.00,audit\n2026-04,7.00,audit\n".encode()
    settled(running, files={DEDUCTIONS: file}, findings=True)
    (first,) = statements(running.settings, OFFICE, MONTH)
    told = first.document("zh")
    assert [(one["kind"], one["amount"], one["method"] is None) for one in told["deductions"]] == [
        *[("audit", "100.00", True)],
        *[("findings", "30.00", False), ("findings", "5.00", True)],
    ]
    assert (value_of(told, "general_deductions"), value_of(told, "sum_deductions")) == (
        *(Decimal("105.00"), Decimal("30.00")),
    )
    assert [(one["case_id"], one["deduction"]) for one in told["findings"]] == [
        (cases["V2"], "30.00"),
        (None, "5.00"),
    ]
    # The file is taken again by the name of the statement, the findings may be left out.
    settled(running, findings=False, before=first.name)
    again = statements(running.settings, OFFICE, MONTH)[0]
    assert [one["kind"] for one in again.document("zh")["deductions"]] == ["audit"]
    assert again.about["deductions"]
    # A statement that is not there any more has no file.
    settled(running, findings=False, before="gone")
    assert statements(running.settings, OFFICE, MONTH)[0].document("zh")["deductions"] == []


def test_a_broken_file_of_deductions_says_where() -> None:
    held = f"month,amount\n{MONTH},1.00\n{MONTH},much\n".encode()
    with pytest.raises(SettlementError, match="SETTLE_AMOUNT") as caught:
        checked_deductions(held)
    assert (caught.value.where.file, caught.value.where.row) == (DEDUCTIONS, 3)
    assert len(checked_deductions(held.replace(b"much", b"2.00"))) == 2


def test_what_has_changed_since_is_told(running: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    stays(running)
    settled(running)
    (kept,) = statements(running.settings, OFFICE, MONTH)
    assert not since(running.settings, running.database, OFFICE, kept).any
    with pytest.raises(AccessError, match="NOT_ALLOWED"):
        since(running.settings, running.database, PEOPLE["physician"], kept)
    # What ends after the next month does not matter; a stay of that one, or an earlier of the year, does.
    stays(running, {"V9": "2026-05-02 10:00"})
    assert not since(running.settings, running.database, OFFICE, kept).any
    stays(running, {"V8": ENDS["V1"]})
    found = since(running.settings, running.database, OFFICE, kept)
    assert (found.changed, found.fewer, found.policy) == (1, 1, False)
    stays(running, {"V7": "2026-04-30 10:00"})
    found = since(running.settings, running.database, OFFICE, kept)
    assert (found.changed, found.fewer) == (2, 2)

    def missing(*_: object) -> object:
        raise GrouperError("POLICY_MISSING", region="demo", day=MONTH)

    monkeypatch.setattr(settling, "policy_of", missing)
    assert since(running.settings, running.database, OFFICE, kept).policy


def test_findings_that_were_closed_since_are_told(running: Service) -> None:
    cases = stays(running)
    deducted(running, cases["V2"], "30.00", 1)
    settled(running, findings=False)
    settled(running)
    newest, plain = statements(running.settings, OFFICE, MONTH)
    assert not since(running.settings, running.database, OFFICE, newest).any
    deducted(running, None, "5.00", 2)
    found = since(running.settings, running.database, OFFICE, newest)
    assert (found.findings, found.any, found.changed) == (True, True, 0)
    # Where findings were not asked for, none matters.
    assert not since(running.settings, running.database, OFFICE, plain).any
    # One that was opened again counts, and so does another amount of the same number.
    with running.database.writing_store() as connection:
        connection.execute(
            update(finding).where(finding.c.key == f"{2:024x}").values(state="new", deduction=None)
        )
    assert not since(running.settings, running.database, OFFICE, newest).any
    with running.database.writing_store() as connection:
        connection.execute(
            update(finding).where(finding.c.key == f"{1:024x}").values(deduction=Decimal("31.00"))
        )
    assert since(running.settings, running.database, OFFICE, newest).findings


def test_stays_are_counted_without_being_read(running: Service) -> None:
    with running.database.reading() as connection:
        assert span(connection) is None
    stays(running)
    with running.database.reading() as connection:
        ends = span(connection)
        assert ends is not None
        assert standing(connection, ends[0], ends[1]).stays == len(ENDS) - 1
        later = standing(connection, ends[0], ends[1], now())
    assert (later.stays, later.changed) == (len(ENDS) - 1, 0)


def test_an_empty_month_and_no_policy_are_told(running: Service) -> None:
    assert settled(running).answer == {
        "month": MONTH,
        "name": statements(running.settings, OFFICE, MONTH)[0].name,
        "cases": 0,
    }
    found = settled(running, "2026-3x")
    assert (found.state, found.code) == (ErrandState.FAILED, "SETTLE_PERIOD")


def test_a_statement_with_every_gap_is_told_in_parts(running: Service, tmp_path: Path) -> None:
    with priced(many()):
        settled(running, "2026-11")
    (kept,) = statements(running.settings, OFFICE, "2026-11")
    told = kept.document("en")
    steps = {name: value for name, value, _ in way(told)}
    assert steps["amount"] + steps["patients"] + steps["unknown"] == steps["fund"]
    assert steps["fund"] + steps["later"] == steps["due"]
    assert steps["due"] + steps["kept_back"] + steps["deductions"] == steps["paid"]
    assert value_of(told, "nothing") is None
    assert way({"parts": [], "lines": []}) == []
    losses = ranked(told, "department", losses=True)
    known = [Decimal(one["surplus"]) for one in losses if one["surplus"] is not None]
    assert known == sorted(known)
    other = ranked(told, "department", losses=False)
    assert [one["key"] for one in other][: len(known)] == [
        one["key"] for one in reversed(losses[: len(known)])
    ]
    reasons = open_reasons(kept)
    rows, every = open_page(kept, None, 0, 5)
    assert (
        every == sum(one.cases for one in reasons) == told["sums"]["cases"] - told["sums"]["funded"]
    )
    assert len(rows) == 5
    for one in reasons:
        rows, some = open_page(kept, one, 0, 500)
        assert some == one.cases
        assert {(row["reason"], row["priced"]) for row in rows} == {(one.reason, one.priced)}
    # The same reason may stand for cases with a price and for such without.
    twice = tmp_path / "twice"
    twice.mkdir()
    ids = ["a", "b", "c"]
    both = {"case_id": ids, "reason": ["X", "X", None], "priced": [True, False, False]}
    pq.write_table(pa.table(both), twice / settling.OPEN)
    again = replace(kept, folder=twice)
    assert [
        [row["case_id"] for row in open_page(again, one, 0, 5)[0]] for one in open_reasons(again)
    ] == [[(one.reason and ("a" if one.priced else "b")) or "c"] for one in open_reasons(again)]
    assert {one["method"] for one in told["point_values"]} <= {"dip_score", "drg_points"}


def test_the_newest_statements_are_kept(tmp_path: Path) -> None:
    def write(number: int, most: int = 2) -> kept_results.Kept:
        made = datetime(2026, 1, 1 + number, tzinfo=UTC).isoformat()
        about = {"made": made, "actor": "a"}
        return kept_results.keep(
            tmp_path, "2026-01", about, lambda lang: {"lang": lang}, lambda _: None, most=most
        )

    assert kept_results.all_of(tmp_path / "none") == []
    names = [write(number).name for number in range(4)]
    assert [one.name for one in kept_results.all_of(tmp_path)] == names[:1:-1]
    assert kept_results.all_of(tmp_path, "2026-02") == []

    def broken(folder: Path) -> None:
        (folder / "half").write_text("x", "utf-8")
        raise OSError("full")

    about = {"made": now().isoformat(), "actor": "a"}
    with pytest.raises(OSError, match="full"):
        kept_results.keep(tmp_path, "2026-03", about, lambda _: {}, broken, most=1)
    # What is no result, or was left half made, is passed over; the latter goes after a day.
    (tmp_path / "other").mkdir()
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "kept.json").write_text(json.dumps({"of": "x", "made": "2026"}), "utf-8")
    left = tmp_path / ".making-left"
    left.mkdir()
    assert [one.name for one in kept_results.all_of(tmp_path)] == names[:1:-1]
    assert write(5).name == kept_results.all_of(tmp_path)[0].name
    assert left.is_dir()
    os.utime(left, (0, 0))
    write(6)
    assert not left.exists()


def simulated(running: Service, **params: Any) -> Any:
    kept = statements(running.settings, OFFICE, MONTH)[0]
    asked = {"month": MONTH, "name": kept.name, **params}
    return done(running, simulating.KIND, asked)


def test_a_month_is_simulated_from_its_cases_or_priced_anew(running: Service) -> None:
    stays(running)
    settled(running)
    found = simulated(running, points=[], growth=["100%"], cost="")
    out = running.settings.folder / "errands" / found.id / "out"
    told = simulating.told(out, "en")
    assert (told["whole"]["before"]["cases"], told["whole"]["after"]["cases"]) == ("2.00", "4.00")
    assert simulating.told(out, "zh")["language"] == "zh"
    found = simulated(running, points=[], growth=[], cost="10%")
    told = simulating.told(running.settings.folder / "errands" / found.id / "out", "en")
    before, after = (Decimal(told["whole"][one]["booked"]) for one in ("before", "after"))
    assert after > before


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({}, "SIMULATE_NOTHING"),
        ({"growth": ["much"]}, "SIMULATE_SHARE"),
        ({"name": "gone", "growth": ["1%"]}, "STATEMENT_GONE"),
    ],
    ids=["nothing", "share", "gone"],
)
def test_what_cannot_be_simulated_says_so(
    running: Service, params: dict[str, Any], code: str
) -> None:
    settled(running)
    found = simulated(running, **params)
    assert (found.state, found.code) == (ErrandState.FAILED, code)


def test_the_view_of_the_fund_finds_what_was_settled_here(running: Service) -> None:
    assert files_of(running.settings, "2026-12") == Files()
    with priced(many()):
        for month in ("2026-11", "2026-12", "2026-11"):
            settled(running, month)
    newest = statements(running.settings, OFFICE, "2026-11")[0]
    assert files_of(running.settings, "2026-11").settled == (newest.folder / "zh.json",)
    both = files_of(running.settings, "2026-12")
    assert len(both.settled) == 2
    assert files_of(running.settings, "2027-01").settled == ()
    about = {"made": now().isoformat(), "actor": "a"}
    root = running.settings.folder / "outlooks"
    made = kept_results.keep(root, "2026-12", about, lambda _: {}, lambda _: None, most=1)
    assert files_of(running.settings, "2026-11").outlook == made.folder / "zh.json"
    view = fund_view(None, audit_book(), both, region="demo", month="2026-12")
    assert list(view.settled) == ["2026-11", "2026-12"]
    # What the hospital has laid into its data folder goes before.
    folder = paths.installed() / "fund" / "settled"
    folder.mkdir(parents=True)
    (folder / "a.json").write_text("{}", "utf-8")
    assert files_of(running.settings, "2026-12").settled == (folder / "a.json",)


def test_results_are_for_the_service_alone(tmp_path: Path) -> None:
    root = tmp_path / "settled"
    about = {"made": now().isoformat(), "actor": "office1"}
    kept = kept_results.keep(root, MONTH, about, lambda _: {}, lambda _: None, most=1)
    assert [one.stat().st_mode & 0o777 for one in (root, kept.folder)] == [0o700, 0o700]
