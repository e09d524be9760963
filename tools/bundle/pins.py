"""Pins: the exact versions that this environment has of everything that a hospital runs."""

from __future__ import annotations

import tomllib
from importlib.metadata import distribution
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_HEAD = """\
# The versions that a bundle for offline installation holds. Made from the environment that the tests
# ran in: python tools/make_bundle.py --pin
"""


def wanted(project: Path, extras: Iterable[str]) -> list[Requirement]:
    """What a project needs with some of its extras.

    Args:
        project: its ``pyproject.toml``.
        extras: of it; one may name others of the same project.
    """
    told = tomllib.loads(project.read_text("utf-8"))["project"]
    own = canonicalize_name(told["name"])
    found = [Requirement(line) for line in told["dependencies"]]
    waiting, seen = list(extras), set(extras)
    while waiting:
        for one in map(Requirement, told["optional-dependencies"][waiting.pop()]):
            if canonicalize_name(one.name) != own:
                found.append(one)
                continue
            waiting += sorted(one.extras - seen)
            seen |= one.extras
    return found


def closure(needs: Iterable[Requirement]) -> dict[str, str]:
    """Name and version, as installed here, of packages and of all that they need.

    Raises:
        PackageNotFoundError: one of them is not installed.
    """
    seen: dict[str, frozenset[str]] = {}
    waiting = [one for one in needs if one.marker is None or one.marker.evaluate({"extra": ""})]
    while waiting:
        asked = waiting.pop()
        name = canonicalize_name(asked.name)
        if name in seen and asked.extras <= seen[name]:
            continue
        seen[name] = seen.get(name, frozenset()) | asked.extras
        waiting += [
            one
            for one in map(Requirement, distribution(name).requires or ())
            if one.marker is None
            or any(one.marker.evaluate({"extra": extra}) for extra in ("", *seen[name]))
        ]
    return {name: distribution(name).version for name in sorted(seen)}


def constraints(needs: Iterable[Requirement]) -> str:
    """A file of constraints that pins packages and all that they need.

    Raises:
        PackageNotFoundError: one of them is not installed.
    """
    return _HEAD + "".join(f"{name}=={version}\n" for name, version in closure(needs).items())
