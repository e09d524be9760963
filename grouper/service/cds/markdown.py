"""Texts of others inside Markdown."""

from __future__ import annotations

import re

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#+\-.!|~&])")


def escaped(words: str) -> str:
    """A text that means itself in Markdown."""
    return _MARKDOWN.sub(r"\\\1", " ".join(words.split()))
