"""Codes as numbers: what every family's engines work on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from codebooks.folding import fold_code, fold_codes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

NO_CODE = 0
"""Id of an empty place, such as a case without a principal procedure."""
UNKNOWN = 1
"""Id of every code that neither the scheme nor its code sets hold."""


class Vocabulary:
    """Numbers for codes: of the scheme's tables and of its code sets, compared folded.

    Args:
        codes: the codes of the scheme's tables, as written.
        known: folded code -> written code of the code sets.
        resolve: the written code that a spelling means which folding alone does not bring to one.
    """

    def __init__(
        self,
        codes: Sequence[str],
        known: Mapping[str, str],
        resolve: Callable[[str], str | None],
    ) -> None:
        self._resolve = resolve
        self._folded: dict[str, int] = {}
        self._written: dict[str, int] = {}
        for code, folded in zip(codes, fold_codes(codes), strict=True):
            number = self._folded.setdefault(folded, len(self._folded) + 2)
            self._written[code] = number
        new = [folded for folded in known if folded not in self._folded]
        first = len(self._folded) + 2
        self._folded.update(zip(new, range(first, first + len(new)), strict=True))
        numbers = map(self._folded.__getitem__, known)
        self._written.update(zip(known.values(), numbers, strict=True))
        self.size = len(self._folded) + 2

    def id(self, code: str | None) -> int:
        """The number of a code in any spelling that folds to a known one."""
        if not code:
            return NO_CODE
        found = self._written.get(code)
        if found is None:
            folded = fold_code(code)
            found = self._folded.get(folded) if folded else NO_CODE
            if found is None:
                found = self._written.get(self._resolve(folded) or "", UNKNOWN)
        return found

    def ids(self, codes: Sequence[str | None]) -> NDArray[np.int32]:
        """The numbers of many codes."""
        # Most codes come in an official spelling: one look-up in C each, the rest one by one.
        found: list[int | None] = list(map(self._written.get, codes))  # type: ignore[arg-type]
        for place, number in enumerate(found):
            if number is None:
                found[place] = self.id(codes[place])
        return np.array(found, np.int32)

    def ids_of(self, column: pa.ChunkedArray) -> NDArray[np.int32]:
        """The numbers of a column of codes, in its order."""
        encoded = column.combine_chunks().dictionary_encode()
        taken: NDArray[np.int32] = self.ids(encoded.dictionary.to_pylist())[
            encoded.indices.to_numpy()
        ]
        return taken
