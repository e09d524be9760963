"""A hospital folder as the source of a mart: files of cases and of charges, one a month and kind."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from codebooks.plain import json_of
from grouper.mart.errors import MartError
from grouper.payment.run import priced_table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

KINDS = ("inpatient", "long_stay", "outpatient")
CHARGES = "charges"
ABOUT = "hospital.json"
_LINES = ["case_id", "line_class", "line_amount"]
_CHUNK = 1 << 20
_MONTHS = 12


@dataclass(frozen=True, slots=True)
class HospitalFolder:
    """A folder with ``inpatient/``, ``long_stay/``, ``outpatient/`` and ``charges/``.

    Each holds ``2026-01.parquet`` and so on; ``hospital.json`` may name the departments.
    """

    path: Path
    region: str
    name: str = "hospital"

    def names(self) -> Mapping[str, Mapping[str, str]]:
        """The names of the departments."""
        try:
            told = json_of((self.path / ABOUT).read_bytes())
        except (OSError, ValueError):
            return {}
        known = told.get("departments") if isinstance(told, dict) else None
        return {"department": known} if isinstance(known, dict) else {}

    def years(self) -> Mapping[str, str]:
        """The years, and a hash of the files of each and of the months beside it.

        Raises:
            MartError: ``MART_NO_CASES``: the folder holds no file of cases.
        """
        files = self._files()
        if not files:
            raise MartError("MART_NO_CASES", folder=self.path.name)
        hashes: dict[str, dict[str, str]] = defaultdict(dict)
        for month, paths in files.items():
            for path in [*paths, *self._charges(month)]:
                hashes[month][f"{path.parent.name}/{path.name}"] = _hash(path)
        found = {}
        for year in sorted({month[:4] for month in files}):
            mine = {month: hashes[month] for month in self._around(year) if month in hashes}
            found[year] = hashlib.sha256(json.dumps(mine, sort_keys=True).encode()).hexdigest()
        return found

    def year(
        self, year: str, progress: Callable[[int], None] | None
    ) -> tuple[pa.Table, pa.Table | None]:
        """The priced cases of a year; the months beside it are priced with it, for stays that return."""
        files = self._files()
        paths = [path for month in self._around(year) for path in files.get(month, ())]
        priced = priced_table(paths, region=self.region, progress=progress, noted=True)
        lines = [
            pq.read_table(path, columns=_LINES)
            for month in self._around(year)
            if month.startswith(year)
            for path in self._charges(month)
        ]
        plain = [
            pa.table({name: _decoded(one[name]) for name in one.column_names}) for one in lines
        ]
        return priced, pa.concat_tables(plain, promote_options="permissive") if plain else None

    def _files(self) -> dict[str, list[Path]]:
        """Files of cases by month."""
        found: dict[str, list[Path]] = defaultdict(list)
        for kind in KINDS:
            for path in sorted((self.path / kind).glob("[0-9]*-[0-9]*.parquet")):
                found[path.stem].append(path)
        return dict(sorted(found.items()))

    def _charges(self, month: str) -> list[Path]:
        path = self.path / CHARGES / f"{month}.parquet"
        return [path] if path.is_file() else []

    def _around(self, year: str) -> list[str]:
        """The months of a year, the one before and the one after."""
        inner = [f"{year}-{number:02}" for number in range(1, _MONTHS + 1)]
        return [f"{int(year) - 1}-12", *inner, f"{int(year) + 1}-01"]


def _hash(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            found.update(chunk)
    return found.hexdigest()


def _decoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    encoded = pa.types.is_dictionary(column.type)
    return column.cast(column.type.value_type) if encoded else column
