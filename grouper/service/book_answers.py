"""Schemes as people read them: what is at hand, and which of them binds when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from codebooks.errors import CodebookError
from codebooks.registry import registry
from codebooks.storage import read_manifest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from codebooks.book import BookCard
    from codebooks.registry import Region


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemeAtHand:
    """A scheme that can be grouped by.

    Attributes:
        card: its card.
        counts: rows by table, those without rows left out.
        content: hash of its content, SHA-256.
        installed: whether the hospital imported it.
    """

    card: BookCard
    counts: Mapping[str, int]
    content: str
    installed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """Which scheme binds a region's cases for some time.

    Attributes:
        since: first day.
        until: the day after the last one; None: open.
        scheme: its id; None: there is none, or it is not at hand.
        region: whose binding it is: the one asked for, or one above it.
        source: what the binding rests on; empty: there is none.
        installed: whether it is an imported scheme.
    """

    since: date
    until: date | None
    scheme: str | None
    region: str
    source: str
    installed: bool = False


def at_hand() -> list[SchemeAtHand]:
    """All schemes, by id.

    Raises:
        CodebookError: ``BOOK_MANIFEST``.
    """
    known = registry()
    found = []
    for name, card in sorted(known.cards.items()):
        manifest = read_manifest(known.folders[name])
        counts = {table: count for table, count in manifest["counts"].items() if count}
        content = str(manifest.get("content_sha256", ""))
        installed = name in known.installed
        found.append(SchemeAtHand(card=card, counts=counts, content=content, installed=installed))
    return found


def broken() -> Mapping[str, CodebookError]:
    """The imported schemes that cannot be read, by id; they bind nobody."""
    return registry().broken


def regions() -> Mapping[str, Region]:
    """All regions by id."""
    return registry().regions


def region_name(region: str, lang: str) -> str:
    """A region's name; the table has Chinese names alone, so its id in English."""
    known = registry().regions.get(region)
    return known.name if known is not None and lang == "zh" else region


def terms(region: str, kind: str) -> list[Term]:
    """Which scheme binds one kind of a region's cases, from the first day on that one does.

    Neighbouring terms of one binding are one; days on which nothing binds stand between others
    only. A scheme that binds but is not at hand has no ``scheme`` and its source.

    Raises:
        CodebookError: ``REGION_UNKNOWN``.
    """
    known = registry()
    above: list[str] = []
    here: Region | None = known.region(region)
    while here is not None:
        above.append(here.id)
        here = known.regions[here.parent] if here.parent else None
    bindings = [one for one in known.bindings if one.region in above and one.kind == kind]
    days = {one.valid_from for one in bindings} | {
        one.valid_to for one in bindings if one.valid_to is not None
    }
    cuts = sorted(days)
    found: list[Term] = []
    for at, since in enumerate(cuts):
        until = cuts[at + 1] if at + 1 < len(cuts) else None
        term = _term(region, kind, since, until)
        last = found[-1] if found else None
        if last is not None and _alike(last, term):
            found[-1] = _joined(last, term)
        else:
            found.append(term)
    if found and not found[-1].source:
        del found[-1]
    return found


def _term(region: str, kind: str, since: date, until: date | None) -> Term:
    try:
        bound = registry().binding(region, since, kind)
    except CodebookError as error:
        source = str(error.params.get("source", "")) if error.code == "SCHEME_NOT_AT_HAND" else ""
        return Term(since=since, until=until, scheme=None, region=region, source=source)
    return Term(
        since=since,
        until=until,
        scheme=bound.scheme,
        region=bound.region,
        source=bound.source,
        installed=bound.installed,
    )


def _alike(one: Term, other: Term) -> bool:
    names = ("scheme", "region", "source", "installed")
    return all(getattr(one, name) == getattr(other, name) for name in names)


def _joined(one: Term, other: Term) -> Term:
    return Term(
        since=one.since,
        until=other.until,
        scheme=one.scheme,
        region=one.region,
        source=one.source,
        installed=one.installed,
    )
