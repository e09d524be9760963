"""MS-DRG, ready to group: one way for single cases and batches, since the package does the work."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from grouper.schemes.msdrg.answer import Answer, answer
from grouper.schemes.msdrg.facts import NEEDS, facts_in, facts_of
from grouper.schemes.msdrg.native import software
from grouper.schemes.msdrg.output import columns_of, issues, results, weight_of
from grouper.schemes.msdrg.parts import parts_of
from grouper.schemes.msdrg.tables import Tables
from grouper.schemes.msdrg.tracing import trace_of
from grouper.schemes.protocol import Grouping, parts_table

if TYPE_CHECKING:
    import pyarrow as pa

    from codebooks.book import BookCard, SchemeBook
    from grouper.case.record import Case


class MsdrgScheme:
    """MS-DRG by the package ``msdrg``. Safe to use from several threads at once.

    Args:
        book: the scheme book.

    Raises:
        CodebookError: ``MSDRG_PACKAGE`` or ``MSDRG_LIBRARY`` when the software is not there,
            ``MSDRG_VERSION``, ``MSDRG_OPTION`` or ``MSDRG_TABLE`` when the book does not suit it.
    """

    needs: ClassVar[tuple[str, ...]] = NEEDS

    def __init__(self, book: SchemeBook) -> None:
        self.tables = Tables(book, software().versions)
        self._hash = book.content_hash()

    @property
    def card(self) -> BookCard:
        """The book's card."""
        return self.tables.card

    @property
    def id(self) -> str:
        """The scheme's id."""
        return self.card.id

    @property
    def content_hash(self) -> str:
        """The book's content hash."""
        return self._hash

    def answer(self, case: Case) -> Answer:
        """The bare answer."""
        return answer(self.tables, software(), facts_of(case))

    def group(self, case: Case) -> Grouping:
        """Group one case, with its trace."""
        found = self.answer(case)
        columns = columns_of(self.tables, found)
        return Grouping(
            scheme=self.id,
            status=found.status,
            reason=found.reason,
            warnings=found.warnings,
            mdc=columns["mdc"],
            adrg=columns["adrg"],
            group=columns["group"],
            group_name=columns["group_name"],
            cc_level=columns["cc_level"],
            trace=trace_of(self.tables, self.content_hash, found),
            group_kind=columns["group_kind"],
            weight=weight_of(self.tables, found),
            parts=parts_of(self.tables, found),
        )

    def group_batch(self, cases: pa.RecordBatch) -> pa.RecordBatch:
        """Group cases; one row of ``RESULT_SCHEMA`` for each, in their order."""
        return results(self.tables, self._answers(cases))

    def group_with_issues(
        self, cases: pa.RecordBatch, first_row: int = 1
    ) -> tuple[pa.RecordBatch, pa.Table]:
        """As :meth:`group_batch`, with the issues of each row; rows count from ``first_row``."""
        answers = self._answers(cases)
        return results(self.tables, answers), issues(answers, first_row)

    def group_parts(self, cases: pa.RecordBatch, first_row: int = 1) -> pa.Table:
        """The parts of cases (``PARTS_SCHEMA``): both groupings, each code's role, the edits."""
        answers = self._answers(cases)
        rows = [(row, parts_of(self.tables, a)) for row, a in enumerate(answers, first_row)]
        return parts_table(rows)

    def _answers(self, cases: pa.RecordBatch) -> list[Answer]:
        return [answer(self.tables, software(), facts) for facts in facts_in(cases)]
