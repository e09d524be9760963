"""Column mappings that were given once, kept in the hospital's data folder by the header.

The file ``dip_columns.json`` holds, for the header texts of a bureau's table, which of them is
which field; the next table with the same header needs no mapping.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from codebooks import paths
from codebooks.errors import CodebookError, Where
from codebooks.importers.tables import fold_label
from codebooks.plain import json_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FILE = "dip_columns.json"
_SIGN = "\n"


def header_key(labels: Iterable[str]) -> str:
    """The key of a header: its texts, folded, without repeats, in one order."""
    return _SIGN.join(sorted({fold_label(label) for label in labels} - {""}))


def recall(labels: Iterable[str]) -> dict[str, str]:
    """The header text of each field that was given for this header; empty when none was.

    Raises:
        CodebookError: ``DIP_COLUMNS_FILE`` when the file is broken.
    """
    return dict(_read().get(header_key(labels), {}))


def named(labels: Iterable[str], given: Mapping[str, str]) -> dict[str, str]:
    """What is given on top of what is remembered for this header.

    A column that is given to a field now is no longer the one that it was remembered for.

    Raises:
        CodebookError: ``DIP_COLUMNS_FILE``.
    """
    taken = {fold_label(label) for label in given.values()}
    kept = {field: text for field, text in recall(labels).items() if fold_label(text) not in taken}
    return {**kept, **given}


def remember(labels: Iterable[str], columns: Mapping[str, str]) -> None:
    """Keep a mapping for this header; the file is replaced whole.

    Raises:
        CodebookError: ``DIP_COLUMNS_FILE`` when the file is broken, ``IMPORT_WRITE`` when it
            cannot be written.
    """
    known = {**_read(), header_key(labels): dict(columns)}
    path = paths.installed() / FILE
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{FILE}-", dir=path.parent)
        part = Path(name)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(known, file, ensure_ascii=False, indent=1, sort_keys=True)
                file.write("\n")
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as cause:
        reason = cause.strerror or type(cause).__name__
        raise CodebookError("IMPORT_WRITE", Where(file=str(path)), reason=reason) from cause


def _read() -> dict[str, dict[str, str]]:
    path = paths.installed() / FILE
    try:
        plain = json_of(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as cause:
        raise CodebookError("DIP_COLUMNS_FILE", Where(file=str(path))) from cause
    sound = isinstance(plain, dict) and all(
        isinstance(columns, dict) and all(isinstance(label, str) for label in columns.values())
        for columns in plain.values()
    )
    if not sound:
        raise CodebookError("DIP_COLUMNS_FILE", Where(file=str(path)))
    return dict(plain)
