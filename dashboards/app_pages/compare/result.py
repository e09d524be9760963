"""What a comparison came to: headline, groups, departments, the flows that move most, files."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from codebooks.errors import GrouperError
from dashboards.app_pages.compare.asking import called, scheme_name
from dashboards.app_pages.compare.cases import cases_of
from dashboards.app_pages.compare.lists import (
    DEPARTMENTS,
    FLOWS,
    KINDS,
    department_rows,
    flow_rows,
    kind_rows,
    known,
    tabled,
)
from dashboards.app_pages.compare.sizes import sizes
from dashboards.charts.moved import CASES, MOVED, SHARE, moved_chart, moved_table
from dashboards.frame.errands import errands
from dashboards.frame.errors import show_error
from dashboards.frame.figures import count, share
from dashboards.frame.language import say
from dashboards.frame.looks import looked
from dashboards.frame.picture import Picture, show
from dashboards.frame.rows import plain
from dashboards.frame.tables import table
from grouper.case.dates import LOCAL
from grouper.compare.words import findings, number
from grouper.compare.words import say as compare_word
from grouper.service.audit_queue import Entry
from grouper.service.comparing import REPORTS
from grouper.service.comparison_answers import Which, summary
from grouper.service.stored import write_looks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from dashboards.frame.view import View
    from grouper.service.errands import Errand

_MIME = {
    ".html": "text/html",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_FLOWS = "compare.flows"


def result(view: View, errand: Errand) -> None:
    """Show a comparison.

    Args:
        view: who looks; the look is logged before anything is shown.
        errand: that is done.
    """
    folder = errands(view).files(errand)
    try:
        told = summary(folder)
    except GrouperError as error:
        show_error(error)
        return
    looked(view, "comparison_shown", f"errand:{errand.id}")
    _headline(told)
    _weights_known(told, view.lang)
    with st.expander(say("compare_page.in_words"), expanded=True):
        for line in findings(told, view.lang):
            st.markdown(f"- {plain(line)}")
        st.caption(compare_word(view.lang, "note.not_advice"))
    _kinds(told, view.lang)
    _departments(view, errand, told)
    which = _flows(view, errand, told)
    weighed = any(told["weights"]["known"].values())
    cases_of(view, errand, folder, which, weighed=weighed)
    _files(view, errand, folder)


def measure_of(told: Mapping[str, Any]) -> str:
    """By what departments and flows are told apart: weight, share of weight, else changed cases."""
    weights = told["weights"]
    if weights["comparable"]:
        return MOVED
    return SHARE if all(weights["known"].values()) else CASES


def _headline(told: Mapping[str, Any]) -> None:
    changes, whole = told["changes"], told["cases"]
    figures = {"cases": (count(whole), say("compare_page.beneath_cases"))}
    for name in ("regrouped", "left", "new"):
        part = share(changes[name] / whole if whole else None)
        figures[name] = (count(changes[name]), say("compare_page.of_cases", share=part))
    first, second = (number(_mean(told, end)) for end in ("from", "to"))
    figures["mean"] = (second, say("compare_page.beneath_mean", first=first))
    for column, (name, (value, beneath)) in zip(st.columns(5), figures.items(), strict=True):
        column.metric(say(f"compare_metric.{name}"), value, border=True)
        column.caption(beneath)


def _mean(told: Mapping[str, Any], end: str) -> str | None:
    """The mean weight of a side whose cases are of one family; None: not known, or of several."""
    totals = list(told["weights"][end].values())
    return totals[0]["mean"] if len(totals) == 1 else None


def _weights_known(told: Mapping[str, Any], lang: str) -> None:
    """Say where the weights of each side come from, and what follows where none are known."""
    words = [
        say(
            f"compare_page.weights_by_{by}",
            side=scheme_name(told[end]["name"], lang),
            source=told[end]["weights"] or "",
        )
        for end, by in zip(("from", "to"), told["weights_by"], strict=True)
    ]
    st.caption(plain(" ".join(words)))
    if "none" in told["weights_by"]:
        st.info(say("compare_page.no_weights"), icon=":material/info:")


def _kinds(told: Mapping[str, Any], lang: str) -> None:
    st.subheader(compare_word(lang, "heading.kinds"), anchor=False)
    table(tabled(kind_rows(told, lang), KINDS), lang, columns=KINDS)


def _departments(view: View, errand: Errand, told: Mapping[str, Any]) -> None:
    measure = measure_of(told)
    rows = department_rows(told, measure)
    _picture(view, errand, told, "compare_departments", rows, measure)
    with st.expander(say("compare_page.departments")):
        columns = known(rows, DEPARTMENTS)
        table(tabled(rows, columns), view.lang, columns=columns)
    if told["further_departments"]:
        further = count(told["further_departments"])
        st.caption(compare_word(view.lang, "further_departments", count=further))


def _flows(view: View, errand: Errand, told: Mapping[str, Any]) -> Which:
    """Show flows; the one that is chosen says which cases are listed below."""
    measure = measure_of(told)
    flows = told["movers"] if measure != CASES else told["largest"]
    rows = flow_rows(flows, view.lang, measure)
    if not rows:
        st.info(say("compare_page.no_flow"), icon=":material/info:")
        return Which()
    _picture(view, errand, told, "compare_flows", rows, measure)
    st.caption(say("compare_page.choose_flow"))
    columns = known(rows, FLOWS)
    chosen = table(
        tabled(rows, columns), view.lang, columns=columns, key=f"{_FLOWS}.{errand.id}.{measure}"
    )
    if not chosen or chosen[0] >= len(flows):
        return Which()
    return Which.of_flow(flows[chosen[0]])


def _picture(
    view: View,
    errand: Errand,
    told: Mapping[str, Any],
    key: str,
    rows: Sequence[Mapping[str, Any]],
    measure: str,
) -> None:
    shown = [one for one in rows if one["value"]]
    shown = sorted(shown, key=lambda one: -abs(one["value"]))[: sizes()["bars"]]
    if not shown:
        return
    families = told["weights"]["from"].keys() | told["weights"]["to"].keys()
    unit = compare_word(view.lang, f"unit.{min(families)}") if len(families) == 1 else ""
    units = {MOVED: unit, SHARE: say("compare_page.points"), CASES: say("compare_page.unit_cases")}
    params = errand.params
    made = (errand.ended or errand.created).astimezone(LOCAL).strftime("%Y-%m-%d %H:%M")
    picture = Picture(
        key=f"{key}_cases" if measure == CASES else key,
        chart=moved_chart(shown, measure, units[measure], view.lang),
        table=moved_table(shown, measure, units[measure], view.lang),
        unit=units[measure],
        period=say("compare_page.period", since=params["since"], last=params["last"]),
        population=say("compare_page.population", cases=count(told["cases"])),
        source=say("compare_page.source", made=made),
    )
    show(picture, view.lang)


def _files(view: View, errand: Errand, folder: Path) -> None:
    with st.popover(say("compare_page.files"), icon=":material/download:"):
        st.caption(say("compare_page.files_about", which=called(errand, view.lang)))
        for name in REPORTS:
            path = folder / name
            st.download_button(
                say(f"compare_page.file_{path.suffix[1:]}"),
                partial(taken, view, errand, path),
                f"compare-{errand.params['since']}-{errand.params['last']}{path.suffix}",
                _MIME[path.suffix],
                key=f"compare.file.{name}",
                on_click="ignore",
                width="stretch",
            )


def taken(view: View, errand: Errand, path: Path) -> bytes:
    """A file of a comparison; who took it is in the audit log before it is given away.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``.
        OSError: it is not there any more.
    """
    held = path.read_bytes()
    about = {"file": path.name, "errand": errand.id}
    write_looks(
        view.parts.database,
        [Entry(view.principal.name, "figures_exported", "page:compare", about)],
    )
    return held
