"""How the ``policy`` commands write values: by the keys of their dimensions, in words."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from codebooks.messages import text
from codebooks.policies.forms import dimensions, topic_forms
from codebooks.policies.kinds import ANY
from grouper.cli.codebooks_list import region_name

if TYPE_CHECKING:
    from codebooks.policies.forms import Form
    from codebooks.policies.kinds import TableRow
    from codebooks.policies.policy import Given


def say(key: str, **params: object) -> str:
    """A text of the ``policy`` commands in the language of the process."""
    return text(f"policy_cli.{key}", None, **params)


def key_words(form: Form, keys: tuple[str, ...], idle: frozenset[int] = frozenset()) -> str:
    """The keys of a value's dimensions in words; empty where it holds for all.

    Args:
        form: of the parameter.
        keys: in the order of its dimensions.
        idle: places of dimensions that tell nothing apart, as :func:`idle_dimensions` gives them.
    """
    words = []
    for place, (name, key) in enumerate(zip(form.by, keys, strict=False)):
        dimension = dimensions()[name]
        if place in idle:
            continue
        if key == ANY:
            words.append(say("any", dimension=dimension.called()))
        elif dimension.keys:
            words.append(dimension.key_called(key))
        else:
            words.append(f"{dimension.called()} {key}")
    return say("separator").join(words)


def idle_dimensions(given: Given) -> frozenset[int]:
    """The places of the dimensions in which a value has no key but that for all."""
    used = {place for keys, _ in given.by_keys() for place, key in enumerate(keys) if key != ANY}
    return frozenset(range(len(given.form.by))) - used


def row_words(form: Form, row: TableRow, *, with_key: bool) -> str:
    """A row of a table in words, each cell by its column; one cell alone is not named."""
    told = [
        (column, row[name])
        for name, column in form.columns.items()
        if row[name] is not None and (with_key or name not in form.key)
    ]
    names = len(told) > 1 or not form.key
    return say("separator").join(
        f"{column.called()} {value_words(value)}" if names else value_words(value)
        for column, value in told
    )


def value_words(value: Any) -> str:  # noqa: ANN401 -- by its kind
    """A single value in words; numbers whole, as the file writes them."""
    if value is None:
        return say("not_in_force")
    if isinstance(value, bool):
        return say("yes" if value else "no")
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple):
        return say("separator").join(map(str, value)) or say("empty")
    return str(value)


def marked(words: str, *, assumption: bool) -> str:
    """Words with the mark of what no source says."""
    return words + say("assumption") if assumption else words


def topic_words(topic: str) -> str:
    """A topic as it is called, with its name."""
    return f"{topic_forms()[topic].called()} ({topic})"


def origin_words(given: Given, region: str) -> str:
    """Whose value it is: the hospital's own or shipped, and from which region above."""
    words = say("own" if given.own else "shipped")
    if given.region == region:
        return words
    return say("inherited", region=region_name(given.region), origin=words)


def plain(value: Any) -> Any:  # noqa: ANN401 -- whatever JSON can hold
    """A value for JSON: numbers with decimals as text, so that no reader rounds them."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    return value
