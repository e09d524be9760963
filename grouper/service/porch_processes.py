"""Processes of the service that a porch brings, by the entry points ``grouper.processes``.

Asking whether one is at hand loads nothing of it: the supervisor need not hold what it needs.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from codebooks.errors import GrouperError

if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.metadata import EntryPoint

GROUP = "grouper.processes"
_NEEDED = {"pages": ("dashboards", ("streamlit", "altair"))}
"""By process: the extra that it needs, and packages that only the extra brings."""


def _points() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}


def at_hand(name: str) -> bool:
    """Whether a process is known and what it needs is installed."""
    _, packages = _NEEDED.get(name, ("", ()))
    return name in _points() and all(find_spec(package) is not None for package in packages)


def check_at_hand(name: str) -> None:
    """Check that a process can be started.

    Raises:
        GrouperError: ``EXTRA_MISSING``.
    """
    if not at_hand(name):
        raise GrouperError("EXTRA_MISSING", extra=_NEEDED.get(name, (name, ()))[0])


def function_of(name: str) -> Callable[..., Any]:
    """The function that runs a process, given the settings and the database.

    Raises:
        GrouperError: ``EXTRA_MISSING``.
    """
    check_at_hand(name)
    found: Callable[..., Any] = _points()[name].load()
    return found
