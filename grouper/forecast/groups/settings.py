"""The settings of the model of groups, checked before anything is done by them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grouper.forecast import boost, features
from grouper.forecast.groups.clues import CLUES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_COUNTS = (("candidates", "count"), ("candidates", "pool"), ("candidates", "rows"))
_MORE = (("ranker", "folds"), ("ranker", "rows"), ("ranker", "asked_threads"))
_SHARES = (("ranker", "sure"), ("ranker", "sure_share"))
_POSITIVE = (
    ("stays", "strength"),
    ("profile", "strength"),
    ("profile", "floor"),
    ("profile", "bound"),
    ("calibration", "strength"),
    ("calibration", "least"),
)
_HALVES = 2


def checked(how: Mapping[str, Any]) -> Mapping[str, Any]:
    """Settings that can be used.

    Args:
        how: as ``data/groups.toml`` has them.

    Raises:
        KeyError: one is missing.
        TypeError: one is of another kind.
        ValueError: one is out of bounds, or names what there is not.
    """
    buckets = how["buckets"]
    _hold("buckets", buckets[0] == 0 and buckets == sorted(set(buckets)))
    names = [one["name"] for one in how["table"]]
    _hold("table", len(set(names)) == len(names) and how["stays"]["before"] in names)
    for one in (*how["table"], how["stays"]):
        _hold("keys", bool(one["keys"]) and set(one["keys"]) <= set(CLUES))
        _hold("strength", one["strength"] > 0)
    _hold("never", all(isinstance(word, str) for word in how["stays"]["never"]))
    for part, name in (*_COUNTS, *_MORE):
        _hold(name, isinstance(how[part][name], int) and how[part][name] > 0)
    _hold("folds", how["ranker"]["folds"] % _HALVES == 0)
    for part, name in _SHARES:
        _hold(name, 0 < how[part][name] <= 1)
    for part, name in _POSITIVE:
        _hold(name, how[part][name] > 0)
    for part in ("profile", "ranker"):
        _hold("features", set(how[part]["features"]) <= set(features.names()))
    low, high = how["calibration"]["temperature"]
    _hold("temperature", 0 < low <= 1 <= high)
    for name in ("left", "sure"):
        _hold(name, _rises(how["calibration"][name]))
    boost.settings(how["ranker"]["trees"])
    return how


def _rises(bounds: Iterable[float]) -> bool:
    """Whether bounds go from 0 up to 1."""
    own = list(bounds)
    return own[0] == 0 and own[-1] == 1 and own == sorted(set(own))


def _hold(name: str, fine: bool) -> None:
    if not fine:
        raise ValueError(name)
