"""What all catalogues say of national codes on one day, many codes at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from codebooks.catalogues.catalogue import LEVELS, PRICE, in_force
from codebooks.catalogues.forms import GREY, LISTED, common

if TYPE_CHECKING:
    from datetime import date

    from numpy.typing import NDArray

    from codebooks.catalogues.catalogue import Catalogues


@dataclass(frozen=True, slots=True)
class Listed:
    """The listed codes of a day.

    Attributes:
        rows: ``code``, ``scope`` and ``price`` (each null where nothing or no one thing is said).
        ever: codes that stand in a catalogue on some day.
        covered: names of the forms of codes of which a catalogue lists any.
        grey: codes that must not be used on the day.
    """

    rows: pa.Table
    ever: pa.Array
    covered: frozenset[str]
    grey: pa.Array

    def place(self, codes: pa.Array) -> NDArray[np.int64]:
        """The row of each code; -1: it is not in force."""
        return _at(codes, self.rows["code"])

    def known(self, codes: pa.Array) -> NDArray[np.bool_]:
        """Whether each code stands in a catalogue on some day."""
        return _at(codes, self.ever) >= 0

    def judged(self, codes: pa.Array) -> NDArray[np.bool_]:
        """Whether a catalogue that lists codes of each one's form is at hand."""
        return np.array([is_covered(code, self.covered) for code in codes.to_pylist()], bool)


def listed_on(catalogues: Catalogues, day: date, level: str | None = None) -> Listed:
    """What the catalogues of drugs, services and materials say on a day.

    Args:
        catalogues: those at hand.
        day: the day.
        level: of the hospital (I, II, III), for the price.
    """
    parts = []
    ever = []
    for kind in LISTED:
        one = catalogues[kind]
        fields = one.form.fields
        names = [n for n in (PRICE, *(f"price_{own}" for own in LEVELS)) if n in fields]
        rows = one.rows(["code", "scope", *names, "since", "until"])
        ever.append(pc.unique(rows["code"]))
        parts.append(_said(rows.filter(in_force(rows, day)), level, names))
    every = pa.chunked_array(ever, pa.string()).combine_chunks()
    grey = catalogues[GREY].on(day, ["code"])["code"]
    return Listed(pa.concat_tables(parts), every, forms_in(every), pc.unique(grey))


def forms_in(codes: Any) -> frozenset[str]:  # noqa: ANN401 -- Arrow
    """The forms of which there is a code among some."""
    return frozenset(
        one.name
        for one in common().codes
        if pc.any(pc.match_substring_regex(codes, f"^(?:{one.pattern.pattern})$")).as_py()
    )


def is_covered(code: str | None, covered: frozenset[str]) -> bool:
    """Whether codes of this one's form are listed, or of the form of its beginning."""
    found = common().form_of(code) if code else None
    if found is None or code is None:
        return False
    return found.name in covered or (found.within > 0 and is_covered(code[: found.within], covered))


def _said(rows: pa.Table, level: str | None, names: list[str]) -> pa.Table:
    """Each code once: its scope where the rows agree, the greatest of its prices."""
    own = f"price_{level}"
    price = rows[own] if level and own in names else None
    if PRICE in names:
        price = rows[PRICE] if price is None else pc.coalesce(price, rows[PRICE])
    empty = pa.nulls(rows.num_rows, pa.decimal128(18, 4))
    table = pa.table(
        {"code": rows["code"], "scope": rows["scope"], "price": empty if price is None else price}
    )
    grouped = table.group_by("code", use_threads=False).aggregate(
        [("scope", "min"), ("scope", "max"), ("price", "max")]
    )
    same = pc.equal(grouped["scope_min"], grouped["scope_max"])
    scope = pc.if_else(same, grouped["scope_min"], pa.scalar(None, pa.string()))
    return pa.table(
        {
            "code": grouped["code"],
            "scope": scope,
            "price": grouped["price_max"].cast(pa.decimal128(18, 4)),
        }
    )


def _at(codes: pa.Array, listed: Any) -> NDArray[np.int64]:  # noqa: ANN401 -- Arrow
    """The place of each code, else of its beginning that may be listed; -1: none."""
    whole = np.asarray(pc.fill_null(pc.index_in(codes, listed), -1)).astype(np.int64)
    for length in sorted({one.within for one in common().codes if one.within}):
        longer = np.asarray(pc.fill_null(pc.greater(pc.utf8_length(codes), length), False))  # noqa: FBT003 -- Arrow takes the value by position
        beginning = pc.utf8_slice_codeunits(codes, 0, length)
        at = np.asarray(pc.fill_null(pc.index_in(beginning, listed), -1)).astype(np.int64)
        whole = np.where((whole < 0) & longer, at, whole)
    return whole
