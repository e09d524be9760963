"""A month of invented stays, and what an invented bureau says of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
from pages_office_support import Office, office
from service_support import PEOPLE

from grouper.service.adjustment_book import Scope
from grouper.service.errand_process import run_one
from grouper.service.errands import Errand, Errands
from grouper.service.month import priced_month
from grouper.service.reconciling import Outcome, outcome, scope_of, start
from grouper.store.reading import Wanted, stays

MONTH = "2026-03"
OFFICE = PEOPLE["office"]
VISITS = tuple(f"V{number}" for number in range(1, 8))
BEFORE = "V20"
"""A stay of the month before."""
FACTS: dict[str, Any] = {
    "region": "demo",
    "hospital": "H00000000001",
    "insurance_type": "310",
    "visit_type": "21",
    "age": "40",
    "total_cost": "2200.00",
    "scope_cost": "2000.00",
    "own_cost": "100.00",
    "over_limit_cost": "0.00",
    "first_share_cost": "100.00",
    "discharge_way": "1",
}


def _message(visit: str, patient: str, day: str, **facts: str) -> dict[str, Any]:
    times = {"admission_time": f"{day} 08:00", "discharge_time": f"{day[:8]}28 10:00"}
    told = FACTS | times | facts
    return {"visit": visit, "patient": patient, "facts": told, "dx": ["A03.900"], "px": []}


@contextmanager
def month(folder: Path, when: str = MONTH, many: int = 0) -> Iterator[Office]:
    """A service with the stays of :data:`VISITS`, of which the last one is a resident's, and more.

    Args:
        folder: where it lies.
        when: the month of their discharge.
        many: further stays, ``W1`` and so on.
    """
    with office(folder, region="demo", hospital=FACTS["hospital"]) as made:
        messages = [_message(one, f"P{one}", f"{when}-{at + 10}") for at, one in enumerate(VISITS)]
        messages[-1]["facts"]["insurance_type"] = "390"
        first = date.fromisoformat(f"{when}-01") - timedelta(days=1)
        messages.append(_message(BEFORE, "PV1", f"{first:%Y-%m}-05"))
        more = [_message(f"W{at}", f"PW{at}", f"{when}-05") for at in range(1, many + 1)]
        made.stays([*messages, *more])
        yield made


class Month:
    """The month as we reckon it.

    Args:
        made: with its stays.
        when: the month of their discharge.
    """

    def __init__(self, made: Office, when: str = MONTH) -> None:
        self.office, self.when = made, when
        self.settings, self.database = made.running.settings, made.running.database
        with self.database.reading() as connection:
            heads, _ = stays(connection, Wanted(), None, 500)
        self.cases = {one.visit: one.case_id for one in heads}
        table = priced_month(self.database, when, region="demo")
        rows = table.select(["case_id", "group", "points", "amount", "fund"]).to_pylist()
        self.ours: dict[str, dict[str, Any]] = {one["case_id"]: one for one in rows}

    def row(self, visit: str) -> dict[str, Any]:
        """What we reckon of a stay."""
        return self.ours[self.cases[visit]]

    def statement(self, lines: Sequence[Sequence[object]], *heads: str) -> bytes:
        """A file with these columns and rows."""
        rows = [",".join(heads), *(",".join(map(str, one)) for one in lines)]
        return ("\n".join(rows) + "\n").encode()

    def same(self, *visits: str) -> list[list[object]]:
        """Rows of ``HEADS`` that say what we say."""
        found = []
        for visit in visits:
            row = self.row(visit)
            found.append([visit, row["group"], row["points"], row["amount"], row["fund"], "", ""])
        return found

    def scope(self, kind: str | None = None, insurance: str | None = None) -> Scope:
        """Some cases of the month."""
        return scope_of(self.settings, {"month": self.when, "kind": kind, "insurance": insurance})

    def asked(self, held: bytes, scope: Scope | None = None, name: str = "三月.csv") -> Errand:
        """An errand that waits."""
        return start(
            self.settings,
            self.database,
            scope or self.scope(),
            name=name,
            held=held,
            by=OFFICE,
            language="zh",
        )

    def done(self, held: bytes, scope: Scope | None = None, name: str = "三月.csv") -> Errand:
        """An errand that is done."""
        errand = self.asked(held, scope, name)
        ended = run_one(Errands.at(self.settings), errand.id, self.settings, self.database)
        assert ended is not None
        return ended

    def found(self, held: bytes, scope: Scope | None = None, name: str = "三月.csv") -> Outcome:
        """What an errand finds."""
        return outcome(self.settings, self.done(held, scope, name))


HEADS = ("就诊ID", "病组编码", "分值", "支付标准", "基金支付", "扣款金额", "扣款原因")


def differing(of: Month) -> bytes:
    """A statement with a case of most reasons; its last row is of nobody who is here."""
    rows = of.same(*VISITS[:6])
    rows[1][1] = "ZZZ"
    rows[2][4] = Decimal(str(rows[2][4])) - 30
    rows[2][5:] = ["30.00", "超限定用药"]
    rows[3][4] = Decimal(str(rows[3][4])) - 7
    rows[4][2] = Decimal(str(rows[4][2])) + 1
    del rows[5]
    rows.append([BEFORE, "", "", "", "11.00", "", ""])
    rows.append(["X-7788", "", "", "", "400.00", "", ""])
    return of.statement(rows, *HEADS)


def by_case(table: pa.Table) -> dict[str | None, dict[str, Any]]:
    """Entries by case id."""
    return {one["case_id"]: one for one in table.to_pylist()}
