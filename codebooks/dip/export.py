"""A city's catalogue in the columns that bureaus use, as the import reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebooks.dip.city import COMPREHENSIVE
from codebooks.dip.layout import city_layout
from codebooks.messages import text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codebooks.book import SchemeBook


def city_lines(book: SchemeBook) -> Iterator[list[str]]:
    """The header and a line for each group; what a group does not have is empty."""
    labels = city_layout().labels
    yield list(labels.values())
    for row in book.rows("groups"):
        words = dict.fromkeys(labels, "")
        words |= {f: str(row[f]) for f in labels if f in row and row[f] is not None}
        words["kind"] = city_layout().kinds.get(row["section"], "")
        if row["section"] == COMPREHENSIVE:
            words["treatment"] = text(f"dip.name.treatment.{row['treatment']}", "zh")
        yield [words[field] for field in labels]
