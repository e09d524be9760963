"""A stand-in for the forecaster, and the service with it: each answer follows from the case."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
from service_support import Service

from codebooks.errors import GrouperError
from grouper.case.dates import LOCAL
from grouper.case.record import Case
from grouper.forecast.result import FORECAST_SCHEMA
from grouper.payment.place import Terms
from grouper.service.forecasting import Model

SCHEME = "dip-pingdingshan-2025"
"""Binds the demonstration region."""
FACTS: dict[str, Any] = {
    "region": "demo",
    "hospital": "H00000000001",
    "insurance_type": "310",
    "sex": "1",
    "age": "40",
    "department": "心内科",
    "visit_type": "21",
    "discharge_way": "1",
    "admission_time": "2026-03-02 08:00",
    "discharge_time": None,
}
"""A running stay of the demonstration region: nobody's."""


class StandIn:
    """Foretells twice what was charged, of group ``I21.9`` with 0.6 and ``J18.9`` with 0.3.

    A case without a day of admission is refused; of the age 97 everything fails; of the age 98 a
    book is missing.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[list[str | None], datetime, Terms, bool]] = []

    def forecast(
        self, cases: Sequence[Case], at: datetime, terms: Terms, *, drivers: bool = False
    ) -> pa.Table:
        self.asked.append(([case.case_id for case in cases], at, terms, drivers))
        return pa.Table.from_pylist(
            [self._row(case, at, drivers=drivers) for case in cases], FORECAST_SCHEMA
        )

    def _row(self, case: Case, at: datetime, *, drivers: bool) -> dict[str, Any]:
        if case.age == 97:
            raise RuntimeError("secret of a case")
        if case.age == 98:
            raise GrouperError("SCHEME_UNCOVERED")
        row: dict[str, Any] = {"case_id": case.case_id, "as_of": at, "department": case.department}
        if case.admission_time is None:
            return row | {"status": "refused", "reason": "FORECAST_NO_ADMISSION"}
        day = (at.astimezone(LOCAL).date() - case.admission_time.astimezone(LOCAL).date()).days
        cost = 2 * (case.total_cost or Decimal(1000))
        row |= {
            "day": day,
            "scheme": SCHEME,
            "status": "forecast",
            "warnings": "FORECAST_NO_LINES",
            "bare_status": "ungrouped",
            "bare_group": "?ungrouped",
            "groups": [
                {"group": "I21.9", "name": "甲病组", "adrg": "I21", "mdc": "I", "probability": 0.6},
                {"group": "J18.9", "name": "乙病组", "adrg": "J18", "mdc": "J", "probability": 0.3},
            ],
            "adrg": "I21",
            "adrg_probability": 0.65,
            "mdc": "I",
            "mdc_probability": 0.7,
            "other_probability": 0.1,
            "basis": "group",
            "basis_cases": 50,
            "level": 0.9,
            "cost_to_date": case.total_cost or Decimal(0),
        }
        for name in ("cost", "amount"):
            row |= {
                f"{name}_low": cost / 2,
                f"{name}_middle": cost,
                f"{name}_high": cost * 2,
                f"{name}_mean": cost,
            }
        row |= {"los_low": day + 1.0, "los_middle": 6.5, "los_high": 12.0, "los_mean": 7.0}
        if drivers:
            row["drivers"] = [{"feature": "day", "value": float(day), "effect": -120.5}]
        return row


def model(name: str = "m1") -> Model:
    """A stand-in as an approved model."""
    return Model(name, StandIn())


def with_model(running: Service, found: Model | GrouperError | None) -> None:
    """Let the app find a model, none, or an error."""

    def approved() -> Model | None:
        if isinstance(found, GrouperError):
            raise found
        return found

    object.__setattr__(running.app.state.services, "forecaster", approved)


def stay(running: Service, visit: str = "V1", patient: str = "P1", **facts: Any) -> str:
    """A running stay of the demonstration region; returns its case id."""
    return running.stay(visit, patient, facts=FACTS | facts, dx=["J18.900"], px=[])
