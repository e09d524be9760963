"""Many cases through the decision diagrams at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from grouper.schemes.drg.compiled import NO_CODE
from grouper.schemes.drg.diagram import PASS, Diagram
from grouper.schemes.drg.grid import GridBuilder
from grouper.schemes.drg.layout import WORD, Layout

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from grouper.schemes.drg.compiled import CompiledScheme


@dataclass(frozen=True, slots=True)
class Work:
    """Cases as the diagrams see them.

    ``principal`` and ``main`` are code numbers, ``words`` the bits of the case atoms, shape
    (words, cases).
    """

    principal: NDArray[np.int32]
    main: NDArray[np.int32]
    words: NDArray[np.uint64]

    def take(self, rows: NDArray[np.int64]) -> Work:
        """Some of the cases."""
        return Work(self.principal[rows], self.main[rows], self.words.take(rows, axis=1))


class Walker:
    """The diagrams of one scheme as arrays, and the walk through them."""

    def __init__(self, scheme: CompiledScheme, layout: Layout) -> None:
        diagram = Diagram(len(scheme.groups), layout.bits)
        builder = GridBuilder(scheme, diagram)
        entries = [builder.entry(mdc) for mdc in scheme.mdcs]
        nodes = diagram.table()
        self._leaves = nodes.leaves
        self._branch = nodes.branch
        self._word, shift = np.divmod(nodes.bit, WORD)
        self._shift = shift.astype(np.uint64)
        self._size = scheme.vocabulary.size
        # The categories' tables one behind the other: a case enters category m at
        # root[row[m, diagnosis] + column[m, procedure]].
        first = np.cumsum([0, *(len(entry.root) for entry in entries)])
        self._root = np.concatenate([entry.root for entry in entries])
        self._row = np.concatenate(
            [e.diagnosis * np.int32(e.width) + np.int32(at) for e, at in zip(entries, first, strict=False)]
        )
        self._column = np.concatenate([entry.procedure for entry in entries])
        # Bit m of a code's mask: category m can take a case with it.
        self._may_dx = np.zeros(self._size, np.uint32)
        self._may_px = np.zeros(self._size, np.uint32)
        for m, entry in enumerate(entries):
            self._may_dx |= entry.may_diagnosis.astype(np.uint32) << np.uint32(m)
            self._may_px |= entry.may_procedure.astype(np.uint32) << np.uint32(m)

    def groups(self, work: Work) -> NDArray[np.int32]:
        """The group number of each case; ``PASS`` where no category takes it."""
        found = np.full(len(work.principal), PASS, np.int32)
        may = self._may_dx[work.principal] & self._may_px[work.main]
        may[work.principal == NO_CODE] = 0
        rows = np.flatnonzero(may)
        may = may[rows]
        principal, main = work.principal[rows], work.main[rows]
        while len(rows):
            lowest = may & (~may + np.uint32(1))
            # The exponent of a power of two is exact: the category that is next in order.
            category = (np.frexp(lowest.astype(np.float32))[1] - 1).astype(np.int32)
            offset = category * np.int32(self._size)
            node = self._root[self._row[offset + principal] + self._column[offset + main]]
            self._descend(work, rows, node)
            found[rows] = node
            may ^= lowest
            left = np.flatnonzero((node == PASS) & (may != 0))
            rows, may = rows[left], may[left]
            principal, main = principal[left], main[left]
        return found

    def _descend(
        self, work: Work, rows: NDArray[np.int64], node: NDArray[np.int32]
    ) -> None:
        """Follow each case's node to its answer, in place."""
        flat = work.words.ravel()
        width = work.words.shape[1]
        open_ = np.flatnonzero(node >= self._leaves)
        at, case = node[open_], rows[open_]
        while len(open_):
            bit = flat[self._word[at] * width + case] >> self._shift[at]
            at = self._branch[2 * at + (bit & np.uint64(1)).astype(np.int32)]
            inner = at >= self._leaves
            done = ~inner
            node[open_[done]] = at[done]
            open_, at, case = open_[inner], at[inner], case[inner]
