"""What was sent before, in national names: the ground that a Case is written onto."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grouper.case.fields import FIELDS
from grouper.intake.record import entries
from hl7_adapters.nhsa.case_values import case_value, write_value
from hl7_adapters.nhsa.messages import Message

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hl7_adapters.nhsa.messages import Row
    from hl7_adapters.nhsa.tables import Node, Tables

_PERSON = "person."


def base_of(
    record: Mapping[str, Any],
    person: Mapping[str, Any],
    transaction: str,
    dialect: str,
    tables: Tables,
) -> Message:
    """The nodes that a running record and the person's details give.

    Args:
        record: see :mod:`grouper.intake.record`.
        person: as :attr:`grouper.intake.event.Event.person`; empty where the reader may not see it.
        transaction: what is to be written.
        dialect: how; codes of another dialect become those of the same meaning.
        tables: names and nodes.
    """
    ground = _Ground(record, person, tables, transaction, dialect)
    nodes = {
        name: rows
        for name, node in tables.nodes[transaction].items()
        if (rows := tuple(ground.many(node) if node.many else ground.single(node)))
    }
    return Message(transaction, dialect, {}, nodes)


class _Ground:
    def __init__(
        self,
        record: Mapping[str, Any],
        person: Mapping[str, Any],
        tables: Tables,
        transaction: str,
        dialect: str,
    ) -> None:
        self.record, self.person, self.tables = record, person, tables
        self.transaction, self.dialect = transaction, dialect
        self.family = tables.families[transaction]
        self.extra = {name: value for name, (value, _) in record.get("extra", {}).items()}
        self.source = self.extra.get(f"{self.family}.dialect", dialect)
        self.rules = tables.fields(transaction, dialect)

    def many(self, node: Node) -> list[Row]:
        kept = self.extra.get(f"{self.family}.{node.name}")
        rows: list[Row] = [
            {name: self._translated(node, name, value) for name, value in row.items()}
            for row in (kept if isinstance(kept, list) else [])
        ]
        return self._entries(node) + rows if node.holds in ("dx", "px") else rows

    def single(self, node: Node) -> list[Row]:
        by_person = {
            m.field: m.to.removeprefix(_PERSON)
            for m in self.tables.meanings(self.transaction, node.name)
            if m.to.startswith(_PERSON)
        }
        row: Row = {}
        for owner, field in self.rules:
            value = self.extra.get(f"{self.family}.{node.name}.{field}")
            if value is None:
                value = self.person.get(by_person.get(field, field))
            if owner == node.name and value is not None:
                row[field] = self._translated(node, field, str(value))
        return [row] if row else []

    def _translated(self, node: Node, field: str, value: str) -> str:
        rule = self.rules.get((node.name, field))
        if rule is None or not rule.list:
            return value
        return self.tables.translate(rule.list, value, self.source, self.dialect)

    def _entries(self, node: Node) -> list[Row]:
        by: dict[str, str] = {}
        for meaning in self.tables.meanings(self.transaction, node.name):
            if (node.name, meaning.field) in self.rules:
                by.setdefault(meaning.to, meaning.field)
        found: list[Row] = []
        for item in entries(self.record, node.holds):
            row: Row = {by["code"]: item["code"]}
            for name, value in item["about"].items():
                field = by.get(name, name)
                rule = self.rules.get((node.name, field))
                if rule is not None:
                    text = self._translated(node, field, str(value))
                    held = case_value(name, text) if name in FIELDS else None
                    # A day may come from a field that states the time as well.
                    shorter = rule.type == "date" and held is not None
                    row[field] = write_value(held, rule)[0] if shorter else text
            found.append(row)
        return found
