"""Policies, cases and groupings for the methods that pay scores and points."""

from __future__ import annotations

from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from codebooks.errors import Where
from codebooks.messages import LANGUAGES, catalogue
from codebooks.policies.forms import topic_forms
from codebooks.policies.policy import Given, Policy
from grouper.case.fields import CASE_SCHEMA, ZONE
from grouper.case.record import Case
from grouper.payment import words
from grouper.payment.asked import Asked
from grouper.payment.block import Block, Outcomes
from grouper.payment.columns import Columns
from grouper.payment.methods import Method
from grouper.payment.result import Outcome
from grouper.payment.sheet import Line
from grouper.schemes.protocol import RESULT_SCHEMA, Grouping, Part
from grouper.schemes.reasons import Status
from grouper.schemes.trace import Trace

DAY = date(2025, 6, 1)
CASE_COLUMNS = ("kind", "total_cost", "los", "admission_time", "discharge_time")
RESULT_COLUMNS = ("group", "group_kind", "weight")
SCHEMA = pa.schema(
    [CASE_SCHEMA.field(name) for name in CASE_COLUMNS]
    + [pa.field(name, RESULT_SCHEMA.field(name).type) for name in RESULT_COLUMNS]
)
SIX = Decimal("0.000001")


def policy_of(values: dict[str, Any], *, points: int = 4) -> Policy:
    """A policy that says just this, by ``topic.parameter``; money to the fen, half up."""
    general = {
        "general.money_places": 2,
        "general.money_rounding": "half_up",
        "general.points_places": points,
        "general.points_rounding": "half_up",
    }
    given = {}
    for path, value in {**general, **values}.items():
        topic, name = path.split(".")
        given[path] = Given(
            region="demo",
            topic=topic,
            form=topic_forms()[topic].parameters[name],
            value=value,
            valid_from=DAY,
            valid_to=None,
            source="test",
            where=Where(),
        )
    return Policy("demo", DAY, date(2030, 1, 1), given)


def noon(day: date | None) -> datetime | None:
    """Noon of a day in China."""
    return (
        None if day is None else datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo(ZONE))
    )


def row(**values: Any) -> dict[str, Any]:
    """A case with its grouping, as a row of the batch."""
    known: dict[str, Any] = dict.fromkeys((*CASE_COLUMNS, *RESULT_COLUMNS))
    return known | {"kind": "inpatient"} | values


def grouping_of(one: dict[str, Any], parts: tuple[Part, ...] = ()) -> Grouping:
    """The grouping of a row."""
    weight = one["weight"]
    return Grouping(
        scheme="test",
        status=Status.GROUPED,
        reason=None,
        warnings=(),
        mdc=None,
        adrg=None,
        group=one["group"],
        group_name=None,
        cc_level=None,
        trace=Trace(list),
        group_kind=one["group_kind"],
        weight=None if weight is None else Decimal(weight).quantize(SIX),
        parts=parts,
    )


def asked_of(
    method: Method,
    policy: Policy,
    one: dict[str, Any],
    parts: tuple[Part, ...] = (),
    **facts: str | None,
) -> tuple[Outcome, Asked]:
    """A row priced by itself, and what was asked."""
    asked = Asked(
        case=Case(**{name: one[name] for name in CASE_COLUMNS}),
        grouping=grouping_of(one, parts),
        family="",
        policy=policy,
        day=DAY,
        here=True,
        facts=facts,
    )
    asked.sheet.section = method.section
    return method.price(asked), asked


def block_of(policy: Policy, rows: list[dict[str, Any]], **facts: str | None) -> Block:
    """Rows as a block."""
    batch = pa.RecordBatch.from_pylist(rows, schema=SCHEMA)
    return Block(columns=Columns(batch), policy=policy, here=True, facts=facts)


def agree(
    method: Method, policy: Policy, rows: list[dict[str, Any]], **facts: str | None
) -> list[Outcome]:
    """Both ways say the same of every row, and ask the same of the policy."""
    block = block_of(policy, rows, **facts)
    many = method.price_block(block)
    singles = []
    for number, one in enumerate(rows):
        outcome, asked = asked_of(method, policy, one, **facts)
        assert said(many, number) == plain(outcome)
        assert set(asked.sheet.asked) == set(block.asked)
        singles.append(outcome)
    return singles


def plain(outcome: Outcome) -> dict[str, Any]:
    """An outcome of one case to compare with :func:`said`."""
    if outcome.reason is not None:
        return {"reason": str(outcome.reason)}
    return {
        "amount": outcome.amount,
        "fund": outcome.fund,
        "unit_weight": outcome.unit_weight,
        "points": outcome.points,
        "point_value": outcome.point_value,
        "band": str(outcome.band),
        "review": outcome.review,
        "warnings": outcome.warnings,
    }


def said(many: Outcomes, number: int) -> dict[str, Any]:
    """What the vectorised way says of one case."""
    if many.reasons[number] is not None:
        return {"reason": str(many.reasons[number])}
    found: dict[str, Any] = {"amount": many.amount.decimals()[number]}
    for name in ("fund", "unit_weight", "points", "point_value"):
        numbers, stated = getattr(many, name), many.stated.get(name)
        there = numbers is not None and (stated is None or stated[number])
        found[name] = numbers.decimals()[number] if there else None
        if there and name != "fund":
            found[name] = found[name].quantize(SIX, ROUND_HALF_UP)
    found["band"] = str(many.band[number]) if many.band is not None else None
    found["review"] = bool(many.review[number]) if many.review is not None else False
    found["warnings"] = tuple(code for code, where in many.warnings if np.asarray(where)[number])
    return found


def line(lines: tuple[Line, ...] | list[Line], name: str) -> Line:
    """The one line of this name."""
    (found,) = [one for one in lines if one.name == name]
    return found


def inputs(one: Line) -> dict[str, Any]:
    """What a line was reckoned with."""
    return {each.name: each.value for each in one.inputs}


def in_words(lines: tuple[Line, ...] | list[Line]) -> None:
    """Every line has its words in every language, and its formula names each of its inputs."""
    for lang in LANGUAGES:
        for one in lines:
            written = words.told_line(one, lang)
            assert written["label"]
            if not isinstance(one.value, str):
                assert all(each["label"] in written["formula"] for each in written["inputs"])
            else:
                assert f"pay.{one.section}.word.{one.value}" in catalogue(lang)
