"""A book of the family ``msdrg``, ready to be asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from codebooks.errors import CodebookError
from grouper.schemes.msdrg.native import PACKAGE
from grouper.schemes.reasons import Reason, Status

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import date
    from decimal import Decimal

    from codebooks.book import BookCard, SchemeBook

HOSPITAL_STATUSES = ("NOT_EXEMPT", "EXEMPT", "UNKNOWN")
"""Whether a hospital has to report what was present on admission, as the package names it."""
TIE_BREAKERS = ("CLINICAL_SIGNIFICANCE", "ALPHABETICAL")
"""Which of several diagnoses is said to have decided, as the package names it."""


MAY_LACK = ("sex", "age", "discharge_status")
"""The fields whose absence need not matter, in order of weight."""
SPEAKS_OF = ("principal", "duplicates", "diagnoses", "procedures", "case")
"""What an edit may speak of."""


@dataclass(frozen=True, slots=True)
class Options:
    """The card's options. ``version`` is None where the discharge date decides."""

    version: int | None
    hospital_status: str
    tie_breaker: str
    code_edits: bool


@dataclass(frozen=True, slots=True)
class Version:
    """A version of the software and the discharges it binds, half-open."""

    number: int
    label: str
    fiscal_year: int
    start: date
    end: date

    def covers(self, day: date) -> bool:
        """Whether a discharge on ``day`` falls under it."""
        return self.start <= day < self.end


@dataclass(frozen=True, slots=True)
class Group:
    """A group of one version."""

    code: str
    name: str
    mdc: str
    base: str
    kind: str
    weight: Decimal | None


@dataclass(frozen=True, slots=True)
class Way:
    """The US status that stands in for one of our discharge ways."""

    status: int
    exact: bool


@dataclass(frozen=True, slots=True)
class Edit:
    """What an edit of the Medicare Code Editor is to us; without a reason it is not told."""

    name: str
    reason: Reason | None
    severity: str
    speaks_of: str
    asks: str


class Tables:
    """The tables of a book by key.

    Raises:
        CodebookError: ``MSDRG_OPTION``, ``MSDRG_VERSION`` or ``MSDRG_TABLE``: an option, a version
            or a cell that cannot be used.
    """

    def __init__(self, book: SchemeBook, available: Collection[int]) -> None:
        self.card: BookCard = book.card
        self.versions = tuple(
            Version(r["version"], r["label"], r["fiscal_year"], r["valid_from"], r["valid_to"])
            for r in book.rows("versions")
        )
        missing = sorted({v.number for v in self.versions} - set(available))
        if missing:
            raise CodebookError(
                "MSDRG_VERSION",
                package=PACKAGE,
                found=", ".join(map(str, missing)),
                known=", ".join(map(str, sorted(available))),
            )
        self.options = _options(book.card, [v.number for v in self.versions])
        self.groups: Mapping[tuple[int, str], Group] = {
            (r["version"], r["group"]): Group(
                r["group"], r["name"], r["mdc"], r["base"], r["kind"], r["weight"]
            )
            for r in book.rows("groups")
        }
        self.mdcs: Mapping[tuple[int, str], str] = {
            (r["version"], r["mdc"]): r["name"] for r in book.rows("mdcs")
        }
        self.hacs: Mapping[tuple[int, int], str] = {
            (r["version"], r["hac"]): r["name"] for r in book.rows("hacs")
        }
        self._statuses: dict[int, list[dict[str, Any]]] = {}
        for row in book.rows("discharge_statuses"):
            self._statuses.setdefault(row["status"], []).append(row)
        self.ways: Mapping[str, Way] = {
            r["way"]: Way(r["status"], r["exact"]) for r in book.rows("discharge_ways")
        }
        self.letters: Mapping[str, str] = {r["code"]: r["letter"] for r in book.rows("poa")}
        self.limits: Mapping[str, tuple[int, int]] = {
            r["field"]: (r["minimum"], r["maximum"]) for r in book.rows("limits")
        }
        self.probes: dict[str, list[int]] = {}
        for row in book.rows("probes"):
            self.probes.setdefault(row["field"], []).append(row["value"])
        self._returns = {
            (r["return_code"], r["group"]): (
                _member(Status, "returns", r["status"]),
                _member(Reason, "returns", r["reason"]) if r["reason"] else None,
            )
            for r in book.rows("returns")
        }
        self.edits: Mapping[str, Edit] = {
            r["edit"]: Edit(
                r["edit"],
                _member(Reason, "edits", r["reason"]) if r["reason"] else None,
                r["severity"],
                r["speaks_of"],
                r["asks"],
            )
            for r in book.rows("edits")
        }
        self._hold_whole()

    def _hold_whole(self) -> None:
        """What is asked without a second thought later must be there."""
        lacking = [("limits", "age")] if "age" not in self.limits else []
        lacking += [("probes", name) for name in MAY_LACK if name not in self.probes]
        lacking += [
            ("edits", edit.speaks_of)
            for edit in self.edits.values()
            if edit.speaks_of not in SPEAKS_OF[: None if edit.reason is None else -1]
        ]
        for table, found in lacking:
            raise CodebookError("MSDRG_TABLE", table=table, found=found)

    def version_on(self, day: date | None) -> Version | None:
        """The version that binds a discharge: the card's, if it names one, else the day's."""
        named = self.options.version
        for version in self.versions:
            if version.number == named or (
                named is None and day is not None and version.covers(day)
            ):
                return version
        return None

    def status_name(self, status: int, day: date, lang: str) -> str | None:
        """What a discharge status is called; None when it is not valid on that day."""
        for row in self._statuses.get(status, ()):
            if row["valid_from"] <= day and (row["valid_to"] is None or day < row["valid_to"]):
                return str(row[f"name_{lang}"])
        return None

    def meaning(self, return_code: str, group: str) -> tuple[Status, Reason | None]:
        """What a return code of the software means for us; never nothing."""
        found = self._returns.get((return_code, group)) or self._returns.get((return_code, ""))
        return found or (Status.UNGROUPED, Reason.RETURN_CODE_UNKNOWN)


_Member = TypeVar("_Member", Status, Reason)


def _member(kind: type[_Member], table: str, value: str) -> _Member:
    try:
        return kind(value)
    except ValueError as cause:
        raise CodebookError("MSDRG_TABLE", table=table, found=value) from cause


def _options(card: BookCard, versions: Collection[int]) -> Options:
    version = card.options.get("version", 0)
    status = card.options.get("hospital_status", HOSPITAL_STATUSES[0])
    ties = card.options.get("tie_breaker", TIE_BREAKERS[0])
    edits = card.options.get("code_edits", True)
    allowed: tuple[tuple[str, object, Collection[object]], ...] = (
        ("version", version, (0, *versions)),
        ("hospital_status", status, HOSPITAL_STATUSES),
        ("tie_breaker", ties, TIE_BREAKERS),
        ("code_edits", edits, (False, True)),
    )
    for name, value, values in allowed:
        if value not in values:
            known = ", ".join(map(str, values))
            raise CodebookError("MSDRG_OPTION", option=name, found=value, known=known)
    return Options(int(version) or None, str(status), str(ties), bool(edits))
