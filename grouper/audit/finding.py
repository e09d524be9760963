"""The shape of a finding, as a row of a table (NHSA 3101 and 3102 translate from it)."""

from __future__ import annotations

import pyarrow as pa

FINDING_SCHEMA = pa.schema(
    [
        # 24 hexadecimal digits of the hash of rule, row, case and lines: the same finding of two
        # runs has the same id, so that its review goes on.
        pa.field("finding", pa.string(), nullable=False),
        pa.field("rule", pa.string(), nullable=False),
        # The parameter row of the book; null where the rule has none.
        pa.field("row", pa.string()),
        pa.field("book", pa.string(), nullable=False),
        # violation, suspect, verify (or monitor).
        pa.field("level", pa.string(), nullable=False),
        pa.field("case_id", pa.string()),
        # The pseudonym of the person.
        pa.field("person", pa.string()),
        # Of the first of the lines; of the case where there are none.
        pa.field("department", pa.string()),
        pa.field("physician", pa.string()),
        # Numbers of charge lines within the case, from 1, ascending.
        pa.field("lines", pa.list_(pa.int32()), nullable=False),
        # National codes of the items that are found at fault.
        pa.field("items", pa.list_(pa.string()), nullable=False),
        # Local day of the first line, or on which the stay or visit began; null: not stated.
        pa.field("day", pa.date32()),
        pa.field("observed", pa.decimal128(18, 4)),
        pa.field("allowed", pa.decimal128(18, 4)),
        # Key of the unit's words (audit_unit.…).
        pa.field("unit", pa.string()),
        # Yuan at stake.
        pa.field("amount", pa.decimal128(18, 2), nullable=False),
        pa.field(
            "evidence",
            pa.list_(pa.struct([("key", pa.string()), ("value", pa.string())])),
            nullable=False,
        ),
        # order, stay or upload: when it was found.
        pa.field("moment", pa.string(), nullable=False),
    ]
)
"""The columns of a finding. Rows are in the order of case, rule, first line and id."""
