"""PDPM: bed-day groups out of items of functional assessments and the diagnoses.

Everything an assessment is asked stands in the tables. A *subject* is anything a condition can ask:
an item, a score, a measure, a list of diagnoses, another condition, or one of the facts
``DX_CATEGORY``, ``DX_NEUROLOGIC``, ``DX_SURGERY`` (of the principal diagnosis) and ``CATEGORY`` (what
table ``categories`` makes of them). Names of subjects are unique in a book. ``docs/PDPM.md``
describes each table with an example.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Mapping

_TEXT, _INT, _BOOL, _DAY = pa.string(), pa.int32(), pa.bool_(), pa.date32()
_FACTOR = pa.decimal128(9, 4)
_SHARE = pa.decimal128(5, 2)
_AMOUNT = pa.decimal128(12, 4)

TABLES: Mapping[str, pa.Schema] = {
    # What a stay is classified by, in the order in which the groups make the code of the stay.
    "axes": pa.schema([("axis", _TEXT), ("name", _TEXT), ("name_en", _TEXT), ("sort", _INT)]),
    # Groups of each axis, tried in the order of `sort`; the first whose condition holds is taken
    # (an empty condition always holds). `letter` stands for the group in a HIPPS code.
    "groups": pa.schema(
        [
            ("group", _TEXT),
            ("axis", _TEXT),
            ("letter", _TEXT),
            ("name", _TEXT),
            ("name_en", _TEXT),
            ("condition", _TEXT),
            ("sort", _INT),
        ]
    ),
    # What is paid for a day. A component without an axis has the factor 1; `decay` names a curve
    # (empty: none); `points` is the base in points a day; `standing`: published or assumption.
    "components": pa.schema(
        [
            ("component", _TEXT),
            ("axis", _TEXT),
            ("name", _TEXT),
            ("name_en", _TEXT),
            ("decay", _TEXT),
            ("points", _FACTOR),
            ("sort", _INT),
            ("standing", _TEXT),
        ]
    ),
    # Case-mix factor of each group in each component of its axis.
    "factors": pa.schema(
        [("component", _TEXT), ("group", _TEXT), ("factor", _FACTOR), ("standing", _TEXT)]
    ),
    # Share of the component that a day of the stay is paid (the day of admission is day 1); the last
    # row of a curve has no end.
    "decay": pa.schema(
        [
            ("curve", _TEXT),
            ("day_from", _INT),
            ("day_to", _INT),
            ("share", _SHARE),
            ("standing", _TEXT),
        ]
    ),
    # Money a day for factor 1, half-open in time; an amount that is not at hand is null.
    "rates": pa.schema(
        [
            ("component", _TEXT),
            ("area", _TEXT),
            ("valid_from", _DAY),
            ("valid_to", _DAY),
            ("amount", _AMOUNT),
            ("source", _TEXT),
        ]
    ),
    # Clinical categories, tried in the order of `sort`: default ones and those that an operation
    # leads to. Several rows may lead to one category. `kind` is a word of the catalogues.
    "categories": pa.schema(
        [
            ("category", _TEXT),
            ("kind", _TEXT),
            ("name", _TEXT),
            ("name_en", _TEXT),
            ("condition", _TEXT),
            ("sort", _INT),
        ]
    ),
    # What a principal diagnosis says. `category`: 1.. as in the conditions, 0 when the code may not
    # be a principal diagnosis (return to provider), null when nothing says it. `basis` says how the
    # row came about, with the votes it rests on where it was derived.
    "diagnoses": pa.schema(
        [
            ("code", _TEXT),
            ("category", _INT),
            ("clinical_category", _TEXT),
            ("neurologic", _INT),
            ("surgery", _INT),
            ("basis", _TEXT),
            ("votes", _INT),
            ("of", _INT),
        ]
    ),
    # Lists of diagnoses; `place`: other (other diagnoses alone) or any.
    "lists": pa.schema([("list", _TEXT), ("name", _TEXT), ("name_en", _TEXT), ("place", _TEXT)]),
    "list_codes": pa.schema([("list", _TEXT), ("code", _TEXT), ("basis", _TEXT)]),
    # Items of an assessment. `allowed` lists whole numbers and ranges (`0|1`, `0..27|99`); `void`
    # lists those that say "not assessed" (`-` and `^` always do). `absent` stands in for a value that
    # is not stated; null: nothing does. `warns`: its standing in is worth a warning.
    "items": pa.schema(
        [
            ("item", _TEXT),
            ("name", _TEXT),
            ("name_en", _TEXT),
            ("allowed", _TEXT),
            ("void", _TEXT),
            ("absent", _INT),
            ("warns", _BOOL),
            ("aliases", _TEXT),
        ]
    ),
    # What must be stated: one alternative of a requirement, all its items (of a value where one is
    # given). Else all items of the requirement are unknown, and the case is refused where they decide.
    "requirements": pa.schema(
        [
            ("requirement", _TEXT),
            ("name", _TEXT),
            ("name_en", _TEXT),
            ("alternative", _INT),
            ("item", _TEXT),
            ("value", _TEXT),
        ]
    ),
    # A score is the sum of points × numerator / denominator, rounded half up. Points are the item's
    # value, or those of a scale (0 for a value that the scale does not list); 0 also where the
    # condition `zero_if` holds.
    "scores": pa.schema(
        [
            ("score", _TEXT),
            ("name", _TEXT),
            ("name_en", _TEXT),
            ("part", _TEXT),
            ("item", _TEXT),
            ("scale", _TEXT),
            ("numerator", _INT),
            ("denominator", _INT),
            ("zero_if", _TEXT),
            ("standing", _TEXT),
        ]
    ),
    "scales": pa.schema([("scale", _TEXT), ("value", _INT), ("points", _INT)]),
    # A measure is the sum of the points of the conditions and lists that hold.
    "measures": pa.schema(
        [
            ("measure", _TEXT),
            ("name", _TEXT),
            ("name_en", _TEXT),
            ("subject", _TEXT),
            ("points", _INT),
        ]
    ),
    # A condition holds when all terms of one of its alternatives hold. `test`: in (one of the numbers
    # in `value`), ge, le, or holds (of a condition or list).
    "conditions": pa.schema(
        [
            ("condition", _TEXT),
            ("name", _TEXT),
            ("name_en", _TEXT),
            ("alternative", _INT),
            ("subject", _TEXT),
            ("test", _TEXT),
            ("value", _TEXT),
            ("standing", _TEXT),
        ]
    ),
    # Kinds of assessment in their order on one day. `position`: first, any or last. One that does not
    # regroup is checked for its place alone. `indicator` ends a HIPPS code.
    "assessment_types": pa.schema(
        [
            ("type", _TEXT),
            ("name", _TEXT),
            ("name_en", _TEXT),
            ("position", _TEXT),
            ("regroups", _BOOL),
            ("indicator", _TEXT),
            ("sort", _INT),
        ]
    ),
}
"""The tables, in the order in which they are hashed."""

GROUP_COLUMN = ("groups", "group")
