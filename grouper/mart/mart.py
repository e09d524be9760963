"""The mart, asked: every question is of a slice, and the reach of who asks is part of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grouper.mart.asking.by import by, choices, trend
from grouper.mart.asking.control import control
from grouper.mart.asking.headline import headline
from grouper.mart.asking.quality import completeness, gaps, quality, reasons
from grouper.mart.asking.rows import count, rows
from grouper.mart.asking.structure import spread, structure
from grouper.mart.asking.waterfall import unreckoned, waterfall
from grouper.mart.loading import loaded, stamp_of

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb
    import pyarrow as pa

    from grouper.mart.answers import About, Headline, Measure, Unreckoned
    from grouper.mart.slices import Axis, Slice


class Mart:
    """Facts of discharged cases, read once. May be asked by several threads at once.

    Args:
        connection: with the tables of :mod:`grouper.mart.loading`.
        about: what it is made of.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, about: About) -> None:
        self._connection = connection
        self.about = about

    @classmethod
    def open(cls, folder: Path) -> Mart:
        """Read the mart of a folder.

        Raises:
            MartError: ``MART_ABSENT``, ``MART_OLD`` (made by another version), ``MART_BROKEN``.
        """
        return cls(*loaded(folder))

    @staticmethod
    def stamp(folder: Path) -> str:
        """The stamp of what stands in a folder now, without reading it; empty: no mart.

        Where it is not ``about.stamp``, the mart was made anew and is to be opened again.
        """
        return stamp_of(folder)

    def close(self) -> None:
        """Give the memory back."""
        self._connection.close()

    def headline(self, cut: Slice) -> Headline:
        """The figures of a slice, with the period before and 95 % intervals."""
        with self._connection.cursor() as cursor:
            return headline(cursor, cut, self.about.first)

    def by(
        self,
        cut: Slice,
        axis: Axis,
        *,
        order: str = "surplus",
        descending: bool = False,
        limit: int | None = None,
    ) -> pa.Table:
        """The figures of each value of an axis (:data:`~grouper.mart.answers.BY`).

        Args:
            cut: which cases.
            axis: by what.
            order: a column of the answer; nulls come last, equal ones by value.
            descending: the largest first.
            limit: at most so many rows; None: all.

        Raises:
            MartError: ``MART_ORDER``: no such column.
        """
        with self._connection.cursor() as cursor:
            return by(cursor, cut, axis, order=order, descending=descending, limit=limit)

    def trend(self, cut: Slice, *, axis: Axis | None = None, step: str = "month") -> pa.Table:
        """The figures period by period (:data:`~grouper.mart.answers.TREND`).

        Args:
            cut: which cases; a first or last period that it cuts is a part of one.
            axis: also by what.
            step: ``day``, ``week``, ``month``, ``quarter`` or ``year``.

        Raises:
            MartError: ``MART_STEP``.
        """
        with self._connection.cursor() as cursor:
            return trend(cursor, cut, axis, step)

    def waterfall(self, cut: Slice) -> pa.Table:
        """From charges to the standard to the surplus (:data:`~grouper.mart.answers.WATERFALL`)."""
        with self._connection.cursor() as cursor:
            return waterfall(cursor, cut)

    def unreckoned(self, cut: Slice) -> Unreckoned:
        """The cases that no waterfall counts, for their surplus is not known."""
        with self._connection.cursor() as cursor:
            return unreckoned(cursor, cut)

    def structure(self, cut: Slice, axis: Axis | None = None) -> pa.Table:
        """Charges by class (:data:`~grouper.mart.answers.STRUCTURE`); classes without any are left out."""
        with self._connection.cursor() as cursor:
            return structure(cursor, cut, axis)

    def spread(self, cut: Slice, axis: Axis | None = None) -> pa.Table:
        """Quantiles of cost and days (:data:`~grouper.mart.answers.SPREAD`)."""
        with self._connection.cursor() as cursor:
            return spread(cursor, cut, axis)

    def control(self, cut: Slice, measure: Measure, axis: Axis | None = None) -> pa.Table:
        """Points and limits of a control chart (:data:`~grouper.mart.answers.CONTROL`).

        Args:
            cut: which cases.
            measure: of what.
            axis: a funnel by its values; None: by month.
        """
        with self._connection.cursor() as cursor:
            return control(cursor, cut, measure, axis)

    def rows(
        self,
        cut: Slice,
        *,
        order: str = "day",
        descending: bool = True,
        start: int = 0,
        limit: int = 50,
    ) -> pa.Table:
        """A page of cases (:data:`~grouper.mart.answers.ROWS`); equal ones by ``case_id``.

        Raises:
            MartError: ``MART_ORDER``: no such column.
        """
        with self._connection.cursor() as cursor:
            return rows(cursor, cut, order=order, descending=descending, start=start, limit=limit)

    def count(self, cut: Slice) -> int:
        """How many cases a slice has."""
        with self._connection.cursor() as cursor:
            return count(cursor, cut)

    def choices(self, cut: Slice, axis: Axis) -> pa.Table:
        """Values of an axis with cases in the slice (:data:`~grouper.mart.answers.CHOICES`), most cases first.

        What the slice itself says of that axis is passed over, so that a filter shows all it offers.
        """
        with self._connection.cursor() as cursor:
            return choices(cursor, cut, axis)

    def completeness(self, cut: Slice, axis: Axis | None = None) -> pa.Table:
        """How many cases lack each field (:data:`~grouper.mart.quality.COMPLETENESS`)."""
        with self._connection.cursor() as cursor:
            return completeness(cursor, cut, axis)

    def quality(self, cut: Slice, axis: Axis | None = None) -> pa.Table:
        """How whole and usable the data are (:data:`~grouper.mart.quality.QUALITY`)."""
        with self._connection.cursor() as cursor:
            return quality(cursor, cut, axis)

    def reasons(self, cut: Slice) -> pa.Table:
        """Why cases stopped, and remarks on them (:data:`~grouper.mart.quality.REASONS`)."""
        with self._connection.cursor() as cursor:
            return reasons(cursor, cut)

    def gaps(self, cut: Slice) -> pa.Table:
        """What the absence of each field costs (:data:`~grouper.mart.quality.GAPS`)."""
        with self._connection.cursor() as cursor:
            return gaps(cursor, cut)
