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
from grouper.forecast.arrays import empty, floats, taken, texts, whole
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
        method: [pairs] what binds at the middle cost; empty where nothing is paid.
        point_value: [pairs] of that method, in yuan; NaN where it has none.
    """

    money: dict[str, NDArray[np.float64]]
    reason: NDArray[Any]
    method: NDArray[Any]
    point_value: NDArray[np.float64]


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
    own = candidates.are_bare(frame.bare)
    results, known, strange = _groupings(frame, candidates, cards, own, pair)
    fen = np.rint(costs.reshape(-1) * 100).astype(np.int64)
    # The share outside the scope is not sure either: by turns less and more than expected.
    turns = np.resize(_TURNS, levels)
    parts = outside.shares(frame)[row]
    parts = moved(parts, outside.noise(frame)[row] * turns[np.arange(len(row)) % levels])
    days = np.rint(stays.reshape(-1)).astype(np.int64)
    cases = _cases(frame, row, fen, days, parts)
    cases |= _codes(frame, candidates, cards, own, pair) | results
    since, until = HISTORY_SCHEMA.names
    # That a person comes back is not foretold.
    cases[since] = cases[until] = pa.array(np.full(len(pair), NONE, np.int32))
    batch = pa.RecordBatch.from_arrays(list(cases.values()), list(cases))
    paid = price_batch(batch, terms)
    money = {}
    lost = ~known | strange
    for name in AMOUNTS:
        money[name] = floats(paid[name]).reshape(-1, levels).copy()
        money[name][lost] = np.nan
    middle = pa.array(np.arange(len(candidates)) * levels + levels // 2)
    reason = _words(paid["pay_reason"], middle)
    reason[~known] = ForecastReason.UNPRICED.value
    reason[strange] = ForecastReason.NEW_SCHEME.value
    method = _words(paid["method"], middle)
    method[reason != ""] = ""
    return Priced(money, reason, method, floats(paid["point_value"].take(middle)))


def _words(column: pa.Array, places: pa.Array) -> NDArray[Any]:
    """Some words of a column; a missing one is empty."""
    told = texts(column.take(places))
    return np.array([word or "" for word in told.to_pylist()], object)


def _groupings(
    frame: Frame,
    candidates: Candidates,
    cards: Cards,
    own: NDArray[np.bool_],
    pair: NDArray[np.int64],
) -> tuple[dict[str, pa.Array], NDArray[np.bool_], NDArray[np.bool_]]:
    """The columns of the groupings; where one is known, and where its card is of another scheme.

    A case that falls by the grouper's own answer into the candidate keeps that answer.

    Args:
        frame: the cases.
        candidates: their groups.
        cards: of groups.
        own: which of these are the grouper's own answer.
        pair: of each row of the columns its candidate.
    """
    used, at = _used(candidates)
    known = own | (candidates.card >= 0)
    # First the cards, then the answers.
    place = np.where(known, np.where(own, len(used) + candidates.row, at), -1)
    few = cards.table.take(pa.array(used))
    spread = place[pair]
    columns = {}
    for field in RESULT_SCHEMA:
        parts = [whole(few[field.name]), whole(frame.results[field.name])]
        kind = parts[0].type
        if all(empty(part) for part in parts):
            columns[field.name] = pa.nulls(len(pair), kind)
        else:
            both = pa.concat_arrays([parts[0], parts[1].cast(kind)])
            columns[field.name] = taken(both, spread)
    holds = np.array(frame.results["scheme"].to_pylist(), object)
    schemes = np.array([*few["scheme"].to_pylist(), *holds.tolist(), None], object)[place]
    holds = holds[candidates.row]
    strange = known & np.not_equal(schemes, holds).astype(bool)
    strange &= np.not_equal(holds, np.array(None, object)).astype(bool)
    return columns, known, strange


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
    for name, column in zip(known.schema.names, known.columns, strict=True):
        # What is empty in all of them is empty without the column.
        if name not in beside and not empty(column):
            found[name] = column.take(at)
    for name in _YEAR:
        # What the person's year brought before is reckoned from the whole table when a month is
        # priced. A case that does not state it begins its year, as there.
        kind = CASE_SCHEMA.field(name).type
        if empty(known[name]):
            found[name] = pa.repeat(pa.scalar(Decimal(0), kind), len(row))
        else:
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
    frame: Frame,
    candidates: Candidates,
    cards: Cards,
    own: NDArray[np.bool_],
    pair: NDArray[np.int64],
) -> dict[str, pa.Array]:
    """Diagnoses and procedures: those known; for a group that the grouper does not find, its commonest.

    Arguments as of :func:`_groupings`.
    """
    known = frame.known
    used, at = _used(candidates)
    few = cards.table.take(pa.array(used))
    place = np.where(~own & (candidates.card >= 0), len(known) + at, candidates.row)
    taken_at = pa.array(place[pair])
    found = {}
    for name, column in (("dx", DX), ("px", PX)):
        told = known[name].cast(pa.list_(pa.string()))
        typical = [[word] if word else [] for word in few[column].to_pylist()]
        both = pa.concat_arrays([told, pa.array(typical, pa.list_(pa.string()))])
        found[name] = both.take(taken_at)
    return found


def _used(candidates: Candidates) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The cards that pairs speak of, and the place of each pair's among them (any for one without)."""
    used = np.unique(candidates.card[candidates.card >= 0])
    return used, np.searchsorted(used, np.maximum(candidates.card, 0))
