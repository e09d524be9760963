"""The lines that are compared over the cases of a person: whose, which, and no others.

Lines come in portions of whole cases, but an examination is repeated in the next case. So the lines
of cases that stand near another one of the same person are kept until all portions are through; with
them, of stays with a visit near them, which items they have. Cases that are not judged give theirs, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from grouper.audit.lines import NONE, Lines, chained
from grouper.audit.parameters import NEVER
from grouper.audit.portion import portion_of
from grouper.audit.templates import toml

if TYPE_CHECKING:
    import duckdb
    from numpy.typing import NDArray

    from codebooks.audit.books import AuditBook
    from grouper.audit.planning import Plan

SCOPE = "persons"
"""Scope of the templates that are asked of these lines."""
CYCLE, REPEATED, SHIFT = "cycle_person", "repeated", "shift"
_WINDOWS = {REPEATED: "within_days", SHIFT: "around_days"}
_PERSON = 40
"""Days of one person lie within so many bits, and none of them below nought."""


class Gathered:
    """What is kept of the portions.

    Args:
        rows: the view ``cases``.
        book: the rule book.
        plan: what is asked; where no template of the scope is, nothing is kept.
    """

    def __init__(self, rows: pa.Table, book: AuditBook, plan: Plan) -> None:
        asked = {one.name: rule.rule for one, rule in plan.asked if one.scope == SCOPE}
        kinds = toml("cases.toml")["classes"]
        self._tests = np.isin(np.arange(15), kinds["tests"])
        self._care = np.isin(np.arange(15), kinds["care"])
        self._items = np.zeros(1, bool)
        self._lines: list[Lines] = []
        self._pairs: list[NDArray[np.int64]] = []
        spans = _Spans(rows)
        self.near: list[tuple[str, int, NDArray[np.bool_]]] = []
        if CYCLE in asked:
            self.near += [(CYCLE, days, spans.others(days)) for days in _cycles(book, plan)]
        for name in sorted(set(_WINDOWS) & set(asked)):
            days = _days(book, asked[name], _WINDOWS[name])
            self.near.append((name, days, spans.others(days)))
        self._of = {
            name: np.logical_or.reduce(
                [spans.none, *(mask for one, _, mask in self.near if one == name)]
            )
            for name in (CYCLE, REPEATED, SHIFT)
        }
        exempt = np.asarray(rows["exempt"].combine_chunks())
        outpatient = np.asarray(rows["outpatient"].combine_chunks())
        shifted = self._of[SHIFT] & ~exempt
        self._visits, self._stays = shifted & outpatient, shifted & ~outpatient
        self._of[REPEATED] &= ~exempt
        self.cases = np.logical_or.reduce(list(self._of.values()))

    def grown(self, cycles: pa.Table | None, items: int) -> None:
        """Learn which items have a cycle over the cases of a person.

        Args:
            cycles: the rows ``p_cycle``; None: no cycle is asked for.
            items: how many items there are.
        """
        self._items = np.zeros(items + 1, bool)
        if cycles is not None:
            long = cycles.filter(
                pc.greater_equal(cycles["days"], toml("cases.toml")["person_days"])
            )
            self._items[long["item"].to_numpy()] = True
        self._items[NONE] = False

    def add(self, lines: Lines) -> None:
        """Keep what is wanted of a portion's lines, which refunds have been taken from."""
        if not self.near:
            return
        care = self._care[lines.kind]
        wanted = self._of[CYCLE][lines.case] & self._items[lines.item]
        wanted |= self._of[REPEATED][lines.case] & self._tests[lines.kind]
        wanted |= self._visits[lines.case] & care
        if wanted.any():
            self._lines.append(lines.take(wanted))
        own = self._stays[lines.case] & care & (lines.item != NONE)
        if own.any():
            pairs = (lines.case[own].astype(np.int64) << 32) + lines.item[own]
            self._pairs.append(np.unique(pairs))

    def register(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Give the views ``person_lines``, ``stay_items``, ``near`` and ``every``."""
        lines = chained([portion_of(None).every, *self._lines])
        pairs = np.concatenate([np.zeros(0, np.int64), *self._pairs])
        near: dict[str, list[Any]] = {"name": [], "days": [], "case_no": []}
        for name, days, mask in self.near:
            places = np.flatnonzero(mask)
            near["name"] += [name] * len(places)
            near["days"] += [days] * len(places)
            near["case_no"] += places.tolist()
        kinds = pa.schema([("name", pa.string()), ("days", pa.int32()), ("case_no", pa.int32())])
        table = lines.table()
        views = {
            "person_lines": table,
            "every": lines.sources(),
            "stay_items": pa.table(
                {
                    "case_no": (pairs >> 32).astype(np.int32),
                    "item": (pairs & 0xFFFFFFFF).astype(np.int32),
                }
            ),
            "near": pa.table(near, schema=kinds),
        }
        for name, view in views.items():
            connection.register(name, view)


class _Spans:
    """From when to when each person's cases go."""

    def __init__(self, rows: pa.Table) -> None:
        first, last = (rows[name].combine_chunks() for name in ("first_day", "last_day"))
        persons = pc.dictionary_encode(rows["person"].combine_chunks()).indices
        told = np.asarray(pc.and_(pc.is_valid(persons), pc.is_valid(first)))
        self.none = np.zeros(rows.num_rows, bool)
        self._at = np.flatnonzero(told)
        # Each person's days lie apart from those of every other one.
        base = (np.asarray(pc.fill_null(persons, 0)).astype(np.int64)[self._at] << _PERSON) + NEVER
        begin = np.asarray(pc.fill_null(first, 0)).astype(np.int64)[self._at]
        # A case that goes on is near all that come after it.
        end = np.asarray(pc.fill_null(last, NEVER)).astype(np.int64)[self._at]
        order = np.argsort(base + begin, kind="stable")
        self._at = self._at[order]
        self._first = (base + begin)[order]
        self._last = (base + np.maximum(begin, end))[order]

    def others(self, days: int) -> NDArray[np.bool_]:
        """The cases at most so many days from another one of the same person."""
        near = self.none.copy()
        if len(self._at) < 2:  # noqa: PLR2004 -- one case has no other
            return near
        reached = np.maximum.accumulate(self._last)[:-1]
        after = self._first[1:] - reached <= days
        before = self._first[1:] - self._last[:-1] <= days
        person = self._first >> _PERSON
        same = person[1:] == person[:-1]
        near[self._at[1:][after & same]] = True
        near[self._at[:-1][before & same]] = True
        return near


def _cycles(book: AuditBook, plan: Plan) -> list[int]:
    rows = book.tables["cycle"]
    own = rows.filter(pc.is_in(rows["rule"], pa.array(sorted(plan.rules), pa.string())))
    days = {int(one) for one in pc.unique(own["days"]).to_pylist()}
    return sorted(one for one in days if one >= toml("cases.toml")["person_days"])


def _days(book: AuditBook, rule: str, parameter: str) -> int:
    rows = book.tables["behaviour"].to_pylist()
    return next(
        int(row["value"]) for row in rows if (row["rule"], row["parameter"]) == (rule, parameter)
    )
