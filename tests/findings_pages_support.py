"""Findings on pages: an office with findings, and what is done with a page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from pages_office_support import Office, office
from review_support import keep, row
from service_support import PEOPLE
from streamlit.testing.v1 import AppTest

from dashboards.frame.parts import Parts, hold
from dashboards.frame.view import View
from grouper.audit.review.steps import Said
from grouper.service import findings
from grouper.service.access.principal import Principal
from grouper.store.reading import stay_by_case
from grouper.store.schema import now
from grouper.store.states import Role

SECOND = Principal(account_id=9, name="office2", role=Role.OFFICE, via="session")


BONES = Principal(
    account_id=10, name="doctor9", role=Role.PHYSICIAN, departments=("骨科",), via="session"
)


LINES = {
    "L1": {"line_item": "001", "line_name": "床位费", "line_amount": "12.50", "line_quantity": "1"},
    "L2": {"line_item": "002", "line_name": "护理费", "line_amount": "8.00", "line_quantity": "2"},
}


ROW = "LIMIT-1"


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    monkeypatch.setenv("GROUPER_DATA", str(tmp_path / "data"))
    monkeypatch.setitem(PEOPLE, "second", SECOND)
    monkeypatch.setitem(PEOPLE, "bones", BONES)
    with office(tmp_path) as made:
        yield made


def put(running: Office, count: int = 1, **values: Any) -> str:
    """A stay of 心内科 with findings; returns its case id."""
    case = running.running.stay(lines=LINES)
    with running.running.database.reading() as connection:
        head = stay_by_case(connection, case)
    assert head is not None
    rows = [row(f"{n:024x}", stay_id=head.id, **values) for n in range(1, count + 1)]
    keep(running.running.database, rows, at=now())
    return case


def view(running: Office, who: str = "office") -> View:
    running.who = who
    made = running.running
    held = Parts(made.settings, made.database, lambda: PEOPLE[running.who])
    hold(held)
    return View(PEOPLE[who], held, "zh")


def take(running: Office, number: int, action: str, was: str, who: str, **said: Any) -> None:
    findings.step(
        running.running.database, findings.asker_of(PEOPLE[who]), number, action, was,
        Said(**said), now(),
    )  # fmt: skip


def press(page: AppTest, label: str) -> AppTest:
    (button,) = [one for one in page.button if label in one.label]
    return button.click().run()


def choose(page: AppTest, action: str) -> AppTest:
    (group,) = [one for one in page.button_group if str(one.key).startswith("finding.step.")]
    return group.set_value(action).run()


def field(page: AppTest, kind: str, ending: str) -> Any:
    (found,) = [one for one in page.get(kind) if str(one.key).endswith(ending)]
    return found


# --- the insurer's lists -----------------------------------------------------------------------

CSV = (
    "就诊ID,姓名,规则编码,规则名称,项目编码,费用日期,违规金额,违规内容\n"
    "V1,张三,,医疗服务项目重复收费,001,2026-02-21,12.50,重复\n"
    "V77,李四,,医疗服务项目重复收费,001,2026-02-21,3.00,重复\n"
)


# --- what forms do, by whom --------------------------------------------------------------------


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The session of a form that was sent."""
    made: dict[str, Any] = {}
    monkeypatch.setattr(st, "session_state", made)
    return made
