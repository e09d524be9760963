"""One category's rules over classes of principal codes: where a case enters its diagram."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from grouper.rules.ast import Field
from grouper.schemes.drg.atoms import Formula, HasLevel, InSets, assign, atoms_of, formula, is_grid
from grouper.schemes.drg.compiled import CC, MCC
from grouper.schemes.drg.diagram import PASS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from grouper.schemes.drg.atoms import Atom
    from grouper.schemes.drg.compiled import CompiledScheme, Mdc
    from grouper.schemes.drg.diagram import Diagram

_KEY_BITS = 40
"""Masks to a number: with the classes before them (fewer than 2**23) they fit into 63 bits."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a category takes a case up.

    ``diagnosis`` and ``procedure`` give the class of each code number; ``root`` the first node of
    each (diagnosis class × procedure class), flattened, ``width`` procedure classes to a row.
    ``may_diagnosis`` and ``may_procedure`` tell for each code number whether the category can take
    a case with it at all.
    """

    diagnosis: NDArray[np.int32]
    procedure: NDArray[np.int32]
    root: NDArray[np.int32]
    width: int
    may_diagnosis: NDArray[np.bool_]
    may_procedure: NDArray[np.bool_]


def code_mask(scheme: CompiledScheme, atom: InSets | HasLevel) -> NDArray[np.bool_]:
    """For each code number, whether it makes a grid atom true."""
    mask = np.zeros(scheme.vocabulary.size, np.bool_)
    if isinstance(atom, InSets):
        for name in atom.sets:
            mask[scheme.members(name)] = True
    else:
        level = MCC if atom.level == "MCC" else CC
        for code in np.flatnonzero(scheme.level == level):
            mask[code] = not scheme.excludes(int(code), int(code))
    return mask


class GridBuilder:
    """Builds the entries of all categories of one scheme into one diagram."""

    def __init__(self, scheme: CompiledScheme, diagram: Diagram) -> None:
        self.scheme = scheme
        self.diagram = diagram

    def entry(self, mdc: Mdc) -> Entry:
        """The entry of one category."""
        rules = [formula(mdc.rule)]
        rules += [formula(adrg.rule) for adrg in mdc.adrgs]
        rules += [formula(drg.rule) for adrg in mdc.adrgs for drg in adrg.drgs]
        atoms = [a for rule in dict.fromkeys(rules) for a in atoms_of(rule) if is_grid(a)]
        diagnoses = [a for a in dict.fromkeys(atoms) if a.field is Field.ZYZD]  # type: ignore[union-attr]
        procedures = [a for a in dict.fromkeys(atoms) if a.field is Field.ZYSS]  # type: ignore[union-attr]
        dx_class, dx_truth = self._classes(diagnoses)
        px_class, px_truth = self._classes(procedures)
        truth: dict[Atom, NDArray[np.bool_]] = {
            **{a: dx_truth[i][:, None] for i, a in enumerate(diagnoses)},
            **{a: px_truth[i][None, :] for i, a in enumerate(procedures)},
        }
        shape = (int(dx_class.max()) + 1, int(px_class.max()) + 1)
        cells = _Cells(self.diagram, truth, shape)
        nothing = np.full(shape, PASS, np.int32)
        chain = nothing
        for adrg in reversed(mdc.adrgs):
            split = chain
            for drg in reversed(adrg.drgs):
                split = cells.choose(formula(drg.rule), np.full(shape, drg.group, np.int32), split)
            chain = cells.choose(formula(adrg.rule), split, chain)
        root = cells.choose(formula(mdc.rule), chain, nothing)
        takes = root != PASS
        return Entry(
            dx_class,
            px_class,
            np.ascontiguousarray(root).ravel(),
            shape[1],
            takes.any(axis=1)[dx_class],
            takes.any(axis=0)[px_class],
        )

    def _classes(self, atoms: Iterable[Atom]) -> tuple[NDArray[np.int32], list[NDArray[np.bool_]]]:
        """Classes of code numbers that no atom tells apart, and each atom's truth per class."""
        masks = [code_mask(self.scheme, atom) for atom in atoms]  # type: ignore[arg-type]
        classes = np.zeros(self.scheme.vocabulary.size, np.int64)
        touched = np.flatnonzero(np.logical_or.reduce(masks)) if masks else np.zeros(0, np.int64)
        # One bit a mask makes a number for each code; before the bits run out, the distinct numbers
        # are counted anew.
        inner = np.zeros(len(touched), np.int64)
        for i, mask in enumerate(masks, 1):
            inner = inner * 2 + mask.take(touched)
            if i % _KEY_BITS == 0 or i == len(masks):
                _, inner = np.unique(inner, return_inverse=True)
        classes[touched] = inner + 1
        count = int(classes.max()) + 1
        sample = np.zeros(count, np.int64)
        sample[classes[touched]] = touched
        truth = []
        for mask in masks:
            per_class = mask[sample]
            per_class[0] = False
            truth.append(per_class)
        return classes.astype(np.int32), truth


class _Cells:
    """Choice between two grids of nodes by a formula, cell by cell but for equal cells once."""

    def __init__(
        self, diagram: Diagram, truth: dict[Atom, NDArray[np.bool_]], shape: tuple[int, int]
    ) -> None:
        self.diagram = diagram
        self.truth = truth
        self.shape = shape

    def choose(
        self, rule: Formula, yes: NDArray[np.int32], no: NDArray[np.int32]
    ) -> NDArray[np.int32]:
        known = [a for a in atoms_of(rule) if is_grid(a)]
        chosen = no.copy()
        for cells, residue in self._residues(rule, known):
            if residue is True:
                chosen[cells] = yes[cells]
            elif residue is not False:
                chosen[cells] = self._nodes(residue, yes[cells], no[cells])
        return chosen

    def _residues(
        self, rule: Formula, known: list[Atom]
    ) -> Iterable[tuple[NDArray[np.bool_], Formula]]:
        if not known:
            yield np.ones(self.shape, np.bool_), rule
            return
        case = np.zeros(self.shape, np.int64)
        for i, atom in enumerate(known):
            case += self.truth[atom].astype(np.int64) << i
        for value in np.unique(case):
            values = {a: bool(int(value) >> i & 1) for i, a in enumerate(known)}
            residue = assign(rule, values)
            if residue is not False:
                yield case == value, residue

    def _nodes(
        self, residue: Formula, yes: NDArray[np.int32], no: NDArray[np.int32]
    ) -> NDArray[np.int32]:
        pairs, back = np.unique(yes.astype(np.int64) << 32 | no, return_inverse=True)
        build: Callable[[int], int] = lambda pair: self.diagram.node(  # noqa: E731
            residue, pair >> 32, pair & 0xFFFFFFFF
        )
        made = np.array([build(int(pair)) for pair in pairs], np.int32)
        found: NDArray[np.int32] = made[back]
        return found
