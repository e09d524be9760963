"""Reading the tables of ``data/``, with a hospital's own rows above them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from codebooks.errors import CodebookError
from codebooks.strict_csv import Row, read_rows

ANY = "*"
NATIONAL = ""
"""The dialect of the national layout."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The columns of one table.

    Attributes:
        key: columns that make a row unique; a hospital's row of the same key takes its place.
        other: the further columns.
        own: whether a hospital may add rows.
    """

    key: tuple[str, ...]
    other: tuple[str, ...]
    own: bool = True


SHAPES: Mapping[str, Shape] = {
    "transactions": Shape(("transaction",), ("family", "whole", "zh", "en"), own=False),
    "nodes": Shape(("transaction", "node"), ("many", "head", "key", "holds"), own=False),
    "fields": Shape(
        ("dialect", "transaction", "node", "field"),
        ("name", "type", "length", "scale", "list", "required", "open", "private", "source"),
    ),
    "code_lists": Shape(("dialect", "list", "code"), ("meaning", "role", "source")),
    "dialects": Shape(("dialect", "transaction", "node", "field", "spelled"), ("source",)),
    "regions": Shape(("dialect",), ("region", "whole", "zh", "en")),
    "meanings": Shape(("family", "node", "field", "to"), ("rank",)),
    "keys": Shape(("transaction", "key", "node", "field"), ("rank",)),
    "code_forms": Shape(("list",), ("form", "note")),
    "preaudit_fields": Shape(
        ("transaction", "direction", "node", "field"),
        ("name", "type", "length", "scale", "private", "source"),
    ),
    "preaudit_nodes": Shape(("transaction", "node"), ("inside", "many"), own=False),
    "preaudit_meanings": Shape(("node", "field", "to"), ("rank",)),
    "preaudit_scenes": Shape(
        ("scene",), ("moment", "engine", "classes", "proposed", "kind", "zh", "en", "source")
    ),
    "preaudit_codes": Shape(("list", "code"), ("value", "meaning", "source")),
}
_CHOICES: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("fields", "type"): ("", "text", "number", "date", "time", "duration"),
    ("code_lists", "role"): (
        *("", "main", "other", "western", "valid", "tcm", "void", "aside"),
        *("inpatient", "outpatient", "long_stay"),
    ),
    ("keys", "key"): ("patient", "visit", "hospital"),
    **{("fields", name): ("", "Y") for name in ("required", "open", "private")},
    ("regions", "whole"): ("", "Y"),
    ("preaudit_fields", "direction"): ("in", "out"),
    ("preaudit_fields", "type"): ("", "text", "number", "date", "time", "list"),
    ("preaudit_fields", "private"): ("", "Y"),
    ("preaudit_nodes", "many"): ("", "Y"),
    ("preaudit_scenes", "moment"): ("order", "stay", "upload"),
    ("preaudit_scenes", "engine"): ("lines", "whole"),
    ("preaudit_scenes", "proposed"): ("", "Y"),
    ("preaudit_scenes", "kind"): ("", "inpatient", "outpatient", "long_stay"),
}
_NUMBERS = {
    *(("fields", "length"), ("fields", "scale"), ("meanings", "rank"), ("keys", "rank")),
    *(("preaudit_fields", "length"), ("preaudit_fields", "scale"), ("preaudit_meanings", "rank")),
}

Rows = Mapping[str, tuple[Mapping[str, str], ...]]
"""The rows of each table by its name."""


def read_tables(own: Path | None = None) -> Rows:
    """All tables.

    Args:
        own: a hospital's folder; files there of the same names and columns add rows to ours and
            replace those of the same key.

    Raises:
        CodebookError: as :func:`codebooks.strict_csv.read_rows`, or ``NHSA_TABLE_VALUE``: a cell
            that no row may hold.
    """
    shipped = Path(str(files("hl7_adapters.nhsa"))) / "data"
    found: dict[str, tuple[Mapping[str, str], ...]] = {}
    for name, shape in SHAPES.items():
        rows: dict[tuple[str, ...], Mapping[str, str]] = {}
        paths = [shipped / f"{name}.csv"]
        if own is not None and shape.own and (own / f"{name}.csv").is_file():
            paths.append(own / f"{name}.csv")
        for path in paths:
            for row in read_rows(path, shape.key, shape.other):
                _check(name, row)
                rows[tuple(row.cells[column] for column in shape.key)] = row.cells
        found[name] = tuple(rows.values())
    return found


def _check(table: str, row: Row) -> None:
    for column, value in row.cells.items():
        allowed = _CHOICES.get((table, column))
        if allowed is not None and value not in allowed:
            known = ", ".join(v for v in allowed if v)
            raise CodebookError("NHSA_TABLE_VALUE", row.at(column), found=value, known=known)
        if (table, column) in _NUMBERS and value and not (value.isascii() and value.isdigit()):
            raise CodebookError("NHSA_TABLE_VALUE", row.at(column), found=value, known="0, 1, 2 …")
