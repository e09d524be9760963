"""The rules of the audit: the book and its standings, what did not run, exceptions, statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards.app_pages.auditing import gaps, standings, tallies, whitelists
from dashboards.app_pages.auditing.acting import said
from dashboards.frame.picking import part_picked

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dashboards.frame.view import View

_PARTS: Mapping[str, Callable[[View], None]] = {
    "standings": standings.show,
    "gaps": gaps.show,
    "whitelists": whitelists.show,
    "statistics": tallies.statistics,
    "deductions": tallies.deductions,
}
_KEY = "rules.part"


def page(view: View) -> None:
    """Show one part of the page; the others ask nothing."""
    said()
    _PARTS[part_picked(_KEY, tuple(_PARTS), "rules_part")](view)
