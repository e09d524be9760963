"""Small DIP catalogues made in the tests."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from codebooks.book import BookCard, SchemeBook, table_book
from codebooks.dip.national import group_row
from grouper.case.record import Case
from grouper.schemes.dip.scheme import DipScheme


def card(**options: bool | int | str) -> BookCard:
    """A card of a city's catalogue with options."""
    return BookCard(
        id="dip-test",
        family="dip",
        region="pingdingshan",
        valid_from=date(2025, 1, 1),
        valid_to=None,
        diagnosis_code_set="icd10-nhsa-2.0",
        procedure_code_set="icd9cm3-nhsa-2.0",
        newborn_weight="",
        standing="test",
        source="test",
        options=options,
    )


def row(diagnosis: str, procedure: str = "", related: str = "", **values: Any) -> dict[str, Any]:
    """A row of the table of groups; the group is the row in the catalogue's grammar."""
    group = diagnosis
    if procedure:
        group += f":{procedure}"
    if related:
        group += f"_{related}"
    if values.get("treatment"):
        group += f":{values['treatment']}"
        values.setdefault("section", "ZH")
    for name in ("score", "mean_cost"):
        if values.get(name) is not None:
            values[name] = Decimal(values[name])
    plain = {"group": group, "section": "HX", **values}
    return group_row(diagnosis=diagnosis, procedure=procedure, related=related, **plain)


def book(
    rows: list[dict[str, Any]], options: dict[str, bool | int | str] | None = None, **lists: Any
) -> SchemeBook:
    """A book of rows in their order; ``lists`` are the book's other tables."""
    ranked = [{**one, "sort": n, "source_row": n + 1} for n, one in enumerate(rows, 1)]
    return table_book(card(**(options or {})), {"groups": ranked, **lists})


def scheme(*rows: dict[str, Any], lists: dict[str, Any] | None = None, **options: Any) -> DipScheme:
    """A scheme of some rows."""
    return DipScheme(book(list(rows), options, **(lists or {})))


def case(dx: str, px: str = "", **values: Any) -> Case:
    """A case of codes parted by blanks; the cost in yuan as text."""
    if "cost" in values:
        values["total_cost"] = Decimal(values.pop("cost"))
    return Case(dx=tuple(dx.split()), px=tuple(px.split()), **values)
