"""The official CHS-DRG configuration workbook (.xlsx), in the layouts of both its editions."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from codebooks.errors import Where
from codebooks.importers.assemble import Draft, finish, leave_out_nothing
from codebooks.importers.cells import CellReader
from codebooks.importers.container import Workbook, read_bytes
from codebooks.importers.layout import layout
from codebooks.importers.notes import Notes
from codebooks.importers.options import ImportOptions, make_card
from codebooks.importers.tables import find_header, fold_label, read_table
from codebooks.messages import text

if TYPE_CHECKING:
    from pathlib import Path

    from codebooks.importers.layout import SheetLayout
    from codebooks.importers.report import ImportResult, RuleCheck


def import_workbook(
    path: Path, options: ImportOptions | None = None, check: RuleCheck | None = None
) -> ImportResult:
    """Read the official workbook; nothing is written.

    The card comes from the options and the layout's defaults; ``not_principal`` and
    ``not_grouping``, which the workbook does not hold, from the book that the options name.

    Args:
        path: the .xlsx file.
        options: ``id`` and ``valid_from`` are needed.
        check: the check of the book's rules; a finding of severity error refuses the book.

    Returns:
        The book and the report; no book when the report has an error.

    Raises:
        CodebookError: the file cannot be opened (``IMPORT_FILE``, ``IMPORT_TOO_LARGE``,
            ``IMPORT_PASSWORD``, ``IMPORT_NOT_XLSX``, ``IMPORT_CORRUPT``), or an option is not
            usable (see :func:`codebooks.importers.options.make_card`).
    """
    options = options or ImportOptions()
    where = Where(file=path.name)
    content = read_bytes(path, where)
    digest = hashlib.sha256(content).hexdigest()
    base = {
        **layout().defaults,
        "standing": text("import.standing.workbook"),
        "source": path.name,
    }
    card = make_card(options, base, where)
    card = replace(card, source=text("import.source", None, source=card.source, sha256=digest))
    notes = Notes(path.name)
    draft = Draft("workbook", digest, card)
    _read_sheets(Workbook(content, path.name), draft, notes)
    leave_out_nothing(draft, notes)
    return finish(draft, options, notes, check)


def _read_sheets(workbook: Workbook, draft: Draft, notes: Notes) -> None:
    names: dict[str, list[str]] = {}
    for name in workbook.names:
        names.setdefault(fold_label(name), []).append(name)
    cells = CellReader(strict=True)
    for spec in layout().sheets:
        found = [name for alias in spec.names for name in names.pop(fold_label(alias), [])]
        sheet = _choose(found, spec, notes)
        if sheet is None:
            continue
        grid = find_header(workbook.sheet(sheet), spec, notes)
        if grid is not None:
            draft.rows[spec.table], account = read_table(grid, cells, notes)
            draft.tables.append(account)
    for others in names.values():
        for name in others:
            notes.note("IMPORT_SHEET_IGNORED", Where(sheet=name))


def _choose(found: list[str], spec: SheetLayout, notes: Notes) -> str | None:
    if not found:
        notes.error("IMPORT_SHEET", Where(sheet=spec.names[0]), name=" / ".join(spec.names))
        return None
    if len(found) > 1:
        notes.error("IMPORT_SHEET_TWICE", Where(sheet=found[0]), names=", ".join(found))
        return None
    return found[0]
