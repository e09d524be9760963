"""The demonstration hospital's month as ``make demo`` shows it, and what stops the show."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

import httpx
import pyarrow as pa
import pytest
from pay_support import LOCAL

from grouper.case.fields import CASE_SCHEMA
from grouper.case.issues import issue_table
from grouper.demo import hospital_month as month
from grouper.demo import service as demo
from grouper.demo.service import DemoError, Running
from grouper.payment.place import Terms
from grouper.payment.run import group_batch, price_table

SERVICE = Running("http://demo.invalid", 1, "system-key", "office-key")
STAY: dict[str, Any] = {
    "region": "demo",
    "hospital": "H00000000001",
    "kind": "inpatient",
    "insurance_type": "310",
    "visit_type": "21",
    "sex": 1,
    "age": 40,
    "admission_number": 1,
    "code_system": "nhsa",
    "admission_time": datetime(2026, 11, 1, 8, tzinfo=LOCAL),
    "discharge_time": datetime(2026, 11, 9, 8, tzinfo=LOCAL),
    "discharge_way": "1",
    "los": 8,
    "dx": ["A03.900"],
    "own_cost": Decimal(0),
    "over_limit_cost": Decimal(0),
    "first_share_cost": Decimal(0),
    "year_deductible": Decimal(0),
    "year_basic": Decimal(0),
    "year_burden": Decimal(0),
    "year_critical": Decimal(0),
}


def priced(*costs: int) -> pa.Table:
    """Stays that differ in their cost alone, grouped and priced."""
    rows = [
        {**STAY, "case_id": f"ZY{n}", "total_cost": Decimal(c), "scope_cost": Decimal(c)}
        for n, c in enumerate(costs)
    ]
    batch = pa.RecordBatch.from_pylist(rows, CASE_SCHEMA)
    table = pa.Table.from_batches([group_batch(batch, issue_table([]), "demo")])
    return price_table(table, Terms(region="demo"))


def answering(
    monkeypatch: pytest.MonkeyPatch, answer: Callable[[httpx.Request], httpx.Response]
) -> None:
    """The service is one that answers so."""
    transport = httpx.MockTransport(answer)

    def client(service: Running, key: str) -> httpx.Client:
        headers = {"Authorization": f"Bearer {key}"}
        return httpx.Client(base_url=service.base, headers=headers, transport=transport)

    monkeypatch.setattr(Running, "client", client)


def test_the_dearest_high_stay_is_shown_with_its_arithmetic(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = priced(2000, 90_000, 60_000)
    assert table["band"].to_pylist()[1:] == ["high", "high"]
    month._show_case(table, "demo", tmp_path)
    told = capsys.readouterr().out
    assert "ZY1" in told
    assert f"{table['amount'][1].as_py():,}" in told
    assert (tmp_path / "payment.html").read_text("utf-8").startswith("<!doctype html>")


def test_a_month_without_a_high_stay_or_with_two_answers_is_no_success(tmp_path: Path) -> None:
    with pytest.raises(DemoError, match="high"):
        month._show_case(priced(2000), "demo", tmp_path)
    table = priced(90_000)
    place = table.column_names.index("amount")
    wrong = pa.array([Decimal("1.00")], table.schema.field("amount").type)
    with pytest.raises(DemoError, match="both engines"):
        month._show_case(table.set_column(place, "amount", wrong), "demo", tmp_path)


def test_what_the_service_made_is_held_against_the_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    table = priced(2000, 90_000, 60_000)
    amounts = table["amount"].to_pylist()
    said = {"1": str(amounts[0]), "2": "1.00", "3": None}

    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["Authorization"] == "Bearer office-key"
        if request.url.path == "/api/v1/cases":
            first = "after" not in request.url.params
            visits = [("1", "ZY0"), ("2", "ZY1")] if first else [("3", "ZY2")]
            stays = [{"case_id": key, "visit": visit} for key, visit in visits]
            return httpx.Response(200, json={"cases": stays, "next": "2" if first else None})
        key = request.url.path.split("/")[-2]
        return httpx.Response(200, json={"payment": {"amount": said[key]}})

    answering(monkeypatch, answer)
    month._hold_against(SERVICE, table)
    assert "一致 1 例，不一致 2 例" in capsys.readouterr().out


def test_a_service_that_refuses_is_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, lambda _: httpx.Response(503))
    with SERVICE.client("x") as client, pytest.raises(httpx.HTTPStatusError):
        demo.pages(client, "cases")


def test_a_queue_that_never_empties_stops_the_show(monkeypatch: pytest.MonkeyPatch) -> None:
    lengths = iter([2.0, 1.0, 0.0])
    asked: list[float] = []

    def answer(_: httpx.Request) -> httpx.Response:
        asked.append(next(lengths))
        return httpx.Response(200, text=f"# HELP x\ngrouper_queue_length {asked[-1]}\n")

    answering(monkeypatch, answer)
    demo.until_applied(SERVICE)
    assert asked == [2.0, 1.0, 0.0]
    monkeypatch.setattr(demo, "_LONGEST", 0.1)
    answering(monkeypatch, lambda _: httpx.Response(200, text="another_metric 0\n"))
    with pytest.raises(DemoError, match="queue"):
        demo.until_applied(SERVICE)


def test_a_service_that_does_not_start_is_told_with_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "_LONGEST", 20.0)
    settings = {"GROUPER_SERVICE_FORMS": "{"}
    with (
        pytest.raises(DemoError, match="SETTINGS"),
        demo.running(tmp_path / "service", settings),
    ):
        pass
    assert (tmp_path / "service" / "grouper.sqlite").exists()
    assert "SETTINGS" in (tmp_path / "service" / "service.log").read_text("utf-8")


def test_it_is_waited_for_until_both_ports_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Alive:
        def poll(self) -> None:
            return None

    (tmp_path / "service.log").write_text("no port yet", "utf-8")
    answers = iter([httpx.ConnectError("refused"), httpx.Response(503), httpx.Response(200)])

    def get(_url: str, **_: Any) -> httpx.Response:
        found = next(answers)
        if isinstance(found, Exception):
            raise found
        return found

    class Port:
        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            return None

    monkeypatch.setattr(demo.httpx, "get", get)
    monkeypatch.setattr(demo.socket, "create_connection", lambda *_: Port())
    process: Any = Alive()
    demo._until_ready(SERVICE, process, tmp_path)
    assert next(answers, None) is None
    monkeypatch.setattr(demo, "_LONGEST", 0.0)
    with pytest.raises(DemoError, match="no port yet"):
        demo._until_ready(SERVICE, process, tmp_path)


def test_files_of_json_lines(tmp_path: Path) -> None:
    (tmp_path / "one.jsonl").write_text('{"a": 1}\n{"a": 2}\n', "utf-8")
    assert demo.json_lines(tmp_path, "one.jsonl") == [{"a": 1}, {"a": 2}]


@pytest.mark.slow
def test_the_whole_month_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(month, "SCALE", 0.02)
    month.show(tmp_path)
    told = capsys.readouterr().out
    assert "演示医院（全部为虚构）2026-11" in told
    assert "，不一致 0 例" in told
    assert "本月结算" in told
    made = json.loads((tmp_path / "hospital" / "hospital.json").read_text("utf-8"))
    assert f"住院 {made['totals']['inpatient']:,} 例" in told
    assert (tmp_path / "payment.html").exists()
    # Nothing runs on once the show is over.
    found = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert str(tmp_path) not in found.stdout
