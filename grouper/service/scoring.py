"""Forecasts held against what came, once their stays are discharged, grouped and priced.

What came is the stay's newest version: its cost, its days, the group that counts, and the payment
reckoned as everywhere else. A stay that is corrected is scored again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import structlog

from grouper.case.dates import LOCAL
from grouper.forecast.levels import ADRG, GROUP, MDC, UNGROUPED, above
from grouper.forecast.result import AMOUNTS, MEASURES, ForecastStatus
from grouper.payment.engine import price
from grouper.payment.place import Terms
from grouper.schemes.reasons import Status
from grouper.service.pricing import grouping_from
from grouper.service.year import with_year
from grouper.store import forecasts, history, reading
from grouper.store.database import StoreError
from grouper.store.forecasts import Scored

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date, datetime

    from grouper.case.record import Case
    from grouper.store.database import Database
    from grouper.store.forecasts import ForecastRow
    from grouper.store.groupings import GroupingRow

PAGE = 50
"""Stays scored in one transaction."""
_log = structlog.get_logger("grouper.scoring")


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What came of a stay.

    Attributes:
        ended: local day of the discharge.
        values: the measures that are known, by name: yuan, and ``los`` in days.
        scheme: by which it was grouped; empty: not so that it can be trusted.
        groups: group, ADRG and MDC by level; a stay in no group is in one of its own.
    """

    ended: date
    values: Mapping[str, Decimal] = field(default_factory=dict)
    scheme: str = ""
    groups: Mapping[str, str] = field(default_factory=dict)


def levels(grouping: GroupingRow | None) -> dict[str, str]:
    """Group, ADRG and MDC of a grouping, as forecasts name them; empty where it is not valid."""
    if grouping is None or not grouping.scheme or grouping.status == Status.INVALID:
        return {}
    group = grouping.group or UNGROUPED + grouping.status
    return {
        GROUP: group,
        ADRG: grouping.adrg or above(group, ADRG),
        MDC: grouping.mdc or above(group, MDC),
    }


def truth_of(
    database: Database, person: int | None, case: Case, grouping: GroupingRow | None, terms: Terms
) -> Truth | None:
    """What came of a discharged stay; None: its days are not known.

    Args:
        database: the store; the patient's other stays say what was paid before.
        person: row of the patient.
        case: at its newest version.
        grouping: that counts.
        terms: by which policies it is priced.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``.
        GrouperError: a scheme's book is not at hand.
    """
    if case.discharge_time is None:
        return None
    ended = case.discharge_time.astimezone(LOCAL).date()
    values: dict[str, Decimal] = {}
    if case.total_cost is not None:
        values["cost"] = case.total_cost
    if case.admission_time is not None:
        days = (ended - case.admission_time.astimezone(LOCAL).date()).days
        values["los"] = Decimal(max(1, days))
    groups = levels(grouping)
    if groups and grouping is not None:
        payment = price(
            with_year(database, person, case, terms, case.discharge_time),
            grouping_from(grouping),
            terms,
        )
        paid = {name: getattr(payment, name) for name in AMOUNTS}
        values |= {name: value for name, value in paid.items() if value is not None}
    scheme = grouping.scheme if groups and grouping is not None else ""
    return Truth(ended=ended, values=values, scheme=scheme, groups=groups)


def score_of(row: ForecastRow, truth: Truth) -> dict[str, Any]:
    """What came of a forecast, as JSON.

    ``late``: the stay had ended when it was made, so that it says nothing. ``refused``: there was no
    forecast, and why. Of each measure ``true``, ``error`` (foretold median minus truth, in yuan or
    days) and ``inside``, whether the interval held it; ``level`` is what share it was to hold. Of the
    group ``rank`` (1: the likeliest; null: not among those named) and ``probability``; of ADRG and
    MDC, and of the grouper's bare answer that day, whether it was ``hit``.
    """
    if row.as_of >= truth.ended:
        return {"late": True}
    if row.status != ForecastStatus.FORECAST:
        return {"refused": row.reason}
    told = row.document
    found: dict[str, Any] = {"level": told["level"]}
    for name in MEASURES:
        true, middle = truth.values.get(name), told[f"{name}_middle"]
        if true is None or middle is None:
            continue
        low, middle, high = (
            Decimal(str(told[f"{name}_{end}"])) for end in ("low", "middle", "high")
        )
        found[name] = {
            "true": format(true, "f"),
            "error": format(middle - true, "f"),
            "inside": low <= true <= high,
        }
    if truth.groups and told["scheme"] == truth.scheme:
        found |= _groups(told, truth)
    return found


def _groups(told: Mapping[str, Any], truth: Truth) -> dict[str, Any]:
    true = truth.groups[GROUP]
    ranked = [(one["group"], one["probability"]) for one in told["groups"] or ()]
    rank = next((at for at, (group, _) in enumerate(ranked, 1) if group == true), None)
    bare = told["bare_group"] or f"{UNGROUPED}{told['bare_status']}"
    return {
        "group": {
            "true": true,
            "rank": rank,
            "probability": None if rank is None else ranked[rank - 1][1],
        },
        "bare": {"hit": bare == true},
        **{
            level: {"true": truth.groups[level], "hit": told[level] == truth.groups[level]}
            for level in (ADRG, MDC)
        },
    }


def score_stays(
    database: Database,
    region: str,
    at: datetime,
    *,
    stopped: Callable[[], bool] = lambda: False,
) -> int:
    """Score the forecasts of stays that were discharged, or corrected, since the last time.

    Args:
        database: with its tables.
        region: of cases that name none.
        at: the time, aware.
        stopped: asked after each page.

    Returns:
        How many forecasts were scored.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``.
    """
    with database.writing_store() as connection:
        forecasts.unscore(connection)
    done, after = 0, 0
    terms = Terms(region=region, today=at.astimezone(LOCAL).date())
    while not stopped():
        with database.reading() as connection:
            stays = forecasts.to_score(connection, after=after, limit=PAGE)
        if not stays:
            break
        found = [one for one in (_scored(database, stay, terms) for stay in stays) if one]
        with database.writing_store() as connection:
            for stay, version, scores in found:
                forecasts.score(connection, stay, version, at, scores)
                done += len(scores)
        after = stays[-1]
    return done


def _scored(database: Database, stay: int, terms: Terms) -> tuple[int, int, list[Scored]] | None:
    try:
        with database.reading() as connection:
            head = reading.stay_by_id(connection, stay)
            if head is None or head.grouping is None or head.grouping.version != head.version:
                # The newest version is still being grouped: it is scored the next night.
                return None
            case, _ = history.case_at(connection, stay, head.version)
            rows = forecasts.of_stay(connection, stay)
        truth = truth_of(database, head.person_id, case, head.grouping, terms)
    except Exception as error:
        # One stay that fails stops no other; a store that is away stops all.
        if isinstance(error, StoreError) and error.code != "VERSION_ABSENT":
            raise
        # By its type alone: its words may hold values of the case.
        _log.error("score", stay=stay, error=type(error).__name__)
        return None
    if truth is None:
        return None
    scores = [Scored(as_of=row.as_of, model=row.model, score=score_of(row, truth)) for row in rows]
    return stay, head.version, scores
