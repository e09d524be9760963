"""DIP: one catalogue of groups in its published expressions, lists of exclusions, and factors.

Cells keep the published text (``40.5905+40.5914``, ``A15-A16``, ``M47.0+``); the grammar is read
when a scheme is compiled, so that an open reading can be an option of the scheme.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Mapping

_TEXT, _INT = pa.string(), pa.int32()
_SCORE = pa.decimal128(18, 6)
_RATIO = pa.decimal128(12, 6)

TABLES: Mapping[str, pa.Schema] = {
    # One row a group. `section`: XQ (pre-group), BX (merged), FZ (diagnostic detail), JC (basic)
    # nationally; HX (core), ZH (comprehensive), JCB (primary care) in a city's catalogue.
    # `detail`: burn, tumour or tuberculosis in FZ, else empty. `treatment`: surgery, therapeutic,
    # diagnostic or conservative for a comprehensive row, else empty (a core row without a procedure
    # is conservative). `resistant`: yes, no or empty; `resistant_list` is yes where a principal
    # diagnosis of `resistant_diagnoses` counts as such, `resistant_other` the expression of the
    # other diagnoses that do. `diagnosis_position` and `procedure_position`: any where the row
    # takes the diagnosis or procedure in every place, else principal and main. Ages in days and
    # birth weights in grams include both bounds. Numbers are null where the book has none, texts
    # empty. `source_row` is the sheet's or file's row and no part of the content hash.
    "groups": pa.schema(
        [
            ("group", _TEXT),
            ("name", _TEXT),
            ("section", _TEXT),
            ("detail", _TEXT),
            ("diagnosis", _TEXT),
            ("diagnosis_name", _TEXT),
            ("diagnosis_position", _TEXT),
            ("second_diagnosis", _TEXT),
            ("second_diagnosis_name", _TEXT),
            ("resistant", _TEXT),
            ("resistant_list", _TEXT),
            ("resistant_other", _TEXT),
            ("procedure", _TEXT),
            ("procedure_name", _TEXT),
            ("procedure_position", _TEXT),
            ("related", _TEXT),
            ("related_name", _TEXT),
            ("treatment", _TEXT),
            ("age_days_min", _INT),
            ("age_days_max", _INT),
            ("weight_g_min", _INT),
            ("weight_g_max", _INT),
            ("score", _SCORE),
            ("mean_cost", _SCORE),
            ("mean_los", _RATIO),
            ("cost_cv", _RATIO),
            ("cases", _INT),
            ("note", _TEXT),
            ("sort", _INT),
            ("source_row", _INT),
        ]
    ),
    # May not be the principal diagnosis.
    "excluded_diagnoses": pa.schema([("code", _TEXT)]),
    # treatment: conservative (counts as none), not_main (take the next one), restricted (only with
    # the listed principal diagnoses, `diagnoses` in the catalogue's expression).
    "excluded_procedures": pa.schema(
        [("code", _TEXT), ("treatment", _TEXT), ("diagnoses", _TEXT), ("note", _TEXT)]
    ),
    "resistant_diagnoses": pa.schema([("code", _TEXT), ("name", _TEXT)]),
    # Groups that primary-care institutions are paid alike for; keys in catalogue expressions.
    "primary_care": pa.schema(
        [
            ("group", _TEXT),
            ("diagnosis", _TEXT),
            ("diagnosis_name", _TEXT),
            ("procedure", _TEXT),
            ("procedure_name", _TEXT),
        ]
    ),
}
"""The tables of a DIP book, in the order in which they are hashed."""

GROUP_COLUMN = ("groups", "group")
