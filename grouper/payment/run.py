"""Whole files priced: grouped, the patients' year followed, priced, in the order of the input."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pyarrow as pa

from grouper.case.fields import CASE_SCHEMA, FIELDS
from grouper.case.issues import codes_by_row
from grouper.case.readers import open_source
from grouper.payment.batch import price_batch
from grouper.payment.capitation_year import follow_dialysis
from grouper.payment.history import with_history
from grouper.payment.place import Terms
from grouper.payment.result import PAYMENT_SCHEMA
from grouper.payment.share.year import follow_year
from grouper.run.batches import group_cases
from grouper.run.choose import Chooser
from grouper.run.side_by_side import in_order
from grouper.schemes.protocol import RESULT_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from grouper.case.readers import CaseBatch, Source

ISSUES = "issues"
"""Column of what the reader had to say of a case: reason codes joined by ``;``; null: nothing."""
BATCH_ROWS = 262_144
"""Cases priced in one piece; results do not depend on it."""


def grouped_table(
    source: Source,
    *,
    region: str,
    scheme: str | None = None,
    progress: Callable[[int], None] | None = None,
    heard: Callable[[pa.Table], None] | None = None,
    noted: bool = False,
) -> pa.Table:
    """The cases of a source with their groupings: columns of ``CASE_SCHEMA`` and ``RESULT_SCHEMA``.

    A row that is no case stands there with its reason.

    Args:
        source: where cases come from.
        region: of cases that name none.
        scheme: for all cases; None: what binds each.
        progress: called with the rows done.
        heard: called with what the reader had to say of a batch (``ISSUE_SCHEMA``).
        noted: with the column :data:`ISSUES`.
    """

    def work(batch: CaseBatch) -> tuple[pa.RecordBatch, pa.Table]:
        found = group_batch(batch.cases, batch.issues, region, scheme, batch.first_row)
        if noted:
            said = codes_by_row(batch.issues, batch.first_row, found.num_rows)
            found = found.append_column(ISSUES, said)
        return found, batch.issues

    done: list[pa.Table] = []
    rows = 0
    for _, (found, issues) in in_order(source, work, os.cpu_count()):
        if heard:
            heard(issues)
        done.append(pa.Table.from_batches([found]))
        rows += found.num_rows
        if progress:
            progress(rows)
    if not done:
        fields = [pa.field(name, field.type) for name, field in FIELDS.items()]
        told = [pa.field(ISSUES, pa.string())] if noted else []
        return pa.schema([*fields, *RESULT_SCHEMA, *told]).empty_table()
    return below(done)


def group_batch(
    cases: pa.RecordBatch,
    issues: pa.Table,
    region: str,
    scheme: str | None = None,
    first_row: int = 1,
) -> pa.RecordBatch:
    """Cases with their groupings beside them; arguments as of :func:`grouper.run.batches.group_cases`."""
    grouped = group_cases(cases, issues, first_row, Chooser(scheme, region))
    columns = [*cases.columns, *grouped.results.columns]
    return pa.RecordBatch.from_arrays(columns, [*cases.schema.names, *RESULT_SCHEMA.names])


def below(tables: Sequence[pa.Table]) -> pa.Table:
    """Tables of cases below each other; a column that is encoded in one and plain in another is plain."""
    names = tables[0].column_names
    plain = {
        name: CASE_SCHEMA.field(name).type
        for name in names
        if name in CASE_SCHEMA.names and len({one.schema.field(name).type for one in tables}) > 1
    }
    alike = []
    for one in tables:
        columns = [
            one.column(name).cast(plain[name]) if name in plain else one.column(name)
            for name in names
        ]
        alike.append(pa.table(columns, names))
    return pa.concat_tables(alike).unify_dictionaries()


def price_table(
    grouped: pa.Table,
    terms: Terms,
    progress: Callable[[int], None] | None = None,
    batch_rows: int = BATCH_ROWS,
) -> pa.Table:
    """Cases with their groupings and payments.

    Args:
        grouped: as :func:`grouped_table` gives them; of payments already there nothing is kept.
        terms: by which policies.
        progress: called with the rows done.
        batch_rows: cases priced in one piece.
    """
    known = [name for name in grouped.column_names if name not in PAYMENT_SCHEMA.names]
    # The year of dialysis is its own: the deductible of other visits is no part of it.
    table = follow_year(follow_dialysis(grouped.select(known), terms), terms)
    pieces = []
    rows = 0
    # What the policy may ask of a stay's place among the others is no column of the result.
    for batch in with_history(table).combine_chunks().to_batches(batch_rows):
        priced = price_batch(batch, terms)
        pieces.append(priced)
        rows += batch.num_rows
        if progress:
            progress(rows)
    paid = pa.Table.from_batches(pieces, PAYMENT_SCHEMA).unify_dictionaries()
    for field in PAYMENT_SCHEMA:
        table = table.append_column(field, paid.column(field.name))
    return table


def priced_table(
    source_paths: Sequence[Path],
    *,
    region: str,
    terms: Terms | None = None,
    progress: Callable[[int], None] | None = None,
    heard: Callable[[pa.Table], None] | None = None,
    noted: bool = False,
) -> pa.Table:
    """The cases of several files, grouped and priced together: a patient's year goes across files.

    Args:
        source_paths: files of cases as ``grouper group`` reads them.
        region: of cases that name none.
        terms: by which policies; by default those at hand for ``region``.
        progress: called with the rows grouped.
        heard: as for :func:`grouped_table`.
        noted: likewise.

    Raises:
        GrouperError: a file cannot be used.
    """
    terms = terms or Terms(region=region)
    tables = [
        grouped_table(open_source(path), region=region, progress=progress, heard=heard, noted=noted)
        for path in source_paths
    ]
    return price_table(below(tables), terms)
