"""The arrows of the house: who may import whom (docs/DESIGN.md)."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
OURS = ("codebooks", "grouper", "hl7_adapters", "dashboards")

# Longest prefix wins: what a package may import of ours beside itself.
ALLOWED: dict[str, tuple[str, ...]] = {
    "codebooks": (),
    "grouper.text": (),
    "grouper.rules": ("codebooks",),
    "grouper.case": ("codebooks",),
    "grouper.intake": ("codebooks", "grouper.case"),
    "grouper.store": ("codebooks", "grouper.case", "grouper.intake"),
    "grouper.service": (
        "codebooks",
        "grouper.rules",
        "grouper.case",
        "grouper.schemes",
        "grouper.run",
        "grouper.compare",
        "grouper.payment",
        "grouper.mart",
        "grouper.forecast",
        "grouper.audit",
        "grouper.intake",
        "grouper.store",
    ),
    "grouper.schemes": ("codebooks", "grouper.rules", "grouper.case"),
    "grouper.run": ("codebooks", "grouper.case", "grouper.schemes"),
    "grouper.compare": ("codebooks", "grouper.case", "grouper.schemes", "grouper.run"),
    "grouper.payment": ("codebooks", "grouper.case", "grouper.schemes", "grouper.run"),
    "grouper.mart": (
        "codebooks",
        "grouper.case",
        "grouper.schemes",
        "grouper.run",
        "grouper.payment",
    ),
    "grouper.forecast": (
        "codebooks",
        "grouper.case",
        "grouper.schemes",
        "grouper.run",
        "grouper.payment",
    ),
    "grouper.audit": (
        "codebooks",
        "grouper.case",
        "grouper.schemes",
        "grouper.run",
        "grouper.payment",
    ),
    "grouper.spark": (
        "codebooks",
        "grouper.case",
        "grouper.schemes",
        "grouper.run",
        "grouper.payment",
        "grouper.audit",
    ),
    "grouper.demo": (
        "codebooks",
        "grouper.case",
        "grouper.schemes",
        "grouper.run",
        "grouper.payment",
        "grouper.mart",
        "grouper.forecast",
        "grouper.audit",
        "grouper.compare",
        "grouper.intake",
        "grouper.store",
        "grouper.service",
        "hl7_adapters",
    ),
    "grouper.cli": ("codebooks", "grouper"),
    "grouper": ("codebooks", "grouper.case", "grouper.schemes"),
    "hl7_adapters": ("codebooks", "grouper.case", "grouper.intake", "grouper.store"),
    "dashboards": ("codebooks", "grouper"),
}
# Third-party packages that only one room may know.
ONLY = {
    "streamlit": "dashboards",
    "altair": "dashboards",
    "xgboost": "grouper.forecast",
    "sqlalchemy": "grouper.store",
    "fastapi": "grouper.service",
}


@cache
def modules() -> dict[str, Path]:
    found = {}
    for package in OURS:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            assert all(alias.name != "*" for alias in node.names), f"{path}: star import"
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def inside(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def home(module: str) -> str:
    return max((p for p in ALLOWED if inside(module, p)), key=len)


def test_there_are_modules_to_look_at() -> None:
    assert len(modules()) > 50


@pytest.mark.parametrize("module", sorted(modules()))
def test_imports_run_down_to_the_ground(module: str) -> None:
    own = home(module)
    known = modules()
    for name in imports(modules()[module]):
        target = name if name in known else name.rpartition(".")[0]
        if not any(inside(name, package) for package in OURS) or target not in known:
            continue
        allowed = (own, *ALLOWED[own])
        assert any(inside(target, package) for package in allowed), f"{module} imports {target}"


@pytest.mark.parametrize("module", sorted(modules()))
def test_some_libraries_live_in_one_room(module: str) -> None:
    for name in imports(modules()[module]):
        for library, room in ONLY.items():
            if inside(name, library):
                assert inside(module, room), f"{module} imports {library}"


@pytest.mark.parametrize("module", sorted(modules()))
def test_modules_stay_readable(module: str) -> None:
    assert len(modules()[module].read_text("utf-8").splitlines()) <= 400
