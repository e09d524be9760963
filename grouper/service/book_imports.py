"""Official files of schemes: checked by an errand, installed only when somebody confirms it.

What was checked is what is installed: the errand keeps the book that it read, and the installation
takes that book if it still has the content hash of the report. A refused file leaves its report and
nothing else.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from codebooks import paths
from codebooks.dip.importers.importing import remember_columns
from codebooks.errors import CodebookError, GrouperError
from codebooks.findings import Severity
from codebooks.importers.install import check_free, install
from codebooks.messages import LANGUAGES, text
from codebooks.plain import json_of
from codebooks.registry import registry
from codebooks.storage import verify_book, write_book
from grouper.service.access.principal import Right, demand
from grouper.service.book_changes import changes, write_changes
from grouper.service.book_reading import DIP, BookWish, read, sound
from grouper.service.book_source import lay_out, plain_name
from grouper.service.errand_kinds import ErrandError
from grouper.service.errands import Errand, Errands, ErrandState
from grouper.service.logs import fault_of
from grouper.store import audit
from grouper.store.schema import now

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codebooks.book import BookCard, SchemeBook
    from codebooks.findings import Finding
    from codebooks.importers.report import ImportResult
    from grouper.service.access.principal import Principal
    from grouper.service.errand_process import Work
    from grouper.service.settings import Settings
    from grouper.store.database import Database

_warnings = structlog.get_logger("grouper.books")

KIND = "book_check"
_SOURCE, _REPORT, _BOOK, _LAID = "source", "report.json", "book", "source"
_STEPS = 4


def ask(
    settings: Settings,
    database: Database,
    by: Principal,
    wish: BookWish,
    called: str,
    content: bytes,
    language: str,
) -> Errand:
    """Have an official file checked; the audit log has it before the work begins.

    Args:
        settings: of the service.
        database: the store.
        by: who asks.
        wish: what was chosen.
        called: name of the file.
        content: its bytes.
        language: ``zh`` or ``en``.

    Raises:
        AccessError: ``NOT_ALLOWED``.
        CodebookError: as :func:`grouper.service.book_reading.sound`.
        ErrandError: as :meth:`grouper.service.errands.Errands.ask`.
        StoreError: ``STORE_UNAVAILABLE``; nothing is begun.
    """
    demand(by, Right.BOOKS)
    sound(wish)
    name = plain_name(called)
    with database.writing_store() as connection:
        # The name of the file is the person's own words; it may hold anything.
        about = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        audit.append(connection, by.name, "book_check_asked", f"scheme:{wish.id or ''}", about)
    params = {"name": name, "wish": wish.to_json()}
    return Errands.at(settings).ask(
        KIND, params, by=by, language=language, files={_SOURCE: content}
    )


def run(work: Work) -> Mapping[str, Any]:
    """The errand ``book_check``: read the file, check it, and say what it would change.

    Its files: ``report.json``; where nothing refuses the book, ``book`` (the book as it would be
    installed), ``changes.json``, and ``source`` (the file as it came).

    Returns:
        ``refused``, ``id``, ``region``, ``valid_from``, ``content``, ``same_as``, ``severities``,
        ``compared`` (the scheme that it is held against; None: there is none of its family).

    Raises:
        CodebookError: the file cannot be opened, or an option cannot be used.
    """
    wish = BookWish.from_json(work.params["wish"])
    work.told(0, _STEPS)
    laid = work.out / _LAID
    laid.mkdir()
    try:
        path = lay_out(work.files / _SOURCE, work.params["name"], laid)
        work.told(1, _STEPS)
        result = read(path, wish)
        work.told(2, _STEPS)
        answer = _answer(work, result, wish)
    except GrouperError:
        shutil.rmtree(laid, ignore_errors=True)
        raise
    if result.book is None:
        shutil.rmtree(laid)
    work.told(_STEPS, _STEPS)
    return answer


def _answer(work: Work, result: ImportResult, wish: BookWish) -> dict[str, Any]:
    report, compared = result.report, None
    _write_report(work.out, result)
    if result.book is not None:
        if report.card.id in registry().cards:
            check_free(report.card.id, replace=wish.replace)
        write_book(result.book, work.out / _BOOK)
        work.told(3, _STEPS)
        compared = _predecessor(report.card)
        if compared is not None:
            write_changes(work.out, changes(registry().book(compared), result.book))
    return {
        "refused": report.refused,
        "id": report.card.id,
        "region": report.card.region,
        "family": report.card.family,
        "valid_from": report.card.valid_from.isoformat(),
        "content": report.content_sha256,
        "same_as": list(report.same_as),
        "severities": dict(report.severities),
        "compared": compared,
    }


def _predecessor(card: BookCard) -> str | None:
    """The scheme in whose place a book steps: of its id, else the one that binds on its first day."""
    known = registry()
    if card.id in known.cards:
        return card.id if known.card(card.id).family == card.family else None
    try:
        found = known.binding(card.region, card.valid_from, card.kinds[0]).scheme
    except CodebookError:
        return None
    return found if known.card(found).family == card.family else None


def _write_report(folder: Path, result: ImportResult) -> None:
    plain = result.report.to_json()
    order = list(Severity)
    ranked = sorted(result.report.findings, key=lambda one: order.index(one.severity))
    plain["findings"] = [_finding(one) for one in ranked]
    plain["severities"] = dict(result.report.severities)
    (folder / _REPORT).write_text(json.dumps(plain, ensure_ascii=False, indent=1) + "\n", "utf-8")


def _finding(found: Finding) -> dict[str, Any]:
    where = found.where
    return {
        "code": found.code,
        "severity": found.severity.value,
        "file": where.file,
        "sheet": where.sheet,
        "row": where.row,
        "column": where.column,
        "position": where.position,
        "text": {lang: text(f"finding.{found.code}", lang, **found.params) for lang in LANGUAGES},
    }


def report_of(folder: Path) -> dict[str, Any] | None:
    """The report in the folder of what an errand wrote; None: there is none.

    As :meth:`codebooks.importers.report.ImportReport.to_json`, but the ``text`` of each finding is
    by language, its place in parts, and errors stand first.
    """
    file = folder / _REPORT
    found: dict[str, Any] | None = json.loads(file.read_text("utf-8")) if file.is_file() else None
    return found


def install_checked(settings: Settings, database: Database, by: Principal, number: str) -> BookCard:
    """Install the book that an errand checked.

    The audit log has it before (``book_install_asked``) and after (``book_installed``). What it
    takes the place of is kept in ``replaced`` of the data folder.

    Args:
        settings: of the service.
        database: the store.
        by: who confirms it; needs not be who had it checked.
        number: id of the errand.

    Returns:
        The card of the scheme that is installed now.

    Raises:
        AccessError: ``NOT_ALLOWED``.
        ErrandError: ``ERRAND_UNKNOWN``.
        CodebookError: ``BOOK_NOT_CHECKED``, ``BOOK_CHECK_STALE``, ``IMPORT_EXISTS``,
            ``IMPORT_WRITE``; what was installed before stands as it was.
        StoreError: ``STORE_UNAVAILABLE``.
    """
    demand(by, Right.BOOKS)
    errands = Errands.at(settings)
    errand = errands.one(number, by)
    if errand.kind != KIND:
        raise ErrandError("ERRAND_UNKNOWN")
    answer = errand.answer
    if errand.state is not ErrandState.DONE or answer is None or answer["refused"]:
        raise CodebookError("BOOK_NOT_CHECKED")
    folder = errands.files(errand)
    wish = BookWish.from_json(errand.params["wish"])
    book = _checked_book(folder, answer, wish)
    about = {
        "region": book.card.region,
        "valid_from": book.card.valid_from.isoformat(),
        "content": answer["content"],
        "checked_by": errand.actor,
    }
    _log(database, by, "book_install_asked", book.card.id, about)
    kept = _keep_old(book.card.id)
    install(book, report_of(folder), replace=wish.replace)
    _log(database, by, "book_installed", book.card.id, {**about, "replaced": kept})
    try:
        _remember(folder, wish)
    except (GrouperError, OSError) as error:
        # The book is installed; that its columns are to be named again is no reason to deny that.
        _warnings.warning("columns_not_kept", scheme=book.card.id, fault=fault_of(error))
    return book.card


def installed_as(answer: Mapping[str, Any]) -> bool:
    """Whether what an errand checked is what is installed under its id now."""
    known = registry()
    scheme = answer["id"]
    if scheme not in known.installed:
        return False
    return bool(_content(known.folders[scheme]) == answer["content"])


def _content(folder: Path) -> object:
    try:
        return json_of((folder / "manifest.json").read_text("utf-8")).get("content_sha256")
    except (OSError, ValueError):
        return None


def _checked_book(folder: Path, answer: Mapping[str, Any], wish: BookWish) -> SchemeBook:
    """The book of the check, if it is whole and its id still free.

    Raises:
        CodebookError: ``BOOK_CHECK_STALE``, ``IMPORT_EXISTS``.
    """
    try:
        book = verify_book(folder / _BOOK)
    except CodebookError as cause:
        raise CodebookError("BOOK_CHECK_STALE") from cause
    if book.content_hash() != answer["content"]:
        raise CodebookError("BOOK_CHECK_STALE")
    check_free(book.card.id, replace=wish.replace)
    return book


def _log(
    database: Database, by: Principal, action: str, scheme: str, about: Mapping[str, Any]
) -> None:
    with database.writing_store() as connection:
        audit.append(connection, by.name, action, f"scheme:{scheme}", about)


def _keep_old(scheme: str) -> str | None:
    """Copy the installed book that is to be replaced; returns what the copy is called.

    Raises:
        CodebookError: ``IMPORT_WRITE``.
    """
    base = paths.installed()
    old = base / "schemes" / scheme
    if not old.is_dir():
        return None
    name = f"{scheme}-{now():%Y%m%dT%H%M%S%f}"
    place = base / "replaced" / "schemes"
    try:
        place.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=".", dir=place))
        shutil.copytree(old, beside / name)
        (beside / name).rename(place / name)
        beside.rmdir()
    except OSError as cause:
        reason = cause.strerror or type(cause).__name__
        raise CodebookError("IMPORT_WRITE", reason=reason) from cause
    return name


def _remember(folder: Path, wish: BookWish) -> None:
    """Keep the columns that were named, for the next table with the same header."""
    if wish.family != DIP or not wish.columns:
        return
    for path in (folder / _LAID).iterdir():
        remember_columns(path, wish.dip)
