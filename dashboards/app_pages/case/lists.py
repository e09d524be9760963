"""The settlement list that was sent last: what the field tables say, and where it differs from the case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from codebooks.messages import catalogue
from dashboards.frame.errors import shown
from dashboards.frame.language import say
from dashboards.frame.looks import looked
from dashboards.frame.rows import Column, say_plain, table
from grouper.service.problems import ServiceError
from grouper.service.sent_lists import sent_list

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dashboards.frame.view import View
    from grouper.service.stored import Stay

_MEDIA = "xlsx"


def show(view: View, stay: Stay) -> None:
    """Show the tab.

    Raises:
        GrouperError: the list cannot be read.
    """
    try:
        sent = sent_list(view.parts.database, stay.head)
    except ServiceError as error:
        st.info(shown(error, view.lang), icon=":material/info:")
        return
    about = f"case:{stay.case_id}"
    looked(view, "differences_shown", about)
    looked(view, "checks_shown", about)
    st.caption(say_plain("case_lists.sent", kind=sent.kind, message=sent.message_id))
    source = say("service.list_source", version=stay.version)
    _checks(view, sent.reviewer.checks(sent.raw, view.lang))
    found = sent.reviewer.differences(sent.raw, stay.case, source, view.lang)
    st.subheader(say("case_lists.differences"), anchor=False)
    if not found:
        st.success(say("case_lists.no_difference"), icon=":material/check_circle:")
        return
    table(
        _columns("name", "row", "original", "proposed", "words"),
        [
            (
                f"{one['name']} {one['field']}",
                str(one["row"]) if one["row"] else None,
                one["original"],
                one["proposed"],
                one["words"],
            )
            for one in found
        ],
    )
    content, media = sent.reviewer.document(sent.raw, stay.case, source, _MEDIA, view.lang)
    st.download_button(
        say("case_lists.download"),
        content,
        file_name=f"differences.{_MEDIA}",
        mime=media,
        icon=":material/download:",
        on_click=_taken,
        args=(view, about),
    )


def _taken(view: View, about: str) -> None:
    looked(view, "differences_shown", about, {"format": _MEDIA}, again=True)


def _checks(view: View, found: Any) -> None:  # noqa: ANN401 -- mappings of the form's own
    st.subheader(say("case_lists.checks"), anchor=False)
    if not found:
        st.success(say("case_lists.no_check"), icon=":material/check_circle:")
        return
    table(
        _columns("severity", "place", "words"),
        [(_severity(view, one), _place(one), one["words"]) for one in found],
    )


def _severity(view: View, one: Mapping[str, Any]) -> str:
    return catalogue(view.lang).get(f"case_lists.of.{one['severity']}", str(one["severity"]))


def _place(one: Mapping[str, Any]) -> str:
    return " ".join(str(one[name]) for name in ("node", "row", "field") if one.get(name))


def _columns(*names: str) -> list[Column]:
    return [Column(say(f"case_lists.column.{name}"), right=name == "row") for name in names]
