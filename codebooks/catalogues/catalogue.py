"""The catalogues at hand: what they say of a code on a day, one by one or many at once."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from codebooks.catalogues.forms import KINDS, MAPPING, Form, form
from codebooks.catalogues.history import NEVER, history_schema
from codebooks.catalogues.keeping import (
    DISPUTE_SCHEMA,
    DISPUTES,
    Kept,
    home,
    read_history,
    read_left_out,
    read_manifest,
    read_table,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date
    from pathlib import Path

PRICE, LEVELS = "price", ("I", "II", "III")
CEILINGS = pa.schema(
    [
        ("item", pa.string()),
        ("level", pa.string()),
        ("price", pa.decimal128(18, 4)),
        ("since", pa.int32()),
        ("until", pa.int32()),
    ]
)
"""The greatest price of an item in hospitals of a level (null: of all), and its days since 1970."""


class Catalogue:
    """The catalogue of one kind; its tables are read when they are asked for.

    Args:
        kind: one of :data:`codebooks.catalogues.forms.KINDS`.
        folder: where it lies; None: the hospital's own.

    Raises:
        CodebookError: ``CATALOGUE_BROKEN``.
    """

    def __init__(self, kind: str, folder: Path | None = None) -> None:
        self.kind = kind
        self.folder = home(kind) if folder is None else folder
        self.form: Form = form(kind)
        self.kept: Kept = read_manifest(self.folder)
        self._columns: dict[str, Any] = {}

    def __bool__(self) -> bool:
        return bool(self.kept.imports)

    @property
    def first_day(self) -> date | None:
        """From when on the catalogue was in force; None: nothing was imported."""
        return min((one.valid_from for one in self.kept.imports), default=None)

    def rows(self, columns: Sequence[str] | None = None) -> pa.Table:
        """The history: content, ``since``, ``until`` (days since 1970), ``import``.

        Args:
            columns: those wanted; None: all.
        """
        wanted = list(columns or history_schema(self.form).names)
        missing = [name for name in wanted if name not in self._columns]
        if not self:
            return pa.schema([history_schema(self.form).field(n) for n in wanted]).empty_table()
        if missing:
            table = read_history(self.folder, self.form, self.kept, missing)
            self._columns |= {name: table[name] for name in missing}
        return pa.table({name: self._columns[name] for name in wanted})

    def on(self, day: date, columns: Sequence[str] | None = None) -> pa.Table:
        """The rows in force on a day."""
        wanted = list(columns or history_schema(self.form).names)
        rows = self.rows(list(dict.fromkeys([*wanted, "since", "until"])))
        return rows.filter(in_force(rows, day)).select(wanted)

    @cached_property
    def disputes(self) -> pa.Table:
        """The days on which a key has more than one row: ``key``, ``since``, ``until``."""
        if not self:
            return DISPUTE_SCHEMA.empty_table()
        return read_table(self.folder / DISPUTES, DISPUTE_SCHEMA)

    @cached_property
    def unreadable(self) -> frozenset[str]:
        """National codes of rows that some import left out: nothing is said of them."""
        found: set[str] = set()
        for one in self.kept.imports:
            if one.left_out:
                codes = read_left_out(self.folder, one.number)["code"]
                found.update(code for code in codes.to_pylist() if code)
        return frozenset(found)

    def entries(self, key: str, day: date | None = None) -> list[dict[str, Any]]:
        """The rows of a key, or of a national code, as Python values.

        Args:
            key: as it stands in the catalogue.
            day: on which they are in force; None: ever.
        """
        rows = self.rows()
        wanted = pc.equal(rows[self.form.key], key)
        if self.form.key != "code":
            wanted = pc.or_kleene(wanted, pc.equal(rows["code"], key))
        if day is not None:
            wanted = pc.and_(wanted, in_force(rows, day))
        return [dated(row) for row in rows.filter(wanted).to_pylist()]

    def find(self, words: Iterable[str], day: date | None = None, limit: int = 20) -> pa.Table:
        """Rows whose key, code or names hold all the words, the shortest names first.

        Args:
            words: pieces, of any case.
            day: on which they are in force; None: ever.
            limit: of rows.
        """
        rows = self.rows() if day is None else self.on(day)
        names = [
            n for n in (self.form.key, "code", "name", "hospital_name") if n in rows.schema.names
        ]
        wanted: Any = pa.array(np.ones(rows.num_rows, bool))
        for word in words:
            hit: Any = pa.array(np.zeros(rows.num_rows, bool))
            for name in dict.fromkeys(names):
                column = pc.fill_null(rows[name], "")
                hit = pc.or_(hit, pc.match_substring(column, word, ignore_case=True))
            wanted = pc.and_(wanted, hit)
        found = rows.filter(wanted)
        label = "name" if "name" in names else names[0]
        length = pc.fill_null(pc.utf8_length(found[label]), 0)
        keyed = found.append_column("length", length)
        keys = [("length", "ascending"), (self.form.key, "ascending"), ("since", "ascending")]
        return found.take(pc.sort_indices(keyed, keys)[:limit])

    def ceilings(self) -> pa.Table:
        """The greatest prices that the catalogue names: columns of :data:`CEILINGS`.

        Of an item with several rows on a day the greatest holds: none of them is overstepped below it.
        """
        parts = [CEILINGS.empty_table()]
        for name in (PRICE, *(f"price_{one}" for one in LEVELS)):
            # The mapping's prices are what the hospital asks, not what it may.
            if name not in self.form.fields or self.kind == MAPPING:
                continue
            rows = self.rows(["code", name, "since", "until"])
            rows = rows.filter(pc.is_valid(rows[name]))
            level = None if name == PRICE else name.removeprefix("price_")
            levels = pa.array([level] * rows.num_rows, pa.string())
            columns = [rows["code"], levels, rows[name], rows["since"], rows["until"]]
            parts.append(pa.table(columns, schema=CEILINGS))
        return pa.concat_tables(parts)


class Catalogues:
    """The catalogues of every kind.

    Args:
        base: the folder that holds one folder a kind; None: the hospital's own.

    Attributes:
        kinds: the catalogue of each kind.
        memo: what others reckon from these catalogues and want to keep as long.

    Raises:
        CodebookError: ``CATALOGUE_BROKEN``.
    """

    def __init__(self, base: Path | None = None) -> None:
        self.memo: dict[str, object] = {}
        self.kinds = {
            kind: Catalogue(kind, None if base is None else base / kind) for kind in KINDS
        }

    def __getitem__(self, kind: str) -> Catalogue:
        return self.kinds[kind]

    def __bool__(self) -> bool:
        return any(self.kinds.values())

    def ceilings(self, day: date | None = None) -> pa.Table:
        """The greatest prices of all catalogues: columns of :data:`CEILINGS`.

        Args:
            day: on which they are in force; None: ever.
        """
        every = pa.concat_tables([one.ceilings() for one in self.kinds.values()])
        return every if day is None else every.filter(in_force(every, day))


_known: dict[tuple[str, ...], Catalogues] = {}


def installed() -> Catalogues:
    """The hospital's own catalogues: the same ones, with what was read of them, until one changes.

    Raises:
        CodebookError: ``CATALOGUE_BROKEN``.
    """
    found = Catalogues()
    key = (str(home("")), *(one.kept.sha256 for one in found.kinds.values()))
    if key not in _known:
        # Only the newest: an import puts another one in its place.
        _known.clear()
        _known[key] = found
    return _known.get(key, found)


def in_force(rows: pa.Table, day: date) -> Any:  # noqa: ANN401 -- Arrow
    """Which rows hold on a day."""
    number = int(np.datetime64(day, "D").astype(int))
    return pc.and_(pc.less_equal(rows["since"], number), pc.greater(rows["until"], number))


def dated(row: dict[str, Any]) -> dict[str, Any]:
    """A row with its validity as days: ``valid_from``, and ``valid_to`` (None: no end)."""
    since, until = row.pop("since"), row.pop("until")
    start = np.datetime64(since, "D").astype(object)
    end = None if until == NEVER else np.datetime64(until, "D").astype(object)
    return {**row, "valid_from": start, "valid_to": end}
