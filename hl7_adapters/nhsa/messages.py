"""A message in national names: which transaction it is, in which dialect, and what its nodes hold."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from grouper.intake.forms import IntakeError
from hl7_adapters.nhsa.body import Json, Number, loads, unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from hl7_adapters.nhsa.tables import Node, Spelling, Tables

ENVELOPE = frozenset(
    (
        "infno",
        "msgid",
        "mdtrtarea_admvs",
        "insuplc_admdvs",
        "recer_sys_code",
        "dev_no",
        "dev_safe_info",
        "cainfo",
        "signtype",
        "infver",
        "opter_type",
        "opter",
        "opter_name",
        "inf_time",
        "fixmedins_code",
        "fixmedins_name",
        "sign_no",
        "infcode",
        "inf_refmsgid",
        "refmsg_time",
        "respond_time",
        "err_msg",
        "warn_msg",
        "enctype",
    )
)
"""The fields around ``input`` and ``output``."""

_CONTENTS = ("input", "output")
_WRAPPED = "data"
_REGION = 1_000
_ENOUGH = 2
"""A message without ``infno`` must have this many known names."""

Row = dict[str, str | None]
"""One row of a node: values by national name, or by the name written where no table knows it."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message in national names.

    Attributes:
        transaction: such as ``4101A``.
        dialect: how it was spelled; empty: nationally.
        head: the fields around it.
        nodes: the rows of each node that is there.
        rest: what stands where no node or row is expected, by path.
        strangers: names of fields that no table knows, by node, in their order.
        spelled: what was written, by (node, national name), where it differs.
    """

    transaction: str
    dialect: str
    head: Mapping[str, str]
    nodes: Mapping[str, tuple[Row, ...]]
    rest: Mapping[str, Json] = field(default_factory=dict)
    strangers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    spelled: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def rows(self, node: str) -> tuple[Row, ...]:
        """The rows of a node; none when it is not there."""
        return self.nodes.get(node, ())

    def place(self, node: str, name: str = "", row: int = 0) -> str:
        """A place as the sender writes it: ``setlinfo.psn_no``, ``diseinfo[2].diag_code``."""
        written = self.spelled.get((node, ""), node)
        at = f"{written}[{row}]" if row else written
        return f"{at}.{self.spelled.get((node, name), name)}" if name else at


def blank(value: str | None) -> bool:
    """Whether a value says nothing."""
    return value is None or not value.strip()


def understand(
    body: Mapping[str, Json], tables: Tables, *, transaction: str = "", dialect: str | None = None
) -> Message:
    """A JSON body in national names.

    Args:
        body: the object; with the fields around it or only its nodes.
        tables: names and nodes.
        transaction: which it is, where that is known; else ``infno`` or its nodes tell.
        dialect: how it is spelled; None: the one that fits best.

    Raises:
        IntakeError: ``TYPE_UNSUPPORTED``; ``MESSAGE_UNREADABLE``: a node that is no object, or
            several rows where one must be.
    """
    head = {n: str(v) for n, v in body.items() if n in ENVELOPE and isinstance(v, str)}
    contents = list(_contents(body))
    named = (transaction or head.get("infno", "")).strip().upper()
    if named and named not in tables.families:
        raise IntakeError("TYPE_UNSUPPORTED", place="infno", found=named[:16])
    found, spoken = _told(contents, tables, named, dialect, head.get("mdtrtarea_admvs", ""))
    return _Layer(tables, found, spoken).message(head, contents)


def _contents(body: Mapping[str, Json]) -> Iterator[Mapping[str, Json]]:
    inner = [(name, body[name]) for name in _CONTENTS if body.get(name)]
    if not inner:
        yield {n: v for n, v in body.items() if n not in ENVELOPE and n not in _CONTENTS}
    for name, value in inner:
        content = loads(value) if isinstance(value, str) else value
        if not isinstance(content, dict):
            raise unreadable(name)
        wrapped = content.get(_WRAPPED)
        yield wrapped if len(content) == 1 and isinstance(wrapped, dict) else content


def _told(
    contents: Sequence[Mapping[str, Json]],
    tables: Tables,
    named: str,
    dialect: str | None,
    region: str,
) -> tuple[str, str]:
    best, chosen = -1, (named, dialect or "")
    for transaction in (named,) if named else tables.families:
        known = tables.dialects_of(transaction)
        for one in known if dialect is None else (dialect,):
            spelling, nodes = tables.spelling(transaction, one), tables.nodes[transaction]
            points, headed = _fit(contents, spelling, nodes)
            if not named and (not headed or points < _ENOUGH):
                continue
            # What the region writes and means goes before how the names happen to be spelled.
            here = bool(tables.dialects.get(one)) and region.startswith(tables.dialects[one])
            score = points + here * _REGION
            if score > best:
                best, chosen = score, (transaction, one)
    if not chosen[0]:
        raise IntakeError("TYPE_UNSUPPORTED", place="infno")
    return chosen


def _fit(
    contents: Sequence[Mapping[str, Json]], spelling: Spelling, nodes: Mapping[str, Node]
) -> tuple[int, bool]:
    """How many names are spelled just so, and whether the head node is there."""
    points, headed = 0, False
    for content in contents:
        for name, value in content.items():
            node = spelling.node(name) if isinstance(value, dict | list) else None
            if node is None:
                bare = [n for n in nodes if nodes[n].head and (n, name) in spelling.fields]
                points += bool(bare)
                headed = headed or bool(bare)
                continue
            points += name in spelling.nodes
            headed = headed or nodes[node].head
            rows = value if isinstance(value, list) else [value]
            if rows and isinstance(rows[0], dict):
                points += sum((node, written) in spelling.fields for written in rows[0])
    return points, headed


class _Layer:
    """Lays the contents of a message out by node."""

    def __init__(self, tables: Tables, transaction: str, dialect: str) -> None:
        self.transaction, self.dialect = transaction, dialect
        self.spelling = tables.spelling(transaction, dialect)
        self.known = tables.nodes[transaction]
        self.head = next((n.name for n in self.known.values() if n.head), "")
        self.nodes: dict[str, list[Row]] = {}
        self.rest: dict[str, Json] = {}
        self.strangers: dict[str, dict[str, None]] = {}
        self.spelled: dict[tuple[str, str], str] = {}

    def message(self, head: Mapping[str, str], contents: Sequence[Mapping[str, Json]]) -> Message:
        # The nodes of all contents go first: fields beside them only fill what they leave open.
        for bare in [self._content(content) for content in contents]:
            if bare:
                self._bare(bare)
        for node, rows in self.nodes.items():
            if len(rows) > 1 and not self.known[node].many:
                raise unreadable(node)
        strangers = {node: tuple(names) for node, names in self.strangers.items()}
        nodes = {node: tuple(rows) for node, rows in self.nodes.items()}
        return Message(
            self.transaction, self.dialect, head, nodes, self.rest, strangers, self.spelled
        )

    def _bare(self, bare: Mapping[str, Json]) -> None:
        """Fields of the head beside it: they fill what it leaves open, the others are kept."""
        rows = self.nodes.get(self.head)
        if not rows:
            self._row(self.head, bare)
            return
        for name, value in bare.items():
            at = self.spelling.field(self.head, name) or name
            if self.known[self.head].many or not blank(rows[0].get(at)):
                if rows[0].get(at) != value:
                    self.rest[name] = _plain(value)
            else:
                rows[0][at] = _text(value)

    def _content(self, content: Mapping[str, Json]) -> dict[str, Json]:
        """Take the nodes out of a content; what is left are fields of the head node itself."""
        bare: dict[str, Json] = {}
        for name, value in content.items():
            node = self.spelling.node(name)
            if node is not None and (value is None or isinstance(value, dict | list)):
                self._node(node, name, value)
            elif node is None and self.spelling.field(self.head, name):
                bare[name] = value
            else:
                self.rest[name] = _plain(value)
        return bare

    def _node(self, node: str, written: str, value: Json) -> None:
        if written != node:
            self.spelled[node, ""] = written
        rows = self.nodes.setdefault(node, [])
        for at, element in enumerate(value if isinstance(value, list) else [value or {}], 1):
            if not isinstance(element, dict):
                raise unreadable(f"{written}[{at}]")
            if element:
                self._row(node, element)
        if value is None and not rows:
            del self.nodes[node]  # "node": null says as much as leaving it out

    def _row(self, node: str, written: Mapping[str, Json]) -> None:
        row: Row = {}
        for name, value in written.items():
            inner = self.spelling.node(name) if isinstance(value, dict | list) else None
            if inner is not None and inner != node and node == self.head:
                self._node(inner, name, value)
                continue
            field_name = self.spelling.field(node, name)
            if field_name is None:
                self.strangers.setdefault(node, {})[name] = None
            elif field_name != name:
                self.spelled[node, field_name] = name
            at = field_name or name
            text = _text(value)
            if at in row and not blank(row[at]):
                # Two spellings of one field: the second is kept under its own name, if it differs.
                if not blank(text) and text != row[at]:
                    other = name if name != at else f"{name} (2)"
                    row[other] = text
                    self.strangers.setdefault(node, {})[other] = None
                continue
            row[at] = text
        self.nodes.setdefault(node, []).append(row)


def _text(value: Json) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _plain(value: Json) -> Json:
    """A value without numbers of our own kind, as JSON keeps it."""
    return str(value) if isinstance(value, Number) else value
