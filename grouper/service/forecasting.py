"""Forecasts of the running stays of the store: read, foretold, kept; one that fails stops no other.

What is known at the end of the last whole day counts, so that the forecasts of a night do not depend
on the minute in which they are made.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa
import structlog

from codebooks.errors import GrouperError
from codebooks.messages import catalogue
from grouper.case.dates import LOCAL
from grouper.case.issues import Severity
from grouper.forecast.result import FORECAST_SCHEMA, ForecastStatus
from grouper.payment.place import Terms
from grouper.service.forecast_telling import last_whole_day
from grouper.store import forecasts, history
from grouper.store.database import StoreError
from grouper.store.forecasts import ForecastRow

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from grouper.case.record import Case
    from grouper.store.database import Database
    from grouper.store.database import Writing as Reading
    from grouper.store.forecasts import Due

FAILED = "FORECAST_FAILED"
"""Reason of a stay whose forecast ended in a fault of ours."""
_DAY = timedelta(days=1)
_DECIMALS = tuple(one.name for one in FORECAST_SCHEMA if pa.types.is_decimal(one.type))
_log = structlog.get_logger("grouper.forecasting")


class Forecasting(Protocol):
    """What foretells cases."""

    def forecast(
        self, cases: Sequence[Case], at: datetime, terms: Terms, *, drivers: bool = False
    ) -> pa.Table:
        """One row a case, in their order: columns of ``FORECAST_SCHEMA``.

        Args:
            cases: as they are known.
            at: the moment, aware; charges count to the midnight before it.
            terms: by which policies they are priced.
            drivers: whether what drives the cost is named.

        Raises:
            GrouperError: a scheme's book is not at hand, or a policy cannot be used.
        """


@dataclass(frozen=True, slots=True)
class Model:
    """An approved model; ``id`` is that of the registry."""

    id: str
    forecaster: Forecasting


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """How the stays of a store are foretold.

    Attributes:
        region: of cases that name none.
        page: stays in one transaction.
        drivers: whether what drives the cost is named.
        anew: also stays that have a forecast of the day and the model.
    """

    region: str
    page: int = 100
    drivers: bool = True
    anew: bool = False


@dataclass(slots=True)
class Counts:
    """How many stays were foretold, refused, and failed (these are among the refused)."""

    forecast: int = 0
    refused: int = 0
    failed: int = 0

    @property
    def stays(self) -> int:
        """All of them."""
        return self.forecast + self.refused


@dataclass(frozen=True, slots=True)
class _Read:
    """A stay with its case, or with the reason why there is none."""

    stay: Due
    case: Case | None
    reason: str = ""


def forecast_running(
    database: Database,
    model: Model,
    how: How,
    at: datetime,
    *,
    made: datetime | None = None,
    stopped: Callable[[], bool] = lambda: False,
    progress: Callable[[int], None] | None = None,
) -> Counts:
    """Foretell the running inpatient stays that have no forecast of the last whole day.

    One that is interrupted goes on from there the next time. Of an earlier moment the stays are taken
    that ran then, in the versions that they had: what came in later is not known.

    Args:
        database: with its tables.
        model: the approved one.
        how: see there.
        at: the moment, aware; not a later one than now.
        made: now, aware; None: that is the moment.
        stopped: asked after each page.
        progress: told the stays done.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``.
    """
    as_of = last_whole_day(at)
    before = datetime.combine(as_of + _DAY, time(), LOCAL)
    found, after = Counts(), 0
    while not stopped():
        with database.reading() as connection:
            wanted = forecasts.due(
                connection, as_of, model.id, before, at, after=after, limit=how.page, anew=how.anew
            )
            read = [_read(connection, one) for one in wanted]
        if not wanted:
            break
        rows = _rows(model, read, how, at, made or at)
        with database.writing_store() as connection:
            forecasts.write(connection, rows)
        after = wanted[-1].stay_id
        for row in rows:
            found.forecast += row.status == ForecastStatus.FORECAST
            found.refused += row.status == ForecastStatus.REFUSED
            found.failed += row.reason == FAILED
        if progress is not None:
            progress(found.stays)
    return found


def _read(connection: Reading, one: Due) -> _Read:
    try:
        case, issues = history.case_at(connection, one.stay_id, one.version)
    except Exception as error:
        # One record that cannot be read stops no other; a store that is away stops all.
        if isinstance(error, StoreError) and error.code != "VERSION_ABSENT":
            raise
        # By its type alone: its words may hold values of the case.
        _log.error("reading", stay=one.stay_id, error=type(error).__name__)
        return _Read(one, None, FAILED)
    rejects = (issue.reason for issue in issues if issue.severity is Severity.REJECT)
    reason = next(rejects, "")
    return _Read(one, None if reason else case, reason)


def _rows(
    model: Model, read: Sequence[_Read], how: How, at: datetime, made: datetime
) -> list[ForecastRow]:
    found = iter(_foretold(model, [one for one in read if one.case is not None], how, at))
    rows = []
    for one in read:
        told = one.reason if one.case is None else next(found)
        if isinstance(told, str):
            told = refused(one.stay.case_id, model.id, told, at)
        rows.append(row_of(told, one.stay.stay_id, one.stay.version, model.id, at, made))
    return rows


def _foretold(
    model: Model, read: Sequence[_Read], how: How, at: datetime
) -> list[dict[str, Any] | str]:
    """The document of each, or the reason why there is none; after an error one by one."""
    cases = [one.case for one in read if one.case is not None]
    try:
        return list(documents_of(model, cases, how.region, at, drivers=how.drivers))
    except Exception as error:  # noqa: BLE001 -- found out case by case
        _log.warning("page", error=type(error).__name__, stays=len(read))
    found: list[dict[str, Any] | str] = []
    for one, case in zip(read, cases, strict=True):
        try:
            found += documents_of(model, [case], how.region, at, drivers=how.drivers)
        except Exception as error:  # noqa: BLE001 -- one case that fails stops no other
            _log.error("forecast", stay=one.stay.stay_id, error=type(error).__name__)
            found.append(reason_of(error))
    return found


def reason_of(error: Exception) -> str:
    """The reason of a refusal after an error: its own code where that has words as a reason."""
    if isinstance(error, GrouperError) and f"reason.{error.code}" in catalogue("zh"):
        return error.code
    return FAILED


def documents_of(
    model: Model, cases: Sequence[Case], region: str, at: datetime, *, drivers: bool
) -> list[dict[str, Any]]:
    """The forecasts of cases as JSON: the columns of ``FORECAST_SCHEMA``, amounts as texts.

    Args:
        model: the approved one.
        cases: as they are known now.
        region: of those that name none.
        at: the time, aware.
        drivers: whether what drives the cost is named.

    Raises:
        GrouperError: a scheme's book is not at hand.
    """
    if not cases:
        return []
    terms = Terms(region=region, today=at.astimezone(LOCAL).date())
    table = model.forecaster.forecast(cases, at, terms, drivers=drivers)
    return [_plain(row) | {"model": model.id} for row in table.to_pylist()]


def _plain(value: Any) -> Any:  # noqa: ANN401 -- what Arrow gives, as JSON
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.isoformat()
    return value


def refused(case_id: str | None, model: str, reason: str, at: datetime) -> dict[str, Any]:
    """The document of a case without a forecast."""
    said = {"case_id": case_id, "model": model, "status": ForecastStatus.REFUSED.value}
    as_of = at.astimezone(LOCAL).isoformat()
    return dict.fromkeys(FORECAST_SCHEMA.names) | said | {"reason": reason, "as_of": as_of}


def typed(document: Mapping[str, Any]) -> dict[str, Any]:
    """A document of :func:`documents_of` as the values that ``FORECAST_SCHEMA`` has."""
    found = dict(document)
    found["as_of"] = datetime.fromisoformat(found["as_of"])
    for name in _DECIMALS:
        if found[name] is not None:
            found[name] = Decimal(found[name])
    return found


def row_of(
    document: dict[str, Any],
    stay_id: int,
    version: int,
    model: str,
    at: datetime,
    made: datetime,
) -> ForecastRow:
    """A forecast as it is kept; ``at`` is the moment that it is of."""
    return ForecastRow(
        stay_id=stay_id,
        version=version,
        as_of=last_whole_day(at),
        made=made,
        model=model,
        scheme=document["scheme"] or "",
        status=document["status"],
        reason=document["reason"],
        day=document["day"],
        document=document,
    )
