"""What a statement says beside ours: sums by state, reasons, and case by case."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pyarrow.compute as pc
import streamlit as st

from codebooks.messages import text
from dashboards.app_pages.auditing.tables import moment
from dashboards.app_pages.office_sizes import sizes
from dashboards.app_pages.reconcile.choosing import choice
from dashboards.app_pages.reconcile.wording import (
    CASES,
    CAUSES,
    SHORT,
    STATES,
    all_cases,
    cases,
    causes,
    field,
    state,
    states,
)
from dashboards.charts.causes import causes_chart
from dashboards.frame.exports import Sheet, offer
from dashboards.frame.figures import count, yuan
from dashboards.frame.grounds import Grounds
from dashboards.frame.language import say
from dashboards.frame.looks import looked
from dashboards.frame.picture import Picture, show
from dashboards.frame.rows import first, plain, turned, turner
from dashboards.frame.tables import named, table
from grouper.payment.settlement.reconcile import State
from grouper.service.reconciling import since

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    import pyarrow as pa

    from dashboards.frame.view import View
    from grouper.service.reconciling import Outcome

_LIST = "reconcile.cases"
_ORDER = (
    *(State.DIFFERENT, State.MISSING_THERE, State.MISSING_HERE, State.DUPLICATE),
    *(State.UNPRICED, State.MATCHED),
)
"""States as they are offered: what is to be looked into first."""


def results(view: View, found: Outcome) -> None:
    """Show them.

    Args:
        view: who looks; the look was logged.
        found: what the errand found.
    """
    told, lang = found.told, view.lang
    old(view, found)
    _headline(told, lang)
    measure = field(told["measure"], lang)
    st.caption(
        say(
            "reconcile_page.about",
            file=plain(told["file"]),
            rows=count(told["rows"]),
            measure=measure,
        )
    )
    for one in told["stated"]:
        words = {
            "column": field(one["column"], lang),
            "stated": one["stated"],
            "summed": one["summed"],
        }
        st.warning(say("reconcile_page.stated", **words), icon=":material/warning:")
    if told.get("net"):
        st.info(say("reconcile_page.net", cases=count(told["net"])), icon=":material/info:")
    by_state, by_cause = states(told, lang), causes(told, lang)
    table(by_state, lang, columns=STATES)
    on = grounds(found, lang)
    pictures = []
    if by_cause.num_rows:
        picture = Picture(
            "causes",
            causes_chart(by_cause, lang),
            named(by_cause, lang, columns=CAUSES),
            say("unit.yuan"),
            on.period,
            on.population,
            on.source,
        )
        show(picture, lang)
        st.caption(say("reconcile_page.causes_about"))
        pictures.append(picture)
    else:
        st.success(say("reconcile_page.all_equal"), icon=":material/check_circle:")
    _cases(view, found)
    sheets = [
        Sheet(say("reconcile_page.sheet_states"), by_state, STATES),
        Sheet(say("reconcile_page.sheet_causes"), by_cause, CAUSES),
        Sheet(say("reconcile_page.sheet_cases"), all_cases(found.errand, lang, found), CASES),
    ]
    offer(view, "reconcile", on, sheets, pictures)


def grounds(found: Outcome, lang: str) -> Grounds:
    """What the figures rest on.

    Args:
        found: what the errand found.
        lang: ``zh`` or ``en``.
    """
    scope, told = found.scope, found.told
    return Grounds(
        period=text("reconcile_page.period", lang, month=scope.month),
        population=text(
            "reconcile_page.population",
            lang,
            kind=choice("kind", scope.kind, lang),
            insurance=choice("insurance", scope.insurance, lang),
            cases=count(told["cases"]),
        ),
        source=text(
            "reconcile_page.source",
            lang,
            file=told["file"],
            region=scope.region,
            begun=moment(found.begun) or text("reconcile_page.begun_unknown", lang),
        ),
    )


def old(view: View, found: Outcome) -> bool:
    """Say what has changed since it was made, and tell whether anything has.

    Args:
        view: who looks.
        found: what the errand found.
    """
    changes = since(view.parts.database, found)
    if not changes.any:
        return False
    told = [
        say(f"reconcile_page.old_{name}", count=count(number))
        for name, number in (("changed", changes.changed), ("fewer", changes.fewer))
        if number
    ]
    what = say("reconcile_page.between").join(told or [say("reconcile_page.old_unknown")])
    st.warning(say("reconcile_page.old", what=what), icon=":material/update:")
    return True


def _headline(told: Mapping[str, Any], lang: str) -> None:
    ours, theirs = Decimal(told["ours"]), Decimal(told["theirs"])
    by = {one["state"]: one["cases"] for one in told["totals"]}
    apart = told["cases"] - by[State.MATCHED]
    figures = {
        "ours": yuan(ours, lang),
        "theirs": yuan(theirs, lang),
        "difference": yuan(theirs - ours, lang, sign=True),
        "deduction": yuan(Decimal(told["deduction"]), lang),
        "apart": say("reconcile_page.of", part=count(apart), whole=count(told["cases"])),
    }
    for column, (name, value) in zip(st.columns(len(figures)), figures.items(), strict=True):
        column.metric(
            say(f"reconcile_metric.{name}"), value, help=say(f"reconcile_metric_help.{name}")
        )


def _columns(found: Outcome, rows: pa.Table) -> list[str]:
    """The columns that say something of any of these cases."""
    said = {
        "rec_rows": pc.any(pc.greater(pc.list_value_length(rows["rows"]), 0)).as_py(),
        "rec_differs": pc.any(pc.greater(pc.list_value_length(rows["differs"]), 0)).as_py(),
        "rec_deduction": bool(found.told["deducted"]),
        "rec_said": pc.any(pc.not_equal(rows["reason"], "")).as_py(),
    }
    return [name for name in SHORT if said.get(name, True)]


def _cases(view: View, found: Outcome) -> None:
    """A page of the cases of one state, the largest difference first."""
    st.subheader(say("reconcile_page.cases"), anchor=False)
    by = {one["state"]: one["cases"] for one in found.told["totals"] if one["cases"]}
    known = [one.value for one in _ORDER if one in by]
    key = f"{_LIST}.state"
    # Of another statement the first state that it has is shown, from its beginning.
    other = st.session_state.get(f"{_LIST}.of") != found.errand
    if other or st.session_state.get(key) not in known:
        st.session_state[f"{_LIST}.of"] = found.errand
        st.session_state[key] = known[0]
        first(_LIST)
    chosen = st.pills(
        say("reconcile_page.state"),
        known,
        required=True,
        format_func=lambda one: f"{state(one, view.lang)} {count(by.get(one))}",
        key=key,
        on_change=first,
        args=(_LIST,),
    )
    rows = found.entries.filter(pc.equal(found.entries["state"], chosen))
    start, size = int(turned(_LIST) or 0), sizes().rows
    here = rows.slice(start, size)
    seen = [one for one in here["case_id"].to_pylist() if one is not None]
    looked(view, "cases_listed", "cases", {"cases": seen})
    table(cases(found, view.lang, here), view.lang, columns=_columns(found, rows))
    turner(_LIST, str(start + size) if start + size < rows.num_rows else None)
    if chosen == State.MISSING_HERE:
        st.caption(say("reconcile_page.unknown_about"))
