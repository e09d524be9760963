"""The rule rows of a book, parsed, each with its place in the official sheet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from codebooks.book import RULE_TABLES
from codebooks.errors import Where
from codebooks.findings import Finding, Severity
from codebooks.messages import text
from grouper.rules.parser import RuleSyntaxError, parse

if TYPE_CHECKING:
    from codebooks.book import SchemeBook
    from grouper.rules.ast import Expr


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


@dataclass(frozen=True, slots=True)
class RuleRow:
    """One row of ``mdc``, ``adrg`` or ``drg``.

    Attributes:
        table: which of the three.
        code: the group's code.
        name: its name, may be empty.
        mdc: the MDC it stands in (an MDC row: its own code).
        parent: the scope it is tried in: nothing, (MDC,) or (MDC, ADRG).
        number: the official sheet's row, else the row's number in the table.
        rule: the tree; None is the empty rule.
        broken: the text could not be read, so nothing is known about the rule.
    """

    table: str
    code: str
    name: str
    mdc: str
    parent: tuple[str, ...]
    number: int
    rule: Expr | None
    broken: bool = False

    def where(self, column: str = "rule") -> Where:
        """The row's place; ``column`` as in :func:`place`."""
        return place(self.table, self.number, column)


def read_rows(book: SchemeBook) -> tuple[dict[str, list[RuleRow]], list[Finding]]:
    """Parse every rule of a book.

    Returns:
        The rows of each rule table in the order of evaluation, and an error for each rule that
        is not in the language (under the code of the syntax error).
    """
    rows: dict[str, list[RuleRow]] = {}
    findings: list[Finding] = []
    for table in RULE_TABLES:
        rows[table] = []
        for number, raw in enumerate(book.rows(table), 1):
            line = raw.get("source_row") or number
            rule, broken = None, False
            try:
                rule = parse(raw["rule"] or "", place(table, line, "rule"))
            except RuleSyntaxError as error:
                broken = True
                findings.append(Finding(error.code, Severity.ERROR, error.where, error.params))
            parent = {
                "mdc": (),
                "adrg": (raw["mdc"],),
                "drg": (raw["mdc"], raw.get("adrg")),
            }[table]
            name = raw["name"] or ""
            rows[table].append(
                RuleRow(table, raw[table], name, raw["mdc"], parent, line, rule, broken)
            )
    return rows, findings
