"""A body of 3101, 3102 or 3103 as a tree of nodes in national names.

Names are understood in any spelling that differs by case and underscores alone (``mdtrt_id``,
``mdtrtId``). Fields that no table knows are passed over: nothing of a request is kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from grouper.case.layout import fold_name
from grouper.intake.forms import IntakeError
from grouper.intake.preaudit import Remark
from hl7_adapters.nhsa.body import Json, Number, loads, parse, unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hl7_adapters.nhsa.preaudit_tables import PreauditTables

HEAD = "data"
"""The node that holds all others; it may be left out around them."""
_INPUT = "input"
_ODD = "VALUE_INVALID"
_LISTS = frozenset({"rule_ids"})
"""Fields that hold several values."""


@dataclass(slots=True)
class Element:
    """One element of a node.

    Attributes:
        place: where it stands, as the sender writes it.
        values: texts by national field name; a number keeps its digits (:class:`Number`).
        several: of the fields that hold several values.
        children: elements by node.
    """

    place: str
    values: dict[str, str] = field(default_factory=dict)
    several: dict[str, list[str]] = field(default_factory=dict)
    children: dict[str, list[Element]] = field(default_factory=dict)

    def at(self, name: str) -> str:
        """The place of one of its fields."""
        return f"{self.place}.{name}" if self.place else name


@dataclass(frozen=True, slots=True)
class Body:
    """A body read: the number of the message, what is in it, and what could not be used."""

    reply: str
    head: Element
    remarks: list[Remark]


def read_body(raw: bytes, transaction: str, tables: PreauditTables) -> Body:
    """The tree of a body.

    Args:
        raw: the bytes as they came; with the fields around ``input`` or without.
        transaction: which it must be.
        tables: names of nodes and fields.

    Raises:
        IntakeError: as :func:`hl7_adapters.nhsa.body.parse`; ``TYPE_UNSUPPORTED``: the body says
            that it is another transaction; ``MESSAGE_UNREADABLE``: a node that is none.
    """
    body = parse(raw)
    named = body.get("infno")
    if isinstance(named, str) and named.strip() not in ("", transaction):
        raise IntakeError("TYPE_UNSUPPORTED", place="infno", found=named[:16])
    tree = _Tree(transaction, tables)
    head = tree.element(_content(body), HEAD, "")
    return Body(message_id(body), head, tree.remarks)


def message_id(body: Mapping[str, Json]) -> str:
    """The message's own id; empty where it has none."""
    found = body.get("msgid")
    return found.strip()[:64] if isinstance(found, str) else ""


def _content(body: Mapping[str, Json]) -> Mapping[str, Json]:
    inner: Json = body
    for name in (_INPUT, HEAD):
        if name not in inner:
            continue
        inner = inner[name]
        if isinstance(inner, str):
            inner = loads(inner)
        if not isinstance(inner, dict):
            raise unreadable(name)
    found: Mapping[str, Json] = inner
    return found


class _Tree:
    """Lays a body out by the names of one transaction."""

    def __init__(self, transaction: str, tables: PreauditTables) -> None:
        self._transaction, self._tables = transaction, tables
        self.remarks: list[Remark] = []

    def element(self, written: Mapping[str, Json], node: str, place: str) -> Element:
        """One element with all that stands in it."""
        found = Element(place)
        at = (self._transaction, node)
        nodes = self._tables.inside.get(at, {})
        fields = self._tables.fields.get(at, {})
        for name, value in written.items():
            folded = fold_name(name)
            if folded in nodes:
                children = found.children.setdefault(nodes[folded], [])
                children += self._children(value, nodes[folded], found.at(name))
            elif folded in fields:
                self._field(found, fields[folded], value, name)
        return found

    def _children(self, value: Json, node: str, place: str) -> Iterator[Element]:
        rows = value if isinstance(value, list) else [value]
        for number, row in enumerate(rows, 1):
            if row in (None, "", {}):
                continue
            if not isinstance(row, dict):
                raise unreadable(place)
            yield self.element(row, node, f"{place}[{number}]")

    def _field(self, found: Element, name: str, value: Json, written: str) -> None:
        if name in _LISTS:
            rows = value if isinstance(value, list) else [value]
            texts = [_text(one) for one in rows]
            found.several[name] = [one.strip() for one in texts if one and one.strip()]
            return
        text = _text(value)
        if text is None:
            if value is not None:
                self.remarks.append(Remark(found.at(written), _ODD))
            return
        if not text.strip():
            return
        known = found.values.setdefault(name, text)
        if known != text:
            # Two spellings of one field that differ: the first one counts.
            self.remarks.append(Remark(found.at(written), _ODD))


def _text(value: Json) -> str | None:
    """A value as text; None for none and for what is no single value."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, Number):
        return value
    return value if isinstance(value, str) else None
