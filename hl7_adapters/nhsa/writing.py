"""A Case as nodes of a settlement list or front page, checked, for the hospital to upload."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from codebooks.errors import GrouperError
from codebooks.places import code_of
from grouper.case.fields import FIELDS
from hl7_adapters.nhsa.bases import base_of
from hl7_adapters.nhsa.case_values import case_value, envelope_of, insured_place, write_value
from hl7_adapters.nhsa.checks import check_message
from hl7_adapters.nhsa.durations import hours_written
from hl7_adapters.nhsa.identity import INSURED, PLACE
from hl7_adapters.nhsa.messages import Message, Row, blank, understand
from hl7_adapters.nhsa.options import Options
from hl7_adapters.nhsa.reading import StayReader
from hl7_adapters.nhsa.sums import SCOPE, SUM, amount_of, parts_of, split, total
from hl7_adapters.nhsa.tables import load_tables
from hl7_adapters.nhsa.writing_codes import COMPANIONS, CodeWriter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grouper.case.record import Case
    from hl7_adapters.nhsa.findings import Finding
    from hl7_adapters.nhsa.tables import Meaning, Node, Tables

_APART = ("case_id", "person", "hospital", "code_system")
_OWN = "C"
"""The class of what stands outside the catalogue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Nodes that were written.

    Attributes:
        message: in national names; its head holds what the Case states of the envelope (place of
            treatment, insured place), the caller adds the rest.
        nodes: as the dialect spells them, ready for ``input``.
        unwritten: fields of the Case that hold something for which the transaction has no place,
            or only part of it (a time where a date stands).
        findings: of the check over the output.
    """

    message: Message
    nodes: Mapping[str, Any]
    unwritten: tuple[str, ...]
    findings: tuple[Finding, ...]


def write_case(
    case: Case,
    transaction: str,
    dialect: str = "",
    *,
    record: Mapping[str, Any] | None = None,
    person: Mapping[str, Any] | None = None,
    tables: Tables | None = None,
) -> Written:
    """Write a Case.

    Args:
        case: the case.
        transaction: ``4101``, ``4101A`` or ``4401``.
        dialect: how it is spelled and checked.
        record: its running record: what a Case has no field for comes from there.
        person: details of the person, for those who may see them.
        tables: with a hospital's own rows; by default the shipped ones.

    Raises:
        GrouperError: ``NHSA_NOT_WRITTEN``.
    """
    tables = tables or load_tables()
    if transaction not in tables.whole:
        raise GrouperError(
            "NHSA_NOT_WRITTEN", found=transaction, known=", ".join(sorted(tables.whole))
        )
    base = base_of(record or {}, person or {}, transaction, dialect, tables)
    return write_onto(case, base, tables)


def write_onto(case: Case, base: Message, tables: Tables, *, since: Case | None = None) -> Written:
    """Write a Case onto nodes.

    Args:
        case: the case.
        base: nodes in national names; a value that already says what the Case says stays as it is
            written.
        tables: names, types and codes.
        since: the Case of ``base``; what is the same in both is left alone, so that what was
            derived (an age) is not written as if it had been stated.
    """
    writer = _Writer(case, base, tables, since)
    message = writer.message()
    spelled = _spelled(message, tables)
    output = understand(spelled, tables, transaction=message.transaction, dialect=message.dialect)
    findings = tuple(check_message(output, tables))
    return Written(message=message, nodes=spelled, unwritten=writer.unwritten(), findings=findings)


class _Writer:
    def __init__(self, case: Case, base: Message, tables: Tables, since: Case | None) -> None:
        self.case, self.base, self.tables, self.since = case, base, tables, since
        self.rules = tables.fields(base.transaction, base.dialect)
        self.placed: set[str] = set()
        self.lost: set[str] = set()

    def message(self) -> Message:
        nodes: dict[str, tuple[Row, ...]] = {}
        for name, node in self.tables.nodes[self.base.transaction].items():
            rows = self._rows(node)
            if rows or name in self.base.nodes:
                nodes[name] = tuple(rows)
        return Message(
            self.base.transaction,
            self.base.dialect,
            self._head(),
            nodes,
            self.base.rest,
            self.base.strangers,
            self.base.spelled,
        )

    def _head(self) -> dict[str, str]:
        """The fields around the nodes: the place of treatment stands nowhere else."""
        found, stated = dict(self.base.head), envelope_of(self.case)
        for to, name in (("region", PLACE), ("insured_region", INSURED)):
            if self._changed(to):
                found.pop(name, None)
                if name in stated:
                    found[name] = stated[name]
                    self.placed.add(to)
        return found

    def _value(self, to: str) -> Any:  # noqa: ANN401 -- the field's own type
        """What is to be written; of places their codes."""
        if to == "insured_region":
            return insured_place(self.case)
        value = getattr(self.case, to)
        return code_of(value or "") or value if to == "region" else value

    def unwritten(self) -> tuple[str, ...]:
        held = [
            name
            for name, field in FIELDS.items()
            if name not in _APART
            and name not in self.placed
            and self._changed(name)
            and getattr(self.case, name) not in (field.empty, None, ())
        ]
        return tuple(sorted({*held, *self.lost}))

    def _changed(self, *names: str) -> bool:
        return self.since is None or any(
            getattr(self.case, n) != getattr(self.since, n) for n in names
        )

    def _rows(self, node: Node) -> list[Row]:
        rows = [dict(row) for row in self.base.rows(node.name)]
        if node.holds in COMPANIONS:
            return self._codes(node, rows)
        if node.holds == "icu":
            return self._icu(node, rows)
        if node.holds == "items":
            return self._items(node, rows)
        if node.many:
            self._stated(node, rows)
            return rows
        row = rows[0] if rows else {}
        self._single(node, row)
        self._parts(node, row)
        return [row] if row else []

    def _codes(self, node: Node, rows: list[Row]) -> list[Row]:
        names = (node.holds, *COMPANIONS[node.holds])
        self.placed |= set(names)
        if not self._changed(*names):
            return rows
        found, lost = CodeWriter(self.base, node, self.tables).rows(self.case)
        self.lost |= set(lost)
        return found

    def _single(self, node: Node, row: Row) -> None:
        by: dict[str, list[str]] = {}
        for meaning in self.tables.meanings(self.base.transaction, node.name):
            if meaning.to in FIELDS and (node.name, meaning.field) in self.rules:
                by.setdefault(meaning.to, []).append(meaning.field)
        taken: set[str] = set()
        for to, fields in by.items():
            self.placed.add(to)
            if not self._changed(to) or self._summed(to):
                continue
            free = [name for name in fields if name not in taken]
            if not free:
                self._shared(row, to, fields)
                continue
            self._field(node.name, row, to, free)
            taken |= set(free) if self._value(to) is not None else set()

    def _summed(self, to: str) -> bool:
        """Whether a list of the base states the value, by its sum, before the field does."""
        for node in self.tables.nodes[self.base.transaction].values():
            meanings = self.tables.meanings(self.base.transaction, node.name) if node.many else ()
            fields = [m.field for m in parts_of(meanings, SUM).get(to, ())]
            stated = total(self.base.rows(node.name), fields)
            if stated is not None and stated == getattr(self.case, to):
                return True
        return False

    def _shared(self, row: Row, to: str, fields: list[str]) -> None:
        """A value whose fields state another one of the Case, which goes before, is lost if other."""
        stated = next((row[name] for name in fields if not blank(row.get(name))), None)
        value = self._value(to)
        if value is not None and case_value(to, stated) != value:
            self.lost.add(to)

    def _parts(self, node: Node, row: Row) -> None:
        """Amounts that two fields state together: the first is what the others leave of it."""
        meanings = self.tables.meanings(self.base.transaction, node.name)
        for to, stated in parts_of(meanings, SUM).items():
            fields = [m.field for m in stated if (node.name, m.field) in self.rules]
            if not fields or not self._changed(to):
                continue
            self.placed.add(to)
            value = getattr(self.case, to)
            if value is None or total([row], fields) == value:
                continue
            others = [amount_of(row.get(name)) for name in fields[1:]]
            left = value - sum((other or Decimal(0) for other in others), Decimal(0))
            if None in others or left < 0:
                self.lost.add(to)
            else:
                row[fields[0]] = f"{left:.2f}"

    def _stated(self, node: Node, rows: list[Row]) -> None:
        """Sums of a list, which no Case splits into its rows: they are there already, or are lost."""
        meanings = self.tables.meanings(self.base.transaction, node.name)
        for to, parts in parts_of(meanings, SUM).items():
            if to in self.placed or not self._changed(to):
                continue
            self.placed.add(to)
            value = getattr(self.case, to)
            if value is not None and total(rows, [m.field for m in parts]) != value:
                self.lost.add(to)

    def _field(self, node: str, row: Row, to: str, fields: list[str]) -> None:
        value = self._value(to)
        stated = next((name for name in fields if not blank(row.get(name))), None)
        before = None if stated is None else case_value(to, row[stated])
        if before == value:
            return
        # Empty, not left out: a list of differences tells what was taken away.
        row |= dict.fromkeys((name for name in fields if name in row), "")
        if value is None:
            return
        text, exact = write_value(value, self.rules[node, fields[0]])
        if text:
            row[fields[0]] = text
        if not exact:
            self.lost.add(to)

    def _icu(self, node: Node, rows: list[Row]) -> list[Row]:
        self.placed.add("icu_hours")
        if not self._changed("icu_hours") or self._says(node, rows, "icu_hours"):
            return rows
        by = {m.to: m.field for m in self.tables.meanings(self.base.transaction, node.name)}
        hours = self.case.icu_hours
        written = None if hours is None else hours_written(hours)
        if not rows and written and "duration" in by:
            return [{by["duration"]: written}]
        if hours is not None or rows:
            # Which of several stays in intensive care is meant cannot be told from their sum.
            self.lost.add("icu_hours")
        return rows

    def _items(self, node: Node, rows: list[Row]) -> list[Row]:
        found = self._total(node, rows)
        meanings = self.tables.meanings(self.base.transaction, node.name)
        for to, parts in parts_of(meanings, SUM).items():
            # Its own field states it as well; but the items would deny it.
            stated = total(found, [m.field for m in parts])
            if stated is not None and self._changed(to) and stated != getattr(self.case, to):
                self.lost.add(to)
        return found

    def _total(self, node: Node, rows: list[Row]) -> list[Row]:
        cost = self.case.total_cost
        if "total_cost" in self.placed or not self._changed("total_cost") or cost is None:
            return rows
        self.placed.add("total_cost")
        if self._says(node, rows, "total_cost"):
            return rows
        meanings = self.tables.meanings(self.base.transaction, node.name)
        sums = self._sums()
        if not rows and sums is not None:
            amounts = {name: sum(scoped.values(), Decimal(0)) for name, scoped in sums.items()}
            if sum(amounts.values(), Decimal(0)) == cost:
                return self._itemised(meanings, sums, amounts)
        self.lost.add("total_cost")
        return rows

    def _itemised(
        self,
        meanings: tuple[Meaning, ...],
        sums: dict[str, dict[str, Decimal]],
        amounts: dict[str, Decimal],
    ) -> list[Row]:
        by = {m.to: m.field for m in meanings}
        rows: list[Row] = [
            {by["class"]: name, by["amount"]: f"{amounts[name]:.2f}"} for name in sorted(sums)
        ]
        own = sum((scoped.get(_OWN, Decimal(0)) for scoped in sums.values()), Decimal(0))
        agreed = self.case.own_cost is None or self.case.own_cost == own
        # Split by the classes of the catalogue where each line has one, and the whole agrees.
        parts = parts_of(meanings, SCOPE)
        if not agreed or any(scope not in parts for scoped in sums.values() for scope in scoped):
            return rows
        return [{**row, **split(parts, sums[str(row[by["class"]])])} for row in rows]

    def _sums(self) -> dict[str, dict[str, Decimal]] | None:
        """The charge lines by class and by scope ("": not said); None: a class or amount lacks."""
        case, found = self.case, dict[str, dict[str, Decimal]]()
        count = len(case.line_class)
        if not count or count != len(case.line_amount):
            return None
        scopes = case.line_scope if len(case.line_scope) == count else (None,) * count
        for name, amount, scope in zip(case.line_class, case.line_amount, scopes, strict=True):
            if name is None or amount is None:
                return None
            scoped = found.setdefault(name, {})
            scoped[scope or ""] = scoped.get(scope or "", Decimal(0)) + amount
        return found

    def _says(self, node: Node, rows: list[Row], name: str) -> bool:
        """Whether the rows already say what the Case does."""
        alone = Message(self.base.transaction, self.base.dialect, {}, {node.name: tuple(rows)})
        facts = StayReader(alone, self.tables, Options()).event().facts
        return bool(case_value(name, facts.get(name)) == getattr(self.case, name))


def _spelled(message: Message, tables: Tables) -> dict[str, Any]:
    write = tables.spelling(message.transaction, message.dialect).write
    found: dict[str, Any] = {}
    for node, rows in message.nodes.items():
        spelled = [
            {
                write.get((node, name), name): value
                for name, value in row.items()
                if not blank(value)
            }
            for row in rows
        ]
        many = tables.nodes[message.transaction][node].many
        if many or spelled:
            found[write.get((node, ""), node)] = spelled if many else spelled[0]
    return found
