"""A CHS-DRG scheme that is ready to group: both engines behind the common protocol."""

from __future__ import annotations

from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING

from codebooks.code_storage import read_manifest
from codebooks.codes import CodeSet, code_set, code_set_folders
from grouper.schemes.drg.batch import BatchEngine
from grouper.schemes.drg.compiled import CompiledScheme
from grouper.schemes.drg.output import Dresser, issues
from grouper.schemes.drg.scalar import LEVEL_NAME, Answer, answer
from grouper.schemes.drg.tracing import trace_of
from grouper.schemes.protocol import Grouping, Warned

if TYPE_CHECKING:
    import pyarrow as pa

    from codebooks.book import BookCard, SchemeBook
    from grouper.case.record import Case


class DrgScheme:
    """One CHS-DRG scheme. Safe to use from several threads at once.

    Args:
        book: the scheme book.

    Raises:
        CodebookError: a code set that the book's card names is not there.
        RuleSyntaxError: a rule is not in the language.
    """

    def __init__(self, book: SchemeBook) -> None:
        self._sets = [code_set(i) for i in (card_set(book.card, k) for k in ("dx", "px"))]
        known = {**self._sets[0].folded, **self._sets[1].folded}
        self.compiled = CompiledScheme(book, known, self._resolve, self._is_foreign)
        self._lock = Lock()

    def _resolve(self, raw: str) -> str | None:
        return next((code for s in self._sets if (code := s.canonical(raw))), None)

    def _is_foreign(self, raw: str) -> bool:
        """Whether a code that the scheme's code sets lack stands in another edition."""
        return any(raw in other for other in self._kindred)

    @cached_property
    def _kindred(self) -> tuple[CodeSet, ...]:
        """The other editions of the scheme's two code sets that need no further package."""
        own = {s.id for s in self._sets}
        kinds = {s.card.kind for s in self._sets}
        others = ((i, read_manifest(f).card) for i, f in code_set_folders().items() if i not in own)
        return tuple(code_set(i) for i, c in others if c.kind in kinds and c.package is None)

    @property
    def card(self) -> BookCard:
        """The book's card."""
        return self.compiled.card

    @property
    def id(self) -> str:
        """The scheme's id."""
        return self.card.id

    @property
    def content_hash(self) -> str:
        """The book's content hash."""
        return self.compiled.content_hash

    @property
    def diagnosis_codes(self) -> tuple[str, ...]:
        """The codes of the scheme's diagnosis code set."""
        return self._sets[0].codes

    @cached_property
    def _batch(self) -> tuple[BatchEngine, Dresser]:
        # Built when first needed: a single case does not wait for the diagrams.
        with self._lock:
            return BatchEngine(self.compiled), Dresser(self.compiled)

    def answer(self, case: Case) -> Answer:
        """The scalar engine's bare answer."""
        return answer(self.compiled, case)

    def group(self, case: Case) -> Grouping:
        """Group one case, with its trace."""
        found = answer(self.compiled, case)
        group = self.compiled.groups[found.group] if found.group is not None else None
        return Grouping(
            scheme=self.id,
            status=found.status,
            reason=found.reason,
            warnings=tuple(Warned(n.reason, n.codes) for n in found.notices),
            mdc=group.mdc.code if group and group.mdc else None,
            adrg=group.adrg.code if group and group.adrg else None,
            group=group.drg.code if group else None,
            group_name=group.drg.name if group else None,
            cc_level=LEVEL_NAME[found.level],
            trace=trace_of(self.compiled, case, found, self._name),
        )

    def _name(self, code: str) -> str:
        return next((name for s in self._sets if (name := s.name(code))), "")

    def group_batch(self, cases: pa.RecordBatch) -> pa.RecordBatch:
        """Group cases; one row of ``RESULT_SCHEMA`` for each, in their order."""
        engine, dresser = self._batch
        return dresser.dress(engine.run(cases))

    def group_with_issues(
        self, cases: pa.RecordBatch, first_row: int = 1
    ) -> tuple[pa.RecordBatch, pa.Table]:
        """As :meth:`group_batch`, with the issues of each row; rows count from ``first_row``."""
        engine, dresser = self._batch
        numbers = engine.run(cases)
        return dresser.dress(numbers), issues(cases, numbers, first_row)


def card_set(card: BookCard, kind: str) -> str:
    """The code set that a book uses for diagnoses (``dx``) or procedures (``px``)."""
    return card.diagnosis_code_set if kind == "dx" else card.procedure_code_set
