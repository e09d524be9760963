"""Carry the compiled field tables of the NHSA interface into the adapter (a maintainer's step).

What is taken, named otherwise or corrected stands in build_nhsa_tables.toml beside this file. Only
`fields.csv`, `code_lists.csv` and `dialects.csv` are written; the small tables of meaning beside
them are kept by hand.
Usage: python tools/build_nhsa_tables.py FOLDER_OF_INTERFACES
"""

from __future__ import annotations

import csv
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

PLAN = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
DATA = Path(__file__).parents[1] / "hl7_adapters" / "nhsa" / "data"
FIELDS = (
    "dialect",
    "transaction",
    "node",
    "field",
    "name",
    "type",
    "length",
    "scale",
    "list",
    "required",
    "open",
    "private",
    "source",
)
Row = dict[str, str]


def read(path: Path) -> list[Row]:
    """The rows of one file of the facts."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def marks(field: str, kind: str, coded: str) -> Row:
    """Which list a field takes, whether it may be shown, whether it is a person's."""
    private = PLAN["private"]
    lists = [n for n, one in PLAN["lists"].items() if field in one["fields"]]
    lists += [one["list"] for one in PLAN["codes"] if field in one["fields"]]
    closed = field in private["fields"]
    harmless = bool(coded or lists or kind in ("number", "date", "time", "duration"))
    shown = not closed and (harmless or field in private["open"])
    return {
        "list": lists[0] if lists else "",
        "open": "Y" if shown else "",
        "private": "Y" if field in private["person"] else "",
    }


def national(folder: Path) -> list[Row]:
    """The field tables of the transactions."""
    found: list[Row] = []
    for table in PLAN["tables"]:
        for row in (row for file in table["files"] for row in read(folder / file)):
            node = PLAN["nodes"].get(row["node"], row["node"])
            if not node:
                continue
            length, _, scale = row["length"].partition(",")
            kind = PLAN["types"].get(row["type"], "")
            if row["field"] in PLAN["durations"]["fields"]:
                kind = "duration"
            one = {
                "dialect": table["dialect"],
                "transaction": row["txn"],
                "node": node,
                "field": row["field"],
                "name": row["name"],
                "type": kind,
                "length": length,
                "scale": scale if kind == "number" else "",
                "required": row["required"],
                "source": f"{row['source']}; {row['meta_from']}",
                **marks(row["field"], kind, row["is_code"]),
            }
            found.append(corrected(one))
    # A source lists the fields of a node in no order, and some twice: the first stands.
    unique = {(r["dialect"], r["transaction"], r["node"], r["field"]): r for r in reversed(found)}
    return list(reversed(unique.values()))


def corrected(row: Row) -> Row:
    """The row with what the plan corrects."""
    for one in PLAN["corrections"]:
        if all(row[name] == one[name] for name in ("transaction", "node", "field")):
            if row[one["column"]] != one["found"]:
                sys.exit(f"{one['field']} is {row[one['column']]}, not {one['found']}")
            return {**row, one["column"]: one["right"]}
    return row


def pinyin(folder: Path) -> tuple[list[Row], list[Row]]:
    """The field table of the pinyin layout, and how it spells nodes and fields."""
    plan = PLAN["pinyin"]
    fields: list[Row] = []
    spelled: list[Row] = []
    base = {"dialect": plan["dialect"], "transaction": plan["transaction"]}
    for written, node in plan["nodes"].items():
        spelled.append({**base, "node": node, "field": "", "spelled": written})
    for row in read(folder / plan["file"]):
        node, found = plan["nodes"][row["node"]], pinyin_cells(row)
        if row["field"] in plan["loops"]["names"] or row["field"] == "LSHXX":
            continue
        field = plan["fields"].get(row["field"], row["field"])
        if field != row["field"]:
            spelled.append({**base, "node": node, "field": field, "spelled": row["field"]})
        length, _, scale = found["length"].partition(",")
        fields.append(
            {
                **base,
                "node": node,
                "field": field,
                "name": found["name"],
                "type": found["type"],
                "length": length if length != "0" else "",
                "scale": scale,
                "required": "Y" if found["required"] == plan["yes"] else "",
                "source": plan["source"],
                **marks(field, found["type"], ""),
            }
        )
    return fields, [{**row, "source": plan["source"]} for row in spelled]


def pinyin_cells(row: Row) -> Row:
    """Name, type, length and need of a field; in the loops of the source the cells are shifted."""
    types = PLAN["pinyin"]["types"]
    name, _, kind = row["name"].rpartition(" ")
    if kind in types:
        return {
            "name": name.strip(),
            "type": types[kind],
            "length": row["type"],
            "required": row["length"],
        }
    kind = types.get(row["type"], "")
    length = row["length"] if re.fullmatch(r"[0-9]+(,[0-9]+)?", row["length"]) else ""
    return {
        "name": name or row["name"],
        "type": kind,
        "length": length,
        "required": row["required"],
    }


def spellings() -> list[Row]:
    """Spellings of nodes by the classes of the sources, and of fields in other systems."""
    found: list[Row] = []
    for written, node in PLAN["nodes"].items():
        if node and written != node:
            dialect = "guangzhou" if written[0].isupper() else "*"
            source = "a public hospital system"
            transaction = "4101A" if dialect == "guangzhou" else "*"
            found.append(row_of(dialect, transaction, node, "", written, source))
    for one in PLAN["spellings"]:
        for field, written in one["names"].items():
            found.append(
                row_of("*", one["transaction"], one["node"], field, written, one["source"])
            )
    return found


def row_of(*cells: str) -> Row:
    """A row of the spellings."""
    return dict(zip(DIALECTS, cells, strict=True))


DIALECTS = ("dialect", "transaction", "node", "field", "spelled", "source")
CODES = ("dialect", "list", "code", "meaning", "role", "source")


def codes(folder: Path) -> list[Row]:
    """The code lists."""
    words = {one.get("word", name): name for name, one in PLAN["lists"].items()}
    roles = {(one["list"], one["code"]): one["role"] for one in PLAN["roles"]}
    found: list[Row] = []
    for row in read(folder / "code_lists.csv"):
        name = words.get(re.split(r"[ /]", row["field"])[0])
        if name and row["code"]:
            role = roles.get((name, row["code"]), "")
            source = "a public hospital system"
            cells = ("", name, row["code"], row["meaning"], role, source)
            found.append(dict(zip(CODES, cells, strict=True)))
    for one in PLAN["codes"]:
        for dialect, code, meaning, role in one["rows"]:
            cells = (dialect, one["list"], code, meaning, role, one["source"])
            found.append(dict(zip(CODES, cells, strict=True)))
    return found


def write(name: str, columns: tuple[str, ...], rows: list[Row]) -> None:
    """Write one table."""
    with (DATA / name).open("w", encoding="utf-8", newline="") as file:
        writer: csv.DictWriter[Any] = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(f"{name}: {len(rows)} rows")


def main(folder: Path) -> None:
    """Write all three."""
    own, spelled = pinyin(folder)
    write("fields.csv", FIELDS, national(folder) + own)
    write("dialects.csv", DIALECTS, spellings() + spelled)
    write("code_lists.csv", CODES, codes(folder))


if __name__ == "__main__":
    if len(sys.argv) != 2:  # noqa: PLR2004 -- the command and one folder
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
