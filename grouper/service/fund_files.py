"""Where the view of fund and credit finds its files: the data folder first, then what the service keeps."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from codebooks.messages import language
from grouper.service import kept_results, outlooks, settling
from grouper.service.fund import Files

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from grouper.service.kept_results import Kept
    from grouper.service.settings import Settings

_YEAR = len("2026")


def files_of(settings: Settings, month: str) -> Files:
    """The files at hand for the year up to a month.

    Where the data folder has no settled month, the newest statement of each month that was settled
    here is taken, and where it has no outlook, the newest one of the year.

    Args:
        settings: of the service.
        month: the last one that counts.
    """
    found = Files().or_at_hand()
    year = month[:_YEAR]
    if not found.settled:
        kept = kept_results.all_of(settings.folder / settling.FOLDER)
        months = _newest(one for one in kept if one.of[:_YEAR] == year and one.of <= month)
        found = replace(found, settled=tuple(_document(one) for one in months))
    if found.outlook is None:
        ahead = kept_results.all_of(settings.folder / outlooks.FOLDER)
        newest = next((one for one in ahead if one.of[:_YEAR] == year), None)
        found = replace(found, outlook=None if newest is None else _document(newest))
    return found


def _newest(kept: Iterable[Kept]) -> list[Kept]:
    """The newest of each month, in the order of months."""
    found: dict[str, Kept] = {}
    for one in kept:
        found.setdefault(one.of, one)
    return [found[of] for of in sorted(found)]


def _document(kept: Kept) -> Path:
    return kept.folder / f"{language()}.json"
