"""The approved model of forecasts, as the service asks it; nothing is trained here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grouper.forecast.errors import ForecastError
from grouper.forecast.forecaster import Forecaster
from grouper.forecast.registry.approved import approved
from grouper.service.forecasting import Model

if TYPE_CHECKING:
    from grouper.service.settings import Settings

NONE = "FORECAST_NO_MODEL"
"""Code of the registry: no model is approved."""


def approved_model(settings: Settings) -> Model | None:
    """The model that is approved now; None: there is none.

    It is read once; a new approval is taken up at the next call, and one that cannot be read leaves
    the last good model in use.

    Raises:
        ForecastError: no good model is in memory and the approved one cannot be read, or
            forecasting is not installed.
    """
    try:
        found = approved(settings.forecast.model, Forecaster.read)
    except ForecastError as error:
        if error.code == NONE:
            return None
        raise
    return Model(found.id, found.model)
