"""The worker: applies what stands in the inbox, groups the stays that changed, once and in order.

A chunk of messages, its effects, its outcomes and the position are one transaction of the store.
Wherever the process is killed, a message was applied wholly or not at all, and never twice.
"""

from __future__ import annotations

import time
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from grouper.case.dates import LOCAL
from grouper.intake.forms import forms as all_forms
from grouper.service import applying
from grouper.service.alerts import Watch
from grouper.service.delivery import Delivery, Parcels
from grouper.service.pricing import StayPricer
from grouper.service.retention_clock import MESSAGES_FILE, believed
from grouper.service.stay_grouping import StayGrouper, ToGroup
from grouper.service.surroundings import Steadiness
from grouper.store import groupings, outbox, outcomes, retention
from grouper.store.database import StoreError
from grouper.store.inbox import Inbox
from grouper.store.schema import now
from grouper.store.states import UNSETTLED, State, StayState
from grouper.store.stays import Applier

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from threading import Event as Signal

    from grouper.intake.forms import Form
    from grouper.service.applying import Reading
    from grouper.service.settings import Settings
    from grouper.store.database import Database, Writing
    from grouper.store.heads import Stay
    from grouper.store.inbox import Stored
    from grouper.store.outcomes import Outcome

CHUNK, CHUNK_BYTES = 256, 8 * 1024 * 1024
"""Most messages and bytes of one transaction; a message that is larger is one by itself."""
POLL = 0.03
"""Seconds between two looks into an empty inbox."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0
_PRUNE_EVERY = 3600.0
_log = structlog.get_logger("grouper.worker")


class Worker:
    """Applies and groups the messages of a database; one at a time is enough.

    Args:
        settings: of the service.
        database: with its tables.
        forms: forms of messages by name; None: all that are installed.
        clock: the time, aware; by it outcomes are dated and running stays are bound.
        chunk: most messages of one transaction.
        chunk_bytes: most bytes of raw messages of one transaction.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        forms: Mapping[str, Form] | None = None,
        clock: Callable[[], datetime] = now,
        *,
        chunk: int = CHUNK,
        chunk_bytes: int = CHUNK_BYTES,
    ) -> None:
        self._settings = settings
        self._database = database
        self._inbox = Inbox(database)
        self._forms = all_forms() if forms is None else forms
        self._clock = clock
        self._chunk, self._chunk_bytes = chunk, chunk_bytes
        self._grouper = StayGrouper(region=settings.region, compare=settings.compare)
        self._parcels = Parcels(settings.destinations, StayPricer(settings.region))
        self._position: int | None = None
        self._counts: Counter[str] = Counter()
        self._busy_since: float | None = None
        self._steadiness = Steadiness()

    def step(self) -> int:
        """Apply one chunk; returns how many messages it had.

        Raises:
            StoreError: ``STORE_UNAVAILABLE``: nothing of the chunk is written, step again.
        """
        position = self._where()
        stored = self._inbox.after(position, count=self._chunk, size=self._chunk_bytes)
        if not stored:
            return 0
        self._busy_since = time.monotonic()
        try:
            self._work(stored)
        finally:
            self._busy_since = None
        self._counts["chunks"] += 1
        self._counts["messages"] += len(stored)
        return len(stored)

    def run(self, stop: Signal) -> None:
        """Work until a signal comes; a database that is away is waited for.

        Raises:
            StoreError: ``INBOX_BEHIND``: the store knows of messages that the inbox has not.
        """
        watch = Watch(self._settings, self._database, self.metrics, self._clock, self._steadiness)
        delivery = Delivery(self._settings, self._database, clock=self._clock)
        self._grouper.warm(self._clock().astimezone(LOCAL).date())
        watch.start()
        delivery.start()
        try:
            self._loop(stop)
        finally:
            delivery.stop()
            watch.stop()

    def _loop(self, stop: Signal) -> None:
        pause, checked, pruned = _FIRST_PAUSE, False, -_PRUNE_EVERY
        while not stop.is_set():
            try:
                if not checked:
                    self._check()
                    checked = True
                done = self.step()
                if not done and time.monotonic() - pruned >= _PRUNE_EVERY:
                    pruned = time.monotonic()
                    # Nothing goes for its age while the clock cannot be believed.
                    if self._steadiness.steady and self._believed():
                        self.prune()
            except StoreError as error:
                if error.code == "INBOX_BEHIND":
                    raise
                _log.warning("waiting", code=error.code, seconds=pause)
                self._counts["waits"] += 1
                self._position = None
                stop.wait(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
                continue
            pause = _FIRST_PAUSE
            if not done:
                stop.wait(POLL)

    def _believed(self) -> bool:
        # Steadiness begins anew with each process; this mark outlives it.
        return believed(self._settings.folder, self._clock(), MESSAGES_FILE)

    def prune(self) -> retention.Pruned:
        """Let go of the raw bytes that need not be kept any longer.

        Raises:
            StoreError: ``STORE_UNAVAILABLE``.
        """
        before = self._clock() - timedelta(days=self._settings.intake.retain_days)
        done = retention.prune(self._database, before)
        if done.messages:
            _log.info("pruned", messages=done.messages, bytes=done.size)
        self._counts["pruned"] += done.messages
        return done

    def metrics(self) -> Mapping[str, float]:
        """Counts since the start, how far the inbox was read, and how long the chunk takes."""
        found = {f"worker_{name}": float(count) for name, count in self._counts.items()}
        since = self._busy_since
        found["worker_busy_seconds"] = 0.0 if since is None else time.monotonic() - since
        found["worker_position"] = float(self._position or 0)
        return found

    def _where(self) -> int:
        if self._position is None:
            with self._database.reading() as connection:
                self._position = outcomes.position_of(connection)
        return self._position

    def _check(self) -> None:
        position, last = self._where(), self._inbox.last()
        if last < position:
            raise StoreError("INBOX_BEHIND", position=position, last=last)

    def _work(self, stored: Sequence[Stored]) -> None:
        try:
            self._apply([applying.read(one, self._forms) for one in stored])
        except StoreError:
            self._position = None
            raise
        except Exception as error:  # noqa: BLE001 -- found out below, message by message
            self._position = None
            _log.warning("chunk", error=type(error).__name__, messages=len(stored))
            for one in stored:
                self._alone(one)

    def _alone(self, stored: Stored) -> None:
        """Apply one message in a transaction of its own; whatever it raises stays with it."""
        try:
            self._apply([applying.read(stored, self._forms)])
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 -- it must not stop those behind it
            self._position = None
            _log.error("applying", message=stored.id, error=type(error).__name__)
            reading = applying.Reading(stored)
            reading.stop(State.QUARANTINED, "PROCESSING_FAILED")
            self._apply([reading])

    def _apply(self, readings: Sequence[Reading]) -> None:
        at = self._clock()
        first, last = readings[0].stored.id, readings[-1].stored.id
        with self._database.writing_store() as connection:
            position = outcomes.position_of(connection)
            if position >= first:
                # Another worker was here: what it did is not done again.
                self._position = position
                return
            self._pass_over_settled(connection, readings)
            applier = Applier(connection, self._settings.hospital)
            applier.foresee(
                {number for one in readings for number in one.numbers[0]} - {""},
                {number for one in readings for number in one.numbers[1]} - {""},
            )
            found = [applying.apply(applier, one, self._forms, at) for one in readings]
            applier.flush()
            outcomes.write(connection, found)
            self._settle_originals(connection, readings, found)
            grouped = self._group(connection, applier, at)
            outcomes.move(connection, last)
        self._position = last
        self._counts["groupings"] += grouped
        self._counts.update(one.state.value for one in found)

    def _pass_over_settled(self, connection: Writing, readings: Sequence[Reading]) -> None:
        """A replay of a message that was settled meanwhile changes nothing."""
        replays = [one for one in readings if one.stored.replay_of is not None]
        originals = outcomes.read(connection, [one.stored.stamp for one in replays])
        settled = {n for n, outcome in originals.items() if outcome.state not in UNSETTLED}
        for one in replays:
            if one.stored.stamp in settled:
                one.stop(State.IGNORED, "ALREADY_SETTLED")

    def _settle_originals(
        self, connection: Writing, readings: Sequence[Reading], found: Sequence[Outcome]
    ) -> None:
        for one, outcome in zip(readings, found, strict=True):
            if one.stored.replay_of is not None and outcome.reason != "ALREADY_SETTLED":
                outcomes.after_replay(connection, one.stored.replay_of, outcome)

    def _group(self, connection: Writing, applier: Applier, at: datetime) -> int:
        touched = applier.touched
        stays = [stay for stay in touched if stay.state != StayState.CANCELLED]
        off = [stay.id for stay in touched if stay.state == StayState.CANCELLED]
        groupings.withdraw(connection, off)
        whole = self._parcels.wanted
        wanted = [_to_group(stay, applier, whole=whole) for stay in stays]
        rows = self._grouper.group(wanted, at)
        groupings.write(connection, rows)
        if self._parcels.wanted:
            patients = outbox.patients_of(connection, {stay.person_id for stay in stays})
            outbox.add(connection, self._parcels.of(stays, wanted, rows, patients))
        return len(rows)


def _to_group(stay: Stay, applier: Applier, *, whole: bool) -> ToGroup:
    """What of a stay is grouped; ``whole``: the case is sent on with its charge lines as well."""
    rejects = (issue["reason"] for issue in stay.issues if issue["severity"] == "reject")
    return ToGroup(
        stay_id=stay.id,
        version=stay.version,
        case=applier.case(stay, lines=whole),
        rejected=next(rejects, ""),
        billed=None if whole else lambda: applier.case(stay),
    )
