"""A store with quarantined messages, failed results and an alert beside the seed of the pages."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import hl7_messages as hl7
from pages_served_support import Seeded, seed

from grouper.service import status
from grouper.service.settings import Settings
from grouper.service.worker import Worker
from grouper.store import alert_rows, outbox
from grouper.store.database import Database, connect
from grouper.store.inbox import Inbox
from grouper.store.outbox import Parcel
from grouper.store.schema import now
from grouper.store.states import Delivery
from hl7_adapters.hl7v2 import FORM, Hl7Form
from hl7_adapters.hl7v2.mapping import load_mapping

PERSON, NUMBER, VISIT = "钱密示", "PT88001", "VN66001"
MAPPING = '[visit]\nnumbers = [["PV1-5", "MRG-5"]]\n'
"""This hospital writes the number of the visit where the shipped mapping does not look."""


def elsewhere(number: int) -> bytes:
    """A message whose number of the visit stands in PV1-5."""
    cells = hl7.pv1(visit="").split("|")
    cells[5] = f"{VISIT}{number}"
    pid = f"PID|1||{NUMBER}^^^测试医院^PI||{PERSON}||19600101|M"
    codes = [hl7.dg1(1, "I21.001", f6="F")]
    return hl7.message("ADT^A01", pid, "|".join(cells), *codes, control_id=f"E{number}")


def settings_of(seeded: Seeded) -> Settings:
    return Settings(database=seeded.url, folder=seeded.folder / "service", region="demo")  # type: ignore[arg-type]


def stage(folder: Path) -> Seeded:
    """The seed, with three messages that wait, others by hour, a failed result and an alert."""
    seeded = seed(folder)
    seeded.names.append(PERSON)
    seeded.numbers.append(NUMBER)
    seeded.visits += [f"{VISIT}{number}" for number in range(4)]
    database = connect(seeded.url)
    try:
        inbox = Inbox(database)
        for number in range(40):
            raw = hl7.stay("ADT^A08", control_id=f"H{number}")
            inbox.put_many(
                [(FORM.envelope(raw), "mllp" if number % 3 else "folder:ward")],
                at=now() - timedelta(hours=20 - number // 2),
            )
        messages = [elsewhere(number) for number in range(3)]
        messages += [hl7.stay("ADT^A43", control_id="O"), b"no message at all"]
        inbox.put_many([(FORM.envelope(raw), "mllp") for raw in messages])
        work(seeded, database)
        _results(database)
        with database.writing_store() as connection:
            alert_rows.start(connection, "backlog", now(), {"waiting": 3})
        for name in ("worker", "listener", "web"):
            status.write(seeded.folder / "service", name, {})
    finally:
        database.close()
    return seeded


def _results(database: Database) -> None:
    rows = [
        Parcel(
            destination="his",
            stay_id=1,
            version=1,
            payload=payload,
            created=now(),
            state=state,
            answer=answer,
        )
        for payload, state, answer in (
            (b"MSH|", Delivery.FAILED, "AE"),
            (b"", Delivery.FAILED, "ENCODING_FAILED"),
            (b"MSH|", Delivery.WAITING, None),
            (b"MSH|", Delivery.SENT, "AA"),
        )
    ]
    with database.writing_store() as connection:
        outbox.add(connection, rows)


def work(seeded: Seeded, database: Database, mapping: Path | None = None) -> None:
    """Apply what waits, by the shipped mapping or by the hospital's own."""
    form = FORM if mapping is None else Hl7Form(load_mapping(mapping))
    worker = Worker(settings_of(seeded), database, {"hl7v2": form})
    while worker.step():
        pass
