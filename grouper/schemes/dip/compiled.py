"""A DIP book made ready: codes as numbers, rows as records, exclusions and treatments by code.

Both engines are built on it; neither knows a code. The scalar engine asks its records; the batch
engine turns them into arrays of its own (``index``).
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from codebooks.dip.grammar import parse_keys
from codebooks.errors import GrouperError, Where
from codebooks.folding import fold_code, fold_codes
from codebooks.treatment import TreatmentKind, treatment_kinds
from grouper.schemes.dip.lookup import RowLookup
from grouper.schemes.dip.policy import Treatment, policy_of
from grouper.schemes.dip.rows import Row, RowReader
from grouper.schemes.vocabulary import NO_CODE, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codebooks.book import BookCard, SchemeBook
    from codebooks.codes import CodeSet
    from codebooks.dip.keys import Key
    from grouper.schemes.code_sets import SchemeCodes

TREATMENT_OF_KIND: Mapping[TreatmentKind, Treatment] = {
    TreatmentKind.SURGERY: Treatment.SURGERY,
    TreatmentKind.THERAPEUTIC: Treatment.THERAPEUTIC,
    TreatmentKind.DIAGNOSTIC: Treatment.DIAGNOSTIC,
    TreatmentKind.NONE: Treatment.CONSERVATIVE,
}
"""What a procedure is for by its kind; of interventions the catalogue's policy decides."""

CONSERVATIVE, NOT_MAIN, RESTRICTED = "conservative", "not_main", "restricted"
"""What an excluded procedure may be: none at all, not the main one, main with some diagnoses."""


_EXPRESSIONS = {"groups": ("procedure", "related"), "primary_care": ("procedure",)}
_SIGNS = re.compile(r"[|/+]")


@dataclass(frozen=True, slots=True)
class Exclusion:
    """What the catalogue says of an excluded procedure.

    Attributes:
        treatment: ``conservative``, ``not_main`` or ``restricted``.
        diagnoses: principal diagnoses with which a restricted one may be main.
        text: those as the catalogue writes them.
    """

    treatment: str
    diagnoses: tuple[Key, ...]
    text: str


class CompiledScheme:
    """One DIP book ready for the engines.

    Args:
        book: the scheme book.
        codes: what its code sets know.

    Raises:
        CodebookError: an expression is not in the grammar; no treatment kinds for the code set.
        GrouperError: ``DIP_OPTION``, ``DIP_ROW``, ``DIP_TREATMENT_WORD``, ``DIP_EXCLUSION_WORD``.
    """

    def __init__(self, book: SchemeBook, codes: SchemeCodes) -> None:
        self.book = book
        self.codes = codes
        plain = book.rows("groups")
        self.policy = policy_of(book.card, {row["section"] for row in plain})
        own = self._own_diagnoses(), self._own_procedures()
        self.vocabulary = codes.vocabulary([*own[0], *own[1]])
        self.diagnoses = self._numbered(codes.diagnoses, own[0])
        """The number of each folded diagnosis code, of the code set or of a list of the book."""
        procedures = self._numbered(codes.procedures, own[1])
        self._procedures = sorted(procedures)
        self.folded = {n: code for of in (self.diagnoses, procedures) for code, n in of.items()}
        """The folded code of each number."""
        reader = RowReader(book.card.id, self.policy, self._numbers_of)
        ordered = sorted(plain, key=lambda row: row["sort"] or 0)
        self.rows: tuple[Row, ...] = tuple(map(reader.row, range(len(ordered)), ordered))
        self.primary: tuple[Row, ...] = tuple(
            reader.row(n, row) for n, row in enumerate(book.rows("primary_care"))
        )
        self.exclusions = self._read_exclusions()
        self.listed_resistant = frozenset(
            self.vocabulary.ids([r["code"] for r in book.rows("resistant_diagnoses")]).tolist()
        )
        self.kinds = treatment_kinds(book.card.procedure_code_set)
        self.treatments = self._read_treatments()

    @property
    def card(self) -> BookCard:
        """The book's card."""
        return self.book.card

    @cached_property
    def content_hash(self) -> str:
        """The book's content hash."""
        return self.book.content_hash()

    def _own_diagnoses(self) -> list[str]:
        """Diagnoses of the book's lists, which the code set may lack."""
        lists = ("excluded_diagnoses", "resistant_diagnoses")
        return [c for name in lists for c in self.book.tables[name].column("code").to_pylist()]

    def _own_procedures(self) -> list[str]:
        """Whole procedures of the book's lists and rows, which the code set may lack."""
        found = self.book.tables["excluded_procedures"].column("code").to_pylist()
        for table, columns in _EXPRESSIONS.items():
            for column in columns:
                for cell in set(self.book.tables[table].column(column).to_pylist()) - {None, ""}:
                    found += _SIGNS.split(fold_code(cell))
        least = max(self.policy.prefix_below, 1)
        return [code for code in dict.fromkeys(found) if len(code) >= least]

    def _numbered(self, known: CodeSet, own: list[str]) -> dict[str, int]:
        numbers = self.vocabulary.ids(known.codes).tolist()
        found = dict(zip(known.folded, numbers, strict=True))
        return {
            **dict(zip(fold_codes(own), self.vocabulary.ids(own).tolist(), strict=True)),
            **found,
        }

    def _numbers_of(self, folded: str) -> frozenset[int]:
        if len(folded) >= self.policy.prefix_below:
            return frozenset((self.vocabulary.id(folded),))
        first = bisect_left(self._procedures, folded)
        last = bisect_left(self._procedures, folded + "\uffff")
        # A prefix that no code begins with is asked for all the same, and met by none.
        found = frozenset(map(self.vocabulary.id, self._procedures[first:last]))
        return found or frozenset((UNKNOWN,))

    def _read_exclusions(self) -> dict[int, Exclusion]:
        found: dict[int, Exclusion] = {}
        for row in self.book.rows("excluded_procedures"):
            where = Where(file=self.card.id, sheet="excluded_procedures")
            if row["treatment"] not in (CONSERVATIVE, NOT_MAIN, RESTRICTED):
                word = row["treatment"]
                raise GrouperError("DIP_EXCLUSION_WORD", where, code=row["code"], found=word)
            text = row["diagnoses"] or ""
            exclusion = Exclusion(row["treatment"], parse_keys(text, where), text)
            found[self.vocabulary.id(row["code"])] = exclusion
        return found

    def _read_treatments(self) -> dict[int, Treatment]:
        kinds = self.kinds.kinds
        numbers = self.vocabulary.ids(list(kinds)).tolist()
        by_kind = {**TREATMENT_OF_KIND, TreatmentKind.INTERVENTION: self.policy.intervention}
        return {number: by_kind[kind] for number, kind in zip(numbers, kinds.values(), strict=True)}

    def treatment_of(self, procedure: int) -> Treatment:
        """What a procedure is for; one that the table of kinds lacks is no treatment."""
        return self.treatments.get(procedure, Treatment.CONSERVATIVE)

    @cached_property
    def excluded_diagnoses(self) -> frozenset[int]:
        """Numbers of the diagnoses that may not be principal."""
        listed = [row["code"] for row in self.book.rows("excluded_diagnoses")]
        exact = frozenset(self.vocabulary.ids(listed).tolist()) - {NO_CODE, UNKNOWN}
        if not self.policy.prefix_exclusion:
            return exact
        heads = frozenset(map(fold_code, listed)) - {""}
        lengths = sorted({len(head) for head in heads})
        begun = (
            number
            for number, code in self.folded.items()
            if any(code[:length] in heads for length in lengths)
        )
        return exact.union(begun)

    def official(self, folded: str) -> str:
        """The official spelling of a folded code; other texts stay as they are."""
        diagnoses, procedures = self.codes.diagnoses.folded, self.codes.procedures.folded
        return diagnoses.get(folded) or procedures.get(folded) or folded

    def is_foreign(self, code: str) -> bool:
        """Whether an unknown code stands in another edition."""
        return self.codes.is_foreign(code)

    @cached_property
    def lookup(self) -> RowLookup:
        """The groups' rows by diagnosis."""
        return RowLookup(self.rows, self.diagnoses)

    @cached_property
    def primary_lookup(self) -> RowLookup:
        """The primary-care rows by diagnosis."""
        return RowLookup(self.primary, self.diagnoses)
