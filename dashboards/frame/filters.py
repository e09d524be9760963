"""The filter of a page: period, departments, groups, insurance and kind, kept and shared.

What is chosen holds for all pages of the session, and stands in the address, so that a link shows
the same. An address names days, departments, groups, insurances and kinds; never a person. What it
names wrongly, or what is out of reach, is passed over as if it were not named.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import streamlit as st

from dashboards.frame.errors import show_error
from dashboards.frame.labels import label
from dashboards.frame.language import say
from dashboards.frame.marts import ask, mart_of
from grouper.mart.errors import MartError
from grouper.mart.slices import INPATIENT, Axis, Slice

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dashboards.frame.view import View
    from grouper.mart.mart import Mart

_KEPT = "filter_kept"
_SINCE, _LAST, _KINDS = "since", "last", "kind"
_LISTS: Mapping[str, Axis] = {
    "department": Axis.DEPARTMENT,
    "group": Axis.GROUP,
    "insurance": Axis.INSURANCE,
    _KINDS: Axis.KIND,
}
_NAMES = (_SINCE, _LAST, *_LISTS)
_MOST = 50
"""So many values of one list are read from an address; more would be no filter but a burden."""


def slice_of(view: View, *, key: str) -> Slice | None:
    """Show the filter and read it.

    Args:
        view: who looks; the slice holds that one's reach.
        key: of the page, so that each page has widgets of its own.

    Returns:
        Which cases; None: there are none to be asked for, and the page says why and what to do.
    """
    mart = mart_of(view)
    if mart is None:
        return None
    days = _days_of(mart)
    if days is None or view.principal.reach == ():
        st.info(
            say("filter.no_data" if days is None else "filter.no_reach"), icon=":material/info:"
        )
        return None
    reach = view.principal.reach
    whole = Slice(since=days[0], until=days[1], reach=reach, kinds=())
    known = {name: _choices(mart, whole, axis, view.lang) for name, axis in _LISTS.items()}
    _begin(key, days, known)
    _draw(key, known)
    chosen = {name: st.session_state.get(f"{key}.{name}") for name in _NAMES}
    st.session_state[_KEPT] = chosen
    since, last = chosen[_SINCE], chosen[_LAST]
    if not isinstance(since, date) or not isinstance(last, date):
        st.info(say("filter.no_day"), icon=":material/info:")
        return None
    _share(since, last, chosen)
    try:
        return Slice(
            since=since,
            until=last + timedelta(days=1),
            reach=reach,
            departments=tuple(chosen["department"] or ()),
            groups=tuple(chosen["group"] or ()),
            insurances=tuple(chosen["insurance"] or ()),
            kinds=tuple(chosen[_KINDS] or INPATIENT),
        )
    except MartError as error:
        show_error(error)
        return None


def params_of(wanted: Slice) -> dict[str, str]:
    """A slice as the parameters of an address (``address(page, **params)``).

    Several values of one list stand in one parameter, parted by commas.
    """
    lists = {
        "department": wanted.departments,
        "group": wanted.groups,
        "insurance": wanted.insurances,
        _KINDS: () if wanted.kinds == INPATIENT else wanted.kinds,
    }
    found = {
        _SINCE: wanted.since.isoformat(),
        _LAST: (wanted.until - timedelta(days=1)).isoformat(),
    }
    return found | {name: ",".join(values) for name, values in lists.items() if values}


def _choices(mart: Mart, whole: Slice, axis: Axis, lang: str) -> dict[str, str]:
    rows = ask(mart, "choices", whole, axis=axis).to_pylist()
    return {
        row["value"]: label(axis, row["value"], row["name"], lang)
        for row in rows
        if row["value"] is not None
    }


def _days_of(mart: Mart) -> tuple[date, date] | None:
    """First day of the mart and the day after its last one; None: it holds no month."""
    months = sorted(mart.about.months)
    if not months:
        return None
    return _first(str(months[0])), _next(_first(str(months[-1])))


def _first(month: str) -> date:
    return date.fromisoformat(f"{month[:7]}-01")


def _next(first: date) -> date:
    return (first + timedelta(days=32)).replace(day=1)


def _begin(key: str, days: tuple[date, date], known: Mapping[str, Mapping[str, str]]) -> None:
    """Give the widgets of a page just entered their values: of the address, else as kept, else all.

    Streamlit forgets the widgets of a page that is left, so the values are kept beside them.
    """
    if f"{key}.{_SINCE}" in st.session_state:
        return
    asked = {name: st.query_params.get(name, "") for name in _NAMES}
    if any(asked.values()):
        kept: Mapping[str, object] = {
            name: tuple(values.split(",")[:_MOST]) if name in _LISTS else _day(values)
            for name, values in asked.items()
            if values
        }
    else:
        kept = st.session_state.get(_KEPT, {})
    # By default the last whole year or what there is of it: enough for a course, little to read.
    begun = max(days[0], _year_before(days[1]))
    st.session_state[f"{key}.{_SINCE}"] = kept.get(_SINCE) or begun
    st.session_state[f"{key}.{_LAST}"] = kept.get(_LAST) or days[1] - timedelta(days=1)
    for name, values in known.items():
        st.session_state[f"{key}.{name}"] = _known(kept.get(name), values)
    if not st.session_state[f"{key}.{_KINDS}"]:
        st.session_state[f"{key}.{_KINDS}"] = _known(INPATIENT, known[_KINDS]) or list(
            known[_KINDS]
        )


def _year_before(day: date) -> date:
    return day.replace(year=day.year - 1)


def _day(asked: str) -> date | None:
    try:
        day = date.fromisoformat(asked)
    except ValueError:
        return None
    # A slice ends with the day after its last one.
    return day if day < date.max else None


def _known(asked: object, values: Mapping[str, str]) -> list[str]:
    return [one for one in asked if one in values] if isinstance(asked, list | tuple) else []


def _draw(key: str, known: Mapping[str, Mapping[str, str]]) -> None:
    first, second, third, fourth = st.columns((2, 2, 4, 2), vertical_alignment="bottom")
    with first:
        st.date_input(say("filter.since"), key=f"{key}.{_SINCE}", format="YYYY-MM-DD")
    with second:
        st.date_input(say("filter.last"), key=f"{key}.{_LAST}", format="YYYY-MM-DD")
    with third:
        _pick(key, "department", known["department"])
    more = ("group", "insurance", _KINDS)
    with fourth, st.popover(say("filter.more"), icon=":material/filter_list:", width="stretch"):
        for name in more:
            _pick(key, name, known[name])
        st.button(say("filter.clear"), on_click=_clear, args=(key, known))


def _pick(key: str, name: str, values: Mapping[str, str]) -> None:
    st.multiselect(
        say(f"filter.{name}"),
        list(values),
        key=f"{key}.{name}",
        format_func=lambda one: values.get(one, one),
        placeholder=say("filter.all"),
    )


def _clear(key: str, known: Mapping[str, Mapping[str, str]]) -> None:
    for name in known:
        st.session_state[f"{key}.{name}"] = []
    st.session_state[f"{key}.{_KINDS}"] = _known(INPATIENT, known[_KINDS])


def _share(since: date, last: date, chosen: Mapping[str, Iterable[str] | object]) -> None:
    """Put what is chosen into the address, and nothing else of it away."""
    told: dict[str, str] = {_SINCE: since.isoformat(), _LAST: last.isoformat()}
    for name in _LISTS:
        values = chosen[name]
        if (
            isinstance(values, list)
            and values
            and not (name == _KINDS and tuple(values) == INPATIENT)
        ):
            told[name] = ",".join(values)
    for name in _NAMES:
        if name in told:
            if st.query_params.get(name) != told[name]:
                st.query_params[name] = told[name]
        elif name in st.query_params:
            del st.query_params[name]
