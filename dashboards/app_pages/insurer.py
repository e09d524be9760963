"""The insurer's lists of findings: taken in, what matched and what not, deadlines, the answers."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from functools import partial
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import streamlit as st

from codebooks.audit.books import audit_book
from dashboards.app_pages.auditing.acting import act, hint, nothing, said
from dashboards.app_pages.auditing.asking import number_of
from dashboards.app_pages.auditing.paging import Paging
from dashboards.app_pages.auditing.sizes import sizes
from dashboards.app_pages.auditing.tables import deadline, moment, table
from dashboards.frame.errands import ask_errand, errand_box, errands
from dashboards.frame.figures import count, share
from dashboards.frame.going import go
from dashboards.frame.language import say
from dashboards.frame.looks import looked
from dashboards.frame.navigation import address
from dashboards.frame.rows import plain, turned, turner
from grouper.audit.insurer.columns import at_hand
from grouper.audit.review.tables import states as state_table
from grouper.service.access.principal import Right
from grouper.service.audit_queue import Entry
from grouper.service.errands import ErrandError
from grouper.service.insurer_answers import answers, batch_out, listing, shown, taken_out
from grouper.service.insurer_errands import KIND
from grouper.service.insurer_lists import take_in
from grouper.service.problems import ServiceError
from grouper.service.stored import write_looks
from grouper.store.schema import now

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date

    from dashboards.frame.view import View
    from grouper.service.access.principal import Principal

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_ENDINGS = ("xlsx", "csv", "txt")
_LONGEST = 8
_BEGUN = ("first", "feedback")
_FILE, _DUE, _TAKEN = "insurer.file", "insurer.due", "insurer.taken"
_COLUMNS = {
    "list": "link",
    "at": "text",
    "list_name": "text",
    "list_due": "text",
    "rows": "count",
    "unread": "count",
    "count": "count",
    "matched": "count",
    "own": "count",
}
_REASONS = {"reason": "text", "advice": "text", "rows": "count"}
_RECALL = ("before", "after", "shadow", "not_found", "not_asked", "no_rule", "no_stay")


def page(view: View) -> None:
    """Show the page."""
    said()
    _report()
    _long_list(view)
    number = number_of(st.query_params.get("id"))
    if number:
        _one(view, number)
        return
    _upload(view)
    _lists(view)


def _upload(view: View) -> None:
    with st.expander(say("insurer_page.upload"), icon=":material/upload_file:"):
        st.caption(say("insurer_page.upload_about"))
        with st.form("insurer.form", border=False):
            st.file_uploader(say("insurer_page.file"), type=list(_ENDINGS), key=_FILE)
            st.date_input(say("insurer_page.due"), value=None, key=_DUE)
            st.form_submit_button(
                say("insurer_page.take"), type="primary", on_click=_take, args=(view,)
            )


def _take(view: View) -> None:
    given, due = st.session_state.get(_FILE), st.session_state.get(_DUE)
    if given is None:
        hint(say("insurer_page.no_file"))
        return

    held = given.getvalue()
    if len(held) > sizes()["at_once"]:
        name = PurePath(given.name.replace("\\", "/")).name or "list"
        about = {"name": name, "due": None if due is None else due.isoformat()}
        if ask_errand(view, KIND, about, files={f"list{PurePath(name).suffix[:_LONGEST]}": held}):
            hint(say("insurer_page.long"))
        return

    def doing(principal: Principal) -> str:
        told = take(view, principal, given.name, held, due)
        st.session_state[_TAKEN] = told
        return say("insurer_page.repeated" if told["repeated"] else "insurer_page.taken")

    act(view, Right.REVIEW, doing)


def take(
    view: View, principal: Principal, called: str, held: bytes, due: date | None
) -> dict[str, Any]:
    """Take in a list.

    Args:
        view: of the page.
        principal: who hands it in.
        called: name of the file.
        held: its bytes.
        due: last day to answer, where the file names none.

    Returns:
        What became of it, with the words of its reasons.

    Raises:
        AuditError: it is none that can be read.
        GrouperError: as :func:`grouper.service.insurer_lists.take_in`.
    """
    name = PurePath(called.replace("\\", "/")).name or "list"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"list{PurePath(name).suffix[:_LONGEST]}"
        path.write_bytes(held)
        taken = take_in(
            view.parts.database,
            path,
            audit_book(),
            at_hand(),
            hospital=view.parts.settings.hospital,
            actor=principal.name,
            at=now(),
            due=due,
            name=name,
        )
    return taken_out(taken, view.lang)


def _long_list(view: View) -> None:
    """How the long list stands that one handed in, and what became of it."""
    errand = errand_box(
        view, KIND, key="insurer", matches=lambda one: one.owner == view.principal.account_id
    )
    if errand is not None and errand.answer is not None:
        _told(errand.answer, "insurer.long", partial(_put_away, view, errand.id))


def _put_away(view: View, number: str) -> None:
    def doing(principal: Principal) -> str:
        looked(view, "errand_cancelled", f"errand:{number}", again=True)
        # It may have been taken away before.
        with suppress(ErrandError):
            errands(view).cancel(number, principal)
        return say("insurer_page.report_closed")

    act(view, Right.REVIEW, doing)


def _report() -> None:
    """What became of the list that was just taken in."""
    told = st.session_state.get(_TAKEN)
    if told is not None:
        _told(told, "insurer.report", _forget)


def _told(told: Mapping[str, Any], key: str, close: Callable[[], None]) -> None:
    with st.container(border=True):
        st.markdown(f"**{say('insurer_page.report', number=told['batch'])}**")
        figures = ("rows", "unread", "findings", "matched", "own")
        for column, name in zip(st.columns(len(figures)), figures, strict=True):
            column.metric(say(f"insurer_metric.{name}"), count(told[name]))
        _said_of(told)
        st.button(say("insurer_page.report_close"), key=f"{key}.close", on_click=close)


def _forget() -> None:
    st.session_state.pop(_TAKEN, None)


def _said_of(told: Mapping[str, Any]) -> None:
    """What did not match, what was not kept, and whether the totals agree."""
    if told["reasons"]:
        st.caption(say("insurer_page.reasons"))
        rows = [{"reason": one["text"], **one} for one in told["reasons"]]
        table(rows, _REASONS, alt=say("insurer_page.reasons"))
    if told["external"]:
        st.caption(say("insurer_page.external", count=told["external"]))
    if told["unkept"]:
        st.caption(
            say(
                "insurer_page.unkept",
                names=say("insurer_page.comma").join(map(plain, told["unkept"])),
            )
        )
    if told["total_agrees"] is False:
        st.warning(say("insurer_page.total"), icon=":material/warning:")


def _lists(view: View) -> None:
    paging = Paging("insurer.page", None)
    found, following = listing(view.parts.database, paging.after, sizes()["batches"])
    if not found and not paging.at:
        nothing("insurer_page.nothing")
        return
    rows = [listing_of(batch_out(one, view.lang)) for one in found]
    chosen = table(
        rows,
        _COLUMNS,
        alt=say("page_title.insurer"),
        key=f"insurer.table.{paging.at}",
        choose="single",
    )
    paging.buttons(following, len(found))
    if not chosen:
        st.caption(say("insurer_page.choose"))
        return
    number = str(found[chosen[0]].id)
    if st.button(say("insurer_page.open", number=number), icon=":material/open_in_full:"):
        go("insurer", id=number)


def listing_of(told: Mapping[str, Any]) -> dict[str, Any]:
    """A list as a row of a table.

    Args:
        told: as :func:`grouper.service.insurer_answers.batch_out` tells it.
    """
    due = told["due"]
    return {
        "list": address("insurer", id=str(told["id"])),
        "at": moment(datetime.fromisoformat(told["at"])),
        "list_name": told["name"],
        "list_due": deadline(datetime.fromisoformat(due)) if due else say("insurer_page.no_due"),
        "rows": told["rows"],
        "unread": told["unread"],
        "count": told["findings"],
        "matched": told["matched"],
        "own": told["own"],
    }


def _one(view: View, number: int) -> None:
    if st.button(say("insurer_page.back"), icon=":material/arrow_back:", type="tertiary"):
        go("insurer")
    try:
        told = shown(view.parts.database, number, audit_book(), view.lang)
    except ServiceError as error:
        if error.code != "FINDING_BATCH_UNKNOWN":
            raise
        st.warning(say("insurer_page.unknown", number=number), icon=":material/search_off:")
        return
    looked(view, "finding_batch_shown", f"finding_batch:{number}")
    st.subheader(say("insurer_page.title", number=number, name=plain(told["name"])), anchor=False)
    row = listing_of(told)
    st.caption(
        say("insurer_page.about", at=row["at"], actor=plain(told["actor"]), due=row["list_due"])
    )
    figures = {
        "findings": count(told["findings"]),
        "answered": count(told["findings"] - _waiting(told["states"])),
        "closed": count(told["closed"]),
        "matched": count(told["matched"]),
        "recall": _recall_of(told["recall"]),
    }
    for column, (name, value) in zip(st.columns(len(figures)), figures.items(), strict=True):
        column.metric(say(f"insurer_metric.{name}"), value)
    answering, download = st.columns(2)
    if answering.button(
        say("insurer_page.answer"), icon=":material/checklist:", type="primary", width="stretch"
    ):
        go("findings", batch=str(number), every="1")
    download.download_button(
        say("insurer_page.answers"),
        data=partial(answered, view, number),
        file_name=f"{PurePath(told['name']).stem}-answers.xlsx",
        mime=_XLSX,
        icon=":material/download:",
        on_click="ignore",
        width="stretch",
    )
    _said_of(told)
    _states(told["states"])
    _kept_back(told["kept_back"], f"insurer.kept.{number}")
    _recall(told["recall"])


def _waiting(states: Sequence[Mapping[str, Any]]) -> int:
    """Findings that nobody has given an opinion on."""
    known = state_table()
    return sum(one["findings"] for one in states if known[one["state"]].stage in _BEGUN)


def _states(states: Sequence[Mapping[str, Any]]) -> None:
    st.subheader(say("insurer_page.states"), anchor=False)
    rows = [{"state": one["name"], "count": one["findings"]} for one in states]
    table(rows, {"state": "text", "count": "count"}, alt=say("insurer_page.states"))


def _kept_back(kept: Sequence[Mapping[str, Any]], key: str) -> None:
    if not kept:
        return
    st.subheader(say("insurer_page.kept_back"), anchor=False)
    st.caption(say("insurer_page.kept_back_about"))
    start, size = int(turned(key) or 0), sizes()["kept_back"]
    here = kept[start : start + size]
    rows = [{"sheet": one["sheet"], "place": one["row"], "reason": one["text"]} for one in here]
    columns = {"sheet": "text", "place": "count", "reason": "text"}
    table(rows, columns, alt=say("insurer_page.kept_back"))
    turner(key, str(start + size) if start + size < len(kept) else None)


def _recall(rows: Sequence[Mapping[str, Any]]) -> None:
    st.subheader(say("insurer_page.recall"), anchor=False)
    st.caption(say("insurer_page.recall_about"))
    told = [
        {"rule_name": say("insurer_page.all") if one["rule"] is None else one["name"]}
        | {"count": one["findings"]}
        | {f"seen_{name}": one[name] for name in _RECALL}
        for one in rows
    ]
    columns = {"rule_name": "text", "count": "count"}
    columns |= {f"seen_{name}": "count" for name in _RECALL}
    table(told, columns, alt=say("insurer_page.recall"))


def _recall_of(rows: Sequence[Mapping[str, Any]]) -> str:
    every = [one for one in rows if one["rule"] is None]
    told = every[0]["recall"] if every else None
    return share(None if told is None else Decimal(told))


def answered(view: View, number: int) -> bytes:
    """The list in its own columns with the answers, when it is asked for; the look is logged.

    Raises:
        ServiceError: ``FINDING_BATCH_UNKNOWN``.
        StoreError: ``STORE_UNAVAILABLE``.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "answers.xlsx"
        answers(view.parts.database, number, path, view.lang)
        held = path.read_bytes()
    entry = Entry(view.principal.name, "finding_batch_answered", f"finding_batch:{number}")
    write_looks(view.parts.database, [entry])
    return held
