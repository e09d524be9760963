"""A message about one stay as an event: facts, codes, and everything else by its path."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from codebooks.places import insured_of, region_of
from grouper.case.fields import FIELDS
from grouper.case.values import fold
from grouper.intake.event import Event
from hl7_adapters.nhsa.coded import read_codes
from hl7_adapters.nhsa.durations import ambiguous, minutes_of, raw_hours, span, together
from hl7_adapters.nhsa.identity import INSURED, PLACE, hospital, numbers
from hl7_adapters.nhsa.messages import blank
from hl7_adapters.nhsa.roles import VOID, code_role, role_of
from hl7_adapters.nhsa.sums import SUM, parts_of, total

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hl7_adapters.nhsa.messages import Message, Row
    from hl7_adapters.nhsa.options import Options
    from hl7_adapters.nhsa.tables import Meaning, Node, Tables

PERSON, VENTILATOR = "person.", "ventilator."
_PARTS = ("days", "hours", "minutes")


class StayReader:
    """Reads the nodes of one message that speaks of one stay."""

    def __init__(self, message: Message, tables: Tables, options: Options) -> None:
        self.message, self.tables, self.options = message, tables, options
        self.family = tables.families[message.transaction]
        self.rules = tables.fields(message.transaction, message.dialect)
        self.facts: dict[str, Any] = {}
        self.ranks: dict[str, int] = {}
        self.person: dict[str, Any] = {}
        self.extra: dict[str, Any] = {}
        self.unknown: list[tuple[str, str]] = []
        self.codes: dict[str, Any] = {}

    def event(self) -> Event:
        """What the message says."""
        for name, node in self.tables.nodes[self.message.transaction].items():
            if name in self.message.nodes:
                self._node(node)
            elif node.many and self.message.transaction in self.tables.whole and not node.holds:
                # A snapshot without a list says that there is none.
                self.extra[f"{self.family}.{name}"] = []
        for path, value in self.message.rest.items():
            self.extra[f"{self.family}.rest.{path}"] = value
        self.extra[f"{self.family}.dialect"] = self.message.dialect
        self._places()
        found = numbers(self.message, self.tables, self.options)
        return Event(
            patient=found.patient,
            visit=found.visit,
            hospital=hospital(self.message, self.tables),
            facts=self.facts,
            dx=self.codes.get("dx"),
            px=self.codes.get("px"),
            person=self.person,
            extra=self.extra,
            unknown=tuple(self.unknown),
        )

    def _node(self, node: Node) -> None:
        rows = self.message.rows(node.name)
        if node.holds in ("dx", "px"):
            found = read_codes(self.message, node.name, self.tables, self.options)
            self.codes[node.holds] = tuple(found.coded)
            self.unknown += found.unknown
            self.extra[f"{self.family}.{node.name}"] = [_kept(row) for row in found.apart]
        elif node.holds == "icu":
            self._icu(node.name, rows)
        elif node.many:
            if node.holds == "items":
                self._total(node.name, rows)
            self._sums(node.name, rows)
            self.extra[f"{self.family}.{node.name}"] = [_kept(row) for row in rows]
        else:
            for row in rows:
                self._single(node.name, row)

    def _single(self, node: str, row: Row) -> None:
        meanings = self.tables.meanings(self.message.transaction, node)
        for meaning in meanings:
            value = row.get(meaning.field)
            if value is not None and not blank(value):
                self._mean(node, meaning, str(value).strip())
        self._sums(node, (row,))
        self._clear(row, meanings)
        named = {m.field for m in meanings if m.to.startswith(PERSON)}
        for name, value in row.items():
            if value is None or blank(value):
                continue
            rule = self.rules.get((node, name))
            if rule is None or not rule.private:
                self.extra[f"{self.family}.{node}.{name}"] = str(value)
            elif name not in named:
                self.person[name] = str(value)
        self._ventilator(node, row, meanings)

    def _ventilator(self, node: str, row: Row, meanings: tuple[Meaning, ...]) -> None:
        """The use of a ventilator where days, hours and minutes are fields of their own."""
        parts = {
            m.to.removeprefix(VENTILATOR): m.field for m in meanings if m.to.startswith(VENTILATOR)
        }
        if any(not blank(row.get(name)) for name in parts.values()):
            written = together([row.get(parts[part]) or "" for part in _PARTS])
            self._duration(node, parts["days"], written)

    def _clear(self, row: Row, meanings: tuple[Meaning, ...]) -> None:
        if self.options.blank_clears and self.message.transaction in self.tables.whole:
            for meaning in meanings:
                to = meaning.to.removeprefix(SUM)
                if meaning.field in row and to in FIELDS:
                    self.facts.setdefault(to, None)

    def _mean(self, node: str, meaning: Meaning, value: str) -> None:
        name, to = meaning.field, meaning.to
        if to.startswith(PERSON):
            self.person[to.removeprefix(PERSON)] = value
        elif to == "kind":
            role = code_role(self.message, node, name, value, self.tables)
            if role:
                self.facts["kind"] = role
            else:
                self.unknown.append((self.message.place(node, name), value))
        elif to == "region":
            region = region_of(value)
            if region is not None:
                self._take(to, region, meaning.rank)
        elif to == "insured_region":
            self._take(to, insured_of(value), meaning.rank)
        elif to == "ventilator_hours":
            self._duration(node, name, value)
        elif to in FIELDS:
            self._take(to, value, meaning.rank)

    def _take(self, to: str, value: str, rank: int) -> None:
        """Of fields that mean the same the better rank stands, whichever came first."""
        if to not in self.ranks or rank < self.ranks[to]:
            self.facts[to], self.ranks[to] = value, rank

    def _sums(self, node: str, rows: tuple[Row, ...]) -> None:
        """Amounts that are stated in parts, where every part can be read."""
        meanings = self.tables.meanings(self.message.transaction, node)
        for to, parts in parts_of(meanings, SUM).items():
            amount = total(rows, [m.field for m in parts])
            if amount is not None:
                self._take(to, f"{amount:f}", parts[0].rank)

    def _duration(self, node: str, name: str, value: str) -> None:
        if ambiguous(value):
            # 3 may be days or hours: it stays beside the case.
            self.unknown.append((self.message.place(node, name), value))
        else:
            self.facts["ventilator_hours"] = fold(value)

    def _places(self) -> None:
        """What the envelope says of places: it stands behind what the nodes say."""
        treated, insured = (self.message.head.get(name, "") for name in (PLACE, INSURED))
        region = region_of(treated)
        if region is not None and self.facts.get("region") is None:
            self.facts["region"] = region
        if not blank(insured) and self.facts.get("insured_region") is None:
            self.facts["insured_region"] = insured_of(insured)

    def _icu(self, node: str, rows: tuple[Row, ...]) -> None:
        total, stated = Decimal(0), False
        by = {m.to: m.field for m in self.tables.meanings(self.message.transaction, node)}
        for at, row in enumerate(rows, 1):
            if role_of(self.message, node, row, self.tables) == VOID:
                continue
            minutes = _icu_minutes(row, by)
            if minutes is None:
                self.unknown.append((self.message.place(node, by["start"], at), ""))
                stated = False
                break
            total, stated = total + minutes, True
        if stated:
            self.facts["icu_hours"] = raw_hours(total)
        elif not rows:
            self.facts["icu_hours"] = None
        self.extra[f"{self.family}.{node}"] = [_kept(row) for row in rows]

    def _total(self, node: str, rows: tuple[Row, ...]) -> None:
        """The total of a list that states none: the sum of its items, where all can be read."""
        by = {m.to: m.field for m in self.tables.meanings(self.message.transaction, node)}
        amount = total(rows, [by["amount"]])
        if amount is not None:
            self.facts.setdefault("total_cost", f"{amount:f}")


def _icu_minutes(row: Row, by: Mapping[str, str]) -> Decimal | None:
    """Minutes of one stay in intensive care: the stated duration, else from its times."""
    stated = row.get(by.get("duration", "")) or ""
    minutes = minutes_of(stated) if stated.strip() else None
    if minutes is not None:
        return minutes
    return span(row.get(by["start"]) or "", row.get(by["end"]) or "")


def _kept(row: Row) -> dict[str, str]:
    """A row as plain JSON, without what says nothing."""
    return {name: str(value) for name, value in row.items() if value is not None and value.strip()}
