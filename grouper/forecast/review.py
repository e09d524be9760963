"""A model in use, judged by the stays that came since it was made, and watched for drift."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from grouper.forecast.errors import ForecastError
from grouper.forecast.evaluation.backtest import asked_at
from grouper.forecast.evaluation.baselines import Baselines
from grouper.forecast.evaluation.beside import errors_of, signals_of
from grouper.forecast.evaluation.drift import watch
from grouper.forecast.evaluation.evaluation import Evaluation
from grouper.forecast.evaluation.history import as_of, finished, with_words
from grouper.forecast.evaluation.judged import judged
from grouper.forecast.evaluation.plan import Basing, Judging, Origin, Plan, Watching, iso
from grouper.forecast.evaluation.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from grouper.forecast.evaluation.history import History
    from grouper.forecast.forecaster import Forecaster


def review(
    forecaster: Forecaster,
    history: History,
    since: int,
    drift: Mapping[str, Any] | None = None,
    lang: str | None = None,
) -> Evaluation:
    """Judge a model by what came since a day.

    The last days are left out as in a back-test: of the stays that began there only the short ones
    have ended. Baselines learn from the stays that ended before the day.

    Args:
        forecaster: the model.
        history: finished stays, of before and after.
        since: local day from which on forecasts are judged, as days since 1970; the model must not
            have learnt from stays that ended then or later.
        drift: the reference of the model's card; None or empty: no watch.
        lang: of the words of the watch.

    Raises:
        ForecastError: ``FORECAST_REVIEW_EMPTY``: no stay ran in the time to be judged, or none ended
            before it.
    """
    plan, usable, ended = Plan.shipped(), finished(history), history.ended
    past = usable & (ended < since)
    if not past.any():
        raise ForecastError("FORECAST_REVIEW_EMPTY", since=iso(since))
    end = int(ended[usable].max()) - plan.tail_days + 1
    origin = Origin(since, int(ended[past].min()), since, end)
    rows = asked_at(history, plan, origin, usable)
    if not len(rows):
        raise ForecastError("FORECAST_REVIEW_EMPTY", since=iso(since))
    learnt = history.only(past)
    asked = history.frame.take(rows)
    region = history.terms.region
    base = Baselines.of(learnt, Basing.shipped()).predict(
        with_words(asked, learnt.frame.vocabulary, region)
    )
    seen = with_words(asked, forecaster.vocabulary, region)
    forecasts = forecaster.of_frame(seen, history.terms)
    stay = history.frame.stay[rows]
    found = judged(
        forecasts,
        history.truth.take(stay),
        stay=stay,
        when=as_of(history.frame)[rows],
        baselines=base,
    )
    about = {
        "model": "grouper",
        "version": forecaster.id,
        "region": history.terms.region,
        "scheme": history.scheme,
        "plan": asdict(plan),
        "history": history.hash,
        "origins": [
            {
                "origin": iso(since),
                "learnt_from": iso(origin.since),
                "learnt_until": iso(since - 1),
                "learnt_stays": int(past.sum()),
                "tested_until": iso(end - 1),
                "tested_stays": len(np.unique(stay)),
                "tested_snapshots": len(rows),
            }
        ],
    }
    told = Evaluation(about, found, Judging.shipped())
    if not drift:
        return told
    how = Watching.shipped()
    recent = history.only(usable & (ended >= since))
    signals = signals_of(recent, how, tail=plan.tail_days)
    signals = signals.joined(errors_of(found, signals.last, tail=plan.tail_days))
    return told.with_drift(watch(Reference.read(drift), signals, how).document(lang))
