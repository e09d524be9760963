"""Which scheme binds a case: by region, kind of case and discharge date.

The answer is data: ``data/regions.csv`` (a region, its parent, its names) and
``data/bindings.csv`` (region, kind, scheme, half-open validity, source), to which every installed
book adds a binding of its own for each kind of case on its card. A binding without a scheme says
that the region is paid by a scheme that is not at hand: its cases are refused, never grouped by
another one.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import TYPE_CHECKING

from codebooks import paths, storage
from codebooks.errors import CodebookError, Where

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from codebooks.book import BookCard, SchemeBook

NATIONAL = "national"
INPATIENT, OUTPATIENT, LONG_STAY = "inpatient", "outpatient", "long_stay"


@dataclass(frozen=True, slots=True)
class Region:
    """A region, the region whose schemes it uses when it has none, and its other names."""

    id: str
    name: str
    parent: str | None
    aliases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Binding:
    """One scheme binds one region's cases of one kind for some time.

    ``scheme`` is empty where the scheme that binds is not at hand.
    """

    region: str
    kind: str
    scheme: str
    valid_from: date
    valid_to: date | None
    source: str
    installed: bool = False

    def covers(self, day: date) -> bool:
        """Whether a discharge on ``day`` falls under it."""
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)


class Registry:
    """The schemes at hand and the rules of who uses which.

    ``broken`` holds the installed books that cannot be read, by id. What one still says of its region
    and days binds them on, and asking for it raises its fault: another scheme in its place would be a
    guess.
    """

    def __init__(self, shipped: Path, installed: Path) -> None:
        self.regions = _read_regions(shipped / "regions.csv")
        self._names = {
            name.lower(): region.id
            for region in self.regions.values()
            for name in (region.id, region.name, *region.aliases)
        }
        self.folders = dict(_folders(shipped / "schemes"))
        self.cards = {id_: storage.read_card(folder) for id_, folder in self.folders.items()}
        self.installed: dict[str, BookCard] = {}
        self.broken: dict[str, CodebookError] = {}
        claimed: list[BookCard] = []
        for id_, folder in _folders(installed / "schemes"):
            # One broken book of the hospital's must not stop the work under all others.
            try:
                self.installed[id_] = storage.read_card(folder)
            except CodebookError as error:
                self.broken[id_] = error
                if (card := storage.claimed_card(folder)) is not None:
                    claimed.append(card)
            else:
                self.folders[id_] = folder
        self.cards |= self.installed
        self.bindings = _read_bindings(shipped / "bindings.csv", self.regions, self.cards)
        self.bindings += [
            Binding(c.region, kind, c.id, c.valid_from, c.valid_to, c.source, installed=True)
            for c in (*self.installed.values(), *claimed)
            if c.region in self.regions
            for kind in c.kinds
        ]
        for id_ in self.broken:
            self.cards.pop(id_, None)
            self.folders.pop(id_, None)

    def region(self, name: str) -> Region:
        """A region by id or by one of its names.

        Raises:
            CodebookError: ``REGION_UNKNOWN``.
        """
        try:
            return self.regions[self._names[name.strip().lower()]]
        except KeyError:
            known = ", ".join(self.regions)
            raise CodebookError("REGION_UNKNOWN", found=name, known=known) from None

    def card(self, scheme: str) -> BookCard:
        """The card of a scheme.

        Raises:
            CodebookError: ``SCHEME_UNKNOWN``; of an installed one that cannot be read its fault
                (``BOOK_MANIFEST``).
        """
        if scheme in self.broken:
            raise self.broken[scheme]
        try:
            return self.cards[scheme]
        except KeyError:
            known = ", ".join(sorted(self.cards))
            raise CodebookError("SCHEME_UNKNOWN", found=scheme, known=known) from None

    def book(self, scheme: str) -> SchemeBook:
        """The tables of a scheme, read anew."""
        self.card(scheme)
        return storage.read_book(self.folders[scheme])

    def binding(self, region: str, day: date, kind: str = INPATIENT) -> Binding:
        """The scheme that binds a case.

        A region without a scheme of its own on that day is bound by its parent's. An installed
        book goes before a shipped one, a later start before an earlier one.

        Raises:
            CodebookError: ``REGION_UNKNOWN``; ``SCHEME_UNCOVERED`` when nothing covers the day;
                ``SCHEME_NOT_AT_HAND`` when the scheme that does has to be imported first.
        """
        at: Region | None = self.region(region)
        while at is not None:
            found = [b for b in self.bindings if b.region == at.id and b.kind == kind]
            found = [b for b in found if b.covers(day)]
            if found:
                best = max(found, key=lambda b: (b.installed, b.valid_from, b.scheme))
                if not best.scheme:
                    params = {"region": at.name, "day": day.isoformat(), "source": best.source}
                    raise CodebookError("SCHEME_NOT_AT_HAND", **params)
                return best
            at = self.regions[at.parent] if at.parent else None
        raise CodebookError("SCHEME_UNCOVERED", region=region, day=day.isoformat(), kind=kind)

    def serves(self, region: str, kind: str) -> bool:
        """Whether a region, or one above it, has a binding for a kind of case on any day.

        Raises:
            CodebookError: ``REGION_UNKNOWN``.
        """
        at: Region | None = self.region(region)
        while at is not None:
            if any(b.region == at.id and b.kind == kind for b in self.bindings):
                return True
            at = self.regions[at.parent] if at.parent else None
        return False


def _folders(base: Path) -> Iterator[tuple[str, Path]]:
    if base.is_dir():
        for folder in sorted(base.iterdir()):
            # A name with a dot is what an interrupted installation left behind.
            if not folder.name.startswith(".") and storage.is_scheme(folder):
                yield folder.name, folder


def _rows(path: Path) -> Iterator[tuple[Where, dict[str, str]]]:
    with path.open(encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file), 2):
            yield Where(file=path.name, row=number), row


def _read_regions(path: Path) -> dict[str, Region]:
    regions: dict[str, Region] = {}
    for where, row in _rows(path):
        aliases = tuple(a for a in row["aliases"].split("|") if a)
        parent = row["parent"] or None
        if parent is not None and parent not in regions:
            place = Where(where.file, None, where.row, "parent")
            raise CodebookError("REGION_PARENT", place, found=parent)
        regions[row["region"]] = Region(row["region"], row["name"], parent, aliases)
    return regions


def _read_bindings(
    path: Path, regions: dict[str, Region], cards: dict[str, BookCard]
) -> list[Binding]:
    bindings: list[Binding] = []
    for where, row in _rows(path):
        for column, known in (("region", regions), ("scheme", cards)):
            if row[column] not in known and (column, row[column]) != ("scheme", ""):
                place = Where(where.file, None, where.row, column)
                raise CodebookError("BINDING_UNKNOWN", place, found=row[column])
        start = date.fromisoformat(row["valid_from"])
        end = date.fromisoformat(row["valid_to"]) if row["valid_to"] else None
        new = Binding(row["region"], row["kind"], row["scheme"], start, end, row["source"])
        for old in bindings:
            same = (old.region, old.kind) == (new.region, new.kind)
            if same and (old.covers(start) or new.covers(old.valid_from)):
                raise CodebookError("BINDING_OVERLAP", where, first=old.scheme, second=new.scheme)
        bindings.append(new)
    return bindings


@cache
def registry() -> Registry:
    """The registry of this process; :func:`reload` after an installation."""
    return Registry(paths.shipped(), paths.installed())


def reload() -> Registry:
    """Forget what was read and read again."""
    registry.cache_clear()
    return registry()
