"""The features of a snapshot: one documented table (``data/features.csv``, ``docs/FORECAST.md``)."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from codebooks.folding import fold_codes
from codebooks.places import insured_of
from grouper.case.fields import ZONE
from grouper.forecast.arrays import empty, floats, lengths, numbers, stated, taken, texts
from grouper.forecast.grid import columns
from grouper.forecast.lines import CLASSES
from grouper.forecast.tables import rows, toml
from grouper.payment.place import region_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from grouper.forecast.snapshot import Snapshots

_MONDAY = 3
"""1970-01-01 was a Thursday, three days after a Monday."""
_WEEK = 7
_CATEGORY = 3


@cache
def names() -> tuple[str, ...]:
    """The features of a snapshot, in the order of the columns."""
    return tuple(row["feature"] for row in rows("features.csv"))


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words that a model knows, by feature; a word's number is its place."""

    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, snapshots: Snapshots) -> Vocabulary:
        """The departments of these stays."""
        courses = snapshots.courses
        admitted = {word for word in courses.texts("admission_department") if word}
        known = tuple(sorted(admitted | set(courses.lines.wards) - {""}))
        return cls({"department": known})

    def numbers(self, name: str, words: pa.Array) -> NDArray[np.float64]:
        """The numbers of words; NaN for none and for one that the model does not know."""
        known = self._places(name)
        encoded = texts(words).dictionary_encode()
        places = [known.get(word, np.nan) for word in encoded.dictionary.to_pylist()]
        return np.array([*places, np.nan])[numbers(encoded.indices, -1)]

    def _places(self, name: str) -> dict[str, float]:
        return _places(self.words[name])


@lru_cache(maxsize=64)
def _places(words: tuple[str, ...]) -> dict[str, float]:
    return {word: float(place) for place, word in enumerate(words)}


def feature_matrix(
    snapshots: Snapshots,
    cases: pa.RecordBatch,
    vocabulary: Vocabulary,
    region: str | None = None,
) -> NDArray[np.float32]:
    """[snapshots, features] in the order of :func:`names`; NaN is missing.

    Args:
        snapshots: days of stays.
        cases: their cases as they were known (:func:`grouper.forecast.snapshot.known_cases`).
        vocabulary: of the model.
        region: of cases that name none.
    """
    found = _time(snapshots) | _person(cases, region) | _route(cases, snapshots, vocabulary)
    found |= _codes(snapshots, cases) | _charges(snapshots)
    return np.column_stack([found[name] for name in names()]).astype(np.float32)


def _yes(column: Any, word: str) -> NDArray[np.float64]:  # noqa: ANN401 -- Arrow
    """1 where a text is this word, 0 where it is another, NaN where it is missing."""
    if empty(column):
        return np.full(len(column), np.nan)
    return floats(pc.equal(texts(column), word))


def _time(snapshots: Snapshots) -> dict[str, NDArray[np.float64]]:
    courses, stay, day = snapshots.courses, snapshots.stay, snapshots.day
    admission = snapshots.of_stays(courses.cases["admission_time"])
    local = pc.local_timestamp(admission.cast(pa.timestamp("s", ZONE), safe=False))
    start = courses.start[stay]
    return {
        "day": day.astype(np.float64),
        "admitted_hour": floats(pc.hour(local)),
        "admitted_weekday": ((start + _MONDAY) % _WEEK + 1).astype(np.float64),
        "weekday": ((start + day + _MONDAY) % _WEEK + 1).astype(np.float64),
        "month": floats(pc.month(local)),
    }


def _person(cases: pa.RecordBatch, region: str | None) -> dict[str, NDArray[np.float64]]:
    words = toml("snapshot.toml")["codes"]
    days = floats(cases["age_days"])
    return {
        "age": floats(cases["age"]),
        "newborn": (days < toml("snapshot.toml")["newborn_days"]).astype(np.float64),
        "female": floats(pc.equal(cases["sex"], words["female"])),
        "employee": _yes(cases["insurance_type"], words["employee"]),
        "retired": _yes(cases["person_type"], words["retired"]),
        "elsewhere": _elsewhere(cases, region),
        "aided": stated(cases["aid_category"]).astype(np.float64),
        "admission_number": floats(cases["admission_number"]),
    }


def _elsewhere(cases: pa.RecordBatch, region: str | None) -> NDArray[np.float64]:
    """Whether a person is insured in another region; without a word the region's own."""
    if empty(cases["insured_region"]):
        return np.zeros(len(cases))
    places = texts(cases["insured_region"]).dictionary_encode()
    regions = texts(cases["region"]).dictionary_encode()
    theirs = [region_id(insured_of(word)) for word in places.dictionary.to_pylist()]
    ours = [region_id(word) for word in regions.dictionary.to_pylist()]
    at = numbers(places.indices, -1)
    here = numbers(regions.indices, -1)
    whose = np.array([*theirs, None], object)[at]
    own = region_id(region) if region else None
    where = np.array([*ours, own], object)[here]
    named = np.array([*(one is not None for one in ours), own is not None], bool)[here]
    return np.asarray((at >= 0) & named & (whose != where), np.float64)


def _route(
    cases: pa.RecordBatch, snapshots: Snapshots, vocabulary: Vocabulary
) -> dict[str, NDArray[np.float64]]:
    words = toml("snapshot.toml")["codes"]
    department = vocabulary.numbers("department", cases["admission_department"])
    ward = vocabulary.numbers("department", cases["department"])
    moved = pc.not_equal(texts(cases["department"]), texts(cases["admission_department"]))
    return {
        "day_surgery": _yes(cases["visit_type"], words["day_surgery"]),
        "single_disease": _yes(cases["visit_type"], words["single_disease"]),
        "department": department,
        "ward": ward,
        "moved": np.where(snapshots.day > 0, np.nan_to_num(floats(moved)), 0.0),
    }


def _codes(snapshots: Snapshots, cases: pa.RecordBatch) -> dict[str, NDArray[np.float64]]:
    sums, place = snapshots.sums(), columns().index
    courses, stay, day = snapshots.courses, snapshots.stay, snapshots.day
    block = courses.dx
    since = np.full(len(courses), 1 << 30, np.int64)
    lead = block.place == 0
    since[block.stay[lead]] = block.day[lead]
    principal = since[stay] < day
    first = _category(_firsts(cases["dx"]))
    admitted = _category(texts(cases["admission_dx"]))
    missing = ~stated(admitted)
    differs = np.nan_to_num(floats(pc.not_equal(first, admitted))) > 0
    some = day > 0
    cell = snapshots.grid.at(stay, day)
    operated = np.where(some, snapshots.grid.operated[cell], -1)
    surgery = sums[:, int(toml("snapshot.toml")["classes"]["surgery"])]
    return {
        "dx_known": sums[:, place("dx")],
        "dx_acquired": sums[:, place("acquired")],
        "dx_undetermined": sums[:, place("undetermined")],
        "charlson": sums[:, place("charlson")],
        "principal_known": principal.astype(np.float64),
        "principal_changed": (principal & differs & ~missing).astype(np.float64),
        "no_admission_dx": missing.astype(np.float64),
        "px_known": sums[:, place("px")],
        "px_level": np.where(some, snapshots.grid.level[cell], 0).astype(np.float64),
        "since_operation": np.where(operated >= 0, day - 1 - operated, np.nan),
        "operated": (surgery > 0).astype(np.float64),
    }


def _firsts(lists: pa.Array) -> pa.Array:
    if empty(lists):
        return pa.nulls(len(lists), pa.string())
    some = lengths(lists) > 0
    # The first entry of each list stands where its entries begin.
    return texts(taken(lists.values, np.where(some, np.asarray(lists.offsets)[:-1], -1)))


def _category(codes: pa.Array) -> pa.Array:
    """The three characters of the category; of a code's folded spelling."""
    encoded = codes.dictionary_encode()
    words = encoded.dictionary.to_pylist()
    folded = [code[:_CATEGORY] for code in fold_codes([word or "" for word in words])]
    return pa.array(folded, pa.string()).take(encoded.indices)


def _charges(snapshots: Snapshots) -> dict[str, NDArray[np.float64]]:
    grid, stay, day = snapshots.grid, snapshots.stay, snapshots.day
    sums, place = snapshots.sums(), columns().index
    by_kind = sums[:, : CLASSES + 1]
    total = by_kind.sum(axis=1)
    recent = int(toml("snapshot.toml")["recent_days"])

    def before(days: int) -> NDArray[np.float64]:
        past: NDArray[np.float64] = grid.up_to(stay, day - days)[:, : CLASSES + 1].sum(axis=1)
        return past

    span = np.clip(day, 1, recent)
    first = grid.up_to(stay, np.minimum(day, 1))[:, : CLASSES + 1].sum(axis=1)
    classes = toml("snapshot.toml")["classes"]
    named = {name: _log(by_kind[:, kind]) for name, kind in classes.items()}
    rest = [kind for kind in range(CLASSES + 1) if kind not in classes.values()]
    gross = total + sums[:, place("refunds")]
    dearest = np.where(day > 0, grid.dearest[grid.at(stay, day)], 0.0)
    events = {name: sums[:, place(name)] for name in columns() if name.endswith("_days")}
    return {
        "cost": _log(total),
        "cost_last_day": _log(total - before(1)),
        "cost_recent": _log((total - before(recent)) / span),
        "cost_first_day": _log(first),
        **named,
        "other_classes": _log(by_kind[:, rest].sum(axis=1)),
        "dearest": _log(dearest),
        "refunded": _share(sums[:, place("refunds")], gross),
        "own_share": _share(sums[:, place("own")], total),
        "lines": np.log1p(sums[:, place("lines")]),
        **events,
    }


def _log(fen: NDArray[np.float64]) -> NDArray[np.float64]:
    """ln(1 + yuan); below nought is nought (what was charged was taken back)."""
    found: NDArray[np.float64] = np.log1p(np.maximum(fen, 0.0) / 100)
    return found


def _share(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1.0), 0.0)
