"""Stays with charges and a rule book of a few rows, for the tests of order checks."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from service_support import Service, service

from codebooks import paths
from grouper.store import order_checks, rule_standings, whitelists
from grouper.store.order_checks import OrderCheckRow
from grouper.store.rule_standings import StandingRow
from grouper.store.schema import now
from grouper.store.whitelists import WhitelistRow

CYCLED, CYCLE_RULE = "002503020020000", "N2025-31"
"""An item that may be charged once in seven days."""
WOMEN, SEX_RULE = "XG01AFA222D003010101770", "GZ10000301004000"
"""A drug for women alone."""
SECOND = "XL01ELA387E001010184513"
"""A drug whose every use is to verify."""
BOOK = "national-2025"
CHARGED = {
    "line_item": CYCLED,
    "line_quantity": "1",
    "line_amount": "20.00",
    "line_time": "2026-02-21 09:00:00",
    "line_scope": "A",
}
RUNNING = {"discharge_time": None, "insurance_type": "310"}


@contextmanager
def ordering(folder: Path, url: str = "") -> Iterator[Service]:
    """A service whose stays can be asked about."""
    with service(folder, url) as found:
        yield found


def stay(on: Service, visit: str = "V1", patient: str = "P1", **changes: Any) -> str:
    """A running stay of a man with one charge."""
    facts = RUNNING | changes.pop("facts", {})
    lines = changes.pop("lines", {"L1": CHARGED})
    return on.stay(visit, patient, facts=facts, lines=lines, **changes)


def check(on: Service, *lines: dict[str, Any], role: str = "interface", **body: Any) -> Any:
    """Ask for orders to be checked."""
    lang = body.pop("lang", "zh")
    answer = on.ask(
        role,
        "POST",
        "/api/v1/orders/check",
        json={"lines": list(lines), **body},
        headers={"Accept-Language": lang},
    )
    return answer.json() if answer.status_code == 200 else answer


def order(item: str | None, **more: Any) -> dict[str, Any]:
    """A line of a request, on the day of the stay's charge."""
    return {"item": item, "quantity": 1, "amount": "12.00", "time": "2026-02-22 10:00:00"} | more


def kept(on: Service, key: str) -> list[OrderCheckRow]:
    """What was told under a key, once it is on disk."""
    on.app.state.services.orders.flush()
    with on.database.reading() as connection:
        return order_checks.of_key(connection, key)


def every(on: Service) -> list[OrderCheckRow]:
    """All that is kept of order checks."""
    on.app.state.services.orders.flush()
    with on.database.reading() as connection:
        counted = order_checks.counts(connection)
        return [] if not counted else _rows(connection)


def _rows(connection: Any) -> list[OrderCheckRow]:
    from sqlalchemy import select  # noqa: PLC0415 -- only here

    from grouper.store.review_schema import order_check  # noqa: PLC0415 -- as above

    keys = connection.execute(select(order_check.c.key).distinct()).scalars().all()
    return [row for key in keys for row in order_checks.of_key(connection, key)]


def put_standing(on: Service, rule: str, standing: str) -> None:
    """Give a rule a standing."""
    row = StandingRow(
        book=BOOK, rule=rule, standing=standing, at=now(), actor="office1", reason="示例"
    )
    with on.database.writing_store() as connection:
        rule_standings.set_standing(connection, row)


def put_exception(on: Service, rule: str, scope: dict[str, str], day: date) -> int:
    """An exception that another account has approved, around a day."""
    row = WhitelistRow(
        rule=rule,
        row=None,
        scope=scope,
        reason="示例",
        valid_from=day - timedelta(days=5),
        valid_to=day + timedelta(days=5),
        created=now(),
        created_by="office1",
    )
    with on.database.writing_store() as connection:
        number = whitelists.add(connection, row)
        whitelists.approve(connection, number, "office2", now())
    return number


def own_rows(table: str, rows: list[dict[str, str]]) -> None:
    """Put rows of the hospital's own above the shipped book."""
    folder = paths.installed() / "audit" / BOOK / "rows"
    folder.mkdir(parents=True)
    with (folder / f"{table}.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
