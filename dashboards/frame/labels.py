"""What the values of an axis are called on a page, departments and physicians by the hospital's own names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebooks.messages import catalogue, text
from dashboards.frame.figures import NONE
from grouper.mart.slices import Axis
from grouper.service.hospital_names import names_at_hand

if TYPE_CHECKING:
    import pyarrow as pa

_CODED = {
    Axis.INSURANCE: "insurance",
    Axis.KIND: "kind",
    Axis.BAND: "band",
}
"""Axes whose values are words of our own; their texts are ``value.<…>.<value>``."""
_NAMED = frozenset({Axis.DEPARTMENT, Axis.PHYSICIAN})
"""Axes whose values the hospital names."""


def label(axis: Axis, value: str | None, name: str | None, lang: str) -> str:
    """A value in words.

    Args:
        axis: whose.
        value: as the mart has it; None: not stated.
        name: what the hospital or the book calls it; empty or None: nothing.
        lang: ``zh`` or ``en``.
    """
    if value is None:
        return text("value.none", lang)
    if axis in _CODED:
        return worded(_CODED[axis], value, lang)
    if axis in _NAMED:
        # The hospital's table as it is now goes before what the mart was built with.
        name = names_at_hand().name(axis.value, value) or name
    return value if not name or name == value else f"{value} {name}"


def department(code: str | None) -> str:
    """A department by code and name, as far as the hospital's table has one."""
    return _named("department", code)


def physician(code: str | None) -> str:
    """A physician by code and name, as far as the hospital's table has one."""
    return _named("physician", code)


def departments(reach: tuple[str, ...] | None) -> list[str]:
    """The departments that can be chosen by name: those within reach; of all, those of the table."""
    return list(names_at_hand().last("department")) if reach is None else list(reach)


def _named(kind: str, code: str | None) -> str:
    if not code:
        return NONE
    name = names_at_hand().name(kind, code)
    return code if name is None or name == code else f"{code} {name}"


def worded(kind: str, value: str, lang: str) -> str:
    """A coded value in words; itself where it has none.

    Args:
        kind: such as ``method``; the texts are ``value.<kind>.<value>``.
        value: as stored.
        lang: ``zh`` or ``en``.
    """
    return catalogue(lang).get(f"value.{kind}.{value}", value)


def labelled(table: pa.Table, axis: Axis, lang: str) -> pa.Table:
    """A table of the mart with its ``name`` as people read it."""
    names = [
        label(axis, value, name, lang)
        for value, name in zip(table["value"].to_pylist(), table["name"].to_pylist(), strict=True)
    ]
    return table.set_column(table.column_names.index("name"), "name", [names])


def cost_class(code: str | None, lang: str) -> str:
    """A class of the 14 of the settlement list in words."""
    return (
        text("value.cost_class.unknown", lang)
        if code is None
        else text(f"value.cost_class.{code}", lang)
    )
