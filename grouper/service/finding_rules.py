"""Exceptions from rules and the standing of rules: proposed, approved, promoted, sent to review."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from codebooks.audit.books import NATIONAL, audit_book, shipped_books
from grouper.audit.review import promotion, whitelisting
from grouper.audit.review.errors import ReviewError
from grouper.audit.review.tables import limits
from grouper.store import rule_standings, whitelists
from grouper.store.rule_standings import Judged, StandingRow
from grouper.store.states import Standing
from grouper.store.whitelists import WhitelistRow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    from codebooks.audit.books import AuditBook, Rule
    from grouper.store.database import Database
    from grouper.store.database import Writing as Reading

PROGRAM = "review"
"""Who puts a rule back to review, as the log names it."""
MARKED = "FALSE_POSITIVES"
"""Stable reason of that; people's reasons are words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exempting:
    """An exception as it is proposed; see :class:`grouper.store.whitelists.WhitelistRow`."""

    rule: str
    row: str | None
    scope: Mapping[str, str]
    reason: str
    valid_from: date
    valid_to: date
    book: str = NATIONAL


@dataclass(frozen=True, slots=True)
class RuleStanding:
    """A rule with its standing, who gave it (None: nobody did), and how it was judged since."""

    rule: Rule
    standing: str
    given: StandingRow | None
    counted: Judged


def book_named(name: str) -> AuditBook:
    """A rule book; of one that is no longer shipped the national one, whose words may still fit.

    Raises:
        CodebookError: the hospital's own rules cannot be read.
    """
    return audit_book(name if name in shipped_books() else NATIONAL)


def parameters(book: str, rule: str, row: str | None) -> dict[str, Any] | None:
    """The parameter row that a finding was judged by, with what is stated of it alone.

    Args:
        book: name of the rule book.
        rule: id.
        row: id of the row; None: the finding names none.

    Returns:
        By column; None: the book does not have it (any more).
    """
    held = book_named(book).rules.get(rule)
    table = None if held is None else book_named(book).tables.get(held.template or "")
    if table is None or row is None:
        return None
    at = pc.index(table["row"], row).as_py()
    if at < 0 or table["rule"][at].as_py() != rule:
        return None
    told = table.slice(at, 1).to_pylist()[0]
    return {name: value for name, value in told.items() if value not in (None, "", [])}


def propose(database: Database, actor: str, said: Exempting, at: datetime) -> WhitelistRow:
    """Propose an exception; it holds once another account has approved it.

    Raises:
        CodebookError: ``AUDIT_BOOK``.
        ReviewError: as :func:`grouper.audit.review.whitelisting.check`.
        StoreError: ``STORE_UNAVAILABLE``.
    """
    book = audit_book(said.book)
    whitelisting.check(
        book, said.rule, said.row, said.scope, said.reason, said.valid_from, said.valid_to
    )
    row = WhitelistRow(
        rule=said.rule,
        row=said.row,
        scope=dict(said.scope),
        reason=said.reason.strip(),
        valid_from=said.valid_from,
        valid_to=said.valid_to,
        created=at,
        created_by=actor,
    )
    with database.writing_store() as connection:
        return whitelists.one(connection, whitelists.add(connection, row))


def approve(database: Database, actor: str, number: int, at: datetime) -> WhitelistRow:
    """Let an exception hold from the next screening on.

    Raises:
        StoreError: as :func:`grouper.store.whitelists.approve`.
    """
    with database.writing_store() as connection:
        whitelists.approve(connection, number, actor, at)
        return whitelists.one(connection, number)


def end(database: Database, actor: str, number: int, reason: str, at: datetime) -> WhitelistRow:
    """End an exception from the next screening on.

    Raises:
        ReviewError: ``REVIEW_NOTE``.
        StoreError: as :func:`grouper.store.whitelists.end`.
    """
    _check_reason(reason)
    with database.writing_store() as connection:
        whitelists.end(connection, number, actor, reason.strip(), at)
        return whitelists.one(connection, number)


def every(database: Database, rule: str | None = None) -> Sequence[WhitelistRow]:
    """All exceptions, the newest first.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``.
    """
    with database.reading() as connection:
        return whitelists.every(connection, rule=rule)


def _check_reason(reason: str) -> None:
    most = limits().most_note
    if not reason.strip() or len(reason) > most:
        raise ReviewError("REVIEW_NOTE", most=most)


def standings_of(database: Database, name: str = NATIONAL) -> list[RuleStanding]:
    """The rules of a book in its order, each with its standing and how it was judged.

    Raises:
        CodebookError: ``AUDIT_BOOK``.
        StoreError: ``STORE_UNAVAILABLE``.
    """
    book = audit_book(name)
    with database.reading() as connection:
        given = rule_standings.latest(connection, name)
        ever = rule_standings.judged_by_rule(connection, name)
        since = {
            rule: rule_standings.judged(connection, name, rule, row.at)
            for rule, row in given.items()
        }
    none = Judged(0, 0, 0)
    words = {rule: row.standing for rule, row in given.items()}
    return [
        RuleStanding(
            held,
            promotion.standing_of(held, words),
            given.get(rule),
            since.get(rule) or ever.get(rule, none),
        )
        for rule, held in book.rules.items()
    ]


def _standing(
    connection: Reading, book: AuditBook, rule: str, given: StandingRow | None
) -> RuleStanding:
    held = book.rules[rule]
    standing = promotion.standing_of(held, {} if given is None else {rule: given.standing})
    since = None if given is None else given.at
    counted = rule_standings.judged(connection, book.id, rule, since)
    return RuleStanding(held, standing, given, counted)


def set_standing(
    database: Database, actor: str, name: str, rule: str, standing: str, reason: str, at: datetime
) -> RuleStanding:
    """Give a rule a standing by hand.

    Raises:
        CodebookError: ``AUDIT_BOOK``.
        ReviewError: ``REVIEW_RULE``, ``REVIEW_NOTE``, and as
            :func:`grouper.audit.review.promotion.check_change`.
        StoreError: ``STORE_UNAVAILABLE``.
    """
    book = audit_book(name)
    if rule not in book.rules:
        raise ReviewError("REVIEW_RULE", found=rule[:64], book=book.id)
    _check_reason(reason)
    with database.writing_store() as connection:
        now = _standing(connection, book, rule, rule_standings.latest(connection, name).get(rule))
        put_by = None if now.given is None else now.given.actor
        promotion.check_change(now.standing, standing, put_by, actor, now.counted)
        row = StandingRow(
            book=name, rule=rule, standing=standing, at=at, actor=actor, reason=reason.strip()
        )
        rule_standings.set_standing(connection, row)
        return _standing(connection, book, rule, row)


def fall(connection: Reading, name: str, rule: str, at: datetime) -> bool:
    """Send a rule back to review where it was marked as wrong too often; tells whether it fell.

    Args:
        connection: the transaction of the mark.
        name: the rule book.
        rule: its id.
        at: when.
    """
    held = book_named(name).rules.get(rule)
    if held is None:
        return False
    given = rule_standings.latest(connection, name).get(rule)
    standing = promotion.standing_of(held, {} if given is None else {rule: given.standing})
    marks = rule_standings.marks(connection, name, rule, None if given is None else given.at)
    if not promotion.falls(standing, marks):
        return False
    row = StandingRow(
        book=name, rule=rule, standing=Standing.REVIEW, at=at, actor=PROGRAM, reason=MARKED
    )
    rule_standings.set_standing(connection, row)
    return True
