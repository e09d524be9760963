"""What the hospital's catalogues say of items that are ordered: national codes, classes, prices.

An order names the hospital's own code more often than the national one, and hardly ever its class.
Both are taken from the imported catalogues where they say exactly one thing on the day; else nothing
is put in, and the check says that the line could not be judged.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from codebooks.catalogues.catalogue import Catalogues
from codebooks.catalogues.forms import KINDS, MAPPING
from codebooks.catalogues.keeping import MANIFEST, home
from grouper.audit.order.catalogue import SaidOf
from grouper.case.dates import LOCAL

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from grouper.audit.catalogue import Said
    from grouper.audit.order.lines import Line

Stamp = tuple[tuple[int, int] | None, ...]


@dataclass(frozen=True, slots=True)
class AtHand:
    """The catalogues as they were read.

    Attributes:
        stamp: of their files.
        catalogues: of every kind.
        national: by the hospital's code, national codes with first day and the day after the last.
        disputed: codes of the hospital that have more than one row on some day.
        said: of national codes; what is asked once is kept.
    """

    stamp: Stamp
    catalogues: Catalogues
    national: Mapping[str, Sequence[tuple[str | None, int, int]]]
    disputed: frozenset[str]
    said: SaidOf


class Items:
    """The catalogues at hand, read again when an import changed them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: AtHand | None = None

    def at_hand(self) -> AtHand | None:
        """The catalogues; None: nothing was imported.

        Raises:
            CodebookError: ``CATALOGUE_BROKEN``.
        """
        stamp = tuple(_stamp(kind) for kind in KINDS)
        with self._lock:
            if self._known is None or self._known.stamp != stamp:
                self._known = _read(stamp)
            return self._known if self._known.catalogues else None

    def filled(self, lines: Sequence[Line], own: Mapping[int, str]) -> list[Line]:
        """Lines with national code and class where they state none and the catalogues do.

        Args:
            lines: with their times.
            own: the hospital's codes by number of the line.

        Raises:
            CodebookError: ``CATALOGUE_BROKEN``.
        """
        known = self.at_hand()
        if known is None:
            return list(lines)
        found = [_coded(line, own.get(line.number), known) for line in lines]
        asked = {line.item for line in found if line.item is not None and line.scope is None}
        said = dict(known.said.of(sorted(asked)))
        return [_classed(line, said) for line in found]

    def warm(self, codes: Iterable[str]) -> None:
        """Ask once of all items that rules speak of.

        Raises:
            CodebookError: ``CATALOGUE_BROKEN``.
        """
        known = self.at_hand()
        if known is not None:
            known.said.of(list(dict.fromkeys(codes)))


def _stamp(kind: str) -> tuple[int, int] | None:
    try:
        found = (home(kind) / MANIFEST).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def _read(stamp: Stamp) -> AtHand:
    catalogues = Catalogues()
    mapping = catalogues[MAPPING]
    national: dict[str, list[tuple[str | None, int, int]]] = {}
    if mapping:
        rows = mapping.rows(["hospital_code", "code", "since", "until"])
        columns = (rows[name].to_pylist() for name in rows.schema.names)
        for code, item, since, until in zip(*columns, strict=True):
            national.setdefault(code, []).append((item, since, until))
    disputed = frozenset(mapping.disputes["key"].to_pylist()) if mapping else frozenset()
    return AtHand(stamp, catalogues, national, disputed, SaidOf(catalogues))


def _day(line: Line) -> int | None:
    """The local day of a line, since 1970."""
    if line.time is None:
        return None
    local = line.time if line.time.tzinfo in {None, LOCAL} else line.time.astimezone(LOCAL)
    return int(np.datetime64(local.date(), "D").astype(int))


def _coded(line: Line, own: str | None, known: AtHand) -> Line:
    day = _day(line)
    if line.item is not None or own is None or day is None or own in known.disputed:
        return line
    codes = {code for code, since, until in known.national.get(own, ()) if since <= day < until}
    return replace(line, item=codes.pop()) if len(codes) == 1 else line


def _classed(line: Line, known: Mapping[str, Said]) -> Line:
    day = _day(line)
    said = None if line.item is None else known.get(line.item)
    if line.scope is not None or said is None or day is None:
        return line
    scopes = {scope for since, until, scope in said.scopes if since <= day < until}
    return replace(line, scope=scopes.pop()) if len(scopes) == 1 else line
