"""Whether the files of a model are what their names say, before one is kept or approved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from codebooks.errors import Where
from codebooks.plain import ARROW_FAULTS, json_of
from grouper.forecast.errors import ForecastError
from grouper.forecast.ubjson import loads

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def inspect(files: Mapping[str, bytes]) -> None:
    """Look into each file by its suffix.

    Raises:
        ForecastError: ``FORECAST_MODEL_UNREADABLE``, with the file.
    """
    for name, raw in files.items():
        _, _, suffix = name.rpartition(".")
        try:
            _READERS[suffix](raw)
        except ARROW_FAULTS as error:
            raise ForecastError(
                "FORECAST_MODEL_UNREADABLE", Where(file=name), part=suffix
            ) from error


def _json(raw: bytes) -> Any:  # noqa: ANN401 -- whatever JSON holds
    return json_of(raw.decode("utf-8"))


def _arrow(raw: bytes) -> None:
    with pa.ipc.open_file(pa.py_buffer(raw)) as file:
        file.read_all().validate(full=True)


def _parquet(raw: bytes) -> None:
    pq.read_table(pa.BufferReader(raw)).validate(full=True)


_READERS: dict[str, Callable[[bytes], Any]] = {
    "ubj": loads,
    "json": _json,
    "arrow": _arrow,
    "parquet": _parquet,
}
