"""Files of evidence: handed in with a check, given out as downloads; each look is logged."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from dashboards.app_pages.auditing.acting import act
from dashboards.app_pages.auditing.tables import moment
from dashboards.frame.language import say
from dashboards.frame.rows import plain
from grouper.audit.review.evidence import endings
from grouper.audit.review.tables import limits
from grouper.service.access.principal import Right
from grouper.service.audit_queue import Entry
from grouper.service.finding_evidence import attach, read
from grouper.service.findings import asker_of
from grouper.service.stored import write_looks
from grouper.store.schema import now

if TYPE_CHECKING:
    from dashboards.frame.view import View
    from grouper.service.access.principal import Principal
    from grouper.service.findings import Shown
    from grouper.store.finding_files import FileRow

_MEDIA = "application/octet-stream"
"""Never shown in the browser: whatever it is, it runs nowhere."""
_MEGABYTE = 2**20
_KILOBYTE = 1024


def evidence(view: View, shown: Shown) -> None:
    """The files of a finding, and a form for another one."""
    st.subheader(say("finding_files.title"), anchor=False)
    number = shown.listed.finding.id or 0
    for one in shown.files:
        st.download_button(
            say("finding_files.get", name=plain(one.name), size=max(1, one.size // _KILOBYTE)),
            data=partial(content, view, number, one),
            file_name=one.name,
            mime=_MEDIA,
            key=f"finding.file.{one.id}",
            icon=":material/download:",
            on_click="ignore",
            help=say("finding_files.by", actor=one.actor, at=moment(one.at)),
        )
    if not shown.files:
        st.caption(say("finding_files.nothing"))
    if not view.principal.may(Right.ANSWER):
        return
    figures = limits()
    # A new name empties the field once the file is there.
    key = f"finding.upload.{number}.{len(shown.files)}"
    with st.form(f"{key}.form", border=False):
        st.file_uploader(
            say("finding_files.choose"),
            type=sorted(endings()),
            max_upload_size=figures.most_bytes // _MEGABYTE,
            key=key,
        )
        st.form_submit_button(
            say("finding_files.add"),
            icon=":material/upload_file:",
            on_click=_add,
            args=(view, number, key),
        )


def content(view: View, number: int, file: FileRow) -> bytes:
    """A file when it is asked for; the look is on disk before it is given out.

    The guard lets no download through without a session; reach is asked once more here.

    Raises:
        ServiceError: ``FINDING_UNKNOWN``: out of reach by now.
        StoreError: ``STORE_UNAVAILABLE``.
    """
    principal = view.principal
    _, held = read(view.parts.database, asker_of(principal), number, file.id)
    entry = Entry(principal.name, "finding_file_shown", f"finding:{number}", {"file": file.id})
    write_looks(view.parts.database, [entry])
    return held


def _add(view: View, number: int, key: str) -> None:
    given = st.session_state.get(key)

    def doing(principal: Principal) -> str:
        name, held = ("", b"") if given is None else (given.name, given.getvalue())
        _, fresh = attach(view.parts.database, asker_of(principal), number, name, held, now())
        return say("finding_files.added" if fresh else "finding_files.known")

    act(view, Right.ANSWER, doing)
