"""Carry the facts' scheme folders into the shipped codebooks (a maintainer's one-time step).

Usage: python tools/build_schemes.py FACTS_FOLDER
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from codebooks import paths
from codebooks.book import RULE_TABLES, TABLES, BookCard, make_book
from codebooks.storage import write_book


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Rows of a CSV file, gzipped or not."""
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"), newline="")))


def table_rows(
    folder: Path, name: str, source_rows: dict[tuple[str, ...], int]
) -> list[dict[str, Any]]:
    """One table of a facts folder; rule rows get the row of their source."""
    path = next(
        (p for p in (folder / f"{name}.csv", folder / f"{name}.csv.gz") if p.exists()), None
    )
    if path is None:
        return []
    rows = read_rows(path)
    if name in RULE_TABLES:
        for number, row in enumerate(rows, 2):
            row["sort"] = float(row["sort"]) if row["sort"] else None
            row["source_row"] = (
                source_rows.get((name.upper(), row[name])) if source_rows else number
            )
    return rows


def main() -> None:
    """Write every scheme folder anew."""
    facts = Path(sys.argv[1])
    target = paths.shipped() / "schemes"
    for folder in sorted((facts / "schemes").iterdir()):
        card = BookCard.from_json(json.loads((folder / "scheme.json").read_text("utf-8")))
        published: dict[tuple[str, ...], int] = {}
        if card.id == "chs-drg-3.0":
            rows = read_rows(facts / "chs_drg_3_0" / "published_rows.csv")
            published = {(r["sheet"], r["code"]): int(r["source_row"]) for r in rows}
        book = make_book(card, {name: table_rows(folder, name, published) for name in TABLES})
        # The books of other families in the folder are made by tools of their own.
        shutil.rmtree(target / card.id, ignore_errors=True)
        write_book(book, target / card.id)
        print(card.id, book.counts())


if __name__ == "__main__":
    main()
