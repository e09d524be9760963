"""What changed from one scheme to another, as one list that a page can turn: groups, sets, rules."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from codebooks.diff import diff
from codebooks.errors import GrouperError
from codebooks.tabular import diff_books, groups_of
from grouper.rules.parser import parse
from grouper.rules.printer import print_rule
from grouper.service import json_files
from grouper.service.book_limits import book_limits

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from codebooks.book import SchemeBook
    from codebooks.diff import SchemeDiff
    from codebooks.tabular import BookDiff

CHANGES = "changes.json"
"""Name of the file of an errand that holds what changed."""
_DRG = "drg"

Row = dict[str, str]
"""One change: ``part`` (of the list of parts below), ``table``, ``code``, ``name``, ``old``, ``new``."""


def write_changes(folder: Path, found: Mapping[str, Any]) -> None:
    """Write what changed into the folder of an errand."""
    (folder / CHANGES).write_text(json.dumps(found, ensure_ascii=False), "utf-8")


def read_changes(folder: Path) -> dict[str, Any] | None:
    """What an errand found to have changed; None: it did not compare, or its file is broken."""
    return json_files.read(folder / CHANGES)


def changes(old: SchemeBook, new: SchemeBook) -> dict[str, Any]:
    """All that changed from one book to another of its family.

    Returns:
        ``old`` and ``new`` (ids), ``counts`` by part, ``rows`` (of :data:`Row`) in the order of the
        tables; long lists of codes are cut, with the number of the rest as ``+n``.

    Raises:
        CodebookError: ``DIFF_FAMILIES``.
    """
    if old.card.family == new.card.family == _DRG:
        rows = list(_of_rules(diff(old, new, _canonical)))
    else:
        rows = list(_of_tables(diff_books(old, new), old, new))
    counts = Counter(row["part"] for row in rows)
    return {"old": old.card.id, "new": new.card.id, "counts": dict(counts), "rows": rows}


def _canonical(rule: str) -> str:
    """A rule without what does not change its meaning: needless brackets, letter case, blanks."""
    try:
        return print_rule(parse(rule))
    except GrouperError:
        return rule


def _row(part: str, table: str, code: str, **more: str) -> Row:
    return {"part": part, "table": table, "code": code, "name": "", "old": "", "new": "", **more}


def _of_rules(found: SchemeDiff) -> Iterator[Row]:
    for table in found.groups:
        for part in ("added", "removed"):
            for one in getattr(table, part):
                yield _row(part, table.table, one.code, name=one.name)
        for part in ("renamed", "rules", "moved"):
            for change in getattr(table, part):
                told = {"name": change.name, "old": change.old, "new": change.new}
                yield _row(part, table.table, change.code, **told)
    for held in found.sets:
        told = {"old": _codes(held.removed), "new": _codes(held.added)}
        yield _row(f"set_{held.status}", "sets", held.set_id, **told)
    for level in found.levels:
        yield _row("level", "cc", level.code, old=level.old or "", new=level.new or "")
    for excluded in found.exclusions:
        told = {"name": _codes(excluded.codes)}
        told |= {"old": _codes(excluded.removed), "new": _codes(excluded.added)}
        names = dict.fromkeys(one for one in (excluded.old, excluded.new) if one)
        yield _row("exclusion", "exclusions", " → ".join(names), **told)


def _of_tables(found: BookDiff, old: SchemeBook, new: SchemeBook) -> Iterator[Row]:
    names = groups_of(old) | groups_of(new)
    for table in found.tables:
        for part in ("added", "removed"):
            for key in getattr(table, part):
                yield _row(part, table.table, key, name=names.get(key, ""))
        for change in table.changed:
            for column, was, now in change.columns:
                told = {"name": names.get(change.key, ""), "old": was, "new": now}
                yield _row("column", table.table, change.key, column=column, **told)


def _codes(codes: Sequence[str]) -> str:
    most = book_limits().codes
    rest = len(codes) - most
    return " ".join([*codes[:most], *([f"+{rest}"] if rest > 0 else [])])
