"""Opening a file of cases: which format, which encoding, which dialect."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from codebooks.errors import GrouperError, Where
from grouper.case.fields import FIELDS
from grouper.case.readers.csv_file import CsvSource
from grouper.case.readers.dialects import Dialect, lay_out, registered
from grouper.case.readers.json_lines import JsonLinesSource
from grouper.case.readers.parquet_file import ParquetSource
from grouper.case.readers.source import BATCH_ROWS, Source
from grouper.case.readers.text_input import encoding_of
from grouper.case.values import read

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FORMATS = ("csv", "jsonl", "parquet")
_SUFFIXES = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}
_PARQUET = b"PAR1"
_OTHERS = {b"PK\x03\x04": "zip/xlsx", b"\xd0\xcf\x11\xe0": "xls", b"\x1f\x8b": "gzip"}
_HEAD = 4096


def open_source(
    path: str | Path,
    *,
    format: str | None = None,  # noqa: A002 -- the word that users and the command say
    encoding: str | None = None,
    batch_rows: int = BATCH_ROWS,
    defaults: Mapping[str, str] | None = None,
    dialects: Sequence[Dialect] | None = None,
) -> Source:
    """Open a file of cases.

    Args:
        path: the file.
        format: one of :data:`FORMATS`; by default the content and the suffix decide.
        encoding: of a text file: UTF-8, GB18030 (GBK, GB2312) or UTF-16; by default found out.
        batch_rows: the most records in a batch.
        defaults: raw values by field for records that state none, such as the region.
        dialects: forms to try before the general one; by default those that packages register.

    Raises:
        GrouperError: ``FILE_NOT_FOUND``, ``FILE_DENIED``, ``FILE_FORMAT``, ``FILE_ENCODING``,
            ``FILE_LINE``, ``FILE_BROKEN``, ``FILE_COLUMNS`` (no column means anything to a case)
            or ``DEFAULT_INVALID``.
    """
    path = Path(path)
    where = Where(file=str(path))
    found = _format(path, format, where)
    binder = partial(lay_out, dialects=registered() if dialects is None else tuple(dialects))
    if found == "parquet":
        source: Source = ParquetSource(path, batch_rows, binder)
    elif found == "jsonl":
        source = JsonLinesSource(path, encoding_of(path, encoding), batch_rows, binder)
    else:
        source = CsvSource(path, encoding_of(path, encoding), batch_rows, binder)
    empty = any(issue.reason == "FILE_EMPTY" for issue in source.file_issues)
    if not source.layout.bindings and not empty:
        raise GrouperError("FILE_COLUMNS", where)
    if defaults:
        for name, raw in defaults.items():
            field = FIELDS.get(name)
            if field is None or field.nested or read(raw, field)[1]:
                raise GrouperError("DEFAULT_INVALID", where, field=name)
        source.use_defaults(defaults)
    return source


def _format(path: Path, wanted: str | None, where: Where) -> str:
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        raise GrouperError("FILE_NOT_FOUND", where) from None
    except (OSError, ValueError) as cause:
        raise GrouperError("FILE_DENIED", where, cause=str(cause)) from cause
    known = ", ".join(FORMATS)
    if wanted is not None:
        if wanted not in FORMATS:
            raise GrouperError("FILE_FORMAT", where, found=wanted, known=known)
        return wanted
    for magic, name in _OTHERS.items():
        if head.startswith(magic):
            raise GrouperError("FILE_FORMAT", where, found=name, known=known)
    if head.startswith(_PARQUET):
        return "parquet"
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if start == b"[":
        raise GrouperError("FILE_FORMAT", where, found="JSON [ ]", known=known)
    return _SUFFIXES.get(path.suffix.lower()) or ("jsonl" if start == b"{" else "csv")
