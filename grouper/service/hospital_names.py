"""The hospital's names of its departments and physicians, as the service uses them.

The tables (:mod:`codebooks.hospital_names`) are read again when they change. One that cannot be read
stops nothing: codes are shown as they are, and the log says where the table is wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from codebooks import paths
from codebooks.errors import CodebookError
from codebooks.hospital_names import KINDS, NONE, hospital_names

if TYPE_CHECKING:
    from pathlib import Path

    from codebooks.hospital_names import HospitalNames

_log = structlog.get_logger("grouper.names")
_Stamp = tuple[str, *tuple[tuple[int, int] | None, ...]]
_kept: list[tuple[_Stamp, HospitalNames]] = []


def names_at_hand() -> HospitalNames:
    """The names as their tables stand now; none where they cannot be read."""
    folder = paths.installed()
    stamp: _Stamp = (str(folder), *(_stamp(folder / file) for file in KINDS.values()))
    for known, names in _kept:
        if known == stamp:
            return names
    try:
        found = hospital_names(folder)
    except CodebookError as error:
        place = error.where
        _log.warning("names not read", code=error.code, file=place.file, row=place.row)
        found = NONE
    _kept[:] = [(stamp, found)]
    return found


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
