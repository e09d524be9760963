"""A mart built: year by year, each only when what it is made of has changed.

A year is the least that can be priced by itself: what a person pays for a case depends on the cases
of the year before it. Its files are written first, the manifest last.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from codebooks.policies.policies import policies
from codebooks.registry import registry
from grouper.mart.errors import MartError
from grouper.mart.facts import FACTS, facts
from grouper.mart.manifest import Manifest, Year, publish, read
from grouper.mart.means import write_means
from grouper.mart.quality import tables_hash
from grouper.payment.settlement.looked import Looked

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

ROW_GROUP = 65_536


class Source(Protocol):
    """Where priced cases come from."""

    @property
    def name(self) -> str:
        """``hospital`` or ``store``."""
        ...

    @property
    def region(self) -> str:
        """Of the policy."""
        ...

    def names(self) -> Mapping[str, Mapping[str, str]]:
        """Names of the values of an axis."""
        ...

    def years(self) -> Mapping[str, str]:
        """The years with cases, and a hash of all that each is made of."""
        ...

    def year(
        self, year: str, progress: Callable[[int], None] | None
    ) -> tuple[pa.Table, pa.Table | None]:
        """The priced cases of a year, and their charge lines where they lie apart.

        Cases of other years may stand among them; they are passed over.
        """
        ...


@dataclass(frozen=True, slots=True)
class Built:
    """What a build did.

    Attributes:
        cases: facts of the whole mart.
        years: that were made now; ``kept``: that stood already.
        months: in the mart.
    """

    cases: int
    years: tuple[str, ...]
    kept: tuple[str, ...]
    months: tuple[str, ...]


def build(
    folder: Path,
    source: Source,
    *,
    anew: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Built:
    """Bring a mart to where its source is.

    Args:
        folder: is made where it is absent; its Parquet files belong to the mart.
        source: of the cases.
        anew: whether to make every year again.
        progress: called with the cases read of the present year.

    Raises:
        MartError: ``MART_WRITE``: the folder cannot be written to.
        GrouperError: a source, scheme or policy cannot be used.
    """
    inputs = source.years()
    before = None if anew else _standing(folder, source)
    state = Manifest(source=source.name, region=source.region)
    made = []
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for year in sorted(inputs):
            stood = before.years.get(year) if before else None
            if before and stood and _same(stood, inputs[year], source.region, year):
                state.years[year] = stood
                state.months |= {m: f for m, f in before.months.items() if m.startswith(year)}
                continue
            made.append(year)
            _make(folder, source, state, year, inputs[year], progress)
        _finish(folder, source, state)
        if before is None or made or _told(before) != _told(state):
            publish(folder, state)
    except (OSError, pa.ArrowException) as cause:
        raise MartError("MART_WRITE", cause=type(cause).__name__) from None
    kept = tuple(year for year in sorted(inputs) if year not in made)
    cases = sum(pq.read_metadata(folder / name).num_rows for name in state.months.values())
    return Built(cases, tuple(made), kept, tuple(sorted(state.months)))


def _standing(folder: Path, source: Source) -> Manifest | None:
    """The mart that stands, if it is of this source."""
    try:
        state = read(folder)
    except MartError:
        return None
    return state if (state.source, state.region) == (source.name, source.region) else None


def _same(year: Year, inputs: str, region: str, name: str) -> bool:
    known = registry().cards
    if year.inputs != inputs or any(scheme not in known for scheme in year.schemes):
        return False
    return year.rules == _rules(region, name, year.schemes)


def _rules(region: str, year: str, schemes: list[str]) -> str:
    """A hash of the region's policies, of schemes' cards, books met, and what is asked of cases."""
    told = {
        "policies": [one.id for one in policies().periods(region)],
        "cards": {name: card.to_json() for name, card in sorted(registry().cards.items())},
        "books": {name: registry().book(name).content_hash() for name in schemes},
        "year": year,
        "quality": tables_hash(),
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _make(
    folder: Path,
    source: Source,
    state: Manifest,
    year: str,
    inputs: str,
    progress: Callable[[int], None] | None,
) -> None:
    """Write the months of a year."""
    raw, charges = source.year(year, progress)
    last = pc.max(raw["discharge_time"]).as_py()
    table = FACTS.empty_table()
    if last is not None:
        looked = Looked(policies().on(source.region, last.date()))
        table = facts(raw, looked, charges)
    for month in pc.unique(table["month"]).to_pylist():
        if month.startswith(f"{year}-"):
            name = f"{month}-{uuid4().hex[:12]}.parquet"
            rows = table.filter(pc.equal(table["month"], month))
            _write(folder / name, rows)
            state.months[month] = name
    known = registry().cards
    schemes = sorted(one for one in pc.unique(table["scheme"]).to_pylist() if one in known)
    state.years[year] = Year(
        inputs=inputs, rules=_rules(source.region, year, schemes), schemes=schemes
    )


def _write(path: Path, table: pa.Table) -> None:
    pq.write_table(table, path, compression="zstd", row_group_size=ROW_GROUP)
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _finish(folder: Path, source: Source, state: Manifest) -> None:
    """Means, names and what is told of the whole."""
    paths = [folder / name for name in state.months.values()]
    means = write_means(folder, paths, source.region)
    state.means, state.sources = means.file, means.sources
    state.assumptions, state.policies = means.assumptions, means.policies
    state.names = {axis: dict(known) for axis, known in source.names().items()}
    state.names |= {axis: known for axis, known in _of_books(state.schemes).items() if known}
    state.made = datetime.now(UTC).isoformat()


def _of_books(schemes: list[str]) -> dict[str, dict[str, str]]:
    """Names of MDC and ADRG, as the books have them; the first that names a code holds."""
    found: dict[str, dict[str, str]] = {"mdc": {}, "adrg": {}}
    for scheme in schemes:
        tables = registry().book(scheme).tables
        for axis, known in found.items():
            table = tables.get(axis)
            if table is not None and {axis, "name"} <= set(table.column_names):
                for code, name in zip(
                    table[axis].to_pylist(), table["name"].to_pylist(), strict=True
                ):
                    if code and name:
                        known.setdefault(code, name)
    return found


def _told(state: Manifest) -> tuple[object, ...]:
    """What makes a state another one though no year of it was made again."""
    return state.names, state.sources, sorted(state.years), state.assumptions
