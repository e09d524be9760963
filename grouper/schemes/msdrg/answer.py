"""One case asked of the software: its answer, in our words, and what it rests on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from codebooks.code_storage import Kind
from grouper.schemes.msdrg.claims import GAPS, Request, request
from grouper.schemes.msdrg.codes import is_foreign, is_procedure
from grouper.schemes.msdrg.edits import ORDER, Finding, findings
from grouper.schemes.msdrg.roles import Role, roles
from grouper.schemes.protocol import Warned
from grouper.schemes.reasons import Reason, Status

if TYPE_CHECKING:
    from collections.abc import Iterable

    from grouper.schemes.msdrg.facts import Facts
    from grouper.schemes.msdrg.native import Software
    from grouper.schemes.msdrg.tables import Group, Tables


@dataclass(frozen=True, slots=True)
class Outcome:
    """One of the software's two groupings: initial, and final (after what the hospital caused).

    ``mdc`` is two digits, ``level`` the highest of the other diagnoses (MCC, CC or None).
    """

    group: str
    mdc: str
    return_code: str
    level: str | None


@dataclass(frozen=True, slots=True)
class Answer:
    """The grouping of one case before it is dressed for people.

    ``initial``, ``final`` and ``roles`` are empty where the case is refused for a reason that the
    software does not know of.
    """

    facts: Facts
    request: Request | None
    status: Status
    reason: Reason | None
    warnings: tuple[Warned, ...] = ()
    initial: Outcome | None = None
    final: Outcome | None = None
    roles: tuple[Role, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def grouped(self) -> bool:
        """Whether the case has a group of its own."""
        return self.status is Status.GROUPED


def answer(tables: Tables, software: Software, facts: Facts) -> Answer:
    """Group one case and edit its codes."""
    asked = request(tables, facts)
    if isinstance(asked, Reason):
        return Answer(facts, None, Status.INVALID, asked)
    fillings = list(asked.fillings(tables))
    claim = asked.claim(tables, fillings[0])
    result = software.group(claim)
    if result is None:
        return Answer(facts, asked, Status.INVALID, Reason.GROUPER_FAILED, asked.warnings)
    initial, final = _outcome(result, "initial"), _outcome(result, "final")
    status, reason = tables.meaning(final.return_code, final.group)
    if reason is Reason.DX_PRINCIPAL_UNKNOWN and is_foreign(
        asked.principal.written, Kind.DIAGNOSIS
    ):
        reason = Reason.DX_PRINCIPAL_EDITION
    reasons = [*asked.reasons]
    if len(fillings) > 1 and (gap := _deciding_gap(tables, software, asked, fillings)):
        # Which of several answers the software gave depends on what is missing: none is told.
        status, reason = Status.INVALID, None
        reasons.append(gap)
    ours = bool(reasons)
    if reason is not None:
        reasons.append(reason)
    reason = min(reasons, key=ORDER.__getitem__, default=None)
    known = roles(asked, result)
    found = findings(tables, software, asked, claim) if tables.options.code_edits else ()
    notices = [*asked.warnings, *_gaps(asked), *_codes(asked, known), *_acquired(known)]
    notices += [Warned(f.reason, f.codes) for f in found]
    return Answer(
        facts,
        asked,
        Status.INVALID if ours else status,
        reason,
        tuple(w for w in _joined(notices) if w.reason is not reason),
        None if ours else initial,
        None if ours else final,
        () if ours else known,
        found,
    )


def group_of(tables: Tables, answer: Answer) -> Group | None:
    """The final group as the book has it, if the software gave one."""
    if answer.request is None or answer.final is None:
        return None
    return tables.groups.get((answer.request.version.number, answer.final.group))


def _outcome(result: dict[str, Any], which: str) -> Outcome:
    level = result[f"{which}_severity"]
    code = result["return_code" if which == "final" else "initial_return_code"]
    return Outcome(
        f"{result[f'{which}_drg'] or 0:03}",
        f"{result[f'{which}_mdc'] or 0:02}",
        code,
        None if level == "NONE" else level,
    )


def _deciding_gap(
    tables: Tables, software: Software, asked: Request, fillings: Iterable[dict[str, int]]
) -> Reason | None:
    """The missing value that decides the group, if one does; the first that does so alone."""

    def differ(ways: Iterable[dict[str, int]]) -> bool:
        seen = set()
        for way in ways:
            result = software.group(asked.claim(tables, way)) or {}
            seen.add(tuple(result.get(key) for key in _COMPARED))
            if len(seen) > 1:
                return True
        return False

    if not differ(fillings):
        return None
    alone = (gap for gap in asked.gaps if differ(asked.filled(tables, gap)))
    return GAPS[next(alone, asked.gaps[0])]


_COMPARED = (
    "initial_drg",
    "final_drg",
    "final_mdc",
    "final_severity",
    "initial_return_code",
    "return_code",
)


def _gaps(asked: Request) -> Iterable[Warned]:
    stated = {
        "age": Reason.AGE_IMPLAUSIBLE,
        "discharge_status": Reason.DISCHARGE_STATUS_INVALID,
    }
    for gap in asked.gaps:
        if stated.get(gap) not in asked.reasons:
            yield Warned(GAPS[gap], ())


def _codes(asked: Request, known: tuple[Role, ...]) -> Iterable[Warned]:
    """The codes that the software does not know; the principal diagnosis has its own reason."""
    for role in known:
        if role.kind == "diagnosis" and role.place > 0 and role.action == "unknown":
            foreign = is_foreign(role.written, Kind.DIAGNOSIS)
            reason = Reason.DX_OTHER_EDITION if foreign else Reason.DX_OTHER_UNKNOWN
            yield Warned(reason, (role.written,))
    for code in asked.procedures:
        if not code.code or not is_procedure(code.code, asked.number):
            foreign = is_foreign(code.written, Kind.PROCEDURE)
            yield Warned(Reason.PX_EDITION if foreign else Reason.PX_UNKNOWN, (code.written,))


def _acquired(known: tuple[Role, ...]) -> Iterable[Warned]:
    for role in known:
        if role.acquired:
            yield Warned(Reason.HAC_PRESENT, (role.written,))


def _joined(warnings: Iterable[Warned]) -> tuple[Warned, ...]:
    """One warning for each reason, in order of weight, with all its codes."""
    codes: dict[Reason, list[str]] = {}
    for warned in warnings:
        codes.setdefault(warned.reason, []).extend(warned.codes)
    return tuple(
        Warned(r, tuple(dict.fromkeys(codes[r]))) for r in sorted(codes, key=ORDER.__getitem__)
    )
