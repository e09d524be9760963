"""Grouping of stays that changed: by the scheme that binds them, and by those to compare with.

Few cases are grouped one by one, many of a scheme in one batch; both give the same rows.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import structlog

from codebooks.errors import CodebookError
from codebooks.registry import registry
from grouper.case.dates import LOCAL
from grouper.case.fields import FIELDS
from grouper.case.record import Case
from grouper.schemes.load import load_scheme
from grouper.schemes.reasons import Reason, Status
from grouper.store.groupings import GroupingRow

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date, datetime
    from decimal import Decimal

    from grouper.schemes.protocol import Scheme

BATCH_FROM = 24
"""From so many cases of one scheme on a batch is quicker than one by one."""
_COLUMNS = (
    *("mdc", "adrg", "group", "group_name", "cc_level", "group_kind", "weight"),
    *("status", "reason", "warnings"),
)
_LINES = frozenset(name for name in FIELDS if name.startswith("line_"))
_log = structlog.get_logger("grouper.grouping")


@dataclass(frozen=True, slots=True, kw_only=True)
class ToGroup:
    """One version of a stay that is to be grouped.

    Attributes:
        stay_id: of the stay.
        version: its newest.
        case: what its record says; its charge lines may be left out where ``billed`` has them.
        rejected: the reason why the record is no case; empty for most.
        billed: the case with its charge lines, read when a scheme asks for them.
    """

    stay_id: int
    version: int
    case: Case
    rejected: str = ""
    billed: Callable[[], Case] | None = None

    def asked_by(self, scheme: Scheme) -> Case:
        """The case with all that a scheme asks for."""
        if self.billed is None or _LINES.isdisjoint(scheme.needs):
            return self.case
        return self.billed()


@dataclass(frozen=True, slots=True, kw_only=True)
class StayGrouper:
    """Groups stays.

    Attributes:
        region: of cases that name none.
        compare: schemes beside the one that binds.
        batch_from: see :data:`BATCH_FROM`.
    """

    region: str
    compare: tuple[str, ...] = ()
    batch_from: int = field(default=BATCH_FROM)

    def group(self, stays: Sequence[ToGroup], at: datetime) -> list[GroupingRow]:
        """The groupings of stays: for each first that of the scheme that binds it.

        A case that no scheme binds, or that a scheme fails with, has a grouping all the same: with
        the reason, and without a group.

        Args:
            stays: each once.
            at: when; running stays are bound by this day.
        """
        today = at.astimezone(LOCAL).date()
        own: dict[int, GroupingRow] = {}
        bound: dict[str, list[int]] = defaultdict(list)
        others: dict[str, list[int]] = defaultdict(list)
        for place, one in enumerate(stays):
            scheme, reason = ("", one.rejected) if one.rejected else self._binding(one, today)
            if scheme:
                bound[scheme].append(place)
            else:
                own[place] = _row(one, at, **_failed(reason))
            for other in self._beside(one, scheme):
                others[other].append(place)
        for scheme, places in bound.items():
            chosen = [stays[place] for place in places]
            own.update(zip(places, self._rows(scheme, chosen, at, binding=True), strict=True))
        rows = [own[place] for place in range(len(stays))]
        for scheme, places in others.items():
            rows += self._rows(scheme, [stays[place] for place in places], at, binding=False)
        return rows

    def warm(self, today: date) -> None:
        """Load what most cases of this day will need, so that the first ones do not wait."""
        for scheme in {*self.compare, self._scheme_of(self.region, "inpatient", today)[0]} - {""}:
            try:
                loaded = load_scheme(scheme)
                _by_batch(loaded, [])
                self._found(loaded, [Case()])
            except CodebookError as error:
                _log.warning("scheme", scheme=scheme, code=error.code)

    def _binding(self, one: ToGroup, today: date) -> tuple[str, str]:
        case = one.case
        day = today if case.discharge_time is None else case.discharge_time.date()
        return self._scheme_of(case.region or self.region, case.kind, day)

    @staticmethod
    def _scheme_of(region: str, kind: str, day: date) -> tuple[str, str]:
        """The scheme that binds, or empty and the reason why there is none."""
        books = registry()
        try:
            return books.binding(region, day, kind).scheme, ""
        except CodebookError as error:
            if error.code == Reason.SCHEME_UNCOVERED and not books.serves(region, kind):
                return "", Reason.KIND_UNSUPPORTED.value
            return "", error.code

    def _beside(self, one: ToGroup, binding: str) -> list[str]:
        if one.rejected:
            return []
        cards = registry().cards
        return [
            scheme
            for scheme in self.compare
            if scheme != binding and scheme in cards and one.case.kind in cards[scheme].kinds
        ]

    def _rows(
        self, scheme: str, stays: Sequence[ToGroup], at: datetime, *, binding: bool
    ) -> list[GroupingRow]:
        content_hash = ""
        try:
            loaded = load_scheme(scheme)
            content_hash = loaded.content_hash
        except CodebookError as error:
            _log.error("scheme", scheme=scheme, code=error.code)
            found = [_failed(error.code) for _ in stays]
        else:
            found = self._found(loaded, [one.asked_by(loaded) for one in stays])
        return [
            _row(one, at, scheme=scheme, content_hash=content_hash, binding=binding, **values)
            for one, values in zip(stays, found, strict=True)
        ]

    def _found(self, scheme: Scheme, cases: Sequence[Case]) -> list[dict[str, Any]]:
        try:
            if len(cases) >= self.batch_from:
                return _by_batch(scheme, cases)
            return [_one(scheme, case) for case in cases]
        except Exception as error:  # noqa: BLE001 -- a scheme that fails must not hold up the intake
            return [_guarded(scheme, case, error) for case in cases]


def _failed(reason: str) -> dict[str, Any]:
    return {"status": Status.INVALID.value, "reason": reason}


def _guarded(scheme: Scheme, case: Case, error: Exception) -> dict[str, Any]:
    """One case by itself, after an error among many."""
    try:
        return _one(scheme, case)
    except Exception as own:  # noqa: BLE001 -- as above
        # By its type alone: its words may hold values of the case.
        _log.error(
            "grouping", scheme=scheme.id, error=type(own).__name__, first=type(error).__name__
        )
        return _failed(Reason.GROUPER_FAILED.value)


def _one(scheme: Scheme, case: Case) -> dict[str, Any]:
    grouping = scheme.group(case)
    values: dict[str, Any] = {name: getattr(grouping, name) for name in _COLUMNS}
    values["status"] = grouping.status.value
    values["reason"] = None if grouping.reason is None else grouping.reason.value
    values["warnings"] = ";".join(w.reason.value for w in grouping.warnings)
    return values


def _by_batch(scheme: Scheme, cases: Sequence[Case]) -> list[dict[str, Any]]:
    columns = {
        name: pa.array([getattr(case, name) for case in cases], FIELDS[name].type)
        for name in scheme.needs
    }
    results = scheme.group_batch(pa.RecordBatch.from_pydict(columns))
    rows: list[dict[str, Any]] = results.select(list(_COLUMNS)).to_pylist()
    return rows


def _row(one: ToGroup, at: datetime, **values: Any) -> GroupingRow:  # noqa: ANN401 -- its columns
    known: dict[str, Any] = {"scheme": "", "content_hash": "", "binding": True, **values}
    for name in ("reason", "warnings", "group"):
        known[name] = known.get(name) or None
    weight: Decimal | None = known.get("weight")
    # A batch has the places of its column, one case its own: one spelling for both.
    known["weight"] = None if weight is None else f"{weight.normalize():f}"
    return GroupingRow(stay_id=one.stay_id, version=one.version, at=at, **known)
