"""Decision diagrams: the rules of a category as shared nodes, each testing one bit of the case.

A node is a number. Numbers below ``leaves`` are answers: group numbers, and ``PASS`` for "this
category takes nothing, ask the next". The others test an atom and lead on. Equal nodes are one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from grouper.schemes.drg.atoms import Formula, assign, atoms_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from grouper.schemes.drg.atoms import Atom

PASS = 0
"""The answer "nothing here took the case"."""

_BEYOND = 1 << 30


@dataclass(frozen=True, slots=True)
class NodeTable:
    """The nodes as arrays; ``branch[2 * node + answer]`` is the node that follows."""

    leaves: int
    bit: NDArray[np.int64]
    branch: NDArray[np.int32]


class Diagram:
    """Builds nodes, in the fixed order of the atoms' bits.

    Args:
        leaves: how many answers there are.
        bits: the bit of each case atom; lower bits are tested first.
    """

    def __init__(self, leaves: int, bits: Mapping[Atom, int]) -> None:
        self.leaves = leaves
        self.bits = bits
        self._nodes: dict[tuple[int, int, int], int] = {}
        self._tests: list[tuple[int, int, int]] = []
        self._memo: dict[tuple[Formula, int, int], int] = {}

    def node(self, formula: Formula, yes: int, no: int) -> int:
        """The node that leads to ``yes`` where the formula holds, else to ``no``."""
        if isinstance(formula, bool) or yes == no:
            return yes if formula else no
        key = (formula, yes, no)
        found = self._memo.get(key)
        if found is None:
            first = min(self._upper(yes), self._upper(no))
            atom = min(atoms_of(formula), key=self.bits.__getitem__)
            bit = self.bits[atom]
            if first < bit:
                high = self.node(formula, self._after(yes, first, 1), self._after(no, first, 1))
                low = self.node(formula, self._after(yes, first, 0), self._after(no, first, 0))
                found = self._make(first, high, low)
            else:
                ways = [
                    self.node(
                        assign(formula, {atom: answer}),
                        self._after(yes, bit, answer),
                        self._after(no, bit, answer),
                    )
                    for answer in (True, False)
                ]
                found = self._make(bit, *ways)
            self._memo[key] = found
        return found

    def _upper(self, node: int) -> int:
        """The bit that a node tests; answers test none, after all others."""
        return self._tests[node - self.leaves][0] if node >= self.leaves else _BEYOND

    def _after(self, node: int, bit: int, answer: int) -> int:
        """Where a node leads once a bit is known."""
        if self._upper(node) != bit:
            return node
        test = self._tests[node - self.leaves]
        return test[1] if answer else test[2]

    def _make(self, bit: int, yes: int, no: int) -> int:
        if yes == no:
            return yes
        key = (bit, yes, no)
        found = self._nodes.get(key)
        if found is None:
            found = self._nodes[key] = self.leaves + len(self._tests)
            self._tests.append(key)
        return found

    def table(self) -> NodeTable:
        """The nodes as arrays; answers lead to themselves."""
        size = self.leaves + len(self._tests)
        bit = np.zeros(size, np.int64)
        branch = np.repeat(np.arange(size, dtype=np.int32), 2)
        if self._tests:
            tests = np.array(self._tests, np.int32)
            bit[self.leaves :] = tests[:, 0]
            branch[2 * self.leaves :: 2] = tests[:, 2]
            branch[2 * self.leaves + 1 :: 2] = tests[:, 1]
        return NodeTable(self.leaves, bit, branch)
