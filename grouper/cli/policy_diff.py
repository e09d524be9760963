"""``grouper policy diff``: what changed in a region from one day to another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from codebooks.policies.differences import differences
from codebooks.policies.forms import Kind
from grouper.cli.codebooks_list import region_name
from grouper.cli.codebooks_render import print_heading, print_json, print_table
from grouper.cli.policy_show import policy_on
from grouper.cli.policy_words import (
    key_words,
    marked,
    plain,
    row_words,
    say,
    topic_words,
    value_words,
)

if TYPE_CHECKING:
    from datetime import date

    from codebooks.policies.differences import Difference, Said

_MOST_ROWS = 20


def diff(region: str, old: date, new: date, *, every: bool, as_json: bool) -> None:
    """Print each place where the policies of two days differ.

    Raises:
        CodebookError: as :func:`grouper.cli.policy_show.policy_on`.
    """
    before, after = policy_on(region, old), policy_on(region, new)
    found = differences(before, after)
    if as_json:
        print_json(
            {
                "region": before.region,
                "old": {"day": old, "policy": before.id},
                "new": {"day": new, "policy": after.id},
                "differences": [_entry(one) for one in found],
            }
        )
        return
    print_heading(say("diff.title", region=region_name(before.region), old=before.id, new=after.id))
    if not found:
        typer.echo(say("diff.nothing"))
    topics: dict[str, dict[str, list[Difference]]] = {}
    for one in found:
        by_path = topics.setdefault(one.path.split(".")[0], {})
        by_path.setdefault(one.path, []).append(one)
    for topic, parameters in topics.items():
        typer.echo()
        print_heading(topic_words(topic))
        _print_topic(parameters, every=every)


def _print_topic(parameters: dict[str, list[Difference]], *, every: bool) -> None:
    rows: list[list[str]] = []
    for ones in parameters.values():
        first = ones if every else ones[:_MOST_ROWS]
        rows += [
            [
                f"{one.form.called()} ({one.form.name})",
                say("separator").join(filter(None, (key_words(one.form, one.keys), one.row))),
                _words(one, one.old),
                _words(one, one.new),
                one.form.unit,
            ]
            for one in first
        ]
        if len(first) < len(ones):
            rows.append(["", say("diff.more", count=len(ones) - len(first)), "", "", ""])
    columns = ("parameter", "keys", "old", "new", "unit")
    print_table([say(f"column.{name}") for name in columns], rows)


def _words(one: Difference, said: Said | None) -> str:
    if said is None:
        return say("none")
    words = value_words(said.value)
    if one.form.kind is Kind.TABLE and said.value is not None:
        words = row_words(one.form, said.value, with_key=False) or say("yes")
    return marked(words, assumption=said.assumption)


def _entry(one: Difference) -> dict[str, Any]:
    return {
        "path": one.path,
        "keys": dict(zip(one.form.by, one.keys, strict=False)),
        "row": one.row,
        "unit": one.form.unit,
        **{
            side: said and {"value": plain(said.value), "assumption": said.assumption}
            for side, said in (("old", one.old), ("new", one.new))
        },
    }
