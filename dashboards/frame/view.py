"""What a page is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dashboards.frame.parts import Parts
    from grouper.service.access.principal import Principal


@dataclass(frozen=True, slots=True)
class View:
    """Who looks, with what, and in which language.

    Attributes:
        principal: who asks; every figure and case is asked for in that one's reach.
        parts: settings and database.
        lang: ``zh`` or ``en``.
    """

    principal: Principal
    parts: Parts
    lang: str
