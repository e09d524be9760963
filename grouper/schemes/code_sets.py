"""The code sets of a scheme: spellings, names, and codes of other editions."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from codebooks.code_storage import read_manifest
from codebooks.codes import CodeSet, code_set, code_set_folders
from grouper.schemes.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from codebooks.book import BookCard


class SchemeCodes:
    """What the code sets of a book's card know of a code.

    Raises:
        CodebookError: a code set that the card names is not there.
    """

    def __init__(self, card: BookCard) -> None:
        self.diagnoses: CodeSet = code_set(card.diagnosis_code_set)
        self.procedures: CodeSet = code_set(card.procedure_code_set)
        self._sets = (self.diagnoses, self.procedures)

    @property
    def known(self) -> Mapping[str, str]:
        """From the folded code to its official spelling, of both sets."""
        return {**self.diagnoses.folded, **self.procedures.folded}

    def resolve(self, raw: str) -> str | None:
        """The official spelling of a code that folding alone does not find, or None."""
        return next((code for s in self._sets if (code := s.canonical(raw))), None)

    def is_foreign(self, raw: str) -> bool:
        """Whether a code that the scheme's code sets lack stands in another edition."""
        return any(raw in other for other in self._kindred)

    @cached_property
    def _kindred(self) -> tuple[CodeSet, ...]:
        """The other editions of the scheme's two code sets that need no further package."""
        own = {s.id for s in self._sets}
        kinds = {s.card.kind for s in self._sets}
        others = ((i, read_manifest(f).card) for i, f in code_set_folders().items() if i not in own)
        return tuple(code_set(i) for i, c in others if c.kind in kinds and c.package is None)

    def name(self, code: str) -> str:
        """The name of a code; empty when no set knows it."""
        return next((name for s in self._sets if (name := s.name(code))), "")

    def vocabulary(self, codes: Sequence[str] = ()) -> Vocabulary:
        """Numbers for the codes of both sets and for those of a book's own tables."""
        return Vocabulary(codes, self.known, self.resolve)
