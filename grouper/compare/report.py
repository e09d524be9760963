"""The forms of a report: a page to read and print, a workbook, a table of flows, plain values."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from codebooks.errors import Where
from codebooks.messages import language
from grouper.compare.document import document
from grouper.compare.page import page
from grouper.compare.workbook import write_workbook
from grouper.run.destinations import OutputError, part_of
from grouper.run.writers import open_writer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from grouper.compare.comparison import Comparison

_PLACE = ("scheme", "status", "reason", "group", "name")
_REST = (
    "from_kind",
    "to_kind",
    "from_weighed",
    "from_weight",
    "to_weighed",
    "to_weight",
    "moved",
    "share_change",
)

FLOWS_SCHEMA: pa.Schema = pa.schema(
    [
        *((f"{side}_{name}", pa.string()) for side in ("from", "to") for name in _PLACE),
        ("change", pa.string()),
        ("level", pa.string()),
        ("cases", pa.int64()),
        *((name, pa.int64() if name.endswith("weighed") else pa.string()) for name in _REST),
    ]
)
"""The CSV report: one line for each flow. Numbers with places are text as they were computed."""


def check_report(path: Path) -> None:
    """See that a report's ending is one of :data:`FORMS`.

    Raises:
        OutputError: ``OUTPUT_FORMAT``.
    """
    if path.suffix.lower() not in FORMS:
        known = ", ".join(FORMS)
        raise OutputError("OUTPUT_FORMAT", Where(file=path.name), found=path.suffix, known=known)


def write_report(path: Path, found: Comparison, movers: int, lang: str | None) -> None:
    """Write a report beside the name it will take (``part_of``).

    Args:
        path: its name.
        found: the comparison.
        movers: how many flows to list that move most weight.
        lang: language of a page.
    """
    FORMS[path.suffix.lower()](path, document(found, movers), lang or language())


def _json(path: Path, plain: dict[str, Any], lang: str) -> None:
    del lang  # only words of programs and names of groups stand in it
    part_of(path).write_text(json.dumps(plain, ensure_ascii=False, indent=1) + "\n", "utf-8")


def _html(path: Path, plain: dict[str, Any], lang: str) -> None:
    part_of(path).write_text(page(plain, lang), "utf-8")


def _csv(path: Path, plain: dict[str, Any], lang: str) -> None:
    del lang  # as above
    lines = [_line(flow) for flow in plain["flows"]]
    writer = open_writer(path, FLOWS_SCHEMA)
    for batch in pa.Table.from_pylist(lines, FLOWS_SCHEMA).to_batches():
        writer.write(batch)
    writer.close()


def _line(flow: dict[str, Any]) -> dict[str, Any]:
    places = {f"{side}_{name}": flow[side][name] for side in ("from", "to") for name in _PLACE}
    return places | {name: flow[name] for name in FLOWS_SCHEMA.names if name not in places}


def _xlsx(path: Path, plain: dict[str, Any], lang: str) -> None:
    write_workbook(part_of(path), plain, lang)


FORMS: dict[str, Callable[[Path, dict[str, Any], str], None]] = {
    ".html": _html,
    ".json": _json,
    ".csv": _csv,
    ".xlsx": _xlsx,
}
"""What writes a report, by the ending of its name."""
