"""All mutants of a module: where each one is, and what it is called."""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from tools.mutate.exchanges import of_condition, of_expression, of_statement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.mutate.scope import Words

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_COMPOUND = (
    *(ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.If, ast.While, ast.For),
    *(ast.With, ast.Try, ast.Match),
)
TOP = "<module>"
_Positioned = ast.expr | ast.stmt | ast.pattern


@dataclass(frozen=True, slots=True)
class Mutant:
    """One small fault.

    Attributes:
        module: path of the file.
        function: qualified name of the function or class, or :data:`TOP`.
        operator: which kind of exchange.
        original: the statement (of a compound one the head) as it is.
        mutated: and as the mutant has it.
        nth: among those of the function that read the same.
        lines: first and last line of the statement's part that is changed.
        start: offset of the changed text in the file, in bytes.
        end: end of it.
        text: what stands there instead.
    """

    module: str
    function: str
    operator: str
    original: str
    mutated: str
    nth: int
    lines: tuple[int, int]
    start: int
    end: int
    text: str

    @property
    def key(self) -> str:
        """A name that does not change when lines move."""
        turn = f" #{self.nth}" if self.nth > 1 else ""
        return f"{self.module}:{self.function}: {self.original} → {self.mutated}{turn}"

    def applied(self, source: bytes) -> bytes:
        """The file with this fault in it."""
        return source[: self.start] + self.text.encode() + source[self.end :]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the walk is: the function, whether it yields, and the span of the statement."""

    function: str
    generator: bool
    start: int
    end: int


class _Walk:
    def __init__(self, module: str, source: bytes, words: Words) -> None:
        self._module, self._source, self._words = module, source, words
        self._starts = [0]
        for line in source.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))

    def start(self, node: _Positioned) -> int:
        return self._starts[node.lineno - 1] + node.col_offset

    def end(self, node: _Positioned) -> int:
        # Every node of a parsed file has an end.
        return self._starts[cast("int", node.end_lineno) - 1] + cast("int", node.end_col_offset)

    def mutant(self, node: ast.expr | ast.stmt, place: _Place, exchange: tuple[str, str]) -> Mutant:
        operator, text = exchange
        start, end = self.start(node), self.end(node)
        before, after = self._source[place.start : start], self._source[end : place.end]
        original = self._source[place.start : place.end]
        mutated = before + text.encode() + after
        names = [" ".join(one.decode().split()) for one in (original, mutated)]
        return Mutant(
            self._module,
            place.function,
            operator,
            names[0],
            names[1],
            1,
            (node.lineno, cast("int", node.end_lineno)),
            start,
            end,
            text,
        )

    def statements(self, body: list[ast.stmt], place: _Place) -> Iterator[Mutant]:
        for node in body:
            yield from self.statement(node, place)

    def statement(self, node: ast.stmt, outer: _Place) -> Iterator[Mutant]:
        if isinstance(node, ast.Import | ast.ImportFrom) or _typing_only(node):
            return
        place = replace(outer, start=self.start(node), end=self.head(node))
        for exchange in of_statement(node, generator=outer.generator):
            yield self.mutant(node, place, exchange)
        if isinstance(node, ast.If):
            for exchange in of_condition(node.test):
                yield self.mutant(node.test, place, exchange)
        for part in _expressions(node, top=outer.function == TOP):
            yield from self.expression(part, place)
        inner = _inside(node, outer)
        for body in _bodies(node):
            yield from self.statements(body, inner)
        if isinstance(node, ast.Match):
            yield from self.guards(node, outer)

    def head(self, node: ast.stmt) -> int:
        """Where a statement ends; of a compound one, where its first body begins."""
        if not isinstance(node, _COMPOUND):
            return self.end(node)
        first = node.cases[0].pattern if isinstance(node, ast.Match) else node.body[0]
        return self._source.rindex(b":", self.start(node), self.start(first)) + 1

    def guards(self, node: ast.Match, outer: _Place) -> Iterator[Mutant]:
        for case in node.cases:
            if case.guard is not None:
                start = self.start(case.guard)
                end = self._source.rindex(b":", start, self.start(case.body[0])) + 1
                yield from self.expression(case.guard, replace(outer, start=start, end=end))

    def expression(self, node: ast.AST, place: _Place) -> Iterator[Mutant]:
        if isinstance(node, ast.JoinedStr):
            return
        if isinstance(node, ast.keyword) and node.arg in self._words.skipped_keywords:
            return
        if isinstance(node, ast.expr):
            for exchange in of_expression(node, self._words):
                yield self.mutant(node, place, exchange)
        if isinstance(node, ast.comprehension):
            for test in node.ifs:
                for exchange in of_condition(test):
                    yield self.mutant(test, place, exchange)
        for child in ast.iter_child_nodes(node):
            yield from self.expression(child, place)


def mutants_of(module: str, source: bytes, words: Words) -> list[Mutant]:
    """The mutants of a file, in the order of the file.

    Args:
        module: its path, for the names.
        source: its bytes, UTF-8.
        words: the exchanges that are data.
    """
    walk = _Walk(module, source, words)
    place = _Place(TOP, generator=False, start=0, end=0)
    counts: Counter[str] = Counter()
    found = []
    for one in walk.statements(ast.parse(source).body, place):
        if one.original == one.mutated:
            continue
        counts[one.key] += 1
        found.append(replace(one, nth=counts[one.key]))
    return found


def _inside(node: ast.stmt, outer: _Place) -> _Place:
    """The place of a statement's bodies."""
    if not isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
        return outer
    name = node.name if outer.function == TOP else f"{outer.function}.{node.name}"
    yields = not isinstance(node, ast.ClassDef) and _yields(node)
    return replace(outer, function=name, generator=yields)


def _typing_only(node: ast.stmt) -> bool:
    match node:
        case ast.If(ast.Name("TYPE_CHECKING")):
            return True
    return False


def _yields(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a function is a generator; those inside it are asked for themselves."""
    waiting: list[ast.AST] = list(node.body)
    while waiting:
        one = waiting.pop()
        if isinstance(one, ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(one, (*_FUNCTIONS, ast.ClassDef, ast.Lambda)):
            waiting.extend(ast.iter_child_nodes(one))
    return False


_OWN = {
    ast.Assign: ("targets", "value"),
    ast.AnnAssign: ("value",),
    ast.AugAssign: ("target", "value"),
    ast.Assert: ("test",),
    ast.If: ("test",),
    ast.While: ("test",),
    ast.For: ("target", "iter"),
    ast.With: ("items",),
    ast.Match: ("subject",),
    ast.Return: ("value",),
    ast.Expr: ("value",),
    ast.Delete: ("targets",),
}
"""The parts of a statement that are its own text: no annotation, decorator or message of an error."""


def _expressions(node: ast.stmt, *, top: bool) -> list[ast.AST]:
    if isinstance(node, _FUNCTIONS):
        return [one for one in (*node.args.defaults, *node.args.kw_defaults) if one is not None]
    match node:
        case ast.Assign(value=ast.BinOp(op=ast.BitOr())) if top:
            return []  # the name of a union of types
    found: list[ast.AST] = []
    for name in _OWN.get(type(node), ()):
        part = getattr(node, name)
        found += part if isinstance(part, list) else [part] if part is not None else []
    return found


def _bodies(node: ast.stmt) -> list[list[ast.stmt]]:
    match node:
        case ast.Match(cases=cases):
            return [case.body for case in cases]
        case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=finalbody):
            return [body, *(handler.body for handler in handlers), orelse, finalbody]
        case ast.If(body=body, orelse=orelse) | ast.For(body=body, orelse=orelse):
            return [body, orelse]
        case ast.While(body=body, orelse=orelse):
            return [body, orelse]
        case ast.With(body=body) | ast.ClassDef(body=body):
            return [body]
        case ast.FunctionDef(body=body) | ast.AsyncFunctionDef(body=body):
            return [body]
    return []
