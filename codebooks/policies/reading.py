"""One policy file: a topic of a region with its dated values."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from codebooks.policies.forms import topic_forms
from codebooks.policies.kinds import read_day, read_value
from codebooks.policies.policy import Given
from codebooks.policies.yaml_nodes import (
    PolicyError,
    Scalar,
    many,
    mapping,
    only,
    read_tree,
    words,
)

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from codebooks.policies.forms import Form
    from codebooks.policies.yaml_nodes import Mapping, Tree


def read_file(path: Path, region: str, *, own: bool = False) -> list[Given]:
    """All dated values of a file; nothing of a file with an error is taken.

    Args:
        path: ``<region>/<topic>.yaml``.
        region: its id.
        own: whether it is the hospital's.

    Raises:
        CodebookError: the file, key or row that cannot be used.
    """
    name = f"{path.parent.name}/{path.name}"
    top = read_tree(path, name)
    only(top, ("topic", "parameters"), ("source", "note"))
    topic = words(top.items["topic"])
    form = topic_forms().get(topic)
    if form is None:
        known = ", ".join(topic_forms())
        raise PolicyError("POLICY_TOPIC", top.items["topic"].at, found=topic, known=known)
    if topic != path.stem:
        raise PolicyError("POLICY_TOPIC", top.items["topic"].at, found=topic, known=path.stem)
    source, about = _words(top, "source"), _words(top, "note")
    parameters = mapping(top.items["parameters"])
    found: list[Given] = []
    for key, tree in parameters.items.items():
        if key not in form.parameters:
            known = ", ".join(form.parameters)
            raise PolicyError("POLICY_KEY_UNKNOWN", parameters.keys[key], key=key, known=known)
        values = _dated(tree, form.parameters[key], path.parent, source)
        found += [replace(one, region=region, topic=topic, about=about, own=own) for one in values]
    return found


def _dated(tree: Tree, form: Form, folder: Path, source: str) -> list[Given]:
    told = mapping(tree)
    only(told, ("values",), ("unit", "note"))
    if "unit" in told.items and words(told.items["unit"]) != form.unit:
        at = told.items["unit"].at
        raise PolicyError("POLICY_UNIT", at, found=words(told.items["unit"]), unit=form.unit)
    if form.unit and "unit" not in told.items:
        raise PolicyError("POLICY_KEY_MISSING", told.at, key="unit")
    entries = [mapping(one) for one in many(told.items["values"]).items]
    if not entries:
        raise PolicyError("POLICY_KEY_MISSING", told.items["values"].at, key="from")
    found = [_entry(one, form, folder, source, _words(told, "note")) for one in entries]
    _in_order(found)
    return found


def _entry(told: Mapping, form: Form, folder: Path, source: str, note: str) -> Given:
    only(told, ("from", "value"), ("to", "source", "note", "assumption"))
    own_source = _words(told, "source") or source
    if not own_source:
        raise PolicyError("POLICY_KEY_MISSING", told.at, key="source")
    marked = words(told.items["assumption"]) if "assumption" in told.items else "false"
    if marked not in {"true", "false"}:
        raise PolicyError(
            "POLICY_CHOICE", told.items["assumption"].at, found=marked, known="true, false"
        )
    return Given(
        region="",
        topic="",
        form=form,
        value=read_value(told.items["value"], form, folder),
        valid_from=_day(told.items["from"]),
        valid_to=_end(told.items.get("to")),
        source=own_source,
        note=_words(told, "note") or note,
        assumption=marked == "true",
        where=told.at,
    )


def _words(told: Mapping, key: str) -> str:
    return words(told.items[key]) if key in told.items else ""


def _day(tree: Tree) -> date:
    return read_day(words(tree), tree.at)


def _end(tree: Tree | None) -> date | None:
    if tree is None or (isinstance(tree, Scalar) and tree.text is None):
        return None
    return _day(tree)


def _in_order(values: list[Given]) -> None:
    """Values follow each other without overlap or gap; what is not in force is said by null."""
    for one in values:
        if one.valid_to is not None and one.valid_to <= one.valid_from:
            raise PolicyError("POLICY_PERIOD", one.where, day=one.valid_to.isoformat())
    for one, later in pairwise(values):
        day = later.valid_from.isoformat()
        if one.valid_to is None or one.valid_to > later.valid_from:
            raise PolicyError("POLICY_OVERLAP", later.where, day=day)
        if one.valid_to < later.valid_from:
            raise PolicyError("POLICY_GAP", later.where, start=one.valid_to.isoformat(), day=day)
