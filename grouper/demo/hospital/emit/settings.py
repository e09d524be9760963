"""What the messages are written with (``data/``), read once."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import as_file, files
from typing import TYPE_CHECKING, Any

from hl7_adapters.hl7v2 import load_mapping
from hl7_adapters.hl7v2.places import read_place

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hl7_adapters.hl7v2.book import Book

DATA = files("grouper.demo.hospital.emit") / "data"
MAPPING = "hl7.toml"
_SITE = "Z"


@cache
def settings() -> Mapping[str, Any]:
    """The table ``emit.toml``."""
    return tomllib.loads((DATA / "emit.toml").read_text("utf-8"))


@cache
def mapping() -> Book:
    """The hospital's own mapping above the shipped one, as its messages are read."""
    with as_file(DATA / MAPPING) as path:
        return load_mapping(path)


@cache
def site_fields() -> Mapping[str, Mapping[int, str]]:
    """By site-defined segment and number of field, the field of the Case that stands there."""
    own = tomllib.loads((DATA / MAPPING).read_text("utf-8"))
    found: dict[str, dict[int, str]] = {}
    for table in (own["facts"], own["px"]["about"], own["lines"]["about"]):
        for name, source in table.items():
            place = read_place(source["from"][0])
            part = place.parts[0] if place else None
            if part is not None and part.segment.startswith(_SITE):
                found.setdefault(part.segment, {})[part.field] = name
    return found
