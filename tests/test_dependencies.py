"""What the wheel needs: declared, under licences that we may pass on, and with nothing known against."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from datetime import date
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import audit_dependencies
import pytest
from audit_dependencies import GOOD, NOT_ASKED, VULNERABLE, Audit, accepted, judged
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
LICENCES = ROOT / "tests" / "data" / "licences.csv"
DEV = {"dev", "docs"}
"""What builds and checks; none of it comes to a user."""


def run_time() -> Iterator[Requirement]:
    """What the project declares for its users."""
    for written in PROJECT["dependencies"]:
        yield Requirement(written)
    for extra, own in PROJECT["optional-dependencies"].items():
        if extra not in DEV:
            yield from (Requirement(one) for one in own)


def needed() -> dict[str, str]:
    """All packages that a user installs, those that others need among them, with their licences."""
    found: dict[str, str] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [one for one in run_time() if one.name != PROJECT["name"]]
    while waiting:
        one = waiting.pop()
        extras = {*one.extras, ""}
        key = (one.name.lower(), frozenset(extras))
        if key in seen or not (one.marker is None or one.marker.evaluate({"extra": ""})):
            continue
        seen.add(key)
        try:
            known = distribution(one.name)
        except PackageNotFoundError:
            pytest.fail(f"{one.name} is declared and not installed")
        found[known.metadata["Name"].lower()] = licence(known.metadata)
        for written in known.requires or ():
            inner = Requirement(written)
            wanted = [e for e in extras if inner.marker and inner.marker.evaluate({"extra": e})]
            if inner.marker is None or wanted:
                inner.marker = None
                waiting.append(inner)
    return found


def licence(metadata: Any) -> str:
    """The licence as a package states it: an expression, else its classifiers, else its words."""
    classifiers = [one for one in metadata.get_all("Classifier", []) if one.startswith("License")]
    names = "; ".join(one.split("::")[-1].strip() for one in classifiers)
    return metadata.get("License-Expression") or names or (metadata.get("License") or "")[:80]


def test_every_licence_is_one_that_we_may_pass_on() -> None:
    with LICENCES.open(encoding="utf-8", newline="") as file:
        rows = {row["licence"]: row for row in csv.DictReader(file, strict=True)}
    found = needed()
    assert {"numpy", "fastapi", "streamlit", "xgboost-cpu"} <= found.keys()
    wrong = {
        name: told
        for name, told in found.items()
        if told not in rows or name not in (rows[told]["packages"].split() or [name])
    }
    assert not wrong, f"look at the licence, and add it to {LICENCES.name} if it may be passed on"
    # Bound to a package it has its reason.
    assert all(row["why"] for row in rows.values() if row["packages"])


def test_a_licence_that_is_not_listed_is_found() -> None:
    class Told(dict[str, str]):
        def get_all(self, _: str, default: list[str]) -> list[str]:
            return [self["Classifier"]] if "Classifier" in self else default

    assert licence(Told({"License-Expression": "AGPL-3.0-only"})) == "AGPL-3.0-only"
    assert licence(Told({"Classifier": "License :: OSI Approved :: X"})) == "X"
    assert licence(Told({"License": "a" * 100})) == "a" * 80


@pytest.mark.slow
def test_every_import_is_declared() -> None:
    packages = ("grouper", "codebooks", "hl7_adapters", "dashboards")
    done = subprocess.run(
        [sys.executable, "-m", "deptry", *packages],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_nothing_is_known_against_what_is_installed() -> None:
    found = audit_dependencies.best()
    if found.status == NOT_ASKED:
        pytest.skip(found.words())
    assert found.status == GOOD, found.words()


def told(*rows: dict[str, Any]) -> str:
    return json.dumps({"dependencies": list(rows)})


FINE = [{"name": f"p{n}", "version": "1", "vulns": []} for n in range(20)]
REPORT = {"id": "PYSEC-1", "fix_versions": ["1.1"], "description": "x"}
BAD = {"name": "bad", "version": "1.0", "vulns": [REPORT]}
LOST = {"name": "lost", "skip_reason": "not found"}


def test_what_an_audit_comes_to() -> None:
    assert judged(told(*FINE), set()).status == GOOD
    assert "20" in judged(told(*FINE), set()).words()
    found = judged(told(*FINE, BAD), set())
    assert found.status == VULNERABLE
    assert found.words() == "bad 1.0: PYSEC-1, mended in 1.1"
    assert judged(told(*FINE, BAD), {("bad", "PYSEC-1")}).status == GOOD
    assert judged(told(*FINE, LOST, LOST), set()).status == GOOD
    # Our own package is on no index.
    own = {"name": audit_dependencies.OWN, "skip_reason": "not found"}
    assert judged(told(*FINE, own), set()).unknown == []


@pytest.mark.parametrize("output", ["", "[]", "{}", told(), told(LOST), told(*FINE, *[LOST] * 5)])
def test_an_audit_that_could_not_ask_does_not_pass(output: str) -> None:
    found = judged(output, set())
    assert found.status == NOT_ASKED
    assert "could not be asked" in found.words()


def test_a_report_is_accepted_for_a_while_only(tmp_path: Path) -> None:
    path = tmp_path / "accepted.csv"
    path.write_text("package,id,why,until\nbad,PYSEC-1,not reached,2026-12-31\n", "utf-8")
    assert accepted(date(2026, 12, 31), path) == {("bad", "PYSEC-1")}
    assert accepted(date(2027, 1, 1), path) == set()
    accepted(date(2026, 1, 1))


def test_a_service_that_does_not_answer_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(*_: Any, **options: Any) -> None:
        raise subprocess.TimeoutExpired("pip_audit", options["timeout"])

    monkeypatch.setattr(audit_dependencies.subprocess, "run", silent)
    assert "no answer within" in audit_dependencies.audit("pypi").words()

    def broken(*_: Any, **__: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess([], 1, "", "Trace\nConnectionError: https://x")

    monkeypatch.setattr(audit_dependencies.subprocess, "run", broken)
    found = audit_dependencies.audit("pypi")
    assert (found.status, found.failure) == (NOT_ASKED, "ConnectionError")
    assert audit_dependencies.best().status == NOT_ASKED
    monkeypatch.setattr(audit_dependencies, "audit", lambda _: Audit(asked=["a"]))
    assert audit_dependencies.main() == GOOD
