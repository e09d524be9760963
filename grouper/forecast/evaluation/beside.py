"""The drift watch beside a back-test or a training: its signals out of finished stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grouper.forecast.evaluation.drift import Watch, watch
from grouper.forecast.evaluation.reference import Reference
from grouper.forecast.evaluation.signals import (
    Signals,
    monday,
    of_frame,
    of_judged,
    of_truth,
    week_of,
)

if TYPE_CHECKING:
    from grouper.forecast.evaluation.history import History
    from grouper.forecast.evaluation.judged import Judged
    from grouper.forecast.evaluation.plan import Watching


def signals_of(history: History, how: Watching, *, tail: int) -> Signals:
    """What can be watched of finished stays.

    The last days are left out: of the stays that began there only the short ones have ended.

    Args:
        history: finished stays.
        how: the settings.
        tail: how many days are left out.
    """
    first, last = int(history.ended.min()), int(history.ended.max()) - tail
    return of_frame(history.frame, how, first, last).joined(of_truth(history, first, last))


def errors_of(rows: Judged, last: int, *, tail: int) -> Signals:
    """What can be watched of the forecasts of a back-test.

    The first days are left out: of the stays that ended there only late days were foretold.

    Args:
        rows: forecasts with what came.
        last: the last day that is known whole.
        tail: how many days are left out.
    """
    return of_judged(rows, int(rows.when.min()) + tail, last)


def reference_of(
    history: History, how: Watching, *, tail: int, rows: Judged | None = None
) -> Reference:
    """The reference of a model that learns from these stays.

    Args:
        history: the finished stays of training.
        how: the settings.
        tail: as for :func:`signals_of`.
        rows: forecasts of a back-test on these stays: the reference of errors and intervals.

    Raises:
        ForecastError: ``FORECAST_DRIFT_SHORT``.
    """
    plain = Reference.of(signals_of(history, how, tail=tail), how)
    if rows is None or not len(rows):
        return plain
    judged = errors_of(rows, int(history.ended.max()) - tail, tail=tail)
    if len(judged.weeks()) < how.least_weeks:
        return plain
    return plain.joined(Reference.of(judged, how))


def drift_beside(
    history: History, rows: Judged | None, how: Watching, *, tail: int
) -> tuple[Reference, Watch]:
    """The last weeks of a history against all that came before them.

    Args:
        history: finished stays.
        rows: forecasts of a back-test on them.
        how: the settings.
        tail: as for :func:`signals_of`.

    Raises:
        ForecastError: ``FORECAST_DRIFT_SHORT``.
    """
    whole = signals_of(history, how, tail=tail)
    border = monday(week_of(whole.last + 1) - how.weeks)
    reference = Reference.of(whole.between(whole.first, border - 1), how)
    if rows is not None and len(rows):
        judged = errors_of(rows, whole.last, tail=tail)
        earlier = judged.between(judged.first, border - 1)
        if len(earlier.weeks()) >= how.least_weeks:
            reference = reference.joined(Reference.of(earlier, how))
        whole = whole.joined(judged)
    return reference, watch(reference, whole, how)
