"""What a clinical correction of the codes would change: the group, its rules and reasons.

A trial for the physician who finds that the record says something else than its codes. Nothing is
stored, nothing is proposed, and no amount is told: codes follow the record, not the payment.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from codebooks.codes import code_set
from codebooks.registry import registry
from grouper.run.one_case import grouping_of
from grouper.service.discharge import Role, codings
from grouper.service.discharge_limits import discharge_limits
from grouper.service.problems import ServiceError
from grouper.service.tracing import regroup

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from grouper.case.record import Case
    from grouper.service.discharge import Coding
    from grouper.service.stored import Stay

_LISTS = {"diagnosis": "dx", "procedure": "px"}
_BESIDE = {"dx": ("dx_poa", "dx_time"), "px": ("px_date", "px_level", "px_modifier")}


class Act(StrEnum):
    """What is done to a code."""

    ADD = "add"
    REMOVE = "remove"
    FIRST = "first"
    """It becomes the principal diagnosis or main procedure; the one before goes behind it."""


@dataclass(frozen=True, slots=True)
class Change:
    """A change: what is done to a ``diagnosis`` or ``procedure``."""

    act: Act
    kind: str
    code: str

    def plain(self) -> dict[str, str]:
        """As the audit log keeps it."""
        return {"act": self.act.value, "kind": self.kind, "code": self.code}


@dataclass(frozen=True, slots=True)
class Consequence:
    """The grouping as stored and after the changes.

    Attributes:
        scheme: by which both were made.
        before: trace document of the stored version.
        after: of the trial.
        codes: of the trial, each with what it does now.
    """

    scheme: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    codes: Sequence[Coding]

    @property
    def moved(self) -> bool:
        """Whether the group or its status is another."""
        return any(
            self.before["result"][name] != self.after["result"][name]
            for name in ("status", "group", "reason")
        )

    def now_counting(self) -> list[Coding]:
        """Complications that count after the changes and did not before."""
        return _counting(self.codes, codings(self.before))

    def no_longer_counting(self) -> list[Coding]:
        """Complications that counted before the changes and do not now."""
        return _counting(codings(self.before), self.codes)


def _counting(these: Sequence[Coding], those: Sequence[Coding]) -> list[Coding]:
    other = {one.code for one in those if one.role is Role.COUNTED}
    return [one for one in these if one.role is Role.COUNTED and one.code not in other]


def code_sets(scheme: str) -> dict[str, str]:
    """The code set of diagnoses and of procedures that a scheme uses.

    Raises:
        CodebookError: ``SCHEME_UNKNOWN``.
    """
    card = registry().card(scheme)
    return {"diagnosis": card.diagnosis_code_set, "procedure": card.procedure_code_set}


def consequence(
    stay: Stay, changes: Sequence[Change], ground: str, region: str, lang: str
) -> Consequence:
    """What changes of codes would do to the grouping of a stored version.

    Args:
        stay: within the asker's reach.
        changes: in their order.
        ground: what of the record the correction rests on, as the limits name them.
        region: of a case that names none.
        lang: of the texts.

    Raises:
        ServiceError: ``CORRECTION_EMPTY``, ``CORRECTION_GROUND``, ``CORRECTION_MOST``, or as
            :func:`corrected`; ``STORED_NOT_GROUPED``.
        CodebookError: no scheme binds the case.
    """
    if not changes:
        raise ServiceError("CORRECTION_EMPTY")
    if ground not in discharge_limits().grounds:
        raise ServiceError("CORRECTION_GROUND")
    most = discharge_limits().most_changes
    if len(changes) > most:
        raise ServiceError("CORRECTION_MOST", most=most)
    before = regroup(stay, None, region)
    case = corrected(stay.case, changes, code_sets(before.scheme))
    # The scheme stays the same: what is shown is the work of the correction alone.
    after = grouping_of(case, before.scheme, region).trace.document(lang)
    return Consequence(before.scheme, before.trace.document(lang), after, codings(after))


def corrected(case: Case, changes: Sequence[Change], sets: Mapping[str, str]) -> Case:
    """A case with changed codes; what is stated beside a code goes with it.

    Args:
        case: as stored.
        changes: in their order.
        sets: code set by kind; only its codes can be added.

    Raises:
        ServiceError: ``CORRECTION_CODE``: a code is not in the code set; ``CORRECTION_TWICE``: it
            stands in the case already; ``CORRECTION_ABSENT``: it does not.
    """
    for one in changes:
        case = _changed(case, one, sets)
    return case


def _changed(case: Case, change: Change, sets: Mapping[str, str]) -> Case:
    name = _LISTS[change.kind]
    codes: list[str | None] = list(getattr(case, name))
    beside: dict[str, list[Any]] = {
        one: list(getattr(case, one)) for one in _BESIDE[name] if getattr(case, one)
    }
    if change.act is Act.ADD:
        code = code_set(sets[change.kind]).canonical(change.code)
        if code is None:
            raise ServiceError("CORRECTION_CODE", code=change.code)
        if code in codes:
            raise ServiceError("CORRECTION_TWICE", code=code)
        _insert(codes, beside, len(codes), (code, {}))
        return _with(case, name, codes, beside)
    if change.code not in codes:
        raise ServiceError("CORRECTION_ABSENT", code=change.code)
    place = codes.index(change.code)
    taken = codes.pop(place), {one: values.pop(place) for one, values in beside.items()}
    if change.act is Act.FIRST:
        if codes and codes[0] is None:
            # A principal one that was missing is missing no more.
            codes.pop(0)
            for values in beside.values():
                values.pop(0)
        _insert(codes, beside, 0, taken)
    elif place == 0 and codes:
        # Nothing is promoted to the place of a principal one that is taken away.
        _insert(codes, beside, 0, (None, {}))
    return _with(case, name, codes, beside)


def _insert(
    codes: list[str | None],
    beside: Mapping[str, list[Any]],
    place: int,
    taken: tuple[str | None, Mapping[str, Any]],
) -> None:
    codes.insert(place, taken[0])
    for one, values in beside.items():
        values.insert(place, taken[1].get(one))


def _with(
    case: Case, name: str, codes: Sequence[str | None], beside: Mapping[str, Sequence[Any]]
) -> Case:
    values: dict[str, Any] = {name: tuple(codes)}
    return replace(case, **values | {one: tuple(held) for one, held in beside.items()})
