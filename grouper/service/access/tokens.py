"""Tokens of sessions and what guards them against other sites' pages."""

from __future__ import annotations

import hashlib
import hmac
import secrets

COOKIE = "grouper_session"
CSRF_HEADER = "x-csrf-token"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def new() -> str:
    """A token that cannot be guessed."""
    return secrets.token_urlsafe(32)


def kept(token: str) -> bytes:
    """What the database keeps of a token."""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def csrf(token: str) -> str:
    """What a page must send beside the cookie: known only to who received it at sign-in."""
    return hmac.new(token.encode("utf-8", "replace"), b"csrf", hashlib.sha256).hexdigest()


def same(written: str, token: str) -> bool:
    """Whether the header that came with a request belongs to its cookie."""
    return hmac.compare_digest(written.encode("utf-8", "replace"), csrf(token).encode())
