"""What the code sets know of codes: whether they are of the edition asked for, name, kind."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from codebooks.codes import code_set
from codebooks.treatment import TreatmentKind, treatment_kinds
from grouper.case.crosswalks import CLINICAL, INSURANCE, WALKS

if TYPE_CHECKING:
    from codebooks.codes import CodeSet

KNOWN, OTHER_EDITION, UNKNOWN = 0, 1, 2
"""Of a code: in its edition, in the clinical edition alone, in none."""
_SETS = {
    (name, system): ids
    for name, walk in WALKS.items()
    for system, ids in zip((CLINICAL, INSURANCE), walk, strict=True)
}


@cache
def _set(of: str, system: str) -> CodeSet:
    return code_set(_SETS[of, system])


class CodeTables:
    """Looks up codes, each spelling once."""

    def __init__(self) -> None:
        self._standing: dict[tuple[str, str, str], int] = {}
        self._kinds: dict[str, TreatmentKind | None] = {}

    def standing(self, of: str, system: str, code: str) -> int:
        """How a code stands: ``KNOWN``, ``OTHER_EDITION`` or ``UNKNOWN``.

        Codes of an edition that is not at hand (``icd10cm``) count as known: nothing is said of
        them.

        Args:
            of: ``dx`` or ``px``.
            system: the code system of the case.
            code: in any spelling.
        """
        key = (of, system, code)
        if key not in self._standing:
            self._standing[key] = self._stands(of, system, code)
        return self._standing[key]

    @staticmethod
    def _stands(of: str, system: str, code: str) -> int:
        if (of, system) not in _SETS or _set(of, system).canonical(code) is not None:
            return KNOWN
        if system == INSURANCE and _set(of, CLINICAL).canonical(code) is not None:
            return OTHER_EDITION
        return UNKNOWN

    @staticmethod
    def name(of: str, code: str) -> str:
        """The name of a code in the insurance edition, else in the clinical one; else empty."""
        return _set(of, INSURANCE).name(code) or _set(of, CLINICAL).name(code) or ""

    @staticmethod
    def official(of: str, code: str) -> str:
        """The official spelling of a code; as it is where no edition has it."""
        found = _set(of, INSURANCE).canonical(code) or _set(of, CLINICAL).canonical(code)
        return found or code

    def kind(self, code: str) -> TreatmentKind | None:
        """The treatment kind of a procedure; None: not known."""
        if code not in self._kinds:
            official = _set("px", INSURANCE).canonical(code)
            kinds = treatment_kinds(_SETS["px", INSURANCE])
            self._kinds[code] = None if official is None else kinds.kind(official)
        return self._kinds[code]
