"""Cases with their groups and histories, priced by a points method in both ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st
from pay_quota_support import FACTS, batch, grouping
from pay_quota_support import asked as asked_of

from codebooks.policies.policy import Policy
from grouper.case.record import Case
from grouper.payment.asked import Asked
from grouper.payment.block import Block, Outcomes
from grouper.payment.columns import HISTORY_SCHEMA, Columns
from grouper.payment.exact import plain
from grouper.payment.methods import Method
from grouper.payment.result import Outcome
from grouper.payment.words import told_line
from grouper.schemes.protocol import Grouping

NUMBERS = ("amount", "fund", "unit_weight", "points", "point_value")


@dataclass(frozen=True)
class Stay:
    """A case, its group and what a table says of it beside."""

    case: Case
    group: str | None = "G1"
    extra: Mapping[str, int | None] = field(default_factory=dict)

    @property
    def grouping(self) -> Grouping:
        return grouping(group=self.group, scheme="harbin-2022")


def stay(cost: str | int | None, group: str | None = "G1", **more: Any) -> Stay:
    """A stay of some cost; ``extra`` is its history."""
    extra = more.pop("extra", {})
    known = None if cost is None else Decimal(cost).quantize(Decimal("0.01"))
    values = {"los": 5, "discharge_way": "1", "dx": ("J18.900",), "total_cost": known, **more}
    return Stay(Case(**values), group, extra)


def block_of(
    stays: Sequence[Stay], terms: Policy, facts: Mapping[str, str | None] = FACTS
) -> Block:
    """Stays as the batch way sees them, with the columns of the history."""
    table = batch([one.case for one in stays], [one.grouping for one in stays])
    for name in HISTORY_SCHEMA.names:
        values = [one.extra.get(name) for one in stays]
        table = table.append_column(name, pa.array(values, pa.int32()))
    return Block(columns=Columns(table), policy=terms, here=True, facts=facts)


def both(
    method: Method,
    stays: Sequence[Stay],
    terms: Policy,
    facts: Mapping[str, str | None] = FACTS,
) -> list[tuple[Outcome, Asked]]:
    """Price stays in both ways, hold them equal, and give the scalar ones with their sheets."""
    many = block_of(stays, terms, facts)
    rows = _rows(method.price_block(many))
    found = []
    for number, one in enumerate(stays):
        asked = asked_of(one.case, terms, to=one.grouping, facts=facts)
        asked.extra = one.extra
        asked.sheet.section = method.section
        outcome = method.price(asked)
        assert _shown(outcome) == rows[number], one
        assert set(asked.sheet.asked) == set(many.asked)
        if outcome.reason is None:
            last = [line for line in asked.sheet.lines if line.name != "fund"][-1]
            assert last.unit == "CNY"
            assert last.value == outcome.amount
        found.append((outcome, asked))
    return found


def one(
    method: Method, stay: Stay, terms: Policy, facts: Mapping[str, str | None] = FACTS
) -> Outcome:
    """One stay priced in both ways."""
    return both(method, [stay], terms, facts)[0][0]


def written(asked: Asked, lang: str = "zh") -> list[str]:
    """The lines of a sheet in words; each names all that its formula was reckoned with."""
    rows = []
    for line in asked.sheet.lines:
        told = told_line(line, lang)
        rows.append(told["written"])
        assert "{" not in told["written"]
    return rows


def exact(asked: Asked, name: str) -> Fraction:
    """The exact number of a line."""
    return next(line.number for line in asked.sheet.lines if line.name == name)


def _shown(outcome: Outcome) -> dict[str, Any]:
    if outcome.reason is not None:
        return {"reason": str(outcome.reason)}
    told: dict[str, Any] = {name: getattr(outcome, name) for name in NUMBERS}
    told |= {"band": outcome.band, "review": outcome.review}
    return told | {"warnings": [str(code) for code in outcome.warnings]}


def _rows(outcomes: Outcomes) -> list[dict[str, Any]]:
    count = len(outcomes.reasons)
    columns: dict[str, list[Decimal | None]] = {}
    for name in NUMBERS:
        column = getattr(outcomes, name)
        given = outcomes.stated.get(name, np.ones(count, np.bool_))
        values = [None] * count if column is None else column.decimals()
        columns[name] = [
            value if known and value is not None else None
            for value, known in zip(values, given, strict=True)
        ]
    rows: list[dict[str, Any]] = []
    for number in range(count):
        if outcomes.reasons[number] is not None:
            rows.append({"reason": str(outcomes.reasons[number])})
            continue
        told: dict[str, Any] = {name: columns[name][number] for name in NUMBERS}
        for name in ("unit_weight", "points", "point_value"):
            told[name] = None if told[name] is None else plain(told[name])
        told["band"] = None if outcomes.band is None else outcomes.band[number]
        told["review"] = bool(outcomes.review is not None and outcomes.review[number])
        told["warnings"] = [str(code) for code, where in outcomes.warnings if where[number]]
        rows.append(told)
    return rows


COSTS = st.one_of(
    st.none(),
    st.integers(0, 10**7).map(lambda cents: Decimal(cents).scaleb(-2)),
    st.integers(0, 10**14 - 1).map(lambda cents: Decimal(cents).scaleb(-2)),
    st.sampled_from(["0.00", "3162.45", "5270.76", "13176.90", "999999999999.99"]).map(Decimal),
)
"""Costs: missing, small, as large as a case may hold, and at the limits of the groups below."""


def number(most: int, places: int = 4) -> st.SearchStrategy[Decimal]:
    """Numbers from nought to ``most`` with so many places."""
    return st.integers(0, most * 10**places).map(lambda n: Decimal(n).scaleb(-places))


@st.composite
def stays(draw: st.DrawFn, groups: Sequence[str | None]) -> Stay:
    """Stays with every gap."""
    values = {
        "total_cost": draw(COSTS),
        "scope_cost": draw(COSTS),
        "los": draw(st.none() | st.integers(0, 400)),
        "discharge_way": draw(st.sampled_from([None, "1", "2", "4", "5", "9"])),
        "dx": draw(st.sampled_from([(), (None, "I10.x00"), ("J18.900",), ("Z51.100x001",)])),
    }
    days = st.none() | st.sampled_from([-1, 0, 9, 10, 11, 300])
    extra = {name: draw(days) for name in HISTORY_SCHEMA.names}
    return Stay(Case(**values), draw(st.sampled_from(groups)), extra)
