"""What each department's cases of a month come to, by measure: exact sums over all their lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from grouper.audit.lines import NONE, SCOPES, Vocabulary, Words
from grouper.audit.monitors.measures import COST

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from grouper.audit.charges import Portions
    from grouper.audit.lines import Lines
    from grouper.audit.monitors.measures import Asked, Measure

_KINDS = 15
"""Classes of the settlement list, and none."""
_SERIES = ["kind", "department", "month"]


class Sums:
    """Sums of the lines of each case, a portion after the other.

    Args:
        count: how many cases there are.
        asked: what is watched.
    """

    def __init__(self, count: int, asked: Sequence[Asked]) -> None:
        self._costs = [one.measure for one in asked if one.measure.of == COST]
        self._parts = {one.name: np.zeros(count, np.int64) for one in self._costs}
        self.whole = np.zeros(count, np.int64)
        self.seen = dict.fromkeys(self._parts, False)
        self.classed = False

    def read(self, portions: Portions, strangers: list[int]) -> None:
        """Add up all lines; refunds take their amounts back.

        Args:
            portions: of lines.
            strangers: gets for each block the number of lines whose case is not known.
        """
        words = Vocabulary(Words(), Words(), Words())
        for lines in portions.each(words, strangers):
            np.add.at(self.whole, lines.case, lines.amount)
            self.classed |= bool((lines.kind > 0).any())
            for one in self._costs:
                own = _counted(one, lines, words.items)
                self.seen[one.name] |= bool(own.any())
                np.add.at(self._parts[one.name], lines.case[own], lines.amount[own])

    def part(self, measure: Measure) -> NDArray[np.int64]:
        """The fen of each case that a measure of costs counts."""
        return self._parts[measure.name]


def _counted(measure: Measure, lines: Lines, items: Words) -> NDArray[np.bool_]:
    """Which lines a measure counts."""
    own = np.ones(len(lines), bool)
    if measure.classes:
        own &= np.isin(np.arange(_KINDS), measure.classes)[lines.kind]
    if measure.scopes:
        places = [SCOPES.index(word) for word in measure.scopes]
        own &= np.isin(np.arange(len(SCOPES)), places)[lines.scope]
    if measure.items:
        known = items.snapshot().all
        starts = np.array([*(word.startswith(measure.items) for word in known), False])
        own &= starts[np.where(lines.item == NONE, len(known), lines.item)]
    return own


def severe(costs: pa.Table, ids: Any, fold: int) -> NDArray[np.bool_]:  # noqa: ANN401 -- Arrow
    """The cases of groups whose mean cost is so many times that of all cases.

    Args:
        costs: ``case_id`` and ``mean`` in fen of the group.
        ids: of the cases.
        fold: in ten-thousandths.

    Returns:
        One value a case; of a case whose group is not known it is false.
    """
    known = costs.filter(pc.is_valid(costs["mean"]))
    places = pc.index_in(ids, known["case_id"].combine_chunks().cast(pa.string()))
    means = [None if at is None else int(known["mean"][at].as_py()) for at in places.to_pylist()]
    total, count = sum(one for one in means if one is not None), sum(m is not None for m in means)
    return np.array([m is not None and m * count * 10_000 >= fold * total for m in means], bool)


def series(
    rows: pa.Table, part: NDArray[np.int64], whole: NDArray[np.int64], kinds: Sequence[str]
) -> Iterator[tuple[tuple[str, str], list[tuple[str, int, int, int]]]]:
    """The months of each kind and department, in order: month, cases, part and whole.

    Args:
        rows: ``kind``, ``department`` and ``month`` of each case; null where it is not stated.
        part: of each case.
        whole: of each case.
        kinds: those that are wanted.
    """
    table = rows.append_column("part", pa.array(part)).append_column("whole", pa.array(whole))
    wanted = pc.is_in(table["kind"], pa.array(list(kinds), pa.string()))
    for name in _SERIES:
        wanted = pc.and_(wanted, pc.is_valid(table[name]))
    sums = [("part", "sum"), ("whole", "sum"), ("part", "count")]
    found = table.filter(wanted).group_by(_SERIES).aggregate(sums)
    found = found.sort_by([(name, "ascending") for name in _SERIES])
    own: dict[tuple[str, str], list[tuple[str, int, int, int]]] = {}
    for row in found.to_pylist():
        months = own.setdefault((row["kind"], row["department"]), [])
        months.append((row["month"], row["part_count"], row["part_sum"], row["whole_sum"]))
    yield from own.items()
