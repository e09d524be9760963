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
        self.entries = [builder.entry(mdc) for mdc in scheme.mdcs]
        nodes = diagram.table()
        self._leaves = nodes.leaves
        self._branch = nodes.branch
        self._word, shift = np.divmod(nodes.bit, WORD)
        self._shift = shift.astype(np.uint64)
        # Bit m of a code's mask: category m can take a case with it.
        shape = (scheme.vocabulary.size,)
        self._may_dx = np.zeros(shape, np.uint64)
        self._may_px = np.zeros(shape, np.uint64)
        for m, entry in enumerate(self.entries):
            self._may_dx |= entry.may_diagnosis.astype(np.uint64) << np.uint64(m)
            self._may_px |= entry.may_procedure.astype(np.uint64) << np.uint64(m)

    def groups(self, work: Work) -> NDArray[np.int32]:
        """The group number of each case; ``PASS`` where no category takes it."""
        found = np.full(len(work.principal), PASS, np.int32)
        may = self._may_dx[work.principal] & self._may_px[work.main]
        may[work.principal == NO_CODE] = 0
        for m, entry in enumerate(self.entries):
            rows = np.flatnonzero((may >> np.uint64(m)) & np.uint64(1))
            if not len(rows):
                continue
            cell = entry.diagnosis[work.principal[rows]] * entry.width
            node = entry.root[cell + entry.procedure[work.main[rows]]]
            self._descend(work, rows, node)
            found[rows] = node
            may[rows[node != PASS]] = 0
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
