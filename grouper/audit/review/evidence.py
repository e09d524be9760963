"""Files as evidence: what is taken is told by their content, not by their name alone."""

from __future__ import annotations

import io
import tomllib
import unicodedata
import zipfile
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

from grouper.audit.review.errors import ReviewError
from grouper.audit.review.tables import limits

if TYPE_CHECKING:
    from collections.abc import Mapping

_BLANKS = "\t\n\r\f"


@dataclass(frozen=True, slots=True)
class _Medium:
    media: str
    endings: tuple[str, ...]
    begins: tuple[bytes, ...]
    parts: tuple[str, ...]
    refused: tuple[str, ...]
    text: bool


@cache
def _media() -> Mapping[str, _Medium]:
    told = tomllib.loads((files("grouper.audit.review") / "data" / "media.toml").read_text("utf-8"))
    return {
        name: _Medium(
            row["media"],
            tuple(row["endings"]),
            tuple(bytes.fromhex(one) for one in row.get("begins", ())),
            tuple(row.get("parts", ())),
            tuple(row.get("refused", ())),
            row.get("text", False),
        )
        for name, row in told.items()
    }


def endings() -> tuple[str, ...]:
    """The endings of names that are taken."""
    return tuple(one for medium in _media().values() for one in medium.endings)


def check(name: str, content: bytes) -> tuple[str, str]:
    """Check a file.

    Args:
        name: as it was sent.
        content: the bytes.

    Returns:
        Its name without folders and control characters, and its media type.

    Raises:
        ReviewError: ``EVIDENCE_EMPTY``, ``EVIDENCE_LARGE``, ``EVIDENCE_TYPE`` (none of those that are
            taken, or its name ends otherwise).
    """
    if not content:
        raise ReviewError("EVIDENCE_EMPTY")
    most = limits().most_bytes
    if len(content) > most:
        raise ReviewError("EVIDENCE_LARGE", most=most)
    shown = _name(name)
    ending = shown.rpartition(".")[2].lower()
    for medium in _media().values():
        if ending in medium.endings and _is(medium, content):
            return shown, medium.media
    raise ReviewError("EVIDENCE_TYPE", known=", ".join(endings()))


def _name(name: str) -> str:
    last = PureWindowsPath(PurePosixPath(name).name).name
    kept = "".join(one for one in last if unicodedata.category(one)[0] != "C").strip()
    most = limits().most_name
    stem, dot, ending = kept.rpartition(".")
    return kept if len(kept) <= most else f"{stem[: most - len(ending) - 1]}{dot}{ending}"[-most:]


def _is(medium: _Medium, content: bytes) -> bool:
    if medium.text:
        return _is_text(content)
    if not content.startswith(medium.begins):
        return False
    return not medium.parts or _holds(medium, content)


def _holds(medium: _Medium, content: bytes) -> bool:
    """Whether a zip file has the parts of its kind; only its list is read."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as opened:
            names = set(opened.namelist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        return False
    return names >= set(medium.parts) and names.isdisjoint(medium.refused)


def _is_text(content: bytes) -> bool:
    for charset in ("utf-8-sig", "gb18030"):
        try:
            words = content.decode(charset)
        except UnicodeDecodeError:
            continue
        return all(one in _BLANKS or unicodedata.category(one) not in {"Cc", "Cn"} for one in words)
    return False
