"""The book of adjustments as the service keeps it: entries by region, month and which cases they are of.

A reading of a statement adds one file of entries; nothing that stands in the book changes. Whoever
adds holds the month's lock, and looks at what stands then, so that two at once add the same only
once. The file takes its name when it is whole.
"""

from __future__ import annotations

import fcntl
import hmac
import json
import os
import secrets
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from codebooks.errors import Where
from codebooks.plain import ARROW_FAULTS, json_of
from grouper.payment.settlement.adjust import BOOK_SCHEMA, adjustments
from grouper.payment.settlement.errors import SettlementError
from grouper.payment.settlement.exactly import total
from grouper.payment.settlement.month import read_month
from grouper.service.access.principal import Right, demand
from grouper.service.problems import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from grouper.payment.settlement.reconcile import Reconciliation
    from grouper.service.access.principal import Principal
    from grouper.service.settings import Settings

FOLDER = "adjustments"
RIGHTS = (Right.REVIEW, Right.ALL_DEPARTMENTS)
"""Who may read in it: as who may reconcile."""
UNKNOWN = "unknown:"
"""How the name of a case begins that is not ours: the rest tells the same number again, and no number."""
ALL = "all"
_ABOUT = b"reading"
_LOCK, _SALT = ".lock", ".salt"
_SALT_BYTES, _NAME = 32, 24
_PAUSE, _LONGEST = 0.05, 10.0
"""Seconds between two tries for the lock, and after which one gives up."""
_NUMBER, _SUFFIX = "[0-9]" * 4, ".parquet"
"""How files of entries are called: by their numbers, so that those not whole yet are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which cases a statement is of.

    Attributes:
        region: whose month.
        month: such as ``2026-11``.
        kind: of cases; None: all.
        insurance: ``employee`` or ``resident``; None: all.
    """

    region: str
    month: str
    kind: str | None = None
    insurance: str | None = None

    @property
    def name(self) -> str:
        """Of the folder of its entries."""
        return f"{quote(self.kind or ALL, safe='')}-{quote(self.insurance or ALL, safe='')}"

    def overlaps(self, other: Scope) -> bool:
        """Whether a case may be of both."""
        pairs = ((self.kind, other.kind), (self.insurance, other.insurance))
        same = (self.region, self.month) == (other.region, other.month)
        return same and all(None in pair or pair[0] == pair[1] for pair in pairs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A statement whose entries were taken into the book.

    Attributes:
        scope: of which cases.
        at: when, with its zone.
        actor: account.
        file, sha256: the statement.
        errand: the reconciliation that it was taken from.
        entries: how many.
        amount: their sum, in yuan.
    """

    scope: Scope
    at: datetime
    actor: str
    file: str
    sha256: str
    errand: str
    entries: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class AdjustmentBook:
    """The book of a service; ``folder`` need not be there yet."""

    folder: Path
    longest: float = field(default=_LONGEST)

    @classmethod
    def at(cls, settings: Settings) -> AdjustmentBook:
        """The book of the service of these settings."""
        return cls(settings.folder / FOLDER)

    @classmethod
    def read_by(cls, settings: Settings, by: Principal) -> AdjustmentBook:
        """The same, for who wants to read in it.

        Raises:
            AccessError: ``NOT_ALLOWED``.
        """
        demand(by, *RIGHTS)
        return cls.at(settings)

    def entries(self, scope: Scope) -> pa.Table:
        """What stands in the book for some cases of a month; a table of ``BOOK_SCHEMA``.

        Raises:
            SettlementError: ``BOOK_UNUSABLE``, ``SETTLE_PERIOD``.
        """
        tables = [_read(path) for path in self._files(scope)]
        return pa.concat_tables([BOOK_SCHEMA.empty_table(), *tables])

    def readings(self, region: str, month: str) -> list[Reading]:
        """What was taken in for a month, the newest first.

        Raises:
            SettlementError: ``BOOK_UNUSABLE``, ``SETTLE_PERIOD``.
        """
        folder = self._month(region, month)
        found = {path: _reading(path) for path in folder.glob(f"*/{_NUMBER}{_SUFFIX}")}
        order = sorted(found, key=lambda path: (found[path].at, path.parent.name, path.stem))
        return [found[path] for path in reversed(order)]

    def lacking(self, scope: Scope, found: Reconciliation, at: datetime) -> pa.Table:
        """The entries that the book lacks to be equal to a statement.

        Raises:
            SettlementError: ``BOOK_UNUSABLE``; ``BOOK_SCOPE``: the month's entries are of other
                cases, of which some are the same.
        """
        self._fits(scope)
        return adjustments(
            found, self.entries(scope), region=scope.region, month=scope.month, made=at
        )

    def append(
        self,
        scope: Scope,
        found: Reconciliation,
        *,
        actor: str,
        errand: str,
        at: datetime,
        log: Callable[[Reading], None],
    ) -> Reading | None:
        """Add the entries that the book lacks; None: it lacks none.

        Args:
            scope: of which cases.
            found: the statement beside our month.
            actor: account.
            errand: id of the reconciliation.
            at: when; with a zone.
            log: writes the reading into the audit log, just before the entries stand; where it
                cannot, they do not.

        Raises:
            SettlementError: as :meth:`lacking`.
            ServiceError: ``ADJUSTMENTS_BUSY``, ``ADJUSTMENTS_UNWRITABLE``.
        """
        with self._writing(scope):
            added = self.lacking(scope, found, at)
            if not added.num_rows:
                return None
            reading = Reading(
                scope=scope,
                at=at,
                actor=actor,
                file=found.file.name,
                sha256=found.file.sha256,
                errand=errand,
                entries=added.num_rows,
                amount=total(added["amount"].to_pylist()),
            )
            folder = self._month(scope.region, scope.month) / scope.name
            folder.mkdir(mode=0o700, exist_ok=True)
            last = max((int(one.stem) for one in self._files(scope)), default=0)
            path = folder / f"{last + 1:04}{_SUFFIX}"
            _write(path, added, reading, log)
            return reading

    def name_of(self, number: str) -> str:
        """What a number of a statement is called that is of no case of ours: always the same.

        Raises:
            ServiceError: ``ADJUSTMENTS_UNWRITABLE``.
        """
        told = hmac.new(self._salt(), number.encode("utf-8", "surrogatepass"), "sha256")
        return f"{UNKNOWN}{told.hexdigest()[:_NAME]}"

    def _fits(self, scope: Scope) -> None:
        others = self.readings(scope.region, scope.month)
        if any(one.scope != scope and one.scope.overlaps(scope) for one in others):
            raise SettlementError("BOOK_SCOPE", month=scope.month)

    def _month(self, region: str, month: str) -> Path:
        year, number = read_month(month)
        return self.folder / quote(region, safe="") / f"{year:04}-{number:02}"

    def _files(self, scope: Scope) -> list[Path]:
        folder = self._month(scope.region, scope.month) / scope.name
        return sorted(folder.glob(f"{_NUMBER}{_SUFFIX}"))

    def _salt(self) -> bytes:
        path = self.folder / _SALT
        with _unwritable():
            if not path.is_file():
                self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                beside = self.folder / f"{_SALT}.{uuid4().hex}"
                beside.touch(mode=0o600)
                beside.write_bytes(secrets.token_bytes(_SALT_BYTES))
                with suppress(FileExistsError):
                    # A link is never made over one that another process made meanwhile.
                    os.link(beside, path)
                beside.unlink()
            return path.read_bytes()

    @contextmanager
    def _writing(self, scope: Scope) -> Iterator[None]:
        """Hold a month against other writers; the system lets go when its holder dies."""
        folder = self._month(scope.region, scope.month)
        until = time.monotonic() + self.longest
        with _unwritable():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with (folder / _LOCK).open("ab") as file:
                while True:
                    try:
                        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
                    except BlockingIOError as cause:
                        if time.monotonic() >= until:
                            raise ServiceError("ADJUSTMENTS_BUSY") from cause
                        time.sleep(_PAUSE)
                    else:
                        break
                yield


@contextmanager
def _unwritable() -> Iterator[None]:
    try:
        yield
    except OSError as cause:
        raise ServiceError(
            "ADJUSTMENTS_UNWRITABLE", cause=cause.strerror or type(cause).__name__
        ) from cause


def _write(path: Path, added: pa.Table, reading: Reading, log: Callable[[Reading], None]) -> None:
    """Let a file of entries appear whole."""
    told = asdict(reading) | {"at": reading.at.isoformat(), "amount": f"{reading.amount:f}"}
    held = added.replace_schema_metadata({_ABOUT: json.dumps(told, ensure_ascii=False)})
    part = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        pq.write_table(held, part)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        log(reading)
        part.rename(path)
        _settle(path.parent)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _settle(folder: Path) -> None:
    """Let the name of a file outlive the machine."""
    held = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(held)
    finally:
        os.close(held)


def _read(path: Path) -> pa.Table:
    try:
        found = pq.read_table(path)
    except ARROW_FAULTS as cause:
        raise SettlementError("BOOK_UNUSABLE", Where(file=path.name), column="-") from cause
    if not found.schema.equals(BOOK_SCHEMA):
        raise SettlementError("BOOK_UNUSABLE", Where(file=path.name), column="-")
    return found.replace_schema_metadata(None)


def _reading(path: Path) -> Reading:
    try:
        held: dict[bytes, bytes] = pq.read_schema(path).metadata or {}
        told: dict[str, Any] = json_of(held[_ABOUT])
        return Reading(
            **told
            | {
                "scope": Scope(**told["scope"]),
                "at": datetime.fromisoformat(told["at"]),
                "amount": Decimal(told["amount"]),
            }
        )
    except (
        pa.ArrowException,
        OSError,
        LookupError,
        TypeError,
        ValueError,
        ArithmeticError,
    ) as cause:
        raise SettlementError("BOOK_UNUSABLE", Where(file=path.name), column="-") from cause
