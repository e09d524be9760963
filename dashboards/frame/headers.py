"""Headers of every answer: what a browser may load, run, keep and tell others.

Everything comes from this server. Streamlit's own page has inline scripts; they are named by their
hashes, read from the page that is installed, so that no other inline script runs.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from importlib.resources import files

FILES = "/static/"
"""Streamlit's own scripts and styles; a page that says that the session is over still needs them."""
_MEDIA = "/media/"
_SCRIPT = re.compile(rb"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", re.DOTALL)
_POLICY, _KEPT, _REFERRER = b"content-security-policy", b"cache-control", b"referrer-policy"
_OTHERS = b"access-control-"
"""Headers by which Streamlit lets pages of others read its answers; nobody's are meant to."""
_ALONE = b"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
"""The policy of a file that was made for somebody: opened by itself it runs nothing."""
ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (_REFERRER, b"no-referrer"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


@cache
def policy() -> bytes:
    """The content security policy of the pages.

    ``unsafe-eval`` is what Vega makes its pictures by, and inline styles are how Streamlit styles;
    both stay within what this server sends.
    """
    page = (files("streamlit") / "static" / "index.html").read_bytes()
    hashes = (
        "'sha256-" + base64.b64encode(hashlib.sha256(script).digest()).decode() + "'"
        for script in _SCRIPT.findall(page)
    )
    parts = {
        "default-src": "'self'",
        "script-src": " ".join(["'self'", "'unsafe-eval'", *hashes]),
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "worker-src": "'self' blob:",
        "object-src": "'none'",
        "base-uri": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in parts.items()).encode()


def with_ours(
    headers: list[tuple[bytes, bytes]], path: str = "/", *, encrypted: bool
) -> list[tuple[bytes, bytes]]:
    """The headers of an answer and ours; its own policies of content and referrer are kept.

    Nothing is kept by a browser but Streamlit's own files: what a page shows may be of a person.

    Args:
        headers: of the answer.
        path: that was asked for.
        encrypted: whether browsers come by TLS; then they are told to ask for nothing else.
    """
    own = {name.lower() for name, _ in headers}
    dropped = {name for name, _ in ALWAYS if name != _REFERRER}
    if not path.startswith(FILES):
        dropped.add(_KEPT)
    found = [
        (name, value)
        for name, value in headers
        if name.lower() not in dropped and not name.lower().startswith(_OTHERS)
    ]
    found += [(name, value) for name, value in ALWAYS if name != _REFERRER or name not in own]
    if _KEPT in dropped:
        found.append((_KEPT, b"no-store"))
    if _POLICY not in own:
        found.append((_POLICY, _ALONE if path.startswith(_MEDIA) else policy()))
    if encrypted:
        found.append((b"strict-transport-security", b"max-age=31536000"))
    return found
