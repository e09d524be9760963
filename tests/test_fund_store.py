"""The view of the fund from the store, by the route and the command."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from fund_support import VALUES, data, write
from fund_view_support import HEAD, row, settled
from service_support import Service, service
from store_support import Feed, database, stay
from typer.testing import CliRunner

from codebooks.audit.books import audit_book
from codebooks.errors import GrouperError
from codebooks.messages import catalogue
from grouper.audit.errors import AuditError
from grouper.audit.fund import ledger, view
from grouper.audit.fund.budget import (
    NO_BUDGET,
    UNKNOWN,
)
from grouper.audit.fund.credit import Quantity
from grouper.audit.fund.payable import FEW, SPENT
from grouper.cli import fund as fund_cli
from grouper.cli.fund import fund_command
from grouper.service import fund as fund_service
from grouper.service.fund import Files, fund_view, last_month
from grouper.store import finding_events as events
from grouper.store import findings
from grouper.store.database import Database
from grouper.store.finding_events import Change
from grouper.store.findings import FindingRow

__all__ = ["data", "database"]


NOW = datetime(2026, 4, 1, 8, tzinfo=UTC)


def insurer(stay_id: int, at: int, deadline: datetime | None) -> FindingRow:
    said = {} if deadline is None else {"deadline": deadline.isoformat()}
    return row(stay_id, at, source="insurer", rule="external:某规则", document=said)


def step(database: Database, number: int, after: str, at: datetime, **values: Any) -> None:
    with database.writing_store() as connection:
        one = findings.one(connection, number)
        assert one is not None
        change = Change(action=after, after=after, values=values)
        events.step(connection, number, one.state, change, at=at, actor="office1")


def test_the_store_tells_leads_and_quantities(database: Database, tmp_path: Path) -> None:
    feed = Feed(database)
    for visit, day in (("V1", "2026-03-05"), ("V2", "2026-03-31"), ("V3", "2026-04-01")):
        feed(stay(visit, f"P{visit}", discharge_time=f"{day} 10:00"))
    one, two, later = (feed.head(visit).id for visit in ("V1", "V2", "V3"))
    deadline = NOW - timedelta(days=3)
    with database.writing_store() as connection:
        findings.keep(
            connection,
            [
                row(one, 1),
                row(one, 2),
                row(two, 3, rule="LOC-SPLIT", level="suspect"),
                row(later, 4),
                row(two, 5, shadow=True),
                insurer(one, 6, deadline),
                insurer(one, 7, deadline),
                insurer(one, 8, NOW + timedelta(days=90)),
                insurer(one, 9, None),
            ],
            at=NOW - timedelta(days=20),
            actor="screening",
        )
    early = NOW - timedelta(days=10)
    for number in (1, 2, 4):
        step(database, number, "confirmed", early)
    step(database, 2, "corrected", early, closed=early)
    step(database, 6, "accepted", early)
    # In time; the other one was answered too late and won its appeal.
    step(database, 6, "deducted", early, closed=early, deduction=Decimal("8.00"))
    step(database, 7, "objected", NOW - timedelta(days=2))
    step(database, 7, "granted", NOW - timedelta(days=1), closed=NOW - timedelta(days=1))
    found = fund_view(database, audit_book(), Files(), region="demo", month="2026-03")
    assert found.credit is not None
    values = {
        one.input.name: one.quantity and (one.quantity.part, one.quantity.whole)
        for one in found.credit.inputs
    }
    assert values == {
        # One rule of one stay counts once, whoever found it and how often; V3 ended later.
        "violations": (2, 2),
        "corrected_before_upload": (1, 2),
        "answered_in_time": (1, 2),
        "appeals_won": (1, 1),
        "deducted_share": None,
        "lists_in_time": None,
        "upload_errors": None,
    }
    by_topic = {one.key: one.sums for one in found.leads}
    assert (by_topic["duplicate"].open, by_topic["duplicate"].confirmed) == (2, 3)
    assert by_topic["external"].cleared == 1
    assert by_topic["admission"].oldest == (NOW - timedelta(days=20)).date()
    assert found.missing["budget"] == "FUND_NO_STATEMENTS"
    handed = write(tmp_path, VALUES + "2026-03,violations,9,10,报表\n")
    again = fund_view(database, audit_book(), Files(values=handed), region="demo", month="2026-03")
    assert again.credit is not None
    assert again.credit.inputs[0].quantity == Quantity(
        part=Decimal(9), whole=Decimal(10), source="报表"
    )


def test_files_of_the_data_folder_are_taken_where_none_are_handed_in(
    data: Path, tmp_path: Path
) -> None:
    assert Files().or_at_hand() == Files()
    folder = data / "fund"
    own = write(folder, HEAD + "2026-01,employee,1,1,1,\n", "ledger.csv")
    month = write(folder / "settled", json.dumps(settled()), "2026-01.json")
    assert Files().or_at_hand() == Files(ledger=own, settled=(month,))
    other = write(tmp_path, HEAD)
    assert Files(ledger=other).or_at_hand().ledger == other


def test_the_last_month_is_the_last_that_is_over() -> None:
    assert last_month(datetime(2026, 1, 31, 15, 59, tzinfo=UTC)) == "2025-12"
    # In Shanghai February has begun.
    assert last_month(datetime(2026, 1, 31, 16, tzinfo=UTC)) == "2026-01"


# --- REST and the command ----------------------------------------------------------------------


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Service]:
    with service(tmp_path / "app", region="demo") as found:
        yield found


def test_the_route_tells_the_view(running: Service, data: Path) -> None:
    write(data / "fund", HEAD + "2026-01,employee,1,1,1,\n", "ledger.csv")
    write(data / "fund" / "settled", json.dumps(settled()), "2026-01.json")
    answer = running.ask("manager", "GET", "/api/v1/fund", params={"month": "2026-02"})
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["region"], told["month"], told["budget"]["settled"]) == (
        "demo",
        "2026-02",
        ["2026-01"],
    )
    assert told["missing"] == {}
    assert ("manager1", "fund_shown", "fund") in running.looks()
    for role in ("physician", "admin", "interface"):
        assert running.ask(role, "GET", "/api/v1/fund").status_code == 403
    assert running.ask("office", "GET", "/api/v1/fund").status_code == 200
    wrong = running.ask("office", "GET", "/api/v1/fund", params={"month": "2026-13"})
    assert wrong.status_code == 422
    unknown = running.ask("office", "GET", "/api/v1/fund", params={"region": "nowhere"})
    assert unknown.json()["code"] == "REGION_UNKNOWN"
    write(data / "fund", "x\n", "ledger.csv")
    broken = running.ask("office", "GET", "/api/v1/fund")
    assert broken.status_code == 503
    assert broken.json()["code"] == "TABLE_COLUMN_MISSING"


def run(*words: str) -> Any:
    import typer  # noqa: PLC0415 -- only here

    app = typer.Typer()
    app.command()(fund_command)
    return CliRunner().invoke(app, list(words))


def test_the_command_tells_the_view(tmp_path: Path, data: Path) -> None:
    book = write(tmp_path, HEAD + "2026-01,employee,1,1,1,\n")
    month = write(tmp_path, json.dumps(settled()), "m.json")
    # There is no store yet; that is told.
    words = ["--ledger", str(book), "--settled", str(month), "--month", "2026-02"]
    found = run(*words, "--region", "demo", "--lang", "en")
    assert found.exit_code == 0, found.output
    assert "FUND_NO_STORE" in found.output
    out = tmp_path / "view.json"
    found = run(*words, "--region", "demo", "--no-store", "--format", "json", "-o", str(out))
    assert json.loads(found.stdout)["month"] == "2026-02"
    assert json.loads(out.read_text("utf-8"))["budget"]["settled"] == ["2026-01"]
    wrong = run("--month", "2026-13")
    assert isinstance(wrong.exception, AuditError)
    assert wrong.exception.code == "FUND_VIEW_MONTH"
    assert data.is_dir()


def test_the_command_settles_the_months_of_the_store(
    running: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{running.settings.folder.parent / 'grouper.sqlite'}"
    monkeypatch.setenv("GROUPER_SERVICE_DATABASE", url)
    monkeypatch.setenv("GROUPER_SERVICE_REGION", "demo")
    empty = json.loads(run("--month", "2026-03", "--format", "json").stdout)
    assert empty["missing"]["budget"]["code"] == "FUND_NO_STATEMENTS"
    facts = {
        "region": "demo",
        "hospital": "H00000000001",
        "kind": "inpatient",
        "insurance_type": "310",
        "insured_region": "demo",
        "discharge_way": "1",
        "visit_type": "21",
        "admission_time": "2026-02-20 08:00",
        "discharge_time": "2026-03-01 10:00",
    }
    running.stay("V1", "P1", facts=facts, dx=["J18.900"], px=[])
    found = run("--month", "2026-03", "--format", "json")
    told = json.loads(found.stdout)
    assert told["budget"]["settled"] == ["2026-03"]
    assert told["budget"]["open_months"] == ["2026-01", "2026-02"]
    assert told["region"] == "demo"
    nowhere = json.loads(run("--month", "2026-03", "--region", "xiamen", "--format", "json").stdout)
    assert nowhere["region"] == "xiamen"


def test_only_a_missing_policy_leaves_the_store_unsettled(
    running: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    running.stay("V1", "P1")

    def refuse(*_: Any, **__: Any) -> None:
        raise GrouperError(refused)

    monkeypatch.setattr(fund_service, "settle_month", refuse)
    refused = "POLICY_MISSING"
    how: dict[str, Any] = {"region": "demo", "month": "2026-03", "settle": True}
    found = fund_view(running.database, audit_book(), Files(), **how)
    assert found.missing["budget"] == "FUND_NO_STATEMENTS"
    refused = "POLICY_VALUE_MISSING"
    with pytest.raises(GrouperError) as error:
        fund_view(running.database, audit_book(), Files(), **how)
    assert error.value.code == "POLICY_VALUE_MISSING"


def test_other_errors_of_the_store_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise GrouperError("STORE_URL")

    monkeypatch.setattr(fund_cli, "opened", refuse)
    found = run("--month", "2026-03", "--region", "demo")
    assert isinstance(found.exception, GrouperError)
    assert found.exception.code == "STORE_URL"


def test_every_reason_of_the_view_has_its_words() -> None:
    names = [
        getattr(module, name)
        for module in (view,)
        for name in dir(module)
        if name.isupper() and isinstance(getattr(module, name), str)
    ]
    codes = {one for one in names if one.startswith("FUND_")} | {FEW, SPENT, NO_BUDGET, UNKNOWN}
    assert len(codes) >= 12
    for lang in ("zh", "en"):
        words = catalogue(lang)
        assert {f"reason.{one}" for one in codes} <= set(words)
        assert {f"advice.{one}" for one in codes} <= set(words)
    assert ledger.YEAR == 12
