"""The book of adjustments: what it holds of a month, what it lacks, and taking that in."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import streamlit as st

from codebooks.errors import GrouperError
from codebooks.messages import text
from dashboards.app_pages.auditing.acting import act, hint
from dashboards.app_pages.auditing.tables import moment
from dashboards.app_pages.office_sizes import sizes
from dashboards.app_pages.reconcile.results import grounds, old
from dashboards.app_pages.reconcile.wording import field, state, typed
from dashboards.frame.errors import show_error
from dashboards.frame.exports import Sheet, offer
from dashboards.frame.figures import count, yuan
from dashboards.frame.language import say
from dashboards.frame.looks import looked
from dashboards.frame.navigation import address
from dashboards.frame.rows import turned, turner
from dashboards.frame.tables import table
from grouper.payment.settlement.exactly import minus, total
from grouper.service.access.principal import Right
from grouper.service.adjustment_book import UNKNOWN, AdjustmentBook
from grouper.service.reconciling import take_in
from grouper.store.schema import now

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    import pyarrow as pa

    from dashboards.frame.view import View
    from grouper.service.access.principal import Principal
    from grouper.service.reconciling import Outcome

_SURE = "reconcile.sure"
COLUMNS = (
    *("link", "rec_entry", "rec_state", "rec_field", "rec_ours", "rec_theirs"),
    *("rec_earlier", "rec_change", "rec_said"),
)
IN_FILE = (*COLUMNS[1:2], "rec_case", *COLUMNS[2:], "rec_made", "rec_file")


def booking(view: View, found: Outcome) -> None:
    """Show it.

    Args:
        view: who looks; the look was logged.
        found: what the errand found.
    """
    try:
        book = AdjustmentBook.read_by(view.parts.settings, view.principal)
        kept = book.entries(found.scope)
        # Nothing in the book changes, so how much it holds says what it holds.
        stamp = (kept.num_rows, len(book.readings(found.scope.region, found.scope.month)))
        lacking = _lacking(str(book.folder), found.errand, stamp, _book=book, _found=found)
    except GrouperError as error:
        show_error(error)
        return
    changed = old(view, found)
    _headline(found, kept, lacking, view.lang)
    st.caption(say("reconcile_page.book_about"))
    st.subheader(say("reconcile_page.lacking", count=count(lacking.num_rows)), anchor=False)
    if lacking.num_rows:
        _rows(view, lacking, "reconcile.lacking")
        if not changed:
            _take(view, found, lacking)
    else:
        st.success(say("reconcile_page.book_equal"), icon=":material/check_circle:")
    st.subheader(say("reconcile_page.kept", count=count(kept.num_rows)), anchor=False)
    if not kept.num_rows:
        st.info(say("reconcile_page.book_empty"), icon=":material/info:")
        return
    _rows(view, kept, "reconcile.kept")
    sheet = Sheet(say("reconcile_page.sheet_book"), worded(kept, view.lang), IN_FILE)
    offer(view, "reconcile", grounds(found, view.lang), [sheet], [])


@st.cache_data(max_entries=8, show_spinner=False)
def _lacking(
    folder: str, errand: str, stamp: tuple[int, int], *, _book: AdjustmentBook, _found: Outcome
) -> pa.Table:
    del folder, errand, stamp
    return _book.lacking(_found.scope, _found.reconciliation, now())


def _headline(found: Outcome, kept: pa.Table, lacking: pa.Table, lang: str) -> None:
    told = found.reconciliation
    figures = {
        "ours": told.ours,
        "kept": _sum(kept),
        "lacking": _sum(lacking),
        "paid": minus(told.theirs, told.deduction),
    }
    for column, (name, value) in zip(st.columns(len(figures)), figures.items(), strict=True):
        column.metric(
            say(f"reconcile_metric.{name}"),
            yuan(value, lang, sign=name in {"kept", "lacking"}),
            help=say(f"reconcile_metric_help.{name}"),
        )


def _sum(rows: pa.Table) -> Decimal:
    return total(rows["amount"].to_pylist())


def _take(view: View, found: Outcome, lacking: pa.Table) -> None:
    # Another reading is another question: what was agreed to is not carried over to it.
    sure = f"{_SURE}.{found.errand}.{lacking.num_rows}"
    st.checkbox(
        say("reconcile_page.sure", amount=yuan(_sum(lacking), view.lang, sign=True)), key=sure
    )
    st.button(
        say("reconcile_page.take", count=count(lacking.num_rows)),
        type="primary",
        on_click=_taken,
        args=(view, found, sure),
    )


def _taken(view: View, found: Outcome, sure: str) -> None:
    if not st.session_state.get(sure):
        hint(say("reconcile_page.not_sure"))
        return

    def doing(principal: Principal) -> str:
        reading = take_in(view.parts.settings, view.parts.database, found, principal)
        if reading is None:
            return say("reconcile_page.nothing_taken")
        return say("reconcile_page.taken", count=count(reading.entries))

    act(view, Right.REVIEW, doing)


def _rows(view: View, rows: pa.Table, key: str) -> None:
    """A page of entries; the look at their cases is logged."""
    start, size = int(turned(key) or 0), sizes().rows
    start = start if start < rows.num_rows else 0
    here = rows.slice(start, size)
    seen = [one for one in here["case_id"].to_pylist() if not one.startswith(UNKNOWN)]
    looked(view, "cases_listed", "cases", {"cases": seen})
    table(worded(here, view.lang), view.lang, columns=COLUMNS)
    turner(key, str(start + size) if start + size < rows.num_rows else None)


def worded(rows: pa.Table, lang: str) -> pa.Table:
    """Entries as people read them.

    Args:
        rows: of ``BOOK_SCHEMA``.
        lang: ``zh`` or ``en``.
    """
    columns = tuple(dict.fromkeys((*COLUMNS, *IN_FILE)))
    return typed([_entry(row, lang) for row in rows.to_pylist()], columns)


def _entry(row: Mapping[str, Any], lang: str) -> dict[str, Any]:
    ours = not str(row["case_id"]).startswith(UNKNOWN)
    return {
        "link": address("case", case_id=row["case_id"]) if ours else None,
        "rec_case": row["case_id"] if ours else text("reconcile_page.unknown", lang),
        "rec_entry": row["entry"],
        "rec_state": state(row["state"], lang),
        "rec_field": field(row["field"], lang),
        "rec_ours": row["ours"],
        "rec_theirs": row["theirs"],
        "rec_earlier": row["earlier"],
        "rec_change": row["amount"],
        "rec_said": row["reason"] or None,
        "rec_made": moment(datetime.fromisoformat(row["made"])),
        "rec_file": row["file"],
    }
