"""The hospital's own folder of a rule book: checked with every fault, and added to as a whole."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from codebooks import paths
from codebooks.audit.books import SHELF, audit_book, read_book, shipped_books
from codebooks.audit.forms import FORMS
from codebooks.audit.reading import ROWS, RULE_FILE
from codebooks.errors import CodebookError, Where
from codebooks.importers.swap import clear, recover, swap_in, workplace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codebooks.audit.books import AuditBook

_ENDINGS = (".csv", ".csv.gz")


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of a check.

    Attributes:
        faults: all that is wrong, in the order of the files.
        book: the book with what of the own folder can be used.
    """

    faults: tuple[CodebookError, ...]
    book: AuditBook


def own_folder(book: str) -> Path:
    """Where the hospital's own rules and rows of a book lie, or would lie.

    Raises:
        CodebookError: ``AUDIT_BOOK``: there is no such book.
    """
    known = shipped_books()
    if book not in known:
        raise CodebookError("AUDIT_BOOK", found=book, known=", ".join(known))
    return paths.installed() / SHELF / book


def check_own_folder(book: str, files: Sequence[Path] = ()) -> Checked:
    """Check the hospital's own folder of a book, with further files as if they stood in it.

    Args:
        book: id of the book.
        files: each named ``rules.csv`` or after a table, such as ``own.csv``.

    Raises:
        CodebookError: ``AUDIT_BOOK``; ``AUDIT_OWN_FILE``: a file is named after no table, or two
            after the same one; ``AUDIT_OWN_WRITE``: there is no place to check in, or a file cannot
            be read.
    """
    target = own_folder(book)
    with tempfile.TemporaryDirectory() as work:
        return _checked(_staged(target, files, Path(work) / book), book)


def add_to_own_folder(book: str, files: Sequence[Path], *, replace: bool = False) -> Checked:
    """Put files into the hospital's own folder of a book, all of them or none.

    Args:
        book: id of the book.
        files: as :func:`check_own_folder` takes them.
        replace: whether a file that is there may be replaced.

    Returns:
        What the check says; where it tells faults nothing was written.

    Raises:
        CodebookError: as :func:`check_own_folder`; ``AUDIT_OWN_THERE``: the folder has such a file.
    """
    target = own_folder(book)
    for file in files:
        table = _table(file)
        there = target / RULE_FILE if table is None else None
        old = [there] if there else [target / ROWS / f"{table}{ending}" for ending in _ENDINGS]
        if not replace and any(one.is_file() for one in old):
            raise CodebookError("AUDIT_OWN_THERE", Where(file=file.name), found=file.name)
    work = _workplace()
    try:
        new = _staged(target, files, work / book)
        checked = _checked(new, book)
        if checked.faults:
            return checked
        try:
            swap_in(new, target, work)
        except OSError as cause:
            raise _unwritten(cause) from cause
    finally:
        clear(work, target)
    return Checked((), audit_book(book))


def _workplace() -> Path:
    base = paths.installed()
    try:
        work = workplace(base)
    except OSError as cause:
        raise _unwritten(cause) from cause
    recover(base, base / SHELF)
    return work


def _staged(target: Path, files: Sequence[Path], folder: Path) -> Path:
    """A copy of the own folder with the files in it."""
    try:
        if target.is_dir():
            shutil.copytree(target, folder)
        (folder / ROWS).mkdir(parents=True, exist_ok=True)
        seen: set[str | None] = set()
        for file in files:
            table = _table(file)
            if table in seen:
                raise CodebookError("AUDIT_OWN_FILE", Where(file=file.name), known=", ".join(FORMS))
            seen.add(table)
            if table is None:
                shutil.copyfile(file, folder / RULE_FILE)
                continue
            for ending in _ENDINGS:
                (folder / ROWS / f"{table}{ending}").unlink(missing_ok=True)
            shutil.copyfile(file, folder / ROWS / file.name)
    except OSError as cause:
        raise _unwritten(cause) from cause
    return folder


def _table(file: Path) -> str | None:
    """The table that a file is named after; None: it has rules."""
    if file.name == RULE_FILE:
        return None
    ending = next((one for one in _ENDINGS if file.name.endswith(one)), "")
    table = file.name.removesuffix(ending)
    if not ending or table not in FORMS:
        raise CodebookError("AUDIT_OWN_FILE", Where(file=file.name), known=", ".join(FORMS))
    return table


def _checked(own: Path, book: str) -> Checked:
    faults: list[CodebookError] = []
    found = read_book(paths.shipped() / SHELF / book, own, faults.append)
    return Checked(tuple(faults), found)


def _unwritten(cause: OSError) -> CodebookError:
    reason = cause.strerror or type(cause).__name__
    return CodebookError("AUDIT_OWN_WRITE", Where(file=SHELF), reason=reason)
