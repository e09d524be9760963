"""Months settled from a small store: stays of one patient a visit, and errands done at once."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from unittest.mock import patch

import pyarrow as pa
from review_support import keep, row
from service_support import PEOPLE, JsonForm, Service
from settlement_support import random_rows, table
from sqlalchemy import update

from grouper.service import settling
from grouper.service.access.principal import Principal
from grouper.service.errand_process import run_one
from grouper.service.errands import Errand, Errands
from grouper.service.worker import Worker
from grouper.store.reading import stay_by_case
from grouper.store.review_schema import finding
from grouper.store.schema import now

OFFICE: Principal = PEOPLE["office"]
FACTS: dict[str, Any] = {
    "region": "demo",
    "hospital": "H00000000001",
    "insurance_type": "310",
    "sex": "1",
    "age": "40",
    "visit_type": "21",
    "department": "内科",
    "admission_time": "2026-03-02 08:00",
    "total_cost": "2200.00",
    "scope_cost": "2000.00",
    "own_cost": "100.00",
    "over_limit_cost": "0.00",
    "first_share_cost": "100.00",
    "discharge_way": "1",
}
MONTH, BEFORE = "2026-03", "2026-02-20 10:00"
ENDS = {"V1": BEFORE, "V2": "2026-03-08 10:00", "V3": "2026-03-31 23:59", "V4": "2026-04-01 00:00"}
"""A stay of the month before, two of the month, one of the month after."""


def stays(running: Service, ends: dict[str, str] | None = None, **facts: str) -> dict[str, str]:
    """Stays that were discharged then, each of a patient of its own; their case ids by visit."""
    asked = ENDS if ends is None else ends
    for visit, end in asked.items():
        begun = {"admission_time": "2026-02-10 08:00"} if end == BEFORE else {}
        known = {**FACTS, **begun, "discharge_time": end, **facts}
        message = {"patient": f"P{visit}", "visit": visit, "facts": known, "dx": ["A03.900"]}
        body = {"id": f"m-{visit}-{running.sent}", "px": [], **message}
        running.ask("office", "POST", "/api/v1/inbox/fhir", json=body)
    running.sent += 1
    worker = Worker(running.settings, running.database, {"fhir": JsonForm()})
    while worker.step():
        pass
    found = {}
    for visit in asked:
        told = running.ask("office", "GET", "/api/v1/cases", params={"text": visit}).json()
        found[visit] = str(told["cases"][0]["case_id"])
    return found


def done(
    running: Service, kind: str, params: dict[str, Any], files: dict[str, bytes] | None = None
) -> Errand:
    """Ask for an errand and do it at once."""
    errands = Errands.at(running.settings)
    asked = errands.ask(kind, params, by=OFFICE, language="zh", files=files)
    found = run_one(errands, asked.id, running.settings, running.database)
    assert found is not None
    return found


def settled(
    running: Service, month: str = MONTH, files: dict[str, bytes] | None = None, **params: Any
) -> Errand:
    """Settle a month at once."""
    return done(running, settling.KIND, {"month": month, **params}, files)


def many(count: int = 120, seed: int = 3) -> pa.Table:
    """Invented priced cases of November and December 2026, with every gap there may be."""
    rows = random_rows(random.Random(seed), count)  # noqa: S311 -- invented cases
    for number, one in enumerate(rows):
        one |= {"case_id": f"C{number:04}", "policy": "demo@2026-01-01#test"}
        one["group"] = one["group"] or "A01"
    return table(*rows)


@contextmanager
def priced(found: pa.Table) -> Iterator[None]:
    """The store has these cases, whatever is asked of it."""
    with patch.object(settling, "priced_month", lambda *_, **__: found):
        yield


def deducted(running: Service, case_id: str | None, amount: str, number: int) -> None:
    """A finding that was closed in the month with a deduction."""
    stay_id = None
    if case_id is not None:
        with running.database.reading() as connection:
            head = stay_by_case(connection, case_id)
        assert head is not None
        stay_id = head.id
    keep(running.database, [row(f"{number:024x}", stay_id=stay_id)], at=now())
    values = {
        "closed": datetime(2026, 3, 20, tzinfo=UTC),
        "state": "deducted",
        "deduction": Decimal(amount),
    }
    with running.database.writing_store() as connection:
        which = finding.c.key == f"{number:024x}"
        connection.execute(update(finding).where(which).values(values))
