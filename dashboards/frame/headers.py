"""Headers of every answer: what a browser may load, run and tell others.

Everything comes from this server. Streamlit's own page has inline scripts; they are named by their
hashes, read from the page that is installed, so that no other inline script runs.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from importlib.resources import files

_SCRIPT = re.compile(rb"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", re.DOTALL)
_POLICY = b"content-security-policy"
ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
    (b"cross-origin-opener-policy", b"same-origin"),
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


def with_ours(headers: list[tuple[bytes, bytes]], *, encrypted: bool) -> list[tuple[bytes, bytes]]:
    """The headers of an answer and ours; an answer's own content security policy is kept.

    Args:
        headers: of the answer.
        encrypted: whether the server speaks TLS; then browsers are told to ask for nothing else.
    """
    found = [*headers, *ALWAYS]
    if not any(name.lower() == _POLICY for name, _ in headers):
        found.append((_POLICY, policy()))
    if encrypted:
        found.append((b"strict-transport-security", b"max-age=31536000"))
    return found
