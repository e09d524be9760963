"""How fast this machine is just now: seconds of a fixed piece of work.

Half of it is Python's own (dictionaries, texts, calls), half is arrays (sorting, gathering, sums), as in
the programs that are measured. What is done never changes: else all earlier figures would be lost.
"""

from __future__ import annotations

import statistics
import time

import numpy as np

ROUNDS = 5
_WORDS, _NUMBERS = 120_000, 1_200_000


def work() -> int:
    """The fixed work; gives a number, so that nothing of it can be left out."""
    counts: dict[str, int] = {}
    for number in range(_WORDS):
        word = f"{number * 7919 % 9973:04}"
        counts[word] = counts.get(word, 0) + len(word.strip("0"))
    drawn = np.random.default_rng(1).integers(0, 1 << 30, _NUMBERS)
    order = np.argsort(drawn, kind="stable")
    whole = int(np.cumsum(drawn[order] * 0.5)[-1])
    return whole + sum(counts.values()) + len(np.unique(drawn % 65_521))


def seconds() -> list[float]:
    """Seconds of each round."""
    found = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        work()
        found.append(time.perf_counter() - begin)
    return found


def median(rounds: list[float]) -> float:
    """What stands for all rounds."""
    return statistics.median(rounds)
