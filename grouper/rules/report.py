"""Findings of the check, in short: severity, place in the official sheet, values for the words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebooks.errors import Where
from codebooks.findings import Finding, Severity
from codebooks.messages import text

if TYPE_CHECKING:
    from collections.abc import Iterable

_SHOWN = 8
"""Examples that a finding about many names shows."""


def error(code: str, where: Where, /, **params: object) -> Finding:
    """What refuses the book."""
    return Finding(code, Severity.ERROR, where, params)


def warning(code: str, where: Where, /, **params: object) -> Finding:
    """What is likely a mistake."""
    return Finding(code, Severity.WARNING, where, params)


def note(code: str, where: Where, /, **params: object) -> Finding:
    """What is good to know."""
    return Finding(code, Severity.NOTE, where, params)


def place(table: str, row: int | None = None, column: str | None = None) -> Where:
    """A place in a table of a book, in the words of the official sheets.

    Args:
        table: a name of :data:`codebooks.book.TABLES`, or ``card``.
        row: the sheet's row.
        column: ``rule``, ``code`` or ``parent``; on the card the field itself.
    """
    sheet = text(f"rule_check.sheet.{table}")
    if column is not None and table != "card":
        column = text(f"rule_check.column.{column}")
    return Where(sheet=sheet, row=row, column=column)


def shorten(names: Iterable[str]) -> str:
    """Some of many names, for a finding's words."""
    listed = list(names)
    return ", ".join(listed[:_SHOWN]) + (" …" if len(listed) > _SHOWN else "")
