"""Rows of the pages of settlement and outlook as tables, each column of the kind of its form; sizes."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from dashboards.frame.tables import forms
from grouper.payment.settlement.document import named

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_KINDS = {"count": (pa.int64(), None), "yuan": (pa.decimal128(28, 2), Decimal("0.01"))}
_WORDS = ("word", "link", "day")
_NUMBER, _STEP = pa.decimal128(34, 6), Decimal("0.000001")


@cache
def sizes() -> Mapping[str, int]:
    """By name, as ``data/settlements.toml`` says what they are."""
    told = (files("dashboards") / "data" / "settlements.toml").read_text("utf-8")
    return {name: int(value) for name, value in tomllib.loads(told).items()}


def made(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> pa.Table:
    """Rows as a table.

    Args:
        rows: by column; numbers may be texts, as a document has them. What is lacking is empty.
        columns: with forms in ``data/columns.csv``.
    """
    known = list(rows)
    return pa.table({name: _column(name, [row.get(name) for row in known]) for name in columns})


def _column(name: str, cells: list[Any]) -> pa.Array:
    form = forms()[name].name
    if form in _WORDS:
        return pa.array([None if one is None else str(one) for one in cells], pa.string())
    kind, step = _KINDS.get(form, (_NUMBER, _STEP))
    if step is None:
        return pa.array([None if one is None else int(one) for one in cells], kind)
    numbers = [None if one is None else Decimal(one).quantize(step) for one in cells]
    return pa.array(numbers, kind)


def pool(method: str | None, insurance: str | None, lang: str) -> str:
    """Method and insurance in words."""
    return f"{named('method', method, lang)} · {named('insurance', insurance, lang)}"


def amount(told: str | None) -> Decimal | None:
    """An amount out of a document."""
    return None if told is None else Decimal(told)
