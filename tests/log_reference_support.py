"""What the source logs: each call of a logger, found in the syntax tree, never by running it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("codebooks", "grouper", "hl7_adapters", "dashboards")
LEVELS = ("debug", "info", "warning", "error", "critical", "exception", "log")
NAMED = "grouper.{name}"
"""How the loop of the processes that wait names its logger."""


@dataclass(frozen=True, slots=True)
class Logged:
    """A call of a logger.

    Attributes:
        logger: its name.
        event: the first argument.
        level: the method's name.
        fields: keywords that are given by name.
        brought: keywords that a mapping brings, where the module writes it as a literal.
        more: whether a mapping is given.
        place: file and line.
    """

    logger: str
    event: str
    level: str
    fields: frozenset[str]
    brought: frozenset[str]
    more: bool
    place: str


def _text(node: ast.expr) -> str:
    """A string as it is written; of an f-string the parts that vary in braces."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        parts = [
            one.value if isinstance(one, ast.Constant) else "{" + ast.unparse(one.value) + "}"
            for one in node.values
            if isinstance(one, ast.Constant | ast.FormattedValue)
        ]
        return "".join(str(one) for one in parts)
    return f"<{ast.unparse(node)}>"


def _loggers(tree: ast.Module) -> dict[str, str]:
    """Names that a module gives to loggers, as they are written where they are used."""
    found = {}
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)):
            continue
        called = ast.unparse(node.value.func)
        if called in {"structlog.get_logger", "logging.getLogger"} and node.value.args:
            for target in node.targets:
                found[ast.unparse(target)] = _text(node.value.args[0])
    return found


def _brought(tree: ast.Module, call: ast.Call) -> frozenset[str]:
    """Keys of the literals that a module gives the names of mappings in a call."""
    asked = {ast.unparse(one.value) for one in call.keywords if one.arg is None}
    keys: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and {ast.unparse(one) for one in node.targets} & asked:
            for part in ast.walk(node.value):
                if isinstance(part, ast.Dict):
                    keys |= {_text(key) for key in part.keys if key is not None}
    return frozenset(keys)


def logged() -> Iterator[Logged]:
    """Every call of a logger in the source."""
    trees = {
        path: ast.parse(text)
        for room in ROOMS
        for path in sorted((ROOT / room).rglob("*.py"))
        # Whoever logs makes a logger, or takes the one of another module.
        if re.search(
            r"[gG]et_?[lL]ogger|import .*\bLOG\b|import .*_log\b", text := path.read_text("utf-8")
        )
    }
    named = {path: _loggers(tree) for path, tree in trees.items()}
    for path, tree in trees.items():
        known = dict(named[path])
        for node in ast.walk(tree):
            # A module may use the logger of another one.
            if isinstance(node, ast.ImportFrom) and node.module:
                home = (ROOT / node.module.replace(".", "/")).with_suffix(".py")
                for alias in node.names:
                    if alias.name in named.get(home, {}):
                        known[alias.asname or alias.name] = named[home][alias.name]
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            if node.func.attr not in LEVELS:
                continue
            logger = known.get(ast.unparse(node.func.value))
            if logger is None:
                continue
            keywords = {one.arg for one in node.keywords}
            yield Logged(
                logger,
                _text(node.args[0]),
                node.func.attr,
                frozenset(one for one in keywords if one is not None),
                _brought(tree, node),
                None in keywords,
                f"{path.relative_to(ROOT)}:{node.lineno}",
            )
