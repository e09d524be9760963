"""The bureau's published months on a page: what is kept, and an upload that is checked before it is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from codebooks.errors import GrouperError
from dashboards.app_pages.auditing.acting import act
from dashboards.app_pages.settled_tables import made, pool, sizes
from dashboards.frame.errors import show_error
from dashboards.frame.figures import count
from dashboards.frame.language import lang as language
from dashboards.frame.language import say
from dashboards.frame.tables import table
from grouper.forecast.outlook.months import name_of
from grouper.service import bureau_months

if TYPE_CHECKING:
    from decimal import Decimal

    import pyarrow as pa

    from dashboards.frame.view import View
    from grouper.forecast.outlook.published import Month, Published
    from grouper.service.access.principal import Principal
    from grouper.service.bureau_months import Change, Stamp

MONTHS = ("month", "pool", "point_value", "points", "own", "own_share", "point_status")
"""Columns of :func:`months_of`."""
_CHANGES = ("month", "pool", "bureau_what", "bureau_before", "bureau_after")


def kept_months(view: View, *, key: str) -> Published | None:
    """Show the upload; the months that are kept. None: there are none that can be read, and it is said.

    Args:
        view: who looks.
        key: of the page, so that each page has widgets of its own.
    """
    _upload(view, key)
    try:
        found = bureau_months.kept(view.parts.settings, view.principal)
    except GrouperError as error:
        show_error(error)
        return None
    if found is None or not found.months:
        st.info(say("bureau_box.none"), icon=":material/info:")
        return None
    return found


def months_of(published: Published, lang: str) -> pa.Table:
    """The months as a table (:data:`MONTHS`)."""
    rows = [
        {
            "month": name_of(one.month),
            "pool": pool(*one.pool, lang),
            "point_value": one.value,
            "points": one.points,
            "own": one.own,
            "own_share": None if one.own is None or not one.points else one.own / one.points,
            "point_status": say(f"budget.status_{one.status}"),
        }
        for one in published.months
    ]
    rows.sort(key=lambda row: (str(row["month"]), str(row["pool"])))
    return made(rows, MONTHS)


def _upload(view: View, key: str) -> None:
    with st.expander(say("bureau_box.title"), icon=":material/upload_file:"):
        st.markdown(say("bureau_box.how"))
        given = st.file_uploader(say("bureau_box.file"), type=["csv"], key=f"{key}.file")
        if given is None:
            return
        held = given.getvalue()
        try:
            found = bureau_months.check(view.parts.settings, held, view.principal)
        except GrouperError as error:
            show_error(error)
            return
        counts = {
            what.value: count(sum(one.what is what for one in found.changes))
            for what in bureau_months.What
        }
        st.markdown(say("bureau_box.checked", same=count(found.same), **counts))
        if not found.changes:
            st.info(say("bureau_box.same"), icon=":material/info:")
            return
        gone = sum(one.what is bureau_months.What.GONE for one in found.changes)
        if gone:
            words = say("bureau_box.gone_warning", count=count(gone))
            st.warning(words, icon=":material/warning:")
        most = sizes()["changes"]
        rows = [_row(one) for one in found.changes[:most]]
        table(made(rows, _CHANGES), view.lang, columns=_CHANGES)
        if len(found.changes) > most:
            st.caption(say("bureau_box.more", shown=count(most), all=count(len(found.changes))))
        st.button(
            say("bureau_box.keep"),
            type="primary",
            key=f"{key}.keep",
            on_click=_keep,
            args=(view, held, found.stamp),
        )


def _keep(view: View, held: bytes, compared: Stamp | None) -> None:
    def doing(principal: Principal) -> str:
        found = bureau_months.keep(
            view.parts.settings, view.parts.database, held, principal, compared
        )
        return say("bureau_box.kept", months=count(len(found.published.months)))

    act(view, bureau_months.RIGHT, doing)


def _row(one: Change) -> dict[str, Any]:
    return {
        "month": name_of(one.month),
        "pool": pool(*one.pool, language()),
        "bureau_what": say(f"bureau_box.{one.what}"),
        "bureau_before": _told(one.before),
        "bureau_after": _told(one.after),
    }


def _told(one: Month | None) -> str:
    if one is None:
        return "—"
    words = {
        "value": _plain(one.value),
        "points": _plain(one.points),
        "own": "—" if one.own is None else _plain(one.own),
        "status": say(f"budget.status_{one.status}"),
    }
    told = say("bureau_box.month", **words)
    return (
        told if one.budget is None else told + say("bureau_box.budget", budget=_plain(one.budget))
    )


def _plain(number: Decimal) -> str:
    return f"{number:,f}"
