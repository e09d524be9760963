"""What is asked of the data of a case, as tables (``data/quality_*.csv``), and the answers' columns.

A fact keeps two sets of bits: which fields were asked of the case, and which of these it lacks. A
bit belongs to its field for good, so that a mart made before a field was added is still read rightly.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import as_file, files
from typing import TYPE_CHECKING

import pyarrow as pa

from codebooks.strict_csv import read_rows
from grouper.mart.answers import INDEX, MONEY, WORD

if TYPE_CHECKING:
    from collections.abc import Mapping

FIELDS, NOTES = "quality_fields.csv", "quality_notes.csv"


class Form(StrEnum):
    """What it is for a field to be stated."""

    VALUE = "value"
    """Any of its columns holds something."""
    FIRST = "first"
    """The first place of its list does."""
    EVERY = "every"
    """Each entry of its first list has one in the second."""
    LINES = "lines"
    """There are charge lines, in the case or apart."""


class When(StrEnum):
    """Of which cases of its kinds a field is asked."""

    ALWAYS = ""
    INFANT = "infant"
    NEWBORN = "newborn"
    DIAGNOSIS = "diagnosis"
    PROCEDURE = "procedure"


class Sort(StrEnum):
    """What a remark on a case is about."""

    UNKNOWN = "unknown"
    """A code that is in no code set of the scheme."""
    EDITION = "edition"
    """A code of another edition."""
    UNMAPPED = "unmapped"
    """A clinical code without one counterpart."""
    CONFLICT = "conflict"
    """What contradicts itself."""
    UNREADABLE = "unreadable"
    MAPPED = "mapped"
    """Clinical codes that were carried over: nothing is wrong."""


UNUSABLE = frozenset({Sort.UNKNOWN, Sort.EDITION, Sort.UNMAPPED})
"""Remarks of codes that the grouping cannot use as they are."""


class Stage(StrEnum):
    """Where a case stopped, and why."""

    GROUP = "group"
    """Not plainly grouped."""
    PRICE = "price"
    """Not priced."""
    SHARE = "share"
    """Priced, and the patient's part is not known, so neither are the fund's and the surplus."""
    NOTE = "note"
    """A remark beside."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A field that is asked of cases.

    Attributes:
        bit: its place.
        field: of the case, by whose name it is called.
        columns: that are looked at.
        form: what it is to be stated.
        kinds: of cases.
        when: of which of these.
        weight: its part in the completeness.
        reasons: codes of grouping, price and share that its absence leads to.
    """

    bit: int
    field: str
    columns: tuple[str, ...]
    form: Form
    kinds: tuple[str, ...]
    when: When
    weight: int
    reasons: frozenset[str]


@cache
def fields() -> tuple[Asked, ...]:
    """The fields in the order of the table.

    Raises:
        CodebookError: the table is not as it should be.
    """
    with as_file(files("grouper.mart") / "data" / FIELDS) as path:
        names = ("bit", "field", "columns", "form", "kinds", "when", "weight", "reasons")
        rows = list(read_rows(path, names))
    return tuple(
        Asked(
            bit=int(one.cells["bit"]),
            field=one.cells["field"],
            columns=tuple(one.cells["columns"].split()),
            form=Form(one.cells["form"]),
            kinds=tuple(one.cells["kinds"].split()),
            when=When(one.cells["when"]),
            weight=int(one.cells["weight"]),
            reasons=frozenset(one.cells["reasons"].split()),
        )
        for one in rows
    )


@cache
def sorts() -> Mapping[str, Sort]:
    """What each remark is about, by its code; those that say nothing of the data are left out."""
    with as_file(files("grouper.mart") / "data" / NOTES) as path:
        return {
            row.cells["reason"]: Sort(row.cells["sort"])
            for row in read_rows(path, ("reason", "sort"))
            if row.cells["sort"] != "none"
        }


def bit_of(field: str) -> int:
    """The set with one field alone; nought: it is not asked of any case."""
    return next((1 << one.bit for one in fields() if one.field == field), 0)


@cache
def tables_hash() -> str:
    """Of the tables: facts made by others are made again."""
    found = hashlib.sha256()
    for name in (FIELDS, NOTES):
        found.update((files("grouper.mart") / "data" / name).read_bytes())
    return found.hexdigest()


COMPLETENESS = pa.schema(
    [
        ("value", WORD),
        ("name", WORD),
        ("field", WORD),
        ("asked", pa.int64()),
        ("missing", pa.int64()),
        ("complete", INDEX),
    ]
)
"""Of each value of an axis and each field: of how many cases it is asked, how many lack it, and the
share of those that have it (null: it is asked of none). In the order of values, then of the table."""
QUALITY = pa.schema(
    [
        ("value", WORD),
        ("name", WORD),
        ("cases", pa.int64()),
        ("complete", INDEX),
        ("whole", pa.int64()),
        *((name, pa.int64()) for name in ("ungrouped", "ambiguous", "invalid", "unpriced")),
        ("unshared", pa.int64()),
        ("codes", pa.int64()),
        *((one.value, pa.int64()) for one in Sort),
    ]
)
"""Of each value of an axis, in its order. ``complete``: the stated fields among those asked, each by
its weight; ``whole``: cases that lack none. ``ungrouped``, ``ambiguous`` and ``invalid`` are the
statuses, ``unshared`` the priced cases whose surplus is not known, ``codes`` those with a code that
cannot be used (:data:`UNUSABLE`); the rest are cases with a remark of that sort."""
REASONS = pa.schema(
    [
        ("stage", WORD),
        ("status", WORD),
        ("reason", WORD),
        ("sort", WORD),
        ("cases", pa.int64()),
        ("share", INDEX),
        ("sum_cost", MONEY),
    ]
)
"""Why cases stopped (:class:`Stage`), and remarks on them, by stage and most cases first; ``share``:
of all cases of the slice; ``sum_cost``: their charges in yuan. A case may stand in several rows."""
GAPS = pa.schema(
    [
        ("field", WORD),
        ("field_weight", pa.int64()),
        ("asked", pa.int64()),
        ("missing", pa.int64()),
        ("complete", INDEX),
        *((name, pa.int64()) for name in ("ungrouped", "unpriced", "unshared")),
        ("sum_cost", MONEY),
    ]
)
"""What the absence of each field costs. ``field_weight``: its part. Of the cases that lack it: how many are
not grouped, not priced, or of unknown surplus for a reason that the field's absence leads to, and the
charges of these cases in yuan. In the order of the table."""
