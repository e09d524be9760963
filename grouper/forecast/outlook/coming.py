"""Cases still to come: how many, from the months that are over, and what they bring, from the mix.

Numbers follow the weekday, the calendar month and the trend; what a case brings is drawn from the
cases of the last months, moved by the season of its mean (a patient's deductible and ceiling make
the fund's part another one in January than in December).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from grouper.forecast.outlook.cases import BASE
from grouper.forecast.outlook.months import first, last
from grouper.forecast.outlook.series import fit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from grouper.forecast.outlook.cases import Cases
    from grouper.forecast.outlook.history import History
    from grouper.forecast.outlook.settings import Settings

_GROUPS: Mapping[str, tuple[str, ...]] = {
    "work": (
        *("fixed", "slope", "points", "funded_fixed", "funded_slope", "known_fixed"),
        "known_slope",
    ),
    "deducted": ("deducted", "known_deducted"),
    "booked": ("booked",),
}
"""What moves together from month to month."""
_JEFFREYS = 0.5
"""The shape that a rate of chance is believed to have before any case is seen."""


@dataclass(frozen=True)
class Coming:
    """The cases of a part that are still to come, month by month.

    Attributes:
        history: the months that are over.
        months: those asked for, in order.
        shares: which share of each month's days lies ahead.
        places: which residual each draw takes, [draws, months]; the same for all parts.
        settings: the parameters.
    """

    history: History
    months: NDArray[np.int64]
    ahead: NDArray[np.float64]
    shares: NDArray[np.float64]
    places: NDArray[np.float64]
    settings: Settings

    @classmethod
    def of(cls, cases: Cases, history: History, months: list[int], settings: Settings) -> Coming:
        """Ask for the days of some months that lie after the last known day.

        Args:
            cases: what is known.
            history: of the part.
            months: in order; one that is over has no days ahead.
            settings: the parameters.
        """
        ahead = [history.exposure(max(first(m), cases.limit + 1), last(m)) for m in months]
        whole = [history.exposure(first(m), last(m)) for m in months]
        places = [settings.chance("own", month).random(settings.draws) for month in months]
        return cls(
            history=history,
            months=np.array(months, np.int64),
            ahead=np.array(ahead),
            shares=np.array(ahead) / np.array(whole),
            places=np.stack(places, axis=1) if places else np.empty((settings.draws, 0)),
            settings=settings,
        )

    def counts(self) -> NDArray[np.int64]:
        """How many cases come, [draws, months]."""
        history, table = self.history, self.settings["volume"]
        chance = self.settings.chance("counts", *history.part)
        exposures = np.array(
            [history.exposure(first(int(m)), last(int(m))) for m in history.months]
        )
        least = history.counts.min()
        if not least or history.counts.mean() < float(table["sparse_below"]):
            shape = float(history.counts.sum()) + _JEFFREYS
            rates = chance.gamma(shape, 1 / exposures.sum(), (self.settings.draws, 1))
            return chance.poisson(rates * self.ahead).astype(np.int64)
        believed = _believed(1 / float(history.counts.mean()), self.settings)
        fitted = fit(history.months, np.log(history.counts / exposures), self.settings, believed)
        # A few days vary more than a month, as the mean of fewer.
        scale = 1 / np.sqrt(np.where(self.shares > 0, self.shares, 1.0))
        drawn = np.exp(fitted.draw(self.months, chance, self.places, scale)) * self.ahead
        return np.rint(drawn).astype(np.int64)

    def sums(
        self, cases: Cases, counts: NDArray[np.int64], reference: float
    ) -> NDArray[np.float64]:
        """What so many cases bring, [draws, months, BASE].

        Args:
            cases: what is known; the mix is that of the last months.
            counts: [draws, months].
            reference: a point value of the part, by which its payments are compared over months.
        """
        mix = self._mix(cases)
        chance = self.settings.chance("mix", *self.history.part)
        found = np.zeros((*counts.shape, len(BASE)))
        most = int(self.settings["volume"]["direct_below"])
        mean, root = mix.mean(axis=0), _root(mix)
        for place in range(counts.shape[1]):
            number = counts[:, place]
            if int(number.max(initial=0)) <= most:
                found[:, place] = _one_by_one(mix, number, chance)
                continue
            spread = chance.standard_normal((len(number), len(BASE))) @ root.T
            found[:, place] = number[:, None] * mean + np.sqrt(number)[:, None] * spread
        return found * self._moved(mix, reference)

    def _mix(self, cases: Cases) -> NDArray[np.float64]:
        """The cases of the last months; of more where these are too few."""
        table, part = self.settings["volume"], self.history.part
        back = max(len(self.history.months) - int(table["mix_months"]), 0)
        while True:
            rows = cases.rows(part, first(int(self.history.months[back])), cases.limit)
            if not back or rows.stop - rows.start >= int(table["mix_cases"]):
                break
            back -= 1
        mix: NDArray[np.float64] = cases.base[rows]
        return mix if len(mix) else np.zeros((1, len(BASE)))

    def _moved(self, mix: NDArray[np.float64], reference: float) -> NDArray[np.float64]:
        """Factors on what a case brings, [draws, months, BASE]."""
        history = self.history
        factors = np.ones((self.settings.draws, len(self.months), len(BASE)))
        some = np.flatnonzero(history.counts)
        if history.counts.mean() < float(self.settings["volume"]["sparse_below"]):
            return factors
        for name, columns in _GROUPS.items():
            means = _of_group(name, history.sums[some], reference) / history.counts[some]
            each = _of_group(name, mix, reference)
            overall = float(means.mean())
            if overall <= 0 or each.mean() <= 0:
                continue
            # Part of what a month's mean moves is the chance of its cases, which the mix brings.
            chance_of_mix = float(each.var()) / float(history.counts.mean()) / overall**2
            fitted = fit(
                history.months[some],
                means / overall,
                self.settings,
                _believed(chance_of_mix, self.settings),
            )
            left = max(1 - chance_of_mix / fitted.spread**2, 0.0) ** 0.5
            drawn = fitted.draw(
                self.months,
                self.settings.chance("means", name, *history.part),
                self.places,
                left,
            )
            factor = np.maximum(drawn * overall / float(each.mean()), 0.0)
            for column in columns:
                factors[:, :, BASE.index(column)] = factor
        return factors


def _of_group(name: str, base: NDArray[np.float64], reference: float) -> NDArray[np.float64]:
    """What stands for a group: the payment at the reference value, the patient's part, the booked."""
    if name == "work":
        found: NDArray[np.float64] = base[:, 0] + base[:, 1] * reference
        return found
    column: NDArray[np.float64] = base[:, BASE.index(name)]
    return column


def _believed(chance: float, settings: Settings) -> float:
    return float(np.sqrt(float(settings["series"]["prior_spread"]) ** 2 + chance))


def _root(mix: NDArray[np.float64]) -> NDArray[np.float64]:
    values, vectors = np.linalg.eigh(np.atleast_2d(np.cov(mix, rowvar=False, bias=True)))
    root: NDArray[np.float64] = vectors * np.sqrt(np.maximum(values, 0.0))
    return root


def _one_by_one(
    mix: NDArray[np.float64], counts: NDArray[np.int64], chance: np.random.Generator
) -> NDArray[np.float64]:
    taken = chance.integers(len(mix), size=int(counts.sum()))
    ends = np.cumsum(counts)
    sums = np.zeros((len(taken) + 1, mix.shape[1]))
    np.cumsum(mix[taken], axis=0, out=sums[1:])
    found: NDArray[np.float64] = sums[ends] - sums[ends - counts]
    return found
