"""A month screened whole: charges by the engine, codes and front pages by their checks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from grouper.audit.charges import lines_at, lines_in
from grouper.audit.coding.engine import check_coding
from grouper.audit.engine import Audited, Context, audit
from grouper.audit.finishing import ordered
from grouper.audit.planning import CODING
from grouper.run.choose import Chooser

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from codebooks.audit.books import AuditBook
    from grouper.audit.coding.engine import NotRun
    from grouper.audit.reading import Sources


@dataclass(frozen=True, slots=True)
class Screened:
    """What a screening found.

    Attributes:
        audited: all findings, the rules of charges that could not run, and counts.
        unasked: checks on codes and front pages that could not be asked, with what is missing.
    """

    audited: Audited
    unasked: tuple[NotRun, ...]


def screen(
    sources: Sources,
    book: AuditBook,
    *,
    context: Context,
    judged: NDArray[np.bool_] | None = None,
    region: str | None = None,
) -> Screened:
    """Screen cases by every rule of a book.

    Args:
        sources: cases and their charges.
        book: the rule book.
        context: what is known beside.
        judged: the cases that are screened; None: all.
        region: of cases that name none, for the watch on upcoding.

    Raises:
        AuditError: the charges cannot be read.
        CodebookError: a condition of the book is not of the form.
    """
    found = audit(sources.cases, sources.charges, book, context=context, judged=judged)
    cases = sources.cases if judged is None else sources.cases.filter(pa.array(judged))
    tables = [found.findings]
    rules = _of_moment(book, context)
    unasked: dict[tuple[str, str | None], NotRun] = {}
    for own, lines in _parts(cases, sources.charges):
        checked = check_coding(
            own,
            lines,
            book,
            chooser=Chooser(region=region) if region else None,
            rules=rules,
            moment=context.moment,
        )
        tables.append(checked.findings)
        unasked |= {(one.rule, one.row): one for one in checked.not_run}
    findings = ordered(pa.concat_tables(tables))
    left = tuple(one for one in found.not_run if one.reason != CODING)
    audited = Audited(findings, left, found.counts)
    return Screened(audited, tuple(unasked.values()))


def _of_moment(book: AuditBook, context: Context) -> frozenset[str]:
    """The rules that are asked at a moment, as the plan of the charge audit chooses them."""
    return frozenset(
        key
        for key, rule in book.rules.items()
        if (not rule.moments or context.moment in rule.moments)
        and (context.rules is None or key in context.rules)
    )


def _parts(
    cases: pa.Table, charges: pa.Table | Sequence[Path]
) -> Iterator[tuple[pa.Table, pa.Table | None]]:
    """Cases with the table of their lines; those whose lines stand only in them, without one."""
    ids = cases["case_id"].combine_chunks().cast(pa.string())
    if isinstance(charges, pa.Table):
        own = lines_in(charges, ids)
        lines = own if own.num_rows else None
    else:
        lines = lines_at(charges, ids) if charges else None
    lengths = pc.fill_null(pc.list_value_length(cases["line_amount"]), 0)
    nested = np.asarray(lengths.combine_chunks()) > 0
    if lines is not None:
        # As the audit of charges takes them: the lines of the files go before.
        nested &= ~np.asarray(pc.is_in(ids, pc.unique(lines["case_id"])))
    if not nested.all():
        yield cases.filter(pa.array(~nested)), lines
    if nested.any():
        yield cases.filter(pa.array(nested)), None
