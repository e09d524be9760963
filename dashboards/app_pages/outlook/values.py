"""The point value of one method and insurance: published months, the fan of those to come, all pools."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboards.app_pages.bureau_box import MONTHS, months_of
from dashboards.app_pages.outlook.head import Pool, ends, noted
from dashboards.app_pages.settled_tables import made
from dashboards.app_pages.settled_tables import pool as called
from dashboards.charts.fan import fan as drawn
from dashboards.frame.exports import Sheet
from dashboards.frame.language import say
from dashboards.frame.picture import Picture
from dashboards.frame.picture import show as draw
from dashboards.frame.rows import plain
from dashboards.frame.tables import named, table
from grouper.forecast.outlook.months import name_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dashboards.frame.grounds import Grounds
    from dashboards.frame.view import View
    from grouper.forecast.outlook.published import Published

_WORTH = "worth"
_ENDS = tuple(f"{_WORTH}_{end}_{level}" for level in (80, 90) for end in ("low", "high"))
_VALUES = ("look_period", "pool", "look_value", "look_basis", *_ENDS, "look_baseline")
_FAN = ("month", "look_basis", "look_value", *_ENDS)


def show(
    view: View,
    told: Mapping[str, Any],
    fan: Sequence[Mapping[str, Any]],
    published: Published | None,
    pool: Pool | None,
    on: Grounds,
) -> None:
    """Show the fan of a pool, then month and year of all pools, then the published months."""
    found = picture(fan, published, pool, on, view.lang)
    if found is None:
        st.info(say("outlook_page.no_value"), icon=":material/info:")
    else:
        draw(found, view.lang)
    st.subheader(say("outlook_page.values"), anchor=False)
    table(_values(told), view.lang, columns=_VALUES)
    for period in told["periods"]:
        for one in period["point_values"]:
            name = say("outlook_page.which_value", period=period["name"], pool=_called(one))
            for note in [*([one["reason"]] if one["reason"] else []), *one["notes"]]:
                st.caption(f"{plain(name)} {noted(note)}")
    if published is not None:
        with st.expander(say("outlook_page.published")):
            table(months_of(published, view.lang), view.lang, columns=MONTHS)


def picture(
    fan: Sequence[Mapping[str, Any]],
    published: Published | None,
    pool: Pool | None,
    on: Grounds,
    lang: str,
) -> Picture | None:
    """The fan of a method and insurance; None: there is nothing to draw."""
    rows = [
        {
            "month": one["month"],
            "value": Decimal(one["value"]),
            "basis": one["basis"],
            "intervals": [
                {**each, "low": Decimal(each["low"]), "high": Decimal(each["high"])}
                for each in one["intervals"]
            ],
        }
        for one in fan
        if (one["method"], one["insurance"]) == pool
    ]
    before = [] if published is None or pool is None else published.of_pool(pool)
    known = [(name_of(one.month), one.value) for one in before]
    there = {month for month, _ in known}
    rows = [one for one in rows if one["month"] not in there]
    if pool is None or not (known or rows):
        return None
    told = [
        {"month": month, "look_value": value, "look_basis": say("outlook.basis.published")}
        for month, value in known
    ]
    told += [
        {
            "month": one["month"],
            "look_value": one["value"],
            "look_basis": say(f"outlook.basis.{one['basis']}"),
        }
        | ends(one["intervals"], _WORTH)
        for one in rows
    ]
    months = [str(one["month"]) for one in told]
    return Picture(
        "fan",
        drawn(known, rows, lang),
        named(made(told, _FAN), lang, columns=_FAN),
        say("unit.yuan_a_point"),
        say("outlook_page.months", first=min(months), last=max(months)),
        say("outlook_page.pool_of", pool=called(*pool, lang)),
        say("outlook_page.fan_source", source=on.source),
    )


def sheets(told: Mapping[str, Any], lang: str) -> list[Sheet]:
    """Month and year of all pools, for a file."""
    del lang
    return [Sheet(say("outlook_page.values"), _values(told), _VALUES)]


def _values(told: Mapping[str, Any]) -> Any:  # noqa: ANN401 -- a table of Arrow
    rows = [
        {
            "look_period": period["name"],
            "pool": _called(one),
            "look_value": one["value"],
            "look_basis": one["basis_name"],
            "look_baseline": one["baseline"],
        }
        | ends(one["intervals"], _WORTH)
        for period in told["periods"]
        for one in period["point_values"]
    ]
    return made(rows, _VALUES)


def _called(one: Mapping[str, Any]) -> str:
    return f"{one['method_name']} · {one['insurance_name']}"
