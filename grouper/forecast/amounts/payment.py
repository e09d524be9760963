"""What each case would be paid: its candidates priced by the region's policy, at several final costs.

There is no formula here: each pair of a candidate group and a final cost is a case with a grouping, and
:func:`grouper.payment.batch.price_batch` prices it.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from grouper.case.dates import DAY_SECONDS
from grouper.case.fields import CASE_SCHEMA, members
from grouper.forecast.amounts.cards import DX, PX
from grouper.forecast.amounts.outside import PARTS, moved
from grouper.forecast.levels import GROUP
from grouper.forecast.result import AMOUNTS, ForecastReason
from grouper.forecast.snapshot import yuan
from grouper.payment.batch import price_batch
from grouper.payment.columns import HISTORY_SCHEMA
from grouper.payment.history import NONE
from grouper.schemes.protocol import RESULT_SCHEMA

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from grouper.forecast.amounts.candidates import Candidates
    from grouper.forecast.amounts.cards import Cards
    from grouper.forecast.amounts.outside import Outside
    from grouper.forecast.frame import Frame
    from grouper.payment.place import Terms

_REPLACED = ("discharge_time", "los", "total_cost", "scope_cost", *PARTS)
_TURNS = (1.0, -1.0, -1.0, 1.0)
_YEAR = ("year_deductible", "year_basic", "year_burden", "year_critical")


@dataclass(frozen=True, slots=True)
class Priced:
    """Payments of pairs at several costs.

    Attributes:
        money: by measure of ``AMOUNTS`` [pairs, levels] in yuan; NaN where there is none.
        reason: [pairs] why there is none at the middle cost; empty where there is one.
    """

    money: dict[str, NDArray[np.float64]]
    reason: NDArray[Any]


def price_candidates(
    frame: Frame,
    candidates: Candidates,
    cards: Cards,
    costs: NDArray[np.float64],
    stays: NDArray[np.float64],
    outside: Outside,
    terms: Terms,
) -> Priced:
    """Price pairs of a case and a candidate.

    Args:
        frame: the cases.
        candidates: their groups.
        cards: of groups.
        costs: [pairs, levels] final costs in yuan.
        stays: [pairs, levels] days of the whole stay.
        outside: what of the cost lies outside the policy's scope.
        terms: by which policies.
    """
    levels = costs.shape[1]
    pair = np.repeat(np.arange(len(candidates)), levels)
    row = candidates.row[pair]
    results, known, strange = _groupings(frame, candidates, cards)
    fen = np.rint(costs.reshape(-1) * 100).astype(np.int64)
    # The share outside the scope is not sure either: by turns less and more than expected.
    turns = np.resize(_TURNS, levels)
    parts = outside.shares(frame)[row]
    parts = moved(parts, outside.noise(frame)[row] * turns[np.arange(len(row)) % levels])
    days = np.rint(stays.reshape(-1)).astype(np.int64)
    cases = _cases(frame, row, fen, days, parts)
    cases |= _codes(frame, candidates, cards, pair)
    for name in RESULT_SCHEMA.names:
        cases[name] = results[name].combine_chunks().take(pa.array(pair))
    since, until = HISTORY_SCHEMA.names
    # That a person comes back is not foretold.
    cases[since] = cases[until] = pa.array(np.full(len(pair), NONE, np.int32))
    batch = pa.RecordBatch.from_arrays(list(cases.values()), list(cases))
    paid = price_batch(batch, terms)
    money = {}
    lost = ~known | strange
    for name in AMOUNTS:
        values = np.asarray(pc.fill_null(pc.cast(paid[name], pa.float64()), float("nan")))
        own = values.astype(np.float64).reshape(-1, levels)
        own[lost] = np.nan
        money[name] = own
    middle = pa.array(np.arange(len(candidates)) * levels + levels // 2)
    told = pc.coalesce(paid["pay_reason"].cast(pa.string()), pa.scalar("")).take(middle)
    reason = np.array(told.to_pylist(), object)
    reason[~known] = ForecastReason.UNPRICED.value
    reason[strange] = ForecastReason.NEW_SCHEME.value
    return Priced(money, reason)


def _groupings(
    frame: Frame, candidates: Candidates, cards: Cards
) -> tuple[pa.Table, NDArray[np.bool_], NDArray[np.bool_]]:
    """The grouping of each pair; where it is known, and where its card is of another scheme.

    A case that falls by the grouper's own answer into the candidate keeps that answer.
    """
    codes, words = candidates.words[GROUP]
    number = {word: place for place, word in enumerate(words)}
    bare = np.array([number.get(word, -1) for word in frame.bare.words[GROUP]], np.int64)
    own = bare[frame.bare.codes[GROUP][candidates.row]] == codes
    used, at = _used(candidates)
    place = np.where(own, len(used) + candidates.row, at)
    known = own | (candidates.card >= 0)
    taken = pa.array(place, mask=~known)
    few = cards.table.take(pa.array(used))
    columns = {}
    for field in RESULT_SCHEMA:
        kind = few.schema.field(field.name).type
        parts = [*few[field.name].chunks, *frame.results[field.name].cast(kind).chunks]
        columns[field.name] = pa.chunked_array(parts, kind).combine_chunks().take(taken)
    holds = frame.results["scheme"].cast(pa.string()).combine_chunks()
    holds = holds.take(pa.array(candidates.row))
    same = pc.fill_null(pc.equal(columns["scheme"], holds), fill_value=False)
    strange = known & ~np.asarray(same) & np.asarray(holds.is_valid())
    return pa.table(columns), known, strange


def _cases(
    frame: Frame,
    row: NDArray[np.int64],
    fen: NDArray[np.int64],
    los: NDArray[np.int64],
    parts: NDArray[np.float64],
) -> dict[str, pa.Array]:
    """The columns of the cases as they would end."""
    known = frame.known
    beside = {*members("dx"), *members("px"), *_REPLACED}
    at = pa.array(row)
    found = {}
    for name in known.schema.names:
        column = known[name]
        # What is empty in all of them is empty without the column.
        if name not in beside and column.null_count < len(column):
            found[name] = column.take(at)
    for name in _YEAR:
        # What the person's year brought before is reckoned from the whole table when a month is
        # priced. A case that does not state it begins its year, as there.
        kind = CASE_SCHEMA.field(name).type
        found[name] = pc.fill_null(known[name].cast(kind), Decimal(0)).take(at)
    day = frame.day[row]
    days = los - np.maximum(day, 1) + 1
    # ``discharge_time`` of a snapshot is the end of its last day.
    kind = CASE_SCHEMA.field("discharge_time").type
    end = np.asarray(known["discharge_time"].cast(pa.timestamp("s", "UTC")).cast(pa.int64()))
    ends = pa.array(end[row] + days * DAY_SECONDS).cast(pa.timestamp("s", "UTC"))
    found["discharge_time"] = ends.cast(kind)
    found["los"] = pa.array(los, pa.int32())
    parts = np.floor(parts * fen[:, None])
    scope = fen - parts.sum(axis=1)
    found["total_cost"] = yuan(fen.astype(np.float64))
    found["scope_cost"] = yuan(np.maximum(scope, 0.0))
    for place, name in enumerate(PARTS):
        found[name] = yuan(parts[:, place])
    return found


def _codes(
    frame: Frame, candidates: Candidates, cards: Cards, pair: NDArray[np.int64]
) -> dict[str, pa.Array]:
    """Diagnoses and procedures: those known; for a group that the grouper does not find, its commonest."""
    known = frame.known
    codes, words = candidates.words[GROUP]
    group = frame.bare.texts(GROUP)[candidates.row]
    other = np.array(words, object)[codes] != group
    used, at = _used(candidates)
    few = cards.table.take(pa.array(used))
    found = {}
    for name, column in (("dx", DX), ("px", PX)):
        own = known[name].cast(pa.list_(pa.string()))
        typical = [[word] if word else [] for word in few[column].to_pylist()]
        both = pa.concat_arrays([own, pa.array(typical, pa.list_(pa.string()))])
        place = np.where(other & (candidates.card >= 0), len(own) + at, candidates.row)
        found[name] = both.take(pa.array(place[pair]))
    return found


def _used(candidates: Candidates) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The cards that pairs speak of, and the place of each pair's among them (any for one without)."""
    used = np.unique(candidates.card[candidates.card >= 0])
    return used, np.searchsorted(used, np.maximum(candidates.card, 0))
