"""The year of each person followed through a table of cases, in the order of time.

What was paid before a case in its insurance year decides what is paid of it: deductibles, ceilings,
critical-illness insurance. Where the record does not state it, it is what the earlier cases of the
table come to: round by round, all first cases of all persons, then the second ones. The result does
not depend on the order of the rows.

What is known goes as far as the table does. A case that cannot be reckoned leaves the rest of the
person's year unknown, until a record states it again: nothing is taken for nought.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from codebooks.policies.yaml_nodes import PolicyError
from grouper.case.fields import CASE_SCHEMA
from grouper.payment.assignment import assign_block
from grouper.payment.batch import families
from grouper.payment.block import lacking
from grouper.payment.cells import by_policy, cells
from grouper.payment.columns import Columns
from grouper.payment.fixed import Fixed
from grouper.payment.methods import methods
from grouper.payment.periods import EPOCH, days_of
from grouper.payment.place import Terms
from grouper.payment.share.costs_block import costs_of_block
from grouper.payment.share.insured import insured_blocks
from grouper.payment.share.many import YEAR, Before, reckoned
from grouper.payment.share.parts import CENTS
from grouper.payment.share.rules import Rules, read, visit_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from grouper.payment.block import Block
    from grouper.payment.share.costs_block import CostsBlock
    from grouper.payment.share.parts import Shares
    from grouper.payment.share.rules import Source
    from grouper.payment.share.rules import Terms as ShareTerms

NUMBER = "admission_number"
ACCOUNTS = ("inpatient", "outpatient", "chronic")
"""What the year adds up apart: ``account`` of the table ``benefit.visits``."""
_STAYS = ACCOUNTS.index("inpatient")
_NOWHERE = -1
_MOST = 10**14
"""What the columns can hold, in fen."""


@dataclass(frozen=True, slots=True)
class _Cell:
    """Cases with the same rules: their rows, their costs, and what the records say."""

    rows: NDArray[np.int64]
    account: int
    costs: CostsBlock | None
    terms: ShareTerms | None
    before: Before
    paid: dict[str, tuple[Fixed, NDArray[np.bool_]]]


def follow_year(table: pa.Table, terms: Terms | None = None) -> pa.Table:
    """A table of cases with the year before each, where the records lack it.

    Fills ``year_deductible``, ``year_basic``, ``year_burden``, ``year_critical`` and, of stays,
    ``admission_number``. Cases without a person, or that no policy prices, stay as they are.
    Deductibles and the pooling fund's payments add up apart by account (stays, outpatient visits,
    chronic outpatients); where a case was settled, what was settled counts. Visits that a method
    with a year of its own binds (dialysis) have no part in it.

    Args:
        table: columns of ``CASE_SCHEMA`` (those that are missing are empty), and of
            ``RESULT_SCHEMA`` where the cases are grouped; others are kept.
        terms: by which policies.

    Returns:
        The same rows in the same order.
    """
    if not table.num_rows:
        return table
    batch = table.unify_dictionaries().combine_chunks().to_batches()[0]
    year = _Year(Columns(batch), terms or Terms())
    year.follow()
    for name in (*YEAR, NUMBER):
        column = year.column(name)
        if name in table.column_names:
            table = table.set_column(table.column_names.index(name), name, column)
        else:
            table = table.append_column(name, column)
    return table


class _Year:
    """All persons' years side by side."""

    def __init__(self, columns: Columns, terms: Terms) -> None:
        self._columns = columns
        self._terms = terms
        count = len(columns)
        self._years = np.zeros(count, np.int64)
        self._cell = np.full(count, _NOWHERE)
        self._place = np.zeros(count, np.int64)
        self._cells: list[_Cell] = []
        for policy_cell in self._read():
            rows = policy_cell.rows
            self._cell[rows] = len(self._cells)
            self._place[rows] = np.arange(len(rows))
            self._cells.append(policy_cell)
        self._filled: dict[str, Any] = {name: np.zeros(count, np.int64) for name in (*YEAR, NUMBER)}
        self._known = {name: np.zeros(count, np.bool_) for name in (*YEAR, NUMBER)}

    def _read(self) -> Iterator[_Cell]:
        """The cells, each with its rules; where there are none a case leaves its year unknown."""
        columns, terms = self._columns, self._terms
        days, _ = days_of(columns, terms)
        months = (np.datetime64(EPOCH) + days).astype("datetime64[M]").astype(np.int64)
        for rows, policy in by_policy(columns, terms, lambda _rows, _reason: None):
            for whole, every in cells(columns, rows, policy, terms):
                shared = np.flatnonzero(~_own_year(every))
                if not len(shared):
                    continue
                cell = whole[shared]
                block = replace(every, columns=columns.some(cell))
                for places, piece, benefits, told in _pieces(block):
                    found = cell[places]
                    start, account = _calendar(benefits)
                    costs = None if told is None else costs_of_block(piece, told.catalogue)
                    self._years[found] = (months[found] + 1 - start) // 12
                    yield _Cell(found, account, costs, told, Before.of(piece), _settled(piece))

    def follow(self) -> None:
        """Go through the rounds."""
        rows, rounds, group = self._rounds()
        groups = int(group.max(initial=-1)) + 1
        wide = groups * len(ACCOUNTS)
        state: dict[str, Any] = {name: np.zeros(groups, np.int64) for name in YEAR[2:]}
        state |= {name: np.zeros(wide, np.int64) for name in (*YEAR[:2], NUMBER)}
        known = {name: np.ones(len(one), np.bool_) for name, one in state.items()}
        cell = self._cell[rows]
        order = np.lexsort((cell, rounds))
        rows, group, cell = rows[order], group[order], cell[order]
        changes = np.diff(rounds[order]).astype(np.bool_) | np.diff(cell).astype(np.bool_)
        for some in np.split(np.arange(len(rows)), np.flatnonzero(changes) + 1):
            if len(some):
                one = self._cells[int(cell[some[0]])]
                self._step(one, rows[some], group[some], state, known)

    def _rounds(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """The rows that are followed, the how-manieth case of its person's year each is, and whose year."""
        columns = self._columns
        person = columns.words("person").codes
        rows = np.flatnonzero((person >= 0) & (self._cell >= 0))
        whose = np.column_stack([person[rows], self._years[rows]])
        group = np.unique(whose, axis=0, return_inverse=True)[1].reshape(-1)
        keys = [one[rows] for one in _order_keys(columns)]
        order = np.lexsort((*reversed(keys), group))
        rows, group = rows[order], group[order]
        first = np.concatenate([[True], group[1:] != group[:-1]]) if len(rows) else group == 0
        begins = np.flatnonzero(first)
        rounds = np.arange(len(rows)) - np.repeat(begins, np.diff([*begins, len(rows)]))
        return rows, rounds, group

    def _step(
        self,
        cell: _Cell,
        rows: NDArray[np.int64],
        group: NDArray[np.int64],
        state: dict[str, Any],
        known: dict[str, NDArray[np.bool_]],
    ) -> None:
        """The cases of one cell that are next in their persons' years."""
        places = self._place[rows]
        # A case whose account is not known stands for none; it leaves all of them unknown.
        within = group * len(ACCOUNTS) + max(cell.account, 0)
        at = {name: within if name in {*YEAR[:2], NUMBER} else group for name in (*YEAR, NUMBER)}
        before = self._before(cell, places, at, state, known)
        for name in YEAR:
            self._filled[name][rows] = before.paid[name].units
            self._known[name][rows] = before.stated[name] & (cell.account >= 0)
        self._filled[NUMBER][rows] = before.number
        self._known[NUMBER][rows] = before.stated[NUMBER] & (cell.account == _STAYS)
        if cell.account < 0:
            for name in YEAR[2:]:
                known[name][group] = False
            for n in range(len(ACCOUNTS)):
                for name in (*YEAR[:2], NUMBER):
                    known[name][group * len(ACCOUNTS) + n] = False
            return
        shares = self._shares(cell, places, before)
        good = np.zeros(len(rows), np.bool_) if shares is None else lacking(shares.reasons)
        for name, part in zip(YEAR, ("deductible", "basic", "burden", "critical"), strict=True):
            paid, stated = Fixed(np.zeros(len(rows), np.int64), CENTS), good & False
            if part in cell.paid:
                paid, stated = cell.paid[part][0].take(places), cell.paid[part][1][places]
            added = paid if shares is None else paid.where(stated, getattr(shares, part))
            after = (before.paid[name] + added).units
            sure = before.stated[name] & (stated | good) & (after < _MOST)
            state[name][at[name]] = np.where(sure, after, 0)
            known[name][at[name]] = sure
        state[NUMBER][within] = before.number
        known[NUMBER][within] = before.stated[NUMBER]

    def _before(
        self,
        cell: _Cell,
        places: NDArray[np.int64],
        at: dict[str, NDArray[np.int64]],
        state: dict[str, Any],
        known: dict[str, NDArray[np.bool_]],
    ) -> Before:
        """What the record states of the year before, else what the cases before come to."""
        told = {name: cell.before.stated[name][places] for name in (*YEAR, NUMBER)}
        paid = {
            name: cell.before.paid[name]
            .take(places)
            .where(told[name], Fixed(state[name][at[name]], CENTS))
            for name in YEAR
        }
        number = np.where(told[NUMBER], cell.before.number[places], state[NUMBER][at[NUMBER]] + 1)
        stated = {name: told[name] | known[name][at[name]] for name in (*YEAR, NUMBER)}
        return Before(number, paid, stated)

    def _shares(self, cell: _Cell, places: NDArray[np.int64], before: Before) -> Shares | None:
        if cell.costs is None or cell.terms is None or not isinstance(cell.terms.rules, Rules):
            return None
        return reckoned(cell.costs.take(places), before, cell.terms)

    def column(self, name: str) -> pa.Array:
        """A column as the records state it, filled where they do not and it is known."""
        if name == NUMBER:
            units, stated = self._columns.whole(name)
        else:
            numbers, stated = self._columns.fixed(name)
            units = numbers.units
        units = np.where(stated, units, self._filled[name])
        missing = ~(stated | self._known[name])
        whole = pa.array(np.where(missing, 0, units).astype(np.int64), mask=missing)
        of = CASE_SCHEMA.field(name).type
        if name == NUMBER:
            return whole.cast(of)
        return _money(whole, of)


def _money(fen: pa.Array, of: pa.DataType) -> pa.Array:
    halves = np.empty((len(fen), 2), np.int64)
    halves[:, 0] = np.asarray(fen.fill_null(0))
    halves[:, 1] = halves[:, 0] >> 63
    mask = pa.array(np.asarray(fen.is_valid())).buffers()[1]
    return pa.Array.from_buffers(of, len(fen), [mask, pa.py_buffer(halves.tobytes())])


def _pieces(
    block: Block,
) -> Iterator[tuple[NDArray[np.int64], Block, Source | str, ShareTerms | None]]:
    """The pieces of a block, who answers on benefits and what holds; None where that is not said."""
    try:
        for places, piece, benefits, own_lines in insured_blocks(block):
            yield places, piece, benefits, read(piece, benefits, own_lines=own_lines)
    except PolicyError as error:
        yield np.arange(len(block)), block, error.code, None


def _own_year(block: Block) -> NDArray[np.bool_]:
    """Where a method binds that keeps a year of its own."""
    rules = block.find("assignment.rules")
    named = {row["method"] for row in rules.value} if rules is not None else set()
    own = [name for name in named if getattr(methods().get(name), "own_year", False)]
    if not own or "status" not in block.columns.batch.schema.names:
        return np.zeros(len(block), np.bool_)
    bound, _ = assign_block(block, methods(), families(block))
    return np.isin(bound.astype(str), own)


def _calendar(benefits: Source | str) -> tuple[int, int]:
    """The month in which the insurance year begins, and the account; −1: the visit has no benefit."""
    if isinstance(benefits, str):
        return 1, _NOWHERE
    try:
        start = int(benefits.value("benefit.year_start").value)
        visit = visit_of(benefits)
    except PolicyError:
        return 1, _NOWHERE
    return start, _NOWHERE if visit is None else ACCOUNTS.index(visit["account"])


def _settled(block: Block) -> dict[str, tuple[Fixed, NDArray[np.bool_]]]:
    return {
        "deductible": block.columns.fixed("deductible_paid"),
        "basic": block.columns.fixed("basic_paid"),
    }


def _order_keys(columns: Columns) -> list[NDArray[np.int64]]:
    """Of each case: when it ended and began, and what tells it from others of the same moment."""
    found = []
    for name in ("discharge_time", "admission_time"):
        column = columns.batch.column(name) if name in columns.batch.schema.names else None
        if column is None:
            found.append(np.zeros(len(columns), np.int64))
            continue
        seconds = np.asarray(
            column.cast(pa.timestamp("s", column.type.tz)).cast(pa.int64()).fill_null(0)
        )
        # A case that has not ended comes after those that have.
        found += [np.where(np.asarray(column.is_valid()), 0, 1), seconds]
    ids = columns.words("case_id")
    rank = np.argsort(np.argsort(np.array([*ids.words, ""], object), kind="stable"))
    found.append(rank[ids.codes])
    found.append(columns.fixed("total_cost")[0].units.astype(np.float64))
    return found
