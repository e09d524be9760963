"""Exceptions from rules: what one has to say, and which of them covers a finding."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from grouper.audit.review.errors import ReviewError
from grouper.audit.review.tables import limits

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from codebooks.audit.books import AuditBook

SCOPE = ("case_id", "department", "item", "dx")
"""What an exception may be bound to; ``dx`` is the beginning of a diagnosis code."""


class Whitelist(Protocol):
    """An exception that is approved and not ended."""

    @property
    def id(self) -> int | None:
        """Its number."""

    @property
    def rule(self) -> str:
        """The rule that it is one from."""

    @property
    def row(self) -> str | None:
        """The row of the rule; None: all."""

    @property
    def scope(self) -> Mapping[str, str]:
        """What it is bound to; all of it has to fit."""

    @property
    def valid_from(self) -> date:
        """The first local day."""

    @property
    def valid_to(self) -> date:
        """The day after the last."""


def matching(
    whitelists: Iterable[Whitelist],
    document: Mapping[str, Any],
    dx: Sequence[str],
    day: date | None,
) -> int | None:
    """The exception that covers a finding; of several that with the least number.

    Args:
        whitelists: those that are approved and not ended.
        document: row of ``FINDING_SCHEMA``, or its JSON.
        dx: diagnosis codes of the case.
        day: local day of the finding; None: not known, then no exception covers it.
    """
    if day is None:
        return None
    found = [one.id for one in whitelists if _covers(one, document, dx, day) and one.id is not None]
    return min(found, default=None)


def _covers(one: Whitelist, document: Mapping[str, Any], dx: Sequence[str], day: date) -> bool:
    if one.rule != document["rule"] or one.row not in (None, document["row"]):
        return False
    if not one.valid_from <= day < one.valid_to:
        return False
    scope = one.scope
    return (
        all(scope[name] == document[name] for name in ("case_id", "department") if name in scope)
        and ("item" not in scope or scope["item"] in (document["items"] or ()))
        and ("dx" not in scope or any(code.startswith(scope["dx"]) for code in dx))
    )


def check(
    book: AuditBook,
    rule: str,
    row: str | None,
    scope: Mapping[str, str],
    reason: str,
    valid_from: date,
    valid_to: date,
) -> None:
    """Check what an exception says.

    Args:
        book: the rule book.
        rule: that it is one from.
        row: of the rule.
        scope: names of :data:`SCOPE` with their values.
        reason: why.
        valid_from: the first day.
        valid_to: the day after the last.

    Raises:
        ReviewError: ``REVIEW_RULE`` (not in the book), ``REVIEW_ROW``, ``WHITELIST_SCOPE`` (bound to
            nothing, or to what is not known), ``REVIEW_NOTE``, ``WHITELIST_DAYS``.
    """
    if rule not in book.rules:
        raise ReviewError("REVIEW_RULE", found=rule[:64], book=book.id)
    if row is not None and not _has_row(book, rule, row):
        raise ReviewError("REVIEW_ROW", found=row[:64], rule=rule)
    if not (scope or row) or not scope.keys() <= set(SCOPE) or not all(scope.values()):
        raise ReviewError("WHITELIST_SCOPE", known=", ".join(SCOPE))
    if not reason.strip() or len(reason) > limits().most_note:
        raise ReviewError("REVIEW_NOTE", most=limits().most_note)
    days = limits().most_days
    if not valid_from < valid_to <= valid_from + timedelta(days=days):
        raise ReviewError("WHITELIST_DAYS", most=days)


def _has_row(book: AuditBook, rule: str, row: str) -> bool:
    for table in book.tables.values():
        rules, rows = table.column("rule").to_pylist(), table.column("row").to_pylist()
        if (rule, row) in zip(rules, rows, strict=True):
            return True
    return False
