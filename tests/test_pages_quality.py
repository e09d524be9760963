"""The page of data quality: what is missing where, what it stops, and every state with nothing to show."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from mart_support import fact, write_mart
from pages_manager_support import for_one, held, parts_in, principal
from streamlit.testing.v1 import AppTest

from codebooks.messages import text
from dashboards.app_pages import quality as page
from dashboards.app_pages.quality import worded
from dashboards.app_pages.quality.head import month_of
from dashboards.charts.heat import heat, tiles
from dashboards.frame.navigation import pages
from dashboards.frame.parts import Parts
from grouper.mart.mart import Mart
from grouper.mart.quality import Stage, bit_of
from grouper.mart.slices import Axis, Slice
from grouper.service.access.principal import rights
from grouper.store import audit
from grouper.store.states import Role

SCRIPT = """
from dashboards.app_pages.quality import page
from dashboards.frame.language import lang
from dashboards.frame.parts import parts
from dashboards.frame.view import View
page(View(parts().asker(), parts(), lang()))
"""
ASKED = bit_of("dx") | bit_of("sex") | bit_of("total_cost") | bit_of("scope_cost")
YEAR = Slice(since=date(2026, 1, 1), until=date(2027, 1, 1), reach=None)


def rows(number: int) -> list[dict[str, Any]]:
    """Cases of three months and two departments, of which some stopped."""
    found = []
    for at in range(number):
        known: dict[str, Any] = {
            "day": date(2026, 1 + at % 3, 5),
            "department": f"D{1 + at % 2}",
            "asked": ASKED,
            "gaps": bit_of("sex") if at % 4 else 0,
            "cost": 100_00,
        }
        if at % 5 == 1:
            known |= {
                "gaps": bit_of("dx"),
                "status": "invalid",
                "reason": "DX_PRINCIPAL_MISSING",
                "pay_status": "unpriced",
                "pay_reason": "PAY_CASE_INVALID",
                "notes": "LOS_CONFLICT",
            }
        else:
            known |= {"amount": 90_00, "patient": 10_00}
        found.append(fact(at, **known))
    return found


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    made = parts_in(tmp_path_factory.mktemp("quality"))
    yield made
    made.database.close()


@pytest.fixture(scope="module")
def mart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mart]:
    folder = tmp_path_factory.mktemp("mart")
    write_mart(folder, rows(120), names={"department": {"D1": "一科"}})
    found = Mart.open(folder)
    yield found
    found.close()


def run(**params: str) -> AppTest:
    app = AppTest.from_string(SCRIPT, default_timeout=30)
    for name, value in params.items():
        app.query_params[name] = value
    return app.run()


def words(app: AppTest) -> str:
    assert not app.exception, app.exception
    told = [*app.error, *app.info, *app.warning, *app.caption, *app.markdown, *app.subheader]
    return "\n".join(str(one.value) for one in told)


def frames_of(app: AppTest) -> str:
    return "\n".join(one.value.to_csv() for one in app.dataframe)


def test_who_sees_the_page() -> None:
    row = next(one for one in pages() if one.page == "quality")
    assert row.homes == (Role.OFFICE, Role.MANAGER)
    may = {role for role, held_ones in rights().items() if set(row.rights) <= held_ones}
    assert may == {Role.OFFICE, Role.MANAGER}


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_page_is_whole(parts: Parts, mart: Mart, lang: str) -> None:
    with held(parts, mart):  # type: ignore[arg-type]
        app = run(lang=lang, since="2026-03-01", last="2026-03-31")
    told = words(app)
    assert not app.error
    assert len(app.metric) == 5
    assert [one.value for one in app.metric][1:] == ["8", "8", "0", "8"]
    # The mart reaches back to the 31 days before, and the share was the same.
    assert text("headline.before", lang, value="20.00%") in told
    for key in ("gaps", "reasons", "how_tile"):
        assert text(f"quality_page.{key}", lang) in told
    frames = frames_of(app)
    assert text("reason.DX_PRINCIPAL_MISSING", lang) in frames
    assert worded.field_name("sex", lang) in frames


@pytest.mark.slow
def test_each_stage_has_its_reasons(parts: Parts, mart: Mart) -> None:
    with held(parts, mart):  # type: ignore[arg-type]
        app = run()
        stage = next(one for one in app.segmented_control if one.key == "quality.stage")
        stage.set_value(Stage.NOTE).run()
        frames = frames_of(app)
        assert text("reason.LOS_CONFLICT", "zh") in frames
        stage.set_value(Stage.SHARE).run()
        assert text("quality_page.no_stop", "zh") in words(app)


def test_one_case_is_enough(parts: Parts, tmp_path: Path) -> None:
    write_mart(tmp_path, rows(1))
    found = Mart.open(tmp_path)
    with held(parts, found):  # type: ignore[arg-type]
        app = run()
    found.close()
    words(app)
    assert len(app.metric) == 5


def test_what_is_empty_or_backwards_says_so(parts: Parts, mart: Mart) -> None:
    with held(parts, mart):  # type: ignore[arg-type]
        app = run(since="2026-01-10", last="2026-01-20")
        assert text("filter.no_case", "zh") in words(app)
        assert not app.metric
        app = run(since="2026-05-01", last="2026-04-01")
        assert len(app.error) == 1
        assert not app.metric
    with held(for_one(parts, principal(Role.PHYSICIAN)), mart):  # type: ignore[arg-type]
        assert text("filter.no_reach", "zh") in words(run())
    with held(parts, None):
        app = run()
        assert len(app.error) == 1


def test_only_the_departments_within_reach_are_told(parts: Parts, mart: Mart) -> None:
    with held(for_one(parts, principal(Role.PHYSICIAN, ("D2",))), mart):  # type: ignore[arg-type]
        app = run()
    assert "一科" not in frames_of(app)
    assert app.metric[1].value == "12"


def chosen_rows(wanted: str) -> Any:
    """As if the first row of a table was chosen."""

    def table(*_: object, key: str | None = None, **__: object) -> list[int]:
        return [0] if key and key.startswith(wanted) else []

    return patch.object(page, "table", table)


@pytest.mark.parametrize(
    ("wanted", "title", "cases"),
    [
        ("quality.gaps", text("quality_page.lacking", "zh", field="主要诊断"), 24),
        ("quality.reasons", text("reason.DX_PRINCIPAL_MISSING", "zh"), 24),
    ],
    ids=["gap", "reason"],
)
def test_a_row_leads_to_its_cases_and_the_look_is_logged(
    parts: Parts, mart: Mart, wanted: str, title: str, cases: int
) -> None:
    with held(parts, mart), chosen_rows(wanted):  # type: ignore[arg-type]
        app = run()
        told = words(app)
        first, second = about_of_the_last_look(parts), app.number_input[0].set_value(2).run()
        assert not second.exception
    assert title in told
    assert text("drill.title", "zh", which="", cases=cases).split("：")[-1] in told
    assert len(first["cases"]) == 20
    later = about_of_the_last_look(parts)
    assert len(later["cases"]) == cases - 20
    assert not set(first["cases"]) & set(later["cases"])
    # Another slice: what was the second page is none any more, and there may be no case at all.
    with held(parts, mart), chosen_rows(wanted):  # type: ignore[arg-type]
        second.date_input[0].set_value(date(2026, 3, 1)).run()
    assert not second.exception
    assert not second.number_input


def about_of_the_last_look(parts: Parts) -> dict[str, Any]:
    with parts.database.reading() as connection:
        entry = next(iter(audit.entries(connection, limit=1)))
    assert entry.action == "cases_listed"
    return entry.about


def test_a_tile_of_another_filter_may_have_no_case(parts: Parts, mart: Mart) -> None:
    mark = {"selection": {"pick": [{"value": "D1", "field": "total_cost"}]}}
    with (
        held(parts, mart),  # type: ignore[arg-type]
        patch.object(page, "show", lambda *_, key=None: mark if key else None),
    ):
        assert text("filter.no_case", "zh") in words(run())


@pytest.mark.parametrize(
    ("axis", "value"), [("department", "D1"), ("month", "2026-02")], ids=["department", "month"]
)
def test_a_tile_leads_to_its_cases(parts: Parts, mart: Mart, axis: str, value: str) -> None:
    mark = {"selection": {"pick": [{"value": value, "field": "sex"}]}}
    with (
        held(parts, mart),  # type: ignore[arg-type]
        patch.object(page, "show", lambda *_, key=None: mark if key else None),
        patch.object(page, "axis_choice", lambda *_: Axis(axis)),
    ):
        told = words(run())
    assert text("quality_page.tile", "zh", value="", field="性别").strip() in told


@pytest.mark.slow
def test_a_mark_that_means_nothing_is_passed_over(parts: Parts, mart: Mart) -> None:
    for marks in ([{"value": "D9", "field": "sex"}], [{"value": None, "field": "sex"}], "odd"):
        with (
            held(parts, mart),  # type: ignore[arg-type]
            patch.object(page, "show", lambda *_, m=marks, **__: {"selection": {"pick": m}}),
        ):
            assert text("quality_page.how_tile", "zh") in words(run())


def test_the_tiles_are_those_that_lack_most(mart: Mart) -> None:
    found = worded.completeness(mart.completeness(YEAR, Axis.DEPARTMENT), Axis.DEPARTMENT, "zh")
    drawn = tiles(found, 1)
    sums = dict.fromkeys(("D1", "D2"), 0)
    for row in found.to_pylist():
        sums[row["value"]] += row["field_missing"]
    assert {row["value"] for row in drawn} == {max(sums, key=lambda one: sums[one])}
    assert {row["field"] for row in drawn} == {"dx", "sex", "total_cost", "scope_cost"}
    for row in tiles(found, 9):
        assert row["lacking"] == row["field_missing"] / row["field_asked"]
    spec = heat(found, "zh", most=9).to_dict()
    assert len(next(iter(spec["datasets"].values()))) == 8
    assert spec["encoding"]["fillOpacity"]["scale"]["type"] == "sqrt"
    assert tiles(found.slice(0, 0), 9) == []
    assert heat(found.slice(0, 0), "en", most=9).to_dict()


def test_words_for_people_name_no_commands() -> None:
    assert worded.to_do("DX_PRINCIPAL_MISSING", "zh") == text("advice.DX_PRINCIPAL_MISSING", "zh")
    for code in ("SCHEME_DATE_MISSING", "PAY_METHOD_NONE"):
        told = worded.to_do(code, "zh")
        assert told == text("page_hint.ask", "zh", code=code)
    assert worded.to_do("NO_SUCH", "zh") == ""
    assert worded.reason_name("NO_SUCH", "zh") == "NO_SUCH"
    assert worded.reason_name(None, "en") == text("quality_page.no_reason", "en")


def test_a_month_of_a_slice() -> None:
    cut = Slice(since=date(2026, 1, 10), until=date(2026, 3, 5), reach=None)
    first, last = month_of(cut, "2026-01"), month_of(cut, "2026-03")
    assert first is not None
    assert last is not None
    assert (first.since, first.until) == (date(2026, 1, 10), date(2026, 2, 1))
    assert (last.since, last.until) == (date(2026, 3, 1), date(2026, 3, 5))
    assert month_of(cut, "2026-04") is None
