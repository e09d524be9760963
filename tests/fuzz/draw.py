"""Documents drawn from the bytes of a fuzzer, by the same bytes the same document on any platform.

The fuzzer knows bytes alone, and bytes seldom get past the first brace of a form. So the first byte
of an input chooses: the rest is the document itself, or it says what is changed in a good one: a
value of a tree, a cell of a table, a piece of a text.
"""

from __future__ import annotations

import copy
import json
import re
from functools import cache, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_T = TypeVar("_T")
_P = ParamSpec("_P")
_ODD = Path(__file__).with_name("odd_values.json")
RAW = b"\x00"
"""The first byte of an input whose rest is the document itself."""
CHANGED = b"\x80"
"""The first byte of an input whose rest says what is changed."""
_MOST_EDITS = 5
_NUMBER = re.compile(r"(?<=[:\[ ])-?[0-9]+(?:\.[0-9]+)?(?=[,\]}])")
_LITERALS = (
    *(
        "1e99999999999999999999",
        "-1e999999",
        "1e-99999999999999999999",
        "NaN",
        "-Infinity",
        "1e308",
    ),
    *("9" * 400, "9" * 5000, f"0.{'1' * 400}", "-0", "1E400", "123456789012345678901234567890.5"),
)
_DEEP = 3_000


@cache
def odd_texts() -> tuple[str, ...]:
    """Texts that parsers trip over: a row of the table is a text, or a text and how often."""
    rows = json.loads(_ODD.read_text("utf-8"))
    return tuple(row if isinstance(row, str) else row[0] * row[1] for row in rows)


def _remembered(
    draw: Callable[Concatenate[Draw, _P], bytes],
) -> Callable[Concatenate[Draw, _P], bytes]:
    @wraps(draw)
    def drawn(self: Draw, *args: _P.args, **options: _P.kwargs) -> bytes:
        return self.remember(draw(self, *args, **options))

    return drawn


class Draw:
    """Takes numbers, choices and documents from bytes; where they have run out it takes noughts."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._at = 0
        self._documents: list[tuple[int, bytes]] = []

    def rest(self) -> bytes:
        """All that has not been taken."""
        found, self._at = self._raw[self._at :], len(self._raw)
        return found

    def number(self, below: int) -> int:
        """A whole number from 0."""
        size = 1 if below <= 1 << 8 else 2 if below <= 1 << 16 else 4
        found = int.from_bytes(self._raw[self._at : self._at + size], "little")
        self._at += size
        return found % max(below, 1)

    def of(self, choices: Sequence[_T]) -> _T:
        """One of several."""
        return choices[self.number(len(choices))]

    def raw_wanted(self) -> bool:
        """Whether the rest is the document itself; takes the first byte."""
        self._documents.append((self._at, b""))
        return self.number(256) < CHANGED[0]

    def plain(self) -> bytes:
        """An input that gives the last document as it stands, whatever becomes of the good ones."""
        at, document = self._documents[-1]
        return self._raw[:at] + RAW + document

    def remember(self, document: bytes) -> bytes:
        """Keep the document that was drawn last, for :meth:`plain`."""
        self._documents[-1] = (self._documents[-1][0], document)
        return document

    def text(self) -> str:
        """An odd text, a few characters of the input, or an odd text between them."""
        kind = self.number(4)
        if kind == 0:
            size = self.number(12)
            found = self._raw[self._at : self._at + size].decode("utf-8", "replace")
            self._at += size
            return found
        odd = self.of(odd_texts())
        return odd if kind < 3 else f"{self.of(('1', 'A', '-', ' '))}{odd}"

    def value(self) -> Any:
        """Something that JSON can hold."""
        kind = self.number(12)
        plain = (None, True, False, 0, -1, 1.5, 10**30, [], {}, 1e308)
        if kind < 6:
            return self.text()
        if kind < 10:
            return self.of(plain)
        if kind == 10:
            return [self.text()]
        return {self.text(): self.text()}

    @_remembered
    def document(self, seeds: Sequence[bytes]) -> bytes:
        """The rest of the input, or one of the seeds with pieces of its text changed."""
        if self.raw_wanted():
            return self.rest()
        found = self.of(seeds)
        for _ in range(self.number(_MOST_EDITS) + 1):
            at = self.number(len(found) + 1)
            kind = self.number(4)
            cut = self.number(24) if kind else 0
            piece = b"" if kind == 3 else self.text().encode("utf-8", "surrogatepass")
            if kind == 2:
                piece = found[at : at + 64] * 2
            found = found[:at] + piece + found[at + cut :]
        return found

    def tree(self, seed: Any) -> Any:
        """A copy of a tree of dicts and lists with some values changed."""
        found = copy.deepcopy(seed)
        for _ in range(self.number(_MOST_EDITS) + 1):
            found = self._edited(found)
        return found

    def _edited(self, root: Any) -> Any:
        holder, key, node = None, None, root
        # Mostly down to a leaf; now and then it stops above.
        while isinstance(node, dict | list) and node and (holder is None or self.number(8)):
            holder = node
            key = self.of(list(node)) if isinstance(node, dict) else self.number(len(node))
            node = node[key]
        if holder is None:
            return self.value()
        kind = self.number(8)
        if kind == 0:
            del holder[key]
        elif kind == 1:
            holder[key] = [node, node]
        elif kind == 2 and isinstance(holder, dict):
            holder[self.text()] = node
        elif kind == 3 and isinstance(node, list) and len(node) == 1:
            holder[key] = node[0]
        else:
            holder[key] = self.value()
        return root

    @_remembered
    def json(self, seeds: Sequence[Any]) -> bytes:
        """A JSON document: the rest of the input, a changed tree, or one nested deeply."""
        if self.raw_wanted():
            return self.rest()
        kind = self.number(16)
        tree = self.of(seeds)
        if kind == 0:
            deep = self.number(_DEEP) + 1
            inside = json.dumps(tree, ensure_ascii=False).encode("utf-8", "surrogatepass")
            return b"[" * deep + inside + b"]" * deep
        written = json.dumps(self.tree(tree), ensure_ascii=bool(kind % 2))
        if kind in {2, 3}:
            # A number as no float holds it.
            written = _NUMBER.sub(lambda _: self.of(_LITERALS), written, count=self.number(8) + 1)
        if kind == 1:
            # A name that stands twice: no dict can hold it.
            written = written.replace("{", '{"infno": 1, "id": "x", "infno": 2, ', 1)
        return written.encode("utf-8", "surrogatepass")

    def rows(self, seed: Sequence[Sequence[Any]]) -> list[list[Any]]:
        """A copy of a table, its header first, with some cells, rows or columns changed."""
        found = [list(row) for row in seed]
        for _ in range(self.number(_MOST_EDITS) + 1):
            at = self.number(len(found)) if found else 0
            if not found or not found[at]:
                found.append([self.text()])
                continue
            cell, kind = self.number(len(found[at])), self.number(16)
            if kind == 0:
                found.append(list(found[at]))
            elif kind == 1:
                del found[at]
            elif kind == 2:
                found[at].append(self.text())
            elif kind == 3:
                del found[at][cell]
            else:
                found[at][cell] = self.text()
        return found

    @_remembered
    def csv(self, seeds: Sequence[Sequence[Sequence[Any]]]) -> bytes:
        """A table as CSV: the rest of the input, or a changed one in one of the usual spellings."""
        if self.raw_wanted():
            return self.rest()
        encoding = self.of(("utf-8", "utf-8", "utf-8-sig", "gb18030", "utf-16"))
        delimiter = self.of((",", ",", ",", "\t", ";"))
        end = self.of(("\n", "\r\n", "\r"))
        quoted = self.number(4)
        lines = []
        for row in self.rows(self.of(seeds)):
            cells = ["" if cell is None else str(cell) for cell in row]
            if quoted:
                cells = [
                    f'"{c.replace(chr(34), chr(34) * 2)}"' if set(c) & set('",;\t\r\n') else c
                    for c in cells
                ]
            lines.append(delimiter.join(cells))
        text = end.join(lines) + end
        return text.encode(encoding, "surrogatepass" if encoding.startswith("utf") else "replace")

    def cells(self, seed: Sequence[Sequence[Any]]) -> list[list[str | float | bool | None]]:
        """As :meth:`rows`, with what a workbook can hold: numbers, truth values, texts of XML."""
        found: list[list[str | float | bool | None]] = [
            [for_xml(c) if isinstance(c, str) else c for c in row] for row in self.rows(seed)
        ]
        if found and found[-1] and self.number(2):
            odd = (True, 0, -1, 0.1, 1e300, 46027, 2**53, 1e-300)
            found[-1][self.number(len(found[-1]))] = self.of(odd)
        return found


def for_xml(text: str) -> str:
    """What XML 1.0 allows of a text."""
    allowed = (c for c in text if c >= " " or c in "\t\n\r")
    return "".join(c for c in allowed if not ("\ud800" <= c <= "\udfff" or c in "\ufffe\uffff"))
