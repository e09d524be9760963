"""The parts of a patient's share, of one case and of many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from grouper.payment.block import no_reasons
from grouper.payment.exact import Rounding
from grouper.payment.fixed import Fixed

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from numpy.typing import NDArray

PARTS = (
    *("own", "first_share", "over_limit", "scope"),
    *("deductible", "coinsurance", "above_ceiling", "basic", "burden"),
    *("critical", "aid", "supplements", "patient", "deducted"),
)
"""The parts of a share, in yuan. They hang together:

- total = own + first_share + over_limit + scope,
- scope = deductible + coinsurance + above_ceiling + basic,
- total = patient + basic + critical + aid + supplements.

``burden`` is what of it counts towards critical-illness insurance, ``deducted`` what of the patient's
payments counts towards the payment standard.
"""
CENTS = 2
"""Places of every part."""
FEN = Rounding(CENTS, "half_up")


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """The share of one case: its parts (:data:`PARTS`), or the ``reason`` why they are not known.

    ``settled``: the record states what the patient paid, and that is ``patient``; how it is made up
    is then not known, and the parts from ``deductible`` to ``supplements`` are None.
    """

    reason: str | None = None
    settled: bool = False
    own: Decimal | None = None
    first_share: Decimal | None = None
    over_limit: Decimal | None = None
    scope: Decimal | None = None
    deductible: Decimal | None = None
    coinsurance: Decimal | None = None
    above_ceiling: Decimal | None = None
    basic: Decimal | None = None
    burden: Decimal | None = None
    critical: Decimal | None = None
    aid: Decimal | None = None
    supplements: Decimal | None = None
    patient: Decimal | None = None
    deducted: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """The shares of many cases; where ``reasons`` holds a code the parts say nothing.

    ``settled`` as of :class:`Share`: there the parts from ``deductible`` to ``supplements`` say
    nothing.
    """

    reasons: NDArray[np.object_]
    settled: NDArray[np.bool_]
    own: Fixed
    first_share: Fixed
    over_limit: Fixed
    scope: Fixed
    deductible: Fixed
    coinsurance: Fixed
    above_ceiling: Fixed
    basic: Fixed
    burden: Fixed
    critical: Fixed
    aid: Fixed
    supplements: Fixed
    patient: Fixed
    deducted: Fixed

    def __len__(self) -> int:
        return len(self.reasons)


def nothing(count: int) -> Fixed:
    """Nought yuan for so many cases."""
    return Fixed(np.zeros(count, np.int64), CENTS)


def joined(pieces: Iterable[tuple[NDArray[np.int64], Shares]], count: int) -> Shares:
    """The shares of pieces of a block, each with the places of its cases, as one."""
    reasons, settled = no_reasons(count), np.zeros(count, np.bool_)
    units = {name: np.zeros(count, np.int64) for name in PARTS}
    for rows, shares in pieces:
        reasons[rows], settled[rows] = shares.reasons, shares.settled
        for name in PARTS:
            found = getattr(shares, name).units
            if found.dtype == object and units[name].dtype != object:
                units[name] = units[name].astype(object)
            units[name][rows] = found
    parts = {name: Fixed(found, CENTS) for name, found in units.items()}
    return Shares(reasons=reasons, settled=settled, **parts)
