"""Gradient-boosted trees as this package uses them: trained, asked, explained, kept as bytes.

Only this module knows xgboost. A model is kept in its UBJSON form, which holds numbers alone:
reading one runs nothing.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from grouper.forecast.errors import ForecastError
from grouper.forecast.trees import check, only

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    Slopes = Callable[[NDArray[Any]], tuple[NDArray[Any], NDArray[Any]]]

QUANTILE, MEAN, YES_NO = "reg:quantileerror", "reg:squarederror", "binary:logistic"
"""Objectives: several quantiles at once, the mean, the chance of a yes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How trees are grown; the names of xgboost's own parameters stand in its documentation.

    Attributes:
        rounds: trees (for quantiles: of each).
        depth: of a tree at most.
        eta: learning rate.
        subsample: share of the rows for each tree.
        columns: share of the features for each tree.
        least: weight of a leaf at least.
        ridge: L2 penalty on the leaves.
        bins: of each feature's histogram.
        seed: of the draws.
        threads: of the machine's cores.
    """

    rounds: int
    depth: int
    eta: float
    subsample: float = 1.0
    columns: float = 1.0
    least: float = 1.0
    ridge: float = 1.0
    bins: int = 256
    seed: int = 0
    threads: int = 2

    def parameters(self) -> dict[str, Any]:
        """As xgboost names them."""
        return {
            "max_depth": self.depth,
            "eta": self.eta,
            "subsample": self.subsample,
            "colsample_bytree": self.columns,
            "min_child_weight": self.least,
            "lambda": self.ridge,
            "max_bin": self.bins,
            "seed": self.seed,
            "nthread": self.threads,
            "tree_method": "hist",
            "verbosity": 0,
        }


def settings(table: Mapping[str, Any]) -> Settings:
    """Settings out of a table of ``data/*.toml``; a key that there is not is an error there."""
    return Settings(**table)


class Booster:
    """A trained model: rows of features in, an answer for each row out.

    Attributes:
        names: the features, in the order of the columns.
        alphas: the quantiles it answers, ascending; empty: one answer.
    """

    def __init__(self, model: Any, names: Sequence[str], alphas: Sequence[float] = ()) -> None:  # noqa: ANN401 -- of the library, which is loaded late
        self._model = model
        self.names = tuple(names)
        self.alphas = tuple(alphas)
        self._parts: dict[int, Any] = {}

    @classmethod
    def trained(
        cls,
        features: NDArray[Any],
        target: NDArray[Any],
        names: Sequence[str],
        how: Settings,
        *,
        objective: str = MEAN,
        alphas: Sequence[float] = (),
        weight: NDArray[Any] | None = None,
        more: Mapping[str, Any] | None = None,
        margin: NDArray[Any] | None = None,
        slopes: Slopes | None = None,
    ) -> Booster:
        """Train.

        Args:
            features: [rows, features]; NaN is missing.
            target: [rows].
            names: of the features.
            how: the settings.
            objective: such as :data:`QUANTILE`.
            alphas: of :data:`QUANTILE`, ascending.
            weight: of the rows.
            more: further parameters of xgboost (monotone constraints …).
            margin: [rows] what the trees add to; the caller adds it to the answers.
            slopes: an objective of one's own in place of ``objective``: first and second derivatives
                of the loss at the answers. The model then answers its plain sums.

        Raises:
            ForecastError: ``FORECAST_NOT_INSTALLED``.
        """
        xgb = _library()
        data = xgb.QuantileDMatrix(
            features,
            target,
            weight=weight,
            base_margin=margin,
            feature_names=list(names),
            max_bin=how.bins,
            nthread=how.threads,
        )
        parameters = how.parameters() | {"objective": objective} | dict(more or {})
        if alphas:
            parameters["quantile_alpha"] = np.asarray(alphas)
        if slopes is not None:
            parameters |= {"objective": MEAN, "base_score": 0.0}
        own = None if slopes is None else lambda sums, _: slopes(sums)
        model = xgb.train(parameters, data, how.rounds, obj=own)
        return cls(model, names, alphas)

    def predict(self, features: NDArray[Any]) -> NDArray[np.float64]:
        """[rows] answers, or [rows, alphas] quantiles in ascending order.

        Quantiles that cross are put in order: that never makes them worse (Chernozhukov and others, 2010).
        """
        found = np.asarray(
            self._model.inplace_predict(features, validate_features=False), np.float64
        )
        if not self.alphas:
            return found
        return np.sort(found.reshape(len(features), len(self.alphas)), axis=1)

    def contributions(self, features: NDArray[Any], alpha: float | None = None) -> NDArray[Any]:
        """What each feature adds to each answer: [rows, features + 1]; the last is the common part.

        The contributions are xgboost's own (TreeSHAP, ``pred_contribs``) in the units of the target
        (before the link of the objective) and sum to the answer.

        Args:
            features: as for :meth:`predict`.
            alpha: which quantile.
        """
        xgb = _library()
        data = xgb.DMatrix(features, feature_names=list(self.names), nthread=1)
        model = self._model if alpha is None else self._part(self.alphas.index(alpha))
        found = np.asarray(model.predict(data, pred_contribs=True))
        found = found.reshape(len(features), -1, len(self.names) + 1)
        taken: NDArray[Any] = found[:, 0, :]
        return taken

    def _part(self, place: int) -> Any:  # noqa: ANN401 -- of the library
        """The trees of one answer: the library would explain all answers, whichever is wanted."""
        if place not in self._parts:
            document = json.loads(bytes(self._model.save_raw("json")))
            part = _library().Booster()
            part.load_model(bytearray(json.dumps(only(document, place)).encode()))
            part.set_param({"nthread": 1})
            self._parts[place] = part
        return self._parts[place]

    def gains(self) -> dict[str, float]:
        """How much each feature brought in training (total gain), as shares of the whole."""
        found = self._model.get_score(importance_type="total_gain")
        whole = sum(found.values()) or 1.0
        return {name: float(found.get(name, 0.0)) / whole for name in self.names}

    def threads(self, count: int) -> None:
        """How many cores an answer may use."""
        self._model.set_param({"nthread": count})

    def raw(self) -> bytes:
        """The model as UBJSON."""
        return bytes(self._model.save_raw("ubj"))

    @classmethod
    def read(
        cls, raw: bytes, names: Sequence[str], alphas: Sequence[float] = (), threads: int = 1
    ) -> Booster:
        """The model of its UBJSON.

        Args:
            raw: as :meth:`raw` gave it; its hash is for the caller to check before.
            names: of the features.
            alphas: the quantiles it answers.
            threads: cores an answer may use.

        Raises:
            ForecastError: ``FORECAST_NOT_INSTALLED``; ``FORECAST_MODEL_UNREADABLE``.
        """
        xgb = _library()
        model = xgb.Booster()
        try:
            # The library trusts what it reads; a broken file would end the process.
            check(raw, len(names))
            model.load_model(bytearray(raw))
        except (ValueError, xgb.core.XGBoostError) as error:
            raise ForecastError("FORECAST_MODEL_UNREADABLE", part="ubj") from error
        model.set_param({"nthread": threads})
        return cls(model, names, alphas)


def described(how: Settings) -> dict[str, Any]:
    """Settings as a model card writes them."""
    return asdict(how)


def _library() -> Any:  # noqa: ANN401 -- a module
    # Threads that wait are to sleep: on shared cores spinning ones take the time of the others, and
    # training took three times as long. The library reads this when it is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        import xgboost  # noqa: PLC0415 -- an extra of the installation, and slow to load
    except ImportError as error:
        raise ForecastError("FORECAST_NOT_INSTALLED") from error
    return xgboost
