"""``grouper codebooks list``: everything at hand, or the scheme that binds on a day."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from codebooks import code_storage, paths
from codebooks.code_storage import in_language
from codebooks.codes import code_set_folders
from codebooks.crosswalk import crosswalk_folders
from codebooks.errors import CodebookError
from codebooks.messages import language
from codebooks.registry import registry
from codebooks.storage import read_manifest
from grouper.cli.codebooks_render import (
    count_words,
    print_heading,
    print_json,
    print_table,
    say,
    short,
    validity,
)

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path


def print_list(*, as_json: bool) -> None:
    """All schemes, code sets and crosswalks with their cards' short form."""
    shelves = {
        "schemes": _schemes(),
        "code_sets": _code_entries(code_set_folders()),
        "crosswalks": _code_entries(crosswalk_folders()),
    }
    if as_json:
        print_json(shelves)
        return
    for index, (shelf, entries) in enumerate(shelves.items()):
        if index:
            typer.echo()
        print_heading(say(f"list.{shelf}", count=len(entries)))
        third = "region" if shelf == "schemes" else "kind"
        columns = ("id", third, "validity", "counts", "standing", "origin")
        print_table([say(f"column.{c}") for c in columns], [_row(e, third) for e in entries])


def _row(entry: dict[str, Any], third: str) -> list[str]:
    about = region_name(entry[third]) if third == "region" else say(f"kind.{entry[third]}")
    return [
        entry["id"],
        about,
        validity(entry["valid_from"], entry["valid_to"]),
        count_words(_main_counts(entry["counts"])),
        short(entry["standing"]),
        origin_words(entry["origin"]),
    ]


def _main_counts(counts: dict[str, int]) -> dict[str, int]:
    """The few counts that tell books apart at a glance."""
    return {
        name: n
        for name, n in counts.items()
        if name in ("mdc", "adrg", "drg", "groups", "codes", "rows")
    }


def _schemes() -> list[dict[str, Any]]:
    books = registry()
    entries: list[dict[str, Any]] = []
    for id_, card in sorted(books.cards.items()):
        entry = {
            "id": id_,
            "family": card.family,
            "region": card.region,
            "valid_from": card.valid_from,
            "valid_to": card.valid_to,
            "counts": read_manifest(books.folders[id_])["counts"],
            "standing": card.standing,
            "origin": "installed" if id_ in books.installed else "shipped",
        }
        entries.append(entry)
    return entries


def _code_entries(folders: dict[str, Path]) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = []
    for id_, folder in sorted(folders.items()):
        manifest = code_storage.read_manifest(folder)
        entry = {
            "id": id_,
            "kind": manifest.card.kind.value,
            "name": in_language(manifest.card.name),
            "valid_from": manifest.card.valid_from,
            "valid_to": manifest.card.valid_to,
            "counts": dict(manifest.counts),
            "standing": in_language(manifest.card.standing),
            "origin": origin(folder),
        }
        entries.append(entry)
    return entries


def origin(folder: Path) -> str:
    """``installed`` by the hospital or ``shipped`` with the package."""
    return "installed" if folder.is_relative_to(paths.installed()) else "shipped"


def origin_words(name: str) -> str:
    """An origin in words."""
    return say(f"origin.{name}")


def region_name(region: str) -> str:
    """A region's name; the regions table has Chinese names alone, so its id in English."""
    known = registry().regions.get(region)
    return known.name if known and language() == "zh" else region


def print_binding(day: date, region: str | None, kind: str, *, as_json: bool) -> None:
    """Which scheme binds on a day: in one region, or in every region.

    Raises:
        CodebookError: ``REGION_UNKNOWN``, or ``SCHEME_UNCOVERED`` when one region was asked for.
    """
    books = registry()
    wanted = [books.region(region).id] if region else list(books.regions)
    found: list[dict[str, Any]] = []
    for id_ in wanted:
        try:
            binding = books.binding(id_, day, kind)
        except CodebookError as error:
            if region or error.code not in ("SCHEME_UNCOVERED", "SCHEME_NOT_AT_HAND"):
                raise
            found.append({"region": id_, "day": day, "kind": kind, "scheme": None})
            continue
        entry = {
            "region": id_,
            "day": day,
            "kind": kind,
            "scheme": binding.scheme,
            "bound_by": binding.region,
            "valid_from": binding.valid_from,
            "valid_to": binding.valid_to,
            "source": binding.source,
            "origin": "installed" if binding.installed else "shipped",
        }
        found.append(entry)
    if as_json:
        print_json(found[0] if region else found)
        return
    print_heading(say("list.binding", day=day.isoformat()))
    columns = ("region", "scheme", "bound_by", "validity", "source", "origin")
    print_table([say(f"column.{c}") for c in columns], [_binding_row(entry) for entry in found])


def _binding_row(entry: dict[str, Any]) -> list[str]:
    if entry["scheme"] is None:
        return [region_name(entry["region"]), say("list.uncovered"), "", "", "", ""]
    return [
        region_name(entry["region"]),
        entry["scheme"],
        region_name(entry["bound_by"]),
        validity(entry["valid_from"], entry["valid_to"]),
        entry["source"],
        origin_words(entry["origin"]),
    ]
