"""Stays of a heart ward: past ones with a course, a running one with forecast and findings; and pages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from review_support import keep, row
from service_support import PEOPLE, Service
from streamlit.testing.v1 import AppTest

from dashboards.frame.parts import Parts, hold
from grouper.case.dates import LOCAL
from grouper.service.access.principal import Principal
from grouper.service.forecast_telling import last_whole_day
from grouper.store import forecasts, reading
from grouper.store.forecasts import ForecastRow

SCRIPT = """
from importlib import import_module

import streamlit as st

from dashboards.frame.language import lang
from dashboards.frame.parts import parts
from dashboards.frame.view import View

import_module(st.session_state["module"]).page(View(parts().asker(), parts(), lang()))
"""
DOCTOR = PEOPLE["physician"]


def local(days: int, hour: int = 8) -> str:
    """An hour of a local day so many days ago, as a message writes it."""
    day = datetime.now(LOCAL) - timedelta(days=days)
    return day.replace(hour=hour, minute=0).strftime("%Y-%m-%d %H:%M")


def lines(first: int, days: int, amount: str = "100.00") -> dict[str, dict[str, str]]:
    """A charge a day, from so many days ago on."""
    return {
        str(at): {"line_item": "A", "line_amount": amount, "line_time": local(first - at, 9)}
        for at in range(days)
    }


def past(running: Service, number: int, days: int = 3, amount: str = "100.00") -> str:
    """A stay that was discharged ten days ago after so many days."""
    first = 10 + days
    facts = {"admission_time": local(first), "discharge_time": local(10, 10), "total_cost": None}
    return running.stay(
        f"PAST{number}", f"P{number}", facts=facts, lines=lines(first, days + 1, amount)
    )


def present(running: Service, visit: str = "NOW1", patient: str = "PX", **changes: Any) -> str:
    """A running stay in its third day."""
    facts = {"admission_time": local(2), "discharge_time": None, "total_cost": None}
    facts |= changes.pop("facts", {})
    return running.stay(visit, patient, facts=facts, **{"lines": lines(2, 3)} | changes)


def number_of(running: Service, case_id: str) -> int:
    """The row of a stay."""
    with running.database.reading() as connection:
        head = reading.stay_by_case(connection, case_id)
    assert head is not None
    return head.id


def found(running: Service, case_id: str, **values: Any) -> int:
    """A finding of a stay; returns its number."""
    kept = {"stay_id": number_of(running, case_id)} | values
    keep(running.database, [row(**kept)])
    return 1


def foretold(running: Service, case_id: str, **values: Any) -> None:
    """A forecast of a stay as the night's work keeps it."""
    at = datetime.now(UTC)
    document: dict[str, Any] = {
        "case_id": case_id,
        "status": "forecast",
        "reason": None,
        "as_of": at.isoformat(),
        "groups": [{"group": "FM19", "name": "甲病组", "probability": 0.8}],
        "level": 0.9,
        "cost_low": "250.00",
        "cost_middle": "400.00",
        "cost_high": "700.00",
        "los_low": 2.0,
        "los_middle": 4.0,
        "los_high": 9.0,
    } | values
    made = ForecastRow(
        stay_id=number_of(running, case_id),
        version=1,
        as_of=last_whole_day(at),
        made=at,
        model="m1",
        scheme="chs-drg-2.0",
        status=document["status"],
        reason=document["reason"],
        day=2,
        document=document,
    )
    with running.database.writing_store() as connection:
        forecasts.write(connection, [made])


def shown(
    running: Service,
    module: str,
    asker: Principal | None = None,
    lang: str = "zh",
    **query: str,
) -> AppTest:
    """A page as it is shown to someone."""
    hold(Parts(running.settings, running.database, lambda: asker or DOCTOR))
    app = AppTest.from_string(SCRIPT, default_timeout=20)
    app.session_state["module"] = f"dashboards.app_pages.{module}"
    for name, value in (query | {"lang": lang}).items():
        app.query_params[name] = value
    return app.run()


def words(app: AppTest) -> str:
    """All that is written on a page."""
    parts = (
        *(app.title, app.subheader, app.markdown, app.caption),
        *(app.info, app.warning, app.error, app.success),
    )
    told = [str(one.value) for part in parts for one in part]
    told += [f"{one.label} {one.value}" for one in app.metric]
    told += [one.value.to_string() for one in app.table]
    return "\n".join(told)
