"""What part each code of a case played in the grouping, as the software tells it."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grouper.schemes.msdrg.codes import is_procedure

if TYPE_CHECKING:
    from collections.abc import Iterable

    from grouper.schemes.msdrg.claims import Coded, Request


@dataclass(frozen=True, slots=True)
class Role:
    """One code of the case.

    Attributes:
        kind: ``diagnosis`` or ``procedure``.
        place: in its list of the case, from 0.
        written: the code as written.
        action: ``principal``, ``mcc``, ``cc``, ``none`` (no complication), ``excluded`` (by the
            principal diagnosis), ``death`` (counts for survivors alone), ``hac`` (acquired in the
            hospital: does not count for the final group), ``procedure`` or ``unknown``.
        level: MCC or CC of an other diagnosis, whether it counts or not.
        letter: present on admission (Y, W, U, N or empty).
        hacs: number and state of each hospital-acquired condition that the code belongs to.
        impact: ``NONE``, ``INITIAL``, ``FINAL`` or ``BOTH``: the groupings that it decided.
    """

    kind: str
    place: int
    written: str
    action: str
    level: str | None = None
    letter: str = ""
    hacs: tuple[tuple[int, str], ...] = ()
    impact: str = "NONE"

    @property
    def acquired(self) -> bool:
        """Whether the code is a condition acquired in the hospital."""
        return self.action == "hac"

    @property
    def words(self) -> str:
        """Why, as stable words joined by ``;``."""
        words = [self.level or "", f"POA_{self.letter}" if self.letter else ""]
        words += [f"HAC{number:02}_{state}" for number, state in self.hacs]
        words.append(f"IMPACT_{self.impact}" if self.impact != "NONE" else "")
        return ";".join(word for word in words if word)


def roles(request: Request, result: dict[str, Any]) -> tuple[Role, ...]:
    """The role of every code of the case, in its order: diagnoses, then procedures."""
    principal = result.get("pdx_output") or {"flags": []}
    found = [_diagnosis(request.principal, principal, principal=True)]
    others, procedures = _by_code(result["sdx_output"]), _by_code(result["proc_output"])
    found += [_diagnosis(code, _next(others, code)) for code in request.others]
    for code in request.procedures:
        told = _next(procedures, code)
        known = bool(told) and is_procedure(code.code, request.number)
        usage = tuple((int(word[-2:]), "USED") for word in told.get("hac_usage", ()))
        found.append(
            Role(
                "procedure",
                code.place,
                code.written,
                "procedure" if known else "unknown",
                hacs=usage,
                impact=told.get("drg_impact", "NONE"),
            )
        )
    return tuple(found)


def _by_code(outputs: Iterable[dict[str, Any]]) -> dict[str, deque[dict[str, Any]]]:
    """The software's lines by code; it sorts them, equal codes keep their order."""
    found: dict[str, deque[dict[str, Any]]] = defaultdict(deque)
    for output in outputs:
        found[output["code"]].append(output)
    return found


def _next(outputs: dict[str, deque[dict[str, Any]]], code: Coded) -> dict[str, Any]:
    """The line of a code; empty for one that was not handed on."""
    return outputs[code.code].popleft() if code.code and outputs[code.code] else {}


def _diagnosis(code: Coded, told: dict[str, Any], *, principal: bool = False) -> Role:
    flags = told.get("flags", ())
    level = told.get("severity", "NONE")
    hacs = tuple(_hac(entry) for entry in told.get("hacs", ()))
    if "VALID" not in flags:
        action = "unknown"
    elif principal:
        action = "principal"
    else:
        action = _action(flags, level, hacs, code.letter)
    return Role(
        "diagnosis",
        code.place,
        code.written,
        action,
        None if principal or level == "NONE" else level,
        code.letter,
        hacs,
        told.get("drg_impact", "NONE"),
    )


def _action(
    flags: Iterable[str], level: str, hacs: tuple[tuple[int, str], ...], letter: str
) -> str:
    # Without an indicator nobody knows where it was acquired; the software then gives no group.
    if letter and any(state == "CRITERIA_MET" for _, state in hacs):
        return "hac"
    for flag, action in _NOT_COUNTED:
        if flag in flags and level != "NONE":
            return action
    return level.lower()


_NOT_COUNTED = (
    ("EXCLUDED", "excluded"),
    ("DEATH_EXCLUSION", "death"),
)
"""The software's flags for a complication that does not count, and our word."""


def _hac(entry: dict[str, Any]) -> tuple[int, str]:
    """Number and state; where it is not met the software gives the number in the list's name."""
    digits = "".join(c for c in entry["hac_list"][:5] if c.isdigit())
    number = entry["hac_number"] or int(digits or 0)
    return number, entry["hac_status"].removeprefix("HAC_")
