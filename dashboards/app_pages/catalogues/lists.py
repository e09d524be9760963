"""What is in force today, the imports that made it, and what each of them said."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from codebooks.messages import text
from dashboards.app_pages.auditing.acting import nothing
from dashboards.app_pages.catalogues.choosing import kind_choice, today
from dashboards.app_pages.catalogues.reports import left_out, report
from dashboards.frame.figures import count, day
from dashboards.frame.language import say
from dashboards.frame.rows import Column, table
from grouper.service.audit_queue import Entry
from grouper.service.catalogue_view import left_out_csv, left_out_of, report_of, standings
from grouper.service.stored import write_looks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codebooks.catalogues.keeping import Import
    from dashboards.frame.view import View
    from grouper.service.catalogue_view import Standing

_KEY = "catalogues.lists"
_CSV = "text/csv"
_MINUTE = 16
"""Signs of a time up to its minute."""


def show(view: View) -> None:
    """Show the part of the page."""
    found = standings(view.principal, today())
    imported = [one for one in found if one.imports]
    if not imported:
        nothing("catalogue_page.no_list")
        return
    _overview(found, view.lang)
    st.subheader(say("catalogue_page.history"), anchor=False)
    kind = kind_choice(_KEY, [one.kind for one in imported])
    imports = next(one for one in imported if one.kind == kind).imports[::-1]
    _history(imports)
    number = _import_choice(kind, imports, view.lang)
    _one(view, kind, next(one for one in imports if one.number == number))


def _overview(found: Sequence[Standing], lang: str) -> None:
    st.caption(say("catalogue_page.in_force", day=today().isoformat()))
    names = ("list", "rows", "disputed", "first", "imports", "last")
    right = {"rows", "disputed", "imports"}
    columns = [
        Column(say(f"catalogue_column.{name}"), right=name in right, short=name not in right)
        for name in names
    ]
    rows = [
        (
            text(f"catalogue_kind.{one.kind}", lang),
            count(one.rows),
            count(one.disputed),
            day(one.first),
            count(len(one.imports)),
            one.imports[-1].imported[:10] if one.imports else say("catalogue_page.never"),
        )
        for one in found
    ]
    table(columns, rows)


def _history(imports: Sequence[Import]) -> None:
    names = (
        "number",
        "valid_from",
        "extent",
        "read",
        "rows_left_out",
        "file",
        "source",
        "imported",
    )
    right = {"number", "read", "rows_left_out"}
    columns = [
        Column(
            say(f"catalogue_column.{name}"),
            right=name in right,
            short=name in {"valid_from", "extent", "imported"},
        )
        for name in names
    ]
    rows = [
        (
            str(one.number),
            day(one.valid_from),
            say(f"catalogue_extent.{'whole' if one.whole else 'changes'}"),
            count(one.rows),
            count(one.left_out),
            one.file,
            one.source,
            one.imported[:_MINUTE].replace("T", " "),
        )
        for one in imports
    ]
    table(columns, rows)


def _import_choice(kind: str, imports: Sequence[Import], lang: str) -> int:
    numbers = [one.number for one in imports]
    chosen: int | None = st.selectbox(
        say("catalogue_page.which"),
        numbers,
        format_func=lambda one: text("catalogue_page.import_number", lang, number=one),
        key=f"{_KEY}.{kind}.number",
        width=280,
    )
    return chosen if chosen in numbers else numbers[0]


def _one(view: View, kind: str, one: Import) -> None:
    told = report_of(view.principal, kind, one.number)
    with st.container(border=True):
        title = say("catalogue_page.report_of", number=one.number, day=day(one.valid_from))
        st.markdown(f"**{title}**")
        st.caption(text("import.sha256", view.lang, sha256=one.sha256))
        report(told, view.lang)
        if one.left_out:
            left_out(left_out_of(view.principal, kind, one.number), view.lang)
            st.download_button(
                say("catalogue_page.download"),
                partial(taken, view, kind, one.number),
                f"{kind}-{one.number}-left-out.csv",
                _CSV,
                icon=":material/download:",
                on_click="ignore",
                key=f"{_KEY}.download",
            )


def taken(view: View, kind: str, number: int) -> bytes:
    """The rows that an import left out as a file; that it was taken is in the audit log.

    Raises:
        GrouperError: they cannot be read, or the look cannot be logged.
    """
    data = left_out_csv(left_out_of(view.principal, kind, number), view.lang)
    entry = Entry(
        view.principal.name, "catalogue_left_out", f"catalogue:{kind}", {"number": number}
    )
    write_looks(view.parts.database, [entry])
    return data
