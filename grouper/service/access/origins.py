"""Whether a request was sent by a page of somebody else.

Browsers say by themselves where a request comes from, and no page can make them say otherwise. A
client that says nothing is no browser, and has no cookie of a person that could be misused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.datastructures import Headers

_OWN = frozenset({"same-origin", "none"})
"""Words of ``Sec-Fetch-Site``: our own page, or the person alone (the address line, a bookmark)."""
_HIDDEN = "null"
"""What a browser says where a page hides its origin."""


def foreign(headers: Headers, allowed: Collection[str] = ()) -> bool:
    """Whether another origin's page sent a request.

    Args:
        headers: of the request.
        allowed: origins that may send it beside our own.
    """
    origin = headers.get("origin", "")
    if origin and origin != _HIDDEN:
        return origin not in allowed and not _same(origin, headers.get("host", ""))
    site = headers.get("sec-fetch-site")
    return site not in _OWN if site is not None else origin == _HIDDEN


def _same(origin: str, host: str) -> bool:
    try:
        return urlsplit(origin).netloc.lower() == host.lower()
    except ValueError:
        return False
