"""The batch engine's matching: candidates of all cases at once, then what decides between them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from grouper.schemes.dip.conditions import NONE, Conditions
from grouper.schemes.dip.index import TREATMENTS, Index, spread
from grouper.schemes.dip.policy import Preference, Treatment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from decimal import Decimal

    from numpy.typing import NDArray

    from grouper.schemes.dip.compiled import CompiledScheme
    from grouper.schemes.dip.prepare import Prepared

_FAR = np.iinfo(np.int64).max
_LEAST = np.iinfo(np.int64).min
_SCALE = 1_000_000
_CONSERVATIVE = np.uint8(Treatment.CONSERVATIVE)


@dataclass(frozen=True, slots=True)
class Candidates:
    """Rows that may take cases, sorted by case.

    Attributes:
        case: place of the case in the batch.
        row: number of the row.
        main: place of the procedure that is the row's main one, or ``NONE``.
        met: how many related parts are met.
    """

    case: NDArray[np.int64]
    row: NDArray[np.int64]
    main: NDArray[np.int64]
    met: NDArray[np.int64]

    def take(self, kept: NDArray[np.bool_] | NDArray[np.int64]) -> Candidates:
        """Some of them."""
        return Candidates(*(getattr(self, f.name)[kept] for f in fields(self)))

    def starts(self) -> NDArray[np.int64]:
        """Where the candidates of each case begin."""
        new = np.append(True, self.case[1:] != self.case[:-1])[: len(self.case)]
        return np.flatnonzero(new)


class Matcher:
    """Finds the row of each case of a batch. Keeps nothing of a batch.

    Args:
        scheme: the scheme.
        index: its rows as arrays.
    """

    def __init__(self, scheme: CompiledScheme, index: Index) -> None:
        rows = index.rows
        self._policy = scheme.policy
        self._index = index
        self._stage = np.array([row.stage for row in rows], np.int64)
        self._any_procedure = np.array([row.procedure_any for row in rows], np.bool_)
        self._related = np.array([len(row.related) for row in rows], np.int64)
        self._required = np.array([(1 << row.required) - 1 for row in rows], np.uint64)
        self._score = _scaled([row.score for row in rows], _LEAST)
        self._mean_cost = _scaled([row.mean_cost for row in rows], _FAR)
        self._treatment = np.array(
            [Treatment.CONSERVATIVE if r.treatment is None else r.treatment for r in rows], np.int64
        )
        self._conditions = Conditions(scheme, index)
        tied = tuple(
            scheme.policy.preferences if s.preferences is None else s.preferences
            for s in scheme.policy.stages
        )
        self._by_preferences = [
            (wanted, np.array([one == wanted for one in tied], np.bool_))
            for wanted in dict.fromkeys(tied)
        ]

    def match(
        self, cases: Prepared, which: NDArray[np.int64], assumed: tuple[bool, bool] = (False, False)
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """The row of each case, and where a missing cost leaves the choice to the order.

        Args:
            cases: the batch.
            which: places of the cases to match, ascending.
            assumed: whether a missing age in days and a missing weight count as met.

        Returns:
            Both by place in the batch; ``NONE`` where no row holds and for the other cases.
        """
        found = np.full(len(cases.principal), NONE, np.int64)
        no_cost = np.zeros(len(cases.principal), np.bool_)
        tried = self._candidates(cases, which)
        tried = tried.take(self._stage.take(tried.row) >= 0)
        tried = tried.take(self._conditions.hold(cases, tried.case, tried.row, assumed))
        tried = self._with_related(cases, tried)
        tried = tried.take(_least(tried, self._stage.take(tried.row)))
        parts = [
            self._choose(cases, tried.take(of[self._stage.take(tried.row)]), wanted, no_cost)
            for wanted, of in self._by_preferences
        ]
        for part in parts:
            kept = part.take(_least(part, part.row))
            found[kept.case] = kept.row
        return found, no_cost

    def asks(
        self, cases: Prepared, classes: NDArray[np.int64]
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Where a row of the case's diagnoses asks for the age in days, and for the weight.

        Args:
            cases: the batch.
            classes: class of each case's principal diagnosis.
        """
        return self._conditions.asks(cases, classes)

    def _candidates(self, cases: Prepared, which: NDArray[np.int64]) -> Candidates:
        """Rows whose diagnosis, main procedure, treatment or want of it fits."""
        index = self._index
        classes = index.classes.take(cases.principal.take(which))
        found = self._of_class(cases, which, classes)
        special = which[self._conditions.meets_anywhere(cases, which)]
        if len(special):
            found += self._of_class(cases, special, np.full(len(special), index.anywhere))
        columns = [np.concatenate(column) for column in zip(*found, strict=True)]
        order = np.argsort(columns[0], kind="stable")
        case, row, main = (column.take(order) for column in columns)
        return Candidates(case, row, main, np.zeros(len(case), np.int64))

    def _of_class(
        self, cases: Prepared, which: NDArray[np.int64], classes: NDArray[np.int64]
    ) -> list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]]:
        index, procedures = self._index, cases.procedures
        owner, at = spread(procedures.start.take(which), procedures.start.take(which + 1))
        listed = np.flatnonzero((procedures.place.take(at) > 0) & procedures.may_be_main.take(at))
        owner, at = owner.take(listed), at.take(listed)
        keys = index.key(classes.take(owner), procedures.place.take(at))
        hit, row = index.mains.find(keys)
        kept = self._any_procedure.take(row) | procedures.is_main.take(at.take(hit))
        hit, row = hit[kept], row[kept]
        found = [(which.take(owner.take(hit)), row, at.take(hit))]

        def bare(of: NDArray[np.int64], rows: NDArray[np.int64], owner: NDArray[np.int64]) -> None:
            found.append((of.take(owner), rows, np.full(len(rows), NONE)))

        owner, row = index.plain.expand(classes)
        bare(which, row, owner)
        treated = cases.has_main if self._policy.no_main else cases.treatments != 0
        without = np.flatnonzero(~treated.take(which))
        owner, row = index.conservative.expand(classes.take(without))
        bare(which.take(without), row, owner)
        bits = cases.treatments.take(which)
        if self._policy.highest_kind:
            bits = bits & -bits
        for treatment in range(TREATMENTS):
            having = np.flatnonzero(bits >> treatment & 1)
            owner, row = index.comprehensive.expand(classes.take(having) * TREATMENTS + treatment)
            bare(which.take(having), row, owner)
        return found

    def _with_related(self, cases: Prepared, tried: Candidates) -> Candidates:
        """The candidates whose related parts are met, each with their number."""
        wanted = self._related.take(tried.row)
        asking = np.flatnonzero(wanted)
        if not len(asking):
            return tried
        owner, _, masks = self._related_masks(cases, tried.take(asking))
        # Every candidate has a procedure (its main one), so no range is empty.
        together = np.bitwise_or.reduceat(masks, np.searchsorted(owner, np.arange(len(asking))))
        met = tried.met.copy()
        met[asking] = _ones(together)
        held = met == wanted
        if self._policy.partial:
            required = self._required.take(tried.row.take(asking))
            some = (together & required == required) & (together & ~required != 0)
            held[asking] |= some
        return Candidates(tried.case, tried.row, tried.main, met).take(held)

    def _related_masks(
        self, cases: Prepared, tried: Candidates
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint64]]:
        """For each procedure of each candidate's case the related parts that it meets."""
        procedures = cases.procedures
        owner, at = self._beside(cases, tried.case)
        masks, _ = self._index.parts(tried.row.take(owner), procedures.place.take(at))
        if not self._policy.once:
            own = (at == tried.main.take(owner)) & ~procedures.repeated.take(at)
            masks[own] &= self._required.take(tried.row.take(owner[own]))
        return owner, at, masks

    @staticmethod
    def _beside(
        cases: Prepared, of: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        start = cases.procedures.start
        return spread(start.take(of), start.take(of + 1))

    def _choose(
        self,
        cases: Prepared,
        tried: Candidates,
        wanted: Sequence[Preference],
        no_cost: NDArray[np.bool_],
    ) -> Candidates:
        """The candidates that no other of their case goes before."""
        settled: list[Candidates] = []
        for preference in wanted:
            starts = tried.starts()
            counts = np.diff(np.append(starts, len(tried.case)))
            many = np.repeat(counts > 1, counts)
            settled.append(tried.take(~many))
            tried = tried.take(many)
            if not len(tried.case):
                break
            ranks = self._ranks[preference](self, cases, tried)
            if preference is Preference.COST:
                ranks = self._costs(cases, tried, ranks, no_cost)
            tried = tried.take(_least(tried, ranks))
        settled.append(tried)
        joined = [np.concatenate([getattr(s, f.name) for s in settled]) for f in fields(tried)]
        order = np.argsort(joined[0], kind="stable")
        return Candidates(*(column.take(order) for column in joined))

    def _costs(
        self,
        cases: Prepared,
        tried: Candidates,
        means: NDArray[np.int64],
        no_cost: NDArray[np.bool_],
    ) -> NDArray[np.int64]:
        """Distances of the costs; notes the cases without one for which it would decide."""
        unknown = cases.no_cost.take(tried.case)
        if unknown.any():
            starts = tried.starts()
            differ = np.minimum.reduceat(means, starts) != np.maximum.reduceat(means, starts)
            told = tried.case.take(starts[differ])
            no_cost[told[cases.no_cost.take(told)]] = True
        near: NDArray[np.int64] = np.abs(means - cases.cost.take(tried.case))
        near[means == _FAR] = _FAR
        near[unknown] = 0
        return near

    def _rank_treatment(self, cases: Prepared, tried: Candidates) -> NDArray[np.int64]:
        own = self._treatment.take(tried.row)
        kept = np.flatnonzero(tried.main != NONE)
        own[kept] = cases.procedures.treatment.take(tried.main.take(kept))
        asking = np.flatnonzero(self._related.take(tried.row))
        if len(asking):
            owner, at, masks = self._related_masks(cases, tried.take(asking))
            meeting = np.where(masks != 0, cases.procedures.treatment.take(at), _CONSERVATIVE)
            best = np.minimum.reduceat(meeting, np.searchsorted(owner, np.arange(len(asking))))
            own[asking] = np.minimum(own.take(asking), best)
        return own

    def _rank_complete(self, _: Prepared, tried: Candidates) -> NDArray[np.int64]:
        wanted = self._related.take(tried.row)
        return np.where(wanted == 0, 2, np.where(tried.met == wanted, 0, 1))

    def _rank_parts(self, _: Prepared, tried: Candidates) -> NDArray[np.int64]:
        return -tried.met

    def _matched(
        self, cases: Prepared, tried: Candidates
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Of each candidate how many procedures the row lists, and how many the case has."""
        owner, at = self._beside(cases, tried.case)
        _, listed = self._index.parts(tried.row.take(owner), cases.procedures.place.take(at))
        count = len(tried.case)
        return np.bincount(owner[listed], minlength=count), np.bincount(owner, minlength=count)

    def _rank_matched(self, cases: Prepared, tried: Candidates) -> NDArray[np.int64]:
        return -self._matched(cases, tried)[0]

    def _rank_exact(self, cases: Prepared, tried: Candidates) -> NDArray[np.int64]:
        matched, have = self._matched(cases, tried)
        exact = (matched == have) & (tried.met == self._related.take(tried.row))
        return np.where(exact, 0, 1)

    def _rank_score(self, _: Prepared, tried: Candidates) -> NDArray[np.int64]:
        score = self._score.take(tried.row)
        return np.where(score == _LEAST, _FAR, -score)

    def _rank_cost(self, _: Prepared, tried: Candidates) -> NDArray[np.int64]:
        return self._mean_cost.take(tried.row)

    _ranks: ClassVar[
        Mapping[Preference, Callable[[Matcher, Prepared, Candidates], NDArray[np.int64]]]
    ] = {
        Preference.TREATMENT: _rank_treatment,
        Preference.COMPLETE: _rank_complete,
        Preference.PARTS: _rank_parts,
        Preference.MATCHED: _rank_matched,
        Preference.EXACT: _rank_exact,
        Preference.SCORE: _rank_score,
        Preference.COST: _rank_cost,
    }


def _least(tried: Candidates, ranks: NDArray[np.int64]) -> NDArray[np.bool_]:
    """The candidates whose rank is the smallest of their case."""
    starts = tried.starts()
    if not len(starts):
        return np.zeros(0, np.bool_)
    counts = np.diff(np.append(starts, len(ranks)))
    best = np.repeat(np.minimum.reduceat(ranks, starts), counts)
    kept: NDArray[np.bool_] = ranks == best
    return kept


def _scaled(values: Sequence[Decimal | None], missing: int) -> NDArray[np.int64]:
    """Decimals of six places as whole numbers."""
    return np.array([missing if v is None else int(v * _SCALE) for v in values], np.int64)


def _ones(masks: NDArray[np.uint64]) -> NDArray[np.int64]:
    """How many bits are set."""
    bits = np.unpackbits(masks.view(np.uint8).reshape(-1, 8), axis=1)
    count: NDArray[np.int64] = bits.sum(axis=1, dtype=np.int64)
    return count
