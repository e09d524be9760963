"""The text of ``grouper codebooks diff``."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import typer

from codebooks.errors import GrouperError
from grouper.cli.codebooks_render import print_heading, print_pairs, print_table, say
from grouper.rules.parser import parse
from grouper.rules.printer import print_rule

if TYPE_CHECKING:
    from codebooks.diff import Changed, GroupChanges, Named, SchemeDiff


def canonical_rule(rule: str) -> str:
    """A rule without what does not change its meaning: needless brackets, letter case, blanks."""
    try:
        return print_rule(parse(rule))
    except GrouperError:
        return rule


def print_diff(changes: SchemeDiff, *, codes: bool) -> None:
    """All changes under headings; the codes of sets, levels and exclusions counted, or listed."""
    print_heading(say("diff.title", old=changes.old, new=changes.new))
    if not changes:
        typer.echo(say("diff.nothing"))
        return
    for table in changes.groups:
        _print_groups(table)
    _print_sets(changes, codes=codes)
    _print_levels(changes, codes=codes)
    _print_exclusions(changes, codes=codes)


def _heading(key: str, count: int, **params: object) -> bool:
    if count:
        typer.echo()
        print_heading(say(f"diff.{key}", count=count, **params))
    return bool(count)


def _print_groups(changes: GroupChanges) -> None:
    table = say(f"kind.{changes.table}")
    groups: tuple[tuple[str, tuple[Named, ...]], ...] = (
        ("added", changes.added),
        ("removed", changes.removed),
    )
    for key, named in groups:
        if _heading(key, len(named), table=table):
            print_pairs([(f"  {group.code}", group.name) for group in named])
    pairs: tuple[tuple[str, tuple[Changed, ...]], ...] = (
        ("renamed", changes.renamed),
        ("rules", changes.rules),
        ("moved", changes.moved),
    )
    for key, changed in pairs:
        if _heading(key, len(changed), table=table):
            for group in changed:
                title = group.code if key == "renamed" else f"{group.code}  {group.name}"
                typer.echo(f"  {title}".rstrip())
                print_pairs(
                    [(f"    {mark}", value or say("diff.empty")) for mark, value in _both(group)]
                )


def _both(group: Changed) -> tuple[tuple[str, str], tuple[str, str]]:
    return ("-", group.old), ("+", group.new)


def _print_codes(added: tuple[str, ...], removed: tuple[str, ...]) -> None:
    for mark, listed in (("+", added), ("-", removed)):
        if listed:
            typer.echo(f"    {mark} {' '.join(listed)}")


def _print_sets(changes: SchemeDiff, *, codes: bool) -> None:
    if not _heading("sets", len(changes.sets)):
        return
    if codes:
        for change in changes.sets:
            typer.echo(f"  {change.set_id}  {say(f'status.{change.status}')}")
            _print_codes(change.added, change.removed)
        return
    columns = [say(f"column.{name}") for name in ("set", "status", "added", "removed")]
    print_table(
        columns,
        [
            [c.set_id, say(f"status.{c.status}"), str(len(c.added)), str(len(c.removed))]
            for c in changes.sets
        ],
    )


def _print_levels(changes: SchemeDiff, *, codes: bool) -> None:
    if not _heading("levels", len(changes.levels)):
        return
    none = say("diff.none")
    if codes:
        columns = [say(f"column.{name}") for name in ("code", "old", "new")]
        print_table(columns, [[c.code, c.old or none, c.new or none] for c in changes.levels])
        return
    tally = Counter((c.old or none, c.new or none) for c in changes.levels)
    columns = [say(f"column.{name}") for name in ("old", "new", "count")]
    print_table(columns, [[*pair, str(count)] for pair, count in sorted(tally.items())])


def _print_exclusions(changes: SchemeDiff, *, codes: bool) -> None:
    if not _heading("exclusions", len(changes.exclusions)):
        return
    if codes:
        for change in changes.exclusions:
            tables = say("diff.tables", old=change.old, new=change.new)
            typer.echo(f"  {tables}  {' '.join(change.codes)}")
            _print_codes(change.added, change.removed)
        return
    names = ("old", "new", "cc_codes", "added", "removed")
    print_table(
        [say(f"column.{name}") for name in names],
        [
            [c.old, c.new, str(len(c.codes)), str(len(c.added)), str(len(c.removed))]
            for c in changes.exclusions
        ],
    )
