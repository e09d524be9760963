"""The office's outlook: point value, month and year with intervals, and what became of earlier ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboards.app_pages.auditing.acting import said
from dashboards.app_pages.bureau_box import kept_months
from dashboards.app_pages.outlook import arithmetic, cases, head, scores, values
from dashboards.app_pages.settled_parts import month_of
from dashboards.frame.errands import ask_errand, errand_box
from dashboards.frame.exports import offer
from dashboards.frame.grounds import Grounds
from dashboards.frame.language import say
from dashboards.frame.looks import looked
from dashboards.frame.picking import part_picked
from grouper.case.dates import LOCAL
from grouper.service.outlooks import KIND, fan_of, months_to_ask, outlooks
from grouper.store.schema import now

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dashboards.frame.view import View
    from grouper.forecast.outlook.published import Published
    from grouper.service.kept_results import Kept

_KEY = "outlook"
_PARTS = ("values", "cases", "arithmetic", "scores")


def page(view: View) -> None:
    """Show the page."""
    said()
    published = kept_months(view, key=_KEY)
    months = months_to_ask(now())
    month = month_of(_KEY, months, f"{now().astimezone(LOCAL):%Y-%m}")
    found = outlooks(view.parts.settings, view.principal, month)
    _ask(view, month, found)
    kept = _chosen(found)
    if kept is None:
        st.info(say("outlook_page.none", month=month), icon=":material/info:")
        return
    looked(view, "outlook_shown", "outlook", {"month": month, "name": kept.name})
    told = document_of(kept, view.lang)
    head.about(view, kept, told)
    pool = head.pool_of(told, view.lang)
    head.headline(told, pool, view.lang)
    on = grounds(kept, told)
    fan = _fan(str(kept.folder), kept)
    part = part_picked(f"{_KEY}.part", _PARTS, f"{_KEY}_part")
    if part == "values":
        values.show(view, told, fan, published, pool, on)
    elif part == "cases":
        cases.show(view, told, on)
    elif part == "arithmetic":
        arithmetic.show(view, told)
    else:
        scores.show(view, published)
    offer(
        view,
        _KEY,
        on,
        [*values.sheets(told, view.lang), *cases.sheets(told), *arithmetic.sheets(told)],
        _pictures(told, fan, published, pool, on, view.lang),
    )


def document_of(kept: Kept, lang: str) -> dict[str, Any]:
    """The document of an outlook, read once for the process."""
    return _document(str(kept.folder), kept, lang)


def grounds(kept: Kept, told: Mapping[str, Any]) -> Grounds:
    """What the figures of an outlook rest on."""
    return Grounds(
        period=say("outlook_page.period", month=kept.of, year=kept.of[:4]),
        population=say(
            "outlook_page.population", cases=f"{told['cases']:,}", running=f"{told['running']:,}"
        ),
        source=say(
            "outlook_page.source",
            day=told["as_of"],
            policy=told["periods"][0]["policy"],
            made=kept.made.astimezone(LOCAL).strftime("%Y-%m-%d %H:%M"),
        ),
    )


@st.cache_data(max_entries=16, show_spinner=False)
def _document(folder: str, _kept: Kept, lang: str) -> dict[str, Any]:  # noqa: ARG001 -- tells outlooks apart
    return _kept.document(lang)


@st.cache_data(max_entries=16, show_spinner=False)
def _fan(folder: str, _kept: Kept) -> list[dict[str, Any]]:  # noqa: ARG001 -- as above
    return fan_of(_kept)


def _ask(view: View, month: str, found: Sequence[Kept]) -> None:
    """The button that asks for an outlook, and how it stands."""
    st.button(
        say("outlook_page.anew" if found else "outlook_page.make"),
        type="secondary" if found else "primary",
        icon=":material/calculate:",
        key=f"{_KEY}.make",
        help=say("outlook_page.how"),
        on_click=_make,
        args=(view, month),
    )
    errand_box(view, KIND, key=f"{_KEY}.errand", matches=lambda one: one.params["month"] == month)


def _make(view: View, month: str) -> None:
    ask_errand(view, KIND, {"month": month})


def _chosen(found: Sequence[Kept]) -> Kept | None:
    """The outlook that is shown: the newest one, until an earlier one is chosen."""
    if len(found) < 2:  # noqa: PLR2004 -- there is nothing to choose from
        return found[0] if found else None
    names = {one.name: one for one in found}
    name = st.selectbox(
        say("outlook_page.which"),
        list(names),
        key=f"{_KEY}.which.{found[0].name}",
        format_func=lambda one: say(
            "outlook_page.of_day",
            day=names[one].about["as_of"],
            made=names[one].made.astimezone(LOCAL).strftime("%Y-%m-%d %H:%M"),
        ),
        width=420,
    )
    return names[name]


def _pictures(
    told: Mapping[str, Any],
    fan: Sequence[Mapping[str, Any]],
    published: Published | None,
    pool: tuple[str, str] | None,
    on: Grounds,
    lang: str,
) -> list[Any]:
    found = [values.picture(fan, published, pool, on, lang), cases.picture(told, 0, on, lang)]
    return [one for one in found if one is not None]
