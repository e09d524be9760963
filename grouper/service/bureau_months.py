"""The bureau's published months as the service keeps them: one table, replaced by an upload.

An upload is read strictly and held against what is kept before it takes its place: which rows come,
change or go. Who replaced it, and how many rows that changed, is in the audit log.
"""

from __future__ import annotations

import hashlib
import shutil
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from uuid import uuid4

from codebooks.errors import GrouperError
from grouper.forecast.outlook.published import read_published
from grouper.service.access.principal import Right, demand
from grouper.store import audit
from grouper.store.database import StoreError

if TYPE_CHECKING:
    from grouper.forecast.outlook.published import Month, Pool, Published
    from grouper.service.access.principal import Principal
    from grouper.service.settings import Settings
    from grouper.store.database import Database

FILE = "published.csv"
"""In the folder of the service; ``docs/OUTLOOK.md`` lists its columns."""
RIGHT = Right.ALL_DEPARTMENTS
"""Who may replace it: who sees what it is about, the whole hospital's money."""


Stamp = tuple[int, int]
"""When a file was written, and its size."""


class What(StrEnum):
    """What an upload does to a month."""

    NEW = "new"
    CHANGED = "changed"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Change:
    """A month of a method and insurance that an upload changes."""

    what: What
    month: int
    pool: Pool
    before: Month | None
    after: Month | None


@dataclass(frozen=True, slots=True)
class Checked:
    """An upload that can be read.

    Attributes:
        published: its months.
        changes: what it changes of those kept, in the order of months.
        same: months that stay as they are.
        stamp: of the kept file that it was held against, as :func:`stamp_of`.
    """

    published: Published
    changes: tuple[Change, ...]
    same: int
    stamp: Stamp | None


def path_of(settings: Settings) -> Path:
    """Where the months are kept."""
    return settings.folder / FILE


def stamp_of(settings: Settings) -> Stamp | None:
    """Changes with the kept file; None: there is none."""
    with suppress(OSError):
        found = path_of(settings).stat()
        return found.st_mtime_ns, found.st_size
    return None


def kept(settings: Settings, by: Principal) -> Published | None:
    """The months that are kept; None: there are none.

    Raises:
        AccessError: ``NOT_ALLOWED``.
        CodebookError, ForecastError: as :func:`at_hand`.
    """
    demand(by, RIGHT)
    return at_hand(settings)


def at_hand(settings: Settings) -> Published | None:
    """The months that are kept, for the service's own work; None: there are none.

    Raises:
        CodebookError: the file is no such table.
        ForecastError: a row cannot be read; with row and column.
    """
    path = path_of(settings)
    return read_published(path) if path.is_file() else None


def check(settings: Settings, held: bytes, by: Principal) -> Checked:
    """Read an upload and hold it against what is kept.

    Args:
        settings: of the service.
        held: the bytes of the file.
        by: who asks.

    Raises:
        AccessError: ``NOT_ALLOWED``.
        CodebookError: the upload is no such table.
        ForecastError: a row of it cannot be read; with row and column.
    """
    demand(by, RIGHT)
    with TemporaryDirectory() as folder:
        # Under a name of our own: that of the person's file may hold anything.
        path = Path(folder) / FILE
        path.write_bytes(held)
        published = read_published(path)
    before: Published | None = None
    stamp = stamp_of(settings)
    with suppress(GrouperError):
        # What is kept and cannot be read is replaced whole.
        before = at_hand(settings)
    return _compared(before, published, stamp)


def keep(
    settings: Settings, database: Database, held: bytes, by: Principal, compared: Stamp | None
) -> Checked:
    """Put an upload in the place of what is kept.

    Args:
        settings: of the service.
        database: with the audit log.
        held: the bytes of the file.
        by: who does it.
        compared: the stamp of the kept file that the person saw the upload held against.

    Raises:
        AccessError: ``NOT_ALLOWED``.
        CodebookError, ForecastError: as :func:`check`; nothing is replaced then.
        StoreError: ``STORE_UNAVAILABLE``; likewise.
        GrouperError: ``BUREAU_MONTHS_CHANGED``: what is kept is not what was compared;
            ``BUREAU_MONTHS_WRITE``; likewise.
    """
    demand(by, RIGHT)
    found = check(settings, held, by)
    about = {
        "sha256": hashlib.sha256(held).hexdigest(),
        "months": len(found.published.months),
        **{what.value: sum(one.what is what for one in found.changes) for what in What},
    }
    path = path_of(settings)
    beside = path.with_name(f".{FILE}-{uuid4().hex}")
    old = path.with_name(f"{beside.name}-old")
    replaced = False
    # The entry and the file stand together: what cannot be written leaves no entry, and what cannot
    # be entered is not written.
    try:
        with database.writing_store() as connection:
            if stamp_of(settings) != compared:
                raise GrouperError("BUREAU_MONTHS_CHANGED")
            audit.append(connection, by.name, "bureau_months_kept", f"file:{FILE}", about)
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                beside.write_bytes(held)
                if path.is_file():
                    shutil.copy2(path, old)
                beside.replace(path)
            except OSError as cause:
                reason = cause.strerror or type(cause).__name__
                raise GrouperError("BUREAU_MONTHS_WRITE", reason=reason) from cause
            replaced = True
    except StoreError:
        if replaced:
            _put_back(path, old)
        raise
    finally:
        for left in (beside, old):
            with suppress(OSError):
                left.unlink(missing_ok=True)
    return found


def _put_back(path: Path, old: Path) -> None:
    """Let a file stand as it stood; that there was none too."""
    if old.is_file():
        old.replace(path)
    else:
        path.unlink(missing_ok=True)


def _compared(before: Published | None, after: Published, stamp: Stamp | None) -> Checked:
    old = {} if before is None else {(one.month, one.pool): one for one in before.months}
    new = {(one.month, one.pool): one for one in after.months}
    changes = []
    for key in sorted(old.keys() | new.keys()):
        was, now = old.get(key), new.get(key)
        if was == now:
            continue
        what = What.NEW if was is None else What.GONE if now is None else What.CHANGED
        changes.append(Change(what, *key, was, now))
    same = sum(old.get(key) == one for key, one in new.items())
    return Checked(after, tuple(changes), same, stamp)
