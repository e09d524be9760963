"""The commands of the outlook, its files, and what became of it."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow.parquet as pq
import pytest
import typer
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from outlook_support import cases, declared, office, published, written
from settlement_support import value
from typer.testing import CliRunner

from codebooks.errors import GrouperError
from codebooks.messages import catalogue
from grouper.cli import forecast_outlook
from grouper.cli.forecast_commands import add_forecast
from grouper.forecast.errors import ForecastError
from grouper.forecast.outlook.document import document
from grouper.forecast.outlook.published import Published
from grouper.forecast.outlook.score import against, score
from grouper.forecast.outlook.telling import _parts_of, lines, roughly, sheets

MONTH, MIDDLE = "2026-02", date(2026, 2, 10)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return document(office(tmp_path_factory.mktemp("told"), draws=200).look(MONTH, MIDDLE), "en")


@pytest.fixture(scope="module")
def later(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    known = office(tmp_path_factory.mktemp("later"), draws=200)
    return document(known.look(MONTH, date(2026, 2, 28)), "en")


def test_the_document_is_whole_and_can_be_written(told: dict[str, Any]) -> None:
    again = json.loads(json.dumps(told, ensure_ascii=False))
    assert again == told
    assert (told["as_of"], told["region"], told["draws"]) == ("2026-02-10", "demo", 200)
    month, year = told["periods"]
    assert (month["name"], year["name"]) == ("2026-02", "2026")
    fund = month["whole"]["fund"]
    assert [one["level"] for one in fund["intervals"]] == [0.8, 0.9]
    assert len(told["settings"]) == len(told["inputs"]) == 64


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_it_is_told_in_words_with_its_arithmetic(tmp_path: Path, lang: str) -> None:
    found = document(office(tmp_path, draws=200).look(MONTH, MIDDLE), lang)
    plain, whole = lines(found), lines(found, explain=True)
    assert len(whole) > len(plain)
    text = "\n".join(whole)
    assert "None" not in text
    assert "…" not in text
    assert catalogue(lang)["outlook.whole"] in text
    # What is refused is told with its code.
    for place, known in enumerate(
        (
            office(tmp_path / "a", cases(2), Published(()), draws=100).look("2025-03"),
            office(tmp_path / "b", settlement=value("point_value_rule", '{"*": fund}')).look(MONTH),
        )
    ):
        refused = "\n".join(lines(document(known, lang), explain=True))
        codes = ("OUTLOOK_CASES_SHORT", "OUTLOOK_NOT_PUBLISHED"), ("OUTLOOK_NO_MONTH_VALUE",)
        # The last month is published in the second one: its value is a fact.
        assert all(code in refused for code in codes[place]) or place == 1


def test_all_figures_are_in_the_tables(told: dict[str, Any]) -> None:
    figures, arithmetic = sheets(told)
    assert {row[0] for row in figures.rows} == {"2026-02", "2026"}
    assert all(len(row) == len(figures.header) for row in figures.rows)
    assert all(len(row) == len(arithmetic.header) for row in arithmetic.rows)
    whole = [row for row in figures.rows if row[1] == "Together" and row[0] == "2026-02"]
    assert len(whole) == 2 * 5


# ---- scoring


def test_a_forecast_is_scored_against_the_published_month(told: dict[str, Any]) -> None:
    months = published()
    found = score(told, months)
    assert [(one.period, one.what) for one in found] == [("2026-02", "point_value")] * 2
    for one in found:
        true = next(
            m.value
            for m in months.months
            if m.pool == (one.method, one.insurance) and m.month % 12 == 1 and m.month > 2026 * 12
        )
        assert one.came == true
        assert one.error == (one.forecast - true) / true
        assert one.baseline_error is not None
        assert set(one.inside) == {"0.8", "0.9"}
    assert score(told, months.until(2026 * 12)) == []


def test_a_forecast_is_scored_against_a_closed_month(
    told: dict[str, Any], later: dict[str, Any]
) -> None:
    found = against(told, later)
    whole = {one.what: one for one in found if one.what.startswith("all ")}
    assert set(whole) == {"all cases", "all amount", "all fund", "all booked", "all surplus"}
    assert {one.period for one in found} == {"2026-02"}
    came = later["periods"][0]["whole"]["fund"]["expected"]
    assert f"{whole['all fund'].came:f}" == came
    # The other way about nothing was open, so nothing was forecast of the month.
    assert against(later, later) == []
    assert against(told, told) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"kind": "grouper outlook"},
        {"kind": "grouper outlook", "periods": [1], "as_of": "", "settings": "", "inputs": ""},
        {"kind": "other", "periods": [], "as_of": "", "settings": "", "inputs": ""},
    ],
)
def test_what_is_no_forecast_is_refused(wrong: dict[str, Any], told: dict[str, Any]) -> None:
    for ask in (lambda: score(wrong, published(1)), lambda: against(told, wrong)):
        with pytest.raises(ForecastError, match="OUTLOOK_DOCUMENT"):
            ask()


@settings(max_examples=examples(60), deadline=None)
@given(st.data())
def test_a_broken_forecast_raises_declared_errors_alone(
    told: dict[str, Any], later: dict[str, Any], data: st.DataObject
) -> None:
    broken = json.loads(json.dumps(told))
    at: Any = broken
    for _ in range(data.draw(st.integers(1, 6))):
        keys = list(at) if isinstance(at, dict) else list(range(len(at)))
        if not keys:
            break
        key = data.draw(st.sampled_from(keys))
        if isinstance(at[key], dict | list) and data.draw(st.booleans()):
            at = at[key]
            continue
        at[key] = data.draw(st.sampled_from([None, "x", 1, [], {}, "1e999", ["a"]]))
        break
    for ask in (
        lambda: score(broken, published()),
        lambda: against(broken, later),
        lambda: against(told, broken),
    ):
        assert declared(ask)


# ---- commands


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    pq.write_table(cases(), tmp_path / "cases.parquet")
    months = tmp_path / "months.csv"
    months.write_text(written(published()), "utf-8")
    return tmp_path / "cases.parquet", months


def test_the_command_writes_what_is_scored_later(files: tuple[Path, Path], tmp_path: Path) -> None:
    table, months = files
    out = tmp_path / "outlook.json"
    words = ("outlook", MONTH, str(table), "--region", "demo", "--published", str(months))
    more = ("--as-of", "2026-02-10", "--draws", "200", "-o", str(out), "--lang", "en")
    found = CliRunner().invoke(forecast_app(), [*words, *more])
    assert found.exit_code == 0, found.output
    assert "demo: outlook of 2026-02" in found.output
    told = json.loads(out.read_text("utf-8"))
    assert told["draws"] == 200
    shown = CliRunner().invoke(
        forecast_app(), ["score-outlook", str(out), "--published", str(months), "--lang", "en"]
    )
    assert "point value: expected" in shown.output
    assert "within 90%" in shown.output or "outside 90%" in shown.output
    closed = tmp_path / "closed.json"
    CliRunner().invoke(forecast_app(), [*words, "--draws", "200", "-o", str(closed)])
    book = tmp_path / "score.xlsx"
    shown = CliRunner().invoke(
        forecast_app(),
        ["score-outlook", str(out), "--later", str(closed), "--format", "json", "-o", str(book)],
    )
    assert shown.exit_code == 0, shown.output
    scored = json.loads(shown.output)["scored"]
    assert {one["figure"] for one in scored} >= {"all fund", "point_value", "cases"}
    rows = list(openpyxl.load_workbook(book).worksheets[0].iter_rows())
    assert len(rows) == 1 + len(scored)
    nothing = CliRunner().invoke(
        forecast_app(), ["score-outlook", str(closed), "--later", str(closed), "--lang", "en"]
    )
    assert "Nothing of it has come yet." in nothing.output


def forecast_app() -> Any:
    found = typer.Typer()
    found.command("outlook")(forecast_outlook.outlook_command)
    found.command("score-outlook")(forecast_outlook.score_outlook_command)
    return found


def test_running_cases_are_joined_with_the_cases_that_are_known(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    table, months = files
    running = tmp_path / "running.csv"
    ids = [f"C{place}" for place in range(len(cases()) - 30, len(cases()))]
    head = "case_id,discharge,amount_low,amount,amount_high,fund_low,fund,fund_high"
    head += ",surplus_low,surplus,surplus_high\n"
    rows = [f"{one},2026-02-20,1,2,3,1,2,3,1,2,3\n" for one in [*ids, "OTHER"]]
    running.write_text(head + "".join(rows), "utf-8")
    words = ["outlook", MONTH, str(table), "--region", "demo", "--published", str(months)]
    words += ["--running", str(running), "--as-of", "2026-02-17", "--draws", "100"]
    found = CliRunner().invoke(forecast_app(), [*words, "--lang", "en", "--explain"])
    assert found.exit_code == 0, found.output
    assert "31 running cases, " in found.output
    assert " = " in found.output


def test_the_back_test_is_told(tmp_path: Path) -> None:
    pq.write_table(cases(9, a_day=1), tmp_path / "cases.parquet")
    (tmp_path / "months.csv").write_text(written(published(9)), "utf-8")
    words = ["outlook", "2025-09", str(tmp_path / "cases.parquet"), "--region", "demo"]
    words += ["--published", str(tmp_path / "months.csv"), "--backtest"]
    out = tmp_path / "tested.csv"
    found = CliRunner().invoke(forecast_app(), [*words, "--lang", "en", "-o", str(out)])
    assert found.exit_code == 0, found.output
    assert "month's point value, day 0: " in found.output
    assert "surplus, day 15: " in found.output
    # A row a figure, day and level, and the head; the text has a row a figure and day, and a title.
    told = len(found.output.splitlines()) - 2
    assert len(out.read_text("utf-8-sig").splitlines()) == 1 + 2 * told
    pq.write_table(cases(4, a_day=1), tmp_path / "cases.parquet")
    none = CliRunner().invoke(forecast_app(), [*words, "--lang", "en"])
    assert "Too few months" in none.output
    shown = CliRunner().invoke(forecast_app(), [*words, "--format", "json"])
    assert json.loads(shown.output)["tested"] == []


def test_what_cannot_be_used_is_refused(files: tuple[Path, Path], tmp_path: Path) -> None:
    table, months = files
    words = ["outlook", MONTH, str(table), "--region", "demo", "--published", str(months)]

    def code(*args: str) -> str:
        found = CliRunner().invoke(forecast_app(), list(args))
        assert isinstance(found.exception, GrouperError), found.output
        return found.exception.code

    assert code(*words, "--as-of", "soon") == "OUTLOOK_DATE"
    assert code("outlook", "May", *words[2:]) == "OUTLOOK_MONTH"
    assert code("score-outlook", str(months)) == "OUTLOOK_SCORE_BY"
    (tmp_path / "list.json").write_text("[]", "utf-8")
    for name in ("none.json", "months.csv", "list.json"):
        args = ("score-outlook", str(tmp_path / name), "--published", str(months))
        assert code(*args) == "OUTLOOK_DOCUMENT"


def test_the_group_lists_them() -> None:
    for word in ("outlook", "score-outlook"):
        whole = typer.Typer()
        add_forecast(whole, ["forecast", word])
        whole.command("other")(lambda: None)
        found = CliRunner().invoke(whole, ["forecast", word, "--help"])
        assert found.exit_code == 0, found.output
        assert "--published" in found.output


def test_estimates_are_told_in_whole_yuan_and_what_is_sure_to_the_fen() -> None:
    assert [roughly(one) for one in ("1234567.50", "-20758.11", "9.96", "0.74", "-0.04")] == [
        *("1,234,568", "-20,758", "10", "0.7", "0"),
    ]
    spans = [{"level": 0.8, "low": "-30.00", "high": "50.49"}]
    one = {"expected": "12.34", "certain": "20.00", "running": "-10.04", "coming": "2.38"}
    assert _parts_of(one | {"intervals": spans}) == {
        "expected": "12",
        "certain": "20",
        "running": "− 10",
        "coming": "+ 2.4",
    }
    sure = [{"level": 0.8, "low": "12.34", "high": "12.34"}]
    assert _parts_of(one | {"intervals": sure})["running"] == "− 10.04"
