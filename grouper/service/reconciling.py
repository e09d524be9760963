"""The bureau's statement of a month held against the cases of the store: an errand, and what it found."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from codebooks.errors import GrouperError
from codebooks.policies.policies import policies
from codebooks.registry import registry
from grouper.audit.insurer.columns import at_hand
from grouper.case.dates import LOCAL
from grouper.payment.settlement.bureau import read_bureau
from grouper.payment.settlement.causes import Cause, cause_totals, causes
from grouper.payment.settlement.errors import SettlementError
from grouper.payment.settlement.month import read_month
from grouper.payment.settlement.priced import Priced
from grouper.payment.settlement.reconcile import State, reconcile
from grouper.service.access.principal import AccessError, Right
from grouper.service.adjustment_book import UNKNOWN, AdjustmentBook, Scope
from grouper.service.audit_queue import Entry
from grouper.service.errands import Errands
from grouper.service.month import month_after, priced_month
from grouper.service.problems import ServiceError
from grouper.service.reconcile_matching import case_ids
from grouper.service.reconcile_results import (
    entry_table,
    read_entries,
    reconciliation_of,
    write_entries,
)
from grouper.service.stored import write_looks
from grouper.store.database import StoreError
from grouper.store.discharges import standing
from grouper.store.schema import now

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from grouper.payment.settlement.bureau import BureauFile
    from grouper.payment.settlement.reconcile import Reconciliation
    from grouper.service.access.principal import Principal
    from grouper.service.adjustment_book import Reading
    from grouper.service.errand_process import Work
    from grouper.service.errands import Errand
    from grouper.service.settings import Settings
    from grouper.store.database import Database
    from grouper.store.discharges import Standing

KIND = "reconcile"
ENDINGS = (".csv", ".txt", ".xlsx")
"""Of statements, the first of those that have another."""
_FILE, _ENTRIES = "statement", "entries.parquet"
_CALLED = 128
"""Characters of a file's name that are kept."""
_MONTH = timedelta(days=31)


def check(name: str, held: bytes) -> BureauFile:
    """Read a statement that somebody hands in, and keep nothing of it.

    Args:
        name: of the file.
        held: its bytes.

    Raises:
        GrouperError: ``BUREAU_…`` with file, row and column, or it cannot be read.
    """
    called = _called(name)
    with tempfile.TemporaryDirectory() as folder:
        # Under a name of our own: the person's may hold anything.
        path = Path(folder) / f"{_FILE}{_ending(called)}"
        path.write_bytes(held)
        return _read(path, called)


def start(
    settings: Settings,
    database: Database,
    scope: Scope,
    *,
    name: str,
    held: bytes,
    by: Principal,
    language: str,
) -> Errand:
    """Ask for a reconciliation, when the statement can be read.

    Args:
        settings: of the service.
        database: its audit log.
        scope: of which cases the statement is.
        name: of the file.
        held: its bytes.
        by: who asks.
        language: ``zh`` or ``en``.

    Raises:
        AccessError: ``NOT_ALLOWED``.
        GrouperError: as :func:`check`; of :meth:`Errands.ask`.
        ServiceError: ``AUDIT_UNAVAILABLE``.
    """
    _may(by)
    file = check(name, held)
    params = {
        "month": scope.month,
        "kind": scope.kind,
        "insurance": scope.insurance,
        "file": file.name,
        "sha256": file.sha256,
    }
    # A file may be called anything: the log knows it by its bytes.
    about = {name: value for name, value in params.items() if name != "file"}
    _log(database, by.name, "reconciliation_started", f"month:{scope.month}", about)
    given = {f"{_FILE}{_ending(file.name)}": held}
    return Errands.at(settings).ask(KIND, params, by=by, language=language, files=given)


def run(work: Work) -> Mapping[str, Any]:
    """Do it: the errand's function.

    Raises:
        AccessError: ``NOT_ALLOWED``: who asked does not see all departments.
        GrouperError: the statement, the store, a scheme or a policy cannot be used; ``RECONCILE_NO_CASE``.
    """
    if work.reach is not None:
        raise AccessError("NOT_ALLOWED", right=Right.ALL_DEPARTMENTS.value)
    scope = scope_of(work.settings, work.params)
    path = next(iter(sorted(work.files.iterdir())), work.files / _FILE)
    file = _read(path, str(work.params["file"]))
    begun = now()
    stays = _standing(work.database, scope.month).stays
    priced = _month(work, scope)
    names = priced.table["case_id"].to_pylist()
    book = AdjustmentBook.at(work.settings)
    with work.database.reading() as connection:
        known = case_ids(
            connection,
            {row.case_id for row in file.rows},
            hospital=work.settings.hospital,
            paths=at_hand().settlement_paths,
            compared=names,
        )
    named = [
        replace(row, case_id=known.get(row.case_id) or book.name_of(row.case_id))
        for row in file.rows
    ]
    found = reconcile(priced, replace(file, rows=tuple(named)))
    told = [
        Cause.OUTSIDE
        if one.state is State.MISSING_HERE and not one.case_id.startswith(UNKNOWN)
        else cause
        for one, cause in zip(found.entries, causes(found.entries), strict=True)
    ]
    departments = dict(zip(names, priced.table["department"].to_pylist(), strict=True))
    write_entries(work.out / _ENTRIES, entry_table(found, told, departments))
    return _answer(found, told, scope) | {"begun": begun.isoformat(), "stays": stays}


def _month(work: Work, scope: Scope) -> Priced:
    """The cases of the month that the statement is of, priced."""
    year, number = read_month(scope.month)
    last = (date(year, number, 1) + _MONTH).replace(day=1) - timedelta(days=1)
    table = priced_month(work.database, scope.month, region=scope.region, progress=work.told)
    if scope.kind is not None:
        table = table.filter(pc.equal(table["kind"], scope.kind))
    priced = Priced.of(table, policies().on(scope.region, last))
    if scope.insurance is not None:
        priced = priced.where(pc.equal(priced.table["insurance"], scope.insurance))
    if not len(priced):
        raise SettlementError("RECONCILE_NO_CASE", month=scope.month)
    return priced


def _answer(found: Reconciliation, told: list[Cause], scope: Scope) -> dict[str, Any]:
    return {
        "month": scope.month,
        "kind": scope.kind,
        "insurance": scope.insurance,
        "region": scope.region,
        "file": found.file.name,
        "sha256": found.file.sha256,
        "measure": found.measure,
        "columns": list(found.file.columns),
        "rows": len(found.file.rows),
        "cases": len(found.entries),
        "ours": f"{found.ours:f}",
        "theirs": f"{found.theirs:f}",
        "deduction": f"{found.deduction:f}",
        "deducted": sum(bool(one.deduction) for one in found.entries),
        "net": found.net,
        "totals": [
            {
                "state": one.state.value,
                "cases": one.cases,
                "ours": f"{one.ours:f}",
                "theirs": f"{one.theirs:f}",
                "deduction": f"{one.deduction:f}",
                "difference": f"{one.difference:f}",
            }
            for one in found.totals
        ],
        "causes": [
            {"cause": one.cause.value, "cases": one.cases, "difference": f"{one.difference:f}"}
            for one in cause_totals(found.entries, told)
        ],
        "stated": [
            {"column": name, "stated": f"{stated:f}", "summed": f"{summed:f}"}
            for name, stated, summed in found.stated
        ],
    }


@dataclass(frozen=True)
class Outcome:
    """What an errand found.

    Attributes:
        errand: its id.
        scope: of which cases.
        told: its answer.
        entries: table of :data:`grouper.service.reconcile_results.ENTRIES`.
    """

    errand: str
    scope: Scope
    told: Mapping[str, Any]
    entries: pa.Table

    @property
    def begun(self) -> datetime | None:
        """When our cases were read; None: it was not kept then."""
        told = self.told.get("begun")
        return None if told is None else datetime.fromisoformat(told)

    @cached_property
    def reconciliation(self) -> Reconciliation:
        """As the book of adjustments asks for it."""
        told = self.told
        return reconciliation_of(
            self.entries, file=told["file"], sha256=told["sha256"], measure=told["measure"]
        )


def outcome(settings: Settings, errand: Errand) -> Outcome:
    """What an errand found that is done.

    Raises:
        SettlementError: ``RECONCILIATION_GONE``.
    """
    entries = read_entries(Errands.at(settings).files(errand) / _ENTRIES)
    told = errand.answer or {}
    scope = Scope(
        region=told["region"],
        month=told["month"],
        kind=told["kind"],
        insurance=told["insurance"],
    )
    return Outcome(errand.id, scope, told, entries)


@dataclass(frozen=True, slots=True)
class Since:
    """What has changed since a reconciliation began; None: it did not keep when that was.

    Attributes:
        changed: stays of the year up to the month's end that were changed or came.
        fewer: by how many there are fewer or more of them.
    """

    changed: int | None
    fewer: int | None

    @property
    def any(self) -> bool:
        """Whether one made now may differ."""
        return self.changed != 0 or self.fewer != 0


def since(database: Database, found: Outcome) -> Since:
    """What has changed since a reconciliation began.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``.
    """
    begun = found.begun
    if begun is None:
        return Since(None, None)
    stands = _standing(database, found.scope.month, begun)
    return Since(stands.changed, abs(stands.stays - int(found.told["stays"])))


def _standing(database: Database, month: str, at: datetime | None = None) -> Standing:
    """The stays of the year up to the end of a month: what a patient paid before counts in it.

    Those of the month after come in day by day, and are left out.
    """
    year, number = read_month(month)
    first = datetime(year, 1, 1, tzinfo=LOCAL)
    until = month_after(datetime(year, number, 1, tzinfo=LOCAL))
    with database.reading() as connection:
        return standing(connection, first, until, at)


def take_in(
    settings: Settings, database: Database, found: Outcome, by: Principal
) -> Reading | None:
    """Take the entries that make our month equal to a statement into the book; None: it has them.

    Raises:
        AccessError: ``NOT_ALLOWED``.
        SettlementError: ``BOOK_UNUSABLE``, ``BOOK_SCOPE``; ``RECONCILIATION_OLD``: our cases
            changed since.
        StoreError: ``STORE_UNAVAILABLE``.
        ServiceError: ``AUDIT_UNAVAILABLE``, ``ADJUSTMENTS_BUSY``, ``ADJUSTMENTS_UNWRITABLE``.
    """
    _may(by)
    if since(database, found).any:
        raise SettlementError("RECONCILIATION_OLD")

    def log(reading: Reading) -> None:
        about = {
            "month": reading.scope.month,
            "entries": reading.entries,
            "amount": f"{reading.amount:f}",
            "sha256": reading.sha256,
        }
        _log(database, by.name, "adjustments_entered", f"reconciliation:{found.errand}", about)

    return AdjustmentBook.at(settings).append(
        found.scope,
        found.reconciliation,
        actor=by.name,
        errand=found.errand,
        at=now(),
        log=log,
    )


def scope_of(settings: Settings, params: Mapping[str, Any]) -> Scope:
    """Which cases are meant, of the service's region.

    Args:
        settings: of the service.
        params: ``month``, ``kind`` and ``insurance``.
    """
    return Scope(
        region=registry().region(settings.region).id,
        month=str(params["month"]),
        kind=params.get("kind") or None,
        insurance=params.get("insurance") or None,
    )


def _may(by: Principal) -> None:
    for right in (Right.REVIEW, Right.ALL_DEPARTMENTS):
        if not by.may(right):
            raise AccessError("NOT_ALLOWED", right=right.value)


def _log(database: Database, actor: str, action: str, about: str, said: Mapping[str, Any]) -> None:
    try:
        write_looks(database, [Entry(actor, action, about, dict(said))])
    except StoreError as error:
        raise ServiceError("AUDIT_UNAVAILABLE") from error


def _called(name: str) -> str:
    return (PurePath(name.replace("\\", "/")).name or _FILE)[-_CALLED:]


def _ending(name: str) -> str:
    ending = PurePath(name).suffix.lower()
    return ending if ending in ENDINGS else ENDINGS[0]


def _read(path: Path, called: str) -> BureauFile:
    """A statement, which errors call by the name that the person knows."""
    try:
        return replace(read_bureau(path), name=called)
    except GrouperError as error:
        error.where = replace(error.where, file=called)
        raise
