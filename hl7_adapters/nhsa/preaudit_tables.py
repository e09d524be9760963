"""The tables of 3101, 3102 and 3103, made ready for reading and writing.

``data/preaudit_*.csv``: nodes and fields (``preaudit_nodes``, ``preaudit_fields``), what a field means
(``preaudit_meanings``), codes (``preaudit_codes``) and what is asked in which scene
(``preaudit_scenes``). A hospital's own folder adds rows and replaces those of the same key.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from grouper.case.layout import fold_name
from hl7_adapters.nhsa.table_files import read_tables

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

BY_RULES = "rules"
"""The row of the scenes for a request that names rules and no scene."""
SCENE_KINDS = "kind"
"""The list that tells the kind of a case by the kind of visit."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What is asked in a scene.

    Attributes:
        scene: the interface's word.
        moment: ``order``, ``stay`` or ``upload``.
        engine: ``lines`` or ``whole``.
        classes: of the rules that are asked; empty: all.
        proposed: whether only what is proposed is told of.
        kind: of the case, where the visit does not say; may be empty.
    """

    scene: str
    moment: str
    engine: str
    classes: frozenset[str]
    proposed: bool
    kind: str


@dataclass(frozen=True, slots=True)
class PreauditTables:
    """All look-ups.

    Attributes:
        inside: by transaction and node, the nodes that stand in it, by their folded names.
        fields: by transaction and node, national field names by their folded names.
        longest: by node and field of an answer, the most characters.
        meanings: by node, (field, what it means), the better rank first.
        scenes: by the interface's word.
        values: by list and code, what the code says.
        codes: by list and value, the code that says it.
    """

    inside: Mapping[tuple[str, str], Mapping[str, str]]
    fields: Mapping[tuple[str, str], Mapping[str, str]]
    longest: Mapping[tuple[str, str], int]
    meanings: Mapping[str, tuple[tuple[str, str], ...]]
    scenes: Mapping[str, Scene]
    values: Mapping[tuple[str, str], str]
    codes: Mapping[tuple[str, str], str]


@cache
def preaudit_tables(own: Path | None = None) -> PreauditTables:
    """The tables, with a hospital's own rows above ours.

    Raises:
        CodebookError: as :func:`hl7_adapters.nhsa.table_files.read_tables`.
    """
    rows = read_tables(own)
    inside: dict[tuple[str, str], dict[str, str]] = {}
    for row in rows["preaudit_nodes"]:
        at = (row["transaction"], row["inside"])
        inside.setdefault(at, {})[fold_name(row["node"])] = row["node"]
    fields: dict[tuple[str, str], dict[str, str]] = {}
    longest: dict[tuple[str, str], int] = {}
    for row in rows["preaudit_fields"]:
        if row["direction"] == "in":
            at = (row["transaction"], row["node"])
            fields.setdefault(at, {})[fold_name(row["field"])] = row["field"]
        elif row["length"] and row["type"] == "text":
            longest[row["node"], row["field"]] = int(row["length"])
    meanings: dict[str, list[tuple[str, str]]] = {}
    for row in sorted(rows["preaudit_meanings"], key=lambda one: int(one["rank"])):
        meanings.setdefault(row["node"], []).append((row["field"], row["to"]))
    scenes = {
        row["scene"]: Scene(
            row["scene"],
            row["moment"],
            row["engine"],
            frozenset(row["classes"].split()),
            bool(row["proposed"]),
            row["kind"],
        )
        for row in rows["preaudit_scenes"]
    }
    codes = rows["preaudit_codes"]
    return PreauditTables(
        inside,
        fields,
        longest,
        {node: tuple(found) for node, found in meanings.items()},
        scenes,
        {(row["list"], row["code"]): row["value"] for row in codes},
        # Where several codes say the same, the first one is written.
        {(row["list"], row["value"]): row["code"] for row in reversed(codes)},
    )
