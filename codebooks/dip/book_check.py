"""The check of a DIP book at hand: unknown codes; of a city's also repeats and odd scores."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from codebooks.dip.checks import check_codes, check_conservative, check_scores, fold_repeats
from codebooks.dip.city import CORE
from codebooks.dip.importers.options import DipOptions
from codebooks.importers.notes import Notes

if TYPE_CHECKING:
    from codebooks.book import SchemeBook
    from codebooks.findings import Finding


def check_dip(book: SchemeBook) -> list[Finding]:
    """What the import would say of a book's rows, at most twenty findings of one kind."""
    notes = Notes(book.card.id)
    rows = book.rows("groups")
    check_codes(rows, book.card, notes)
    if any(row["section"] == CORE for row in rows):
        fold_repeats(rows, notes)
        check_conservative(rows, notes)
        mean, base = (book.card.options.get(name) for name in ("city_mean_cost", "score_base"))
        defaults = DipOptions()
        base = base if isinstance(base, int) else defaults.score_base
        check_scores(rows, _decimal(mean), base, defaults.tolerance, notes)
    return notes.findings


def _decimal(value: object) -> Decimal | None:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None
