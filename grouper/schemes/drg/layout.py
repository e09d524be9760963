"""Which bit of a case answers which atom, and the tables that turn codes and values into bits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from grouper.rules.ast import Cmp, Compare, Count, Field, Scalar
from grouper.schemes.drg.atoms import HasLevel, InSets, atoms_of, formula, is_grid
from grouper.schemes.drg.compiled import CC, MCC
from grouper.schemes.drg.grid import code_mask

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from grouper.schemes.drg.atoms import Atom
    from grouper.schemes.drg.compiled import CompiledScheme

WORD = 64

_MOST_DIGITS = 18
_COMPARE: dict[Cmp, np.ufunc] = {
    Cmp.GE: np.greater_equal,
    Cmp.LE: np.less_equal,
    Cmp.GT: np.greater,
    Cmp.LT: np.less,
    Cmp.EQ: np.equal,
}


class Layout:
    """The bits of one scheme's case atoms, in words of 64.

    Single values, levels and counts come first (``value_words`` words), then other procedures,
    then other diagnoses, each starting a word of its own. ``bits`` maps an atom to its bit;
    ``procedure`` and ``diagnosis`` map a word to the bits that each code number sets as an other
    code.
    """

    def __init__(self, scheme: CompiledScheme) -> None:
        found = {a for rule in scheme.rules() for a in atoms_of(formula(rule)) if not is_grid(a)}
        values: list[Atom] = []
        codes: dict[Field, list[InSets]] = {Field.QTSS: [], Field.QTZD: []}
        for atom in sorted(found, key=_order):
            if isinstance(atom, InSets):
                codes[atom.field].append(atom)
            else:
                values.append(atom)
        self.bits: dict[Atom, int] = {atom: i for i, atom in enumerate(values)}
        self.value_words = _words(values)
        self.compares: dict[Scalar, list[Compare]] = {}
        for atom in values:
            if isinstance(atom, Compare):
                self.compares.setdefault(atom.scalar, []).append(atom)
        self.counts = [a for a in values if isinstance(a, Count)]
        self.levels = np.zeros((3, self.value_words), np.uint64)
        for level, name in ((MCC, "MCC"), (CC, "CC")):
            self._set(self.levels[level], HasLevel(Field.QTZD, name))
        at = self.value_words
        self.procedure = self._code_bits(scheme, codes[Field.QTSS], at)
        at += _words(codes[Field.QTSS])
        self.diagnosis = self._code_bits(scheme, codes[Field.QTZD], at)
        self.words = at + _words(codes[Field.QTZD])
        for table in self.procedure.values():
            table[scheme.not_grouping] = 0

    def _code_bits(
        self, scheme: CompiledScheme, atoms: list[InSets], first_word: int
    ) -> dict[int, NDArray[np.uint64]]:
        tables: dict[int, NDArray[np.uint64]] = {}
        for i, atom in enumerate(atoms, first_word * WORD):
            self.bits[atom] = i
            word, bit = divmod(i, WORD)
            table = tables.setdefault(word, np.zeros(scheme.vocabulary.size, np.uint64))
            table[code_mask(scheme, atom)] |= np.uint64(1 << bit)
        return tables

    def _set(self, words: NDArray[np.uint64], atom: Atom) -> None:
        bit = self.bits.get(atom)
        if bit is not None:
            words[bit // WORD] |= np.uint64(1 << bit % WORD)

    def assumed(self, scalars: Iterable[Scalar]) -> NDArray[np.uint64]:
        """The bits of all comparisons on these values: shape (value words,)."""
        words = np.zeros(self.value_words, np.uint64)
        for scalar in scalars:
            for atom in self.compares.get(scalar, ()):
                self._set(words, atom)
        return words

    def value_bits(self, scalar: Scalar, values: NDArray[np.generic]) -> NDArray[np.uint64]:
        """The bits of all comparisons on present numbers: shape (value words, numbers)."""
        words = np.zeros((self.value_words, len(values)), np.uint64)
        for atom in self.compares.get(scalar, ()):
            number = _number(atom)
            if number is not None:
                word, bit = divmod(self.bits[atom], WORD)
                answers = _COMPARE[atom.cmp](values, number)
                words[word] |= answers.astype(np.uint64) << np.uint64(bit)
        return words

    def text_bits(self, scalar: Scalar, values: Sequence[str]) -> NDArray[np.uint64]:
        """The bits of all comparisons on present texts: shape (value words, texts)."""
        words = np.zeros((self.value_words, len(values)), np.uint64)
        for atom in self.compares.get(scalar, ()):
            for i, value in enumerate(values):
                if isinstance(atom.value, str):
                    answer = value == atom.value
                else:
                    number = _whole(value)
                    answer = number is not None and bool(_COMPARE[atom.cmp](number, atom.value))
                if answer:
                    self._set(words[:, i], atom)
        return words

    @staticmethod
    def count_answers(count: Count, found: NDArray[np.int64]) -> NDArray[np.bool_]:
        """What a counting rule answers to numbers of codes."""
        answers: NDArray[np.bool_] = _COMPARE[count.cmp](found, count.number)
        return answers

    def bounds(self, scalar: Scalar) -> tuple[int, int]:
        """The least and the greatest number that a scalar is compared with."""
        numbers = [n for a in self.compares.get(scalar, ()) if (n := _number(a)) is not None]
        return min(numbers, default=0), max(numbers, default=0)


def _number(atom: Compare) -> int | None:
    """The number that a single value is compared with; a quoted number is one too."""
    if isinstance(atom.value, int):
        return atom.value
    return _whole(atom.value)


def _whole(text: str) -> int | None:
    """The whole number that a text writes; of too many digits it is none."""
    return int(text) if text.isdecimal() and len(text) <= _MOST_DIGITS else None


def _words(atoms: Sequence[object]) -> int:
    return -(-max(len(atoms), 1) // WORD)


def _order(atom: Atom) -> tuple[int, str]:
    # Levels last among the values: most diagrams end with the severity split.
    rank = {Compare: 0, Count: 1, HasLevel: 2, InSets: 3}[type(atom)]
    return rank, repr(atom) if not isinstance(atom, InSets) else repr(sorted(atom.sets))
