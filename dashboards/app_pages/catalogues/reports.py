"""The report of a file: what was read, where, what is wrong, what was left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from codebooks.catalogues.report import change_words
from codebooks.messages import catalogue, text
from dashboards.app_pages.catalogues.sizes import sizes
from dashboards.frame.figures import count
from dashboards.frame.language import say
from dashboards.frame.rows import Column, plain, say_plain, table
from grouper.service.catalogue_view import fault_words, findings_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa


def report(told: Mapping[str, Any], lang: str) -> None:
    """Show a report.

    Args:
        told: as :meth:`codebooks.catalogues.report.CatalogueReport.to_json` writes it.
        lang: ``zh`` or ``en``.
    """
    faults = sum(told["faults"].values())
    figures = {
        "rows": told["rows"],
        "left_out": told["left_out"],
        "faults": faults,
        "findings": len(told["findings"]) + sum(told["omitted"].values()),
    }
    for column, (name, value) in zip(st.columns(len(figures)), figures.items(), strict=True):
        column.metric(say(f"catalogue_metric.{name}"), count(value), border=True)
    if told["changes"] is not None:
        words = change_words(told["changes"], lang)
        st.markdown(say("catalogue_page.against", changes=words))
    _tables(told, lang)
    _findings(told, lang)


def _tables(told: Mapping[str, Any], lang: str) -> None:
    if not told["tables"]:
        return
    st.markdown(f"**{say('catalogue_page.columns_found')}**")
    for one in told["tables"]:
        names = [
            f"{text(f'catalogue.field.{name}', lang)} = {shown}"
            for name, shown in one["columns"].items()
        ]
        where = {"place": one["place"], "row": count(one["header_row"]), "rows": count(one["rows"])}
        st.markdown(say_plain("catalogue_page.table", **where))
        st.caption(plain(text("catalogue.separator", lang).join(names)))
    mends = [
        text("import.mend_line", lang, what=text(f"import.mend.{kind}", lang), count=number)
        for kind, number in sorted(told["mends"].items())
    ]
    for one in mends:
        st.caption(one.removeprefix("- "))


def _findings(told: Mapping[str, Any], lang: str) -> None:
    found = findings_of(told, lang)
    st.markdown(f"**{say('catalogue_page.findings')}**")
    if not found:
        st.caption(say("catalogue_page.no_finding"))
        return
    columns = [
        Column(say("catalogue_column.severity"), short=True),
        Column(say("catalogue_column.place")),
        Column(say("catalogue_column.words")),
    ]
    shown = found[: sizes().findings]
    table(
        columns, [(text(f"severity.{one.severity}", lang), one.place, one.words) for one in shown]
    )
    if len(shown) < len(found):
        st.caption(say("catalogue_page.more", count=count(len(found) - len(shown))))
    for code, number in sorted(told["omitted"].items()):
        named = catalogue(lang).get(f"mapping_fault.{code}") or fault_words(code, lang)
        st.caption(say("catalogue_page.omitted", what=named, count=count(number)))


def left_out(rows: pa.Table, lang: str) -> None:
    """Show the first rows that were left out, each with its place and its fault."""
    st.markdown(f"**{say('catalogue_page.left_out')}**")
    columns = [
        Column(text(f"catalogue_left_out.{name}", lang), right=name == "row", short=name == "code")
        for name in ("sheet", "row", "column", "key", "found", "fault")
    ]
    shown = rows.slice(0, sizes().findings).to_pylist()
    table(
        columns,
        [
            (
                one["sheet"],
                count(one["row"]),
                one["column"],
                one["key"],
                one["found"],
                fault_words(one["fault"], lang),
            )
            for one in shown
        ],
    )
    if len(shown) < rows.num_rows:
        st.caption(say("catalogue_page.left_out_more", count=count(rows.num_rows - len(shown))))
