"""The form of the topics: which parameters a topic has, of what kind, in which unit, set by whom.

The forms are data: ``data/policies/_forms/<topic>.yaml``, and ``_dimensions.yaml`` beside them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING

from codebooks import paths
from codebooks.messages import language
from codebooks.policies.yaml_nodes import (
    Many,
    PolicyError,
    mapping,
    only,
    read_tree,
    words,
)

if TYPE_CHECKING:
    from collections.abc import Mapping as Dict
    from pathlib import Path

    from codebooks.policies.yaml_nodes import Mapping, Tree

FORMS = "_forms"
DIMENSIONS = "_dimensions"


class Kind(StrEnum):
    """How the value of a parameter, or a cell of a table, is read."""

    DECIMAL = "decimal"
    SHARE = "share"
    WHOLE = "whole"
    FLAG = "flag"
    CHOICE = "choice"
    TEXT = "text"
    DATE = "date"
    TEXTS = "texts"
    TABLE = "table"


NUMBERS = (Kind.DECIMAL, Kind.SHARE, Kind.WHOLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The form of one parameter, or of one column of a table.

    Attributes:
        name: of the parameter or column.
        names: what it is called, in Chinese and English.
        kind: how its values are read.
        unit: such as ``CNY/weight``; empty for a bare value.
        by: dimensions a value may be set by, in their order (``insurance``, ``level`` …).
        choices: of :attr:`Kind.CHOICE` and :attr:`Kind.TEXTS`; empty: any text.
        minimum, maximum: inclusive bounds of a number; None where it is open.
        columns: of :attr:`Kind.TABLE`, by name.
        required: of a column: whether each row must state it.
        key: of a table: columns whose values, together, stand once.
        note: what else is to be said of it.
    """

    name: str
    names: tuple[str, str]
    kind: Kind
    unit: str = ""
    by: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    columns: Dict[str, Form] = field(default_factory=dict)
    required: bool = True
    key: tuple[str, ...] = ()
    note: str = ""

    def called(self, lang: str | None = None) -> str:
        """What it is called, in one language."""
        return self.names[(lang or language()) == "en"]


@dataclass(frozen=True, slots=True)
class TopicForm:
    """A topic, what it is called in Chinese and English, its parameters by name, and a note."""

    topic: str
    names: tuple[str, str]
    parameters: Dict[str, Form]
    note: str = ""

    def called(self, lang: str | None = None) -> str:
        """What it is called, in one language."""
        return self.names[(lang or language()) == "en"]


@dataclass(frozen=True, slots=True)
class Dimension:
    """What values may be set by.

    Attributes:
        name: such as ``insurance``.
        names: what it is called, in Chinese and English.
        keys: what each key that it knows is called; empty: any text is a key.
        note: what else is to be said of it.
    """

    name: str
    names: tuple[str, str]
    keys: Dict[str, tuple[str, str]]
    note: str = ""

    def called(self, lang: str | None = None) -> str:
        """What it is called, in one language."""
        return self.names[(lang or language()) == "en"]

    def key_called(self, key: str, lang: str | None = None) -> str:
        """What a key is called, in one language; itself where it is any text."""
        names = self.keys.get(key)
        return names[(lang or language()) == "en"] if names else key


_SETTINGS = (
    *("unit", "by", "choices", "minimum", "maximum", "columns", "required", "key"),
    "note",
)


@cache
def topic_forms() -> dict[str, TopicForm]:
    """All topics by their name."""
    found = sorted((paths.shipped() / "policies" / FORMS).glob("*.yaml"))
    return {path.stem: read_form(path) for path in found if path.stem != DIMENSIONS}


@cache
def dimensions() -> dict[str, Dimension]:
    """All dimensions by their name."""
    return read_dimensions(paths.shipped() / "policies" / FORMS / f"{DIMENSIONS}.yaml")


def read_dimensions(path: Path) -> dict[str, Dimension]:
    """The dimensions that a file lists.

    Raises:
        PolicyError: as of any policy file.
    """
    found = {}
    for name, tree in read_tree(path, f"{FORMS}/{path.name}").items.items():
        told = mapping(tree)
        only(told, ("name",), ("keys", "note"))
        keys = mapping(told.items["keys"]).items if "keys" in told.items else {}
        named = {key: _names(below) for key, below in keys.items()}
        found[name] = Dimension(name, _names(told.items["name"]), named, _note(told))
    return found


def read_form(path: Path) -> TopicForm:
    """The form of one topic.

    Raises:
        PolicyError: as of any policy file.
    """
    top = read_tree(path, f"{FORMS}/{path.name}")
    only(top, ("topic", "name", "parameters"), ("note",))
    topic = words(top.items["topic"])
    if topic != path.stem:
        raise PolicyError("POLICY_TOPIC", top.items["topic"].at, found=topic, known=path.stem)
    parameters = mapping(top.items["parameters"])
    found = {name: _form(name, tree) for name, tree in parameters.items.items()}
    return TopicForm(topic, _names(top.items["name"]), found, _note(top))


def _form(name: str, tree: Tree, *, column: bool = False) -> Form:
    told = mapping(tree)
    only(told, ("name", "kind"), _SETTINGS)
    kind = Kind(_one_of(told.items["kind"], tuple(Kind)))
    _suits(told, kind, column=column)
    columns = mapping(told.items["columns"]).items if "columns" in told.items else {}
    for one in _texts(told, "key"):
        if one not in columns:
            known = ", ".join(columns)
            raise PolicyError("POLICY_CHOICE", told.items["key"].at, found=one, known=known)
    required = told.items.get("required")
    return Form(
        name=name,
        names=_names(told.items["name"]),
        kind=kind,
        unit=words(told.items["unit"]) if "unit" in told.items else "",
        by=_texts(told, "by"),
        choices=_texts(told, "choices"),
        minimum=_bound(told, "minimum", "0" if kind is Kind.SHARE else None),
        maximum=_bound(told, "maximum", "1" if kind is Kind.SHARE else None),
        columns={one: _form(one, below, column=True) for one, below in columns.items()},
        required=required is None or _one_of(required, ("true", "false")) == "true",
        key=_texts(told, "key"),
        note=_note(told),
    )


def _suits(told: Mapping, kind: Kind, *, column: bool) -> None:
    """Refuse a setting that says nothing of this kind: it would promise what nobody checks."""
    idle = set() if kind in NUMBERS else {"minimum", "maximum"}
    idle |= set() if kind in (Kind.CHOICE, Kind.TEXTS) else {"choices"}
    idle |= set() if kind is Kind.TABLE else {"columns", "key"}
    idle |= {"by"} if column else {"required"}
    for key in idle & set(told.items):
        known = ", ".join(one for one in _SETTINGS if one not in idle)
        raise PolicyError("POLICY_KEY_UNKNOWN", told.keys[key], key=key, known=known)
    needed = {Kind.TABLE: "columns", Kind.CHOICE: "choices"}.get(kind)
    if needed and needed not in told.items:
        raise PolicyError("POLICY_KEY_MISSING", told.at, key=needed)
    if column and kind is Kind.TABLE:
        known = ", ".join(one for one in Kind if one is not Kind.TABLE)
        raise PolicyError("POLICY_CHOICE", told.items["kind"].at, found=kind, known=known)


def _one_of(tree: Tree, known: tuple[str, ...]) -> str:
    found = words(tree)
    if found not in known:
        raise PolicyError("POLICY_CHOICE", tree.at, found=found, known=", ".join(known))
    return found


def _names(tree: Tree) -> tuple[str, str]:
    told = mapping(tree)
    only(told, ("zh", "en"))
    return words(told.items["zh"]), words(told.items["en"])


def _note(told: Mapping) -> str:
    return words(told.items["note"]) if "note" in told.items else ""


def _texts(told: Mapping, key: str) -> tuple[str, ...]:
    tree = told.items.get(key)
    if tree is None:
        return ()
    return tuple(words(one) for one in tree.items) if isinstance(tree, Many) else (words(tree),)


def _bound(told: Mapping, key: str, default: str | None) -> Decimal | None:
    tree = told.items.get(key)
    text = default if tree is None else words(tree)
    try:
        return None if text is None else Decimal(text)
    except InvalidOperation as cause:
        raise PolicyError("POLICY_NUMBER", told.items[key].at, found=text) from cause
