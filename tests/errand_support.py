"""A kind of errand of a test's own, and who asks for it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from service_support import PEOPLE

from codebooks.errors import GrouperError
from grouper.service import errand_kinds, errands
from grouper.service.access.principal import Right
from grouper.service.errand_kinds import Inputs, Kind
from grouper.service.errand_process import Work
from grouper.service.errands import Errand, Errands
from grouper.service.settings import Settings

OFFICE, MANAGER, DOCTOR = (PEOPLE[name] for name in ("office", "manager", "physician"))
COLLEAGUE = replace(DOCTOR, account_id=12, name="doctor2")


@dataclass
class Own:
    """A kind of errand of the test: what it does, and what it was given."""

    does: Callable[[Work], Mapping[str, Any]]
    given: list[Work]


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> Own:
    made = Own(lambda _: {}, [])

    def run(work: Work) -> Mapping[str, Any]:
        made.given.append(work)
        return made.does(work)

    module = ModuleType("own_errand")
    module.run = run  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "own_errand", module)
    kinds = {
        "own": Kind("own", "own_errand:run", (Right.CASES,)),
        "secret": Kind("secret", "own_errand:run", (Right.CASES,), Inputs.GONE),
        "review": Kind("review", "own_errand:run", (Right.CASES, Right.REVIEW)),
    }
    monkeypatch.setattr(errand_kinds, "kinds", lambda: kinds)
    monkeypatch.setattr(errands, "kinds", lambda: kinds)
    return made


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(folder=tmp_path)


@pytest.fixture
def held(settings: Settings, own: Own) -> Errands:
    del own
    return Errands.at(settings)


def ask(held: Errands, by: Any = OFFICE, kind: str = "own", **params: object) -> Errand:
    return held.ask(kind, params, by=by, language="en")


def code(caught: pytest.ExceptionInfo[GrouperError]) -> str:
    return caught.value.code
