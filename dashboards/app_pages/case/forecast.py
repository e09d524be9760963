"""The forecast of a case: what is expected and how sure it is, what drives it, how it went before."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboards.app_pages.case_rows import local_time
from dashboards.charts.forecast_course import course
from dashboards.frame.figures import days, share, span, yuan
from dashboards.frame.language import say
from dashboards.frame.looks import looked
from dashboards.frame.picture import Picture
from dashboards.frame.picture import show as show_picture
from dashboards.frame.rows import Column, plain, table
from grouper.forecast.result import MEASURES, ForecastStatus
from grouper.service.forecast_answers import forecast_out, is_stale, stored_forecasts
from grouper.store.schema import now
from grouper.store.states import StayState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dashboards.charts.forecast_course import Point
    from dashboards.frame.view import View
    from grouper.service.stored import Stay
    from grouper.store.forecasts import ForecastRow

_LOS = "los"
_MOST_DRIVERS = 8


def show(view: View, stay: Stay) -> None:
    """Show the tab."""
    kept = stored_forecasts(view.parts.database, stay, None)
    if not kept:
        words = "none_yet" if stay.head.state == StayState.RUNNING else "none"
        st.info(say(f"case_forecast.{words}"), icon=":material/info:")
        return
    looked(view, "case_forecast_shown", f"case:{stay.case_id}", {"version": stay.version})
    newest = kept[-1]
    if is_stale(stay, newest, now()):
        st.warning(say("case_forecast.stale", day=newest.as_of), icon=":material/schedule:")
    told = forecast_out(newest, view.lang)
    st.caption(
        say(
            "case_forecast.made",
            day=newest.as_of,
            made=local_time(newest.made),
            model=plain(newest.model),
            version=newest.version,
        )
    )
    _one(told["forecast"], view.lang)
    _history(view, kept)


def _one(told: Mapping[str, Any], lang: str) -> None:
    if told["status"] == ForecastStatus.REFUSED:
        st.warning(plain(f"{told['reason_text']} {told['advice']}"), icon=":material/help:")
        return
    level = share(told["level"], places=0)
    table(
        [
            Column(say("case_forecast.measure")),
            Column(say("case_forecast.middle"), right=True),
            Column(say("case_forecast.interval", level=level), right=True),
        ],
        [
            (
                say(f"case_forecast.of.{name}"),
                _figure(name, told[name]["middle"], lang),
                span(
                    _figure(name, told[name]["low"], lang),
                    _figure(name, told[name]["high"], lang),
                    lang,
                ),
            )
            for name in MEASURES
            if told[name] is not None
        ],
    )
    st.caption(say("case_forecast.so_far", cost=yuan(_decimal(told["cost_to_date"]), lang)))
    if told["pay_reason_text"]:
        st.info(plain(told["pay_reason_text"]))
    for one in told["warnings"]:
        st.caption(plain(one["reason"]))
    st.subheader(say("case_forecast.groups"), anchor=False)
    table(
        [Column(say("case_forecast.group")), Column(say("case_forecast.probability"), right=True)],
        [
            *(
                (f"{one['group']} {one['name']}", share(one["probability"]))
                for one in told["groups"]
            ),
            (say("case_forecast.other"), share(told["other_probability"])),
        ],
    )
    if told["drivers"]:
        st.subheader(say("case_forecast.drivers"), anchor=False)
        st.markdown("\n".join(f"- {plain(one['text'])}" for one in told["drivers"][:_MOST_DRIVERS]))


def _history(view: View, kept: Sequence[ForecastRow]) -> None:
    points: list[Point] = [
        (
            one.as_of,
            _decimal(one.document.get("cost_low")),
            _decimal(one.document.get("cost_middle")),
            _decimal(one.document.get("cost_high")),
        )
        for one in kept
        if one.status != ForecastStatus.REFUSED
    ]
    known = [one for one in points if one[2] is not None]
    if not known:
        return
    lang = view.lang
    chart, figures = course(known, lang)
    show_picture(
        Picture(
            "forecast_course",
            chart,
            figures,
            unit=say("case_forecast.unit"),
            period=span(known[0][0].isoformat(), known[-1][0].isoformat(), lang),
            population=say("case_forecast.population", count=len(known)),
            source=say("case_forecast.source"),
        ),
        lang,
    )


def _figure(name: str, value: object, lang: str) -> str:
    number = _decimal(value)
    if number is None:
        return say("forecast_words.open")
    return days(number, lang) if name == _LOS else yuan(number, lang, sign=name == "surplus")


def _decimal(value: object) -> Decimal | None:
    return None if value is None else Decimal(str(value))
