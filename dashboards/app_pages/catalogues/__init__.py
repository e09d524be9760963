"""The catalogues of drugs, services and materials, grey codes and the mapping: lists, search, import, faults."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards.app_pages.auditing.acting import said
from dashboards.app_pages.catalogues import faults, importing, lists, searching
from dashboards.frame.picking import part_picked

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dashboards.frame.view import View

_PARTS: Mapping[str, Callable[[View], None]] = {
    "lists": lists.show,
    "search": searching.show,
    "import": importing.show,
    "faults": faults.show,
}
_KEY = "catalogues.part"


def page(view: View) -> None:
    """Show one part of the page; the others ask nothing."""
    said()
    _PARTS[part_picked(_KEY, tuple(_PARTS), "catalogue_part")](view)
