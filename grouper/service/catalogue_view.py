"""The catalogues as pages show them: what is in force, the imports, a search, the days of an entry."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from codebooks.catalogues.catalogue import Catalogue, dated, in_force, installed
from codebooks.catalogues.forms import KINDS
from codebooks.catalogues.keeping import IMPORTS, REPORT, Import, read_left_out
from codebooks.errors import CodebookError, Where
from codebooks.findings import Severity
from codebooks.messages import catalogue, text
from codebooks.plain import json_of
from grouper.case.readers.text_input import readable
from grouper.service.access.principal import Right, demand
from grouper.service.catalogue_imports import limits

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    import pyarrow as pa

    from grouper.service.access.principal import Principal

_LEFT_OUT = ("sheet", "row", "column", "key", "code", "found", "fault")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Signs with which a spreadsheet begins a formula."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How the catalogue of a kind stands.

    Attributes:
        kind: of it.
        rows: in force on the day; ``disputed``: keys among them with more than one row.
        first: from when on anything was in force; None: nothing was imported.
        imports: the first first.
    """

    kind: str
    rows: int
    disputed: int
    first: date | None
    imports: tuple[Import, ...]


def standings(by: Principal, day: date) -> list[Standing]:
    """How all kinds stand on a day.

    Raises:
        AccessError: ``NOT_ALLOWED``.
        CodebookError: ``CATALOGUE_BROKEN``.
    """
    demand(by, Right.BOOKS)
    return [
        Standing(
            kind=kind,
            rows=one.on(day, ["since"]).num_rows,
            disputed=one.disputes.filter(in_force(one.disputes, day)).num_rows,
            first=one.first_day,
            imports=one.kept.imports,
        )
        for kind, one in installed().kinds.items()
    ]


def search(
    by: Principal, kind: str, words: str, day: date | None, start: int, limit: int
) -> tuple[list[dict[str, Any]], bool]:
    """A page of rows of a code, or whose names hold all words, the shortest names first.

    Args:
        by: who asks.
        kind: of the catalogue.
        words: a code, or pieces of names parted by blanks.
        day: on which the rows are in force; None: ever.
        start: how many rows are passed over.
        limit: at most so many.

    Returns:
        Rows with ``valid_from`` and ``valid_to`` (None: no end), and whether there are more.

    Raises:
        AccessError: ``NOT_ALLOWED``.
        CodebookError: ``CATALOGUE_KIND``, ``CATALOGUE_BROKEN``.
    """
    one = _catalogue(by, kind)
    pieces = words.split()[: limits().words]
    if not pieces or not one:
        return [], False
    rows = one.entries(pieces[0], day) if len(pieces) == 1 else []
    if not rows:
        found = one.find(pieces, day, start + limit + 1)
        rows = [dated(row) for row in found.to_pylist()]
    return rows[start : start + limit], len(rows) > start + limit


def history_of(by: Principal, kind: str, key: str) -> list[dict[str, Any]]:
    """All rows that a key ever had, the newest first, each with its days and import.

    Raises:
        AccessError: ``NOT_ALLOWED``.
        CodebookError: ``CATALOGUE_KIND``, ``CATALOGUE_BROKEN``.
    """
    one = _catalogue(by, kind)
    rows = [row for row in one.entries(key) if row[one.form.key] == key]
    return sorted(rows, key=lambda row: (row["valid_from"], row["import"]), reverse=True)


def key_of(kind: str) -> str:
    """The field by which rows of a kind are known."""
    return Catalogue(kind).form.key


def report_of(by: Principal, kind: str, number: int) -> dict[str, Any]:
    """The report of an import, as it was when it was made.

    Raises:
        AccessError: ``NOT_ALLOWED``.
        CodebookError: ``CATALOGUE_KIND``, ``CATALOGUE_BROKEN``.
    """
    one = _catalogue(by, kind)
    path = one.folder / IMPORTS / f"{number:04}" / REPORT
    try:
        found: dict[str, Any] = json_of(path.read_text("utf-8"))
    except (OSError, ValueError) as cause:
        where = Where(file="/".join(path.parts[-4:]))
        raise CodebookError("CATALOGUE_BROKEN", where, reason=type(cause).__name__) from cause
    return found


def left_out_of(by: Principal, kind: str, number: int) -> pa.Table:
    """The rows that an import left out (:data:`codebooks.catalogues.reading.LEFT_OUT`).

    Raises:
        AccessError: ``NOT_ALLOWED``.
        CodebookError: ``CATALOGUE_KIND``, ``CATALOGUE_BROKEN``.
    """
    return read_left_out(_catalogue(by, kind).folder, number)


def left_out_csv(left_out: pa.Table, lang: str) -> bytes:
    """Rows that were left out as CSV for spreadsheets, with their faults in words.

    Args:
        left_out: columns of :data:`codebooks.catalogues.reading.LEFT_OUT`.
        lang: ``zh`` or ``en``.
    """
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow([text(f"catalogue_left_out.{name}", lang) for name in _LEFT_OUT])
    for row in left_out.to_pylist():
        row["fault"] = fault_words(row["fault"], lang)
        writer.writerow([_cell(row[name]) for name in _LEFT_OUT])
    return file.getvalue().encode("utf-8-sig")


def fault_words(code: str, lang: str) -> str:
    """Why a row was left out, in words."""
    return catalogue(lang).get(f"catalogue_fault.{code}", code)


def _cell(value: object) -> object:
    """A cell as a spreadsheet shows it and does not reckon it."""
    if not isinstance(value, str):
        return value
    plain = readable(value)
    return f"'{plain}" if plain.startswith(_FORMULA) else plain


@dataclass(frozen=True, slots=True)
class Told:
    """A finding of a report in words.

    Attributes:
        severity: what it weighs.
        place: sheet, row and column; empty: the file.
        words: what is wrong.
    """

    severity: Severity
    place: str
    words: str


def findings_of(report: Mapping[str, Any], lang: str) -> list[Told]:
    """The findings of a report in words, the gravest first.

    Args:
        report: as :meth:`codebooks.catalogues.report.CatalogueReport.to_json` writes it; one of an
            older version holds its words in one language alone.
        lang: ``zh`` or ``en``.
    """
    order = list(Severity)
    found = []
    for one in report["findings"]:
        params = one.get("params")
        words = one["text"] if params is None else text(f"finding.{one['code']}", lang, **params)
        place = Where(**{name: value for name, value in one["where"].items() if name != "file"})
        found.append(Told(Severity(one["severity"]), place.describe(lang), words))
    return sorted(found, key=lambda one: order.index(one.severity))


def _catalogue(by: Principal, kind: str) -> Catalogue:
    demand(by, Right.BOOKS)
    if kind not in KINDS:
        raise CodebookError("CATALOGUE_KIND", found=kind, known=", ".join(KINDS))
    return installed()[kind]
