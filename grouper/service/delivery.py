"""Results on their way back: written beside the grouping, sent by a thread of their own.

A destination gets its results in the order in which they were made. One that cannot be reached is
tried again without end, after longer and longer pauses; what it refuses stays in the outbox as
failed and can be sent again. A result may come twice (a stop between the answer and its note), then
with the same control id.
"""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import structlog

from codebooks.errors import GrouperError
from grouper.intake.porches import ENCODERS, SENDERS, porch
from grouper.intake.result import CaseResult, Grouped
from grouper.service.pricing import needs_lines
from grouper.store import outbox
from grouper.store.database import StoreError
from grouper.store.outbox import Parcel
from grouper.store.schema import now
from grouper.store.states import Delivery as DeliveryState
from grouper.store.states import StayState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from grouper.case.record import Case
    from grouper.intake.porches import Encoder, Sender
    from grouper.service.pricing import StayPricer
    from grouper.service.settings import Destination, Settings
    from grouper.service.stay_grouping import ToGroup
    from grouper.store.database import Database
    from grouper.store.groupings import GroupingRow
    from grouper.store.heads import Stay
    from grouper.store.outbox import Due

POLL = 0.2
"""Seconds between two looks into the outbox."""
_AT_ONCE = 50
_GRACE = 5.0
ENCODING_FAILED = "ENCODING_FAILED"
"""What stands as the answer of a result that could not be written; it is never sent."""
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=1), outbox.LONGEST_PAUSE
_log = structlog.get_logger("grouper.delivery")


class Parcels:
    """Writes results for the destinations of the settings.

    Args:
        destinations: by name.
        pricer: prices what is sent.

    Raises:
        GrouperError: ``PORCH_UNKNOWN`` or ``SETTING_INVALID``.
    """

    def __init__(self, destinations: Mapping[str, Destination], pricer: StayPricer) -> None:
        self._destinations = destinations
        self._pricer = pricer
        self._encoders: dict[str, Encoder] = {
            name: porch(ENCODERS, one.encoder)(one.encoding) for name, one in destinations.items()
        }

    @property
    def wanted(self) -> bool:
        """Whether there is any destination."""
        return bool(self._destinations)

    def of(
        self,
        stays: Sequence[Stay],
        cases: Sequence[ToGroup],
        rows: Sequence[GroupingRow],
        patients: Mapping[int, str],
    ) -> Iterator[Parcel]:
        """The results of stays that were grouped.

        Args:
            stays: in their order.
            cases: what of each was grouped.
            rows: the groupings of all; those that bind count.
            patients: the hospital's numbers, by id of the person.
        """
        binding = {row.stay_id: row for row in rows if row.binding}
        for stay, one in zip(stays, cases, strict=True):
            row = binding[stay.id]
            result = CaseResult(
                case=one.case,
                hospital=stay.hospital,
                patient="" if stay.person_id is None else patients[stay.person_id],
                visit=stay.visit,
                version=stay.version,
                at=row.at,
                grouped=_grouped(row) if row.scheme else None,
                reason=None if row.scheme else row.reason,
                priced=self._pricer.of(_billed(one), row),
            )
            for name, destination in self._destinations.items():
                if destination.when == "all" or stay.state == StayState.DISCHARGED:
                    yield self._parcel(name, result, stay.id)

    def _parcel(self, name: str, result: CaseResult, stay: int) -> Parcel:
        payload, state, answer = b"", DeliveryState.WAITING, None
        try:
            payload = self._encoders[name].encode(result, f"G{stay}V{result.version}")
        except Exception as error:  # noqa: BLE001 -- a result that cannot be written must not hold up the intake
            _log.error("encoding", destination=name, stay=stay, error=type(error).__name__)
            state, answer = DeliveryState.FAILED, ENCODING_FAILED
        return Parcel(
            destination=name,
            stay_id=stay,
            version=result.version,
            payload=payload,
            created=result.at,
            state=state,
            answer=answer,
        )


def _billed(one: ToGroup) -> Case:
    """The case with its charge lines, where the price cannot do without them."""
    return one.billed() if one.billed is not None and needs_lines(one.case) else one.case


def _grouped(row: GroupingRow) -> Grouped:
    return Grouped(
        scheme=row.scheme,
        content_hash=row.content_hash,
        status=row.status,
        reason=row.reason,
        warnings=tuple(row.warnings.split(";")) if row.warnings else (),
        mdc=row.mdc,
        adrg=row.adrg,
        group=row.group,
        group_name=row.group_name,
        cc_level=row.cc_level,
        group_kind=row.group_kind,
        weight=None if row.weight is None else Decimal(row.weight),
    )


class Delivery:
    """Sends what the outbox holds, each destination by itself.

    Args:
        settings: of the service.
        database: with its tables.
        senders: by name of the destination; None: as the settings say.
        clock: the time, aware.

    Raises:
        GrouperError: ``PORCH_UNKNOWN`` or ``SETTING_INVALID``.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        senders: Mapping[str, Sender] | None = None,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self._database = database
        self._clock = clock
        self._senders: Mapping[str, Sender] = (
            {
                name: porch(SENDERS, one.sender)(one.options)
                for name, one in settings.destinations.items()
            }
            if senders is None
            else senders
        )
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()

    def start(self) -> None:
        """Send in a thread of its own; without destinations there is none."""
        if self._senders:
            self._thread = threading.Thread(
                target=lambda: asyncio.run(self.run(self._stop)), name="delivery", daemon=True
            )
            self._thread.start()

    def stop(self) -> None:
        """End after the result that is being sent."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    async def run(self, stop: threading.Event) -> None:
        """Send until a signal comes."""
        tasks = [asyncio.create_task(self._serve(name, stop)) for name in self._senders]
        await asyncio.to_thread(stop.wait)
        _, late = await asyncio.wait(tasks, timeout=_GRACE)
        for task in late:
            # What is being sent stays in the outbox, and goes out again after the next start.
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, name: str, stop: threading.Event) -> None:
        said = None
        try:
            while not stop.is_set():
                try:
                    done = await self.send(name, stop)
                    said = None
                except StoreError as error:
                    # Looked at again many times a second: a database that is away is told once.
                    if error.code != said:
                        said = error.code
                        _log.warning("waiting", destination=name, code=said)
                    done = 0
                if not done:
                    await asyncio.sleep(POLL)
        finally:
            await self._senders[name].close()

    async def send(self, name: str, stop: threading.Event | None = None) -> int:
        """Send what is due at one destination; returns how many results were settled.

        Raises:
            StoreError: ``STORE_UNAVAILABLE``.
        """
        settled = 0
        for one in await asyncio.to_thread(self._due, name):
            if stop is not None and stop.is_set():
                break
            if not await self._one(name, one):
                break
            settled += 1
        return settled

    def _due(self, name: str) -> list[Due]:
        with self._database.reading() as connection:
            return outbox.due(connection, name, self._clock(), _AT_ONCE)

    async def _one(self, name: str, one: Due) -> bool:
        """Send one; False: the destination is away, and all that is for it waits."""
        try:
            answer = await self._senders[name].send(one.payload)
        except GrouperError as error:
            said = error.params
            if error.code == "DELIVERY_REFUSED":
                _log.warning("refused", destination=name, result=one.id)
                answer = str(said.get("answer", error.code))
                await asyncio.to_thread(self._mark, outbox.failed, one.id, answer)
                return True
            await self._away(name, one, error.code, str(said.get("why", error.code)))
            return False
        except Exception as error:  # noqa: BLE001 -- a fault of a sender must not end the delivery
            await self._away(name, one, type(error).__name__, "PROCESSING_FAILED")
            return False
        await asyncio.to_thread(self._mark, outbox.sent, one.id, answer)
        return True

    async def _away(self, name: str, one: Due, code: str, why: str) -> None:
        pause = min(_FIRST_PAUSE * 2 ** min(one.attempts, 16), _LONGEST_PAUSE)
        _log.warning("away", destination=name, code=code, seconds=pause.total_seconds())
        until = self._clock() + pause
        await asyncio.to_thread(self._mark, outbox.put_off, one.id, why, until)

    def _mark(self, how: Callable[..., None], *values: Any) -> None:  # noqa: ANN401 -- of that function
        with self._database.writing_store() as connection:
            how(connection, *values)
