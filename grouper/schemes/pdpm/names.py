"""The names of a book's subjects: each has one meaning, and each that is asked is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebooks.errors import CodebookError, Where
from grouper.schemes.pdpm.records import CATEGORY, DX_FACTS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from grouper.schemes.pdpm.reading import BookReader


def hold_names(
    reader: BookReader,
    book: str,
    *,
    items: Collection[str],
    scores: Collection[str],
    measures: Collection[str],
    conditions: Collection[str],
    lists: Collection[str],
) -> None:
    """Check the names of subjects.

    Raises:
        CodebookError: ``PDPM_NAME_TWICE`` or ``PDPM_REFERENCE``.
    """
    numbers = (*items, *scores, *measures, CATEGORY, *DX_FACTS)
    answers = {*conditions, *lists}
    _hold_apart((*numbers, *conditions, *lists), book)
    for number, row in reader.rows("conditions"):
        # Of a condition or list only "holds" can be asked, of a number everything else.
        known = answers if row["test"] == "holds" else numbers
        _hold_known(reader, "conditions", number, "subject", row["subject"], known)
    references: tuple[tuple[str, str, Collection[str]], ...] = (
        ("measures", "subject", answers),
        ("requirements", "item", items),
        ("scores", "zero_if", {"", *conditions}),
        ("list_codes", "list", lists),
    )
    for table, column, targets in references:
        for number, row in reader.rows(table):
            _hold_known(reader, table, number, column, row[column] or "", targets)


def _hold_apart(names: Iterable[str], book: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise CodebookError("PDPM_NAME_TWICE", Where(book), found=name)
        seen.add(name)


def _hold_known(
    reader: BookReader, table: str, row: int, column: str, name: str, known: Collection[str]
) -> None:
    if name not in known:
        where = Where(reader.book.card.id, table, row, column)
        raise CodebookError("PDPM_REFERENCE", where, found=name)
