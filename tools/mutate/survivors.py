"""Mutants that no test can notice, or that none needs to: each listed with its reason."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

from tools.mutate.scope import FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tools.mutate.results import Result

LISTED = FOLDER / "survivors.toml"


def read_survivors(path: Path = LISTED) -> dict[str, str]:
    """The list.

    Returns:
        By the mutant's key: the reason.

    Raises:
        ValueError: a mutant is listed twice, or without a reason.
    """
    found: dict[str, str] = {}
    for one in tomllib.loads(path.read_text("utf-8")).get("survivor", []):
        turn = f" #{one['nth']}" if one.get("nth", 1) > 1 else ""
        key = f"{one['module']}:{one['function']}: {one['original']} → {one['mutated']}{turn}"
        if key in found or not one["reason"].strip():
            raise ValueError(f"listed twice or without a reason: {key}")
        found[key] = one["reason"]
    return found


def stale(listed: dict[str, str], keys: Iterable[str], results: Iterable[Result]) -> list[str]:
    """What should leave the list.

    Args:
        listed: the list.
        keys: of all mutants there are.
        results: what was tried.

    Returns:
        A line for each listed mutant that a test notices now, or that is no more.
    """
    there = set(keys)
    gone = [f"no such mutant: {key}" for key in listed if key not in there]
    noticed = [f"noticed now: {one.key}" for one in results if one.killed and one.key in listed]
    return gone + noticed
