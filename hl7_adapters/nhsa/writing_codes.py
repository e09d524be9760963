"""Diagnoses and procedures of a Case as rows of a node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hl7_adapters.nhsa.case_values import case_value, write_value
from hl7_adapters.nhsa.messages import Message, Row, blank
from hl7_adapters.nhsa.roles import APART, code_role, role_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grouper.case.record import Case
    from hl7_adapters.nhsa.tables import FieldRule, Meaning, Node, Tables

COMPANIONS = {"dx": ("dx_poa",), "px": ("px_date", "px_level", "px_modifier")}
_PLAIN = ("western", "valid")
_ORDER = "srt_no"


@dataclass(frozen=True, slots=True)
class CodeWriter:
    """Writes the entries of one node.

    Attributes:
        base: what was there before, in national names; its rows keep what a Case does not hold.
        node: the node.
        tables: names, types and codes.
    """

    base: Message
    node: Node
    tables: Tables

    def rows(self, case: Case) -> tuple[list[Row], tuple[str, ...]]:
        """The rows, the principal entry first, and the names of what could not be written.

        Rows that are none of the case (Chinese medicine, void) follow as they were.
        """
        spare = list(self.base.rows(self.node.name))
        lost: set[str] = set()
        found: list[Row] = []
        for place, code in enumerate(getattr(case, self.node.holds)):
            if code is None:
                continue
            row = self._known(spare, code)
            row[self._field("code")] = code
            for name in COMPANIONS[self.node.holds]:
                self._companion(row, name, getattr(case, name), place, lost)
            self._role(row, place)
            found.append(row)
        return found + self._apart(), tuple(sorted(lost))

    def _apart(self) -> list[Row]:
        rows = self.base.rows(self.node.name)
        return [
            dict(r) for r in rows if role_of(self.base, self.node.name, r, self.tables) in APART
        ]

    def _meanings(self, to: str) -> Iterator[tuple[Meaning, FieldRule | None]]:
        rules = self.tables.fields(self.base.transaction, self.base.dialect)
        for meaning in self.tables.meanings(self.base.transaction, self.node.name):
            if meaning.to == to:
                yield meaning, rules.get((self.node.name, meaning.field))

    def _field(self, to: str) -> str:
        return next(meaning.field for meaning, _ in self._meanings(to))

    def _known(self, spare: list[Row], code: str) -> Row:
        """A copy of the row that stated this code before; each row serves once."""
        for row in spare:
            apart = role_of(self.base, self.node.name, row, self.tables) in APART
            if (row.get(self._field("code")) or "").strip() == code and not apart:
                spare.remove(row)
                return dict(row)
        return {}

    def _companion(
        self, row: Row, name: str, values: tuple[Any, ...], place: int, lost: set[str]
    ) -> None:
        value = values[place] if values else None
        stated = [m.field for m, _ in self._meanings(name) if not blank(row.get(m.field))]
        if case_value(name, row.get(stated[0]) if stated else None) == value:
            return
        row |= dict.fromkeys(stated, "")
        if value is None:
            return
        for meaning, rule in self._meanings(name):
            if rule is not None:
                row[meaning.field] = write_value(value, rule)[0]
                return
        lost.add(name)

    def _role(self, row: Row, place: int) -> None:
        wanted = "other" if place else "main"
        for meaning, rule in self._meanings("role"):
            name = rule.list if rule is not None and rule.list else meaning.field
            roles = self.tables.roles(name, self.base.dialect)
            if rule is None or not roles:
                continue
            if meaning.field.endswith(_ORDER):
                first = next(code for code, role in roles.items() if role == "main")
                row[meaning.field] = str(int(first) + place).zfill(len(first))
                continue
            fit = [r for r in (wanted,) if r in roles.values()] or list(_PLAIN)
            now = row.get(meaning.field)
            if code_role(self.base, self.node.name, meaning.field, now, self.tables) not in fit:
                chosen = next((code for code, role in roles.items() if role in fit), None)
                if chosen is not None:
                    row[meaning.field] = chosen
