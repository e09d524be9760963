"""``docs/POLICY.md``, made from the forms of the topics."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import jinja2

from codebooks.policies.forms import dimensions, topic_forms

if TYPE_CHECKING:
    from decimal import Decimal
    from pathlib import Path

    from codebooks.policies.forms import Dimension, Form, TopicForm


def render() -> str:
    """The page as Markdown."""
    template = (files("codebooks.policies") / "POLICY.md.j2").read_text("utf-8")
    environment = jinja2.Environment(keep_trailing_newline=True, autoescape=False)  # noqa: S701 -- Markdown of our own tables, no HTML
    page = environment.from_string(template).render(
        dimensions=[_dimension(one) for one in dimensions().values()],
        errors=_errors(),
        topics=[_topic(one) for one in topic_forms().values()],
    )
    return page.rstrip("\n") + "\n"


def write(path: Path) -> None:
    """Write the page to a file."""
    path.write_text(render(), "utf-8")


def _dimension(one: Dimension) -> dict[str, str]:
    keys = (f"`{key}` {zh}" for key, (zh, _) in one.keys.items())
    return {**_names(one), "known": ", ".join(keys), "note": _cell(one.note)}


def _errors() -> list[dict[str, str]]:
    ours = tomllib.loads((files("codebooks.text") / "en" / "policies.toml").read_text("utf-8"))
    return [
        {
            "code": code,
            "what": _cell(ours["error"][code]),
            "hint": _cell(ours["hint"][code]),
        }
        for code in ours["error"]
    ]


def _topic(one: TopicForm) -> dict[str, Any]:
    return {
        "topic": one.topic,
        "zh": one.names[0],
        "en": one.names[1],
        "note": one.note,
        "parameters": [_form(form) for form in one.parameters.values()],
    }


def _form(one: Form) -> dict[str, Any]:
    return {
        **_names(one),
        "kind": one.kind.value,
        "unit": one.unit,
        "by": ", ".join(one.by),
        "limits": _limits(one.minimum, one.maximum) or ", ".join(one.choices),
        "note": _cell(one.note),
        "required": one.required,
        "key": ", ".join(one.key),
        "columns": [_form(column) for column in one.columns.values()],
    }


def _names(one: Form | Dimension) -> dict[str, str]:
    return {"name": one.name, "zh": _cell(one.names[0]), "en": _cell(one.names[1])}


def _limits(low: Decimal | None, high: Decimal | None) -> str:
    if low is None and high is None:
        return ""
    if high is None:
        return f"at least {low}"
    return f"at most {high}" if low is None else f"{low} to {high}"


def _cell(words: str) -> str:
    """Words as a cell of a Markdown table."""
    return words.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
