"""Budget and point value: what the fund pays so far this year, and the bureau's published months."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pyarrow as pa
import streamlit as st

from dashboards.app_pages.auditing.acting import said
from dashboards.app_pages.bureau_box import MONTHS, kept_months, months_of
from dashboards.app_pages.settled_tables import pool as pool_called
from dashboards.charts.trend import trend
from dashboards.frame.beginning import begin
from dashboards.frame.exports import Sheet, offer
from dashboards.frame.figures import share, yuan
from dashboards.frame.grounds import grounds
from dashboards.frame.language import say
from dashboards.frame.marts import ask
from dashboards.frame.picture import Picture, show
from dashboards.frame.tables import named, table
from grouper.forecast.outlook.months import name_of

if TYPE_CHECKING:
    from dashboards.frame.view import View
    from grouper.forecast.outlook.published import Published
    from grouper.mart.mart import Mart
    from grouper.mart.slices import Slice

_KEY = "budget"
_FIGURES = ("fund", "amount", "patient", "surplus", "weight")
_YEAR = ("month", "name", "sum_amount")
_NOTHING = Decimal(0)


def page(view: View) -> None:
    """Show it."""
    said()
    begun = begin(view, _KEY, _FIGURES)
    if begun is None:
        return
    mart, cut, on = begun.mart, begun.cut, begun.on
    course = _course(mart, cut)
    whole = grounds(mart.about, _both(cut), ask(mart, "count", _both(cut)), view.lang)
    year = Picture(
        "year",
        trend(course, view.lang, measure="sum_amount", by="name"),
        named(course, view.lang, columns=_YEAR),
        say("unit.drawn_yuan"),
        say(
            "budget.years", years=say("grounds.joint").join(sorted(set(course["name"].to_pylist())))
        ),
        whole.population,
        whole.source,
    )
    show(year, view.lang)
    sheets = [Sheet(say("chart.year.title"), course, _YEAR)]
    pictures = [year]
    published = kept_months(view, key=_KEY)
    if published is not None:
        months = months_of(published, view.lang)
        values = _value(months, view.lang)
        show(values, view.lang)
        _budgets(published, view.lang)
        table(months, view.lang, columns=MONTHS)
        sheets.append(Sheet(say("chart.point_value.title"), months, MONTHS))
        pictures.append(values)
    offer(view, _KEY, on, sheets, pictures)


def _whole(cut: Slice) -> tuple[Slice, Slice]:
    """From the first of January of the slice's last year to its end, and the year before."""
    year = (cut.until - timedelta(days=1)).year
    now = replace(cut, since=date(year, 1, 1))
    before = replace(cut, since=date(year - 1, 1, 1), until=date(year, 1, 1))
    return now, before


def _both(cut: Slice) -> Slice:
    now, before = _whole(cut)
    return replace(now, since=before.since)


def _course(mart: Mart, cut: Slice) -> pa.Table:
    """What the fund pays, added up from January on, of this year and the one before."""
    rows = []
    for one in reversed(_whole(cut)):
        so_far = _NOTHING
        for row in ask(mart, "trend", one).to_pylist():
            if row["fund"] is None:
                continue
            so_far += row["fund"]
            month = row["period"].isoformat()
            rows.append({"month": month[5:7], "name": month[:4], "sum_amount": so_far})
    schema = pa.schema(
        [("month", pa.string()), ("name", pa.string()), ("sum_amount", pa.decimal128(20, 2))]
    )
    return pa.Table.from_pylist(rows, schema)


def _value(months: pa.Table, lang: str) -> Picture:
    names = months["month"].to_pylist()
    return Picture(
        "point_value",
        trend(
            months.append_column("name", months["pool"]),
            lang,
            measure="point_value",
            form=".2f",
            by="name",
        ),
        named(months, lang, columns=MONTHS),
        say("unit.yuan_a_point"),
        say("budget.months", first=min(names), last=max(names)),
        say("budget.region"),
        say("budget.source"),
    )


def _budgets(published: Published, lang: str) -> None:
    """How much of the year's budget the published months have used, where the bureau says one."""
    for pool in published.pools:
        months = published.of_pool(pool)
        year = months[-1].month // 12
        budget = published.budget(pool, year)
        if not budget:
            continue
        used = sum((one.points * one.value for one in months if one.month // 12 == year), _NOTHING)
        st.markdown(
            say(
                "budget.used",
                pool=pool_called(*pool, lang),
                month=name_of(months[-1].month),
                used=yuan(used, lang),
                budget=yuan(budget, lang),
                share=share(used / budget),
            )
        )
