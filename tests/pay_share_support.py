"""Patients' shares in both ways: single cases, whole batches, and policies made up in a test."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from codebooks.messages import text
from grouper.case.fields import CASE_SCHEMA
from grouper.case.record import Case
from grouper.payment.cells import by_policy, cells
from grouper.payment.columns import Columns
from grouper.payment.engine import asked_of
from grouper.payment.place import NoPlaceError, Terms
from grouper.payment.share import PARTS, Share, Shares, share, share_block
from grouper.schemes.protocol import Grouping
from grouper.schemes.reasons import Status
from grouper.schemes.trace import Trace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grouper.payment.asked import Asked
    from grouper.payment.sheet import Line

CHINA = timezone(timedelta(hours=8))
NO_GROUP = Grouping(
    scheme="",
    status=Status.INVALID,
    reason=None,
    warnings=(),
    mdc=None,
    adrg=None,
    group=None,
    group_name=None,
    cc_level=None,
    trace=Trace(lambda _: {}),
)
FIRST_OF_YEAR = {
    "admission_number": 1,
    "year_deductible": Decimal(0),
    "year_basic": Decimal(0),
    "year_burden": Decimal(0),
    "year_critical": Decimal(0),
}


def yuan(amount: str | int) -> Decimal:
    """An amount to the fen."""
    return Decimal(amount).quantize(Decimal("0.01"))


def noon(year: int, month: int, day: int = 15) -> datetime:
    """Noon of a day in China."""
    return datetime(year, month, day, 12, tzinfo=CHINA)


def scoped(
    scope: str | int, own: str | int = 0, over: str | int = 0, first: str | int = 0
) -> dict[str, Any]:
    """The costs of a case that is parted in its record."""
    parts = [yuan(one) for one in (scope, own, over, first)]
    names = ("scope_cost", "own_cost", "over_limit_cost", "first_share_cost")
    return {"total_cost": sum(parts, Decimal(0)), **dict(zip(names, parts, strict=True))}


def first_case(treated_in: str, day: datetime, **more: Any) -> Case:
    """The first stay of a person's year; ``more`` goes before what it is by default."""
    values = {"region": treated_in, "discharge_time": day, "insurance_type": "390"}
    return Case(**{**values, **FIRST_OF_YEAR, **more})


def asked(case: Case, terms: Terms | None = None) -> Asked:
    """A case as the engine asks of it."""
    return asked_of(case, NO_GROUP, terms or Terms())


def batch_of(cases: Sequence[Case]) -> pa.RecordBatch:
    """Cases as columns."""
    columns = {
        field.name: pa.array([getattr(case, field.name) for case in cases], field.type)
        for field in CASE_SCHEMA
    }
    return pa.RecordBatch.from_pydict(columns)


def same(one: Share, many: Shares, place: int) -> None:
    """Hold a share equal to one of many."""
    reason = many.reasons[place]
    assert (None if one.reason is None else str(one.reason)) == (
        None if reason is None else str(reason)
    )
    if one.reason is not None:
        return
    assert one.settled == bool(many.settled[place])
    for name in PARTS:
        found = getattr(one, name)
        if found is not None:
            numbers = getattr(many, name)
            assert numbers.places == 2
            assert found == Decimal(int(numbers.units[place])).scaleb(-2), name


def held(one: Share) -> None:
    """Hold what hangs together in a share."""
    if one.reason is not None:
        assert all(getattr(one, name) is None for name in PARTS)
        return
    told = {name: getattr(one, name) for name in PARTS if getattr(one, name) is not None}
    assert all(amount >= 0 for amount in told.values()), told
    assert one.deducted is not None
    assert one.patient is not None
    if one.settled:
        return
    total = told["own"] + told["first_share"] + told["over_limit"] + told["scope"]
    within = told["deductible"] + told["coinsurance"] + told["above_ceiling"]
    assert within + told["basic"] == told["scope"]
    payers = told["basic"] + told["critical"] + told["aid"] + told["supplements"]
    assert one.patient + payers == total
    assert one.deducted <= one.patient


def both(
    cases: Sequence[Case], terms: Terms | None = None
) -> list[tuple[Share | None, Asked | None]]:
    """The shares of cases in both ways, held equal; None where no policy prices a case."""
    terms = terms or Terms()
    columns = Columns(batch_of(cases))
    many: dict[int, tuple[Shares, int, set[str]]] = {}
    for rows, policy in by_policy(columns, terms, lambda _rows, _reason: None):
        for cell, block in cells(columns, rows, policy, terms):
            found = share_block(block)
            paths = set(block.asked)
            many |= {int(row): (found, place, paths) for place, row in enumerate(cell)}
    told: list[tuple[Share | None, Asked | None]] = []
    for number, case in enumerate(cases):
        try:
            one = asked(case, terms)
        except NoPlaceError:
            assert number not in many
            told.append((None, None))
            continue
        found_one = share(one)
        shares, place, paths = many[number]
        same(found_one, shares, place)
        assert set(one.sheet.asked) == paths
        held(found_one)
        told.append((found_one, one))
    return told


def priced(case: Case, terms: Terms | None = None) -> Share:
    """The share of one case, in both ways."""
    found = both([case], terms)[0][0]
    assert found is not None
    return found


def worked(line: Line) -> Decimal | None:
    """What the English formula of a line comes to with its inputs; None: it has none."""
    if isinstance(line.value, str):
        return None
    words = {one.name: f"Decimal('{one.value}')" for one in line.inputs}
    formula = text(f"pay.{line.section}.formula.{line.name}", "en", **words)
    formula = formula.split("] ")[-1].replace("×", "*").replace("−", "-")
    names = {"Decimal": Decimal, "min": min, "max": max}
    return Decimal(eval(formula, {"__builtins__": {}}, names))  # noqa: S307 -- our own texts


def jinhua(**more: Any) -> Case:
    """133 wan and more in 2021; what is not published is chosen to agree with the policy's files."""
    costs = scoped(1221600, own=60000, over=17300, first=40000)
    return first_case("jinhua", noon(2021, 6), **{"aid_category": "低保", **costs, **more})


def baicheng(**more: Any) -> Case:
    values = {"insurance_type": "310", "person_type": "11", **scoped(10000)}
    return first_case("baicheng", noon(2015, 3), **{**values, **more})


def xiamen(year: int, scope: int | str, insurance: str = "390", **more: Any) -> Case:
    return first_case("xiamen", noon(year, 9), insurance_type=insurance, **scoped(scope), **more)


def shucheng(aid: str | None, **more: Any) -> Case:
    values = {"aid_category": aid, **scoped(100500), **more}
    return first_case("shucheng", noon(2022, 3), **values)


def lined(**more: Any) -> Case:
    """Three lines: class A 100, class B 200 with a first share of 0.10, outside the catalogue 50."""
    lines = {
        "line_item": ("A1", "B1", "C1"),
        "line_amount": (yuan(100), yuan(200), yuan(50)),
        "line_scope": ("A", "B", "C"),
        "line_first_share": (None, Decimal("0.1000"), None),
    }
    return baicheng(**{**dict.fromkeys(scoped(0)), "total_cost": yuan(350), **lines, **more})
