"""The manager's pages: figures, filter, drill, and every state in which there is nothing to show."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest
from pages_manager_support import Fake, for_one, held, parts_in, principal
from streamlit.testing.v1 import AppTest

from codebooks.messages import text
from dashboards.frame.filters import params_of
from dashboards.frame.headline import written
from grouper.mart.slices import Slice
from grouper.store import audit
from grouper.store.states import Role

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dashboards.frame.parts import Parts

PAGES = ("overview", "surplus", "casemix", "control", "budget")
SCRIPT = """
from importlib import import_module
from dashboards.frame.language import lang
from dashboards.frame.parts import parts
from dashboards.frame.view import View
import_module("dashboards.app_pages.{page}").page(View(parts().asker(), parts(), lang()))
"""


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    parts = parts_in(tmp_path_factory.mktemp("manager"))
    yield parts
    parts.database.close()


@pytest.fixture
def made(kept: Parts) -> Parts:
    (kept.settings.folder / "published.csv").unlink(missing_ok=True)
    return kept


@pytest.fixture
def mart(made: Parts) -> Iterator[Fake]:
    fake = Fake()
    with held(made, fake):
        yield fake


def run(page: str, **params: str) -> AppTest:
    app = AppTest.from_string(SCRIPT.format(page=page), default_timeout=30)
    for name, value in params.items():
        app.query_params[name] = value
    return app.run()


def words(app: AppTest) -> str:
    told = [*app.error, *app.info, *app.warning, *app.caption, *app.markdown, *app.subheader]
    return "\n".join(str(one.value) for one in told).replace("\\", "")


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("page", PAGES)
def test_a_page_with_cases_is_whole(mart: Fake, page: str, lang: str) -> None:
    app = run(page, lang=lang)
    assert not app.exception
    assert not app.error
    assert mart.asked
    if page != "control":
        assert len(app.metric) == 5
    period = text("grounds.period", lang, since="2026-01-01", last="2026-06-30")
    if page == "budget":
        period = text("budget.years", lang, years="2026")
    assert period in words(app)
    cases = text("grounds.population", lang, which=text("value.kind.inpatient", lang), cases="40")
    assert cases in words(app)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_of_one_case_is_whole(made: Parts, page: str) -> None:
    with held(made, Fake(1)):
        app = run(page)
    assert not app.exception
    assert not app.error


@pytest.mark.parametrize("page", PAGES)
def test_a_filter_without_a_case_says_so(made: Parts, page: str) -> None:
    with held(made, Fake(0)):
        app = run(page)
    assert not app.exception
    assert text("filter.no_case", "zh") in words(app)
    assert not app.metric


@pytest.mark.parametrize("page", PAGES)
def test_a_mart_without_a_month_says_so(made: Parts, page: str) -> None:
    with held(made, Fake(0, ())):
        app = run(page)
    assert not app.exception
    assert text("filter.no_data", "zh") in words(app)


@pytest.mark.parametrize("page", PAGES)
def test_no_mart_says_so(made: Parts, page: str) -> None:
    with held(made, None):
        app = run(page)
    assert not app.exception
    assert len(app.error) == 1
    assert not app.metric


@pytest.mark.parametrize("page", PAGES)
def test_dates_backwards_say_so(mart: Fake, page: str) -> None:
    app = run(page, since="2026-05-01", last="2026-04-01")
    assert not app.exception
    assert len(app.error) == 1
    assert not app.metric
    assert not [one for one, _ in mart.asked if not one.startswith("choices")]


def test_who_reaches_no_department_is_told(made: Parts) -> None:
    with held(for_one(made, principal(Role.PHYSICIAN)), Fake()):
        app = run("overview")
    assert text("filter.no_reach", "zh") in words(app)


def test_reach_is_part_of_every_question(made: Parts) -> None:
    fake = Fake()
    with held(for_one(made, principal(Role.PHYSICIAN, ("D1",))), fake):
        for page in PAGES:
            run(page)
    assert {cut.reach for _, cut in fake.asked} == {("D1",)}


def test_the_address_chooses_and_is_kept(mart: Fake) -> None:
    app = run(
        "overview", since="2026-02-01", last="2026-03-31", department="D2,D9", kind="outpatient"
    )
    assert not app.exception
    cut = next(cut for one, cut in mart.asked if one == "headline")
    assert (cut.since, cut.until) == (date(2026, 2, 1), date(2026, 4, 1))
    assert cut.departments == ("D2",), "one that is not known is passed over"
    assert cut.kinds == ("outpatient",)
    assert app.query_params["department"] in ("D2", ["D2"])
    app.multiselect(key="overview.department").set_value(["D1", "D3"]).run()
    assert app.query_params["department"] in ("D1,D3", ["D1,D3"])
    assert mart.asked[-1][1].departments == ("D1", "D3")


@pytest.mark.parametrize("since", ["", "2026-13-01", "<script>", "٢٠٢٦-٠١-٠١", "0" * 5000])
def test_a_hostile_address_is_passed_over(mart: Fake, since: str) -> None:
    app = run("overview", since=since, last="2026-03-31", group="x" * 5000)
    assert not app.exception
    cut = next(cut for one, cut in mart.asked if one == "headline")
    assert (cut.since, cut.groups) == (date(2026, 1, 1), ())


def test_the_last_day_of_the_calendar_is_no_day(mart: Fake) -> None:
    app = run("overview", since="2026-02-01", last="9999-12-31")
    assert not app.exception
    cut = next(cut for one, cut in mart.asked if one == "headline")
    assert cut.until < date.max


def test_clearing_leaves_stays_alone(mart: Fake) -> None:
    app = run("surplus", department="D1", kind="outpatient")
    clear = next(one for one in app.button if one.label == text("filter.clear", "zh"))
    clear.click().run()
    assert mart.asked[-1][1].departments == ()
    assert mart.asked[-1][1].kinds == ("inpatient",)


def test_what_the_waterfall_leaves_out_adds_up(made: Parts) -> None:
    fake = Fake()
    with held(made, fake):
        assert "算不出结余" not in words(run("surplus"))
    fake = Fake()
    fake.left = 4
    with held(made, fake):
        told = words(run("surplus"))
    assert "36 例" in told
    assert "另有 4 例算不出结余" in told
    assert "1,000.00 元 + 938.00 元 = 上方总费用 1,938.00 元" in told
    # What the chart shows is the population of the chart.
    whole = text("grounds.population", "zh", which=text("value.kind.inpatient", "zh"), cases="36")
    assert whole in told


def test_departments_are_shown_and_found_by_the_hospitals_names(
    mart: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert mart.asked == []
    monkeypatch.setenv("GROUPER_DATA", str(tmp_path))
    (tmp_path / "departments.csv").write_text("code,name\nD2,神经*内科\n", "utf-8")
    (tmp_path / "physicians.csv").write_text("code,name\nP1,甲医师\n", "utf-8")
    app = run("overview", department="D2")
    assert "D2 神经*内科" in app.multiselect(key="overview.department").options
    assert "科室 D2 神经*内科" in words(app)
    assert "神经\\*内科" in "".join(one.value for one in app.caption)


def test_a_slice_as_an_address() -> None:
    cut = Slice(
        since=date(2026, 1, 1), until=date(2026, 2, 1), reach=None, departments=("D1", "D2")
    )
    assert params_of(cut) == {"since": "2026-01-01", "last": "2026-01-31", "department": "D1,D2"}


@pytest.mark.parametrize(
    ("name", "value", "sign", "lang", "said"),
    [
        ("cases", Decimal(1234), False, "zh", "1,234"),
        ("cmi", Decimal("1.2"), False, "zh", "1.200"),
        ("cmi", Decimal("0.2"), True, "zh", "+0.200"),
        ("surplus", Decimal("-123456.78"), False, "zh", "-12.35 万元"),
        ("death_share", Decimal("0.0123"), False, "zh", "1.2%"),
        ("mean_days", Decimal("7.25"), False, "zh", "7.2 天"),
        ("mean_cost", None, False, "en", "—"),
    ],
)
def test_figures_as_people_read_them(
    name: str, value: Decimal | None, sign: bool, lang: str, said: str
) -> None:
    assert written(name, value, lang, sign=sign) == said


@pytest.mark.usefixtures("mart")
def test_a_file_of_published_months(made: Parts) -> None:
    rows = [
        "month,insurance,method,total_points,point_value,own_points,budget",
        "2026-01,employee,dip_score,1000,5.5,250,24000",
        "2026-02,employee,dip_score,1100,5.0,275,24000",
    ]
    (made.settings.folder / "published.csv").write_text("\n".join(rows), "utf-8")
    app = run("budget")
    assert not app.exception
    told = words(app)
    assert "11000.00" in told.replace(",", "") or "1.10 万元" in told
    assert "45.8%" in told


@pytest.mark.usefixtures("mart")
def test_a_broken_file_of_published_months(made: Parts) -> None:
    (made.settings.folder / "published.csv").write_text("month,insurance\n2026-01,x\n", "utf-8")
    app = run("budget")
    assert not app.exception
    assert len(app.error) == 1
    assert len(app.metric) == 5


@pytest.mark.parametrize(("page", "axis"), [("overview", "department"), ("surplus", "department")])
def test_a_chosen_row_leads_to_its_cases(mart: Fake, made: Parts, page: str, axis: str) -> None:
    chosen = {"selection": {"pick": [{"value": "D2"}]}}
    with patch("dashboards.frame.picture.st.altair_chart", lambda *_, **__: chosen):
        app = run(page)
    assert not app.exception
    assert text("drill.title", "zh", which="D2 name of D2", cases="40") in words(app)
    asked = next(cut for one, cut in mart.asked if one.startswith("rows"))
    assert asked.departments == ("D2",)
    assert axis in next(one for one, _ in mart.asked if one.startswith("by"))
    with made.database.reading() as connection:
        logged = [one for one in audit.entries(connection) if one.action == "cases_listed"]
    assert logged


def test_a_chosen_month_leads_to_its_cases(mart: Fake) -> None:
    chosen = {"selection": {"pick": [{"value": "2026-02"}]}}
    with patch("dashboards.frame.picture.st.altair_chart", lambda *_, **__: chosen):
        app = run("control")
    assert not app.exception
    asked = next(cut for one, cut in mart.asked if one.startswith("rows"))
    assert (asked.since, asked.until) == (date(2026, 2, 1), date(2026, 3, 1))


def test_pages_of_cases_are_turned(mart: Fake) -> None:
    chosen = {"selection": {"pick": [{"value": "2026-02"}]}}
    with patch("dashboards.frame.picture.st.altair_chart", lambda *_, **__: chosen):
        app = run("control")
        app.number_input(key="control.drill.page").set_value(2).run()
    assert not app.exception
    assert [one for one, _ in mart.asked if one.startswith("rows 20 20")]
