"""The rule language as a tree. Grammar and meaning: ``docs/RULES.md``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Field(StrEnum):
    """Where a code of the case stands."""

    ZYZD = "ZYZD"  # principal diagnosis
    QTZD = "QTZD"  # other diagnoses
    ZYSS = "ZYSS"  # principal procedure
    QTSS = "QTSS"  # other procedures

    @property
    def is_diagnosis(self) -> bool:
        """Whether the field holds diagnoses."""
        return self in (Field.ZYZD, Field.QTZD)


class Scalar(StrEnum):
    """A single value of the case."""

    NL = "NL"  # age in whole years
    XB = "XB"  # sex, 1 male, 2 female
    XSRTL = "XSRTL"  # newborn's age in days
    XSRTZ = "XSRTZ"  # newborn's weight in grams
    ZYTS = "ZYTS"  # length of stay in days
    LYFS = "LYFS"  # discharge way
    ICUXS = "ICUXS"  # ICU hours
    KS = "KS"  # department


class Cmp(StrEnum):
    """Comparison operators of the language."""

    GE = ">="
    LE = "<="
    GT = ">"
    LT = "<"
    EQ = "="


SEVERITY_SETS = ("MCC", "CC")
"""Set names that stand for the CC table; whether a code counts depends on the case."""


@dataclass(frozen=True, slots=True)
class Number:
    """A bare number: non-zero is true."""

    value: int


@dataclass(frozen=True, slots=True)
class Compare:
    """``scalar cmp value``; false when the scalar is missing."""

    scalar: Scalar
    cmp: Cmp
    value: int | str


@dataclass(frozen=True, slots=True)
class Member:
    """``fields [not] in sets``: any field holds a member of any of the sets."""

    fields: tuple[Field, ...]
    sets: tuple[str, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Count:
    """``length(set ∩ fields) cmp number``: distinct codes."""

    set_id: str
    fields: tuple[Field, ...]
    cmp: Cmp
    number: int


@dataclass(frozen=True, slots=True)
class Not:
    """Negation of one factor."""

    item: Expr


@dataclass(frozen=True, slots=True)
class And:
    """All hold; at least two items."""

    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """One holds; at least two items."""

    items: tuple[Expr, ...]


Expr = Number | Compare | Member | Count | Not | And | Or
