"""Files of priced cases, as ``grouper price`` writes them; and files that are not priced yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from codebooks.errors import GrouperError, Where
from codebooks.plain import ARROW_FAULTS
from grouper.case.fields import ZONE
from grouper.payment.run import priced_table
from grouper.payment.settlement.errors import SettlementError
from grouper.payment.settlement.priced import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from grouper.payment.place import Terms

_MARK = "pay_status"
"""A file with this column is priced."""
_HEAD = 1 << 16
_PARQUET = ".parquet"
_TIME = "discharge_time"


def read_priced(
    paths: Sequence[Path],
    *,
    region: str,
    whole: bool = True,
    terms: Terms | None = None,
    progress: Callable[[int], None] | None = None,
    heard: Callable[[pa.Table], None] | None = None,
) -> pa.Table:
    """The cases of some files: priced ones as they stand, the others grouped and priced first.

    Args:
        paths: files of either sort.
        region: of cases that name none.
        whole: with all columns, which a simulation and the indices need; else those of
            :data:`~grouper.payment.settlement.priced.COLUMNS` alone.
        terms: by which policies cases are priced.
        progress: called with the rows grouped.
        heard: called with what the reader had to say of files that are not priced yet.

    Raises:
        SettlementError: ``SETTLE_FILE``: a priced file that cannot be read.
        GrouperError: any other fault of a file.
    """
    tables = [_read(path, whole=whole) for path in paths if _is_priced(path)]
    cases = [path for path in paths if not _is_priced(path)]
    if cases:
        table = priced_table(cases, region=region, terms=terms, progress=progress, heard=heard)
        tables.append(table if whole else table.select(_light(table.column_names)))
    if len(tables) == 1:
        return tables[0]
    try:
        return pa.concat_tables([_decoded(table) for table in tables], promote_options="permissive")
    except pa.ArrowException as cause:
        raise SettlementError("SETTLE_FILES_APART") from cause


def _is_priced(path: Path) -> bool:
    where = Where(file=path.name)
    try:
        if path.suffix.lower() == _PARQUET:
            return _MARK in pq.read_schema(path).names
        with path.open("rb") as file:
            return _MARK.encode() in file.read(_HEAD).partition(b"\n")[0]
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        raise GrouperError("FILE_NOT_FOUND", where) from None
    except ARROW_FAULTS as cause:
        raise SettlementError("SETTLE_FILE", where, cause=type(cause).__name__) from cause


def _read(path: Path, *, whole: bool) -> pa.Table:
    try:
        if path.suffix.lower() == _PARQUET:
            columns = None if whole else _light(pq.read_schema(path).names)
            return pq.read_table(path, columns=columns)
        return _read_csv(path)
    except ARROW_FAULTS as cause:
        # Arrow's words may quote a value of a row, so its kind of error has to do.
        where = Where(file=path.name)
        raise SettlementError("SETTLE_FILE", where, cause=type(cause).__name__) from cause


def _read_csv(path: Path) -> pa.Table:
    """The columns that a settlement reads; lists, which CSV joins to texts, are left out."""
    with pacsv.open_csv(path) as reader:
        known = _light(reader.schema.names)
    # Times are written with thousandths, whatever their unit.
    kinds = {**COLUMNS, _TIME: pa.timestamp("ms", ZONE)}
    options = pacsv.ConvertOptions(
        column_types=kinds, strings_can_be_null=True, include_columns=known
    )
    table = pacsv.read_csv(path, convert_options=options)
    if _TIME in known:
        place = known.index(_TIME)
        table = table.set_column(place, _TIME, table[_TIME].cast(COLUMNS[_TIME]))
    return table


def _decoded(table: pa.Table) -> pa.Table:
    """Dictionaries of different files are not alike; plain texts are."""
    columns = [column.cast(_plain(column.type)) for column in table.columns]
    return pa.table(columns, table.column_names)


def _plain(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return kind.value_type
    return pa.list_(_plain(kind.value_type)) if pa.types.is_list(kind) else kind


def _light(names: Sequence[str]) -> list[str]:
    return [name for name in names if name in COLUMNS]
