"""Channels, forms, times and lengths of waiting in words, for the pages of interfaces and messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebooks.messages import catalogue
from dashboards.frame.figures import NONE
from dashboards.frame.language import say
from grouper.case.dates import LOCAL

if TYPE_CHECKING:
    from datetime import datetime

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400


def channel(name: str, lang: str) -> str:
    """A way in."""
    kind, _, about = name.partition(":")
    found = catalogue(lang).get(f"interface_words.channel.{kind}")
    return name if found is None else found.format(about=about).strip()


def form(name: str, lang: str) -> str:
    """A form of messages."""
    return catalogue(lang).get(f"interface_words.form.{name}", name)


def moment(at: datetime | None) -> str:
    """A time of this place, to the second."""
    return NONE if at is None else at.astimezone(LOCAL).strftime("%Y-%m-%d %H:%M:%S")


def lasting(seconds: float | None) -> str:
    """A length of time as people say it: seconds, minutes, hours or days."""
    if seconds is None:
        return NONE
    for name, size in (("days", _DAY), ("hours", _HOUR), ("minutes", _MINUTE)):
        if seconds >= size:
            return say(f"interface_words.lasting.{name}", number=f"{seconds / size:.1f}")
    return say("interface_words.lasting.seconds", number=f"{max(seconds, 0):.0f}")


def reason(code: str, lang: str) -> str:
    """Why a message waits; its code where it has no words."""
    return catalogue(lang).get(f"reason.{code}", code)


def advice(code: str, lang: str) -> str:
    """What to do about it; empty where nothing is known."""
    return catalogue(lang).get(f"advice.{code}", "")
