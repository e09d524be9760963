"""The language of an answer: what the client asks for, else the account's, else the setting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import Request  # noqa: TC002 -- FastAPI reads the annotations

from codebooks.messages import LANGUAGES

if TYPE_CHECKING:
    from grouper.service.settings import Settings


def accepted(header: str) -> str | None:
    """The language of ours that an ``Accept-Language`` header likes best; None: it names none.

    Args:
        header: as RFC 9110 writes it; what cannot be read in it is passed over.
    """
    best: tuple[float, int] | None = None
    found = None
    for place, part in enumerate(header.split(",")):
        tag, _, quality = part.partition(";")
        lang = tag.strip().lower().split("-")[0]
        if lang not in LANGUAGES:
            continue
        liked = _quality(quality)
        if liked > 0 and (best is None or (liked, -place) > best):
            best, found = (liked, -place), lang
    return found


def _quality(text: str) -> float:
    name, _, value = text.strip().partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        return min(max(float(value), 0.0), 1.0)
    except ValueError:
        return 0.0


def lang_of(request: Request) -> str:
    """The language of the answer to a request."""
    asked = accepted(request.headers.get("accept-language", ""))
    if asked is not None:
        return asked
    own = getattr(getattr(request.state, "principal", None), "language", "")
    settings: Settings = request.app.state.settings
    return own if own in LANGUAGES else settings.language
