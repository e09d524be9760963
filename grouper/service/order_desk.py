"""What order checks work with, made once for an app: the rule book ready, and what was told kept.

What was told is written after it was shown, many rows in one commit; that it was looked at is
logged before (:mod:`grouper.service.audit_queue`).
"""

from __future__ import annotations

import threading
import tomllib
from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache, partial
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import structlog

from codebooks.audit.books import audit_book
from codebooks.errors import GrouperError
from grouper.audit.context import Context
from grouper.audit.inputs import listed_ceilings
from grouper.audit.order.engine import Compiled, compiled
from grouper.audit.review.promotion import standing_of
from grouper.case.dates import LOCAL
from grouper.payment.place import NoPlaceError, Terms, level_of
from grouper.service.audit_queue import CommitQueue
from grouper.service.logs import fault_of
from grouper.service.order_items import AtHand, Items
from grouper.service.order_reading import Subject, subject_of_stay
from grouper.store import order_checks, rule_standings, whitelists
from grouper.store.order_lines import charged_at
from grouper.store.states import Standing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from codebooks.audit.books import AuditBook
    from grouper.service.settings import Settings
    from grouper.store.database import Database
    from grouper.store.database import Writing as Reading
    from grouper.store.order_checks import OrderCheckRow
    from grouper.store.reading import StayHead
    from grouper.store.whitelists import WhitelistRow


_log = structlog.get_logger("grouper.orders")


@cache
def order_data() -> dict[str, Any]:
    """The table ``data/orders.toml``; not to be changed."""
    return tomllib.loads((files("grouper.service") / "data" / "orders.toml").read_text("utf-8"))


@dataclass(frozen=True, slots=True)
class Ruling:
    """What holds besides the rules: the standing of each, and the exceptions.

    Attributes:
        book: the rule book.
        given: standings that rules were given here.
        exceptions: those that are approved and have not ended.
    """

    book: AuditBook
    given: Mapping[str, str]
    exceptions: Sequence[WhitelistRow]

    def standing(self, rule: str) -> str:
        """The standing of a rule: the hospital's own, and those on trial, begin in shadow."""
        known = self.book.rules.get(rule)
        if known is None:
            return self.given.get(rule, Standing.LIVE)
        return standing_of(known, self.given)


class OrderDesk:
    """The parts of order checks.

    Args:
        settings: of the service.
        database: inbox and store.
    """

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings, self._database = settings, database
        self._queue: CommitQueue[OrderCheckRow] = CommitQueue(partial(_write, database), "orders")
        self._lock = threading.Lock()
        self._stays: OrderedDict[tuple[int, int, str | None], Subject] = OrderedDict()
        self._ready: tuple[Compiled, AtHand | None] | None = None
        self.items = Items()
        self._levels = cache(self._level)

    def book(self) -> AuditBook:
        """The rule book in force, anew when a file of it changed.

        Raises:
            CodebookError: it cannot be read.
        """
        return audit_book(self._settings.audit.book)

    def ready(self, book: AuditBook, rules: frozenset[str] | None = None) -> Compiled:
        """A book, ready to answer for one case.

        Args:
            book: as :meth:`book` gives it.
            rules: to be asked; None: all.

        Raises:
            CodebookError: ``CATALOGUE_BROKEN``.
        """
        listed = self.items.at_hand()
        known = self._ready
        if known is None or known[0].book is not book or known[1] is not listed:
            known = self._ready = (compiled(book, context=self._context(listed)), listed)
        if rules is None:
            return known[0]
        return compiled(book, context=replace(known[0].context, rules=rules))

    def _context(self, listed: AtHand | None) -> Context:
        """What is known beside cases: the prices of the catalogues for this hospital's level."""
        if listed is None:
            return Context(own=True)
        hospital, day = self._settings.hospital, datetime.now(LOCAL).date()
        level = self._levels(hospital, self._settings.region, day) if hospital else None
        levels = set() if level is None else {level}
        ceilings = listed_ceilings(listed.catalogues, levels)
        return Context(own=True, catalogue=listed.catalogues, ceilings=ceilings)

    def levels(self, subject: Subject) -> Mapping[str, str]:
        """The level of the case's hospital, as far as a policy says."""
        case = subject.case
        region = case.region or self._settings.region
        if not case.hospital:
            return {}
        level = self._levels(case.hospital, region, datetime.now(LOCAL).date())
        return {} if level is None else {case.hospital: level}

    @staticmethod
    def _level(hospital: str, region: str, day: date) -> str | None:
        try:
            return level_of(Terms(region=region).policy(region, day), hospital)
        except NoPlaceError:
            return None

    def ruling(self, connection: Reading) -> Ruling:
        """What holds now.

        Raises:
            CodebookError: as :meth:`book`.
        """
        book = self.book()
        given = rule_standings.standings(connection, book.id)
        return Ruling(book, given, whitelists.holding(connection))

    def stay(self, connection: Reading, head: StayHead) -> Subject:
        """A stored stay as it stands; a version that was read lately is not read again."""
        key = (head.id, head.version, head.pseudonym)
        with self._lock:
            found = self._stays.get(key)
            if found is not None:
                self._stays.move_to_end(key)
        if found is None:
            charged = charged_at(connection, head)
            found = subject_of_stay(charged, head.id, head.version)
            with self._lock:
                self._stays[key] = found
                while len(self._stays) > order_data()["kept_stays"]:
                    self._stays.popitem(last=False)
        return found

    def keep(self, rows: Sequence[OrderCheckRow]) -> None:
        """Begin to keep what was told; a fault is logged and nobody waits for it."""
        for row in rows:
            self._queue.submit(row)

    def flush(self) -> None:
        """Wait until what was told is kept."""
        self._queue.flush()

    def start(self) -> None:
        """Begin to make the book ready, beside whatever else is done; a fault is logged."""
        threading.Thread(target=self._warm, name="rules", daemon=True).start()

    def _warm(self) -> None:
        try:
            self.warm()
        except GrouperError as error:
            # Whoever asks for a check is told it again; all else goes on.
            _log.error("rules", code=error.code)
        except Exception as error:  # noqa: BLE001 -- as above
            _log.error("rules", fault=fault_of(error))

    def warm(self) -> None:
        """Make the book ready, which costs one or two seconds.

        Raises:
            CodebookError: as :meth:`book`.
        """
        book = self.book()
        self.ready(book).warm("order", "stay")
        row_sources(book)
        tables = book.tables.values()
        columns = (one.column("item").to_pylist() for one in tables if "item" in one.column_names)
        self.items.warm(code for column in columns for code in column if code is not None)

    def close(self) -> None:
        """Keep what waits, and end."""
        self._queue.close()


_told: dict[int, tuple[AuditBook, Mapping[str, str]]] = {}
"""Of the last book that was asked for; the book stays with it, so that no other can get its id."""


def row_sources(book: AuditBook) -> Mapping[str, str]:
    """Of each row of a book whence it is, with what it says."""
    known = _told.get(id(book))
    if known is None:
        found = {}
        for table in book.tables.values():
            columns = (table.column(name).to_pylist() for name in ("row", "source", "note"))
            for row, source, note in zip(*columns, strict=True):
                found[row] = f"{source}: {note}" if note else source
        _told.clear()
        known = _told[id(book)] = (book, found)
    return known[1]


def _write(database: Database, rows: Sequence[OrderCheckRow]) -> None:
    with database.writing_store() as connection:
        order_checks.keep(connection, rows)
