"""The group and why in three lines, what is missing or contradicts, and what each code did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import streamlit as st

from dashboards.frame.language import say
from dashboards.frame.rows import plain
from grouper.service.cds.markdown import escaped
from grouper.service.cds.tables import limits
from grouper.service.discharge import codings, remarks, why

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dashboards.frame.view import View
    from grouper.service.discharge import Coding, Discharge, Reason
    from grouper.service.stored import Stay

_LINES = 3
_GROUPED = "grouped"


def show(told: Discharge) -> None:
    """The group and why."""
    st.subheader(say("discharge.group"), anchor=False)
    with st.container(border=True):
        if told.document is None:
            st.markdown(f"**{say('discharge.no_scheme')}**")
            return
        show_result(told.document)
        rows = why(told.document)
        for one in rows[-_LINES:]:
            st.markdown(reason_line(one))
        if not rows:
            st.markdown(say("discharge.why_none"))
        st.caption(say("discharge.scheme", scheme=told.scheme))


def show_result(document: Mapping[str, Any]) -> None:
    """The group with its status, in the same look whatever the group."""
    result = document["result"]
    group, grouped = result["group"], result["status"] == _GROUPED
    named = f"{group['code']} {group['name']}" if group else say("discharge.no_group")
    icon = ":material/check_circle:" if grouped else ":material/error:"
    st.markdown(f"### {escaped(named)}")
    st.markdown(f"{icon} {escaped(result['status_text'])}")


def reason_line(one: Reason) -> str:
    """A reason as a line of Markdown."""
    found = ""
    if one.found:
        codes = say("correction.separator").join(escaped(code) for code in one.found)
        found = say("discharge.reason_found", codes=codes)
    named = escaped(f"{one.code} {one.name}".strip())
    words = escaped(one.words) if one.rule else say("discharge.no_more")
    return say("discharge.reason_line", named=named, words=words, found=found)


def show_remarks(view: View, stay: Stay, told: Discharge) -> None:
    """What is missing, contradicts or is unclear, and what to do."""
    st.subheader(say("discharge.remarks"), anchor=False)
    with st.container(border=True):
        found = remarks(told, stay.issues, view.lang)
        most = limits().items
        for one in found[:most]:
            st.markdown(f":material/warning: **{escaped(one.words)}**  \n{escaped(one.advice)}")
        if len(found) > most:
            st.caption(say("discharge.more", count=len(found) - most))
        if not found:
            st.markdown(f":material/check: {say('discharge.no_remarks')}")


def show_codings(document: Mapping[str, Any]) -> None:
    """All codes of the case with what each did."""
    with st.expander(say("discharge.counted"), icon=":material/format_list_bulleted:"):
        st.table(coding_table(codings(document)))


def coding_table(found: list[Coding]) -> pa.Table:
    """Codes and what they did, as people read them."""
    columns = {
        "kind": [say(f"discharge_kind.{one.kind}") for one in found],
        "code": [plain(one.code) or say("discharge.missing_code") for one in found],
        "name": [
            plain(one.name) or (say("discharge.unknown_name") if one.code else "") for one in found
        ],
        "role": [
            say(f"discharge_role.{one.role.value}", level=one.level, table=one.table)
            for one in found
        ],
    }
    return pa.table(
        {say(f"discharge.{name}"): pa.array(v, pa.string()) for name, v in columns.items()}
    )
