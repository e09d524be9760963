"""The page of a case, and the cases that stand behind it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pages_office_support import Office, office

LINES = {
    str(number): {
        "line_item": f"A{number}",
        "line_name": "血*常规|一",
        "line_class": "04" if number % 2 else "9",
        "line_amount": "1.50",
        "line_time": "2026-02-21 09:00",
    }
    for number in range(60)
}


PAID = {
    "region": "demo",
    "insurance_type": "310",
    "visit_type": "21",
    "own_cost": "0.00",
    "over_limit_cost": "0.00",
    "first_share_cost": "0.00",
}


class Held:
    """Pages, and the cases that stand behind them."""

    def __init__(self, found: Office) -> None:
        self.office = found
        running = found.running
        self.case = running.stay(lines=LINES, facts=PAID, dx=["I21.001", "I50.900"])
        running.stay(facts=PAID | {"total_cost": "78000.00"}, dx=["I21.001", "I50.900", "J18.900"])
        self.running = running.stay(
            "V2", "P2", facts=PAID | {"discharge_time": None}, dx=["I21.001"]
        )
        self.other = running.stay("V3", "P3", facts={"department": "骨科"})
        self.apart = running.stay("V5", "P5", facts={"department": "骨科"})
        self.merged = running.stay("V4", "P3")
        running.send(patient="P3", visit="V3", prior="V4")

    def tab(self, tab: str, case: str = "", **params: str) -> Any:
        return self.office.page("case", case_id=case or self.case, tab=tab, **params)


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Held]:
    with office(
        tmp_path_factory.mktemp("case"), compare=["chs-drg-3.0"], hospital="H00000000001"
    ) as found:
        yield Held(found)
