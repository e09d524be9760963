"""``grouper codebooks show`` and ``diff`` for books whose rows are no rules (DIP, APG, PDPM)."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import typer

from codebooks.errors import CodebookError
from codebooks.tabular import about, group_table
from grouper.cli.codebooks_render import (
    print_heading,
    print_json,
    print_pairs,
    print_table,
    say,
    say_known,
)

if TYPE_CHECKING:
    from codebooks.book import SchemeBook
    from codebooks.tabular import BookDiff, TableChanges, TableRow

_SHOWN = 20
"""Rows of one table that are shown where a code stands in many."""


def show_in_tables(book: SchemeBook, code: str, names: dict[str, str], *, as_json: bool) -> None:
    """What a book says of a group or a code.

    Args:
        book: the book.
        code: a group or a code in any spelling.
        names: the code's name in each of the scheme's code sets that has it.
        as_json: print JSON.

    Raises:
        CodebookError: ``CODE_UNKNOWN``.
    """
    found = about(book, code)
    if not found and not names:
        raise CodebookError("CODE_UNKNOWN", found=code, id=book.card.id)
    if as_json:
        plain = [{"table": entry.table, **entry.row} for entry in found]
        print_json({"scheme": book.card.id, "names": names, "rows": plain})
        return
    if names:
        print_heading(f"{code}  {say('separator').join(names.values())}".rstrip())
    own = group_table(book)
    for table, entries in groupby(found, key=lambda entry: entry.table):
        rows = list(entries)
        if own is not None and table == own[0] and len(rows) == 1:
            _print_row(rows[0])
        else:
            _print_rows(table, rows)
    if not found:
        typer.echo(say("show.unused"))


def _print_row(entry: TableRow) -> None:
    print_heading(say_known("table", entry.table))
    print_pairs([(name, str(v)) for name, v in entry.row.items() if v not in (None, "")])


def _print_rows(table: str, rows: list[TableRow]) -> None:
    print_heading(f"{say_known('table', table)}  {say('count.rows_of', count=len(rows))}")
    shown = [entry.row for entry in rows[:_SHOWN]]
    used = [name for name in shown[0] if any(row[name] not in (None, "") for row in shown)]
    print_table(used, [["" if r[n] is None else str(r[n]) for n in used] for r in shown])
    if len(rows) > _SHOWN:
        typer.echo(say("show.more_rows", count=len(rows) - _SHOWN))


def print_book_diff(changes: BookDiff, *, every: bool) -> None:
    """All changes under headings; rows are counted, or listed when ``every`` is asked for."""
    print_heading(say("diff.title", old=changes.old, new=changes.new))
    if not changes:
        typer.echo(say("diff.nothing"))
        return
    for table in changes.tables:
        _print_changes(table, every=every)


def _print_changes(changes: TableChanges, *, every: bool) -> None:
    table = say_known("table", changes.table)
    for key, rows in (("added", changes.added), ("removed", changes.removed)):
        if rows:
            typer.echo()
            print_heading(say(f"diff.{key}", count=len(rows), table=table))
            _list(rows, every=every)
    if changes.changed:
        typer.echo()
        print_heading(say("diff.changed", count=len(changes.changed), table=table))
        for change in changes.changed if every else changes.changed[:_SHOWN]:
            typer.echo(f"  {change.key}")
            for name, old, new in change.columns:
                typer.echo(f"    {name}: {old or say('diff.empty')} → {new or say('diff.empty')}")
        _left_out(len(changes.changed), every=every)


def _list(rows: tuple[str, ...], *, every: bool) -> None:
    for row in rows if every else rows[:_SHOWN]:
        typer.echo(f"  {row}")
    _left_out(len(rows), every=every)


def _left_out(count: int, *, every: bool) -> None:
    if not every and count > _SHOWN:
        typer.echo(say("diff.more", count=count - _SHOWN))
