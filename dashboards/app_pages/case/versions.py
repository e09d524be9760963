"""The versions of a case: what each message changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from codebooks.messages import catalogue
from dashboards.app_pages.case_rows import local_time
from dashboards.app_pages.office_sizes import sizes
from dashboards.frame.labels import department, physician
from dashboards.frame.language import say
from dashboards.frame.looks import looked
from dashboards.frame.rows import Column, link, table
from grouper.service.stored import stay_of_case, versions_of
from grouper.service.stored_changes import changes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from dashboards.frame.view import View
    from grouper.service.stored import Stay
    from grouper.service.stored_changes import Change
    from grouper.store.groupings import GroupingRow


_NAMED: Mapping[str, Callable[[str | None], str]] = {
    "department": department,
    "admission_department": department,
    "physician": physician,
}
"""Fields whose codes the hospital names."""


def show(view: View, stay: Stay) -> None:
    """Show the tab."""
    found = versions_of(view.parts.database, stay.head)
    looked(view, "case_versions_shown", f"case:{stay.case_id}")
    shown = found[: sizes().versions]
    names = ("version", "at", "message", "group")
    table(
        [
            Column(say(f"case_versions.{one}"), right=one == "version", short=one != "group")
            for one in names
        ],
        [
            (
                link(
                    view,
                    str(one.version),
                    "case",
                    case_id=stay.case_id,
                    version=str(one.version),
                ),
                local_time(one.at),
                link(view, str(one.message_id), "messages", message=str(one.message_id)),
                _group(groupings),
            )
            for one, groupings in shown
        ],
    )
    if len(found) > len(shown):
        st.caption(say("case_versions.more", count=len(found) - len(shown)))
    numbers = [one.version for one, _ in shown if one.version > 1]
    if not numbers:
        st.caption(say("case_versions.one"))
        return
    chosen = st.selectbox(
        say("case_versions.choose"),
        numbers,
        format_func=lambda one: say("case_versions.pair", before=one - 1, after=one),
        key=f"case.pair.{stay.case_id}",
    )
    reach = view.principal.reach
    before, after = (
        stay_of_case(view.parts.database, stay.case_id, reach, one) for one in (chosen - 1, chosen)
    )
    _changes(view, changes(before.case, after.case))


def _changes(view: View, found: Sequence[Change]) -> None:
    if not found:
        st.info(say("case_versions.same"), icon=":material/drag_handle:")
        return
    words = catalogue(view.lang)
    table(
        [Column(say(f"case_versions.{one}")) for one in ("field", "before", "after")],
        [
            (
                say("case_versions.lines")
                if one.field == "line_item"
                else words.get(f"case.label.{one.field}", one.field),
                _value(one.before, one.field),
                _value(one.after, one.field),
            )
            for one in found
        ],
    )


def _group(groupings: Sequence[GroupingRow]) -> str | None:
    return next(
        (f"{one.group or ''} {one.group_name or ''}" for one in groupings if one.binding), None
    )


def _value(value: Any, field: str = "") -> str | None:  # noqa: ANN401 -- of any field
    if value is None:
        return None
    if field in _NAMED and isinstance(value, str):
        return _NAMED[field](value)
    if isinstance(value, tuple):
        return ", ".join(_value(one) or "—" for one in value)
    return local_time(value) if _is_time(value) else str(value)


def _is_time(value: datetime | object) -> bool:
    return hasattr(value, "tzinfo")
