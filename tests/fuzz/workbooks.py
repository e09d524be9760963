"""Workbooks drawn from bytes: other cells, other XML inside, another archive around it."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

import workbook_builder
from draw import for_xml
from import_support import repack

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from draw import Draw

_XML = (b"<", b"&#0;", b'"', b"99999999999", b'r="XFD1048576"', b't="e"', b't="b"', b"<v>1e999</v>")
_XML += (b"<v>9e307</v>", b't="d"', b"&a;", b"<!DOCTYPE x [<!ENTITY a 'b'>]>", b'ref="A1:ZZZ9"')
_BOMB = 1 << 22


def workbook(draw: Draw, sheets: Mapping[str, Sequence[Sequence[Any]]]) -> bytes:
    """A workbook: the rest of the input, or a good one changed somewhere.

    Args:
        draw: where changes come from.
        sheets: rows of cells by the name of their sheet.
    """
    return draw.remember(_drawn(draw, sheets))


def _drawn(draw: Draw, sheets: Mapping[str, Sequence[Sequence[Any]]]) -> bytes:
    if draw.raw_wanted():
        return draw.rest()
    kind = draw.number(8)
    if kind < 5:
        found = dict(sheets)
        name = draw.of(list(found))
        found[name] = draw.cells(found[name])
        if kind == 4:
            found[for_xml(draw.text())[:31] or "x"] = found.pop(name)
        return workbook_builder.pack(found)
    good = workbook_builder.pack(sheets)
    if kind == 5:
        changed = bytearray(good)
        for _ in range(draw.number(8) + 1):
            changed[draw.number(len(changed))] ^= draw.number(255) + 1
        return bytes(changed)
    with zipfile.ZipFile(io.BytesIO(good)) as archive:
        member = draw.of(archive.namelist())
        xml = archive.read(member)
    if kind == 6 and draw.number(8) == 0:
        # Little in the archive, much out of it.
        return repack(good, {member: xml + b" " * _BOMB})
    at, cut = draw.number(len(xml) + 1), draw.number(40)
    return repack(good, {member: xml[:at] + draw.of(_XML) + xml[at + cut :]})
