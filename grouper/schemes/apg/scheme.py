"""An APG scheme that is ready to group: both engines behind the common protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from grouper.schemes.apg.batch import BatchEngine
from grouper.schemes.apg.compiled import CompiledApg
from grouper.schemes.apg.output import Dresser, issues
from grouper.schemes.apg.scalar import answer
from grouper.schemes.apg.tracing import trace_of
from grouper.schemes.engines import EngineScheme
from grouper.schemes.protocol import Grouping, Part, Warned

if TYPE_CHECKING:
    import pyarrow as pa

    from codebooks.book import SchemeBook
    from grouper.case.record import Case
    from grouper.schemes.apg.answer import Answer
    from grouper.schemes.apg.batch import Numbers


class ApgScheme(EngineScheme[BatchEngine, Dresser]):
    """One APG scheme. Safe to use from several threads at once.

    The group of a visit is the one that pays most of it, the first of several; ``group_kind`` is
    what the visit is grouped by (``procedure``, ``medical`` or ``ancillary``), ``weight`` the sum
    over its parts. Cases of other kinds than the card's are refused.

    Args:
        book: the scheme book.

    Raises:
        CodebookError: a code set that the book's card names is not there; ``APG_BOOK`` when its
            tables contradict each other.
    """

    needs: ClassVar[tuple[str, ...]] = (
        "kind",
        "discharge_time",
        "dx",
        "px",
        "px_modifier",
        "line_item",
        "line_name",
        "line_class",
        "line_quantity",
        "line_amount",
        "line_time",
    )

    def __init__(self, book: SchemeBook) -> None:
        self.compiled = CompiledApg(book)
        super().__init__(self.compiled)

    @property
    def engine(self) -> BatchEngine:
        """The batch engine, for what needs more than result columns."""
        return self._batch[0]

    def answer(self, case: Case) -> Answer:
        """The scalar engine's bare answer."""
        return answer(self.compiled, case)

    def group(self, case: Case) -> Grouping:
        """Group one visit, with its trace."""
        found = answer(self.compiled, case)
        return Grouping(
            scheme=self.id,
            status=found.status,
            reason=found.reason,
            warnings=tuple(Warned(n.reason, n.codes) for n in found.notices),
            mdc=None,
            adrg=None,
            group=found.group.code if found.group else None,
            group_name=found.group.name if found.group else None,
            cc_level=None,
            trace=trace_of(self.compiled, case, found),
            group_kind=found.kind.value if found.kind else None,
            weight=found.weight,
            parts=tuple(
                Part(
                    kind=part.kind.value,
                    code=part.code,
                    group=part.group.code if part.group else None,
                    action=part.action.value if part.action else None,
                    reason=part.why.value if part.why else None,
                    share=part.share,
                    weight=part.weight,
                )
                for part in found.parts
            ),
        )

    def _build(self) -> tuple[BatchEngine, Dresser]:
        return BatchEngine(self.compiled), Dresser(self.compiled)

    def _issues(self, cases: pa.RecordBatch, numbers: Numbers, first_row: int) -> pa.Table:
        return issues(cases, numbers, first_row)

    def group_parts(self, cases: pa.RecordBatch, first_row: int = 1) -> pa.Table:
        """The procedures, the visit itself and the lines of each visit that is grouped."""
        engine, dresser = self._batch
        return dresser.parts(cases, engine.run(cases), first_row)
