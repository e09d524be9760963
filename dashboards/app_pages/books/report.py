"""The report of an import: where the tables were found, counts, what was mended, what was found."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import streamlit as st

from codebooks.findings import Severity
from codebooks.messages import text
from dashboards.app_pages.books.paging import buttons, turn
from dashboards.app_pages.books.words import known, table_name, validity
from dashboards.frame.figures import NONE, count
from dashboards.frame.language import say
from dashboards.frame.rows import Column, say_plain, table
from grouper.service.book_answers import region_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dashboards.frame.view import View

_DAYS = ("valid_from", "valid_to")
_FIGURES = ("tables", *(severity.value for severity in Severity), "mends")


def show_report(view: View, report: Mapping[str, Any], *, key: str) -> None:
    """Show a report.

    Args:
        view: who looks.
        report: as :func:`grouper.service.book_imports.report_of` gives it.
        key: of the page's widgets.
    """
    severities: Mapping[str, int] = report["severities"]
    figures = {
        **severities,
        "tables": len(report["tables"]),
        "mends": sum(report["mends"].values()),
    }
    for column, name in zip(st.columns(len(_FIGURES)), _FIGURES, strict=True):
        column.metric(say(f"books_metric.{name}"), count(figures[name]), border=True)
    _findings(view, report, key)
    with st.expander(say("books_report.tables"), icon=":material/table:"):
        _tables(view, report["tables"])
    with st.expander(say("books_report.counts"), icon=":material/tag:"):
        _counts(view, report["counts"])
    with st.expander(say("books_report.mends"), icon=":material/build:"):
        _mends(view, report["mends"])
    with st.expander(say("books_report.card"), icon=":material/badge:"):
        _card(view, report)
    if report["same_as"]:
        ids = say("books_page.joint").join(report["same_as"])
        st.info(say_plain("books_report.same_as", ids=ids), icon=":material/content_copy:")


def _findings(view: View, report: Mapping[str, Any], key: str) -> None:
    found: Sequence[Mapping[str, Any]] = report["findings"]
    if not found:
        st.caption(say("books_report.no_finding"))
        return
    kinds = [one for one in Severity if report["severities"][one.value]]
    chosen = st.pills(
        say("books_report.severity"),
        kinds,
        key=f"{key}.severity",
        format_func=lambda one: text(f"severity.{one}", view.lang),
    )
    rows = [one for one in found if chosen in (None, one["severity"])]
    shown = turn(f"{key}.findings", rows, chosen)
    names = ("severity", "place", "at_row", "at_column", "finding", "finding_code")
    table(
        [
            Column(say(f"books_column.{name}"), right=name == "at_row", short=name != "finding")
            for name in names
        ],
        [
            (
                text(f"severity.{one['severity']}", view.lang),
                one["sheet"] or one["file"],
                None if one["row"] is None else str(one["row"]),
                one["column"],
                one["text"][view.lang],
                one["code"],
            )
            for one in shown
        ],
    )
    buttons(f"{key}.findings", len(rows))
    for code, more in report["omitted"].items():
        st.caption(say_plain("books_report.omitted", code=code, count=count(more)))


def _tables(view: View, tables: Sequence[Mapping[str, Any]]) -> None:
    names = ("table", "place", "header_row", "rows", "columns")
    right = ("header_row", "rows")
    table(
        [Column(say(f"books_column.{name}"), right=name in right) for name in names],
        [
            (
                table_name(one["table"], view.lang),
                one["place"],
                str(one["header_row"]),
                count(one["rows"]),
                say("books_page.joint").join(one["columns"].values()),
            )
            for one in tables
        ],
    )


def _counts(view: View, counts: Sequence[Mapping[str, Any]]) -> None:
    names = ("what", "read", "published", "agrees")
    right = ("read", "published")
    table(
        [Column(say(f"books_column.{name}"), right=name in right) for name in names],
        [
            (
                known("import.count", one["key"], view.lang),
                count(one["read"]),
                count(one["published"]),
                NONE
                if one["published"] is None
                else say("books_report.equal" if one["agrees"] else "books_report.different"),
            )
            for one in counts
        ],
    )


def _mends(view: View, mends: Mapping[str, int]) -> None:
    if not mends:
        st.caption(say("books_report.no_mend"))
        return
    table(
        [Column(say("books_column.what")), Column(say("books_column.times"), right=True)],
        [(known("import.mend", kind, view.lang), count(n)) for kind, n in sorted(mends.items())],
    )


def _card(view: View, report: Mapping[str, Any]) -> None:
    card: Mapping[str, Any] = report["card"]
    ends = [None if card[name] is None else date.fromisoformat(card[name]) for name in _DAYS]
    pairs = {
        "id": card["id"],
        "family": known("books_family", card["family"], view.lang),
        "region": region_name(card["region"], view.lang),
        "term": validity(ends[0], ends[1], view.lang),
        "layout": known("import.layout", report["layout"], view.lang),
        "source": card["source"],
        "hash": report["content_sha256"] or "",
        "file_hash": report["sha256"],
    }
    table(
        [Column(say("books_column.field"), short=True), Column(say("books_column.value"))],
        [(say(f"books_column.{name}"), words) for name, words in pairs.items() if words],
    )
