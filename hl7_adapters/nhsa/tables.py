"""What the interface's nodes and fields are called, hold and mean: the tables, ready for use."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING

from grouper.case.layout import fold_name
from hl7_adapters.nhsa.table_files import ANY, NATIONAL, Rows, read_tables

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Node:
    """One node of a transaction; ``holds`` says what its rows are for a case (or is empty)."""

    name: str
    many: bool
    head: bool
    key: tuple[str, ...]
    holds: str


@dataclass(frozen=True, slots=True)
class FieldRule:
    """One field as the field table has it.

    Attributes:
        node: the node it stands in.
        field: its national name.
        name: Chinese name.
        type: ``text``, ``number``, ``date``, ``time``, ``duration``, or empty where no source says it.
        length: most characters, or digits of a number; None: not said.
        scale: most decimals of a number; None: not said.
        list: name of its code list, or empty.
        required: whether it must be filled in.
        open: whether its value may be shown in a finding.
        private: whether it names a person.
    """

    node: str
    field: str
    name: str
    type: str
    length: int | None
    scale: int | None
    list: str
    required: bool
    open: bool
    private: bool


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a field means for a case; of several that mean the same the lower rank goes first."""

    field: str
    to: str
    rank: int


@dataclass(frozen=True, slots=True)
class Spelling:
    """How one dialect spells a transaction.

    Attributes:
        nodes: node by what is written; ``folded_nodes`` by the folded name of any spelling.
        fields: national name by node and what is written; ``folded_fields`` as above.
        write: what is written by (node, national name); the name itself where it is absent.
    """

    nodes: Mapping[str, str]
    folded_nodes: Mapping[str, str]
    fields: Mapping[tuple[str, str], str]
    folded_fields: Mapping[tuple[str, str], str]
    write: Mapping[tuple[str, str], str]

    def node(self, written: str) -> str | None:
        """The node of a name in a message, or None."""
        return self.nodes.get(written) or self.folded_nodes.get(fold_name(written))

    def field(self, node: str, written: str) -> str | None:
        """The national name of a field, or None."""
        found = self.fields.get((node, written))
        return found or self.folded_fields.get((node, fold_name(written)))


class Tables:
    """All tables of one set-up."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self.families = {r["transaction"]: r["family"] for r in rows["transactions"]}
        self.whole = {r["transaction"] for r in rows["transactions"] if r["whole"]}
        self.dialects = {r["dialect"]: r["region"] for r in rows["regions"]}
        self._own_table = {r["dialect"] for r in rows["regions"] if r["whole"]}
        self.codes: dict[tuple[str, str], dict[str, str]] = {}
        self._names: dict[tuple[str, str], dict[str, str]] = {}
        for row in rows["code_lists"]:
            key = (row["dialect"], row["list"])
            self.codes.setdefault(key, {})[row["code"]] = row["role"]
            self._names.setdefault(key, {})[row["code"]] = row["meaning"]
        self._fields = cache(self._read_fields)
        self._spelling = cache(self._read_spelling)
        self._dialects = cache(self._read_dialects)

    @cached_property
    def western(self) -> re.Pattern[str]:
        """The form of western diagnosis codes."""
        forms = {r["list"]: r["form"] for r in self._rows["code_forms"]}
        return re.compile(forms["western"])

    @cached_property
    def nodes(self) -> Mapping[str, Mapping[str, Node]]:
        """The nodes by transaction and name."""
        found: dict[str, dict[str, Node]] = {name: {} for name in self.families}
        for r in self._rows["nodes"]:
            key = tuple(r["key"].split())
            node = Node(r["node"], bool(r["many"]), bool(r["head"]), key, r["holds"])
            found[r["transaction"]][r["node"]] = node
        return found

    @cached_property
    def _meanings(self) -> Mapping[tuple[str, str], tuple[Meaning, ...]]:
        found: dict[tuple[str, str], list[Meaning]] = {}
        for r in self._rows["meanings"]:
            one = Meaning(r["field"], r["to"], int(r["rank"]))
            found.setdefault((r["family"], r["node"]), []).append(one)
        return {key: tuple(sorted(those, key=lambda m: m.rank)) for key, those in found.items()}

    def meanings(self, transaction: str, node: str) -> tuple[Meaning, ...]:
        """What the fields of a node mean, the better rank first."""
        return self._meanings.get((self.families[transaction], node), ())

    @cached_property
    def _keys(self) -> Mapping[tuple[str, str], tuple[tuple[str, str], ...]]:
        ordered = sorted(self._rows["keys"], key=lambda r: int(r["rank"]))
        names = {(t, r["key"]) for t in self.families for r in ordered}
        return {
            (transaction, key): tuple(
                (r["node"], r["field"])
                for r in ordered
                if r["key"] == key and r["transaction"] in (ANY, transaction)
            )
            for transaction, key in names
        }

    def keys(self, transaction: str, key: str) -> tuple[tuple[str, str], ...]:
        """Where the number of the patient, visit or hospital stands: (node or empty, field)."""
        return self._keys.get((transaction, key), ())

    def dialects_of(self, transaction: str) -> tuple[str, ...]:
        """The dialects that have something of their own for a transaction; the national first."""
        return self._dialects(transaction)

    def _read_dialects(self, transaction: str) -> tuple[str, ...]:
        own = {
            r["dialect"]
            for table in ("fields", "dialects")
            for r in self._rows[table]
            if r["transaction"] in (ANY, transaction)
        }
        # A dialect may write as all do and yet mean other things by its codes.
        own |= {dialect for dialect, _ in self.codes}
        return (NATIONAL, *(d for d in self.dialects if d != NATIONAL and d in own))

    def fields(self, transaction: str, dialect: str) -> Mapping[tuple[str, str], FieldRule]:
        """The field table by node and field: the national one with the dialect's rows above it."""
        return self._fields(transaction, dialect)

    def _read_fields(self, transaction: str, dialect: str) -> Mapping[tuple[str, str], FieldRule]:
        rows = [r for r in self._rows["fields"] if r["transaction"] == transaction]
        own = [r for r in rows if r["dialect"] == dialect]
        if dialect != NATIONAL and not (own and dialect in self._own_table):
            own = [r for r in rows if r["dialect"] == NATIONAL] + own
        return {
            (r["node"], r["field"]): FieldRule(
                r["node"],
                r["field"],
                r["name"],
                r["type"],
                int(r["length"]) if r["length"] else None,
                int(r["scale"]) if r["scale"] else None,
                r["list"],
                bool(r["required"]),
                bool(r["open"]),
                bool(r["private"]),
            )
            for r in own
        }

    def roles(self, name: str, dialect: str) -> Mapping[str, str]:
        """The role of each code of a list; a dialect's own list takes the place of the common."""
        return self.codes.get((dialect, name)) or self.codes.get((NATIONAL, name)) or {}

    def translate(self, name: str, code: str, source: str, target: str) -> str:
        """A code of one dialect's list as the code of the same meaning in another's.

        The code itself where the target's list has no such meaning.
        """
        here = self._names.get((source, name)) or self._names.get((NATIONAL, name), {})
        there = self._names.get((target, name)) or self._names.get((NATIONAL, name), {})
        meaning = here.get(code)
        if here is there or meaning is None or there.get(code) == meaning:
            return code
        return next((c for c, said in there.items() if said == meaning), code)

    def spelling(self, transaction: str, dialect: str) -> Spelling:
        """How a dialect spells a transaction."""
        return self._spelling(transaction, dialect)

    def _read_spelling(self, transaction: str, dialect: str) -> Spelling:
        names = list(self.fields(transaction, dialect)) + [
            (node, m.field)
            for node in self.nodes[transaction]
            for m in self.meanings(transaction, node)
        ]
        keys = [key for name in ("patient", "visit") for key in self.keys(transaction, name)]
        names += [(node, field) for node, field in keys if node]
        rows = [r for r in self._rows["dialects"] if r["transaction"] in (ANY, transaction)]
        rows = [r for r in rows if r["node"] in self.nodes[transaction]]
        own = [r for r in rows if r["dialect"] == dialect]
        write = {(r["node"], r["field"]): r["spelled"] for r in own}
        nodes = {write.get((node, ""), node): node for node in self.nodes[transaction]}
        fields = {(node, write.get((node, name), name)): name for node, name in names}
        # What any dialect writes is understood under all, below the dialect's own names.
        others = sorted(rows, key=lambda r: (r["dialect"] == dialect, r["dialect"] == ANY))
        folded_nodes = {fold_name(r["spelled"]): r["node"] for r in others if not r["field"]}
        folded_nodes |= {fold_name(node): node for node in self.nodes[transaction]}
        folded = {(r["node"], fold_name(r["spelled"])): r["field"] for r in others if r["field"]}
        folded |= {(node, fold_name(name)): name for node, name in names}
        return Spelling(nodes, folded_nodes, fields, folded, write)


@cache
def load_tables(own: Path | None = None) -> Tables:
    """The tables, with a hospital's own rows above ours.

    Raises:
        CodebookError: as :func:`hl7_adapters.nhsa.table_files.read_tables`.
    """
    return Tables(read_tables(own))
