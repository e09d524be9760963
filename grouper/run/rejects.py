"""The rejects file: one line for everything wrong with a case, with what to do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from codebooks.messages import text
from grouper.case.fields import FIELDS
from grouper.case.issues import shown
from grouper.schemes.reasons import FROM_BOOK

if TYPE_CHECKING:
    from pathlib import Path

REJECTS_SCHEMA = pa.schema(
    [
        ("row", pa.int64()),
        ("case_id", pa.string()),
        ("severity", pa.string()),
        ("reason", pa.string()),
        ("field", pa.string()),
        ("value", pa.string()),
        ("what", pa.string()),
        ("advice", pa.string()),
    ]
)
"""``row`` counts data records from 1 (0: the file itself); ``what`` and ``advice`` are words."""

_BOM = b"\xef\xbb\xbf"
_CODE = re.compile(r"(?=.*[0-9])(?!.*[0-9]{11})[A-Za-z0-9][A-Za-z0-9.,+*/: \-]{0,39}")
"""What may stand as it is: codes, dates and numbers shorter than those of telephones."""


class RejectsFile:
    """Writes issues beside the case they concern, as CSV in UTF-8 with a byte order mark."""

    def __init__(self, path: Path, lang: str | None) -> None:
        self._lang = lang
        self._file = path.open("wb")
        self._file.write(_BOM)
        self._writer = pacsv.CSVWriter(self._file, REJECTS_SCHEMA)

    def write(self, issues: pa.Table, cases: pa.RecordBatch | None, first_row: int) -> None:
        """Append issues; ``cases`` are the batch that starts with ``first_row``."""
        if not issues.num_rows:
            return
        reasons = issues.column("reason").combine_chunks()
        columns = {name: issues.column(name) for name in issues.column_names}
        columns["case_id"] = self._case_ids(issues.column("row"), cases, first_row)
        values = pc.fill_null(issues.column("value"), "")
        if cases is not None:
            trusted = pc.is_in(reasons, pa.array(sorted(FROM_BOOK), pa.string()))
            values = values.combine_chunks()
            values = pc.if_else(trusted, values, _harmless(values))
        columns["value"] = values
        columns["what"] = self._words("reason", reasons)
        columns["advice"] = self._words("advice", reasons)
        table = pa.table([columns[name] for name in REJECTS_SCHEMA.names], schema=REJECTS_SCHEMA)
        self._writer.write_table(table)

    @staticmethod
    def _case_ids(
        rows: pa.ChunkedArray, cases: pa.RecordBatch | None, first_row: int
    ) -> pa.ChunkedArray | pa.Array:
        if cases is None:
            return pa.repeat("", len(rows))
        places = pc.subtract(rows, first_row)
        ids = cases.column("case_id").take(pc.if_else(pc.less(places, 0), None, places))
        return pc.fill_null(ids.cast(pa.string()), "")

    def _words(self, kind: str, reasons: pa.Array) -> pa.Array:
        encoded = reasons.dictionary_encode()
        words = [text(f"{kind}.{reason}", self._lang) for reason in encoded.dictionary.to_pylist()]
        return pa.array(words, pa.string()).take(encoded.indices)

    def close(self) -> None:
        """Finish the file."""
        self._writer.close()
        self._file.close()


def _harmless(values: pa.Array) -> pa.Array:
    """Values without names: a column of codes may hold something else than its name says."""
    encoded = values.dictionary_encode()
    kept = [
        v if _CODE.fullmatch(v) else shown(v, FIELDS["dx"]) for v in encoded.dictionary.to_pylist()
    ]
    return pa.array(kept, pa.string()).take(encoded.indices)
