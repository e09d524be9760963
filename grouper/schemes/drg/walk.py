"""Many cases through the decision diagrams at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from grouper.schemes.drg.diagram import PASS, Diagram
from grouper.schemes.drg.grid import GridBuilder
from grouper.schemes.drg.layout import WORD, Layout
from grouper.schemes.vocabulary import NO_CODE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from grouper.schemes.drg.compiled import CompiledScheme


@dataclass(frozen=True, slots=True)
class Work:
    """Cases as the diagrams see them.

    ``principal`` and ``main`` are code numbers, ``words`` the bits of the case atoms, shape
    (words, cases).
    """

    principal: NDArray[np.int64]
    main: NDArray[np.int64]
    words: NDArray[np.uint64]

    def take(self, rows: NDArray[np.int64]) -> Work:
        """Some of the cases."""
        return Work(self.principal.take(rows), self.main.take(rows), self.words.take(rows, axis=1))


class Walker:
    """The diagrams of one scheme as arrays, and the walk through them."""

    def __init__(self, scheme: CompiledScheme, layout: Layout) -> None:
        diagram = Diagram(len(scheme.groups), layout.bits)
        builder = GridBuilder(scheme, diagram)
        entries = [builder.entry(mdc) for mdc in scheme.mdcs]
        nodes = diagram.table()
        self._leaves = nodes.leaves
        self._branch = nodes.branch.astype(np.int64)
        self._word, shift = np.divmod(nodes.bit, WORD)
        self._shift = shift.astype(np.uint64)
        self._size = scheme.vocabulary.size
        # The categories' tables one behind the other: a case enters category m at
        # root[row[m, diagnosis] + column[m, procedure]].
        first = np.cumsum([0, *(len(entry.root) for entry in entries)])
        self._root = np.concatenate([entry.root for entry in entries]).astype(np.int64)
        self._row = np.concatenate(
            [
                entry.diagnosis.astype(np.int64) * entry.width + at
                for entry, at in zip(entries, first, strict=False)
            ]
        )
        self._column = np.concatenate([e.procedure for e in entries]).astype(np.int64)
        # Bit m of a code's mask: category m can take a case with it.
        self._may_dx = np.zeros(self._size, np.uint32)
        self._may_px = np.zeros(self._size, np.uint32)
        for m, entry in enumerate(entries):
            self._may_dx |= entry.may_diagnosis.astype(np.uint32) << np.uint32(m)
            self._may_px |= entry.may_procedure.astype(np.uint32) << np.uint32(m)

    def groups(self, work: Work) -> NDArray[np.int32]:
        """The group number of each case; ``PASS`` where no category takes it."""
        found = np.full(len(work.principal), PASS, np.int32)
        may = self._may_dx.take(work.principal) & self._may_px.take(work.main)
        may[work.principal == NO_CODE] = 0
        rows = np.flatnonzero(may)
        may = may.take(rows)
        principal, main = work.principal.take(rows), work.main.take(rows)
        while len(rows):
            lowest = may & (~may + np.uint32(1))
            # The exponent of a power of two is exact: the category that is next in order.
            offset = (np.frexp(lowest.astype(np.float32))[1] - 1).astype(np.int64) * self._size
            cell = self._row.take(offset + principal) + self._column.take(offset + main)
            node = self._descend(work, rows, self._root.take(cell))
            found[rows] = node
            may ^= lowest
            left = np.flatnonzero((node == PASS) & (may != 0))
            rows, may = rows.take(left), may.take(left)
            principal, main = principal.take(left), main.take(left)
        return found

    def _descend(
        self, work: Work, rows: NDArray[np.int64], node: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Follow each case's node to its answer."""
        flat = work.words.ravel()
        width = work.words.shape[1]
        open_ = np.flatnonzero(node >= self._leaves)
        at, case = node.take(open_), rows.take(open_)
        while len(open_):
            bit = flat.take(self._word.take(at) * width + case) >> self._shift.take(at)
            at = self._branch.take(2 * at + (bit & np.uint64(1)).astype(np.int64))
            node[open_] = at
            inner = np.flatnonzero(at >= self._leaves)
            open_, at, case = open_.take(inner), at.take(inner), case.take(inner)
        return node
