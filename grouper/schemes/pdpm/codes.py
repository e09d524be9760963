"""Diagnoses of a PDPM book: spellings, names, what a principal diagnosis says, lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from codebooks.code_storage import Kind, read_manifest
from codebooks.codes import CodeSet, code_set, code_set_folders
from codebooks.errors import CodebookError
from grouper.schemes.vocabulary import UNKNOWN, Vocabulary

if TYPE_CHECKING:
    from codebooks.book import SchemeBook
    from grouper.schemes.pdpm.compiled import CompiledPdpm

RETURNED = 0
"""Category of a diagnosis that may not be the principal one."""
NO_CATEGORY = -1
"""Category of a code of which the book says nothing."""


class Diagnoses:
    """What a book knows of diagnoses.

    The codes are those of the book's own table and of the card's code set. A set that comes from a
    package of its own gives names alone, and only where the package is installed.

    Attributes:
        vocabulary: numbers for codes.
        facts: by code number the columns of :data:`.records.DX_FACTS`.
        members: by list, whether each code number is a member.
    """

    def __init__(self, book: SchemeBook, scheme: CompiledPdpm) -> None:
        table = book.tables["diagnoses"]
        codes = table.column("code").to_pylist()
        listed = book.tables["list_codes"].column("code").to_pylist()
        self._set = _own_set(book.card.diagnosis_code_set)
        self._own = _Own((*codes, *listed))
        known = self._set.folded if self._set and self._set.card.package is None else {}
        self.vocabulary = Vocabulary([*codes, *listed], known, self._resolve)
        self.facts = self._facts(book)
        self.members = {name: np.zeros(self.vocabulary.size, np.bool_) for name in scheme.lists}
        for name, code in zip(
            book.tables["list_codes"].column("list").to_pylist(), listed, strict=True
        ):
            self.members[name][self.vocabulary.id(code)] = True
        self._others = _others(book.card.diagnosis_code_set)

    def _facts(self, book: SchemeBook) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
        table = book.tables["diagnoses"]
        facts = np.zeros((self.vocabulary.size, 3), np.int64)
        facts[:, 0] = NO_CATEGORY
        numbers = self.vocabulary.ids_of(table.column("code"))
        for place, name in enumerate(("category", "neurologic", "surgery")):
            missing = NO_CATEGORY if name == "category" else 0
            values = [missing if v is None else v for v in table.column(name).to_pylist()]
            facts[numbers, place] = values
        return facts

    def _resolve(self, raw: str) -> str | None:
        found = self._own.canonical(raw)
        if found is None and self._set is not None and self._set.card.package is None:
            found = self._set.canonical(raw)
        return found

    def is_foreign(self, raw: str) -> bool:
        """Whether a code that is unknown here stands in another edition of diagnoses."""
        return any(raw in other for other in self._others)

    def name(self, code: str) -> str:
        """The name of a code; empty when nobody at hand names it."""
        return (self._set.name(code) if self._set else None) or ""

    def is_unknown(self, code: str | None) -> bool:
        """Whether neither the book nor its code set has the code."""
        return self.vocabulary.id(code) == UNKNOWN


class _Own:
    """The book's codes by their letters and digits alone; None where two codes would answer."""

    def __init__(self, codes: tuple[str, ...]) -> None:
        self._bare: dict[str, str | None] = {}
        for code in dict.fromkeys(codes):
            bare = code.replace(".", "").upper()
            self._bare[bare] = None if bare in self._bare else code

    def canonical(self, raw: str) -> str | None:
        """The book's spelling of a folded code without its dot, or with the dot elsewhere."""
        return self._bare.get(raw.replace(".", "").upper())


def _own_set(name: str) -> CodeSet | None:
    """The code set of a card; None where its package is not installed, since the book has codes."""
    try:
        return code_set(name)
    except CodebookError as error:
        if error.code != "CODESET_PACKAGE":
            raise
        return None


def _others(name: str) -> tuple[CodeSet, ...]:
    """The other editions of diagnoses that need no package."""
    cards = ((i, read_manifest(f).card) for i, f in code_set_folders().items() if i != name)
    return tuple(
        code_set(i) for i, card in cards if card.kind is Kind.DIAGNOSIS and card.package is None
    )
