"""A PDPM scheme that is ready to group: both engines behind the common protocol."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar

from grouper.schemes.engines import EngineScheme
from grouper.schemes.pdpm.batch import BatchEngine
from grouper.schemes.pdpm.codes import Diagnoses
from grouper.schemes.pdpm.compiled import CompiledPdpm
from grouper.schemes.pdpm.output import PRICED, WITHOUT_DAYS, Dresser
from grouper.schemes.pdpm.rates import RateCard, day_points
from grouper.schemes.pdpm.scalar import Answer, answer, code_of, name_of, rounded
from grouper.schemes.pdpm.tracing import trace_of
from grouper.schemes.protocol import Grouping, Part

if TYPE_CHECKING:
    from datetime import date

    import pyarrow as pa

    from codebooks.book import SchemeBook
    from grouper.case.record import Case
    from grouper.schemes.pdpm.batch import Numbers

_WHOLE = Decimal(1)


class PdpmScheme(EngineScheme[BatchEngine, Dresser]):
    """One PDPM scheme. Safe to use from several threads at once.

    Args:
        book: the scheme book.

    Raises:
        CodebookError: a code set that the book's card names is not there, or the book is broken
            (``PDPM_VALUE``, ``PDPM_REFERENCE``, ``PDPM_NAME_TWICE``, ``PDPM_CYCLE``).
    """

    needs: ClassVar[tuple[str, ...]] = (
        "kind",
        "code_system",
        "admission_time",
        "discharge_time",
        "los",
        "dx",
        "assessment_item",
        "assessment_value",
        "assessment_date",
        "assessment_type",
    )

    def __init__(self, book: SchemeBook) -> None:
        self.book = book
        self.compiled = CompiledPdpm(book)
        self._dx = Diagnoses(book, self.compiled)
        super().__init__(self.compiled)

    def rates(self, area: str, day: date) -> RateCard:
        """The money of a day for an area (``urban``, ``rural``).

        Raises:
            CodebookError: ``PDPM_RATE_MISSING`` when the book lacks one of the rates.
        """
        return RateCard.of(self.compiled, area, day)

    def day_points(self, code: str, day: int) -> Decimal:
        """The points of one day of a stay with a code such as ``NHNC1`` (admission is day 1).

        Raises:
            CodebookError: ``PDPM_CODE_UNKNOWN``.
        """
        return day_points(self.compiled, code, day)

    def answer(self, case: Case) -> Answer:
        """The scalar engine's bare answer."""
        return answer(self.compiled, self._dx, case)

    def group(self, case: Case) -> Grouping:
        """Group one case, with its trace."""
        found = self.answer(case)
        shown = found.shown if found.periods else None
        return Grouping(
            scheme=self.id,
            status=found.status,
            reason=found.reason,
            warnings=found.warnings,
            mdc=None,
            adrg=None,
            group=code_of(self.compiled, shown) if shown else None,
            group_name=name_of(shown) if shown else None,
            cc_level=None,
            trace=trace_of(self.compiled, self._dx, case, found),
            group_kind=shown.category.kind if shown else None,
            weight=found.weight if shown else None,
            parts=self._parts(found),
        )

    def _parts(self, found: Answer) -> tuple[Part, ...]:
        return tuple(
            Part(
                kind="period",
                code=grouped.period.assessment.kind.name,
                group=code_of(self.compiled, grouped),
                action=PRICED if grouped.period.days else WITHOUT_DAYS,
                start=grouped.period.start,
                days=grouped.period.days,
                share=rounded(_WHOLE),
                weight=rounded(grouped.points),
            )
            for grouped in found.periods
        )

    def _build(self) -> tuple[BatchEngine, Dresser]:
        engine = BatchEngine(self.compiled, self._dx)
        return engine, Dresser(engine)

    def _issues(self, cases: pa.RecordBatch, numbers: Numbers, first_row: int) -> pa.Table:
        return self._batch[1].issues(cases, numbers, first_row)

    def group_parts(self, cases: pa.RecordBatch, first_row: int = 1) -> pa.Table:
        """The periods of cases, one row of ``PARTS_SCHEMA`` each; none for cases not grouped."""
        engine, dresser = self._batch
        return dresser.parts(engine.run(cases), first_row)
