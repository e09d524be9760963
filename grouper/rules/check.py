"""The check of a scheme book: everything that can be wrong with it, in one list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grouper.rules.ast import Count
from grouper.rules.check_rules import check_rules, set_sizes
from grouper.rules.check_tables import check_card, check_codes, check_complications, check_tree
from grouper.rules.facts import walk
from grouper.rules.reach import check_reach
from grouper.rules.rows import read_rows
from grouper.rules.universe import Universe

if TYPE_CHECKING:
    from codebooks.book import SchemeBook
    from codebooks.findings import Finding


def check_book(book: SchemeBook) -> list[Finding]:
    """Check a scheme book.

    Errors mean that the book cannot be used: rules that are not in the language or name sets that
    do not exist, groups that stand twice or without a parent, contradictory complications, a card
    that the engine does not understand. Warnings are for the officer to judge: rules that can
    never hold, groups that earlier rows shadow, empty sets, unknown codes. What is called
    unreachable is so by proof; not all that is unreachable is found.

    Returns:
        Findings in the order card, rules, groups, reach, complications, codes; their places name
        the official sheet and row.
    """
    rows, findings = read_rows(book)
    every_row = [row for of in rows.values() for row in of]
    counted = {
        node.set_id for row in every_row for node in walk(row.rule) if isinstance(node, Count)
    }
    return [
        *check_card(book.card),
        *findings,
        *check_rules(every_row, set_sizes(book)),
        *check_tree(rows),
        *check_reach(Universe.of(book, counted), rows),
        *check_complications(book),
        *check_codes(book),
    ]
