"""Audit on Spark: cases and their lines are brought together by case, then by person, then screened.

Four stages. Cases and lines are laid into buckets by the case's id; in each of these a record whose id
was there before is left out, lines get the person of their case, and both are laid into buckets by
person; each of those is screened whole. Rules ask nothing across persons.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from codebooks.audit.books import audit_book
from codebooks.catalogues.catalogue import Catalogues
from grouper.audit.charges import CASE, LINE, lines_in
from grouper.audit.engine import Context
from grouper.audit.group_costs import group_costs
from grouper.audit.inputs import listed_ceilings
from grouper.audit.lines import COLUMNS
from grouper.audit.reading import Sources, accepted, once
from grouper.audit.screening import screen
from grouper.case.fields import CASE_SCHEMA
from grouper.spark.buckets import bucket_of, read_bucket, write_buckets
from grouper.spark.keeping import part_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date
    from pathlib import Path

    from grouper.audit.screening import Screened
    from grouper.spark.keeping import Stage
    from grouper.spark.units import Unit

_ROW, _UNIT = "row", "unit"
_LINE_COLUMNS = (CASE, LINE, *COLUMNS, "line_name")
_NO_NUMBER = -(2**31)
"""Stands for a number that the file did not give; no line has it."""


@dataclass(frozen=True, slots=True)
class LayCases:
    """Lay the cases of a unit into buckets by id.

    Attributes:
        units: of the files of cases.
        buckets: how many.
    """

    units: tuple[Unit, ...]
    buckets: int

    def __call__(self, task: int, stage: Stage) -> None:
        """As :class:`grouper.spark.session.Job`."""
        left: dict[str, int] = {}
        batches = [accepted(batch, left) for batch in self.units[task].cases()]
        table = pa.Table.from_batches(batches, CASE_SCHEMA)
        count = table.num_rows
        table = table.append_column(_UNIT, pa.array(np.full(count, task, np.int32)))
        table = table.append_column(_ROW, pa.array(np.arange(count, dtype=np.int64)))
        places = table.select(["hospital", "region"])
        pairs = places.group_by(["hospital", "region"]).aggregate([]).to_pylist()
        write_buckets(table, bucket_of(table[CASE], self.buckets), stage.part(task))
        told = [[one["hospital"], one["region"]] for one in pairs]
        stage.finish(task, {"left_out": left, "places": told, "cases": count})


@dataclass(frozen=True, slots=True)
class LayLines:
    """Lay the lines of a unit into buckets by the id of their case.

    Attributes:
        units: of the files of lines.
        buckets: how many.
    """

    units: tuple[Unit, ...]
    buckets: int

    def __call__(self, task: int, stage: Stage) -> None:
        """As :class:`grouper.spark.session.Job`."""
        table = self.units[task].table(_LINE_COLUMNS)
        # All ids: the columns are read and made alike, and none is left out.
        every = pc.unique(table[CASE].cast(pa.string())) if CASE in table.column_names else None
        lines = _complete(lines_in(table, every))
        write_buckets(lines, bucket_of(lines[CASE], self.buckets), stage.part(task))
        stage.finish(task, {"lines": lines.num_rows})


def _complete(lines: pa.Table) -> pa.Table:
    """With all columns, so that lines of every file stand below each other."""
    kinds = {one: CASE_SCHEMA.field(one).type for one in COLUMNS}
    columns: dict[str, Any] = {}
    for name in _LINE_COLUMNS:
        if name in lines.column_names:
            columns[name] = lines[name]
        elif name == LINE:
            columns[name] = pa.array(np.full(lines.num_rows, _NO_NUMBER, np.int32))
        else:
            kind = kinds[name].value_type if name in kinds else pa.string()
            columns[name] = pa.nulls(lines.num_rows, _plain(kind))
    return pa.table(columns)


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


@dataclass(frozen=True, slots=True)
class Meet:
    """Bring the cases and lines of a bucket together, and lay both into buckets by person.

    Attributes:
        cases, lines: the files of the stages before, in the order of their units.
        laid: the stage whose parts hold the lines.
        buckets: how many.
    """

    cases: tuple[Path, ...]
    lines: tuple[Path, ...]
    laid: Stage
    buckets: int

    def __call__(self, task: int, stage: Stage) -> None:
        """As :class:`grouper.spark.session.Job`."""
        left: dict[str, int] = {}
        found = read_bucket(self.cases, task)
        kept = once(pa.concat_tables(found), left) if found else None
        pieces = read_bucket(self.lines, task)
        strangers = 0
        if kept is not None:
            ids = kept[CASE].combine_chunks()
            alone = bucket_of(ids, self.buckets)
            persons = bucket_of(kept["person"], self.buckets)
            nobody = np.asarray(pc.is_null(kept["person"]))
            of_case = np.where(nobody, alone, persons)
            write_buckets(kept, of_case, stage.part(task))
            if pieces:
                lines = _numbered(pa.concat_tables(pieces))
                owner = np.asarray(pc.fill_null(pc.index_in(lines[CASE], ids), -1))
                known = owner >= 0
                strangers = int((~known).sum())
                own = lines.filter(pa.array(known))
                write_buckets(own, of_case[owner[known]], self.laid.part(task))
        else:
            strangers = sum(one.num_rows for one in pieces)
        stage.finish(task, {"left_out": left, "strangers": strangers})


def _numbered(lines: pa.Table) -> pa.Table:
    """With the number of each line within its case where the file gave none, as the audit counts."""
    numbers = np.asarray(lines[LINE].combine_chunks()).copy()
    open_ = np.flatnonzero(numbers == _NO_NUMBER)
    if not len(open_):
        return lines
    codes = np.asarray(pc.dictionary_encode(lines[CASE].combine_chunks()).indices)[open_]
    order = np.argsort(codes, kind="stable")
    sorted_ = codes[order]
    starts = np.flatnonzero(np.append(True, sorted_[1:] != sorted_[:-1]))
    sizes = np.diff(np.append(starts, len(order)))
    counted = np.empty(len(order), np.int32)
    counted[order] = np.arange(len(order)) - np.repeat(starts, sizes) + 1
    numbers[open_] = counted
    return lines.set_column(lines.column_names.index(LINE), LINE, pa.array(numbers))


@dataclass(frozen=True, slots=True)
class Screen:
    """Screen a bucket.

    Attributes:
        cases, lines: the files of the stage before.
        book: id of the rule book.
        day: on which policies hold.
        levels: of hospitals.
        region: of cases that name none.
        rules: to be asked; None: all.
        shadow, own: as :class:`grouper.audit.context.Context` takes them.
    """

    cases: tuple[Path, ...]
    lines: tuple[Path, ...]
    book: str
    day: date
    levels: Mapping[str, str]
    region: str | None
    rules: tuple[str, ...] | None
    shadow: bool
    own: bool

    def __call__(self, task: int, stage: Stage) -> None:
        """As :class:`grouper.spark.session.Job`."""
        found = read_bucket([path for path in self.cases if path.is_file()], task)
        if not found:
            stage.finish(task, {"counts": {}, "rules": {}, "not_run": [], "empty": True})
            return
        table = pa.concat_tables(found).sort_by([(_UNIT, "ascending"), (_ROW, "ascending")])
        table = table.select(CASE_SCHEMA.names).combine_chunks()
        pieces = read_bucket([path for path in self.lines if path.is_file()], task)
        lines: pa.Table | tuple[Path, ...] = pa.concat_tables(pieces) if pieces else ()
        screened = self.screened(Sources(table, lines, {}))
        audited = screened.audited
        with part_file(stage.part(task)) as path:
            pq.write_table(audited.findings, path, compression="zstd")
        rules: Counter[str] = Counter(audited.findings["rule"].to_pylist())
        not_run = [[one.rule, one.template, one.reason] for one in audited.not_run]
        said = {"counts": dict(audited.counts), "rules": rules, "not_run": not_run}
        amount = pc.sum(audited.findings["amount"]).as_py() or 0
        stage.finish(task, said | {"amount": str(amount), "empty": False})

    def screened(self, sources: Sources) -> Screened:
        """What is found in cases and lines that stand together."""
        cases = sources.cases
        costs = group_costs(cases, None, self.day, region=self.region, scheme=None)
        context = Context(
            levels=self.levels,
            ceilings=listed_ceilings(Catalogues(), set(self.levels.values())),
            group_costs=costs if costs.num_rows else None,
            catalogue=Catalogues(),
            rules=frozenset(self.rules) if self.rules else None,
            shadow=self.shadow,
            own=self.own,
        )
        return screen(sources, audit_book(self.book), context=context, region=self.region)
