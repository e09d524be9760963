"""How months payable, the budget and leads are read (``data/fund.toml``)."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import date

    from codebooks.audit.books import AuditBook

_PACKAGE = "grouper.audit.fund"
PARAMETERS = ("warn_below", "caution_below", "months_averaged")
"""What a row of the book's table ``behaviour`` may state of the rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The parameters.

    Attributes:
        rule: of the book that months payable belong to.
        source, standing: of its limits.
        warn_below, caution_below: months payable below which a level applies.
        averaged: months whose outlay is averaged.
        least: with fewer months nothing is told.
        tolerance: share of the expected use by which it may be off.
        departments: most that are named under a topic.
    """

    rule: str
    source: str
    standing: str
    warn_below: Decimal
    caution_below: Decimal
    averaged: int
    least: int
    tolerance: Decimal
    departments: int

    def of_book(self, book: AuditBook, day: date) -> Settings:
        """The same with what the book's table ``behaviour`` states of the rule on a day."""
        rows = [
            row
            for row in book.on(day).tables["behaviour"].to_pylist()
            if row["rule"] == self.rule and row["parameter"] in PARAMETERS
        ]
        if not rows:
            return self
        said = {row["parameter"]: row["value"] for row in rows}
        return replace(
            self,
            source=rows[0]["source"],
            standing=book.rules[self.rule].standing,
            warn_below=Decimal(said.get("warn_below", self.warn_below)),
            caution_below=Decimal(said.get("caution_below", self.caution_below)),
            averaged=int(said.get("months_averaged", self.averaged)),
        )


@cache
def shipped() -> Settings:
    """The parameters as shipped."""
    found = toml("fund.toml")
    payable, budget = found["payable"], found["budget"]
    return Settings(
        rule=payable["rule"],
        source=payable["source"],
        standing=payable["standing"],
        warn_below=Decimal(payable["warn_below"]),
        caution_below=Decimal(payable["caution_below"]),
        averaged=payable["months_averaged"],
        least=payable["least_months"],
        tolerance=Decimal(budget["tolerance"]),
        departments=found["leads"]["departments"],
    )


@cache
def toml(name: str) -> dict[str, Any]:
    """A table of the package; not to be changed."""
    return tomllib.loads((files(_PACKAGE) / "data" / name).read_text("utf-8"))
