"""The stable words that the tables of an APG book may hold, and the bounds of their numbers."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum


class GroupType(StrEnum):
    """What a group is for."""

    PROCEDURE = "procedure"
    MEDICAL = "medical"
    VISIT = "visit"
    ANCILLARY = "ancillary"
    INCIDENTAL = "incidental"
    DRUG = "drug"
    MATERIAL = "material"
    PER_DIEM = "per_diem"


class VisitKind(StrEnum):
    """What a visit is grouped by."""

    PROCEDURE = "procedure"
    MEDICAL = "medical"
    ANCILLARY = "ancillary"


class Packing(StrEnum):
    """What a packaging rule does with a line."""

    PACKAGED = "packaged"
    PAID = "paid"


class ListName(StrEnum):
    """The lists."""

    NEVER_PAY = "never_pay"
    NOT_ALONE = "not_alone"


class ListKind(StrEnum):
    """What a code of a list is."""

    GROUP = "group"
    PROCEDURE = "procedure"
    ITEM = "item"


class Companion(StrEnum):
    """What a part of the list ``not_alone`` needs beside it: anything, or its own group."""

    ANY = ""
    GROUP = "group"


class Rate(StrEnum):
    """The rates; ``repeat`` is by type of group."""

    FIRST = "first"
    FURTHER = "further"
    REPEAT = "repeat"
    BILATERAL = "bilateral"
    TERMINATED = "terminated"


MODIFIER_RATES = (Rate.BILATERAL, Rate.TERMINATED)
"""Rates that are named as the modifier of a procedure that they belong to."""
SEPARATOR = "|"
"""Between several visits of one packaging rule."""
HIGHEST_WEIGHT = Decimal(10_000)
"""Weights lie below it, so that sums stay exact in 64 bits."""
HIGHEST_SHARE = Decimal(3)
"""No rate is higher."""
