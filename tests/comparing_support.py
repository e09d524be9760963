"""A store of a few invented stays, and comparisons of two tiny schemes over them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from compare_support import CODE, FIRST, SECOND, forget, install
from service_support import PEOPLE, Service, service

from grouper.service.access.principal import Principal
from grouper.service.errand_process import run_one
from grouper.service.errands import Errand, Errands

OFFICE, MANAGER, DOCTOR = (PEOPLE[name] for name in ("office", "manager", "physician"))
HEART, BONES = "心内科", "骨科"
MONTHS = {"since": "2026-02", "last": "2026-03"}
TINY = {"from": "tiny-a", "to": "tiny-b"}
LETTERS = "aabccdefgh"
"""a stays, b splits off, d joins c, e gets another code, f leaves, g is new, h is never grouped."""


@pytest.fixture
def books(_own_data: None) -> Iterator[None]:
    install("tiny-a", FIRST)
    install("tiny-b", SECOND, "（新）")
    yield
    forget()


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stays discharged in March, those at odd places by the bones; one in May."""
    folder = tmp_path_factory.mktemp("comparing")
    with service(folder, region="national") as made:
        for number, letter in enumerate([*LETTERS, "a"]):
            stay(made, number, letter, "2026-05-01" if number == len(LETTERS) else "2026-03-05")
    return folder


@pytest.fixture
def stored(tmp_path: Path, books: None, filled: Path) -> Iterator[Service]:
    """A store of one's own with these stays."""
    del books
    shutil.copytree(filled, tmp_path, dirs_exist_ok=True)
    with service(tmp_path, region="national") as made:
        yield made


def stay(made: Service, number: int, letter: str, day: str) -> None:
    made.send(
        patient=f"PT8800{number}",
        visit=f"VN9900{number}",
        facts={
            "sex": "1",
            "age": "66",
            "department": (HEART, BONES)[number % 2],
            "admission_time": "2026-02-20 08:00",
            "discharge_time": f"{day} 10:00",
            "total_cost": "5000.00",
        },
        dx=[CODE[letter]],
        px=[],
    )


def weights(groups: dict[str, str]) -> bytes:
    return "".join(["group,weight\n", *(f"{g},{w}\n" for g, w in groups.items())]).encode()


def compared(
    made: Service,
    by: Principal = OFFICE,
    *,
    language: str = "zh",
    files: dict[str, bytes] | None = None,
    **params: Any,
) -> tuple[Errand, Path]:
    """A comparison that was made, and the folder of its files."""
    errands = Errands.at(made.settings)
    asked = MONTHS | TINY | params
    errand = errands.ask("comparison", asked, by=by, language=language, files=files)
    done = run_one(errands, errand.id, made.settings, made.database)
    assert done is not None
    return done, errands.files(done)
