"""The tables made ready for reading: what a form needs to know of the world, as look-ups."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from grouper.case.fields import FIELDS, members
from hl7_adapters.fhir.tables import BASE, number, rows, wrong

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from codebooks.strict_csv import Row

Path_ = tuple[str, ...]
SINGLE = frozenset(f.name for f in FIELDS.values() if not f.nested)
"""Fields of the case that an extension or an observation may state."""
PLAIN = frozenset({"rank", "scope", "price"}) | {
    name for of in ("dx", "px", "line_item") for name in members(of)[1:]
}
"""What an extension of a single diagnosis, procedure or line may state."""
CONVERTED = 28
"""Digits that a converted quantity keeps."""


@dataclass(frozen=True, slots=True)
class Book:
    """All look-ups.

    Attributes:
        base: canonical base of our own systems and extensions.
        paths: by resource and element, where the element stands, in the order of trying.
        elements: by resource and key, the elements read from there (``-``: passed over).
        markers: by resource, (key, shape, version): a key that only one version has.
        refused: by resource, (key, shape, version) that only an unsupported version has.
        versions: (prefix, version, whether it is taken).
        bundles: by type, whether it is taken and whether it states the whole stay.
        statuses: by resource and status.
        identifiers: by role, ranks by (by, value).
        systems: by purpose and URI, (meaning, rank).
        other: systems whose codes are none of a classification.
        codes: by field, system and code.
        extensions: by resource and URL, the field.
        observations: by system and code, the field.
        units: by code, (dimension, factor).
        quantities: by field and dimension, (divisor, field).
        outcomes: by status of a grouping.
        issue_types: by reason, (severity, type).
    """

    base: str
    paths: Mapping[str, Mapping[str, tuple[Path_, ...]]]
    elements: Mapping[str, Mapping[str, tuple[str, ...]]]
    markers: Mapping[str, tuple[tuple[str, str, str], ...]]
    refused: Mapping[str, tuple[tuple[str, str, str], ...]]
    versions: tuple[tuple[str, str, bool], ...]
    bundles: Mapping[str, tuple[bool, bool]]
    statuses: Mapping[tuple[str, str], str]
    identifiers: Mapping[str, Mapping[tuple[str, str], int]]
    systems: Mapping[str, Mapping[str, tuple[str, int]]]
    other: frozenset[str]
    codes: Mapping[str, Mapping[tuple[str, str], str]]
    extensions: Mapping[str, Mapping[str, str]]
    observations: Mapping[tuple[str, str], str]
    units: Mapping[str, tuple[str, Decimal]]
    quantities: Mapping[tuple[str, str], tuple[Decimal, str]]
    outcomes: Mapping[str, str]
    issue_types: Mapping[str, tuple[str, str]]


def load_book(base: str = BASE, folder: Path | None = None) -> Book:
    """Read all tables.

    Args:
        base: canonical base of our own systems and extensions.
        folder: the hospital's own tables.

    Raises:
        CodebookError: a table cannot be used; file, row and column are named.
    """
    elements = rows("elements", base, folder)
    systems: dict[str, dict[str, tuple[str, int]]] = {"dx": {}, "px": {}, "item": {}, "other": {}}
    for row in rows("systems", base, folder):
        meaning = (row.cells["meaning"], number(row, "rank", int))
        systems[row.cells["purpose"]][row.cells["system"]] = meaning
    identifiers: dict[str, dict[tuple[str, str], int]] = {}
    for row in rows("identifiers", base, folder):
        ranks = identifiers.setdefault(row.cells["role"], {})
        ranks[row.cells["by"], row.cells["value"]] = number(row, "rank", int)
    codes: dict[str, dict[tuple[str, str], str]] = {}
    for row in rows("codes", base, folder):
        values = codes.setdefault(row.cells["field"], {})
        values[row.cells["system"], row.cells["code"]] = row.cells["value"]
    return Book(
        base=base,
        paths=_paths(elements),
        elements=_elements(elements),
        markers=_markers(elements),
        refused=_shapes(rows("refused", base, folder)),
        versions=tuple(
            (r.cells["prefix"], r.cells["version"], r.cells["taken"] == "yes")
            for r in rows("versions", base, folder)
        ),
        bundles={
            r.cells["type"]: (r.cells["taken"] == "yes", r.cells["whole"] == "yes")
            for r in rows("bundles", base, folder)
        },
        statuses={
            (r.cells["resource"], r.cells["status"]): r.cells["meaning"]
            for r in rows("statuses", base, folder)
        },
        identifiers=identifiers,
        systems=systems,
        other=frozenset(systems["other"]),
        codes=codes,
        extensions=_extensions(rows("extensions", base, folder)),
        observations=_observations(rows("observations", base, folder)),
        units={
            r.cells["code"]: (r.cells["dimension"], _factor(r, "factor"))
            for r in rows("units", base, folder)
        },
        quantities={
            (_field(r, "field"), r.cells["dimension"]): (_factor(r, "per"), _field(r, "into"))
            for r in rows("quantities", base, folder)
        },
        outcomes={r.cells["status"]: r.cells["outcome"] for r in rows("outcomes", base, folder)},
        issue_types={
            r.cells["reason"]: (r.cells["severity"], r.cells["type"])
            for r in rows("issue_types", base, folder)
        },
    )


def _paths(elements: list[Row]) -> dict[str, dict[str, tuple[Path_, ...]]]:
    found: dict[str, dict[str, tuple[Path_, ...]]] = {}
    for row in elements:
        path = tuple(row.cells["path"].split("."))
        places = found.setdefault(row.cells["resource"], {})
        known = places.get(row.cells["element"], ())
        if row.cells["element"] != "-" and path not in known:
            places[row.cells["element"]] = (*known, path)
    return found


def _elements(table: list[Row]) -> dict[str, dict[str, tuple[str, ...]]]:
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for row in table:
        key, element = row.cells["path"].split(".")[0], row.cells["element"]
        keys = found.setdefault(row.cells["resource"], {})
        keys[key] = tuple(sorted({*keys.get(key, ()), element}))
    return found


def _markers(elements: list[Row]) -> dict[str, tuple[tuple[str, str, str], ...]]:
    """A key that stands in the rows of one version alone (or there alone in this shape)."""
    found: dict[str, list[tuple[str, str, str]]] = {}
    for row in elements:
        key, shape, version = row.cells["path"].split(".")[0], row.cells["shape"], "version"
        others = {
            (r.cells["version"], r.cells["shape"])
            for r in elements
            if r.cells["resource"] == row.cells["resource"]
            and r.cells["path"].split(".")[0] == key
            and r.cells["version"] != row.cells[version]
        }
        told = shape and all(s and s != shape for _, s in others)
        marks = found.setdefault(row.cells["resource"], [])
        mark = (key, shape, row.cells[version])
        if row.cells[version] and (not others or told) and mark not in marks:
            marks.append(mark)
    return {resource: tuple(marks) for resource, marks in found.items() if marks}


def _shapes(table: list[Row]) -> dict[str, tuple[tuple[str, str, str], ...]]:
    found: dict[str, list[tuple[str, str, str]]] = {}
    for row in table:
        mark = (row.cells["key"], row.cells["shape"], row.cells["version"])
        found.setdefault(row.cells["resource"], []).append(mark)
    return {resource: tuple(marks) for resource, marks in found.items()}


def _extensions(table: list[Row]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for row in table:
        urls = found.setdefault(row.cells["resource"], {})
        for url, field in _spread(row, "url"):
            urls.setdefault(url, field)
    return found


def _observations(table: list[Row]) -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    for row in table:
        for code, field in _spread(row, "code"):
            found.setdefault((row.cells["system"], code), field)
    return found


def _spread(row: Row, column: str) -> list[tuple[str, str]]:
    """A row of the field ``*`` stands for every single field, its name in place of ``{field}``."""
    text = row.cells[column]
    if row.cells["field"] == "*":
        return [(text.replace("{field}", name), name) for name in sorted(SINGLE)]
    if row.cells["field"] not in SINGLE | PLAIN:
        raise wrong(row, "field")
    return [(text, row.cells["field"])]


def _field(row: Row, column: str) -> str:
    if row.cells[column] not in SINGLE:
        raise wrong(row, column)
    return row.cells[column]


def _factor(row: Row, column: str) -> Decimal:
    try:
        value = Decimal(row.cells[column])
    except InvalidOperation:
        raise wrong(row, column) from None
    if not value.is_finite() or value <= 0:
        raise wrong(row, column)
    return value
