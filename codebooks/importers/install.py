"""Installation of an imported book among the hospital's own, whole or not at all."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from codebooks import paths
from codebooks.errors import CodebookError, Where
from codebooks.importers.options import check_id
from codebooks.importers.report import ImportReport
from codebooks.importers.swap import clear, recover, swap_in, workplace
from codebooks.registry import registry, reload
from codebooks.storage import write_book

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from codebooks.book import SchemeBook

REPORT = "import_report.json"
"""Name of the report inside the installed book's folder."""


def check_free(scheme: str, *, replace: bool = False) -> None:
    """Refuse an id that a shipped or installed scheme has, unless it is to be replaced.

    Raises:
        CodebookError: ``IMPORT_ID`` or ``IMPORT_EXISTS``.
    """
    check_id(scheme)
    if not replace and scheme in registry().cards:
        raise CodebookError("IMPORT_EXISTS", Where(column="id"), id=scheme)


def install(
    book: SchemeBook,
    report: ImportReport | Mapping[str, Any] | None = None,
    *,
    replace: bool = False,
) -> Path:
    """Write a book and its report where the registry finds them, and let it read anew.

    The book is written beside its place and moved in as the last step, so that a failure or an
    interruption leaves what was there before. An installed book goes before a shipped one: under
    the id of a shipped scheme it takes that one's place until it is removed.

    Args:
        book: an imported book.
        report: its report, or one as plain values; kept in the book's folder.
        replace: whether a scheme of this id may be replaced.

    Returns:
        The book's folder.

    Raises:
        CodebookError: ``IMPORT_ID``, ``IMPORT_EXISTS``, or ``IMPORT_WRITE`` when the folder
            cannot be written.
    """
    check_free(book.card.id, replace=replace)
    base = paths.installed()
    target = base / "schemes" / book.card.id
    try:
        work = workplace(base)
        try:
            recover(base, target.parent)
            new = write_book(book, work / book.card.id)
            if report is not None:
                plain = report.to_json() if isinstance(report, ImportReport) else dict(report)
                words = json.dumps(plain, ensure_ascii=False, indent=1) + "\n"
                (new / REPORT).write_text(words, "utf-8")
            if target.exists() and not replace:
                raise CodebookError("IMPORT_EXISTS", Where(column="id"), id=book.card.id)
            swap_in(new, target, work)
        finally:
            clear(work, target)
    except OSError as cause:
        reason = cause.strerror or type(cause).__name__
        raise CodebookError("IMPORT_WRITE", Where(file=str(target)), reason=reason) from cause
    reload()
    return target
