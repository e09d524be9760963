"""The rule rows of a book, parsed, each with its place in the official sheet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from codebooks.book import RULE_TABLES, is_fallback
from codebooks.findings import Finding, Severity
from grouper.rules.parser import RuleSyntaxError, parse
from grouper.rules.report import place

if TYPE_CHECKING:
    from codebooks.book import SchemeBook
    from codebooks.errors import Where
    from grouper.rules.ast import Expr


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
        fallback: whether the row is the unnamed catch-all of its scope.
        broken: the text could not be read, so nothing is known about the rule.
    """

    table: str
    code: str
    name: str
    mdc: str
    parent: tuple[str, ...]
    number: int
    rule: Expr | None
    fallback: bool = False
    broken: bool = False

    @property
    def path(self) -> tuple[str, ...]:
        """The scope and the code: what the rows under it name as their parent."""
        return (*self.parent, self.code)

    def where(self, column: str = "rule") -> Where:
        """The row's place; ``column`` as in :func:`grouper.rules.report.place`."""
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
            rows[table].append(
                RuleRow(
                    table=table,
                    code=raw[table],
                    name=raw["name"] or "",
                    mdc=raw["mdc"],
                    parent=parent,
                    number=line,
                    rule=rule,
                    fallback=is_fallback(table, raw),
                    broken=broken,
                )
            )
    return rows, findings
