"""Policies: what a region pays by on a day and what that rests on, what changed, the hospital's own files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards.app_pages.auditing.acting import said
from dashboards.app_pages.policy import comparing, holding, own, regions
from dashboards.frame.picking import part_picked

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dashboards.frame.view import View

_PARTS: Mapping[str, Callable[[View], None]] = {
    "holding": holding.show,
    "regions": regions.show,
    "compare": comparing.show,
    "own": own.show,
}
_KEY = "policy.part"


def page(view: View) -> None:
    """Show one part of the page; the others ask nothing."""
    said()
    _PARTS[part_picked(_KEY, tuple(_PARTS), "policy_parts")](view)
