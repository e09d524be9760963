"""Whether a file is a DIP file, told without reading it whole."""

from __future__ import annotations

import html
import re
import zipfile
import zlib
from typing import TYPE_CHECKING

from codebooks.dip.importers.workbook import is_official

if TYPE_CHECKING:
    from pathlib import Path

_NAMES = re.compile(r"<(?:\w+:)?sheet\b[^>]*?\bname=\"([^\"]*)\"")
_LARGEST = 1 << 20
# Whatever is wrong with the file is for its importer to tell.
_BROKEN = (zipfile.BadZipFile, zlib.error, OSError, RuntimeError, ValueError, KeyError, EOFError)


def looks_like_dip(path: Path) -> bool:
    """Whether a file is a CSV file, or a workbook with the sheets of the official DIP catalogue.

    A bureau's own workbook cannot be told from any other: its family has to be named.
    """
    if path.suffix.lower() == ".csv":
        return True
    try:
        with zipfile.ZipFile(path) as archive:
            member = archive.getinfo("xl/workbook.xml")
            if member.file_size > _LARGEST:
                return False
            xml = archive.read(member).decode("utf-8")
    except _BROKEN:
        return False
    return is_official(html.unescape(name) for name in _NAMES.findall(xml))
