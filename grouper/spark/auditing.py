"""Audit on Spark: cases and their lines are brought together by case, then by person, then screened.

Four stages. Cases and lines are laid into buckets by the case's id; in each of these a record whose id
was there before is left out, lines get the person of their case, and both are laid into buckets by
person; each of those is screened whole. Rules ask nothing across persons.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from codebooks.audit.books import audit_book
from codebooks.catalogues.catalogue import Catalogues
from grouper.audit.charges import CASE
from grouper.audit.engine import Context
from grouper.audit.group_costs import group_costs
from grouper.audit.inputs import listed_ceilings
from grouper.audit.reading import Sources, accepted, once
from grouper.audit.screening import screen
from grouper.case.fields import CASE_SCHEMA
from grouper.spark.buckets import bucket_of, read_bucket, write_buckets, write_nothing
from grouper.spark.keeping import part_file
from grouper.spark.lines import LINE_COLUMNS, LINE_TEXTS, lines_alike, numbered, owners

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date
    from pathlib import Path

    from numpy.typing import NDArray

    from grouper.audit.screening import Screened
    from grouper.spark.keeping import Stage
    from grouper.spark.units import Unit

_ROW, _UNIT = "row", "unit"


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
        write_buckets(table, bucket_of(table[CASE], self.buckets), stage.laid(task), self.buckets)
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
        lines = lines_alike(self.units[task].table(LINE_COLUMNS, LINE_TEXTS))
        write_buckets(lines, bucket_of(lines[CASE], self.buckets), stage.laid(task), self.buckets)
        stage.finish(task, {"lines": lines.num_rows})


def _whole(paths: Sequence[Path], bucket: int) -> pa.Table | None:
    """The rows of a bucket out of all files; None: it has none."""
    found = read_bucket(paths, bucket)
    return pa.concat_tables(found) if found else None


@dataclass(frozen=True, slots=True)
class Meet:
    """Bring the cases and lines of a bucket together, and lay both into buckets by person.

    Attributes:
        cases, lines: the files of the stages before, in the order of their units.
        lined: the stage whose parts hold the lines.
        buckets: how many.
    """

    cases: tuple[Path, ...]
    lines: tuple[Path, ...]
    lined: Stage
    buckets: int

    def __call__(self, task: int, stage: Stage) -> None:
        """As :class:`grouper.spark.session.Job`."""
        left: dict[str, int] = {}
        ids, of_case = self._cases(task, stage, left)
        # Of the cases no more than their ids is held now.
        lines = _whole(self.lines, task)
        strangers = 0
        if lines is None:
            write_nothing(self.lined.laid(task), self.buckets)
        else:
            lines = numbered(lines)
            owner = owners(lines, ids)
            known = owner >= 0
            strangers = int((~known).sum())
            lines = lines.filter(pa.array(known))
            to = of_case[owner[known]]
            write_buckets(lines, to, self.lined.laid(task), self.buckets)
        stage.finish(task, {"left_out": left, "strangers": strangers})

    def _cases(
        self, task: int, stage: Stage, left: dict[str, int]
    ) -> tuple[pa.Array, NDArray[np.int64]]:
        """Lay the cases of a bucket; gives their ids and the bucket that each went to."""
        cases = _whole(self.cases, task)
        if cases is None:
            write_nothing(stage.laid(task), self.buckets)
            return pa.array([], pa.string()), np.empty(0, np.int64)
        cases = once(cases, left)
        ids = cases[CASE].combine_chunks()
        alone = bucket_of(ids, self.buckets)
        persons = bucket_of(cases["person"], self.buckets)
        nobody = np.asarray(pc.is_null(cases["person"]))
        of_case = np.where(nobody, alone, persons)
        write_buckets(cases, of_case, stage.laid(task), self.buckets)
        return ids, of_case


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
        table = _whole(self.cases, task)
        if table is None:
            stage.finish(task, {"counts": {}, "rules": {}, "not_run": [], "empty": True})
            return
        # One name for all that is made of the cases: only the last of it stays in memory.
        table = table.sort_by([(_UNIT, "ascending"), (_ROW, "ascending")])
        table = table.select(CASE_SCHEMA.names).combine_chunks()
        found = _whole(self.lines, task)
        lines: pa.Table | tuple[Path, ...] = () if found is None else found
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
