"""How long a physician waits for an order check: REST, CDS Hooks and NHSA 3101, from another process.

Usage: python benchmarks/orders.py [REQUESTS] [STAYS] [LINES]   (default 1,000 requests, 400 stays, 300 lines)

The web process is started as ``grouper serve`` starts it, on SQLite (WAL, FULL), over running stays of
LINES charges each from the codes of the rule book; five orders are asked about at a time. Every check
is logged in the audit log before it is answered, and what was told is kept after. *First* asks about
a stay for the first time, *again* about one that was read lately. Each is set against the grouping of
one case with its trace, measured in the same run: waiting times of different runs are not comparable
where a machine is shared; the processor time of the web process for each request is.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import report
from service import Client, Plain, fill, free_port, group, process, wait

from codebooks.audit.books import audit_book
from grouper.intake.event import Event, Line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REQUESTS, STAYS, LINES, ORDERS = 1000, 400, 300, 5
GROUPING = "REST group with trace"
HOOK = "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"
SYSTEM = "urn:yibao-grouper:fhir/CodeSystem/nhsa-item"
BEGUN = datetime(2026, 10, 1, 8)  # noqa: DTZ001 -- local, as messages write it


def items() -> list[str]:
    """Codes that the rows of the book speak of, and as many that none does."""
    book = audit_book()
    known = {
        code
        for table in book.tables.values()
        if "item" in table.column_names
        for code in table.column("item").to_pylist()
        if code is not None and len(code) == 15
    }
    return sorted(known) + [f"0099{n:011d}" for n in range(len(known))]


CODES = items()


def charge(chosen: random.Random) -> dict[str, str]:
    """One charge of a stay."""
    at = BEGUN + timedelta(minutes=chosen.randrange(12 * 24 * 60))
    return {
        "line_item": chosen.choice(CODES),
        "line_quantity": "1",
        "line_amount": f"{chosen.randint(5, 900)}.00",
        "line_time": at.isoformat(sep=" "),
        "line_class": "04",
        "line_scope": chosen.choice("AB"),
        "line_department": "A03",
        "line_physician": "D7",
    }


class Charged(Plain):
    """Messages that bring charges."""

    def events(self, raw: bytes) -> list[Event]:
        """As a form does."""
        found = json.loads(raw)
        lines = tuple(Line(key=name, about=about) for name, about in found["lines"].items())
        (event,) = super().events(raw)
        return [
            Event(
                patient=event.patient,
                visit=event.visit,
                facts=event.facts,
                dx=event.dx,
                person=event.person,
                lines=lines,
                lines_whole=True,
            )
        ]


def messages(stays: int, lines: int) -> Iterator[bytes]:
    """Running stays with their charges."""
    chosen = random.Random(7)  # noqa: S311 -- no secret
    for number in range(stays):
        told = {
            "patient": f"P{number}",
            "visit": f"V{number}",
            "facts": {"sex": "1", "age": "66", "admission_time": "2026-10-01 07:00:00"},
            "dx": ["I21.001", "E11.900"],
            "px": [],
            "lines": {f"L{n}": charge(chosen) for n in range(lines)},
        }
        yield json.dumps(told).encode()


def orders(number: int) -> list[dict[str, Any]]:
    """What is to be ordered."""
    chosen = random.Random(number)  # noqa: S311 -- no secret
    return [charge(chosen) for _ in range(ORDERS)]


def rest(stay: int, number: int) -> tuple[str, object]:
    """A check over REST."""
    lines = [
        {"id": f"o{n}", "item": one["line_item"], "quantity": 1, "time": one["line_time"]}
        | {"amount": one["line_amount"], "scope": one["line_scope"]}
        for n, one in enumerate(orders(number))
    ]
    return "/api/v1/orders/check", {"visit": f"V{stay}", "patient": f"P{stay}", "lines": lines}


def hook(stay: int, number: int) -> tuple[str, object]:
    """A check by CDS Hooks."""
    drafts = [
        {
            "resourceType": "ServiceRequest",
            "id": f"o{n}",
            "status": "draft",
            "code": {"coding": [{"system": SYSTEM, "code": one["line_item"]}]},
            "authoredOn": one["line_time"],
        }
        for n, one in enumerate(orders(number))
    ]
    bundle = {"resourceType": "Bundle", "entry": [{"resource": one} for one in drafts]}
    context = {"userId": "Practitioner/1", "patientId": f"P{stay}", "encounterId": f"V{stay}"}
    body = {
        "hook": "order-sign",
        "hookInstance": HOOK,
        "context": context | {"draftOrders": bundle},
    }
    return "/cds-services/grouper-order-audit", body


def nhsa(stay: int, number: int) -> tuple[str, object]:
    """A check by 3101 that brings no earlier charges."""
    lines = [
        {
            "rx_id": f"o{n}",
            "hilist_code": one["line_item"],
            "hilist_lv": one["line_scope"],
            "cnt": 1,
            "sumamt": one["line_amount"],
            "drord_begn_date": one["line_time"],
            "curr_drord_flag": 1,
        }
        for n, one in enumerate(orders(number))
    ]
    visit = {
        "mdtrt_id": f"V{stay}",
        "adm_date": "2026-10-01 07:00:00",
        "med_type": "21",
        "dscg_main_dise_codg": "I21.001",
        "fsi_order_dtos": lines,
    }
    person = {"patn_id": f"P{stay}", "gend": "1", "brdy": "1960-01-01", "curr_mdtrt_id": f"V{stay}"}
    data = {"trig_scen": "5", "patient_dtos": [person | {"fsi_encounter_dtos": [visit]}]}
    return "/api/v1/nhsa/3101", {"infno": "3101", "input": {"data": data}}


class Timer:
    """Asks the web process, and counts how long that takes and how much it works."""

    def __init__(self, client: Client, pid: int) -> None:
        self._client, self._pid = client, pid
        self._base = (1.0, 1.0)

    def _worked(self) -> float:
        """Milliseconds of processor time of the web process so far."""
        fields = Path(f"/proc/{self._pid}/stat").read_text("ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")

    def measure(
        self, name: str, asked: Callable[[int], tuple[str, object]], requests: int, first: int = 0
    ) -> None:
        """Ask, and print how long it took and against the grouping of a case."""
        for number in range(first):
            self._client.call("POST", *asked(number))
        begun = self._worked()
        numbers = range(first, first + requests)
        times = [self._client.call("POST", *asked(number))[0] * 1000 for number in numbers]
        work = (self._worked() - begun) / requests
        cuts = statistics.quantiles(times, n=100)
        if name == GROUPING:
            self._base = (cuts[49], work)
        figure = name.lower().replace(",", "").replace(" ", "_")
        report.told(f"orders.{figure}_p50", cuts[49], "ms")
        report.told(f"orders.{figure}_processor", work, "ms")
        waited, worked = cuts[49] / self._base[0], work / self._base[1]
        print(
            f"{name:24} p50 {cuts[49]:6.2f} ms ({waited:5.2f} x)  p99 {cuts[98]:6.2f} ms  "
            f"processor {work:5.2f} ms ({worked:5.2f} x)"
        )


def main() -> None:
    """Fill, start, measure."""
    words = [int(one) for one in sys.argv[1:]]
    requests, stays, lines = (words + [REQUESTS, STAYS, LINES][len(words) :])[:3]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        key = fill(folder, stays, Charged(), messages(stays, lines))
        port = free_port()
        with process("web", folder, port) as running:
            wait(port, running)
            client = Client(port, key)
            begun = time.perf_counter()
            client.call("POST", *rest(0, 0))
            print(f"first question after the start: {time.perf_counter() - begun:.2f} s")
            timer = Timer(client, running.pid)
            timer.measure(GROUPING, group, requests, 50)
            for word, one in (("REST", rest), ("CDS Hooks", hook), ("NHSA 3101", nhsa)):
                once = min(requests, stays)
                timer.measure(f"{word}, first", lambda n, one=one: one(n % stays, n), once)
                timer.measure(f"{word}, again", lambda n, one=one: one(n % 20, n), requests, 20)
            client.__exit__()


if __name__ == "__main__":
    main()
