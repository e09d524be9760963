"""The tables of draft orders: where a resource keeps what, and what a code system means."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from typing import TYPE_CHECKING, Any

from codebooks.errors import CodebookError
from codebooks.strict_csv import read_rows

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NATIONAL, HOSPITAL = "national", "hospital"
"""What a code system holds: national item codes, or the hospital's own."""
VOID = "void"
"""Of a draft that is none any more."""
_PARTS = frozenset({"code", "reference", "quantity", "time"})
_MATCHES = frozenset({"is", "begins", "ends"})


@dataclass(frozen=True, slots=True)
class OrderTables:
    """All look-ups.

    Attributes:
        paths: by resource and part, where it stands, in the order of trying.
        quantities: by resource, the quantity of one that states none; empty: unknown.
        systems: how a system is matched (``is``, ``begins``, ``ends``), its text and its meaning.
        statuses: what a status means.
    """

    paths: Mapping[tuple[str, str], tuple[tuple[str, ...], ...]]
    quantities: Mapping[str, str]
    systems: tuple[tuple[str, str, str], ...]
    statuses: Mapping[str, str]

    def meaning(self, system: str) -> str:
        """What a code system holds; empty: not known."""
        folded = system.strip().rstrip("/").lower()
        for match, text, meaning in self.systems:
            if (
                (match == "is" and folded == text)
                or (match == "begins" and folded.startswith(text))
                or (match == "ends" and folded.endswith(text))
            ):
                return meaning
        return ""


def read_order_tables(folder: Path) -> OrderTables:
    """Read the tables of a folder.

    Raises:
        CodebookError: ``CDS_ORDER_TABLE``: a word that no row may hold; as
            :func:`codebooks.strict_csv.read_rows`.
    """
    resources = read_rows(folder / "order_resources.csv", ("resource", "quantity", "note"))
    quantities = {row.cells["resource"]: row.cells["quantity"] for row in resources}
    paths: dict[tuple[str, str], list[tuple[str, ...]]] = {}
    for row in read_rows(folder / "order_elements.csv", ("resource", "part", "path", "note")):
        cells = row.cells
        if cells["part"] not in _PARTS:
            raise CodebookError("CDS_ORDER_TABLE", row.at("part"), found=cells["part"])
        at = (cells["resource"], cells["part"])
        paths.setdefault(at, []).append(tuple(cells["path"].split(".")))
    systems = []
    for row in read_rows(folder / "order_systems.csv", ("match", "system", "meaning", "note")):
        cells = row.cells
        for column, known in (("match", _MATCHES), ("meaning", {NATIONAL, HOSPITAL})):
            if cells[column] not in known:
                raise CodebookError("CDS_ORDER_TABLE", row.at(column), found=cells[column])
        systems.append((cells["match"], cells["system"].lower(), cells["meaning"]))
    statuses = {
        row.cells["status"]: row.cells["meaning"]
        for row in read_rows(folder / "order_statuses.csv", ("status", "meaning", "note"))
    }
    return OrderTables(
        {at: tuple(found) for at, found in paths.items()},
        quantities,
        tuple(systems),
        statuses,
    )


@cache
def order_tables() -> OrderTables:
    """The tables of this package.

    Raises:
        CodebookError: as :func:`read_order_tables`.
    """
    with as_file(files("grouper.service.cds") / "data") as folder:
        return read_order_tables(folder)


@cache
def order_reasons(lang: str) -> tuple[Mapping[str, Any], ...]:
    """Why a physician may go on with an order, as codings of CDS Hooks in one language."""
    with as_file(files("grouper.service.cds") / "data" / "order_reasons.csv") as path:
        return tuple(
            {"code": row.cells["code"], "system": SYSTEM, "display": row.cells[lang]}
            for row in read_rows(path, ("code", "zh", "en"))
        )


SYSTEM = "urn:grouper:order-reasons"
