"""Codebooks: what is at hand and binds, groups and their rules, what changed, import of official files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards.app_pages.auditing.acting import said
from dashboards.app_pages.books import changes, groups, importing, shelf
from dashboards.frame.picking import part_picked

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dashboards.frame.view import View

_PARTS: Mapping[str, Callable[[View], None]] = {
    "shelf": shelf.show,
    "groups": groups.show,
    "changes": changes.show,
    "import": importing.show,
}
_KEY = "books.part"


def page(view: View) -> None:
    """Show one part of the page; the others ask nothing."""
    said()
    _PARTS[part_picked(_KEY, tuple(_PARTS), "books_parts")](view)
