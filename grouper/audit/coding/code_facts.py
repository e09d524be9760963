"""The facts that are made of diagnoses and procedures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from codebooks.treatment import TreatmentKind
from grouper.audit.coding.codes import OTHER_EDITION, UNKNOWN
from grouper.audit.coding.columns import (
    PARTS,
    Lists,
    Scalars,
    Words,
    beside,
    encoded,
    flat,
    folded,
    merged,
    rows_of,
    words_of,
)
from grouper.case.crosswalks import INSURANCE
from grouper.case.dates import DAY_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from grouper.audit.coding.facts import Facts

    _Maker = Callable[[Facts], Lists]

_OPERATIONS = frozenset({TreatmentKind.SURGERY, TreatmentKind.INTERVENTION})


def _every(facts: Facts, name: str) -> tuple[Lists, NDArray[np.int64], NDArray[np.int64]]:
    """All places of a list of codes, gaps included (−1); the place of each; the lengths."""
    lengths, members = flat(facts.raw(name), facts.count)
    row, place = rows_of(lengths)
    at, words = encoded(members, len(row))
    at, distinct = merged(at, folded(words))
    return Lists(row, at, distinct), place, lengths


def _coded(name: str, places: Callable[[NDArray[np.int64]], NDArray[np.bool_]]) -> _Maker:
    def made(facts: Facts) -> Lists:
        every, place, _ = _every(facts, name)
        return every.take((every.at >= 0) & places(place))

    return made


def _first(name: str) -> Callable[[Facts], Words]:
    def made(facts: Facts) -> Words:
        every, place, _ = _every(facts, name)
        at = np.full(facts.count, -1, np.int64)
        at[every.row[place == 0]] = every.at[place == 0]
        return Words(at, every.words)

    return made


def _principal_poa(facts: Facts) -> Words:
    lengths, members = flat(facts.raw("dx_poa"), facts.count)
    row, place = rows_of(lengths)
    at, words = encoded(members, len(row))
    at, distinct = merged(at, [word or "" for word in words])
    first = np.full(facts.count, -1, np.int64)
    first[row[place == 0]] = at[place == 0]
    return Words(first, distinct)


def _names(of: str) -> _Maker:
    def made(facts: Facts) -> Lists:
        codes = facts.lists(of)
        at, words = merged(codes.at, [facts.tables.name(of, word) for word in codes.words])
        return Lists(codes.row, at, words).take(at >= 0)

    return made


def _dx_gaps(facts: Facts) -> Scalars:
    every, place, _ = _every(facts, "dx")
    gaps = np.bincount(every.row[(place > 0) & (every.at < 0)], minlength=facts.count)
    return Scalars(gaps.astype(np.int64) * PARTS, np.ones(facts.count, bool))


def _without(name: str, companion: str, *, operations: bool = False) -> _Maker:
    """The codes of a list whose companion says nothing."""

    def made(facts: Facts) -> Lists:
        every, _, lengths = _every(facts, name)
        members = beside(facts.raw(companion), lengths)
        silent = np.ones(len(every.at), bool) if members is None else np.asarray(members.is_null())
        found = every.take((every.at >= 0) & silent)
        if operations:
            found = found.take(found.chosen(lambda code: facts.tables.kind(code) in _OPERATIONS))
        return found

    return made


def _repeated(lists: Lists) -> Lists:
    """The members that a list has already, earlier in it."""
    key = lists.row * (len(lists.words) + 1) + lists.at
    _, first = np.unique(key, return_index=True)
    again = np.ones(len(key), bool)
    again[first] = False
    return lists.take(again)


def _principal_repeated(facts: Facts) -> Lists:
    principal, others = facts.words("principal"), facts.lists("other_dx")
    if not principal.words:
        return others.take(np.zeros(len(others.at), bool))
    spelled = np.array([*principal.words, ""], object)[principal.at[others.row]]
    return others.take(np.array([*others.words, ""], object)[others.at] == spelled)


def _standing(source: str, of: str, wanted: int) -> _Maker:
    """The codes of a fact that stand so in the edition of their case."""

    def made(facts: Facts) -> Lists:
        codes = _as_list(facts, source)
        systems = facts.words("code_system")
        names = [*systems.words, INSURANCE]
        system = np.where(systems.at < 0, len(names) - 1, systems.at)[codes.row]
        keep = np.zeros(len(codes.at), bool)
        for number, name in enumerate(names):
            mine = system == number
            if mine.any():
                keep |= mine & codes.chosen(
                    lambda code, name=name: facts.tables.standing(of, name, code) == wanted  # type: ignore[misc]
                )
        return codes.take(keep)

    return made


def _as_list(facts: Facts, name: str) -> Lists:
    """A list, or the single code of each case as one."""
    if name in {"principal", "admission_dx"}:
        one = facts.words(name)
        return Lists(np.arange(facts.count), one.at, one.words).take(one.at >= 0)
    return facts.lists(name)


def _outside(facts: Facts) -> Lists:
    """Procedures dated before the day of admission or after that of discharge."""
    every, _, lengths = _every(facts, "px")
    members = beside(facts.raw("px_date"), lengths)
    if members is None:
        return every.take(np.zeros(len(every.at), bool))
    known = np.asarray(members.is_valid())
    day = np.asarray(members.cast("int32").fill_null(0)).astype(np.int64)
    start, end = facts.scalars("admission_time"), facts.scalars("discharge_time")
    early = start.known[every.row] & (day < start.values[every.row] // DAY_SECONDS)
    late = end.known[every.row] & (day > end.values[every.row] // DAY_SECONDS)
    return every.take((every.at >= 0) & known & (early | late))


def _of_kind(accept: Callable[[TreatmentKind | None], bool]) -> _Maker:
    def made(facts: Facts) -> Lists:
        codes = facts.lists("px")
        return codes.take(codes.chosen(lambda code: accept(facts.tables.kind(code))))

    return made


MADE: dict[str, Callable[[Facts], Scalars | Words | Lists]] = {
    "admission_dx": lambda facts: words_of(facts.raw("admission_dx"), facts.count, codes=True),
    "principal": _first("dx"),
    "main_px": _first("px"),
    "principal_poa": _principal_poa,
    "dx": _coded("dx", lambda place: place >= 0),
    "other_dx": _coded("dx", lambda place: place > 0),
    "px": _coded("px", lambda place: place >= 0),
    "px_exact": _coded("px", lambda place: place >= 0),
    "other_px": _coded("px", lambda place: place > 0),
    "dx_name": _names("dx"),
    "px_name": _names("px"),
    "dx_gaps": _dx_gaps,
    "dx_without_poa": _without("dx", "dx_poa"),
    "dx_repeated": lambda facts: _repeated(facts.lists("dx")),
    "other_dx_repeated": lambda facts: _repeated(facts.lists("other_dx")),
    "principal_repeated": _principal_repeated,
    "unknown_principal": _standing("principal", "dx", UNKNOWN),
    "unknown_other_dx": _standing("other_dx", "dx", UNKNOWN),
    "unknown_admission_dx": _standing("admission_dx", "dx", UNKNOWN),
    "clinical_principal": _standing("principal", "dx", OTHER_EDITION),
    "clinical_other_dx": _standing("other_dx", "dx", OTHER_EDITION),
    "unknown_px": _standing("px", "px", UNKNOWN),
    "clinical_px": _standing("px", "px", OTHER_EDITION),
    "px_undated": _without("px", "px_date"),
    "px_without_level": _without("px", "px_level", operations=True),
    "px_outside_stay": _outside,
    "surgical_px": _of_kind(lambda kind: kind in _OPERATIONS),
    "treating_px": _of_kind(lambda kind: kind is not TreatmentKind.NONE),
}
"""How each fact is made, by its name."""
