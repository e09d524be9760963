"""What does not fit in a catalogue file: rows of one key that contradict each other, and the mapping."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from codebooks.catalogues.forms import GREY, LISTED, MAPPING, Form
from codebooks.catalogues.history import NEVER
from codebooks.catalogues.listed import Listed, listed_on
from codebooks.catalogues.overlaps import overlapping
from codebooks.errors import Where

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from numpy.typing import NDArray

    from codebooks.catalogues.catalogue import Catalogues
    from codebooks.importers.notes import Notes


class Dated(NamedTuple):
    """Rows with the days on which they hold, as days since 1970."""

    rows: pa.Table
    since: NDArray[np.int64]
    until: NDArray[np.int64]


def as_read(rows: pa.Table, day: date) -> Dated:
    """Rows of a file: what states no first day begins with the import's."""
    begin = int(np.datetime64(day, "D").astype(int))
    since = np.asarray(pc.fill_null(rows["starts"].cast(pa.int32()), begin)).astype(np.int64)
    until = np.asarray(pc.fill_null(rows["ends"].cast(pa.int32()), NEVER)).astype(np.int64)
    return Dated(rows, since, until)


def as_kept(rows: pa.Table) -> Dated:
    """Rows of a history."""
    days = (np.asarray(rows[name].combine_chunks()).astype(np.int64) for name in ("since", "until"))
    return Dated(rows, *days)


def check_overlaps(form: Form, dated: Dated, notes: Notes) -> None:
    """Note rows of one key that hold on the same day, and codes of the city with two national ones.

    ``CATALOGUE_TWO_NATIONAL``: an item of the hospital is mapped to two national codes at a time.
    ``CATALOGUE_OVERLAP``: any other contradiction. Both rows are kept; what they dispute is not
    judged. ``CATALOGUE_CITY_TWO_NATIONAL``: a code of the city is.
    """
    keys = dated.rows[form.key]
    each = np.arange(dated.rows.num_rows)
    codes = dated.rows["code"].to_pylist() if form.kind == MAPPING else None
    for at, other in overlapping(keys, each, dated.since, dated.until):
        params = {"key": keys[at].as_py(), "other": _row(dated.rows, other)}
        if codes is not None and codes[at] != codes[other]:
            both = {"code": codes[at] or "-", "second": codes[other] or "-"}
            notes.warning("CATALOGUE_TWO_NATIONAL", _where(dated.rows, at), **params, **both)
        else:
            notes.warning("CATALOGUE_OVERLAP", _where(dated.rows, at), **params)
    if codes is None:
        return
    cities = dated.rows["city_code"]
    number = np.asarray(
        pc.fill_null(pc.dictionary_encode(dated.rows["code"].combine_chunks()).indices, -1)
    ).astype(np.int64)
    stated = number >= 0
    cities = pc.if_else(pa.array(stated), cities, pa.scalar(None, pa.string()))
    for at, other in overlapping(cities, number, dated.since, dated.until):
        notes.warning(
            "CATALOGUE_CITY_TWO_NATIONAL",
            _where(dated.rows, at),
            key=cities[at].as_py(),
            other=_row(dated.rows, other),
            code=codes[at],
            second=codes[other],
        )


def check_mapping(
    dated: Dated, catalogues: Catalogues, day: date, level: str | None, notes: Notes
) -> None:
    """Hold the hospital's items against the catalogues, on a day or when they begin, if later.

    Warnings ``CATALOGUE_UNMAPPED``, ``CATALOGUE_NO_CITY`` (a note; where the file has such codes),
    ``CATALOGUE_GREY``, ``CATALOGUE_NOT_LISTED``, ``CATALOGUE_OUT_OF_FORCE``,
    ``CATALOGUE_SCOPE_DIFFERS``, ``CATALOGUE_ABOVE_CEILING``. Items that ended before are passed
    over; so are codes whose catalogue is not at hand.

    Args:
        dated: the hospital's items.
        catalogues: those at hand.
        day: from which on they are asked about.
        level: of the hospital (I, II, III), for prices.
        notes: takes the findings.
    """
    begin = int(np.datetime64(day, "D").astype(int))
    asked = np.maximum(dated.since, begin)
    alive = np.flatnonzero(dated.until > asked)
    cities = dated.rows["city_code"]
    with_cities = bool(pc.any(pc.is_valid(cities)).as_py())
    codes = dated.rows["code"].to_pylist()
    for at in alive.tolist():
        item = {"item": dated.rows["hospital_code"][at].as_py()}
        if codes[at] is None:
            notes.warning("CATALOGUE_UNMAPPED", _where(dated.rows, at), **item)
        if with_cities and not cities[at].is_valid:
            notes.note("CATALOGUE_NO_CITY", _where(dated.rows, at), **item)
    mapped = alive[[codes[at] is not None for at in alive.tolist()]] if len(alive) else alive
    for one in np.unique(asked[mapped]).tolist():
        own = mapped[asked[mapped] == one]
        listed = listed_on(catalogues, np.datetime64(one, "D").astype(object), level)
        for code, at, params in _differences(dated.rows, own, listed):
            notes.warning(code, _where(dated.rows, at), **params)


def _differences(
    rows: pa.Table, own: NDArray[np.int64], listed: Listed
) -> Iterator[tuple[str, int, dict[str, Any]]]:
    chosen = rows.take(pa.array(own))
    codes = chosen["code"].combine_chunks()
    place, known, judged = listed.place(codes), listed.known(codes), listed.judged(codes)
    grey = np.asarray(pc.is_in(codes, listed.grey))
    found = listed.rows.take(pa.array(place, mask=place < 0))
    scopes, prices = found["scope"].to_pylist(), found["price"].to_pylist()
    told = chosen.select(["hospital_code", "code", "scope", "price"]).to_pylist()
    for n, (row, at) in enumerate(zip(told, own.tolist(), strict=True)):
        params = {"item": row["hospital_code"], "code": row["code"]}
        if grey[n]:
            yield "CATALOGUE_GREY", at, params
        if place[n] < 0:
            if judged[n]:
                yield "CATALOGUE_OUT_OF_FORCE" if known[n] else "CATALOGUE_NOT_LISTED", at, params
            continue
        if row["scope"] and scopes[n] and row["scope"] != scopes[n]:
            yield (
                "CATALOGUE_SCOPE_DIFFERS",
                at,
                {**params, "own": row["scope"], "listed": scopes[n]},
            )
        if row["price"] is not None and prices[n] is not None and row["price"] > prices[n]:
            both = {"own": f"{row['price'].normalize():f}", "listed": f"{prices[n].normalize():f}"}
            yield "CATALOGUE_ABOVE_CEILING", at, {**params, **both}


def check_grey(kind: str, dated: Dated, day: date, catalogues: Catalogues, notes: Notes) -> None:
    """Note how many codes are listed and grey on a day (``CATALOGUE_GREY_LISTED``).

    Args:
        kind: of the rows; of ``grey`` it is asked which are listed, else which are grey.
        dated: the rows.
        day: the day.
        catalogues: those at hand.
        notes: takes the finding.
    """
    begin = int(np.datetime64(day, "D").astype(int))
    alive = pa.array((dated.since <= begin) & (dated.until > begin))
    own = set(dated.rows["code"].filter(alive).to_pylist())
    others = LISTED if kind == GREY else (GREY,)
    count = sum(
        len(own.intersection(catalogues[other].on(day, ["code"])["code"].to_pylist()))
        for other in others
    )
    if count:
        notes.note("CATALOGUE_GREY_LISTED", Where(), count=count)


def _row(rows: pa.Table, at: int) -> str:
    """How another row is named: by its number in the file; what is kept, by ``#`` and its import."""
    kept = "row" not in rows.column_names
    return f"#{rows['import'][at]}" if kept else str(rows["row"][at])


def _where(rows: pa.Table, at: int) -> Where:
    if "row" not in rows.column_names:
        return Where()
    return Where(sheet=rows["sheet"][at].as_py(), row=rows["row"][at].as_py())
