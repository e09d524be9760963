"""Out of which code, tables and settings a model came."""

from __future__ import annotations

import csv
import hashlib
import json
import platform
import tomllib
from functools import cache
from importlib import metadata
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from codebooks.policies.policies import policies
from grouper.forecast.features import names
from grouper.forecast.registry.places import limit
from grouper.forecast.tables import rows
from grouper.schemes.load import load_scheme

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date
    from importlib.resources.abc import Traversable

_PACKAGE, _ABSENT = "yibao-grouper", ""
_LIBRARIES = ("xgboost-cpu", "xgboost", "numpy", "pyarrow")


@cache
def features_hash() -> str:
    """SHA-256 over what the tables of features say, remarks and spelling aside."""
    digest = hashlib.sha256()
    for name in limit("feature_tables"):
        digest.update(f"{name}\n{_meaning(name)}\n".encode())
    return digest.hexdigest()


@cache
def sources_hash() -> str:
    """SHA-256 over the sources out of which features and answers come."""
    home = files("grouper.forecast")
    digest = hashlib.sha256()
    for name in limit("sources"):
        for source in _sources(home / name):
            digest.update(f"{source.name}\n".encode() + source.read_bytes())
    return digest.hexdigest()


def code() -> dict[str, Any]:
    """Version of this software, hash of its sources, versions of what it rests on."""
    libraries = {name: _version(name) for name in _LIBRARIES}
    return {
        "version": _version(_PACKAGE),
        "sources_sha256": sources_hash(),
        "python": platform.python_version(),
        "libraries": {name: version for name, version in libraries.items() if version},
    }


def features() -> dict[str, Any]:
    """The features by part, and the hash of the tables that say what they are."""
    parts: dict[str, int] = {}
    for row in rows("features.csv"):
        parts[row["part"]] = parts.get(row["part"], 0) + 1
    return {"sha256": features_hash(), "count": len(names()), "parts": parts}


def basis(
    region: str, scheme: str | None, schemes: Iterable[str], first: date, last: date
) -> dict[str, Any]:
    """By which schemes and policies the truth was told, each with the hash of its content.

    Args:
        region: its id.
        scheme: the one asked for; None: what binds each case.
        schemes: all that grouped a case.
        first: first discharge.
        last: last discharge.

    Raises:
        GrouperError: a scheme or a policy is not at hand.
    """
    held = [
        period
        for period in policies().periods(region)
        if period.valid_from <= last and first < period.valid_to
    ]
    return {
        "region": region,
        "scheme": scheme or "",
        "schemes": {one: load_scheme(one).content_hash for one in sorted(schemes)},
        "policies": {period.id: period.content_hash for period in held},
    }


def settings() -> dict[str, Any]:
    """The settings of training, by file."""
    home = files("grouper.forecast") / "data"
    found = {}
    for name in limit("settings"):
        file = home / name
        if file.is_file():
            found[name] = tomllib.loads(file.read_text("utf-8"))
    return found


def _meaning(name: str) -> str:
    file = files("grouper.forecast") / "data" / name
    if not file.is_file():
        return _ABSENT
    text = file.read_text("utf-8")
    if name.endswith(".toml"):
        found: Any = tomllib.loads(text)
    else:
        dull = set(limit("remarks"))
        found = [
            {key: value for key, value in row.items() if key not in dull}
            for row in csv.DictReader(text.splitlines())
        ]
    return json.dumps(found, ensure_ascii=False, sort_keys=True, default=str)


def _sources(place: Traversable) -> list[Traversable]:
    if place.is_dir():
        own = [one for one in place.iterdir() if one.name.endswith(".py")]
        return sorted(own, key=lambda one: one.name)
    return [place]


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return _ABSENT
