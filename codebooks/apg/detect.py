"""Whether a source is an outpatient scheme's, told without reading it whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebooks.apg.importer import FAMILY
from codebooks.apg.layout import apg_layout
from codebooks.apg.sources import read_card
from codebooks.errors import CodebookError
from codebooks.registry import registry

if TYPE_CHECKING:
    from pathlib import Path


def looks_like_apg(path: Path, base: str | None) -> bool:
    """Whether a source is an APG scheme's: its base is one, its card says so, or its tables do.

    Raises:
        CodebookError: ``SCHEME_UNKNOWN`` for the base.
    """
    if base is not None:
        return registry().card(base).family == FAMILY
    if not path.is_dir():
        return False
    try:
        named = read_card(path).get("family")
    except CodebookError:
        return False
    if named is not None:
        return bool(named == FAMILY)
    own = {f"{name}.csv" for t in apg_layout().tables if t.table == "rates" for name in t.names}
    return any((path / name).is_file() for name in own)
