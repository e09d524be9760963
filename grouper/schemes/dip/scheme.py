"""A DIP scheme that is ready to group: both engines behind the common protocol."""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from grouper.case.record import Case
from grouper.schemes.code_sets import SchemeCodes
from grouper.schemes.dip.auxiliary import factors_of, part_rows
from grouper.schemes.dip.auxiliary_tables import AuxiliaryTables
from grouper.schemes.dip.batch import BatchEngine
from grouper.schemes.dip.compiled import CompiledScheme
from grouper.schemes.dip.output import Dresser, issues
from grouper.schemes.dip.scalar import Answer, answer
from grouper.schemes.dip.score import adjusted
from grouper.schemes.dip.tracing import Story, trace_of
from grouper.schemes.engines import EngineScheme
from grouper.schemes.protocol import Grouping, Part, Warned, parts_table
from grouper.schemes.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from codebooks.book import SchemeBook
    from grouper.schemes.dip.auxiliary import Auxiliary
    from grouper.schemes.dip.batch import Numbers


class DipScheme(EngineScheme[BatchEngine, Dresser]):
    """One DIP catalogue. Safe to use from several threads at once.

    Args:
        book: the scheme book.

    Raises:
        CodebookError: a code set that the book's card names is not there, or has no treatment
            kinds; an expression is not in the grammar; the factors of the region are not sound.
        GrouperError: an option or a row of the book cannot be read (``DIP_…``).
    """

    needs: ClassVar[tuple[str, ...]] = (
        "age",
        "age_days",
        "birth_weight_g",
        "weight_g",
        "discharge_time",
        "discharge_way",
        "los",
        "icu_hours",
        "total_cost",
        "dx",
        "px",
    )

    def __init__(self, book: SchemeBook) -> None:
        self._codes = SchemeCodes(book.card)
        self.compiled = CompiledScheme(book, self._codes)
        self.auxiliary = AuxiliaryTables(book.card)
        self.auxiliary.check_groups({row.group for row in self.compiled.rows})
        super().__init__(self.compiled)

    @cached_property
    def content_hash(self) -> str:
        """Hash of the book, the treatment kinds and the auxiliary factors: all that decide."""
        parts = (self.compiled.content_hash, *self._tables.values())
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    @cached_property
    def _tables(self) -> Mapping[str, str]:
        """Hashes of what decides beside the book, some of which the hospital may have replaced."""
        kinds, factors = self.compiled.kinds.content_sha256, self.auxiliary.content_sha256
        return {"treatment_kinds": kinds, "auxiliary_factors": factors}

    def answer(self, case: Case) -> Answer:
        """The scalar engine's bare answer."""
        return answer(self.compiled, case)

    def group(self, case: Case) -> Grouping:
        """Group one case, with its trace.

        The parts are the subtypes of auxiliary directories that it meets and, where it is one, the
        primary-care group that it falls under as well.
        """
        found = self.answer(case)
        row = found.row
        auxiliary = factors_of(self.auxiliary, case, row.group) if row else None
        weight = None
        if row and auxiliary and row.score is not None:
            weight = adjusted(row.score, auxiliary.factor)
        warnings = _warnings(found, auxiliary)
        story = Story(self.compiled, case, found, auxiliary, weight, warnings, self._tables)
        return Grouping(
            scheme=self.id,
            status=found.status,
            reason=found.reason,
            warnings=warnings,
            mdc=None,
            adrg=None,
            group=row.group if row else found.fallback,
            group_name=row.name if row else "" if found.fallback else None,
            cc_level=None,
            trace=trace_of(story),
            group_kind=row.section if row else None,
            weight=weight,
            parts=_parts(found, auxiliary),
        )

    def _build(self) -> tuple[BatchEngine, Dresser]:
        return BatchEngine(self.compiled, self.auxiliary), Dresser(self.compiled)

    def _issues(self, cases: pa.RecordBatch, numbers: Numbers, first_row: int) -> pa.Table:
        return issues(cases, numbers, first_row)

    def group_parts(self, cases: pa.RecordBatch, first_row: int = 1) -> pa.Table:
        """The parts of cases (see :meth:`group`); one case at a time, for few have any."""
        found = []
        for place in range(cases.num_rows):
            case = self._case(cases, place)
            answered = self.answer(case)
            if answered.row:
                auxiliary = factors_of(self.auxiliary, case, answered.row.group)
                found.append((place + first_row, _parts(answered, auxiliary)))
        return parts_table(found)

    def _case(self, cases: pa.RecordBatch, place: int) -> Case:
        """One case of a batch that may lack columns."""
        values = {
            name: cases.column(name)[place].as_py()
            for name in self.needs
            if name in cases.schema.names
        }
        lists = {name: tuple(values.get(name) or ()) for name in ("dx", "px")}
        return Case(**{**values, **lists})


def _warnings(found: Answer, auxiliary: Auxiliary | None) -> tuple[Warned, ...]:
    told = {n.reason: Warned(n.reason, n.codes) for n in found.notices}
    for gap in auxiliary.gaps if auxiliary else ():
        told.setdefault(gap, Warned(gap, ()))
    return tuple(told[reason] for reason in Reason if reason in told)


def _parts(found: Answer, auxiliary: Auxiliary | None) -> tuple[Part, ...]:
    parts = part_rows(auxiliary) if auxiliary else ()
    if found.primary:
        main = found.facts.main
        code = found.facts.written[main.number] if main else None
        group = found.primary.group
        return (*parts, Part("primary_care", code=code, group=group, action="noted"))
    return parts
