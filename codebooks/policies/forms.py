"""The form of the topics: which parameters a topic has, of what kind, in which unit, set by whom.

The forms are data: ``data/policies/_forms/<topic>.yaml``.
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
    Scalar,
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

    def called(self, lang: str | None = None) -> str:
        """What it is called, in one language."""
        return self.names[(lang or language()) == "en"]


@dataclass(frozen=True, slots=True)
class TopicForm:
    """A topic, what it is called in Chinese and English, and its parameters by name."""

    topic: str
    names: tuple[str, str]
    parameters: Dict[str, Form]

    def called(self, lang: str | None = None) -> str:
        """What it is called, in one language."""
        return self.names[(lang or language()) == "en"]


_SETTINGS = (
    *("unit", "by", "choices", "minimum", "maximum", "columns", "required", "key"),
    "note",
)


@cache
def topic_forms() -> dict[str, TopicForm]:
    """All topics by their name."""
    folder = paths.shipped() / "policies" / FORMS
    return {path.stem: read_form(path) for path in sorted(folder.glob("*.yaml"))}


def read_form(path: Path) -> TopicForm:
    """The form of one topic.

    Raises:
        PolicyError: as of any policy file.
    """
    top = read_tree(path, f"{FORMS}/{path.name}")
    only(top, ("topic", "name", "parameters"), ("note",))
    parameters = mapping(top.items["parameters"])
    found = {name: _form(name, tree) for name, tree in parameters.items.items()}
    return TopicForm(words(top.items["topic"]), _names(top.items["name"]), found)


def _form(name: str, tree: Tree) -> Form:
    told = mapping(tree)
    only(told, ("name", "kind"), _SETTINGS)
    kind = words(told.items["kind"])
    if kind not in set(Kind):
        raise PolicyError(
            "POLICY_CHOICE", told.items["kind"].at, found=kind, known=", ".join(Kind)
        )
    columns = mapping(told.items["columns"]).items if "columns" in told.items else {}
    return Form(
        name=name,
        names=_names(told.items["name"]),
        kind=Kind(kind),
        unit=words(told.items["unit"]) if "unit" in told.items else "",
        by=_texts(told, "by"),
        choices=_texts(told, "choices"),
        minimum=_bound(told, "minimum", "0" if kind == Kind.SHARE else None),
        maximum=_bound(told, "maximum", "1" if kind == Kind.SHARE else None),
        columns={column: _form(column, below) for column, below in columns.items()},
        required=_texts(told, "required") != ("false",),
        key=_texts(told, "key"),
    )


def _names(tree: Tree) -> tuple[str, str]:
    told = mapping(tree)
    only(told, ("zh", "en"))
    return words(told.items["zh"]), words(told.items["en"])


def _texts(told: Mapping, key: str) -> tuple[str, ...]:
    tree = told.items.get(key)
    if tree is None:
        return ()
    return tuple(words(one) for one in tree.items) if isinstance(tree, Many) else (words(tree),)


def _bound(told: Mapping, key: str, default: str | None) -> Decimal | None:
    tree = told.items.get(key)
    text = tree.text if isinstance(tree, Scalar) else default
    try:
        return None if text is None else Decimal(text)
    except InvalidOperation as cause:
        raise PolicyError("POLICY_VALUE", told.items[key].at, found=text, wanted=key) from cause
