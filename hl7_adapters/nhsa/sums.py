"""Amounts of a case that a message states in parts: as a sum of fields, or of the rows of a list.

``data/meanings.csv`` writes them ``sum.<field of the case>``: what the patient pays is 个人自付 and
个人自费 together, what the funds pay is the sum of the list's payments. ``scope.<A, B, C or rest>``
names the fields that split an item's amount by the class of the catalogue.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

from grouper.case.values import fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hl7_adapters.nhsa.messages import Row
    from hl7_adapters.nhsa.tables import Meaning

SUM, SCOPE = "sum.", "scope."
_AMOUNT = re.compile(r"[-+]?[0-9]{1,16}(?:\.[0-9]{1,8})?")


def amount_of(value: str | None) -> Decimal | None:
    """An amount as a Decimal; None for what is none."""
    written = fold(value or "").replace(",", "")
    return Decimal(written) if _AMOUNT.fullmatch(written) else None


def parts_of(meanings: Iterable[Meaning], prefix: str) -> dict[str, list[Meaning]]:
    """The fields that make up each amount, by what stands behind the prefix, the best rank first."""
    found: dict[str, list[Meaning]] = {}
    for meaning in meanings:
        if meaning.to.startswith(prefix):
            found.setdefault(meaning.to.removeprefix(prefix), []).append(meaning)
    return found


def total(rows: Sequence[Row], fields: Sequence[str]) -> Decimal | None:
    """The sum of some fields over all rows.

    Args:
        rows: of one node.
        fields: their names.

    Returns:
        None where there is no row, or where one of the amounts is missing or is none: part of a
        sum is no sum.
    """
    amounts = [amount_of(row.get(name)) for row in rows for name in fields]
    if not amounts or None in amounts:
        return None
    return sum((amount for amount in amounts if amount is not None), Decimal(0))


def split(fields: Mapping[str, Sequence[Meaning]], scoped: Mapping[str, Decimal]) -> dict[str, str]:
    """The fields that split an item's amount by the class of the catalogue.

    Args:
        fields: as :func:`parts_of` gives them for :data:`SCOPE`.
        scoped: the item's amount of each class, in yuan; of the others it has nought.

    Returns:
        Values by field.
    """
    return {
        meaning.field: f"{scoped.get(name, Decimal(0)):.2f}"
        for name, those in fields.items()
        for meaning in those
    }
