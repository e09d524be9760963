"""The findings of the Medicare Code Editor, with the codes they speak of.

The editor tells how often an edit applies and not to which code. The codes are found by asking it
again about one code at a time; they are named where what it says of them adds up to its count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from grouper.schemes.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from grouper.schemes.msdrg.claims import Coded, Request
    from grouper.schemes.msdrg.native import Claim, Software
    from grouper.schemes.msdrg.tables import Edit, Tables


ORDER = {reason: place for place, reason in enumerate(Reason)}
"""The weight of each reason; the least goes first."""


@dataclass(frozen=True, slots=True)
class Finding:
    """An edit that applies: our reason, the editor's name and severity, the codes as written."""

    reason: Reason
    edit: str
    severity: str
    codes: tuple[str, ...]


def findings(
    tables: Tables, software: Software, request: Request, claim: Claim
) -> tuple[Finding, ...]:
    """What the editor finds in a claim, in the order of our reasons.

    An edit that asks for a value which the case lacks is not judged; that is said by the gap's own
    reason.
    """
    answer = software.edit(claim)
    if answer is None:
        return (Finding(Reason.EDITS_UNCHECKED, "", "", ()),)
    found: list[Finding] = []
    for row in answer["edits"]:
        edit = tables.edits.get(row["name"])
        if edit is None:  # of a later release of the package: told, though not in our words
            found.append(Finding(Reason.EDITS_UNCHECKED, row["name"], "", (row["name"],)))
        elif edit.reason is not None and edit.asks not in request.gaps:
            codes = _SPEAKS_OF[edit.speaks_of](software, request, claim, edit, row["count"])
            found.append(Finding(edit.reason, edit.name, edit.severity, codes))
    return tuple(sorted(found, key=lambda f: ORDER[f.reason]))


def _principal(
    _software: Software, request: Request, _claim: Claim, _edit: Edit, _count: int
) -> tuple[str, ...]:
    return (request.principal.written,)


def _duplicates(
    _software: Software, request: Request, _claim: Claim, _edit: Edit, _count: int
) -> tuple[str, ...]:
    return tuple(c.written for c in request.others if c.code == request.principal.code)


def _diagnoses(
    software: Software, request: Request, claim: Claim, edit: Edit, count: int
) -> tuple[str, ...]:
    def alone(code: Coded) -> Claim:
        diagnosis = {"code": code.code}
        if code is request.principal:
            return {**claim, "pdx": diagnosis, "sdx": [], "procedures": []}
        return {**claim, "pdx": {"code": ""}, "sdx": [diagnosis], "procedures": []}

    asked = [code for code in (request.principal, *request.others) if code.code]
    return _adding_up(software, edit, asked, alone, count)


def _procedures(
    software: Software, request: Request, claim: Claim, edit: Edit, count: int
) -> tuple[str, ...]:
    def alone(code: Coded) -> Claim:
        return {**claim, "procedures": [{"code": code.code}]}

    asked = [code for code in request.procedures if code.code]
    return _adding_up(software, edit, asked, alone, count)


def _adding_up(
    software: Software,
    edit: Edit,
    codes: Sequence[Coded],
    alone: Callable[[Coded], Claim],
    count: int,
) -> tuple[str, ...]:
    named: list[str] = []
    for code in codes:
        answer = software.edit(alone(code)) or {"edits": []}
        if any(row["name"] == edit.name for row in answer["edits"]):
            named.append(code.written)
    return tuple(named) if len(named) == count else ()


_SPEAKS_OF = {
    "principal": _principal,
    "duplicates": _duplicates,
    "diagnoses": _diagnoses,
    "procedures": _procedures,
}
