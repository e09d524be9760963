"""``grouper policy show``: all that holds in a region on a day, and what each value rests on."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import typer

from codebooks.policies.forms import Kind, topic_forms
from codebooks.policies.policies import ASSIGNMENT, policies
from codebooks.policies.yaml_nodes import PolicyError
from grouper.cli.codebooks_list import region_name
from grouper.cli.codebooks_render import print_heading, print_json, print_table, validity
from grouper.cli.policy_words import (
    idle_dimensions,
    key_words,
    marked,
    origin_words,
    plain,
    row_words,
    say,
    topic_words,
    value_words,
)

if TYPE_CHECKING:
    from codebooks.policies.kinds import TableRow
    from codebooks.policies.policy import Given, Policy

_WHOLE_TABLE = 12
"""Rows up to which a table is printed whole."""
_FIRST_ROWS = 5
_COLUMNS = ("parameter", "keys", "value", "unit", "validity", "origin", "source")


def policy_on(region: str, day: date) -> Policy:
    """All that holds on a day, whether or not a case can be priced by it.

    Raises:
        CodebookError: ``REGION_UNKNOWN``, or why a file cannot be used.
    """
    periods = policies().periods(region)
    return next((one for one in periods if one.valid_from <= day < one.valid_to), periods[-1])


def rules_of(policy: Policy) -> tuple[TableRow, ...]:
    """The rules that say which method binds; none: no case is priced."""
    rules = policy.find(ASSIGNMENT)
    return rules.value if rules else ()


def show(region: str, day: date, topic: str | None, *, as_json: bool) -> None:
    """Print the policy of a region, or one topic of it.

    Raises:
        CodebookError: as :func:`policy_on`; ``POLICY_TOPIC``.
    """
    if topic is not None and topic not in topic_forms():
        raise PolicyError("POLICY_TOPIC", found=topic, known=", ".join(topic_forms()))
    policy = policy_on(region, day)
    topics: dict[str, list[Given]] = {}
    for path in sorted(policy.values):
        given = policy.values[path]
        if topic in (None, given.topic):
            topics.setdefault(given.topic, []).append(given)
    if as_json:
        print_json(_document(policy, day, topics))
        return
    print_heading(
        say(
            "show.title",
            region=region_name(policy.region),
            day=day.isoformat(),
            policy=policy.id,
            validity=validity(_known(policy.valid_from), _known(policy.valid_to)),
        )
    )
    if not rules_of(policy):
        typer.echo(say("show.unpriced"))
    if not topics:
        typer.echo(say("show.nothing"))
    for name, values in topics.items():
        _print_topic(name, values, policy.region)


def _known(day: date) -> date | None:
    """A day that a file states; the ends of the calendar stand for none."""
    return None if day in (date.min, date.max) else day


def _print_topic(topic: str, values: list[Given], region: str) -> None:
    typer.echo()
    print_heading(topic_words(topic))
    notes: dict[str, int] = {}
    rows: list[list[str]] = []
    tables: list[tuple[Given, str, tuple[TableRow, ...]]] = []
    for given in values:
        number = notes.setdefault(_note(given), len(notes) + 1)
        idle = idle_dimensions(given)
        for keys, value in given.by_keys():
            table = given.form.kind is Kind.TABLE and value is not None
            words = value_words(value)
            if table and len(value) > 1:
                words = say("show.rows", count=len(value))
                tables.append((given, key_words(given.form, keys, idle), value))
            elif table and value:
                words = row_words(given.form, value[0], with_key=True)
            rows.append(
                [
                    f"{given.form.called()} ({given.form.name})",
                    key_words(given.form, keys, idle),
                    marked(words, assumption=given.assumption),
                    given.form.unit,
                    validity(given.valid_from, given.valid_to),
                    origin_words(given, region),
                    f"[{number}]",
                ]
            )
    print_table([say(f"column.{name}") for name in _COLUMNS], rows)
    for words, number in notes.items():
        typer.echo(f"[{number}] {words}")
    for about in dict.fromkeys(one.about for one in values if one.about):
        typer.echo(say("show.about", note=about))
    for shown_of, words, of_table in tables:
        _print_rows(shown_of, words, of_table)


def _note(given: Given) -> str:
    return say("show.note", source=given.source, note=given.note) if given.note else given.source


def _print_rows(given: Given, words: str, rows: tuple[TableRow, ...]) -> None:
    typer.echo()
    print_heading(f"{given.form.called()} ({given.form.name})  {words}".rstrip())
    named = [n for n in given.form.columns if any(row[n] is not None for row in rows)]
    first = rows if len(rows) <= _WHOLE_TABLE else rows[:_FIRST_ROWS]
    heads = [given.form.columns[name].called() for name in named]
    cells = [["" if row[n] is None else value_words(row[n]) for n in named] for row in first]
    print_table(heads, cells)
    if len(first) < len(rows):
        typer.echo(say("more", count=len(rows) - len(first)))


def _document(policy: Policy, day: date, topics: dict[str, list[Given]]) -> dict[str, Any]:
    return {
        "region": policy.region,
        "day": day,
        "policy": policy.id,
        "content_hash": policy.content_hash,
        "valid_from": _known(policy.valid_from),
        "valid_to": _known(policy.valid_to),
        "priced": bool(rules_of(policy)),
        "parameters": [_entry(given, policy.region) for all_ in topics.values() for given in all_],
    }


def _entry(given: Given, region: str) -> dict[str, Any]:
    return {
        "path": given.path,
        "topic": given.topic,
        "name": given.form.called(),
        "kind": given.form.kind.value,
        "unit": given.form.unit,
        "by": given.form.by,
        "values": [
            {"keys": dict(zip(given.form.by, keys, strict=False)), "value": plain(value)}
            for keys, value in given.by_keys()
        ],
        "valid_from": given.valid_from,
        "valid_to": given.valid_to,
        "source": given.source,
        "note": given.note,
        "about": given.about,
        "assumption": given.assumption,
        "origin": "own" if given.own else "shipped",
        "region": given.region,
        "inherited": given.region != region,
        "file": given.where.file,
        "row": given.where.row,
    }
