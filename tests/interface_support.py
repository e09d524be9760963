"""Messages in quarantine and results that failed, for the pages that show them; all invented."""

from __future__ import annotations

from datetime import datetime

import hl7_messages as hl7
from service_support import Service

from grouper.service.worker import Worker
from grouper.store import outbox
from grouper.store.inbox import Inbox
from grouper.store.outbox import Parcel
from grouper.store.schema import now
from grouper.store.states import Delivery
from hl7_adapters.hl7v2 import FORM

SECRETS = ("测试患者", "测试^患者", hl7.PATIENT, hl7.VISIT, "000000000000000000", "19610203")
"""What tells who the made-up patient is."""


def without_visit(number: int = 1) -> bytes:
    """A message of the made-up patient whose visit number is missing."""
    return hl7.stay("ADT^A01", hl7.pv1(visit=""), control_id=f"N{number}")


def put(
    running: Service, *messages: bytes, channel: str = "mllp", at: datetime | None = None
) -> None:
    """Store messages as a listener does; nothing is applied."""
    Inbox(running.database).put_many([(FORM.envelope(one), channel) for one in messages], at=at)


def work(running: Service) -> None:
    """Apply what waits, by the real forms."""
    worker = Worker(running.settings, running.database)
    while worker.step():
        pass


def failed_result(
    running: Service, stay_id: int = 1, *, answer: str = "AE", payload: bytes = b"MSH|"
) -> None:
    """A result that its destination did not want."""
    with running.database.writing_store() as connection:
        outbox.add(
            connection,
            [
                Parcel(
                    destination="his",
                    stay_id=stay_id,
                    version=1,
                    payload=payload,
                    created=now(),
                    state=Delivery.FAILED,
                    answer=answer,
                )
            ],
        )
