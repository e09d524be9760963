"""NHSA 3101, 3102 and 3103 fuzzed: no body breaks the service, no bytes its reading."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from orders_support import ordering
from preaudit_support import feedback, send, warn, whole_body
from service_support import Service

from grouper.intake.forms import IntakeError
from hl7_adapters.nhsa.preaudit import PREAUDITOR

_ODD = [
    *(None, "", "x", -1, 10**30, 1.5, True, [], {}, [None], ["x"], {"x": 1}, "2026-13-40"),
    *("9" * 400, "\u0000", "\ud800", "1e999", "NaN", "０１", "示例"),
]


def _nodes(found: Any) -> Iterator[tuple[Any, Any]]:
    items = found.items() if isinstance(found, dict) else enumerate(found)
    for name, value in list(items):
        yield found, name
        if isinstance(value, dict | list):
            yield from _nodes(value)


def mutated(base: dict[str, Any], seed: int) -> Any:
    """A body with a few of its values changed, dropped or repeated."""
    dice = random.Random(seed)  # noqa: S311 -- no secret
    found = copy.deepcopy(base)
    for _ in range(dice.randint(1, 4)):
        holder, name = dice.choice(list(_nodes(found)))
        way = dice.randrange(4)
        if way == 0:
            holder[name] = copy.deepcopy(dice.choice(_ODD))
        elif way == 1 and isinstance(holder, dict):
            del holder[name]
        elif way == 2 and isinstance(holder, list):
            holder.append(copy.deepcopy(holder[name]))
        else:
            holder[name] = [copy.deepcopy(holder[name])]
        if not found:
            break
    return found


def _answers(on: Service, found: Any, transaction: str) -> None:
    answer = send(on, transaction, json.dumps(found).encode())
    document = answer.json()
    assert answer.status_code in (200, 400, 404, 415, 422), answer.text
    assert document["infcode"] == ("0" if answer.status_code == 200 else "-1")
    if answer.status_code == 200 and transaction != "3103":
        for told in document["output"]["result"]:
            assert Decimal(str(told["vola_amt"])) >= 0
    else:
        assert answer.status_code == 200 or document["err_msg"]


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with ordering(tmp_path_factory.mktemp("fuzzed")) as found:
        yield found


@settings(
    max_examples=examples(60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 1 << 30), scene=st.sampled_from(["5", "4", ""]))
def test_no_body_breaks_the_service(fuzzed: Service, seed: int, scene: str) -> None:
    base = whole_body()
    base["input"]["data"]["trig_scen"] = scene
    base["infno"] = transaction = "3101" if seed % 2 else "3102"
    _answers(fuzzed, mutated(base, seed), transaction)


@settings(
    max_examples=examples(4),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 1 << 30))
def test_no_settlement_breaks_the_service(fuzzed: Service, seed: int) -> None:
    base = whole_body()
    base["input"]["data"]["trig_scen"] = "8"
    _answers(fuzzed, mutated(base, seed), "3101")


@settings(
    max_examples=examples(30),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 1 << 30))
def test_no_feedback_breaks_the_service(fuzzed: Service, seed: int) -> None:
    base = feedback(warn("0" * 24, "1", "x"), warn("1" * 24, "2"))
    _answers(fuzzed, mutated(base, seed), "3103")


@given(st.binary(max_size=64) | st.text(max_size=40).map(str.encode))
def test_no_bytes_break_the_reading(found: bytes) -> None:
    for transaction in ("3101", "3103"):
        ask = PREAUDITOR.read if transaction == "3101" else PREAUDITOR.read_reactions
        with pytest.raises(IntakeError):
            ask(found, transaction)  # type: ignore[operator]
    assert PREAUDITOR.reply_of(found) == ""
