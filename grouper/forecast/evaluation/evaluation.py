"""What a back-test found: as a document, in lines for a terminal, as a page."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from codebooks.messages import catalogue, language
from grouper.forecast.evaluation.calibration import parts, quantiles, reliability
from grouper.forecast.evaluation.report import page
from grouper.forecast.evaluation.scores import VERSION, scores
from grouper.forecast.evaluation.words import lines
from grouper.forecast.levels import GROUP, MDC

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from grouper.forecast.evaluation.judged import Judged
    from grouper.forecast.evaluation.plan import Judging


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A back-test's forecasts with what came, and what it was.

    Attributes:
        about: model, plan, origins.
        rows: the forecasts.
        judging: how scores are told.
        drift: the document of a drift watch beside them; None: none.
    """

    about: Mapping[str, Any]
    rows: Judged
    judging: Judging
    drift: Mapping[str, Any] | None = None
    _figures: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def with_drift(self, drift: Mapping[str, Any]) -> Evaluation:
        """The same beside a drift watch (:meth:`grouper.forecast.evaluation.drift.Watch.document`)."""
        return replace(self, drift=drift, _figures=self._figures)

    def document(self, lang: str | None = None) -> dict[str, Any]:
        """All figures as JSON knows them.

        Args:
            lang: of the few words in it (reasons).
        """
        rows, chosen = self.rows, lang or language()
        if not self._figures:
            self._figures.update(self._reckoned())
        return {
            "version": VERSION,
            **self.about,
            "judging": asdict(self.judging),
            "refused": _reasons(rows.texts["reason"], chosen),
            "unpriced": _reasons(rows.texts["pay_reason"], chosen),
            **self._figures,
            "drift": self.drift,
        }

    def _reckoned(self) -> dict[str, Any]:
        """All scores; they are worth keeping, for the draws of their margins take a while."""
        rows, judging = self.rows, self.judging
        found: dict[str, Any] = {"overall": scores(rows, judging, "overall")}
        found["by_day"] = [
            {"day": int(day), **scores(rows.take(rows.day == day), judging, f"day {day}")}
            for day in np.unique(rows.day)
        ]
        found["by_origin"] = [
            {
                "origin": told["origin"],
                **scores(rows.take(rows.origin == number), judging, f"origin {number}"),
            }
            for number, told in zip(np.unique(rows.origin), self.about["origins"], strict=True)
        ]
        for name in ("department", MDC, GROUP):
            found[f"by_{name}"] = self._by(name)
        found["reliability"] = reliability(rows, judging)
        found["quantiles"] = quantiles(rows)
        found["parts"] = parts(rows, judging)
        return found

    def lines(self, lang: str | None = None) -> list[str]:
        """For a terminal."""
        chosen = lang or language()
        return lines(self.document(chosen), chosen)

    def html(self, lang: str | None = None) -> str:
        """A page that needs nothing else."""
        chosen = lang or language()
        return page(self.document(chosen), chosen)

    def _by(self, name: str) -> list[dict[str, Any]]:
        """Scores by the words of a column that have enough stays, those with most stays first."""
        rows, judging = self.rows, self.judging
        words, place = np.unique(rows.texts[name].astype(str), return_inverse=True)
        told: list[tuple[int, str, NDArray[np.int64]]] = []
        for number, word in enumerate(words.tolist()):
            own = np.flatnonzero(place == number)
            stays = len(np.unique(rows.stay[own]))
            if word and stays >= judging.least_stays:
                told.append((-stays, word, own))
        told.sort(key=lambda one: one[:2])
        if name == GROUP:
            told = told[: judging.most_groups]
        titles = rows.names if name == GROUP else {}
        return [
            {
                "key": word,
                "name": titles.get(word, ""),
                **scores(rows.take(own), judging, f"{name} {word}"),
            }
            for _, word, own in told
        ]


def _reasons(codes: NDArray[Any], lang: str) -> list[dict[str, Any]]:
    """How often each reason is given, the commonest first."""
    words, counts = np.unique(codes[codes != ""].astype(str), return_counts=True)
    found = [
        {"code": word, "count": int(count), "words": catalogue(lang).get(f"reason.{word}", "")}
        for word, count in zip(words.tolist(), counts.tolist(), strict=True)
    ]
    return sorted(found, key=lambda one: (-int(one["count"]), one["code"]))
