"""What the codes of a row say of it: principal, other, of Chinese medicine, void."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hl7_adapters.nhsa.messages import blank

if TYPE_CHECKING:
    from hl7_adapters.nhsa.messages import Message, Row
    from hl7_adapters.nhsa.tables import Tables

MAIN, OTHER, TCM, VOID, ASIDE = "main", "other", "tcm", "void", "aside"
APART = (VOID, ASIDE, TCM)
"""Rows of these roles are no entries of the case; they are kept beside it."""


def role_of(message: Message, node: str, row: Row, tables: Tables) -> str:
    """The role of a row; empty where its codes say nothing.

    What takes a row away from the list goes first; else the best ranked field that speaks. A
    diagnosis that is typed as Chinese medicine but has the form of a western code stays: the lists
    of types differ between provinces, and a code that were taken away would not be missed.
    """
    said = _said(message, node, row, tables)
    apart = [role for role in said if role in APART and not (role == TCM and western(row, tables))]
    return apart[0] if apart else next((role for role in said if role != TCM), "")


def doubtful(message: Message, node: str, row: Row, tables: Tables) -> bool:
    """Whether a row is typed as Chinese medicine although its code has the form of a western one."""
    return TCM in _said(message, node, row, tables) and western(row, tables)


def western(row: Row, tables: Tables) -> bool:
    """Whether the diagnosis of a row has the form of a western code."""
    return tables.western.fullmatch((row.get("diag_code") or "").strip()) is not None


def _said(message: Message, node: str, row: Row, tables: Tables) -> list[str]:
    return [
        role
        for meaning in tables.meanings(message.transaction, node)
        if meaning.to == "role"
        and (role := code_role(message, node, meaning.field, row.get(meaning.field), tables))
    ]


def code_role(message: Message, node: str, field: str, value: str | None, tables: Tables) -> str:
    """The role of the code in a field; empty for a code that plays none."""
    if value is None or blank(value):
        return ""
    rule = tables.fields(message.transaction, message.dialect).get((node, field))
    name = rule.list if rule is not None and rule.list else field
    return tables.roles(name, message.dialect).get(value.strip(), "")
