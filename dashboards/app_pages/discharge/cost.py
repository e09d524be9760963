"""Where cost and days of a stay stand against its group's course, and where they are going."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import streamlit as st

from dashboards.app_pages.discharge.head import days_of, minute
from dashboards.charts.course import course
from dashboards.frame.figures import count, days, share, yuan
from dashboards.frame.language import say
from dashboards.frame.picture import Picture
from dashboards.frame.picture import show as show_picture
from grouper.service.cds.expected import likeliest
from grouper.service.cds.markdown import escaped
from grouper.service.cds.tables import limits
from grouper.service.discharge_limits import discharge_limits
from grouper.service.group_course import group_course, own_course
from grouper.service.stored import forecast_of
from grouper.store.schema import now
from grouper.store.states import StayState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from dashboards.frame.view import View
    from grouper.service.discharge import Discharge
    from grouper.service.group_course import GroupCourse
    from grouper.service.stored import Stay
    from grouper.store.database import Database

_MONEY = pa.decimal128(18, 2)
_FORECAST = "forecast"


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of the cost: of the group (None: no group), of the stay, and what is expected."""

    past: GroupCourse | None
    own: Sequence[Decimal]
    forecast: Mapping[str, Any] | None


@st.cache_data(ttl=discharge_limits().keep, show_spinner=False)
def _course_of(_database: Database, database: int, scheme: str, group: str) -> GroupCourse:
    """The course of a group: figures of the whole hospital over many cases, the same for everyone."""
    del database  # which one it is: a part of the key
    return group_course(_database, scheme, group, now())


def show(view: View, stay: Stay, told: Discharge, at: datetime) -> None:
    """Show the section."""
    st.subheader(say("discharge.cost_title"), anchor=False)
    known = _known(view, stay, told, at)
    _metrics(view, stay, known, at)
    _lines(view, stay, told, known)
    days_of_group = known.past.days if known.past else ()
    if not known.own and not days_of_group:
        st.caption(say("discharge.no_course"))
        return
    show_picture(_picture(view, told, known, at), view.lang)


def _known(view: View, stay: Stay, told: Discharge, at: datetime) -> _Known:
    database = view.parts.database
    group = told.group
    past = None if group is None else _course_of(database, id(database), told.scheme, group)
    forecast = forecast_of(database, stay.head)
    if forecast is not None and forecast["status"] != _FORECAST:
        forecast = None
    return _Known(past, own_course(database, stay.head, at), forecast)


def _metrics(view: View, stay: Stay, known: _Known, at: datetime) -> None:
    lang, running = view.lang, stay.head.state == StayState.RUNNING
    shown: list[tuple[str, str, str | None]] = [
        (
            "cost_now" if running else "cost_total",
            yuan(stay.head.total_cost, lang),
            None,
        ),
        (
            "days_now" if running else "days_total",
            days(days_of(stay.head, at), lang, places=0),
            None,
        ),
    ]
    past, forecast = known.past, known.forecast
    if past is not None and past.cost is not None and past.los is not None:
        ends = {"low": yuan(past.cost.low, lang), "high": yuan(past.cost.high, lang)}
        help_ = say("discharge.band_help", **ends)
        shown.insert(1, ("group_cost", yuan(past.cost.middle, lang), help_))
        low, middle, high = past.los
        help_ = say(
            "discharge.band_help", low=days(low, lang, places=0), high=days(high, lang, places=0)
        )
        shown.append(("group_days", days(middle, lang, places=0), help_))
    if forecast is not None and forecast["cost_middle"] is not None:
        shown.insert(
            1, ("cost_end", yuan(_yuan(forecast, "cost_middle"), lang), _interval(forecast, lang))
        )
    for column, (key, value, told) in zip(st.columns(len(shown)), shown, strict=True):
        column.metric(say(f"discharge.{key}"), value, help=told)


def _interval(forecast: Mapping[str, Any], lang: str) -> str:
    ends = {end: yuan(_yuan(forecast, f"cost_{end}"), lang) for end in ("low", "high")}
    return say("discharge.interval_help", level=share(forecast["level"], places=0), **ends)


def _yuan(forecast: Mapping[str, Any], name: str) -> Decimal | None:
    return None if forecast[name] is None else Decimal(forecast[name])


def _lines(view: View, stay: Stay, told: Discharge, known: _Known) -> None:
    """What is paid as it is, what is expected, and why nothing is compared; nothing is advised."""
    said = [*_payment(view, told)]
    if known.forecast is not None and known.forecast["groups"]:
        group, probability = likeliest(known.forecast, view.lang)
        words = {"group": escaped(group), "probability": probability}
        said.append(say("discharge.forecast", as_of=known.forecast["as_of"][:10], **words))
    elif stay.head.state == StayState.RUNNING:
        said.append(say("discharge.no_forecast"))
    if known.past is None:
        said.append(say("discharge.no_group_course"))
    elif known.past.cost is None:
        least = limits().reference_cases
        said.append(say("discharge.few", count=count(known.past.stays), least=least))
    for one in said:
        st.markdown(one)


def _payment(view: View, told: Discharge) -> list[str]:
    payment = told.payment
    if payment is None:
        return []
    if payment["amount"] is None:
        return [say("discharge.unpriced", reason=escaped(payment["reason_text"] or ""))]
    words = {
        "method": escaped(payment["method_name"]),
        "amount": yuan(Decimal(payment["amount"]), view.lang),
        "assumed": say("discharge.assumed") if payment["assumptions"] else "",
    }
    return [say("discharge.payment", **words)]


def _picture(view: View, told: Discharge, known: _Known, at: datetime) -> Picture:
    past = known.past
    band = past.days if past else ()
    expected = _expected(known.forecast)
    if past is not None and band:
        period = say("discharge.period", since=past.since, until=past.until)
        population = say("discharge.population", group=told.group, count=count(past.stays))
    else:
        period, population = say("discharge.period_own", at=minute(at)), say("discharge.own")
    return Picture(
        key="course",
        chart=course(band, known.own, expected, view.lang),
        table=_table(known),
        unit=say("discharge.unit"),
        period=period,
        population=population,
        source=say("discharge.source", at=minute(at)),
    )


def _expected(forecast: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The end of the stay as it is foretold; open or missing ends are not drawn."""
    if forecast is None:
        return None
    found = {end: _yuan(forecast, f"cost_{end}") for end in ("low", "middle", "high")}
    if None in found.values() or forecast["los_middle"] is None:
        return None
    level = share(forecast["level"], places=0)
    # Days of stay are midnights; the day of discharge is one more than these.
    return {"day": forecast["los_middle"] + 1, "level": level, **found}


def _table(known: _Known) -> pa.Table:
    band = known.past.days if known.past else ()
    length = max(len(band), len(known.own))

    def padded(values: Sequence[Any]) -> list[Any]:
        return [*values, *[None] * (length - len(values))]

    columns = {
        "x_day": pa.array(range(1, length + 1), pa.int32()),
        "own": pa.array(padded(known.own), _MONEY),
        "here": pa.array(padded([one.stays for one in band]), pa.int32()),
        "low": pa.array(padded([one.cost.low for one in band]), _MONEY),
        "middle": pa.array(padded([one.cost.middle for one in band]), _MONEY),
        "high": pa.array(padded([one.cost.high for one in band]), _MONEY),
    }
    return pa.table({say(f"discharge.{name}"): values for name, values in columns.items()})
