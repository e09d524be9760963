"""Files of cases as the command line opens them: the simple layouts, and the hospital formats."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grouper.case.readers import open_source
from hl7_adapters.hqms import HQMS

if TYPE_CHECKING:
    from pathlib import Path

    from grouper.case.readers import Source


def open_cases(path: Path, format_: str | None, encoding: str | None) -> Source:
    """Open a file of cases; front-page files are recognised by their header."""
    return open_source(path, format=format_, encoding=encoding, dialects=[HQMS])
