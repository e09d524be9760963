"""How policies are written for people: values by the keys of their dimensions, in words."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from codebooks.messages import catalogue, text
from codebooks.policies.forms import dimensions, topic_forms
from codebooks.policies.kinds import ANY
from grouper.service.book_answers import region_name

if TYPE_CHECKING:
    from codebooks.policies.forms import Form
    from codebooks.policies.kinds import TableRow
    from codebooks.policies.policy import Given


def say(key: str, lang: str, **params: object) -> str:
    """A text of policies."""
    return text(f"policy_cli.{key}", lang, **params)


def key_words(
    form: Form, keys: tuple[str, ...], lang: str, idle: frozenset[int] = frozenset()
) -> str:
    """The keys of a value's dimensions in words; empty where it holds for all.

    Args:
        form: of the parameter.
        keys: in the order of its dimensions.
        lang: ``zh`` or ``en``.
        idle: places of dimensions that tell nothing apart, as :func:`idle_dimensions` gives them.
    """
    words = []
    for place, (name, key) in enumerate(zip(form.by, keys, strict=False)):
        dimension = dimensions()[name]
        if place in idle:
            continue
        if key == ANY:
            words.append(say("any", lang, dimension=dimension.called(lang)))
        elif dimension.keys:
            words.append(dimension.key_called(key, lang))
        else:
            words.append(f"{dimension.called(lang)} {key}")
    return say("separator", lang).join(words)


def idle_dimensions(given: Given) -> frozenset[int]:
    """The places of the dimensions in which a value has no key but that for all."""
    used = {place for keys, _ in given.by_keys() for place, key in enumerate(keys) if key != ANY}
    return frozenset(range(len(given.form.by))) - used


def row_words(form: Form, row: TableRow, lang: str, *, with_key: bool) -> str:
    """A row of a table in words, each cell by its column; one cell alone is not named."""
    told = [
        (column, row[name])
        for name, column in form.columns.items()
        if row[name] is not None and (with_key or name not in form.key)
    ]
    names = len(told) > 1 or not form.key
    return say("separator", lang).join(
        f"{column.called(lang)} {value_words(value, lang, column)}"
        if names
        else value_words(value, lang, column)
        for column, value in told
    )


def value_words(value: Any, lang: str, form: Form) -> str:  # noqa: ANN401 -- by its kind
    """A single value in words; numbers whole, as the file writes them.

    Args:
        value: of a parameter or of a cell.
        lang: ``zh`` or ``en``.
        form: of the parameter or column: what may be chosen has words of its own.
    """
    if value is None:
        return say("not_in_force", lang)
    if isinstance(value, bool):
        return say("yes" if value else "no", lang)
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple):
        told = [_choice(str(one), lang, form) for one in value]
        return say("separator", lang).join(told) or say("empty", lang)
    return _choice(str(value), lang, form)


def _choice(value: str, lang: str, form: Form) -> str:
    """A choice in words; grades and codes stand for themselves."""
    if value not in form.choices:
        return value
    return catalogue(lang).get(f"policy_choice.{value}", value)


def unit_words(form: Form, lang: str) -> str:
    """The unit of a parameter or column in words; empty: it has none."""
    return catalogue(lang).get(f"policy_unit.{form.unit}", form.unit)


def topic_words(topic: str, lang: str) -> str:
    """A topic as it is called."""
    return topic_forms()[topic].called(lang)


def origin_words(given: Given, region: str, lang: str) -> str:
    """Whose value it is: the hospital's own or shipped, and from which region above."""
    words = say("own" if given.own else "shipped", lang)
    if given.region == region:
        return words
    return say("inherited", lang, region=region_name(given.region, lang), origin=words)
