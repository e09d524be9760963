"""The parts of a case: its two groupings, the role of each code, and the edits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grouper.schemes.protocol import Part
from grouper.schemes.reasons import Status

if TYPE_CHECKING:
    from grouper.schemes.msdrg.answer import Answer, Outcome
    from grouper.schemes.msdrg.tables import Tables


def parts_of(tables: Tables, answer: Answer) -> tuple[Part, ...]:
    """The parts of a case; none when it is refused (invalid).

    ``initial`` and ``final``: code is the MDC, group the DRG, action the return code, reason the
    highest level of the other diagnoses. ``diagnosis`` and ``procedure``: action is the role,
    reason the stable words of :class:`~grouper.schemes.msdrg.roles.Role`. ``edit``: code is the
    code it speaks of, action its severity, reason ours.
    """
    request, initial, final = answer.request, answer.initial, answer.final
    if answer.status is Status.INVALID or request is None or initial is None or final is None:
        return ()
    version = request.version.number
    found = [
        _outcome(tables, version, "initial", initial),
        _outcome(tables, version, "final", final),
    ]
    found += [
        Part(role.kind, role.written, action=role.action, reason=role.words or None)
        for role in answer.roles
    ]
    found += [
        Part("edit", code, action=finding.severity or None, reason=finding.reason.value)
        for finding in answer.findings
        for code in finding.codes or (None,)
    ]
    return tuple(found)


def _outcome(tables: Tables, version: int, kind: str, outcome: Outcome) -> Part:
    group = tables.groups.get((version, outcome.group))
    return Part(
        kind,
        outcome.mdc,
        group=outcome.group,
        action=outcome.return_code,
        reason=outcome.level,
        weight=group.weight if group else None,
    )
