"""Carry the facts' code sets and crosswalks into the shipped codebooks (a maintainer's one-time step).

The cards stand in build_codes.toml beside this file. Usage: python tools/build_codes.py FACTS_FOLDER
"""

from __future__ import annotations

import csv
import gzip
import io
import shutil
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codebooks import icd10cm, paths
from codebooks.code_storage import CodeCard, Kind
from codebooks.code_writing import code_table, counts_of, crosswalk_table, write_codes

if TYPE_CHECKING:
    import pyarrow as pa

CARDS = Path(__file__).with_suffix(".toml")


def read_rows(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV file, gzipped or not."""
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def card_of(id_: str, entry: dict[str, Any]) -> CodeCard:
    """The card of one entry of the TOML file."""
    return CodeCard(
        id_,
        Kind(entry["kind"]),
        entry["name"],
        entry["edition"],
        None,
        None,
        entry["standing"],
        entry["source"],
        entry.get("package"),
    )


def codes_of(facts: Path, entry: dict[str, Any], crosswalks: dict[str, Any]) -> pa.Table:
    """The codes of one set, from its own file, a crosswalk's source side or a package."""
    if "package" in entry:
        return icd10cm.read_descriptions()
    if "crosswalk" in entry:
        rows = read_rows(facts / crosswalks[entry["crosswalk"]]["file"])
        return code_table({"code": r["clinical_code"], "name": r["clinical_name"]} for r in rows)
    rows = read_rows(facts / entry["file"])
    if "additions" in entry:
        more = read_rows(facts / entry["additions"])
        rows += [{"code": r["code"], "name": r["name"], "addition": r["seen_in"]} for r in more]
    return code_table(rows)


def main() -> None:
    """Write every code set and crosswalk anew."""
    facts = Path(sys.argv[1])
    entries = tomllib.loads(CARDS.read_text("utf-8"))
    for shelf in ("codes", "crosswalks"):
        shutil.rmtree(paths.shipped() / shelf, ignore_errors=True)
    for id_, entry in entries["codes"].items():
        table = codes_of(facts, entry, entries["crosswalks"])
        write_codes(card_of(id_, entry), table, paths.shipped() / "codes" / id_)
        print(id_, counts_of(table))
    for id_, entry in entries["crosswalks"].items():
        rows = read_rows(facts / entry["file"])
        table = crosswalk_table((r["clinical_code"], r["nhsa_code"]) for r in rows)
        write_codes(card_of(id_, entry), table, paths.shipped() / "crosswalks" / id_)
        print(id_, counts_of(table))


if __name__ == "__main__":
    main()
