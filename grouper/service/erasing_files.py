"""What files of the service hold of a person: working copies go, results that are kept lose the names.

A file is looked into as what it is: the columns of Parquet, the parts of a spreadsheet, what is packed.
"""

from __future__ import annotations

import gzip
import json
import lzma
import os
import re
import shutil
import struct
import zipfile
import zlib
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from codebooks.errors import GrouperError, Where
from codebooks.paths import installed
from grouper.service.erasing_list import data

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grouper.service.settings import Settings
    from grouper.store.erasing_needles import Needles

_PIECE = 1 << 20
_MANIFEST, _STORE = "manifest.json", "store"
_PARQUET, _ZIP, _GZIP = b"PAR1", b"PK\x03\x04", b"\x1f\x8b"
_BROKEN = (
    pa.ArrowException,
    zipfile.BadZipFile,
    lzma.LZMAError,
    zlib.error,
    struct.error,
    EOFError,
    UnicodeDecodeError,
    # Of an archive that is encrypted, or packed in a way that is not known.
    RuntimeError,
)
"""How unpacking a file fails: it is cut off, damaged or locked."""
_JSON_PART = re.compile(r'"(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]*')
"""A text or a number of JSON."""
_CELL = re.compile(r'"(?:[^"]|"")*"(?=[,;\t\r\n]|\Z)|[^,;\t\r\n\ufeff]+')
"""A cell of a table in a text, as it is written."""
ERASED = "erased-"
"""How the name of a case begins that is nobody's any more, in results that are kept."""


def counted(settings: Settings, needles: Needles) -> dict[str, int]:
    """How many files of each place speak of a person; of working copies, how many folders."""
    found: dict[str, int] = {}
    for place, folders in _working(settings).items():
        found[place] = sum(_speaks_of(one, needles) for one in folders)
    found["aside"] = sum(_may_hold(one, needles) for one in _aside())
    found["aside"] += sum(_speaks_of(one, needles) for one in _left())
    found["kept"] = sum(_holds(one, needles) for one in _kept(settings))
    found["anew"] = sum(one.is_dir() for one in _anew(settings))
    found["taken"] = sum(_may_hold(one, needles) for one in _taken(settings))
    return found


def erase(settings: Settings, needles: Needles, *, limit: bool) -> None:
    """Take away what files hold of a person.

    Args:
        settings: of the service; its processes do not run.
        needles: what the person is known by.
        limit: whether billing stays: results that are kept are left as they are.

    Raises:
        GrouperError: ``ERASE_FILE``: a file cannot be read, written or removed.
    """
    folders = [*(one for many in _working(settings).values() for one in many), *_left()]
    gone = [one for one in folders if _speaks_of(one, needles)]
    for folder in [*gone, *(one for one in _anew(settings) if one.exists())]:
        with _told(folder):
            shutil.rmtree(folder)
    for path in list(_aside()):
        if _may_hold(path, needles):
            with _told(path):
                path.unlink()
    if limit:
        return
    names: dict[str, str] = defaultdict(lambda: f"{ERASED}{uuid4().hex[:24]}")
    for path in _kept(settings):
        if _holds(path, needles):
            with _told(path):
                _rename(path, needles, names)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Errors of a file as ours."""
    try:
        yield
    except (OSError, *_BROKEN) as error:
        raise GrouperError("ERASE_FILE", Where(file=str(path))) from error


def _working(settings: Settings) -> dict[str, list[Path]]:
    return {
        name: [one for one in sorted((settings.folder / name).glob("*")) if one.is_dir()]
        for name in data()["files"]["working"]
    }


def _left() -> list[Path]:
    """What a restore unpacked and did not take away, for it was broken off."""
    return [one for one in sorted(installed().glob(data()["files"]["left"])) if one.is_dir()]


def _aside() -> Iterator[Path]:
    """Files that had to make room for those of a backup."""
    for path in sorted((installed() / data()["files"]["aside"]).rglob("*")):
        if path.is_file():
            yield path


def _kept(settings: Settings) -> Iterator[Path]:
    places = data()["files"]
    names = list(places["kept"])
    if not _of_store(settings.folder / places["mart"]):
        names.append(places["mart"])
    for name in names:
        for path in sorted((settings.folder / name).rglob("*")):
            if path.is_file():
                yield path


def _anew(settings: Settings) -> list[Path]:
    places = data()["files"]
    found = [settings.folder / name for name in places["anew"]]
    mart = settings.folder / places["mart"]
    return [*found, mart] if _of_store(mart) else found


def _of_store(mart: Path) -> bool:
    try:
        told = json.loads((mart / _MANIFEST).read_bytes())
    except (OSError, ValueError):
        # One that cannot be read is of no use to anybody.
        return mart.exists()
    return not isinstance(told, dict) or told.get("source") == _STORE


def _taken(settings: Settings) -> Iterator[Path]:
    """Files that watched folders put aside: they belong to the hospital."""
    for options in settings.listeners.values():
        if options.get("path"):
            for name in data()["files"]["taken"]:
                yield from (
                    one for one in sorted((Path(options["path"]) / name).glob("*")) if one.is_file()
                )


def _speaks_of(folder: Path, needles: Needles) -> bool:
    return any(_may_hold(one, needles) for one in sorted(folder.rglob("*")) if one.is_file())


def _holds(path: Path, needles: Needles) -> bool:
    """Whether a file that is kept speaks of a person: it has to be whole."""
    with _told(path):
        return _found(path, needles)


def _may_hold(path: Path, needles: Needles) -> bool:
    """Whether a file speaks of a person, or cannot be unpacked, so that nobody can rule it out."""
    with _told(path):
        try:
            return _found(path, needles)
        except _BROKEN:
            return True
        except OSError as error:
            # Those of the system have a number; others tell of what the file holds.
            if error.errno is not None:
                raise
            return True


def _found(path: Path, needles: Needles) -> bool:
    return any(needles.sure(one) or needles.named(one) for one in pieces(path, needles.reach))


def pieces(path: Path, overlap: int) -> Iterator[bytes]:
    """What a file holds, unpacked, in pieces; each begins with the end of the one before.

    Raises:
        OSError: it cannot be read.
        Exception: one of :data:`_BROKEN`, or an ``OSError`` without a number: it cannot be unpacked.
    """
    with path.open("rb") as file:
        head = file.read(4)
    if head == _PARQUET:
        yield from _columns(path)
    elif head == _ZIP:
        with zipfile.ZipFile(path) as packed:
            for name in packed.namelist():
                with packed.open(name) as part:
                    yield from _read(part, overlap)
    elif head[:2] == _GZIP:
        with gzip.open(path) as part:
            yield from _read(part, overlap)
    else:
        with path.open("rb") as part:
            yield from _read(part, overlap)


def _read(file: object, overlap: int) -> Iterator[bytes]:
    last = b""
    while piece := file.read(_PIECE):  # type: ignore[attr-defined]
        yield last + piece
        last = (last + piece)[-overlap:]


def _columns(path: Path) -> Iterator[bytes]:
    with pq.ParquetFile(path) as file:
        for key, value in (file.schema_arrow.metadata or {}).items():
            yield key + b"\n" + value
        for batch in file.iter_batches():
            for column in batch.columns:
                yield _texts(column)


def _texts(column: pa.Array) -> bytes:
    """The texts and whole numbers of a column, one a line."""
    while pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        column = column.flatten()
    if pa.types.is_struct(column.type):
        return b"\n".join(_texts(one) for one in column.flatten())
    if pa.types.is_dictionary(column.type):
        column = column.dictionary
    if not (pa.types.is_integer(column.type) or _is_text(column.type)):
        return b""
    values = pc.fill_null(column.cast(pa.large_string()), "").to_pylist()
    return "\n".join(values).encode("utf-8", "replace")


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _rename(path: Path, needles: Needles, names: dict[str, str]) -> None:
    """Write a file anew in which the person's cases are called otherwise; its sums stay."""
    own = {*needles.own, *needles.long}
    beside = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        with path.open("rb") as file:
            parquet = file.read(4) == _PARQUET
        if parquet:
            table = pq.read_table(path)
            for at, column in enumerate(table.schema):
                if _is_text(column.type):
                    values = [names[one] if one in own else one for one in table[at].to_pylist()]
                    table = table.set_column(at, column, pa.array(values, column.type))
            pq.write_table(table, beside, compression="zstd")
        else:
            text = path.read_bytes().decode("utf-8", "surrogateescape")
            fresh = _renamed(path, text, needles, names)
            beside.write_bytes(fresh.encode("utf-8", "surrogateescape"))
        shutil.copymode(path, beside)
        with beside.open("rb+") as file:
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _renamed(path: Path, text: str, needles: Needles, names: dict[str, str]) -> str:
    """A text with other names; of JSON and tables all but the values that change stays as written."""

    def cell(found: re.Match[str]) -> str:
        said = found.group()
        quoted = said[0] == said[-1] == '"' and len(said) > 1
        value = said[1:-1].replace('""', '"') if quoted else said
        fresh = needles.renamed(value, names.__getitem__)
        if fresh == value:
            return said
        return '"' + fresh.replace('"', '""') + '"' if quoted else fresh

    def part(found: re.Match[str]) -> str:
        said = found.group()
        if said[0] != '"':
            # A number is an amount, unless it is one of the person alone.
            sure = said in needles.certificates or said in needles.own
            return json.dumps(names[said]) if sure else said
        value = json.loads(said)
        fresh = needles.renamed(value, names.__getitem__)
        return said if fresh == value else json.dumps(fresh, ensure_ascii=said.isascii())

    if path.suffix.lower() == ".csv":
        return _CELL.sub(cell, text)
    if path.suffix.lower() == ".json" and _is_json(text):
        return _JSON_PART.sub(part, text)
    return needles.replaced(text, names.__getitem__)


def _is_json(text: str) -> bool:
    try:
        json.loads(text.removeprefix("\ufeff"))
    except ValueError:
        return False
    return True
