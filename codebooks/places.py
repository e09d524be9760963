"""Administrative codes of places (GB/T 2260), and the regions of the codebooks that they lie in.

A code has six digits: province, city, county. Two questions are asked of one, and answered
differently: which region binds a hospital there (a city without rules of its own follows its
province), and where a person from there is insured (a province as a whole insures nobody).
"""

from __future__ import annotations

from functools import lru_cache

from codebooks.errors import CodebookError
from codebooks.registry import Region, registry

_CITY, _PROVINCE, _LENGTH = 4, 2, 6


@lru_cache(maxsize=1024)
def code_of(name: str) -> str | None:
    """The code of a place by one of its names; a code stands for itself, None: it has none."""
    written = name.strip()
    if _is_code(written):
        return written
    region = _known(written)
    return None if region is None else _own_code(region)


@lru_cache(maxsize=1024)
def region_of(code: str) -> str | None:
    """The code of the region that binds a place: its own, its city's or its province's.

    None where the codebooks know none of them, and for what is no code.
    """
    return _nearest(code.strip(), (_LENGTH, _CITY, _PROVINCE))


@lru_cache(maxsize=1024)
def insured_of(code: str) -> str:
    """Where a person from a place is insured: the city where the codebooks know it.

    Else the place as it stands: it is never widened to a province. Districts of a municipality
    (直辖市) lie in a "city" of its own code (110100, 500100), which is a name of the municipality.
    """
    written = code.strip()
    return _nearest(written, (_LENGTH, _CITY)) or written


def _nearest(written: str, lengths: tuple[int, ...]) -> str | None:
    if not _is_code(written):
        return None
    for length in lengths:
        found = written[:length].ljust(_LENGTH, "0")
        region = _known(found)
        if region is not None:
            return _own_code(region)
    return None


def _known(name: str) -> Region | None:
    try:
        return registry().region(name)
    except CodebookError:
        return None


def _own_code(region: Region) -> str | None:
    return next((name for name in region.aliases if _is_code(name)), None)


def _is_code(written: str) -> bool:
    return len(written) == _LENGTH and written.isascii() and written.isdigit()
