"""YAML read strictly: every value keeps its place, every scalar its text.

PyYAML composes the nodes; values are read from their text by what the topic's form says of them, so
that ``12.30`` never passes through a float and ``no`` is no truth value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from codebooks.errors import CodebookError, Where

if TYPE_CHECKING:
    from pathlib import Path

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULL = "tag:yaml.org,2002:null"
_DEEPEST = 40
_OPENS = (
    yaml.BlockMappingStartToken,
    yaml.BlockSequenceStartToken,
    yaml.FlowMappingStartToken,
    yaml.FlowSequenceStartToken,
)
_CLOSES = (yaml.BlockEndToken, yaml.FlowMappingEndToken, yaml.FlowSequenceEndToken)
_REFUSED = (yaml.AliasToken, yaml.AnchorToken, yaml.TagToken)


class PolicyError(CodebookError):
    """A policy that cannot be read, or that does not say what is asked."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text; None where YAML says null."""

    text: str | None
    at: Where


@dataclass(frozen=True, slots=True)
class Many:
    """A list."""

    items: tuple[Tree, ...]
    at: Where


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys, each once, with their values and places."""

    items: dict[str, Tree]
    keys: dict[str, Where]
    at: Where


Tree = Scalar | Many | Mapping


def read_tree(path: Path, name: str) -> Mapping:
    """The top mapping of a file.

    Args:
        path: of the file.
        name: how errors call it, such as ``jinhua/drg_points.yaml``.

    Raises:
        PolicyError: ``POLICY_FILE``, ``POLICY_YAML``, ``POLICY_KEY_TWICE``, ``POLICY_MAPPING``.
    """
    try:
        content = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as cause:
        reason = getattr(cause, "strerror", None) or type(cause).__name__
        raise PolicyError("POLICY_FILE", Where(file=name), reason=reason) from cause
    return tree_of(content, name)


def tree_of(content: str, name: str) -> Mapping:
    """The top mapping of a text; as :func:`read_tree`."""
    try:
        _plain(content, name)
        node = yaml.compose(content, Loader=_LOADER)
    except (yaml.YAMLError, ValueError) as cause:
        mark = getattr(cause, "problem_mark", None)
        reason = getattr(cause, "problem", None) or type(cause).__name__
        at = Where(file=name, row=mark.line + 1 if mark else None)
        raise PolicyError("POLICY_YAML", at, reason=str(reason)) from cause
    return mapping(_tree(node, name, "") if node else Scalar(None, Where(file=name, row=1)))


def _plain(content: str, name: str) -> None:
    """Refuse what no policy needs: aliases could make a small file endless, depth the stack."""
    depth = 0
    for token in yaml.scan(content, Loader=_LOADER):
        depth += isinstance(token, _OPENS) - isinstance(token, _CLOSES)
        if isinstance(token, _REFUSED) or depth > _DEEPEST:
            at = Where(file=name, row=token.start_mark.line + 1)
            reason = f"> {_DEEPEST}" if depth > _DEEPEST else "& * !"
            raise PolicyError("POLICY_YAML", at, reason=reason)


def _tree(node: yaml.Node, name: str, path: str) -> Tree:
    at = Where(file=name, row=node.start_mark.line + 1, column=path or None)
    if isinstance(node, yaml.ScalarNode):
        return Scalar(None if node.tag == _NULL else node.value, at)
    if isinstance(node, yaml.SequenceNode):
        found = (_tree(n, name, f"{path}[{i}]") for i, n in enumerate(node.value))
        return Many(tuple(found), at)
    items: dict[str, Tree] = {}
    keys: dict[str, Where] = {}
    for key_node, value in node.value:
        row = key_node.start_mark.line + 1
        key = str(key_node.value)
        if not isinstance(key_node, yaml.ScalarNode) or not key or key != key.strip():
            raise PolicyError("POLICY_TEXT", Where(file=name, row=row, column=path or None))
        below = f"{path}.{key}" if path else key
        keys[key] = Where(file=name, row=row, column=below)
        if key in items:
            raise PolicyError("POLICY_KEY_TWICE", keys[key], key=key)
        items[key] = _tree(value, name, below)
    return Mapping(items, keys, at)


def mapping(tree: Tree) -> Mapping:
    """A tree that has to be a mapping.

    Raises:
        PolicyError: ``POLICY_MAPPING``.
    """
    if not isinstance(tree, Mapping):
        raise PolicyError("POLICY_MAPPING", tree.at)
    return tree


def many(tree: Tree) -> Many:
    """A tree that has to be a list.

    Raises:
        PolicyError: ``POLICY_LIST``.
    """
    if not isinstance(tree, Many):
        raise PolicyError("POLICY_LIST", tree.at)
    return tree


def words(tree: Tree) -> str:
    """A tree that has to be a text that is not empty.

    Raises:
        PolicyError: ``POLICY_TEXT``.
    """
    if not isinstance(tree, Scalar) or not (tree.text or "").strip():
        raise PolicyError("POLICY_TEXT", tree.at)
    return (tree.text or "").strip()


def only(tree: Mapping, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> None:
    """Refuse a mapping with a key that is unknown, or without one that must be there.

    Raises:
        PolicyError: ``POLICY_KEY_UNKNOWN``, ``POLICY_KEY_MISSING``.
    """
    for key, at in tree.keys.items():
        if key not in required and key not in optional:
            known = ", ".join((*required, *optional))
            raise PolicyError("POLICY_KEY_UNKNOWN", at, key=key, known=known)
    for key in required:
        if key not in tree.items:
            raise PolicyError("POLICY_KEY_MISSING", tree.at, key=key)
