"""The rule of a finding, with its source and the parameter row it was judged by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from codebooks.messages import catalogue
from dashboards.app_pages.auditing.tables import table
from dashboards.frame.language import say
from dashboards.frame.rows import plain
from grouper.service.finding_answers import rule_name
from grouper.service.finding_rules import book_named, parameters

if TYPE_CHECKING:
    from dashboards.frame.view import View
    from grouper.store.finding_rows import FindingRow


def rule(view: View, row: FindingRow) -> None:
    """Show the rule."""
    book = book_named(row.book)
    held = book.rules.get(row.rule)
    with st.expander(say("finding_rule.title")):
        if held is None:
            st.caption(
                say("finding_rule.unknown", rule=plain(rule_name(row.book, row.rule, view.lang)))
            )
            return
        told: list[tuple[str, Any]] = [
            (say("finding_rule.rule"), held.rule),
            (say("finding_rule.name"), held.name(view.lang)),
            (say("finding_rule.class"), say(f"audit_class.{held.class_}")),
            (say("finding_rule.standing"), say(f"audit_book_cli.standing.{held.standing}")),
            (say("finding_rule.note"), held.note),
            (say("finding_rule.source"), held.source),
            (say("finding_rule.book"), book.names[view.lang]),
        ]
        made = parameters(row.book, row.rule, row.row)
        if made is not None:
            told += [
                (_name(name, view.lang), value) for name, value in made.items() if name != "rule"
            ]
        rows = [{"what": what, "value": value} for what, value in told if value]
        table(rows, {"what": "text", "value": "text"}, alt=say("finding_rule.title"))
        if row.row is not None and made is None:
            st.caption(say("finding_rule.row_unknown", row=plain(row.row)))


def _name(column: str, lang: str) -> str:
    """A column of a parameter table in words; one without words as the table has it."""
    key = f"finding_row.{column}"
    return say(key) if key in catalogue(lang) else column
