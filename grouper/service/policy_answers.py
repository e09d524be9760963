"""Policies as people read them: regions, what holds on a day, what differs between two days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from codebooks.errors import CodebookError
from codebooks.messages import text
from codebooks.policies.differences import differences
from codebooks.policies.forms import Kind, topic_forms
from codebooks.policies.policies import ASSIGNMENT, policies
from grouper.service.policy_words import (
    idle_dimensions,
    key_words,
    origin_words,
    row_words,
    say,
    topic_words,
    unit_words,
    value_words,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from codebooks.policies.differences import Difference, Said
    from codebooks.policies.files import Fault
    from codebooks.policies.forms import Form
    from codebooks.policies.policy import Given, Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """Some time in which the same rules say which method binds.

    Attributes:
        since: first day; None: not stated.
        until: the day after the last one; None: open.
        methods: names of the methods.
    """

    since: date | None
    until: date | None
    methods: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionPolicy:
    """The policy files of a region.

    Attributes:
        region: its id.
        priced: when cases can be priced there, by which methods.
        topics: topics of its own files; ``own``: those of the hospital's files among them.
        fault: why a file of it, or of a region above it, cannot be used.
    """

    region: str
    priced: tuple[Priced, ...]
    topics: tuple[str, ...]
    own: tuple[str, ...]
    fault: CodebookError | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """A value that holds on a day, in words.

    Attributes:
        path: ``topic.parameter``.
        topic: its id.
        parameter: what the parameter is called.
        keys: for whom; empty: for all.
        value: in words; of a table how many rows it has, or its only row.
        unit: in words; empty: a bare value.
        valid_from, valid_to: half-open; None: not ended.
        origin: the hospital's own or shipped, and of which region.
        source, note, about: what it rests on.
        assumption: whether no source says it.
        own: whether it is the hospital's own.
        place: file and line.
        rows: of a table: how many; 0: it is none.
        at: keys of its dimensions, to ask for its rows by.
    """

    path: str
    topic: str
    parameter: str
    keys: str
    value: str
    unit: str
    valid_from: date
    valid_to: date | None
    origin: str
    source: str
    note: str
    about: str
    assumption: bool
    own: bool
    place: str
    rows: int
    at: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Changing:
    """One place in which the policies of two days differ, in words; ``old``, ``new``: None: nothing."""

    path: str
    topic: str
    parameter: str
    keys: str
    old: str | None
    new: str | None
    unit: str
    assumption: bool


def faults() -> Sequence[Fault]:
    """The files that cannot be used; nothing is priced in their regions and those below."""
    return policies().faults


def region_policies() -> list[RegionPolicy]:
    """All regions that have a policy file."""
    found = []
    for region in policies().with_files:
        given = policies().given(region)
        priced: tuple[Priced, ...] = ()
        fault = None
        try:
            priced = _priced(policies().periods(region))
        except CodebookError as error:
            fault = error
        topics = tuple(sorted({one.topic for one in given}))
        own = tuple(sorted({one.topic for one in given if one.own}))
        found.append(
            RegionPolicy(region=region, priced=priced, topics=topics, own=own, fault=fault)
        )
    return found


def _priced(periods: Sequence[Policy]) -> tuple[Priced, ...]:
    """The spans in which the same rules say which method binds."""
    spans: list[Priced] = []
    last: tuple[object, date] | None = None
    for period in periods:
        rules = period.find(ASSIGNMENT)
        if rules is None or not rules.value:
            continue
        until = _known(period.valid_to)
        if last == (rules.value, period.valid_from):
            was = spans.pop()
            spans.append(Priced(since=was.since, until=until, methods=was.methods))
        else:
            methods = tuple(dict.fromkeys(row["method"] for row in rules.value))
            since = _known(period.valid_from)
            spans.append(Priced(since=since, until=until, methods=methods))
        last = (rules.value, period.valid_to)
    return tuple(spans)


def _known(day: date) -> date | None:
    """A day that a file states; the ends of the calendar stand for none."""
    return None if day in (date.min, date.max) else day


def policy_on(region: str, day: date) -> Policy:
    """All that holds in a region on a day, whether or not a case can be priced by it.

    Raises:
        CodebookError: ``REGION_UNKNOWN``, or why a file cannot be used.
    """
    periods = policies().periods(region)
    return next((one for one in periods if one.valid_from <= day < one.valid_to), periods[-1])


def is_priced(policy: Policy) -> bool:
    """Whether a case can be priced by it: some rule says which method binds."""
    rules = policy.find(ASSIGNMENT)
    return rules is not None and bool(rules.value)


def holdings(policy: Policy, lang: str, topic: str | None = None) -> list[Holding]:
    """Every value of a policy in words, by topic and parameter.

    Args:
        policy: of a region on a day.
        lang: ``zh`` or ``en``.
        topic: this one alone.
    """
    found = []
    for path in sorted(policy.values):
        given = policy.values[path]
        if topic not in (None, given.topic):
            continue
        idle = idle_dimensions(given)
        for keys, value in given.by_keys():
            rows = len(value) if given.form.kind is Kind.TABLE and value is not None else 0
            found.append(
                Holding(
                    path=path,
                    topic=given.topic,
                    parameter=given.form.called(lang),
                    keys=key_words(given.form, keys, lang, idle),
                    value=_value(given, value, rows, lang),
                    unit=unit_words(given.form, lang),
                    valid_from=given.valid_from,
                    valid_to=given.valid_to,
                    origin=origin_words(given, policy.region, lang),
                    source=given.source,
                    note=given.note,
                    about=given.about,
                    assumption=given.assumption,
                    own=given.own,
                    place=given.where.describe(lang),
                    rows=rows,
                    at=keys,
                )
            )
    return found


def _value(given: Given, value: Any, rows: int, lang: str) -> str:  # noqa: ANN401 -- by its kind
    if rows > 1:
        return say("show.rows", lang, count=rows)
    if rows:
        return row_words(given.form, value[0], lang, with_key=True)
    return value_words(value, lang, given.form)


def table_rows(
    policy: Policy, path: str, at: tuple[str, ...], lang: str
) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
    """A table of a policy in words: heads, and its rows; columns that state nothing are left out.

    Args:
        policy: of a region on a day.
        path: ``topic.parameter``.
        at: keys of its dimensions, as :attr:`Holding.at`.
        lang: ``zh`` or ``en``.
    """
    given = policy.values.get(path)
    if given is None:
        return (), ()
    rows: Sequence[Mapping[str, Any]] = next(
        (value or () for keys, value in given.by_keys() if keys == at), ()
    )
    columns = given.form.columns
    named = [name for name in columns if any(row[name] is not None for row in rows)]
    cells = [
        ["" if row[n] is None else value_words(row[n], lang, columns[n]) for n in named]
        for row in rows
    ]
    return [_head(columns[name], lang) for name in named], cells


def _head(column: Form, lang: str) -> str:
    unit = unit_words(column, lang)
    name = column.called(lang)
    return text("policy_words.with_unit", lang, name=name, unit=unit) if unit else name


def changing(old: Policy, new: Policy, lang: str) -> list[Changing]:
    """All in which two policies differ, in words, in the order of the paths."""
    return [_changing(one, lang) for one in differences(old, new)]


def _changing(one: Difference, lang: str) -> Changing:
    keys = say("separator", lang).join(filter(None, (key_words(one.form, one.keys, lang), one.row)))
    topic = one.path.split(".", 1)[0]
    return Changing(
        path=one.path,
        topic=topic,
        parameter=one.form.called(lang),
        keys=keys,
        old=_said(one, one.old, lang),
        new=_said(one, one.new, lang),
        unit=unit_words(one.form, lang),
        assumption=any(said is not None and said.assumption for said in (one.old, one.new)),
    )


def _said(one: Difference, said: Said | None, lang: str) -> str | None:
    if said is None:
        return None
    if one.form.kind is Kind.TABLE and said.value is not None:
        words = row_words(one.form, said.value, lang, with_key=False) or say("yes", lang)
    else:
        words = value_words(said.value, lang, one.form)
    return words + say("assumption", lang) if said.assumption else words


def topics(lang: str) -> dict[str, str]:
    """All topics and what they are called."""
    return {topic: topic_words(topic, lang) for topic in topic_forms()}
