"""The languages that a command speaks, as its option takes them."""

from __future__ import annotations

from enum import StrEnum


class Language(StrEnum):
    """A language of the catalogues (:data:`codebooks.messages.LANGUAGES`)."""

    ZH = "zh"
    EN = "en"
