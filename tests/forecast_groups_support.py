"""A model of groups taught on a small invented hospital, and a plain reading of the transitions."""

from __future__ import annotations

import copy
from collections import defaultdict
from functools import cache
from typing import Any

import numpy as np
from forecast_amounts_support import Small, small

from grouper.forecast.frame import Frame
from grouper.forecast.groups.forecast import GroupForecast
from grouper.forecast.groups.model import GroupModel
from grouper.forecast.groups.transitions import Lesson
from grouper.forecast.tables import toml


def settings(**trees: Any) -> dict[str, Any]:
    """The shipped settings with few trees."""
    how = copy.deepcopy(toml("groups.toml"))
    how["ranker"]["trees"] |= {"rounds": 15, "depth": 3, "threads": 1} | trees
    how["calibration"]["least"] = 100
    return how


def hospital() -> Small:
    """Three months; the last third is unseen in training."""
    return small()


@cache
def taught() -> tuple[GroupModel, GroupForecast]:
    """Taught on the earlier stays, calibrated on half of the later rows; held-out forecasts."""
    made = hospital()
    model, held = GroupModel.trained(made.frame.take(made.earlier), made.truth, settings())
    return model.calibrated(made.frame.take(made.later[::2]), made.truth), held


def unseen() -> tuple[Frame, np.ndarray[Any, Any]]:
    """Rows that neither training nor calibration has seen, and their numbers."""
    rows = hospital().later[1::2]
    return hospital().frame.take(rows), rows


def same(one: GroupForecast, rows: Any, other: GroupForecast) -> None:
    """Both say the same of the same rows."""
    own, theirs = np.array([*one.names, ""], object), np.array([*other.names, ""], object)
    np.testing.assert_array_equal(own[one.code[rows]], theirs[other.code])
    np.testing.assert_allclose(one.probability[rows], other.probability, rtol=1e-9, atol=1e-12)


class PlainTransitions:
    """Transitions by dictionaries, one row at a time; shares no line with the arrays."""

    def __init__(self, how: dict[str, Any], lesson: Lesson, invalid: int | None) -> None:
        self.how = how
        self.never = {-1, invalid}
        rows = range(len(lesson.stay))
        clues = [{name: int(v[row]) for name, v in lesson.numbers.items()} for row in rows]
        in_bucket: dict[tuple[int, int], int] = defaultdict(int)
        for row in rows:
            in_bucket[int(lesson.stay[row]), clues[row]["bucket"]] += 1
        self.sizes: dict[int, int] = defaultdict(int)
        for _, final in {(int(s), int(f)) for s, f in zip(lesson.stay, lesson.final, strict=True)}:
            self.sizes[final] += 1
        self.counts: dict[Any, dict[int, float]] = defaultdict(lambda: defaultdict(float))
        self.stayed: dict[Any, list[float]] = defaultdict(lambda: [0.0, 0.0])
        for row in rows:
            weight = 1 / in_bucket[int(lesson.stay[row]), clues[row]["bucket"]]
            bare, final = int(lesson.bare[row]), int(lesson.final[row])
            for one in how["table"]:
                self.counts[self.key(one, clues[row])][final] += weight
            seen = self.sizes.get(bare, 0) - (bare == final) > 0
            key = (seen, *(clues[row][name] for name in how["stays"]["keys"]))
            self.stayed[key][0] += weight * (bare == final)
            self.stayed[key][1] += weight

    @staticmethod
    def key(one: dict[str, Any], clues: dict[str, int]) -> Any:
        return (one["name"], *(clues[name] for name in one["keys"]))

    def chance(self, clues: dict[str, int], bare: int, group: int, groups: int) -> float:
        """The chance of one group of one row."""
        found = (self.sizes.get(group, 0) + 0.5) / (sum(self.sizes.values()) + 0.5 * (groups + 1))
        for one in self.how["table"]:
            if one["name"] == self.how["stays"]["before"]:
                stays = self.stays(clues, bare)
                found = (1 - stays) * found + stays * (group == bare)
            counts = self.counts.get(self.key(one, clues), {})
            total = sum(counts.values())
            found = (counts.get(group, 0.0) + one["strength"] * found) / (total + one["strength"])
        return found

    def stays(self, clues: dict[str, int], bare: int) -> float:
        if clues["status"] in self.never:
            return 0.0
        seen = self.sizes.get(bare, 0) > 0
        key = (seen, *(clues[name] for name in self.how["stays"]["keys"]))
        same, total = self.stayed.get(key, [0.0, 0.0])
        overall = sum(s for s, _ in self.stayed.values()) / sum(t for _, t in self.stayed.values())
        strength = self.how["stays"]["strength"]
        return (same + strength * overall) / (total + strength)
