"""A bundle element by element; who the patient is is not shown.

``data/outline.csv`` names the elements whose values may be shown wherever they stand. The place is
the element's path; FHIR has no other names for them.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import as_file, files
from typing import TYPE_CHECKING, Any

from codebooks.strict_csv import read_rows
from grouper.intake.outline import Part

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_ENTRIES = "entry"


@cache
def _shown() -> frozenset[str]:
    """Elements whose values may be shown.

    Raises:
        CodebookError: the table is not as it should be.
    """
    with as_file(files("hl7_adapters.fhir") / "data" / "outline.csv") as path:
        return frozenset(row.cells["element"] for row in read_rows(path, ("element",)))


def outline(root: Mapping[str, Any]) -> Iterator[Part]:
    """The elements that hold a value, resource by resource.

    Args:
        root: the resource of the message.
    """
    entries = root.get(_ENTRIES)
    yield from _walk({k: v for k, v in root.items() if k != _ENTRIES}, "", "")
    for number, entry in enumerate(entries if isinstance(entries, list) else ()):
        resource = entry.get("resource") if isinstance(entry, dict) else None
        kind = resource.get("resourceType") if isinstance(resource, dict) else None
        at = f"{_ENTRIES}[{number}]"
        group = f"{at} {kind}" if isinstance(kind, str) else at
        yield from _walk(entry, at, group)


def _walk(value: object, place: str, group: str) -> Iterator[Part]:
    """The values below an element; what is nested deep was refused when it was read."""
    if isinstance(value, dict):
        for name, below in value.items():
            yield from _walk(below, f"{place}.{name}" if place else str(name), group)
    elif isinstance(value, list):
        for number, below in enumerate(value):
            yield from _walk(below, f"{place}[{number}]", group)
    elif value is not None and value != "":
        element = place.rsplit(".", 1)[-1].split("[", 1)[0]
        yield Part(group, place, str(value) if element in _shown() else None)
