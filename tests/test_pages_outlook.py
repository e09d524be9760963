"""The page of the outlook, the upload of the bureau's months, and the pictures on their data."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from unittest.mock import patch

import pytest
from month_support import OFFICE, done
from outlook_store_support import kept, looking
from outlook_support import DIP, published, written
from pages_office_support import Office, office, words
from streamlit.testing.v1 import AppTest

from codebooks.messages import text
from dashboards.app_pages import bureau_box
from dashboards.app_pages import outlook as shown
from dashboards.charts.fan import bands, fan
from dashboards.charts.stacked import STACK, stacked
from grouper.case.dates import LOCAL
from grouper.forecast.outlook.published import Published
from grouper.service import bureau_months, outlooks
from grouper.service.errands import Errands, ErrandState
from grouper.store.database import Database, StoreError

MONTH, FIRST = "2025-12", "2025-03"
EVERY = published(12)
BEFORE = EVERY.until(2025 * 12 + 10)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Two outlooks of December: from before it, and of its end, when the bureau had published it."""
    folder = tmp_path_factory.mktemp("outlook")
    with office(folder, region="demo") as found, pytest.MonkeyPatch.context() as patched:
        for month, day, months in (
            (FIRST, date(2025, 2, 28), Published(())),
            (MONTH, date(2025, 11, 30), BEFORE),
            (MONTH, date(2025, 12, 31), EVERY),
        ):
            looking(found.running, patched, folder, day, months)
            assert done(found.running, outlooks.KIND, {"month": month}).state is ErrandState.DONE
        yield found


@pytest.fixture(autouse=True)
def _today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shown, "now", lambda: datetime(2025, 12, 15, tzinfo=LOCAL))


def seen(made: Office, **params: str) -> AppTest:
    page = made.page("outlook", **params)
    assert not page.exception
    return page


def press(page: AppTest, key: str) -> AppTest:
    (button,) = [one for one in page.button if one.label == text(key, "zh")]
    return button.click().run()


def table(page: AppTest, column: str) -> Any:
    return next(one.value for one in page.dataframe if column in one.value)


def test_a_month_without_an_outlook_says_what_to_do(made: Office) -> None:
    page = seen(made, month="2026-02")
    assert text("outlook_page.none", "zh", month="2026-02") in words(page)
    assert not page.metric
    page = press(page, "outlook_page.make")
    assert not page.exception
    errands = Errands.at(made.running.settings)
    (found,) = [one for one in errands.of(OFFICE) if one.state is ErrandState.WAITING]
    errands.cancel(found.id, OFFICE)
    assert (found.kind, dict(found.params)) == (outlooks.KIND, {"month": "2026-02"})


@pytest.mark.parametrize(
    ("part", "lang"),
    [
        *((part, "zh") for part in ("values", "cases", "arithmetic", "scores")),
        ("values", "en"),
    ],
)
def test_every_part_of_an_outlook_is_whole(made: Office, part: str, lang: str) -> None:
    page = seen(made, part=part, lang=lang)
    assert page.selectbox(key="outlook.month").value == MONTH
    assert len(page.metric) == 5
    newest = outlooks.outlooks(made.running.settings, OFFICE, MONTH)[0]
    month, year = newest.document(lang)["periods"]
    values = {one["value"] for one in month["point_values"]}
    assert page.metric[0].value in values
    assert "2025-12-31" in words(page)
    if part == "values":
        found = table(page, "look_basis")
        assert len(found) == 2 * len(values)
        assert set(found["look_basis"]) == {
            text(f"outlook.basis.{one}", lang) for one in ("published", "closed")
        }
        assert len(table(page, "point_status")) == len(EVERY.months)
    if part == "cases":
        found = table(page, "look_certain")
        assert Decimal(found["look_certain"][1]) == Decimal(month["whole"]["amount"]["certain"])
    if part == "arithmetic":
        assert year["assumptions"]
        assert all(one in words(page) for one in year["assumptions"])
    if part == "scores":
        found = table(page, "look_came")
        assert set(found["look_day"]) == {"2025-11-30"}
        assert set(table(page, "look_tries")["look_tries"]) <= {1, 2}
    assert made.looks().count("outlook_shown")


def test_an_earlier_outlook_can_be_chosen_with_its_intervals(made: Office) -> None:
    page = seen(made, part="values")
    names = [one.name for one in outlooks.outlooks(made.running.settings, OFFICE, MONTH)]
    page = page.selectbox(key=f"outlook.which.{names[0]}").set_value(names[1]).run()
    assert not page.exception
    told = words(page)
    assert "2025-11-30" in told
    assert "90%" in told
    assert text("outlook_page.published_changed", "zh") in told
    assert text("outlook_page.not_foretold", "zh") in told
    drawn = table(page, text("fact.look_basis", "zh"))
    assert list(drawn[text("fact.look_basis", "zh")])[-1] == text("outlook.basis.published", "zh")
    page = page.segmented_control(key="outlook.part").set_value("cases").run()
    page = page.segmented_control(key="outlook.period").set_value("2025").run()
    assert not page.exception
    assert set(table(page, "look_certain")["look_period"]) == {"2025"}


def test_what_cannot_be_foretold_is_told_with_its_reason(
    made: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shown, "now", lambda: datetime(2025, 3, 10, tzinfo=LOCAL))
    monkeypatch.setattr(shown, "kept_months", lambda *_, **__: None)
    page = seen(made, month=FIRST, part="values")
    told = words(page)
    assert text("outlook_page.no_value", "zh") in told
    assert text("outlook_page.no_sum", "zh") in told
    assert [one.value for one in page.metric] == ["—"] * 5
    page = seen(made, month=FIRST, part="cases")
    told = words(page)
    assert text("outlook_page.no_whole", "zh") in told
    document = outlooks.outlooks(made.running.settings, OFFICE, FIRST)[0].document("zh")
    reasons = {one["reason"]["text"] for one in document["periods"][0]["parts"]}
    assert all(one in told for one in reasons)


def test_without_any_published_month_the_page_says_so(made: Office) -> None:
    path = bureau_months.path_of(made.running.settings)
    text_of = path.read_text("utf-8")
    path.unlink()
    try:
        told = words(seen(made, part="values"))
    finally:
        path.write_text(text_of, "utf-8")
    assert text("bureau_box.none", "zh") in told


def test_nothing_to_score_says_so(made: Office) -> None:
    with patch("dashboards.app_pages.outlook.scores.scored", lambda *_: []):
        assert text("outlook_page.no_score", "zh") in words(seen(made, part="scores"))


def test_long_lists_are_cut_and_say_so(made: Office) -> None:
    with patch("dashboards.app_pages.outlook.scores.sizes", lambda: {"scored": 2}):
        page = seen(made, part="scores")
    assert len(table(page, "look_came")) == 2


def test_an_upload_is_checked_then_kept(made: Office) -> None:
    path = bureau_months.path_of(made.running.settings)
    before = path.read_text("utf-8")
    other = written(EVERY).splitlines()
    changed = [other[0], other[1].replace(",final", ",preliminary"), *other[3:]]
    upload = "\n".join([*changed, "2026-01,employee,dip_score,77000,5.4,final"]).encode()
    page = seen(made)
    page = page.file_uploader(key="outlook.file").set_value(("m.csv", upload, "text/csv")).run()
    counts = {"new": "1", "changed": "1", "gone": "1", "same": str(len(EVERY.months) - 2)}
    assert text("bureau_box.checked", "zh", **counts) in words(page)
    assert text("bureau_box.gone_warning", "zh", count="1") in words(page)
    whats = list(table(page, "bureau_what")["bureau_what"])
    assert sorted(whats) == sorted(
        text(f"bureau_box.{one}", "zh") for one in ("new", "changed", "gone")
    )
    assert path.read_text("utf-8") == before
    with patch.object(bureau_box, "sizes", lambda: {"changes": 1}):
        page = page.run()
        assert text("bureau_box.more", "zh", shown="1", all="3") in words(page)
    try:
        page = press(page, "bureau_box.keep")
        assert not page.exception
        assert text("bureau_box.same", "zh") in words(page)
        assert path.read_bytes() == upload
        assert "bureau_months_kept" in made.looks()
    finally:
        path.write_text(before, "utf-8")


def test_a_broken_upload_names_its_row(made: Office) -> None:
    held = b"month,insurance,method,total_points,point_value\n2025-13,employee,dip_score,1,1\n"
    page = seen(made)
    page = page.file_uploader(key="outlook.file").set_value(("m.csv", held, "text/csv")).run()
    assert not page.exception
    assert "OUTLOOK" in page.error[0].value
    assert "2" in page.error[0].value
    assert not [one for one in page.button if one.label == text("bureau_box.keep", "zh")]


def test_kept_months_that_cannot_be_read_are_told(made: Office) -> None:
    path = bureau_months.path_of(made.running.settings)
    before = path.read_text("utf-8")
    kept(made.running, "month,insurance\n")
    try:
        page = seen(made)
    finally:
        path.write_text(before, "utf-8")
    assert "published.csv" in page.error[0].value


def test_a_store_that_is_down_says_so(made: Office) -> None:
    def down(*_: object) -> object:
        raise StoreError("STORE_UNAVAILABLE")

    with patch.object(Database, "writing_store", down):
        page = made.page("outlook")
    assert "UNAVAILABLE" in page.exception[0].message


def test_a_budget_of_the_bureau_stands_beside_a_change() -> None:
    (one, _) = published(1, budget=Decimal(4000000)).months
    with patch.object(bureau_box, "say", lambda key, **told: f"{key} {sorted(told.items())}"):
        assert "4,000,000" in bureau_box._told(one)
        assert bureau_box._told(None) == "—"


def drawn(chart: Any) -> list[Any]:
    """The layers of a chart, each with its own data."""
    told = json.loads(chart.to_json())
    return [
        {**one, "data": told["datasets"][one["data"]["name"]] if "name" in one["data"] else []}
        for one in told["layer"]
    ]


def test_a_fan_opens_at_the_last_published_month() -> None:
    spans = [
        {"level": 0.8, "low": Decimal("5.1"), "high": Decimal("5.3")},
        {"level": 0.9, "low": Decimal(5), "high": Decimal("5.4")},
    ]
    rows = [{"month": "2026-02", "value": Decimal("5.2"), "intervals": spans}]
    last = ("2026-01", Decimal("5.25"))
    found = bands(rows, last)
    assert [(one["level"], one["month"], one["low"], one["high"]) for one in found] == [
        (0.9, "2026-01", Decimal("5.25"), Decimal("5.25")),
        (0.9, "2026-02", Decimal(5), Decimal("5.4")),
        (0.8, "2026-01", Decimal("5.25"), Decimal("5.25")),
        (0.8, "2026-02", Decimal("5.1"), Decimal("5.3")),
    ]
    layers = drawn(fan([last], rows, "zh"))
    assert [layer["mark"]["type"] for layer in layers] == ["area", "area", "line", "line"]
    expected = layers[2]["data"]
    assert [(one["month"], one["value"]) for one in expected] == [
        ("2026-01", 5.25),
        ("2026-02", 5.2),
    ]
    assert layers[3]["encoding"]["x"]["scale"]["domain"] == ["2026-01", "2026-02"]
    assert len(drawn(fan([], rows, "en"))) == 4
    assert [one["mark"]["type"] for one in drawn(fan([last], [], "en"))] == ["line", "line"]
    assert len(bands(rows, None)) == 2


def test_bars_stand_on_one_another_and_only_open_sums_have_an_interval() -> None:
    row = {"certain": Decimal(100), "running": Decimal(20), "coming": Decimal(-5)}
    rows: list[dict[str, Any]] = [
        {"name": "a", **row, "low": Decimal(90), "high": Decimal(140)},
        {"name": "b", **row, "low": None, "high": None},
    ]
    bars, rule = drawn(stacked(rows, "zh"))
    values = bars["data"]
    assert [one["yuan"] for one in values[:3]] == [100.0, 20.0, -5.0]
    assert [one["order"] for one in values] == [0, 1, 2] * 2
    assert len(values) == 2 * len(STACK)
    assert [one["name"] for one in rule["data"]] == ["a"]


def test_no_pool_has_no_picture() -> None:
    from dashboards.app_pages.outlook import values  # noqa: PLC0415 -- only here
    from dashboards.frame.grounds import Grounds  # noqa: PLC0415

    on = Grounds("p", "w", "s")
    assert values.picture([], Published(()), (DIP, "employee"), on, "zh") is None
    assert values.picture([], BEFORE, None, on, "zh") is None
