"""From a DIP file to a book and a report; nothing is written but by ``install``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from codebooks.book import BookCard, SchemeBook, table_book
from codebooks.dip.checks import check_codes, check_conservative, check_scores, fold_repeats
from codebooks.dip.importers.city import read_city
from codebooks.dip.importers.counts import count_lines
from codebooks.dip.importers.options import DipOptions, dip_card
from codebooks.dip.importers.remembered import named, remember
from codebooks.dip.importers.scores import join_scores
from codebooks.dip.importers.sheets import File, open_file
from codebooks.dip.importers.table import find_table, header_texts
from codebooks.dip.importers.workbook import is_official, read_workbook
from codebooks.dip.layout import city_layout, workbook_layout
from codebooks.errors import CodebookError, Where
from codebooks.importers.assemble import twins
from codebooks.importers.notes import Notes
from codebooks.importers.report import ImportReport, ImportResult, TableRead
from codebooks.registry import registry

if TYPE_CHECKING:
    from pathlib import Path

    from codebooks.importers.report import RuleCheck

WORKBOOK, SCORES, CITY = "dip_workbook", "dip_scores", "dip_city"
"""The layouts, as a report names them."""


@dataclass(slots=True)
class _Work:
    """One import under way."""

    file: File
    options: DipOptions
    notes: Notes
    tables: dict[str, list[dict[str, Any]]]
    accounts: list[TableRead]


def import_dip(
    path: Path,
    options: DipOptions | None = None,
    check: RuleCheck | None = None,
    *,
    as_scores: bool = False,
) -> ImportResult:
    """Read a DIP file.

    The official workbook is known by its sheets; any other workbook or CSV file is a city's
    catalogue, or a score table for the groups of ``options.base``.

    Args:
        path: the file.
        options: ``card.id``, ``card.region`` and ``card.valid_from`` are needed.
        check: a further check of the book, which lives above this package; a finding of severity
            error refuses the book.
        as_scores: whether the file is a score table.

    Returns:
        The book and the report; no book when the report has an error.

    Raises:
        CodebookError: a file cannot be opened (``IMPORT_FILE``, ``IMPORT_TOO_LARGE``,
            ``IMPORT_PASSWORD``, ``IMPORT_NOT_XLSX``, ``IMPORT_CORRUPT``, ``IMPORT_ENCODING``),
            an option is not usable (:func:`codebooks.dip.importers.options.dip_card`,
            :func:`codebooks.dip.importers.table.find_table`), ``SCHEME_UNKNOWN`` or
            ``DIP_BASE`` for the base of a score table.
    """
    options = options or DipOptions()
    notes = Notes(path.name)
    work = _Work(open_file(path, notes), options, notes, {}, [])
    if as_scores:
        return _finish(work, SCORES, _read_scores(work), check)
    if is_official(work.file.sheets):
        return _finish(work, WORKBOOK, _read_official(work), check)
    return _finish(work, CITY, _read_city(work), check)


def remember_columns(path: Path, options: DipOptions) -> None:
    """Keep the columns that were given, for the next table with the same header.

    Nothing is kept when none was given. To be called once the import has gone well.

    Raises:
        CodebookError: as :func:`import_dip`, or ``IMPORT_WRITE``.
    """
    if not options.columns:
        return
    table = options.scores or path
    notes = Notes(table.name)
    columns = find_table(open_file(table, notes), options, (), notes)
    if columns is not None:
        texts = header_texts(columns)
        remember(texts, named(texts, options.columns))


def _read_official(work: _Work) -> BookCard:
    layout = workbook_layout()
    stamp = work.file.name, work.file.sha256
    card = dip_card(work.options, layout.defaults, layout.options, WORKBOOK, stamp)
    work.tables, work.accounts = read_workbook(work.file, work.notes)
    if work.options.scores is not None:
        scores = Notes(work.options.scores.name)
        file = open_file(work.options.scores, scores)
        _join(work, file, scores)
        work.notes.take(scores.findings)
        work.notes.mends.update(scores.mends)
        work.notes.omitted.update(scores.omitted)
    return card


def _read_scores(work: _Work) -> BookCard:
    options = work.options
    base = registry().book(options.base)
    if base.card.family != "dip":
        raise CodebookError("DIP_BASE", Where(column="base"), found=options.base)
    settings = {**base.card.options}
    stamp = work.file.name, work.file.sha256
    card = dip_card(options, workbook_layout().defaults, settings, SCORES, stamp)
    work.tables = {table: base.rows(table) for table in base.form}
    _join(work, work.file, work.notes)
    return card


def _join(work: _Work, file: File, notes: Notes) -> None:
    groups = work.tables.get("groups", [])
    rows, account = join_scores(file, groups, work.options, notes)
    work.tables["groups"] = rows
    work.accounts += [account] if account else []
    if not notes.refused:
        _check_scores(work, [row for row in rows if row["score"] is not None], notes)


def _read_city(work: _Work) -> BookCard:
    layout = city_layout()
    stamp = work.file.name, work.file.sha256
    card = dip_card(work.options, layout.defaults, layout.options, CITY, stamp)
    rows, account = read_city(work.file, work.options, work.notes)
    work.accounts = [account] if account else []
    rows = fold_repeats(rows, work.notes)
    work.tables = {"groups": rows}
    if not work.notes.refused:
        check_codes(rows, card, work.notes)
        check_conservative(rows, work.notes)
        _check_scores(work, rows, work.notes)
    return card


def _check_scores(work: _Work, rows: list[dict[str, Any]], notes: Notes) -> None:
    options = work.options
    check_scores(rows, options.city_mean, options.score_base, options.tolerance, notes)


def _finish(work: _Work, layout: str, card: BookCard, check: RuleCheck | None) -> ImportResult:
    notes = work.notes
    counts = count_lines(work.tables, published=layout == WORKBOOK)
    differing = sum(not line.agrees for line in counts)
    if differing:
        notes.warning("IMPORT_COUNTS", Where(), count=differing, scheme="DIP 3.0")
    book: SchemeBook | None = None
    if not notes.refused:
        book = table_book(card, work.tables)
        if check is not None:
            notes.take(check(book))
    if notes.refused:
        book = None
    content = book.content_hash() if book else None
    report = ImportReport(
        file=work.file.name,
        sha256=work.file.sha256,
        layout=layout,
        card=card,
        tables=tuple(work.accounts),
        counts=counts,
        mends=dict(notes.mends),
        findings=tuple(notes.findings),
        omitted=dict(notes.omitted),
        content_sha256=content,
        same_as=twins(content) if content else (),
        refused=notes.refused,
    )
    return ImportResult(book, report)
