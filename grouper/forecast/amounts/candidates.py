"""The groups into which each case may fall, one row a case and group, with their probabilities.

What a forecast of groups leaves to "another group" is followed as a few groups that stand for it:
those of the likeliest MDC whose typical cost is low, in the middle and high among its stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from grouper.forecast.groups.forecast import PAD
from grouper.forecast.levels import ADRG, GROUP, MDC
from grouper.forecast.tables import toml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from grouper.forecast.amounts.cards import Cards
    from grouper.forecast.amounts.history import History
    from grouper.forecast.groups.forecast import GroupForecast
    from grouper.forecast.levels import Levels

_ANY = ""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Pairs of a row and a group.

    Attributes:
        row: number of the row, ascending; each has at least one pair.
        slot: 0 for the likeliest group of the row, and so on.
        card: place of the group's card; −1: it has none.
        probability: of the pair; those of a row sum to 1.
        named: whether the forecast named the group; else it stands for another.
        words: what each pair's group is at each level, by level as codes into texts.
    """

    row: NDArray[np.int64]
    slot: NDArray[np.int64]
    card: NDArray[np.int64]
    probability: NDArray[np.float64]
    named: NDArray[np.bool_]
    words: Mapping[str, tuple[NDArray[np.int64], tuple[str, ...]]]

    def __len__(self) -> int:
        return len(self.row)

    @property
    def first(self) -> NDArray[np.int64]:
        """The pair of each row's likeliest group."""
        return np.flatnonzero(self.slot == 0)

    def are_bare(self, bare: Levels) -> NDArray[np.bool_]:
        """Which pairs' group is the one that the grouper itself finds for the row.

        Args:
            bare: its answers, row by row.
        """
        codes, words = self.words[GROUP]
        # A group that is named here and stands for others there has two places among the words.
        first: dict[str, int] = {}
        own = np.array([first.setdefault(word, len(first)) for word in words], np.int64)
        theirs = np.array([first.get(word, -1) for word in bare.words[GROUP]], np.int64)
        found: NDArray[np.bool_] = own[codes] == theirs[bare.codes[GROUP]][self.row]
        return found


@dataclass(frozen=True, slots=True)
class StandIns:
    """Cards of the groups that stand for others, by MDC; the empty word is all."""

    by_mdc: Mapping[str, tuple[int, ...]]

    @classmethod
    def of(cls, cards: Cards, history: History) -> StandIns:
        """Choose them by the number of stays in the history."""
        quantiles = toml("amounts.toml")["candidates"]["stand_ins"]
        tally = history.levels[GROUP]
        places = tally.places(cards.names)
        count = tally.sums[places, 0]
        cost = tally.sums[places, 3] / np.maximum(count, 1.0) + np.nan_to_num(cards.log_weight)
        mdc = np.array(cards.mdc, object)
        found: dict[str, tuple[int, ...]] = {}
        for word in sorted({*cards.mdc, _ANY}):
            own = np.flatnonzero((count > 0) & ((mdc == word) | (word == _ANY)))
            if len(own):
                own = own[np.argsort(cost[own], kind="stable")]
                share = np.cumsum(count[own]) / count[own].sum()
                at = np.searchsorted(share, np.array(quantiles) - 1e-12)
                found[word] = tuple(own[at].tolist())
        return cls(found)

    def of_mdc(self, word: str) -> tuple[int, ...]:
        """The stand-ins of an MDC; of one without stays those of all."""
        return self.by_mdc.get(word, self.by_mdc.get(_ANY, ()))


def candidates_of(groups: GroupForecast, cards: Cards, stand_ins: StandIns) -> Candidates:
    """The groups to follow for each row.

    Args:
        groups: likely groups of the rows.
        cards: of groups.
        stand_ins: for what is not named.
    """
    plan = toml("amounts.toml")["candidates"]
    width = min(groups.code.shape[1], int(plan["most"]))
    code, probability = groups.code[:, :width], groups.probability[:, :width]
    kept = (code != PAD) & (probability >= plan["least"])
    if width:
        kept[:, 0] = code[:, 0] != PAD
    row, slot = np.nonzero(kept)
    shown = code[row, slot]
    mass = probability[row, slot]
    rest = np.clip(1.0 - np.bincount(row, mass, len(groups)), 0.0, 1.0)
    rest[(rest < plan["least_other"]) & kept.any(axis=1)] = 0.0
    # Of the names only those that are spoken of here.
    spoken, number = np.unique(shown, return_inverse=True)
    named = [groups.names[place] for place in spoken.tolist()]
    card = np.array([cards.places.get(name, -1) for name in named], np.int64)
    others = _others(groups, rest, stand_ins)
    counts = kept.sum(axis=1)
    more_row, more_card, more_slot, more_mass = others
    texts = {
        GROUP: (named, cards.names),
        ADRG: ([groups.adrg[place] for place in spoken.tolist()], cards.adrg),
        MDC: ([groups.mdc[place] for place in spoken.tolist()], cards.mdc),
    }
    used, again = np.unique(more_card, return_inverse=True)
    all_row = np.concatenate([row, more_row])
    all_slot = np.concatenate([slot, counts[more_row] + more_slot])
    order = np.lexsort((all_slot, all_row))
    both = np.concatenate([number, len(named) + again])[order]
    whole = np.concatenate([mass, more_mass])[order]
    whole = whole / np.bincount(all_row[order], whole, len(groups))[all_row[order]]
    return Candidates(
        all_row[order],
        all_slot[order],
        np.concatenate([card[number], more_card])[order],
        whole,
        np.concatenate([np.ones(len(row), bool), np.zeros(len(more_row), bool)])[order],
        {
            level: (both, (*own, *(known[place] for place in used.tolist())))
            for level, (own, known) in texts.items()
        },
    )


def _others(
    groups: GroupForecast, rest: NDArray[np.float64], stand_ins: StandIns
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Rows, cards, places and probabilities of what stands for "another group"."""
    some = np.flatnonzero(rest > 0)
    if not len(some):
        none = np.zeros(0, np.int64)
        return none, none, none, np.zeros(0)
    mdc, _ = groups.take(some).at(MDC)
    words, place = np.unique(mdc.astype(str), return_inverse=True)
    chosen = [stand_ins.of_mdc(word) for word in words.tolist()]
    lengths = np.array([len(one) for one in chosen], np.int64)
    flat = np.array([card for one in chosen for card in one], np.int64)
    begins = np.cumsum(lengths) - lengths
    own = lengths[place]
    row = np.repeat(some, own)
    within = np.arange(len(row)) - np.repeat(np.cumsum(own) - own, own)
    card = flat[np.repeat(begins[place], own) + within] if len(row) else np.zeros(0, np.int64)
    return row, card, within, np.repeat(rest[some] / np.maximum(own, 1), own)


def of_truth(
    codes: Mapping[str, NDArray[np.int64]], words: Mapping[str, Sequence[str]], cards: Cards
) -> Candidates:
    """The final group of each row as its one candidate (training).

    Args:
        codes: of the final groups by level.
        words: their texts.
        cards: of groups.
    """
    size = len(codes[GROUP])
    card = np.array([cards.places.get(name, -1) for name in words[GROUP]], np.int64)
    return Candidates(
        np.arange(size),
        np.zeros(size, np.int64),
        card[codes[GROUP]],
        np.ones(size),
        np.ones(size, bool),
        {level: (codes[level], tuple(words[level])) for level in (GROUP, ADRG, MDC)},
    )
