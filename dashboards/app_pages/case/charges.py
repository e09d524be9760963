"""The charges of a case: by class, and line by line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from codebooks.messages import catalogue
from dashboards.app_pages.case_rows import local_time
from dashboards.app_pages.office_sizes import sizes
from dashboards.frame.figures import count, yuan
from dashboards.frame.language import say
from dashboards.frame.looks import looked
from dashboards.frame.rows import Column, table, turned, turner
from grouper.service.stored import lines_of
from grouper.service.stored_changes import classes_of

if TYPE_CHECKING:
    from dashboards.frame.view import View
    from grouper.service.stored import Stay

_RIGHT = frozenset({"quantity", "amount"})


def show(view: View, stay: Stay) -> None:
    """Show the tab."""
    key = f"case.lines.{stay.case_id}.{stay.version}"
    start = int(turned(key) or 0)
    found = lines_of(view.parts.database, stay, start, sizes().lines + 1)
    looked(view, "case_lines_shown", f"case:{stay.case_id}", {"version": stay.version})
    if not found:
        st.info(say("case_charges.none"), icon=":material/info:")
        return
    lang = view.lang
    st.subheader(say("case_charges.by_class"), anchor=False)
    table(
        [
            Column(say("case_charges.class")),
            Column(say("case_charges.lines"), right=True),
            Column(say("case_charges.amount"), right=True),
        ],
        [
            (_class(one.name, lang), count(one.lines), yuan(one.amount, lang))
            for one in classes_of(stay.case)
        ],
    )
    st.subheader(say("case_charges.each"), anchor=False)
    names = ("charged", "item", "name", "class", "quantity", "amount")
    table(
        [
            Column(say(f"case_charges.{one}"), right=one in _RIGHT, short=one != "name")
            for one in names
        ],
        [
            (
                local_time(one["charged"]),
                one["item"],
                one["name"],
                _class(one["class"], lang),
                None if one["quantity"] is None else f"{one['quantity']:f}",
                yuan(one["amount"], lang),
            )
            for one in found[: sizes().lines]
        ],
    )
    turner(key, str(start + sizes().lines) if len(found) > sizes().lines else None)


def _class(name: str | None, lang: str) -> str:
    """A class of the settlement list in words; what is none of it as it stands."""
    if name is None:
        return say("case_charges.no_class")
    return catalogue(lang).get(f"case_charges.of.{name.zfill(2)}", name)
