"""Surplus kept and overspend shared, piece by piece in the bands of the policy."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

from grouper.payment.settlement.errors import SettlementError
from grouper.payment.settlement.result import FEN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codebooks.policies.kinds import TableRow
    from grouper.payment.exact import Rounding
    from grouper.payment.settlement.looked import Looked
    from grouper.payment.sheet import Line, Sheet

_BANDS = "settlement.bands"


def cleared(
    sheet: Sheet, looked: Looked, standard: Line, booked: Fraction, money: Rounding
) -> Line:
    """What the hospital is due in the end, with the lines that lead there.

    Without bands in the policy it is due the standard: a surplus stays with it and an overspend is
    its own. Otherwise it is due what was booked plus its share of a surplus, or the standard plus
    the fund's share of an overspend; a piece outside all bands has the share of nought.

    Args:
        sheet: the lines go here.
        looked: for the method and insurance.
        standard: what the fund owes by the points.
        booked: what it was charged with at the counter, in yuan.
        money: the policy's rounding.

    Raises:
        SettlementError: ``SETTLE_BANDS``: bands that overlap.
    """
    bands = looked.find(_BANDS)
    if bands is None:
        sheet.say("bands", "no_bands", standard=standard)
        return sheet.add("cleared", standard.number, rounding=money, standard=standard)
    rows = {side: _rows(bands.value, side) for side in ("surplus", "overspend")}
    difference = standard.number - booked
    side = "surplus" if difference >= 0 else "overspend"
    apart = sheet.add(side, abs(difference), rounding=FEN, standard=standard, booked=booked)
    shared = Fraction(0)
    for row in rows[side]:
        piece = _piece(row, apart.number, standard.number)
        if piece <= 0:
            continue
        line = sheet.add(
            f"{side}_band",
            piece * Fraction(row["share"]),
            rounding=money,
            piece=piece,
            share=row["share"],
            start=row["from"],
            end="∞" if row["to"] is None else row["to"],
        )
        shared += line.number
    if side == "surplus":
        value = booked + shared
        return sheet.add("cleared_surplus", value, rounding=money, booked=booked, kept=shared)
    value = standard.number + shared
    return sheet.add("cleared_overspend", value, rounding=money, standard=standard, shared=shared)


def _rows(table: Sequence[TableRow], side: str) -> list[TableRow]:
    rows = sorted(
        (row for row in table if row["side"] == side), key=lambda row: Decimal(row["from"])
    )
    for one, after in pairwise(rows):
        if one["to"] is None or one["to"] > after["from"]:
            raise SettlementError("SETTLE_BANDS", side=side, start=str(after["from"]))
    return rows


def _piece(row: TableRow, apart: Fraction, standard: Fraction) -> Fraction:
    """How much of a difference lies in a band, whose bounds are shares of the standard."""
    whole = max(standard, Fraction(0))
    end = apart if row["to"] is None else min(apart, Fraction(row["to"]) * whole)
    return end - Fraction(row["from"]) * whole
