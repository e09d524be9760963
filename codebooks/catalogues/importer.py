"""A catalogue file in, a report out, and the import added to the history.

A file is refused as a whole only where its structure is not there: it cannot be opened, has no such
header, or no row of it can be read. Single rows that cannot be read are left out and told, with sheet,
row and column; the rest is used.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from codebooks.catalogues.catalogue import Catalogues
from codebooks.catalogues.checks import (
    Dated,
    as_kept,
    as_read,
    check_grey,
    check_mapping,
    check_overlaps,
)
from codebooks.catalogues.columns import find_tables
from codebooks.catalogues.diff import difference
from codebooks.catalogues.forms import KINDS, MAPPING, common, form
from codebooks.catalogues.history import Part, history
from codebooks.catalogues.keeping import Import, install, part_of
from codebooks.catalogues.reading import LEFT_OUT, Read, fault_counts, read_tables, schema
from codebooks.catalogues.report import CatalogueReport
from codebooks.dip.importers.sheets import open_file
from codebooks.errors import CodebookError, Where
from codebooks.importers.notes import SHOWN, Notes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from codebooks.catalogues.catalogue import Catalogue

_HERE = ZoneInfo("Asia/Shanghai")
_SOURCE = 500
_FIRST, _LAST = date(1950, 1, 1), date(2100, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueOptions:
    """What the person who imports decides.

    Attributes:
        valid_from: from when on the list is in force.
        whole: whether it is the whole list; else only what changes.
        source: where the file comes from, such as the number of the document.
        sheet: the only sheet to read; None: every one with the needed columns.
        columns: header texts of fields that the file calls by names of its own.
        level: of the hospital (I, II, III), for ceilings of prices.
        called: name of the file as people know it; None: that under which it lies.
    """

    valid_from: date
    whole: bool = True
    source: str | None = None
    sheet: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    level: str | None = None
    called: str | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A file that was read and checked.

    Attributes:
        kind: of the catalogue.
        new: the import; None: the file is refused.
        read: what was read.
        report: what is to be said of it.
        base: the catalogue that it would be added to.
        rows: the history that it would make.
    """

    kind: str
    new: Import | None
    read: Read
    report: CatalogueReport
    base: Catalogue
    rows: pa.Table | None


def read_catalogue(
    kind: str, path: Path, options: CatalogueOptions, at_hand: Catalogues | None = None
) -> Draft:
    """Read and check a catalogue file; nothing is written.

    Args:
        kind: one of :data:`codebooks.catalogues.forms.KINDS`.
        path: an .xlsx workbook, or CSV in UTF-8 or GB18030.
        options: what was decided.
        at_hand: the catalogues to check against; None: the hospital's own.

    Raises:
        CodebookError: the file cannot be opened (``IMPORT_FILE``, ``IMPORT_TOO_LARGE``,
            ``IMPORT_PASSWORD``, ``IMPORT_NOT_XLSX``, ``IMPORT_CORRUPT``, ``IMPORT_ENCODING``); an
            option is not usable (``CATALOGUE_KIND``, ``CATALOGUE_LEVEL``, ``CATALOGUE_FIELD``,
            ``CATALOGUE_SHEET``, ``CATALOGUE_VALID_FROM``); ``CATALOGUE_SAME``: the file was imported
            before for this day; ``CATALOGUE_BROKEN``.
    """
    if kind not in KINDS:
        raise CodebookError("CATALOGUE_KIND", found=kind, known=", ".join(KINDS))
    if not _FIRST <= options.valid_from < _LAST:
        raise CodebookError("CATALOGUE_VALID_FROM", found=options.valid_from.isoformat())
    hospital_level(options.level)
    catalogues = at_hand or Catalogues()
    base = catalogues[kind]
    own = form(kind)
    called = options.called or path.name
    notes = Notes(called)
    file = open_file(path, notes)
    day = options.valid_from
    last = base.kept.imports[-1] if base else None
    if last is not None and (last.sha256, last.valid_from) == (file.sha256, day):
        where = Where(file=called)
        raise CodebookError("CATALOGUE_SAME", where, number=last.number, day=day.isoformat())
    tables = find_tables(file, own, notes, sheet=options.sheet, columns=options.columns)
    if tables:
        read = read_tables(tables, own, notes)
    else:
        read = Read(schema(own).empty_table(), LEFT_OUT.empty_table(), 0, ())
    rows: pa.Table | None = None
    changes = None
    number = len(base.kept.imports) + 1
    if not notes.refused:
        _check(kind, as_read(read.rows, day), catalogues, options, notes)
        parts = [part_of(base.folder, own, one) for one in base.kept.imports]
        rows = history(own, [*parts, Part(number, day, options.whole, read.rows)])
        if base:
            changes = difference(own, base.on(day), _on(rows, day)).counts
    source = (options.source or called)[:_SOURCE]
    report = CatalogueReport(
        kind=kind,
        file=called,
        sha256=file.sha256,
        source=source,
        valid_from=day,
        whole=options.whole,
        tables=read.tables,
        rows=read.rows.num_rows,
        left_out=read.rows_left_out,
        faults=fault_counts(read.left_out),
        mends=dict(notes.mends),
        findings=tuple(notes.findings),
        omitted=dict(notes.omitted),
        changes=changes,
        refused=notes.refused,
    )
    new = None
    if not notes.refused:
        new = Import(
            number=number,
            file=called,
            sha256=file.sha256,
            source=source,
            valid_from=day,
            whole=options.whole,
            rows=read.rows.num_rows,
            left_out=read.rows_left_out,
            imported=datetime.now(_HERE).isoformat(timespec="seconds"),
        )
    return Draft(kind, new, read, report, base, rows)


def install_catalogue(draft: Draft) -> None:
    """Add a draft to the history of its catalogue, whole or not at all.

    Raises:
        CodebookError: as :func:`codebooks.catalogues.keeping.install`.
    """
    if draft.new is None or draft.rows is None:
        raise ValueError(draft.kind)
    install(draft.kind, draft.new, draft.read, draft.report.to_json(), draft.base.kept, draft.rows)


def check_installed(
    day: date,
    level: str | None = None,
    at_hand: Catalogues | None = None,
    *,
    shown: int = SHOWN,
) -> CatalogueReport:
    """Hold the hospital's mapping, as it is installed, against the installed catalogues.

    Args:
        day: on which.
        level: of the hospital (I, II, III), for ceilings of prices.
        at_hand: the catalogues; None: the hospital's own.
        shown: findings of one code that are kept one by one.

    Raises:
        CodebookError: ``CATALOGUE_LEVEL``, ``CATALOGUE_NONE`` (no mapping), ``CATALOGUE_BROKEN``.
    """
    own = hospital_level(level)
    catalogues = at_hand or Catalogues()
    mapping = catalogues[MAPPING]
    if not mapping:
        raise CodebookError("CATALOGUE_NONE", kind=MAPPING)
    notes = Notes(MAPPING, shown)
    dated = as_kept(mapping.on(day))
    check_overlaps(mapping.form, dated, notes)
    check_mapping(dated, catalogues, day, own, notes)
    return CatalogueReport(
        kind=MAPPING,
        file="",
        sha256="",
        source="",
        valid_from=day,
        whole=True,
        tables=(),
        rows=dated.rows.num_rows,
        left_out=0,
        faults={},
        mends={},
        findings=tuple(notes.findings),
        omitted=dict(notes.omitted),
        changes=None,
        refused=False,
    )


def hospital_level(written: str | None) -> str | None:
    """The level of a hospital as it is written: I, II, III.

    Raises:
        CodebookError: ``CATALOGUE_LEVEL``.
    """
    if written is None:
        return None
    found = common().levels.get(written.strip().upper())
    if found is None:
        raise CodebookError("CATALOGUE_LEVEL", found=written[:40], known="I, II, III")
    return found


def _check(
    kind: str, dated: Dated, catalogues: Catalogues, options: CatalogueOptions, notes: Notes
) -> None:
    """What a file says against itself and against the catalogues at hand."""
    day = options.valid_from
    check_overlaps(form(kind), dated, notes)
    if kind == MAPPING:
        check_mapping(dated, catalogues, day, hospital_level(options.level), notes)
    else:
        check_grey(kind, dated, day, catalogues, notes)


def _on(rows: pa.Table, day: date) -> pa.Table:
    number = int(np.datetime64(day, "D").astype(int))
    dated = as_kept(rows)
    return rows.filter(pa.array((dated.since <= number) & (dated.until > number)))
