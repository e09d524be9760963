"""The page that compares two schemes: asked for, waited for, shown, left, and every way there is nothing."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from comparing_support import (
    BONES,
    DOCTOR,
    HEART,
    OFFICE,
    books,
    compared,
    filled,
    stored,
    weights,
)
from pages_compare_support import asker, begin, listed, logged, run, shown, words
from service_support import Service, service
from test_service_comparing import FILES, W_FIRST

from codebooks.messages import LANGUAGES, text
from dashboards.app_pages.compare import lists
from dashboards.app_pages.compare.cases import page_key
from dashboards.app_pages.compare.result import measure_of
from dashboards.charts.moved import CASES, MOVED, SHARE, moved_chart, moved_table
from dashboards.frame.parts import Parts, hold
from dashboards.frame.tables import table
from grouper.compare.tally import Change
from grouper.service.access.principal import Principal
from grouper.service.comparison_answers import Which, summary
from grouper.service.errands import Errands
from grouper.store import audit
from grouper.store.database import Database, StoreError

__all__ = ["asker", "books", "filled", "shown", "stored"]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_comparison_is_whole_and_logged(shown: Service, lang: str) -> None:
    done, _ = compared(shown, files=FILES)
    app = run(lang)
    assert not app.exception
    assert not app.error
    assert [one.value for one in app.metric][:4] == ["10", "3", "1", "1"]
    # 12.0 over eight cases under the first scheme, 11.2 over eight under the second.
    assert app.metric[4].value == "1.4"
    assert text("compare_page.beneath_mean", lang, first="1.5") in words(app)
    told = words(app)
    assert text("compare_page.weights_by_file", lang, side="tiny-a (DRG, national)")[:6] in told
    assert text("compare_page.cases_about", lang, cases="5") in told
    assert app.query_params["id"] == done.id
    kinds = app.dataframe[0].value
    assert kinds.iloc[0, 0] == text("compare.kind.renamed", lang)
    assert len(listed(app)) == 5
    assert {"comparison_shown", "cases_listed"} <= set(logged(shown))


def test_months_backwards_and_one_scheme_twice_are_refused_at_once(shown: Service) -> None:
    app = run()
    app.selectbox(key="compare.since").set_value("2026-05")
    app.selectbox(key="compare.last").set_value("2026-03")
    begin(app)
    assert text("error.COMPARING_PERIOD", "en") in words(app)
    assert text("error.COMPARING_PERIOD", "en") in app.error[0].value
    app.selectbox(key="compare.since").set_value("2026-03")
    app.selectbox(key="compare.from").set_value("chs-drg-3.0")
    app.selectbox(key="compare.to").set_value("chs-drg-3.0")
    begin(app)
    assert text("error.COMPARING_SAME", "en") in words(app)
    assert Errands.at(shown.settings).all() == []


def test_without_weights_cases_are_told_and_the_page_says_so(shown: Service) -> None:
    _, folder = compared(shown, files={"weights_from.csv": weights(W_FIRST)})
    app = run()
    assert text("compare_page.no_weights", "en") in words(app)
    assert app.metric[4].value == "—"
    assert measure_of(summary(folder)) == CASES
    assert not app.exception


def test_another_kind_of_change_lists_its_cases(shown: Service) -> None:
    compared(shown, files=FILES)
    app = run()
    app.segmented_control(key="compare.change").set_value("new").run()
    assert text("compare_page.cases_about", "en", cases="1") in words(app)
    assert len(listed(app)) == 1
    assert "| 2026-03-05 |" in words(app)


def test_a_flow_that_is_chosen_lists_its_cases(shown: Service) -> None:
    compared(shown, files=FILES)

    def choosing(*given: Any, key: str | None = None, **more: Any) -> list[int]:
        table(*given, **more)
        return [0] if key is not None else []

    with patch("dashboards.app_pages.compare.result.table", choosing):
        app = run()
    # The case that left moves most weight: three.
    assert len(listed(app)) == 1
    assert text("status.ungrouped", "en") in words(app)
    assert "| BE19 |" in words(app)
    with pytest.raises(KeyError):
        app.segmented_control(key="compare.change")


def test_months_whose_cases_stay_as_they_are_have_no_flow(shown: Service) -> None:
    compared(shown, since="2026-05", last="2026-05")
    app = run()
    assert text("compare_page.no_flow", "en") in words(app)
    assert text("compare_page.no_case", "en") in words(app)
    assert app.metric[0].value == "1"


def test_pages_of_cases_are_turned(shown: Service) -> None:
    compared(shown, files=FILES)
    few = {"rows": 2, "bars": 3, "made": 5}
    with (
        patch("dashboards.app_pages.compare.cases.sizes", lambda: few),
        patch("dashboards.app_pages.compare.result.sizes", lambda: few),
    ):
        app = run()
        before = listed(app)
        app.number_input[0].set_value(3).run()
        after = listed(app)
    assert (len(before), len(after)) == (2, 1)
    assert not set(before) & set(after)


def test_a_link_shows_its_comparison_and_one_that_is_gone_says_so(shown: Service) -> None:
    first, _ = compared(shown, files=FILES)
    second, _ = compared(shown, since="2026-03")
    app = run(id=first.id)
    assert app.query_params["id"] == first.id
    app = run(id="f" * 32)
    assert text("compare_page.gone", "en") in words(app)
    assert app.query_params["id"] == second.id
    app.selectbox(key="compare.chosen").set_value(first.id).run()
    assert app.query_params["id"] == first.id
    Errands.at(shown.settings).cancel(first.id, OFFICE)
    app.run()
    assert app.query_params["id"] == second.id


def test_files_that_are_gone_are_told(shown: Service) -> None:
    _, folder = compared(shown)
    (folder / "summary.json").unlink()
    app = run()
    assert "COMPARING_GONE" in words(app)
    assert not app.metric


def test_a_file_is_logged_before_it_is_taken(shown: Service) -> None:
    from dashboards.app_pages.compare.result import taken  # noqa: PLC0415
    from dashboards.frame.parts import parts  # noqa: PLC0415
    from dashboards.frame.view import View  # noqa: PLC0415

    done, folder = compared(shown)
    view = View(OFFICE, parts(), "en")
    assert taken(view, done, folder / "report.html").startswith(b"<!DOCTYPE html>")
    with shown.database.reading() as connection:
        last = next(iter(audit.entries(connection, limit=1)))
    assert (last.action, last.object, last.about["file"]) == (
        "figures_exported",
        "page:compare",
        "report.html",
    )


def test_who_sees_one_department_sees_that_of_it_alone(
    shown: Service, asker: list[Principal | None]
) -> None:
    compared(shown)
    asker[0] = DOCTOR
    assert text("compare_page.nothing", "en") in words(run())
    compared(shown, DOCTOR)
    app = run()
    assert app.metric[0].value == "5"
    told = "".join(one.value.to_string() for one in app.dataframe) + words(app)
    assert HEART in told
    assert BONES not in told


def test_a_store_without_cases_says_so(tmp_path: Path) -> None:
    with service(tmp_path) as made:
        hold(Parts(made.settings, made.database, lambda: OFFICE))
        try:
            app = run()
        finally:
            hold(None)
    assert text("compare_page.no_data", "en") in words(app)
    assert not app.button


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("measure", [MOVED, SHARE, CASES])
def test_the_chart_holds_its_rows(measure: str, lang: str) -> None:
    rows = [{"name": "A → B", "value": Decimal("1.5")}, {"name": "C → D", "value": Decimal(-2)}]
    chart = moved_chart(rows, measure, "u", lang)
    drawn = chart.to_dict()
    assert chart.data.values == [
        {"name": "A → B", "value": 1.5},
        {"name": "C → D", "value": -2.0},
    ]
    title = drawn["encoding"]["x"]["title"]
    assert text(f"chart.moved.{measure}", lang) in title
    told = moved_table(rows, measure, "u", lang)
    assert told.column_names[1] == title
    assert told[title].to_pylist() == [Decimal("1.500000"), Decimal("-2.000000")]
    lone = moved_chart(rows[:1], measure, "u", lang).to_dict()
    assert lone["height"] == drawn["height"]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_where_cases_stand_is_told_in_words(lang: str) -> None:
    place = {"group": "BA19", "name": "组", "status": "grouped", "reason": None}
    assert lists.place_words(place, lang) == "BA19 组"
    outside = {"group": None, "name": None, "status": "ungrouped", "reason": "NO_SUCH_REASON"}
    assert lists.place_words(outside, lang) == text("status.ungrouped", lang)
    for change in Change:
        assert text(f"compare.change.{change.word}", lang)


def test_shares_are_told_where_units_differ() -> None:
    told = {"weights": {"comparable": False, "known": {"from": True, "to": True}}}
    assert measure_of(told) == SHARE
    flow = {
        "from": {"group": "A", "name": "a", "status": "grouped", "reason": None},
        "to": {"group": None, "name": None, "status": "ungrouped", "reason": None},
        "change": "left",
        "level": None,
        "cases": 2,
        "from_weight": "2",
        "to_weight": None,
        "moved": None,
        "share_change": "-0.0125",
    }
    row = lists.flow_rows([flow], "en", SHARE)[0]
    assert (row["value"], row["cmp_moved"]) == (Decimal("-1.250000"), None)
    assert row["name"] == f"A → {text('status.ungrouped', 'en')}"


@pytest.mark.parametrize("lang", LANGUAGES)
def test_each_flow_has_a_bar_of_its_own(lang: str) -> None:
    def place(group: str | None, reason: str | None = None, scheme: str = "s") -> dict[str, Any]:
        status = "ungrouped" if group is None else "grouped"
        return {"scheme": scheme, "status": status, "reason": reason, "group": group, "name": None}

    plain = {"change": "left", "level": None, "cases": 2, "moved": None, "share_change": None}
    plain |= {"from_weight": None, "to_weight": None}
    flows = [
        {**plain, "from": source, "to": target}
        for source, target in [
            (place("A"), place(None, "PX_UNRELATED")),
            (place("A"), place(None, "DX_PRINCIPAL_MISSING")),
            (place("A"), place(None, "NO_SUCH_REASON")),
            (place("A"), place(None, "NO_OTHER_REASON")),
            (place("B"), place("C")),
            (place("B", scheme="t"), place("C")),
        ]
    ]
    names = [row["name"] for row in lists.flow_rows(flows, lang, CASES)]
    assert len(set(names)) == len(flows)
    assert text("reason.PX_UNRELATED", lang) in names[0]
    assert names[4:] == ["B [s] → C [s]", "B [t] → C [s]"]
    chart = moved_chart(lists.flow_rows(flows, lang, CASES), CASES, "u", lang)
    assert [one["name"] for one in chart.data.values] == names


def test_pages_of_different_flows_are_turned_apart() -> None:
    one = Which(change="left", from_group="A", to_group="", to_reason="PX_UNRELATED")
    other = replace(one, to_reason="DX_PRINCIPAL_MISSING")
    assert page_key("e", one) != page_key("e", other)


@pytest.mark.usefixtures("shown")
def test_the_store_away_is_an_error_of_the_frame() -> None:
    with patch.object(Database, "reading", side_effect=StoreError("STORE_UNAVAILABLE")):
        app = run()
    assert [one.value for one in app.exception] or app.error
