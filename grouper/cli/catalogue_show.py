"""What the ``catalogue`` commands print: lists, rows, imports and changes."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc
import typer

from codebooks.catalogues.catalogue import dated, in_force
from codebooks.catalogues.diff import ADDED, REMOVED, Change, difference
from codebooks.catalogues.history import NEVER
from codebooks.catalogues.report import change_words, kind_words
from codebooks.messages import text
from grouper.case.readers.text_input import readable
from grouper.cli.codebooks_render import print_json, print_pairs, validity

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from codebooks.catalogues.catalogue import Catalogue, Catalogues

_FIRST = 20
"""Changes that are listed unless all are asked for."""


def _say(key: str, /, **params: object) -> str:
    return text(f"catalogue.{key}", None, **params)


def print_list(catalogues: Catalogues, day: date, *, as_json: bool) -> None:
    """The installed catalogues with what is in force on a day."""
    rows = [
        {
            "kind": kind,
            "rows": one.on(day, ["since"]).num_rows,
            "imports": len(one.kept.imports),
            "valid_from": one.first_day,
        }
        for kind, one in catalogues.kinds.items()
        if one
    ]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        kind = kind_words(str(row["kind"]))
        told = {"rows": row["rows"], "imports": row["imports"], "day": row["valid_from"]}
        typer.echo(_say("line", kind=kind, **told))
    if not rows:
        typer.echo(_say("none"))


def print_rows(
    one: Catalogue, words: Sequence[str], day: date | None, limit: int, *, as_json: bool
) -> None:
    """The rows of a code, else those whose names hold the words."""
    rows = one.entries(words[0], day) if len(words) == 1 else []
    if not rows:
        rows = [dated(row) for row in one.find(words, day, limit).to_pylist()]
    shown = rows[:limit]
    if as_json:
        print_json(shown)
        return
    if not shown:
        typer.echo(readable(_say("nothing", found=" ".join(words))))
    for row in shown:
        print_pairs(_pairs(row))
        typer.echo("")
    for key in dict.fromkeys(str(row[one.form.key]) for row in shown):
        _print_disputes(one, key, day)


def _pairs(row: dict[str, Any]) -> list[tuple[str, str]]:
    start, end = row["valid_from"], row["valid_to"]
    pairs = [
        (_say(f"field.{name}"), readable(str(value)))
        for name, value in row.items()
        if value is not None and name not in {"valid_from", "valid_to"}
    ]
    return [*pairs, (_say("field.valid_from"), validity(start, end))]


def _print_disputes(one: Catalogue, key: str, day: date | None) -> None:
    rows = one.disputes.filter(pc.equal(one.disputes["key"], key))
    if day is not None:
        rows = rows.filter(in_force(rows, day))
    days = [
        _say(
            "days",
            since=np.datetime64(row["since"], "D"),
            until=_say("open") if row["until"] == NEVER else np.datetime64(row["until"], "D"),
        )
        for row in rows.to_pylist()
    ]
    if days:
        typer.echo(readable(_say("disputed", days=_say("separator").join(days))))


def print_history(one: Catalogue, *, as_json: bool) -> None:
    """The imports, the first first."""
    if as_json:
        print_json([made.to_json() for made in one.kept.imports])
        return
    for made in one.kept.imports:
        plain = made.to_json()
        extent = _say(f"extent.{'whole' if made.whole else 'changes'}")
        typer.echo(readable(_say("history_line", **plain, day=plain["valid_from"], extent=extent)))


def print_diff(one: Catalogue, old: date, new: date, *, every: bool, as_json: bool) -> None:
    """What changed from one day to another."""
    found = difference(one.form, one.on(old), one.on(new))
    if as_json:
        print_json(
            {
                "kind": one.kind,
                "old": old,
                "new": new,
                "counts": dict(found.counts),
                "changes": [asdict(change) for change in found.changes],
            }
        )
        return
    typer.echo(_say("diff_title", kind=kind_words(one.kind), old=old, new=new))
    typer.echo(change_words(found.counts))
    shown = found.changes if every else found.changes[:_FIRST]
    for change in shown:
        typer.echo(readable(_change(change)))
    if len(shown) < len(found.changes):
        typer.echo(_say("more", count=len(found.changes) - len(shown)))


def _change(change: Change) -> str:
    if change.sort in {ADDED, REMOVED}:
        return _say(f"change_{change.sort}", key=change.key, name=change.name)
    return _say(
        "change_field",
        key=change.key,
        name=change.name,
        field=_say(f"field.{change.field}"),
        old=change.old or _say("absent"),
        new=change.new or _say("absent"),
    )
