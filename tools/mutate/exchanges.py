"""What may become of one node of a tree: the operators of the mutation."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.mutate.scope import Words

COMPARE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitAnd,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
_TOLD_BY_COMPARE = (ast.Eq, ast.NotEq, ast.Is, ast.IsNot, ast.In, ast.NotIn)
_JOINED = (ast.JoinedStr, ast.List, ast.Tuple, ast.ListComp)

Exchange = tuple[str, str]
"""The operator's name, and the text that stands for the node."""


def of_expression(node: ast.expr, words: Words) -> Iterator[Exchange]:
    """The mutants of one expression, not of what is inside it.

    Args:
        node: the expression.
        words: the exchanges that are data.

    Yields:
        The operator's name and the mutated text, in brackets where it needs them.
    """
    match node:
        case ast.Constant():
            yield from _constant(node, words)
        case ast.Call():
            yield from _call(node, words)
        case ast.Name(name) | ast.Attribute(attr=name) if name.startswith("ROUND_"):
            yield from _renamed(node, words)
        case _:
            yield from _operator(node)


def _operator(node: ast.expr) -> Iterator[Exchange]:
    match node:
        case ast.Compare():
            yield from _compare(node)
        case ast.BinOp(left, op, right) if type(op) in ARITHMETIC and not _text(left, right):
            yield "arithmetic", _bracketed(ast.BinOp(left, ARITHMETIC[type(op)](), right))
        case ast.BoolOp(op, values):
            other = ast.Or() if isinstance(op, ast.And) else ast.And()
            yield "boolean", _bracketed(ast.BoolOp(other, values))
        case ast.UnaryOp(ast.Not() | ast.USub() | ast.Invert(), operand):
            yield "unary", _bracketed(operand)
        case ast.IfExp(test, body, orelse) if not isinstance(test, ast.UnaryOp):
            yield "swapped", _bracketed(ast.IfExp(test, orelse, body))


def _constant(node: ast.Constant, words: Words) -> Iterator[Exchange]:
    match node.value:
        case bool() as value:
            yield "constant", repr(not value)
        case int() as value:
            yield "constant", repr(value + 1)
            if value:
                yield "constant", repr(value - 1)
        case str() as value if value in words.texts:
            yield "text", repr(words.texts[value])


def _compare(node: ast.Compare) -> Iterator[Exchange]:
    for at, op in enumerate(node.ops):
        ops = [*node.ops[:at], COMPARE[type(op)](), *node.ops[at + 1 :]]
        yield "compare", _bracketed(ast.Compare(node.left, ops, node.comparators))


def _call(node: ast.Call, words: Words) -> Iterator[Exchange]:
    name = _name(node.func)
    if name in words.swapped and len(node.args) == 3:  # noqa: PLR2004 - condition, then, else
        first, second, third = node.args
        yield "swapped", ast.unparse(ast.Call(node.func, [first, third, second], node.keywords))
    if name in words.unwrapped and len(node.args) == 1:
        yield "unary", _bracketed(node.args[0])
    if name in words.numbers:
        match node.args:
            case [ast.Constant(str())]:
                yield "constant", f"({ast.unparse(node)} + 1)"
    for _, func in _renamed(node.func, words):
        arguments = ast.Call(ast.Name("_"), node.args, node.keywords)
        yield "name", func + ast.unparse(arguments)[1:]


def _renamed(node: ast.expr, words: Words) -> Iterator[Exchange]:
    other = words.names.get(_name(node) or "")
    if other is None:
        return
    if isinstance(node, ast.Attribute):
        yield "name", ast.unparse(ast.Attribute(node.value, other))
    else:
        yield "name", other


def of_condition(test: ast.expr) -> Iterator[Exchange]:
    """The condition turned round, where no other exchange of it says the same."""
    match test:
        case ast.UnaryOp(ast.Not()) | ast.Constant():
            return
        case ast.Compare(ops=[op]) if isinstance(op, _TOLD_BY_COMPARE):
            return
    yield "negated", _bracketed(ast.UnaryOp(ast.Not(), test))


def of_statement(node: ast.stmt, *, generator: bool) -> Iterator[Exchange]:
    """The mutants of one whole statement.

    Args:
        node: the statement.
        generator: it stands in a function that yields, so what it returns is nothing to anyone.

    Yields:
        The operator's name and the mutated text.
    """
    match node:
        case ast.Expr(ast.Constant() | ast.Yield() | ast.YieldFrom() | ast.Await()):
            return
        case ast.Expr() | ast.Delete() | ast.Raise():
            yield "removed", "pass"
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield "removed", "pass"
        case ast.AugAssign(target, op, value):
            yield "removed", "pass"
            if type(op) in ARITHMETIC and not _text(value):
                other = ast.AugAssign(target, ARITHMETIC[type(op)](), value)
                yield "arithmetic", ast.unparse(other)
        case ast.Continue():
            yield "loop", "break"
        case ast.Break():
            yield "loop", "continue"
        case ast.Return(ast.expr() as value) if not generator:
            if not isinstance(value, ast.Constant):
                yield "returned", "return None"


def _text(*nodes: ast.expr) -> bool:
    """Whether texts or lists are joined here: the exchange would only be a wrong type."""
    return any(
        isinstance(node, _JOINED)
        or (isinstance(node, ast.Constant) and isinstance(node.value, str))
        for node in nodes
    )


def _name(node: ast.expr) -> str | None:
    match node:
        case ast.Name(name) | ast.Attribute(attr=name):
            return name
    return None


def _bracketed(node: ast.expr) -> str:
    return f"({ast.unparse(node)})"
