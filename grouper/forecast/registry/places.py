"""Where models lie, and which names may be asked for: none that leads anywhere else."""

from __future__ import annotations

import os
import re
import stat
from typing import TYPE_CHECKING, Any

from codebooks import paths
from codebooks.errors import Where
from grouper.forecast.errors import ForecastError
from grouper.forecast.tables import toml

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT = "default"
"""The name of models that nobody named."""
SHELF, CARD, APPROVALS, LOCK = "models", "card.json", "approved.json", ".lock"
NEW, OLD = ".new-", ".old-"
"""Begin the names of folders that are being written or taken away."""
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_ID = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)+")
_LONGEST = 120


def limit(name: str) -> Any:  # noqa: ANN401 -- of a settings file
    """A setting of ``data/registry.toml``."""
    return toml("registry.toml")[name]


def shelf(name: str) -> Path:
    """The folder of a name's models; it need not be there.

    Raises:
        ForecastError: ``FORECAST_MODEL_NAME``.
    """
    if not _NAME.fullmatch(name):
        raise ForecastError("FORECAST_MODEL_NAME", found=shown(name))
    return root() / name


def root() -> Path:
    """The folder of all models."""
    return paths.installed() / SHELF


def folder_of(name: str, model: str) -> Path:
    """The folder of a model; it is there, and it is no link.

    Raises:
        ForecastError: ``FORECAST_MODEL_NAME``, ``FORECAST_MODEL_ABSENT``, ``FORECAST_FILE_LINK``.
    """
    if not is_id(model):
        raise ForecastError("FORECAST_MODEL_NAME", found=shown(model))
    folder = shelf(name) / model
    for one in (folder.parent, folder):
        if one.is_symlink():
            raise ForecastError("FORECAST_FILE_LINK", Where(file=one.name))
    if not folder.is_dir():
        raise ForecastError("FORECAST_MODEL_ABSENT", name=name, id=model)
    return folder


def is_id(word: str) -> bool:
    """Whether a word has the form of a model's id: UTC time and the beginning of its content's hash."""
    return _ID.fullmatch(word) is not None


def is_name(word: str) -> bool:
    """Whether a word can name models."""
    return _NAME.fullmatch(word) is not None


def is_file(name: str) -> bool:
    """Whether a file of a model may be called so: no path, no hidden file, a known suffix."""
    known = name.endswith(tuple(limit("suffixes"))) and name != CARD
    return known and len(name) <= _LONGEST and _FILE.fullmatch(name) is not None


def shown(word: str) -> str:
    """A word that somebody gave, short and printable."""
    return "".join(c if c.isprintable() else "\ufffd" for c in word[:_LONGEST])


def read_bytes(path: Path, most: int) -> bytes:
    """The bytes of a file that is no link and not larger than said.

    Raises:
        ForecastError: ``FORECAST_FILE_LINK``, ``FORECAST_FILE_LARGE``, ``FORECAST_FILE_MISSING``.
    """
    where = Where(file=path.name)
    if path.is_symlink():
        raise ForecastError("FORECAST_FILE_LINK", where)
    # Neither waits for a pipe nor follows a link that came in between.
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        number = os.open(path, flags)
        try:
            raw = _taken(number, most + 1)
        finally:
            os.close(number)
    except OSError as cause:
        problem = cause.strerror or type(cause).__name__
        raise ForecastError("FORECAST_FILE_MISSING", where, cause=problem) from cause
    if raw is None:
        raise ForecastError("FORECAST_FILE_LINK", where)
    if len(raw) > most:
        raise ForecastError("FORECAST_FILE_LARGE", where, most=most)
    return raw


def _taken(number: int, most: int) -> bytes | None:
    """The first bytes of an open file; None: it is a folder, a pipe or a device."""
    if not stat.S_ISREG(os.fstat(number).st_mode):
        return None
    with os.fdopen(number, "rb", closefd=False) as file:
        return file.read(most)
