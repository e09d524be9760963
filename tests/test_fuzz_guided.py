"""All targets under coverage-guided fuzzing for a few seconds each; more by ``make fuzz``."""

from __future__ import annotations

import importlib.util
import sys
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent / "fuzz"))

from draw import CHANGED, RAW
from harness import Judge, targets
from run import by_group, fuzz

GUIDED = importlib.util.find_spec("atheris") is not None
SECONDS = 3
PLANTED = '''
"""A parser with a fault behind a word that must be guessed letter by letter."""


def planted(draw):
    raw = draw.rest()
    if raw[1:2] == b"b" and raw[2:3] == b"u" and raw[3:4] == b"g":
        raise ZeroDivisionError


SEEDS = {}
'''


@pytest.mark.slow
@pytest.mark.skipif(not GUIDED, reason="atheris is not there: the drawn inputs below stand in")
@pytest.mark.parametrize("group", [group for group, _ in by_group([])])
def test_only_declared_errors(group: str, tmp_path: Path) -> None:
    names = dict(by_group([]))[group]
    found = fuzz(group, names, SECONDS, tmp_path)
    broken = {one.target: one.said for one in found if not one.good}
    assert not broken, "\n".join(f"{name}: {said}" for name, said in broken.items())
    assert all(one.inputs for one in found)


@pytest.mark.slow
@pytest.mark.skipif(not GUIDED, reason="atheris is not there")
def test_a_planted_fault_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "of_planted.py").write_text(PLANTED, "utf-8")
    table = tmp_path / "targets.csv"
    head = "target,group,parser,modules,errors,entry_points"
    table.write_text(f"{head}\nplanted,planted,x,of_planted,,\n", "utf-8")
    monkeypatch.setenv("GROUPER_FUZZ_TABLE", str(table))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (found,) = fuzz("planted", ["planted"], 60, tmp_path / "broken")
    assert not found.good
    assert "ZeroDivisionError" in found.said
    (kept,) = (tmp_path / "broken" / "planted").glob("crash-*")
    assert kept.read_bytes()[1:4] == b"bug"


@cache
def _judge(target: str) -> Judge:
    return Judge(targets()[target])


@pytest.mark.slow
@pytest.mark.skipif(GUIDED, reason="the guided fuzzing above does more")
@pytest.mark.parametrize("target", sorted(targets()))
@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from([CHANGED, CHANGED, RAW]), st.binary(max_size=200))
def test_only_declared_errors_of_drawn_inputs(target: str, kind: bytes, raw: bytes) -> None:
    _judge(target).one(kind + raw)
