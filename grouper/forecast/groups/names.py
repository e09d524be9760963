"""The groups that a model speaks of, with the levels above them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from grouper.forecast.levels import ADRG, GROUP, MDC

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from grouper.forecast.levels import Levels


@dataclass(frozen=True, slots=True)
class Names:
    """Groups by number.

    Attributes:
        names: a group's number is its place.
        adrg: of each.
        mdc: of each.
        places: the number of each group.
    """

    names: tuple[str, ...]
    adrg: tuple[str, ...]
    mdc: tuple[str, ...]
    places: dict[str, int]

    @classmethod
    def of(cls, rows: Iterable[tuple[str, str, str]]) -> Names:
        """Groups of their rows: name, ADRG, MDC."""
        names, adrg, mdc = zip(*rows, strict=True) if (rows := list(rows)) else ((), (), ())
        return cls(names, adrg, mdc, {name: place for place, name in enumerate(names)})

    @classmethod
    def learnt(cls, *told: Levels) -> Names:
        """All groups of some levels, in the order of their names."""
        found: dict[str, tuple[str, str]] = {}
        for levels in told:
            found = _above(levels) | found
        return cls.of((name, *found[name]) for name in sorted(found))

    def __len__(self) -> int:
        return len(self.names)

    def with_those_of(self, levels: Levels) -> Names:
        """With groups that these levels name besides, after the own ones."""
        words = levels.words[GROUP]
        used = np.unique(levels.codes[GROUP]).tolist()
        if all(words[code] in self.places for code in used):
            return self
        found = _above(levels)
        new = sorted(name for name in found if name not in self.places)
        rows = zip(self.names, self.adrg, self.mdc, strict=True)
        return Names.of([*rows, *((name, *found[name]) for name in new)])

    def numbers(self, levels: Levels) -> NDArray[np.int64]:
        """The number of each row's group.

        Raises:
            KeyError: a row's group is none of these.
        """
        words, codes = levels.words[GROUP], levels.codes[GROUP]
        used = np.unique(codes)
        own = np.full(len(words), -1, np.int64)
        own[used] = [self.places[words[code]] for code in used]
        return own[codes]

    def upper(self, level: str) -> tuple[NDArray[np.int64], tuple[str, ...]]:
        """The number of each group's word at a level, and the sorted words."""
        own = {ADRG: self.adrg, MDC: self.mdc}[level]
        words = tuple(sorted(set(own)))
        places = {word: place for place, word in enumerate(words)}
        return np.array([places[word] for word in own], np.int64), words


def _above(levels: Levels) -> dict[str, tuple[str, str]]:
    """ADRG and MDC of the groups that rows have; of the first row of each group."""
    codes, first = np.unique(levels.codes[GROUP], return_index=True)
    return {
        levels.words[GROUP][code]: (
            levels.words[ADRG][levels.codes[ADRG][row]],
            levels.words[MDC][levels.codes[MDC][row]],
        )
        for code, row in zip(codes.tolist(), first.tolist(), strict=True)
    }
