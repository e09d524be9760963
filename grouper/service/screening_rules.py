"""The rule book as it is asked here: with the hospital's standings, exceptions and shadow rows."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from grouper.audit.planning import on_trial, without_shadow
from grouper.store import rule_standings, whitelists
from grouper.store.states import Standing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from codebooks.audit.books import AuditBook
    from grouper.store.database import Writing as Reading
    from grouper.store.whitelists import WhitelistRow

_QUIET = frozenset({Standing.SHADOW, Standing.REVIEW})
_OWN = "own"
"""Standing, in the book, of the hospital's own rules."""
_THRESHOLDS = "behaviour"
"""The table of thresholds, which go with every rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a screening asks.

    Attributes:
        book: the rule book.
        asked: the rules that are asked; None: all.
        off: those that are switched off here.
        quiet: those whose findings are in shadow: put there, in review, or the hospital's own and
            rules on trial that nobody has promoted yet.
        exceptions: whitelists that were approved and have not been ended.
        apart: what is asked apart from the rest: the rows of lists that are not public rules, and
            rules on trial; None: nothing.
        apart_rules: the rules of ``apart``.
        shadow_rows: ids of the rows in ``apart`` whose findings are in shadow, by rule.
        fingerprint: of all of it: what was screened by the same need not be screened again.
    """

    book: AuditBook
    asked: frozenset[str] | None
    off: frozenset[str]
    quiet: frozenset[str]
    exceptions: Sequence[WhitelistRow]
    apart: AuditBook | None
    apart_rules: frozenset[str]
    shadow_rows: Mapping[str, frozenset[str]]
    fingerprint: str

    def at(self, moment: str) -> frozenset[str]:
        """The rules of the book that are not switched off and are for a moment."""
        return frozenset(
            key
            for key, rule in self.book.rules.items()
            if key not in self.off and (not rule.moments or moment in rule.moments)
        )


def rules_of(connection: Reading, book: AuditBook, *, shadow: bool, beside: str = "") -> Rules:
    """The rules of a book as they stand here.

    Args:
        connection: a reading transaction.
        book: the rule book.
        beside: fingerprint of what is known beside.
        shadow: whether rows of lists that are not public rules, and rules on trial, are asked.
    """
    standings = rule_standings.standings(connection, book.id)
    here = {key: standings.get(key) for key in book.rules}
    off = frozenset(key for key, standing in here.items() if standing == Standing.OFF)
    live = {key for key, standing in here.items() if standing == Standing.LIVE}
    trial = on_trial() & frozenset(book.rules)
    own = {key for key, rule in book.rules.items() if rule.standing == _OWN}
    quiet = {key for key, standing in here.items() if standing in _QUIET} | ((own | trial) - live)
    exceptions = whitelists.holding(connection)
    wanted = (trial if shadow else trial & live) - off
    public, absent = without_shadow(book)
    listed = frozenset(one.rule for one in absent) - off if shadow else frozenset()
    rows = _shadow_rows(book, public) if shadow else {}
    told = [book.content_sha256, sorted(off), sorted(quiet), sorted(wanted | listed)]
    told += [[str(one.id) for one in exceptions], [beside]]
    return Rules(
        book=book,
        asked=frozenset(book.rules) - off if off else None,
        off=off,
        quiet=frozenset(quiet),
        exceptions=exceptions,
        apart=_apart(book, rows, wanted) if wanted | listed else None,
        apart_rules=wanted | listed,
        shadow_rows=rows,
        fingerprint=hashlib.sha256(json.dumps(told).encode()).hexdigest(),
    )


def _shadow_rows(book: AuditBook, public: AuditBook) -> dict[str, frozenset[str]]:
    """The ids of the rows that are asked on request alone, by rule."""
    found: dict[str, set[str]] = {}
    for name, table in book.tables.items():
        kept = public.tables[name]
        if kept.num_rows < table.num_rows:
            mine = table.filter(pc.invert(pc.is_in(table["row"], kept["row"].combine_chunks())))
            pairs = zip(mine["rule"].to_pylist(), mine["row"].to_pylist(), strict=True)
            for rule, row in pairs:
                found.setdefault(rule, set()).add(row)
    return {rule: frozenset(rows) for rule, rows in found.items()}


def _apart(book: AuditBook, rows: Mapping[str, frozenset[str]], trial: frozenset[str]) -> AuditBook:
    """The book with rows in shadow and those of rules on trial alone.

    They are asked apart from the others: where a line breaks a row of each, the public one must be
    the one that is told.
    """
    shadow = pa.array(sorted(row for some in rows.values() for row in some), pa.string())
    rules = pa.array(sorted(trial), pa.string())
    tables: dict[str, pa.Table] = {}
    for name, table in book.tables.items():
        mine = pc.or_(pc.is_in(table["row"], shadow), pc.is_in(table["rule"], rules))
        tables[name] = table if name == _THRESHOLDS else table.filter(mine)
    return replace(book, tables=tables)
