"""An APG book as the folder of CSV files that the import reads: to look at, change, and import."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

from codebooks.apg.sources import CARD
from codebooks.errors import CodebookError, Where

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from codebooks.book import SchemeBook


def write_folder(book: SchemeBook, folder: Path) -> None:
    """Write a book's card and tables to a new folder.

    Raises:
        CodebookError: ``APG_FOLDER`` when the folder is there or cannot be written.
    """
    try:
        folder.mkdir(parents=True)
        card = json.dumps(book.card.to_json(), ensure_ascii=False, indent=1) + "\n"
        (folder / CARD).write_text(card, "utf-8")
        for table, schema in book.form.items():
            write_table(folder / f"{table}.csv", schema.names, book.rows(table))
    except OSError as cause:
        reason = cause.strerror or type(cause).__name__
        raise CodebookError("APG_FOLDER", Where(file=str(folder)), reason=reason) from cause


def write_table(path: Path, columns: Iterable[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Write rows as CSV that a spreadsheet opens as UTF-8; missing values are empty cells."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        lines = csv.writer(file)
        names = list(columns)
        lines.writerow(names)
        lines.writerows(["" if row[n] is None else row[n] for n in names] for row in rows)
