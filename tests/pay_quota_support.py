"""Policies made up in a test, and cases of one cell priced in both ways."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from codebooks.errors import Where
from codebooks.policies.forms import topic_forms
from codebooks.policies.policies import policies
from codebooks.policies.policy import Given, Policy
from grouper.case.fields import CASE_SCHEMA
from grouper.case.record import Case
from grouper.payment.asked import Asked
from grouper.payment.block import Block
from grouper.payment.columns import Columns
from grouper.schemes.protocol import RESULT_SCHEMA, Grouping
from grouper.schemes.reasons import Status
from grouper.schemes.trace import Trace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from grouper.payment.block import Outcomes
    from grouper.payment.methods import Method
    from grouper.payment.result import Outcome

DAY = date(2025, 6, 1)
FACTS: dict[str, str | None] = {
    "insurance": "employee",
    "level": "III",
    "hospital": "H00000000001",
    "person": None,
    "aid": None,
}


def given(path: str, value: Any, *, assumption: bool = False) -> Given:
    """A value as a policy file would give it."""
    topic, name = path.split(".")
    return Given(
        region="demo",
        topic=topic,
        form=topic_forms()[topic].parameters[name],
        value=value,
        valid_from=date(2000, 1, 1),
        valid_to=None,
        source="为测试而设",
        assumption=assumption,
        where=Where(file="test"),
    )


def policy(values: Mapping[str, Any]) -> Policy:
    """A policy of these values and the national ones alone."""
    national = next(
        one for one in policies().periods("national") if one.valid_from <= DAY < one.valid_to
    )
    made = {path: given(path, value) for path, value in values.items()}
    return Policy("demo", date.min, date.max, {**national.values, **made})


def grouping(
    status: Status = Status.GROUPED, group: str | None = "G1", scheme: str = "dip-3.0"
) -> Grouping:
    """A grouping that says no more than its status and group."""
    return Grouping(
        scheme=scheme,
        status=status,
        reason=None,
        warnings=(),
        mdc=None,
        adrg=None,
        group=group,
        group_name=None,
        cc_level=None,
        trace=Trace(lambda _: {}),
    )


def asked(
    case: Case,
    terms: Policy,
    *,
    to: Grouping | None = None,
    family: str = "dip",
    here: bool = True,
    facts: Mapping[str, str | None] = FACTS,
) -> Asked:
    """One case as the scalar way sees it."""
    return Asked(
        case=case,
        grouping=to or grouping(),
        family=family,
        policy=terms,
        day=DAY,
        here=here,
        facts=facts,
    )


def batch(cases: Sequence[Case], groupings: Sequence[Grouping] | None = None) -> pa.RecordBatch:
    """Cases with their groupings as the batch way sees them."""
    told = groupings or [grouping()] * len(cases)
    columns = {
        name: pa.array([getattr(case, name) for case in cases], kind)
        for name, kind in zip(CASE_SCHEMA.names, CASE_SCHEMA.types, strict=True)
    }
    for name, kind in zip(RESULT_SCHEMA.names, RESULT_SCHEMA.types, strict=True):
        if name != "warnings":
            columns[name] = pa.array([getattr(one, name) for one in told], kind)
    return pa.RecordBatch.from_pydict(columns)


def block(
    cases: Sequence[Case],
    terms: Policy,
    *,
    to: Sequence[Grouping] | None = None,
    here: bool = True,
    facts: Mapping[str, str | None] = FACTS,
) -> Block:
    """Cases of one cell."""
    return Block(columns=Columns(batch(cases, to)), policy=terms, here=here, facts=facts)


def both(method: Method, cases: Sequence[Case], terms: Policy) -> list[tuple[Outcome, Asked]]:
    """Price cases in both ways, hold them equal, and give the scalar ones with their sheets."""
    many = block(cases, terms)
    outcomes = method.price_block(many)
    found = []
    for number, case in enumerate(cases):
        one = asked(case, terms)
        one.sheet.section = method.section
        outcome = method.price(one)
        assert _shown(outcome) == _row(outcomes, number), case
        assert set(one.sheet.asked) == set(many.asked)
        found.append((outcome, one))
    return found


_NUMBERS = ("amount", "fund", "unit_weight", "points", "point_value")


def _shown(outcome: Outcome) -> dict[str, Any]:
    if outcome.reason is not None:
        return {"reason": str(outcome.reason)}
    return {
        **{name: getattr(outcome, name) for name in _NUMBERS},
        "band": outcome.band,
        "review": outcome.review,
        "warnings": [str(one) for one in outcome.warnings],
    }


def _row(outcomes: Outcomes, number: int) -> dict[str, Any]:
    reason = outcomes.reasons[number]
    if reason is not None:
        return {"reason": str(reason)}
    told: dict[str, Any] = {}
    for name in _NUMBERS:
        column = getattr(outcomes, name)
        stated = outcomes.stated.get(name, np.ones(len(outcomes.reasons), np.bool_))
        told[name] = column.decimals()[number] if column is not None and stated[number] else None
    told["band"] = None if outcomes.band is None else outcomes.band[number]
    told["review"] = bool(outcomes.review is not None and outcomes.review[number])
    told["warnings"] = [str(code) for code, where in outcomes.warnings if where[number]]
    return told


def yuan(text: str | int) -> Decimal:
    """An amount to the fen."""
    return Decimal(text).quantize(Decimal("0.01"))


def at(month: int, day: int = 1, *, year: int = 2014) -> datetime:
    """Noon, local time, of a day."""
    return datetime(year, month, day, 4, tzinfo=UTC)
