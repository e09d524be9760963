"""Derive the default treatment kind of every procedure (a maintainer's step).

The rules and the card stand in build_treatment.toml beside this file; the code set and the two
DRG books must be shipped already. Usage: python tools/build_treatment.py
"""

from __future__ import annotations

import json
import re
import shutil
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from codebooks import paths, storage
from codebooks.codes import CodeSet
from codebooks.treatment import FORMAT, KINDS, MANIFEST, SHELF, TABLE, content_hash

RULES = Path(__file__).with_suffix(".toml")
LISTS = {"drg3": "chs-drg-3.0", "drg2": "chs-drg-2.0"}
VALID_PROCEDURES = "OP_ALL"
CONDITIONS = {"prefixes", "not_prefixes", "name", "not_name", "member", "not_member"}


def valid_procedures(scheme: str) -> frozenset[str]:
    """The members of a DRG book's set of valid procedures."""
    rows = storage.read_book(paths.shipped() / "schemes" / scheme).rows("sets")
    return frozenset(row["code"] for row in rows if row["set_id"] == VALID_PROCEDURES)


def holds(rule: dict[str, Any], code: str, name: str, lists: dict[str, frozenset[str]]) -> bool:
    """Whether every condition that a rule names holds for a code."""
    unknown = set(rule) - CONDITIONS - {"id", "kind", "zh", "en"}
    if unknown:
        raise ValueError(f"rule {rule['id']}: unknown keys {unknown}")
    answers = {
        "prefixes": lambda wanted: code.startswith(tuple(wanted)),
        "not_prefixes": lambda wanted: not code.startswith(tuple(wanted)),
        "name": lambda wanted: re.search(wanted, name) is not None,
        "not_name": lambda wanted: re.search(wanted, name) is None,
        "member": lambda wanted: any(code in lists[one] for one in wanted),
        "not_member": lambda wanted: not any(code in lists[one] for one in wanted),
    }
    return all(answers[key](rule[key]) for key in CONDITIONS & set(rule))


def main() -> None:
    """Write the table and its manifest anew."""
    plan = tomllib.loads(RULES.read_text("utf-8"))
    card, rules = plan["card"], plan["rules"]
    codes = CodeSet(paths.shipped() / "codes" / card["procedure_code_set"])
    lists = {name: valid_procedures(scheme) for name, scheme in LISTS.items()}
    rows = []
    for code in codes.codes:
        rule = next(r for r in rules if holds(r, code, codes.name(code) or "", lists))
        rows.append((code, rule["kind"], rule["id"]))
    bases, kinds = Counter(row[2] for row in rows), Counter(row[1] for row in rows)
    manifest = {
        "format": FORMAT,
        "card": card,
        "rules": [
            {
                "id": r["id"],
                "kind": r["kind"],
                "codes": bases[r["id"]],
                "words": {"zh": r["zh"], "en": r["en"]},
                "conditions": {key: r[key] for key in sorted(CONDITIONS & set(r))},
            }
            for r in rules
        ],
        "counts": {"codes": len(rows), **dict(sorted(kinds.items()))},
        "content_sha256": content_hash(rows),
    }
    folder = paths.shipped() / SHELF / card["id"]
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    columns = [list(column) for column in zip(*rows, strict=True)]
    pq.write_table(pa.table(columns, schema=KINDS), folder / TABLE, compression="zstd")
    (folder / MANIFEST).write_text(
        json.dumps(manifest, ensure_ascii=False, indent=1) + "\n", "utf-8"
    )
    print(manifest["counts"])
    for rule in manifest["rules"]:
        print(f"{rule['codes']:6} {rule['kind']:12} {rule['id']}")


if __name__ == "__main__":
    main()
