"""The uploaded file of a scheme, laid out on disk as the importers read it: a file, or a folder.

A zipped folder is unpacked here and nowhere else: into one flat folder, under the names of its
files alone, within limits, each member whole or the file is refused.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from codebooks.errors import CodebookError, Where
from codebooks.importers.layout import layout
from grouper.service.book_limits import book_limits

if TYPE_CHECKING:
    from collections.abc import Iterator

ENDINGS = ("xlsx", "csv", "zip")
"""What may be uploaded."""
_WORKBOOK = "[Content_Types].xml"
_SYSTEM = "__MACOSX"
_ODD = re.compile(r"[\x00-\x1f\x7f/\\:*?\"<>|]+")
# Whatever the archive reader of the standard library may say about broken bytes.
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    OSError,
    EOFError,
    RuntimeError,
    NotImplementedError,
    ValueError,
)
_BLOCK = 1 << 16


def plain_name(called: str) -> str:
    """The name of a file as it may be shown and written: no folders, no odd signs, not too long."""
    last = called.replace("\\", "/").rsplit("/", 1)[-1]
    found = _ODD.sub("_", last).strip(" .")
    most = book_limits().name
    if len(found) <= most:
        return found or "file"
    stem, dot, ending = found.rpartition(".")
    return f"{stem[: most - len(ending) - 1]}{dot}{ending}" if dot else found[:most]


def lay_out(file: Path, called: str, folder: Path) -> Path:
    """Lay out an upload for the importers.

    Args:
        file: its bytes, under whatever name.
        called: what its owner calls it.
        folder: an empty folder to lay it out in.

    Returns:
        The file under its own name, or the unpacked folder.

    Raises:
        CodebookError: ``BOOK_FILE_KIND``, ``BOOK_ZIP``, ``BOOK_ZIP_FOLDERS``,
            ``IMPORT_PASSWORD``, ``IMPORT_TOO_LARGE``, ``IMPORT_FILE``.
    """
    name = plain_name(called)
    ending = PurePosixPath(name).suffix.lower().removeprefix(".")
    where = Where(file=name)
    if ending not in ENDINGS:
        raise CodebookError("BOOK_FILE_KIND", where, known=", ".join(ENDINGS))
    limit = layout().limits.file_bytes
    try:
        if file.stat().st_size > limit:
            raise CodebookError("IMPORT_TOO_LARGE", where, limit=limit)
        if ending == "zip":
            return _unpack(file, folder / PurePosixPath(name).stem, where)
        target = folder / name
        target.write_bytes(file.read_bytes())
    except OSError as cause:
        reason = cause.strerror or type(cause).__name__
        raise CodebookError("IMPORT_FILE", where, reason=reason) from cause
    return target


def _unpack(file: Path, folder: Path, where: Where) -> Path:
    folder.mkdir()
    try:
        with zipfile.ZipFile(file) as archive:
            for member, name in _members(archive, where):
                _write(archive, member, folder / name, where)
    except _BROKEN as cause:
        raise CodebookError("BOOK_ZIP", where) from cause
    return folder


def _members(archive: zipfile.ZipFile, where: Where) -> Iterator[tuple[zipfile.ZipInfo, str]]:
    """The files to be unpacked and the name of each, which is looked at before any is written."""
    # Not ``is_dir``: of a member without a name it raises.
    found = [one for one in archive.infolist() if not one.filename.endswith("/")]
    paths = [PurePosixPath(one.filename.replace("\\", "/")) for one in found]
    if _WORKBOOK in (one.filename for one in found):
        # A workbook that was called .zip: whoever named it so took it for another thing.
        raise CodebookError("BOOK_ZIP_WORKBOOK", where)
    kept = [
        (one, path)
        for one, path in zip(found, paths, strict=True)
        if path.parts and path.parts[0] != _SYSTEM and not path.name.startswith(".")
    ]
    limits = layout().limits
    if len(kept) > book_limits().members or sum(m.file_size for m, _ in kept) > (
        limits.unpacked_bytes
    ):
        raise CodebookError("IMPORT_TOO_LARGE", where, limit=limits.unpacked_bytes)
    if any(member.flag_bits & 1 for member, _ in kept):
        raise CodebookError("IMPORT_PASSWORD", where)
    if not kept or len({path.parent for _, path in kept}) > 1:
        raise CodebookError("BOOK_ZIP_FOLDERS", where)
    names = [_ODD.sub("_", path.name).lower() for _, path in kept]
    if len(set(names)) < len(names) or ".." in names:
        raise CodebookError("BOOK_ZIP", where)
    return zip((member for member, _ in kept), names, strict=True)


def _write(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, where: Where) -> None:
    limit = layout().limits.file_bytes
    written = 0
    with archive.open(member) as packed, target.open("wb") as file:
        while block := packed.read(_BLOCK):
            written += len(block)
            if written > limit:
                raise CodebookError("IMPORT_TOO_LARGE", where, limit=limit)
            file.write(block)
