"""Files of cases written, opened and read to their end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grouper.case import CASE_SCHEMA, Case, plain
from grouper.case.issues import issues_of
from grouper.case.readers import open_source
from grouper.case.readers.source import Source

if TYPE_CHECKING:
    from pathlib import Path

Said = list[tuple[int, str, str]]


def opened(path: Path, content: bytes | str, **options: object) -> Source:
    """A file of this content, opened."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return open_source(path, dialects=(), **options)  # type: ignore[arg-type]


def rows_of(source: Source) -> tuple[list[dict[str, Any]], list[Case], Said, list[bool]]:
    """All rows of a file: as they stand there, as cases, what is said of them, which are refused."""
    originals: list[dict[str, Any]] = []
    cases: list[Case] = []
    said: Said = []
    rejected: list[bool] = []
    for batch in source.batches():
        assert batch.first_row == len(cases) + 1
        assert batch.original.schema == source.schema
        assert batch.original.num_rows == batch.cases.num_rows <= source.batch_rows
        assert plain(batch.cases).schema == CASE_SCHEMA
        originals += batch.original.to_pylist()
        cases += [Case.from_batch(batch.cases, at) for at in range(batch.cases.num_rows)]
        said += [(i.row, i.field, i.reason) for i in issues_of(batch.issues)]
        rejected += batch.rejected.tolist()
    return originals, cases, said, rejected
