"""Making code sets and crosswalks: rows in, a checked table and a whole folder out.

Apart from reading because the pinyin dictionary takes long to load and readers do not need it.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from codebooks.code_storage import (
    CODES,
    CROSSWALK,
    MANIFEST,
    CodeCard,
    Manifest,
    content_hash,
    file_of,
)
from codebooks.errors import CodebookError, Where
from codebooks.folding import fold_code
from codebooks.initials import initials

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def code_table(rows: Iterable[Mapping[str, str | None]]) -> pa.Table:
    """A table in the form of :data:`CODES`, sorted by code, initials computed from the names.

    Args:
        rows: ``code`` (official spelling), ``name`` (may be empty), optionally ``addition``.

    Raises:
        CodebookError: ``CODESET_CODE`` for an empty code, ``CODESET_DUPLICATE`` for two codes
            that fold to one.
    """
    seen: dict[str, dict[str, str | None]] = {}
    for number, row in enumerate(rows, 1):
        code, name = (row["code"] or "").strip(), (row["name"] or "").strip()
        folded = fold_code(code)
        if not folded:
            raise CodebookError("CODESET_CODE", Where(row=number))
        if folded in seen:
            raise CodebookError("CODESET_DUPLICATE", Where(row=number), code=code)
        addition = row.get("addition") or None
        seen[folded] = {
            "code": code,
            "name": name,
            "initials": initials(name),
            "addition": addition,
        }
    ordered = [seen[folded] for folded in sorted(seen)]
    return pa.Table.from_pylist(ordered, schema=CODES)


def crosswalk_table(pairs: Iterable[tuple[str, str | None]]) -> pa.Table:
    """A table in the form of :data:`CROSSWALK`: each pair once, sorted by source.

    A source code without any target stands once with none. The targets of one source keep the
    order in which they are given.
    """
    targets: dict[str, dict[str, None]] = {}
    spelling: dict[str, str] = {}
    for source, target in pairs:
        folded = fold_code(source)
        spelling.setdefault(folded, source.strip())
        own = targets.setdefault(folded, {})
        if target and target.strip():
            own[target.strip()] = None
    sources: list[str] = []
    found: list[str | None] = []
    for folded in sorted(targets):
        for target in targets[folded] or (None,):
            sources.append(spelling[folded])
            found.append(target)
    return pa.table([sources, found], schema=CROSSWALK)


def counts_of(table: pa.Table) -> dict[str, int]:
    """The figures of a manifest: rows, and what is out of the ordinary among them."""
    if "code" in table.schema.names:
        additions = table.num_rows - table.column("addition").null_count
        unnamed = sum(not name for name in table.column("name").to_pylist())
        return {"codes": table.num_rows, "additions": additions, "unnamed": unnamed}
    tally: dict[str, int] = {}
    for source in table.column("source_code").to_pylist():
        tally[source] = tally.get(source, 0) + 1
    return {
        "rows": table.num_rows,
        "sources": len(tally),
        "without_target": table.column("target_code").null_count,
        "several_targets": sum(count > 1 for count in tally.values()),
    }


def write_codes(card: CodeCard, table: pa.Table, folder: Path) -> Path:
    """Write a code set or a crosswalk to ``folder``, which must not exist.

    Nothing is left behind on failure.

    Raises:
        CodebookError: ``CODESET_EXISTS``.
    """
    if folder.exists():
        raise CodebookError("CODESET_EXISTS", Where(file=str(folder)), id=card.id)
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    manifest = Manifest(card, counts_of(table), content_hash(table))
    try:
        if card.package is None:
            path = part / file_of(card)
            # Nearly every value is unique: a dictionary would only make the file larger.
            pq.write_table(
                table, path, compression="zstd", compression_level=19, use_dictionary=False
            )
        text = json.dumps(manifest.to_json(), ensure_ascii=False, indent=1) + "\n"
        (part / MANIFEST).write_text(text, "utf-8")
        part.chmod(0o755)
        part.rename(folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return folder
