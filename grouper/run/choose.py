"""The scheme of every case in a batch: named once, or by region, kind and discharge date."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache, lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from codebooks.errors import CodebookError
from codebooks.registry import INPATIENT, NATIONAL, registry
from grouper.schemes.columns import column_of, texts_of
from grouper.schemes.reasons import Reason

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from codebooks.registry import Binding
    from grouper.case.record import Case

_EPOCH = date(1970, 1, 1)
_REASONS = (
    Reason.SCHEME_DATE_MISSING,
    Reason.REGION_UNKNOWN,
    Reason.SCHEME_UNCOVERED,
    Reason.KIND_UNSUPPORTED,
    Reason.SCHEME_NOT_AT_HAND,
)


@dataclass(frozen=True, slots=True)
class Choice:
    """Schemes of a batch: ``scheme[i]`` indexes ``schemes``, or is ``-1 - r`` for ``reasons[r]``."""

    scheme: NDArray[np.int32]
    schemes: tuple[str, ...]
    reasons: tuple[Reason, ...] = _REASONS

    @property
    def single(self) -> str | None:
        """The one scheme of all cases, if it is one."""
        if len(self.schemes) == 1 and not (self.scheme < 0).any():
            return self.schemes[0]
        return None


@dataclass(frozen=True, slots=True)
class Chooser:
    """How schemes are chosen.

    Attributes:
        scheme: the scheme of every case, or None to choose by the record.
        region: the region of records that name none.
    """

    scheme: str | None = None
    region: str = NATIONAL

    def choose(self, cases: pa.RecordBatch) -> Choice:
        """The scheme of each case."""
        if self.scheme is not None:
            return self._named(cases, self.scheme)
        days = _days(column_of(cases, "discharge_time"))
        regions, region_at = _texts(cases, "region", self.region)
        kinds, kind_at = _texts(cases, "kind", INPATIENT)
        # One number for each (day, region, kind), counted from the least; equal ones are asked once.
        key = (days * len(regions) + region_at) * len(kinds) + kind_at
        distinct, back = _distinct(key)
        schemes: dict[str, int] = {}
        answers = np.zeros(len(distinct), np.int32)
        for i, number in enumerate(distinct.tolist()):
            rest, kind = divmod(number, len(kinds))
            day, region = divmod(rest, len(regions))
            found = _binding(regions[region], None if day == _NO_DAY else day, kinds[kind])
            if isinstance(found, Reason):
                answers[i] = -1 - _REASONS.index(found)
            else:
                answers[i] = schemes.setdefault(found, len(schemes))
        return Choice(answers[back], tuple(schemes))

    @staticmethod
    def _named(cases: pa.RecordBatch, scheme: str) -> Choice:
        """One scheme for all cases, but for those of a kind that it does not serve."""
        kinds, kind_at = _texts(cases, "kind", INPATIENT)
        served = registry().card(scheme).kinds
        refused = -1 - _REASONS.index(Reason.KIND_UNSUPPORTED)
        answers = np.array([0 if kind in served else refused for kind in kinds], np.int32)
        return Choice(answers.take(kind_at), (scheme,))

    def binding(self, case: Case) -> Binding | None:
        """What binds a case whose scheme was chosen by its record; None for a named scheme.

        Raises:
            CodebookError: ``REGION_UNKNOWN``, ``SCHEME_UNCOVERED`` or ``SCHEME_NOT_AT_HAND``.
        """
        if self.scheme is not None or case.discharge_time is None:
            return None
        region = case.region or self.region
        return registry().binding(region, case.discharge_time.date(), case.kind)


_NO_DAY = -(2**31)
_DAY = 86_400
_SPAN = 4000
"""Up to this many days a batch is tested for one offset throughout; it is far quicker then."""
_DENSE = 1 << 20
"""Up to this spread distinct numbers are found by a table instead of by sorting."""


@lru_cache(maxsize=65536)
def _binding(region: str, day: int | None, kind: str) -> str | Reason:
    if day is None:
        return Reason.SCHEME_DATE_MISSING
    try:
        return registry().binding(region, _EPOCH + timedelta(days=day), kind).scheme
    except CodebookError as error:
        reason = Reason(error.code)
    # No other date would help a kind of case that the region has no scheme for at all.
    if reason is Reason.SCHEME_UNCOVERED and not registry().serves(region, kind):
        return Reason.KIND_UNSUPPORTED
    return reason


def forget() -> None:
    """Forget choices made, after the registry changed."""
    _binding.cache_clear()


def _days(column: pa.Array) -> NDArray[np.int64]:
    """Local calendar days since 1970, ``_NO_DAY`` where missing."""
    if pa.types.is_null(column.type) or column.null_count == len(column):
        return np.full(len(column), _NO_DAY, np.int64)
    zone = ZoneInfo(column.type.tz)
    seconds = column.cast(pa.timestamp("s", column.type.tz), safe=False).cast(pa.int64())
    least, most = (value.as_py() for value in pc.min_max(seconds).values())
    known = pc.fill_null(seconds, least).to_numpy(zero_copy_only=False)
    first, last = least // _DAY - 1, most // _DAY + 1
    if last - first <= _SPAN and len({_offset(zone, d) for d in range(first, last + 2)}) == 1:
        days = (known + _offset(zone, first)) // _DAY
    else:
        local = pc.local_timestamp(column).cast(pa.date32(), safe=False).cast(pa.int32())
        days = pc.fill_null(local, 0).to_numpy(zero_copy_only=False).astype(np.int64)
    if column.null_count:
        days = np.where(column.is_null().to_numpy(zero_copy_only=False), _NO_DAY, days)
    found: NDArray[np.int64] = days
    return found


@cache
def _offset(zone: ZoneInfo, day: int) -> int:
    """Seconds that a zone's clocks are ahead of UTC at the start of a day of UTC."""
    offset = datetime.fromtimestamp(day * _DAY, zone).utcoffset()
    return int(offset.total_seconds()) if offset is not None else 0


def _distinct(keys: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The distinct numbers, and each one's place among them."""
    known = keys[keys > _NO_DAY]
    least, most = (int(known.min()), int(known.max())) if len(known) else (0, 0)
    if len(known) < len(keys) or most - least > _DENSE:
        found, back = np.unique(keys, return_inverse=True)
        return found, back
    there = np.zeros(most - least + 1, np.bool_)
    there[keys - least] = True
    found = np.flatnonzero(there)
    place = np.zeros(len(there), np.int64)
    place[found] = np.arange(len(found))
    return found + least, place[keys - least]


def _texts(cases: pa.RecordBatch, name: str, default: str) -> tuple[list[str], NDArray[np.int64]]:
    texts, places = texts_of(column_of(cases, name))
    return [*texts, default], np.where(places < 0, len(texts), places)
