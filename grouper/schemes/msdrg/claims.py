"""From the facts of a case to the claim that the software takes, and what the case lacks for it."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING

from grouper.schemes.msdrg.codes import plain
from grouper.schemes.protocol import Warned
from grouper.schemes.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

    from grouper.schemes.msdrg.facts import Facts
    from grouper.schemes.msdrg.native import Claim
    from grouper.schemes.msdrg.tables import Tables, Version

CODE_SYSTEM = "icd10cm"
_SEX = {0: 2, 1: 0, 2: 1}
"""Our sex -> the package's: 0 male, 1 female, 2 unknown. Ours is 0 where the case states none."""
_STATUS = re.compile(r"\d{1,2}", re.ASCII)

GAPS = {
    "sex": Reason.SEX_MISSING,
    "age": Reason.AGE_MISSING,
    "discharge_status": Reason.DISCHARGE_STATUS_MISSING,
}
"""The fields whose absence need not matter, in order of weight, and its reason."""


@dataclass(frozen=True, slots=True)
class Coded:
    """A code of the case: its place in its list, as written, as the software takes it."""

    place: int
    written: str
    code: str
    letter: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """What the software is asked.

    ``values`` are the fields of :data:`GAPS` that the case has, in the package's words but for the
    sex. ``reasons`` make the case invalid whatever the software says.
    """

    version: Version
    day: date
    principal: Coded
    others: tuple[Coded, ...]
    procedures: tuple[Coded, ...]
    values: Mapping[str, int]
    reasons: tuple[Reason, ...]
    warnings: tuple[Warned, ...]

    @property
    def gaps(self) -> tuple[str, ...]:
        """The fields that are missing, or refused, in order of weight."""
        return tuple(name for name in GAPS if name not in self.values)

    @property
    def number(self) -> int:
        """The day of discharge as the package takes it."""
        return self.day.year * 10000 + self.day.month * 100 + self.day.day

    def claim(self, tables: Tables, filled: Mapping[str, int]) -> Claim:
        """The claim, its gaps filled with these values."""
        values = {**self.values, **filled}
        return {
            "version": self.version.number,
            "discharge_date": self.number,
            "hospital_status": tables.options.hospital_status,
            "tie_breaker": tables.options.tie_breaker,
            "age": values["age"],
            "sex": _SEX[values["sex"]],
            "discharge_status": values["discharge_status"],
            "pdx": _diagnosis(self.principal),
            "sdx": [_diagnosis(code) for code in self.others if code.code],
            "procedures": [{"code": code.code} for code in self.procedures if code.code],
        }

    def fillings(self, tables: Tables) -> Iterator[dict[str, int]]:
        """Every way to fill the gaps that the rules can tell apart; one when there is no gap."""
        for values in product(*(tables.probes[name] for name in self.gaps)):
            yield dict(zip(self.gaps, values, strict=True))

    def filled(self, tables: Tables, name: str) -> Iterator[dict[str, int]]:
        """The fillings of one gap, the others filled alike throughout."""
        first = {gap: tables.probes[gap][0] for gap in self.gaps}
        for value in tables.probes[name]:
            yield {**first, name: value}


def _diagnosis(code: Coded) -> dict[str, str]:
    return {"code": code.code, "poa": code.letter} if code.letter else {"code": code.code}


def request(tables: Tables, facts: Facts) -> Request | Reason:
    """What to ask of a case, or why it cannot be asked at all."""
    if facts.kind not in tables.card.kinds:
        return Reason.KIND_UNSUPPORTED
    if facts.code_system != CODE_SYSTEM:
        return Reason.CODE_SYSTEM_MISMATCH
    version = tables.version_on(facts.day)
    if version is None:
        return Reason.VERSION_DATE_MISSING if facts.day is None else Reason.VERSION_UNCOVERED
    if not facts.dx or not (facts.dx[0] or "").strip():
        return Reason.DX_PRINCIPAL_MISSING
    # A version that the card names may be asked of any day: the edits are those of its own time.
    day = facts.day if facts.day and version.covers(facts.day) else version.start
    diagnoses, unread = _diagnoses(tables, facts)
    warnings = [Warned(Reason.POA_UNKNOWN, tuple(unread))] if unread else []
    made = Request(
        version,
        day,
        diagnoses[0],
        tuple(diagnoses[1:]),
        tuple(_coded(facts.px)),
        {},
        (),
        (),
    )
    return _with_values(tables, facts, made, warnings)


def _coded(codes: tuple[str | None, ...]) -> Iterator[Coded]:
    for place, written in enumerate(codes):
        if written and written.strip():
            yield Coded(place, written, plain(written))


def _diagnoses(tables: Tables, facts: Facts) -> tuple[list[Coded], list[str]]:
    """The diagnoses with their letters, and those whose letter cannot be read."""
    found: list[Coded] = []
    unread: list[str] = []
    for code in _coded(facts.dx):
        stated = facts.poa[code.place] if code.place < len(facts.poa) else None
        key = unicodedata.normalize("NFKC", stated or "").strip().upper()
        letter = tables.letters.get(key)
        if key and letter is None:
            unread.append(code.written)
        found.append(Coded(code.place, code.written, code.code, letter or ""))
    return found, unread


def _with_values(tables: Tables, facts: Facts, made: Request, warnings: list[Warned]) -> Request:
    values: dict[str, int] = {}
    reasons: list[Reason] = []
    if facts.sex in (1, 2):
        values["sex"] = facts.sex
    least, most = tables.limits["age"]
    if facts.age is not None:
        if least <= facts.age <= most:
            values["age"] = facts.age
        else:
            reasons.append(Reason.AGE_IMPLAUSIBLE)
    stated = unicodedata.normalize("NFKC", facts.status or "").strip()
    way = tables.ways.get((facts.way or "").strip())
    if stated:
        status = int(stated) if _STATUS.fullmatch(stated) else None
        if status is None or tables.status_name(status, made.day, "en") is None:
            reasons.append(Reason.DISCHARGE_STATUS_INVALID)
        else:
            values["discharge_status"] = status
    elif way is not None:
        values["discharge_status"] = way.status
        if not way.exact:
            derived = f"{facts.way}>{way.status:02}"
            warnings.append(Warned(Reason.DISCHARGE_STATUS_DERIVED, (derived,)))
    return replace(made, values=values, reasons=tuple(reasons), warnings=tuple(warnings))
