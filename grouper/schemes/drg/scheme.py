"""A CHS-DRG scheme that is ready to group: both engines behind the common protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from grouper.schemes.code_sets import SchemeCodes
from grouper.schemes.drg.batch import BatchEngine
from grouper.schemes.drg.compiled import CompiledScheme
from grouper.schemes.drg.output import Dresser, issues
from grouper.schemes.drg.scalar import LEVEL_NAME, Answer, answer
from grouper.schemes.drg.tracing import trace_of
from grouper.schemes.engines import EngineScheme
from grouper.schemes.protocol import Grouping, Warned

if TYPE_CHECKING:
    import pyarrow as pa

    from codebooks.book import SchemeBook
    from grouper.case.record import Case
    from grouper.schemes.drg.batch import Numbers


class DrgScheme(EngineScheme[BatchEngine, Dresser]):
    """One CHS-DRG scheme. Safe to use from several threads at once.

    Args:
        book: the scheme book.

    Raises:
        CodebookError: a code set that the book's card names is not there.
        RuleSyntaxError: a rule is not in the language.
    """

    needs: ClassVar[tuple[str, ...]] = (
        "sex",
        "age",
        "age_days",
        "birth_weight_g",
        "admission_weight_g",
        "weight_g",
        "los",
        "discharge_way",
        "icu_hours",
        "department",
        "dx",
        "px",
    )

    def __init__(self, book: SchemeBook) -> None:
        self._codes = SchemeCodes(book.card)
        codes = self._codes
        self.compiled = CompiledScheme(book, codes.known, codes.resolve, codes.is_foreign)
        super().__init__(self.compiled)

    @property
    def diagnosis_codes(self) -> tuple[str, ...]:
        """The codes of the scheme's diagnosis code set."""
        return self._codes.diagnoses.codes

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
            trace=trace_of(self.compiled, case, found, self._codes.name),
        )

    def _build(self) -> tuple[BatchEngine, Dresser]:
        return BatchEngine(self.compiled), Dresser(self.compiled)

    def _issues(self, cases: pa.RecordBatch, numbers: Numbers, first_row: int) -> pa.Table:
        return issues(cases, numbers, first_row)
