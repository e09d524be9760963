"""How many messages the store applies in a second, on SQLite.

Run: ``python benchmarks/store.py [MESSAGES]``. Made-up admissions, updates and charges of stays in
chunks of 200, as the service's worker applies them: each chunk is one transaction with full sync.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from report import told

from grouper.intake.event import Coded, Event, Line
from grouper.store.database import connect
from grouper.store.migrate import upgrade
from grouper.store.schema import now
from grouper.store.stays import Applier

if TYPE_CHECKING:
    from collections.abc import Iterator

CHUNK = 200
SEED = 20260301


def admissions(count: int) -> Iterator[Event]:
    """ADT-like: a third admissions, then updates with codes, then discharges."""
    random = Random(SEED)  # noqa: S311 -- made-up messages
    for number in range(count):
        stay = number % max(count // 3, 1)
        facts = {
            "kind": "inpatient",
            "sex": str(1 + stay % 2),
            "birth_date": f"19{40 + stay % 60}0{1 + stay % 9}12",
            "admission_time": f"202603{1 + stay % 28:02}093000",
            "admission_department": f"03{stay % 20:02}",
            "insurance_type": "310",
        }
        step = number // max(count // 3, 1)
        if step:
            facts["department"] = facts["admission_department"]
        if step > 1:
            facts["discharge_time"] = f"202604{1 + stay % 28:02}103000"
        codes = [f"{c}{random.randrange(10, 99)}.{random.randrange(9)}00" for c in "IJKE"]
        yield Event(
            patient=f"T{stay:08}",
            visit=f"V{stay:08}",
            person={"name": f"测试{stay}", "birth_date": facts["birth_date"]},
            facts=facts,
            dx=tuple(Coded(code=c, rank=int(i > 0)) for i, c in enumerate(codes)) if step else None,
        )


def charges(count: int) -> Iterator[Event]:
    """DFT-like: one charge line a message, a hundred to a stay."""
    random = Random(SEED)  # noqa: S311 -- made-up messages
    for number in range(count):
        about = {
            "line_item": f"A{random.randrange(10_000):05}",
            "line_name": "检查",
            "line_class": "03",
            "line_quantity": "1",
            "line_amount": f"{random.randrange(1, 90_000) / 100:.2f}",
            "line_time": f"202603{1 + number % 28:02}100000",
        }
        yield Event(
            patient=f"T{number // 100:08}",
            visit=f"V{number // 100:08}",
            lines=(Line(key=str(number), about=about),),
        )


def measure(events: list[Event], url: str, first: int) -> float:
    """Seconds to apply the events, first id given."""
    database = connect(url)
    upgrade(database)
    begin = time.perf_counter()
    for start in range(0, len(events), CHUNK):
        chunk = events[start : start + CHUNK]
        with database.writing_store() as connection:
            applier = Applier(connection, "H0001")
            applier.foresee((e.visit for e in chunk), (e.patient for e in chunk))
            for place, event in enumerate(chunk):
                number = first + start + place
                applier.apply((event,), number, number, now())
            applier.flush()
    seconds = time.perf_counter() - begin
    database.close()
    return seconds


def main() -> None:
    """Measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 30_000
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'grouper.sqlite'}"
        first = 1
        for name, make in (("admissions and updates", admissions), ("charges", charges)):
            events = list(make(count))
            seconds = measure(events, url, first)
            first += count
            told(f"store.{make.__name__}", count / seconds, "messages/s")
            print(f"{name}: {count} messages in {seconds:.1f} s, {count / seconds:,.0f} messages/s")
        size = sum(file.stat().st_size for file in Path(folder).iterdir())
        told("store.size_of_a_message", size / 2 / count, "bytes")
        print(f"database: {size / 2 / count:,.0f} bytes a message")


if __name__ == "__main__":
    main()
