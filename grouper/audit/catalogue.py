"""What the catalogues say of the items of lines, as days: for the template ``catalogue``."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from codebooks.catalogues.forms import GREY, LISTED, MAPPING, common
from codebooks.catalogues.listed import forms_in, is_covered
from grouper.audit.lines import PARTS, SCOPES
from grouper.audit.parameters import NEVER

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from datetime import date
    from decimal import Decimal

    from codebooks.catalogues.catalogue import Catalogues
    from grouper.audit.lines import Words

TEMPLATE = "catalogue"
UNKNOWN, NOT_IN_FORCE, IS_GREY, UNMAPPED, MAPPING_OUT, NO_FORM = (
    *("unknown", "not_in_force", "grey", "unmapped", "mapping_out", "no_form"),
)
"""What may be wrong with an item on a day; keys of the words ``audit_value.wrong.…``."""

_T = TypeVar("_T")
Span = tuple[int, int]
"""First day and the day after the last, as days since 1970."""

_GAPS = pa.schema(
    [("item", pa.int32()), ("since", pa.int32()), ("until", pa.int32()), ("why", pa.string())]
)
_SCOPES = pa.schema(
    [("item", pa.int32()), ("since", pa.int32()), ("until", pa.int32()), ("scope", pa.int8())]
)
_PRICES = pa.schema(
    [("item", pa.int32()), ("since", pa.int32()), ("until", pa.int32()), ("price", pa.int64())]
)


@dataclass(frozen=True, slots=True)
class Said:
    """What the catalogues say of one item.

    Attributes:
        gaps: days on which it must not be charged to the insurance (grey: not at all), and why.
        scopes: its class (A, B, C) by days; none on days on which rows contradict each other.
        prices: the greatest price of the hospital's own items that are mapped to it, in
            ten-thousandths of a yuan, by days on which each of them states one.
    """

    gaps: tuple[tuple[int, int, str], ...]
    scopes: tuple[tuple[int, int, str], ...]
    prices: tuple[tuple[int, int, int], ...]


class CatalogueRows:
    """The catalogues as the template joins them; what is asked once is kept.

    Args:
        catalogues: those at hand; None: nothing is said of any item.
    """

    def __init__(self, catalogues: Catalogues | None) -> None:
        self._items = 0
        self._tables = {"catalogue_gaps": _GAPS, "catalogue_scopes": _SCOPES}
        self._tables["catalogue_prices"] = _PRICES
        self._rows: dict[str, list[dict[str, Any]]] = {name: [] for name in self._tables}
        self._at_hand = None if catalogues is None else at_hand(catalogues)

    def tables(self, items: Words) -> dict[str, pa.Table]:
        """The views ``catalogue_gaps``, ``catalogue_scopes``, ``catalogue_prices`` and ``scope_words``."""
        if self._at_hand is not None:
            new = items.all[self._items :]
            for number, said in enumerate(self._at_hand.said(new), self._items):
                self._take(number, said)
            self._items += len(new)
        words = pa.array(SCOPES[1:], pa.string())
        numbers = pa.array(range(1, len(SCOPES)), pa.int8())
        found = {
            name: pa.Table.from_pylist(self._rows[name], schema=schema)
            for name, schema in self._tables.items()
        }
        return found | {"scope_words": pa.table({"scope": numbers, "word": words})}

    def _take(self, number: int, said: Said) -> None:
        for name, column, rows in (
            ("catalogue_gaps", "why", said.gaps),
            ("catalogue_scopes", "scope", said.scopes),
            ("catalogue_prices", "price", said.prices),
        ):
            self._rows[name] += [
                {
                    "item": number,
                    "since": since,
                    "until": until,
                    column: SCOPES.index(str(value)) if column == "scope" else value,
                }
                for since, until, value in rows
            ]


def said_of(catalogues: Catalogues, codes: Sequence[str]) -> list[Said]:
    """What the catalogues say of some items, in their order."""
    return list(at_hand(catalogues).said(codes))


def at_hand(catalogues: Catalogues) -> AtHand:
    """The catalogues with what is asked of them, made once for each."""
    found = catalogues.memo.get(TEMPLATE)
    if not isinstance(found, AtHand):
        found = catalogues.memo[TEMPLATE] = AtHand(catalogues)
    return found


class AtHand:
    """The catalogues with what is asked of them.

    Args:
        catalogues: those at hand.
    """

    def __init__(self, catalogues: Catalogues) -> None:
        self._catalogues = catalogues
        self._first: dict[str, int] = {}
        self._covered: dict[str, frozenset[str]] = {}
        for kind in (*LISTED, MAPPING):
            first = catalogues[kind].first_day
            if first is not None:
                self._first[kind] = _number(first)
                self._covered[kind] = forms_in(pc.unique(catalogues[kind].rows(["code"])["code"]))

    def said(self, codes: Sequence[str]) -> Iterable[Said]:
        """What the catalogues say of some items, in their order."""
        wanted = {own for code in codes for own in _spellings(code)}
        kinds = {kind: self._of(kind, ["scope"], wanted) for kind in LISTED}
        grey = self._of(GREY, [], wanted)
        mapping = self._of(MAPPING, ["price"], wanted)
        disputes = self._disputes(mapping)
        for code in codes:
            found = common().form_of(code)
            gaps = [(*span, IS_GREY) for span in _union(_spans(_by(code, grey)))]
            scopes: list[tuple[int, int, str]] = []
            prices: list[tuple[int, int, int]] = []
            if found is None:
                if len(self._first.keys() & set(LISTED)) == len(LISTED):
                    gaps.append((max(self._first[kind] for kind in LISTED), NEVER, NO_FORM))
            else:
                own = _by(code, kinds[found.catalogue])
                gaps += self._gaps(code, found.catalogue, own, (UNKNOWN, NOT_IN_FORCE))
                scopes = _pieces(own, _scope)
                own = _by(code, mapping)
                gaps += self._gaps(code, MAPPING, own, (UNMAPPED, MAPPING_OUT))
                prices = _pieces([*own, *_disputed(own, disputes)], _price)
            yield Said(tuple(gaps), tuple(scopes), tuple(prices))

    def _of(
        self, kind: str, columns: Sequence[str], wanted: Collection[str]
    ) -> dict[str, list[dict[str, Any]]]:
        """The rows of codes, by code."""
        one = self._catalogues[kind]
        names = list(dict.fromkeys(["code", one.form.key, *columns, "since", "until"]))
        rows = one.rows(names)
        rows = rows.filter(pc.is_in(rows["code"], pa.array(sorted(wanted), pa.string())))
        found = defaultdict(list)
        for row in rows.to_pylist():
            found[row["code"]].append(row)
        return found

    def _disputes(
        self, mapping: dict[str, list[dict[str, Any]]]
    ) -> dict[str, list[dict[str, Any]]]:
        """Days on which an item of the hospital has several rows, by the item."""
        keys = {row["hospital_code"] for rows in mapping.values() for row in rows}
        rows = self._catalogues[MAPPING].disputes
        rows = rows.filter(pc.is_in(rows["key"], pa.array(sorted(keys), pa.string())))
        found = defaultdict(list)
        for row in rows.to_pylist():
            found[row["key"]].append(row)
        return found

    def _gaps(
        self, code: str, kind: str, rows: list[dict[str, Any]], why: tuple[str, str]
    ) -> list[tuple[int, int, str]]:
        """The days from the catalogue's first on that no row of the item holds on."""
        if kind not in self._first or not is_covered(code, self._covered[kind]):
            return []
        if self._catalogues[kind].unreadable & set(_spellings(code)):
            return []
        gaps = []
        day = self._first[kind]
        for since, until in _union(_spans(rows)):
            if since > day:
                gaps.append((day, since))
            day = max(day, until)
        if day < NEVER:
            gaps.append((day, NEVER))
        return [(*gap, why[bool(rows)]) for gap in gaps]


def _spellings(code: str) -> tuple[str, ...]:
    """A code, and its beginning that may be listed in its place."""
    found = common().form_of(code)
    return (code, code[: found.within]) if found is not None and found.within else (code,)


def _by(code: str, rows: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """The rows of the whole code, else those of its beginning."""
    return next((rows[own] for own in _spellings(code) if rows.get(own)), [])


def _disputed(
    rows: list[dict[str, Any]], disputes: dict[str, list[dict[str, Any]]]
) -> Iterable[dict[str, Any]]:
    keys = dict.fromkeys(row["hospital_code"] for row in rows)
    return (one for key in keys for one in disputes.get(key, ()))


def _spans(rows: Iterable[dict[str, Any]]) -> list[Span]:
    return [(row["since"], row["until"]) for row in rows]


def _union(spans: list[Span]) -> list[Span]:
    joined: list[Span] = []
    for since, until in sorted(spans):
        if joined and since <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], until)
        else:
            joined.append((since, until))
    return joined


def _pieces(
    rows: Sequence[dict[str, Any]], value: Callable[[list[dict[str, Any]]], _T | None]
) -> list[tuple[int, int, _T]]:
    """What rows say together, by the days on which the same ones hold; none where they say nothing."""
    days = sorted({day for row in rows for day in (row["since"], row["until"])})
    found: list[tuple[int, int, _T]] = []
    for since, until in pairwise(days):
        holding = [row for row in rows if row["since"] <= since < row["until"]]
        said = value(holding) if holding else None
        if said is None:
            continue
        if found and found[-1][1] == since and found[-1][2] == said:
            found[-1] = found[-1][0], until, said
        else:
            found.append((since, until, said))
    return found


def _scope(rows: list[dict[str, Any]]) -> str | None:
    scopes = {row["scope"] for row in rows}
    return scopes.pop() if len(scopes) == 1 else None


def _price(rows: list[dict[str, Any]]) -> int | None:
    disputed = {row["key"] for row in rows if "key" in row}
    holding = [row for row in rows if "key" not in row]
    prices = [row["price"] for row in holding]
    if not holding or None in prices or any(r["hospital_code"] in disputed for r in holding):
        return None
    return max(map(_parts, prices))


def _parts(price: Decimal) -> int:
    return int(price * PARTS)


def _number(day: date) -> int:
    return int(np.datetime64(day, "D").astype(int))
