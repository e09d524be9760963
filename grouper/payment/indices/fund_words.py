"""The indicators of the fund as a document and in words."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from codebooks.messages import text
from grouper.payment.settlement.document import named
from grouper.payment.words import shown, told_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grouper.payment.settlement.fund import Indicator

_MONTHS = "months_payable"


def fund_document(found: Sequence[Indicator], lang: str) -> list[dict[str, Any]]:
    """The indicators as plain values; one without a value has null."""
    return [
        {
            "name": one.name,
            "insurance": one.insurance,
            "value": None if one.value is None else f"{one.value:f}",
            "level": one.level,
            "stated": one.stated,
            "lines": [told_line(line, lang) for line in one.lines],
        }
        for one in found
    ]


def fund_lines(told: Sequence[dict[str, Any]], lang: str) -> list[str]:
    """The indicators in words; those without a value are passed over."""
    rows = [text("indices.fund", lang)]
    for one in told:
        if one["value"] is None:
            continue
        number = Decimal(one["value"])
        value = shown(number) if one["name"] == _MONTHS else f"{(number * 100).normalize():f}%"
        level = one["level"]
        rows.append(
            "  "
            + text(
                "indices.indicator" if level else "indices.indicator_plain",
                lang,
                name=text(f"pay.fund.line.{one['name']}", lang),
                insurance=named("insurance", one["insurance"], lang)
                if one["insurance"]
                else text("indices.all", lang),
                value=value,
                level=text(f"indices.level.{level}", lang) if level else "",
                stated=text("indices.stated", lang) if one["stated"] else "",
            )
        )
    return rows
