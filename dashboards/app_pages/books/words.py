"""Words that codebooks and policies share: spans of days, families, tables, long texts cut."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from codebooks.messages import catalogue, text
from dashboards.app_pages.books.sizes import sizes

if TYPE_CHECKING:
    from datetime import date

_ENDS = re.compile("[:;：；。，]")


def validity(since: date | None, until: date | None, lang: str) -> str:
    """A half-open span of days in words, with its last day."""
    if since is None:
        return text("cli_codebooks.validity.unknown", lang)
    if until is None:
        return text("books_page.from", lang, since=since)
    return text("books_page.span", lang, since=since, last=last_day(until))


def last_day(until: date) -> date:
    """The last day of a half-open span."""
    return until - timedelta(days=1)


def known(key: str, value: str, lang: str) -> str:
    """The text of a value that books may coin themselves, else the value as it stands."""
    return catalogue(lang).get(f"{key}.{value}", value)


def table_name(table: str, lang: str) -> str:
    """What a table of a book is called."""
    for key in ("import.table_name", "cli_codebooks.table", "cli_codebooks.kind"):
        if f"{key}.{table}" in catalogue(lang):
            return text(f"{key}.{table}", lang)
    return table


def short(words: str, most: int | None = None) -> str:
    """Words cut to a cell of a table, or to so many signs."""
    most = most or sizes().cell
    return words if len(words) <= most else f"{words[: most - 1]}…"


def standing(words: str, lang: str, *, whole: bool = False) -> str:
    """How far a scheme can be relied on: its first clause in words, or all that its card says.

    Args:
        words: of the card, in the language in which it was written.
        lang: ``zh`` or ``en``.
        whole: all that the card says, behind the first clause where that is put otherwise.
    """
    clause = next(iter(_ENDS.split(words, maxsplit=1)), words)
    said = known("books_standing", clause, lang)
    if not whole:
        return said
    return words if said == clause else text("books_page.standing", lang, said=said, words=words)
