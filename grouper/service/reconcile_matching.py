"""Which stays the numbers of the bureau's statement are of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grouper.store import finding_stays

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from grouper.store.database import Writing


def case_ids(
    connection: Writing,
    numbers: Collection[str],
    *,
    hospital: str,
    paths: Sequence[str],
    compared: Collection[str],
) -> dict[str, str]:
    """Grouper's own names of the cases that some numbers mean; a number that tells none is left out.

    A number may be our own name of the case, that of the visit, that of the settlement, or that of
    the patient. Of several stays the one among those compared is meant, if it is only one.

    Args:
        connection: a reading transaction.
        numbers: as the file has them.
        hospital: code of the hospital.
        paths: where a stay's record keeps the number of its settlement.
        compared: our names of the cases that the statement is held against.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``.
    """
    found: dict[str, set[int]] = {}
    _add(found, finding_stays.by_case_id(connection, hospital, numbers))
    _add(found, finding_stays.by_visit(connection, hospital, numbers))
    # The record has no index: it is read for what nothing else tells.
    left = [one for one in numbers if one not in found]
    if left:
        _add(found, finding_stays.by_extra(connection, hospital, paths, left))
    left = [one for one in numbers if one not in found]
    if left:
        _add(found, finding_stays.by_patient(connection, hospital, left))
    told = finding_stays.told(connection, {stay for stays in found.values() for stay in stays})
    names = {number: {told[stay].case_id for stay in stays} for number, stays in found.items()}
    return _decided(names, frozenset(compared))


def _add(found: dict[str, set[int]], more: Mapping[str, set[int]]) -> None:
    for number, stays in more.items():
        found.setdefault(number, set()).update(stays)


def _decided(names: Mapping[str, set[str]], compared: frozenset[str]) -> dict[str, str]:
    decided = {}
    for number, known in names.items():
        meant = known & compared or known
        if len(meant) == 1:
            decided[number] = next(iter(meant))
    return decided
