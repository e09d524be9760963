"""The charge items of the hospital as columns: code, name, class, price, what the fund bears of it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from codebooks.errors import Where
from grouper.demo.hospital.errors import HospitalError
from grouper.demo.hospital.tables import rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from grouper.demo.hospital.world import Array

SHARE = 10_000
"""First shares are whole ten-thousandths."""
NO_LIMIT = -1
SCOPES = ("A", "B", "C")
FILE = "items.csv"


@dataclass(frozen=True, slots=True)
class Items:
    """The items, one place an item.

    Attributes:
        code, name, kind: as a charge states them; ``kind`` is the class of 14.
        price: fen for one unit.
        scope: number in :data:`SCOPES`.
        first_share: the patient's first share in ten-thousandths.
        limit: fen for one unit that count at most; :data:`NO_LIMIT` for none.
        ladders: by use, the items from the cheapest to the dearest.
        places: place of each code.
    """

    code: Sequence[str]
    name: Sequence[str]
    kind: Sequence[str]
    price: Array
    scope: Array
    first_share: Array
    limit: Array
    ladders: Mapping[str, Array]
    places: Mapping[str, int]

    def split(self, item: Array, quantity: Array) -> tuple[Array, Array, Array, Array]:
        """What lines come to, in fen: amount, own cost, above the limit, first share.

        Source of the order: the fields 全自费金额, 超限价自费金额 and 先行自付金额 of the
        settlement list. Class C is the patient's own; of class B the first share is taken of what
        lies within the limit, rounded half up to the fen for each line (away from zero for
        refunds); the rest is within scope.

        Args:
            item: places of items.
            quantity: whole units, negative for refunds.
        """
        price, limit = self.price[item], self.limit[item]
        amount = price * quantity
        outside = self.scope[item] == SCOPES.index("C")
        above = np.where((limit != NO_LIMIT) & ~outside, np.maximum(price - limit, 0), 0) * quantity
        own = np.where(outside, amount, 0)
        rest = (amount - above - own) * self.first_share[item]
        first = np.sign(rest) * ((np.abs(rest) + SHARE // 2) // SHARE)
        return amount, own, above, first


@cache
def items() -> Items:
    """The items of the table.

    Raises:
        HospitalError: ``DEMO_HOSPITAL_TABLE`` with row and column of a cell that cannot be, or of
            a code that stands twice.
    """
    table = rows(FILE)
    codes = [row["code"] for row in table]
    for number, row in enumerate(table):
        if row["code"] in codes[:number]:
            raise HospitalError(
                "DEMO_HOSPITAL_TABLE", Where(file=FILE, row=number + 2, column="code")
            )
    price = np.array([_whole(row, n, "price", 100) for n, row in enumerate(table)])
    limit = [
        _whole(row, n, "limit", 100) if row["limit"] else NO_LIMIT for n, row in enumerate(table)
    ]
    ladders = {}
    for use in dict.fromkeys(row["use"] for row in table):
        own = np.array([n for n, row in enumerate(table) if row["use"] == use])
        ladders[use] = own[np.argsort(price[own], kind="stable")]
    return Items(
        code=codes,
        name=[row["name"] for row in table],
        kind=[row["class"] for row in table],
        price=price,
        scope=np.array([_scope(row, n) for n, row in enumerate(table)]),
        first_share=np.array([_whole(row, n, "first_share", SHARE) for n, row in enumerate(table)]),
        limit=np.array(limit),
        ladders=ladders,
        places={code: place for place, code in enumerate(codes)},
    )


def _whole(row: Mapping[str, str], number: int, column: str, scale: int) -> int:
    try:
        value = Decimal(row[column]) * scale
        if value >= 0 and value == int(value):
            return int(value)
    except (InvalidOperation, ValueError, OverflowError):
        pass
    raise HospitalError("DEMO_HOSPITAL_TABLE", Where(file=FILE, row=number + 2, column=column))


def _scope(row: Mapping[str, str], number: int) -> int:
    if row["scope"] in SCOPES:
        return SCOPES.index(row["scope"])
    raise HospitalError("DEMO_HOSPITAL_TABLE", Where(file=FILE, row=number + 2, column="scope"))
