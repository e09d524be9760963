"""Components, factors, decay and rates of a book, read and checked."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from codebooks.errors import CodebookError, Where
from grouper.schemes.pdpm.reading import label_of
from grouper.schemes.pdpm.records import Component, Rate, Share

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from grouper.schemes.pdpm.reading import BookReader
    from grouper.schemes.pdpm.records import Axis

WHOLE = (Share(1, None, Decimal(1)),)
"""The curve of a component without decay."""


def components_of(reader: BookReader, axes: tuple[Axis, ...]) -> tuple[Component, ...]:
    """The components, each with a factor for every group of its axis.

    Raises:
        CodebookError: ``PDPM_VALUE`` or ``PDPM_REFERENCE``.
    """
    curves = curves_of(reader)
    groups = {axis.name: {g.name for g in axis.groups} for axis in axes}
    factors: dict[str, dict[str, Decimal]] = {}
    for number, row in reader.rows("factors"):
        if row["factor"] is None or row["factor"] < 0:
            reader.fail("factors", number, "factor", row["factor"])
        factors.setdefault(row["component"], {})[row["group"]] = row["factor"]
    found: list[Component] = []
    for number, row in reader.rows("components"):
        name, axis, curve = str(row["component"]), row["axis"] or None, row["decay"] or None
        if (axis is not None and axis not in groups) or (curve and curve not in curves):
            where = Where(reader.book.card.id, "components", number)
            raise CodebookError("PDPM_REFERENCE", where, found=axis or curve)
        own = factors.pop(name, {})
        if set(own) != (groups[axis] if axis else set()):
            reader.fail("components", number, "component", name)
        if row["points"] is None or row["points"] < 0:
            reader.fail("components", number, "points", row["points"])
        shares = curves[curve] if curve else WHOLE
        found.append(Component(name, label_of(row), axis, row["points"], shares, own))
    if factors:
        where = Where(reader.book.card.id, "factors")
        raise CodebookError("PDPM_REFERENCE", where, found=", ".join(sorted(factors)))
    return tuple(found)


def curves_of(reader: BookReader) -> dict[str, tuple[Share, ...]]:
    """The curves of decay; each covers every day from the first, without gap or overlap.

    Raises:
        CodebookError: ``PDPM_VALUE``.
    """
    found: dict[str, list[Share]] = {}
    for number, row in reader.rows("decay"):
        shares = found.setdefault(str(row["curve"]), [])
        start = 1 if not shares else (shares[-1].last or 0) + 1
        ended = bool(shares) and shares[-1].last is None
        if ended or row["day_from"] != start or row["share"] is None or row["share"] < 0:
            reader.fail("decay", number, "day_from", row["day_from"])
        if row["day_to"] is not None and row["day_to"] < start:
            reader.fail("decay", number, "day_to", row["day_to"])
        shares.append(Share(start, row["day_to"], row["share"]))
    for curve, shares in found.items():
        if shares[-1].last is not None:
            reader.fail("decay", 0, "day_to", curve)
    return {curve: tuple(shares) for curve, shares in found.items()}


def rates_of(reader: BookReader, components: AbstractSet[str]) -> tuple[Rate, ...]:
    """The rates in money.

    Raises:
        CodebookError: ``PDPM_VALUE``.
    """
    found: list[Rate] = []
    for number, row in reader.rows("rates"):
        if row["component"] not in components or row["valid_from"] is None:
            reader.fail("rates", number, "component", row["component"])
        span = row["valid_from"], row["valid_to"]
        found.append(Rate(row["component"], row["area"], *span, row["amount"]))
    return tuple(found)
