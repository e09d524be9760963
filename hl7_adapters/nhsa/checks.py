"""The field tables held against a message: required, type, length, code list, principal entry."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from hl7_adapters.nhsa.body import Json, Number, parse
from hl7_adapters.nhsa.findings import Finding, Severity, harmless
from hl7_adapters.nhsa.messages import blank, understand
from hl7_adapters.nhsa.roles import APART, MAIN, doubtful, role_of
from hl7_adapters.nhsa.tables import load_tables
from hl7_adapters.nhsa.value_checks import check_value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hl7_adapters.nhsa.messages import Message, Row
    from hl7_adapters.nhsa.tables import FieldRule, Node, Tables


def check(
    content: bytes | str | Mapping[str, Any],
    transaction: str = "",
    dialect: str | None = None,
    *,
    tables: Tables | None = None,
) -> list[Finding]:
    """Hold a message, or only its nodes, against the field tables.

    Args:
        content: bytes or text of JSON, or the object itself; values as text, numbers or dates.
        transaction: which it is; empty: its ``infno`` or its nodes tell.
        dialect: whose tables; None: the one that fits best.
        tables: with a hospital's own rows; by default the shipped ones.

    Returns:
        The findings in the order of the nodes, rows and fields. None of them keeps the message
        from being taken.

    Raises:
        IntakeError: as :meth:`hl7_adapters.nhsa.form.NhsaForm.understand`.
    """
    if isinstance(content, str):
        content = content.encode("utf-8", "surrogatepass")
    body = plain(content) if isinstance(content, Mapping) else parse(content)
    tables = tables or load_tables()
    return check_message(understand(body, tables, transaction=transaction, dialect=dialect), tables)


def plain(value: Any) -> Json:  # noqa: ANN401 -- whatever a caller's object holds
    """A Python value as :func:`hl7_adapters.nhsa.body.parse` gives it."""
    if isinstance(value, Mapping):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, date):
        return value.isoformat()
    return Number(f"{value:f}" if isinstance(value, Decimal) else value)


def check_message(message: Message, tables: Tables) -> list[Finding]:
    """:func:`check` for a message that is understood already."""
    return list(_Check(message, tables).findings())


def unknown_codes(message: Message, tables: Tables) -> tuple[tuple[str, str], ...]:
    """(place, value) of the codes that no list knows; they are kept as they are."""
    found = _Check(message, tables)
    return tuple(
        (message.place(node.name, name, at), value)
        for node, rows in found.nodes()
        for at, row in rows
        for name, value in row.items()
        if value is not None and found.unknown_code(node.name, name, value)
    )


class _Check:
    def __init__(self, message: Message, tables: Tables) -> None:
        self.message, self.tables = message, tables
        self.rules = tables.fields(message.transaction, message.dialect)

    def nodes(self) -> Iterator[tuple[Node, list[tuple[int, Row]]]]:
        """The nodes that are there, each with its numbered rows (0: it is no list)."""
        for name, node in self.tables.nodes[self.message.transaction].items():
            if name in self.message.nodes:
                rows = self.message.rows(name)
                yield node, [(at if node.many else 0, row) for at, row in enumerate(rows, 1)]

    def findings(self) -> Iterator[Finding]:
        for path in self.message.rest:
            yield self._finding("", "", 0, "NODE_UNKNOWN", Severity.WARNING, place=path)
        for name, node in self.tables.nodes[self.message.transaction].items():
            if node.head and not self.message.rows(name):
                yield self._finding(name, "", 0, "NODE_MISSING", Severity.ERROR)
        for node, rows in self.nodes():
            for at, row in rows:
                yield from self._row(node, at, row)
            yield from self._strangers(node.name)
        yield from self._principals()

    def _finding(
        self,
        node: str,
        name: str,
        row: int,
        reason: str,
        severity: Severity,
        value: str | None = None,
        limit: str = "",
        place: str = "",
    ) -> Finding:
        rule = self.rules.get((node, name))
        return Finding(
            node=node,
            row=row,
            field=name,
            name=rule.name if rule else "",
            reason=reason,
            severity=severity,
            value=harmless(value, may_show=rule is not None and rule.open),
            limit=limit,
            place=place or self.message.place(node, name, row),
        )

    def _row(self, node: Node, at: int, row: Row) -> Iterator[Finding]:
        for (owner, name), rule in self.rules.items():
            if owner != node.name:
                continue
            value = row.get(name)
            if value is None or blank(value):
                if rule.required:
                    yield self._finding(owner, name, at, "REQUIRED", Severity.ERROR)
                continue
            yield from self._value(rule, at, value)
        code = self._code_field(node)
        if code and isinstance(row.get(code), Number):
            yield self._finding(
                node.name, code, at, "CODE_AS_NUMBER", Severity.ERROR, row.get(code)
            )

    def _value(self, rule: FieldRule, at: int, value: str) -> Iterator[Finding]:
        for reason, severity, limit in check_value(value, rule):
            yield self._finding(rule.node, rule.field, at, reason, severity, value, limit)
        if self.unknown_code(rule.node, rule.field, value):
            yield self._finding(
                rule.node, rule.field, at, "CODE_UNKNOWN", Severity.WARNING, value, rule.list
            )

    def unknown_code(self, node: str, name: str, value: str) -> bool:
        """Whether a field has a code list and the list does not know the value."""
        rule = self.rules.get((node, name))
        if rule is None or not rule.list or blank(value):
            return False
        return value.strip() not in self.tables.roles(rule.list, self.message.dialect)

    def _strangers(self, node: str) -> Iterator[Finding]:
        for name in self.message.strangers.get(node, ()):
            place = f"{self.message.place(node)}.{name}"
            yield self._finding(node, name, 0, "FIELD_UNKNOWN", Severity.WARNING, place=place)

    def _code_field(self, node: Node) -> str:
        if node.holds not in ("dx", "px"):
            return ""
        meanings = self.tables.meanings(self.message.transaction, node.name)
        return next(m.field for m in meanings if m.to == "code")

    def _principals(self) -> Iterator[Finding]:
        for name, node in self.tables.nodes[self.message.transaction].items():
            field = self._code_field(node)
            if not field:
                continue
            rows = self.message.rows(name)
            for at, row in enumerate(rows, 1):
                if doubtful(self.message, name, row, self.tables):
                    yield self._finding(
                        name, field, at, "TYPE_DOUBTFUL", Severity.WARNING, row.get(field)
                    )
            roles = [role_of(self.message, name, row, self.tables) for row in rows]
            mains = [at for at, role in enumerate(roles, 1) if role == MAIN]
            stand = any(role not in APART for role in roles)
            whole = self.message.transaction in self.tables.whole
            if not mains and (stand or (node.holds == "dx" and whole)):
                yield self._finding(name, "", 0, "MAIN_MISSING", Severity.ERROR)
            for at in mains[1:]:
                yield self._finding(name, field, at, "MAIN_TWICE", Severity.ERROR)
