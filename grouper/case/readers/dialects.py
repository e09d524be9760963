"""Dialects: other packages' knowledge of column names, found through an entry point.

A package registers a :class:`Dialect` under the entry point group :data:`GROUP`; this package
imports none of them.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Protocol

from grouper.case.layout import Layout, bind

if TYPE_CHECKING:
    from collections.abc import Sequence

GROUP = "grouper.readers"


class Dialect(Protocol):
    """A form of record that is known by its column names."""

    @property
    def name(self) -> str:
        """Short name, such as ``hqms``."""

    def bind(self, names: Sequence[str]) -> Layout | None:
        """The meaning of the columns, or None when the names are not of this dialect."""


@cache
def registered() -> tuple[Dialect, ...]:
    """The dialects of all installed packages, by name."""
    found = [point.load() for point in entry_points(group=GROUP)]
    return tuple(sorted(found, key=lambda dialect: str(dialect.name)))


def lay_out(names: Sequence[str], dialects: Sequence[Dialect]) -> Layout:
    """The layout of the first dialect that knows the names, else the general one."""
    for dialect in dialects:
        layout = dialect.bind(names)
        if layout is not None:
            return layout
    return bind(tuple(names))
