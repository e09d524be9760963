"""Results that are kept as folders of files: written whole or not at all, the newest first.

A folder is called by what it is of, when it was made and a number of chance, and holds ``kept.json``
(when, by whom, from what) beside the files of its kind. Nothing in it changes once it stands.
"""

from __future__ import annotations

import json
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from codebooks.messages import LANGUAGES
from codebooks.plain import json_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_ABOUT = "kept.json"
_MAKING = ".making-"
_CHANCE = 8
_LEFT = 24 * 3600.0
"""Seconds after which a folder that is not whole was left by a process that fell."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A result.

    Attributes:
        folder: its files.
        about: plain JSON; ``of`` (what it is of, such as ``2026-11``), ``made`` (aware, ISO 8601) and
            ``actor`` are always there.
    """

    folder: Path
    about: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Of its folder."""
        return self.folder.name

    @property
    def of(self) -> str:
        """What it is of."""
        return str(self.about["of"])

    @property
    def made(self) -> datetime:
        """When it was made, aware."""
        return datetime.fromisoformat(self.about["made"])

    def document(self, lang: str) -> dict[str, Any]:
        """Its document in a language."""
        found: dict[str, Any] = json.loads((self.folder / f"{lang}.json").read_text("utf-8"))
        return found


def keep(
    root: Path,
    of: str,
    about: Mapping[str, Any],
    documents: Callable[[str], Mapping[str, Any]],
    further: Callable[[Path], None],
    *,
    most: int,
) -> Kept:
    """Keep a result, and let go of the oldest of the same where there are too many.

    Args:
        root: folder of this kind of results.
        of: what it is of; part of a file's name.
        about: with ``made`` and ``actor``.
        documents: gives the document in a language.
        further: writes further files into the folder that it is given.
        most: results of the same that are kept.
    """
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    _swept(root)
    told = {**about, "of": of}
    stamp = f"{datetime.fromisoformat(told['made']):%Y%m%dT%H%M%S}"
    name = f"{of}-{stamp}-{uuid4().hex[:_CHANCE]}"
    making = root / f"{_MAKING}{name}"
    making.mkdir(mode=0o700)
    try:
        for lang in LANGUAGES:
            _write(making / f"{lang}.json", documents(lang))
        further(making)
        _write(making / _ABOUT, told)
        folder = making.rename(root / name)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise
    for old in all_of(root, of)[most:]:
        _drop(old.folder)
    return Kept(folder, told)


def all_of(root: Path, of: str | None = None) -> list[Kept]:
    """The results of a kind, the newest first.

    Args:
        root: folder of the kind.
        of: what they are of; None: anything.
    """
    found = [_read(one) for one in root.glob("[!.]*") if one.is_dir()]
    known = [one for one in found if one is not None and of in {None, one.of}]
    return sorted(known, key=lambda one: (one.made, one.name), reverse=True)


def _read(folder: Path) -> Kept | None:
    """A result; None: it went while it was looked for, or something else stands there."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        found = Kept(folder, json_of((folder / _ABOUT).read_text("utf-8")))
        if found.of and found.made.tzinfo is not None:
            return found
    return None


def _swept(root: Path) -> None:
    for left in root.glob(f"{_MAKING}*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > _LEFT:
                shutil.rmtree(left, ignore_errors=True)


def _drop(folder: Path) -> None:
    """Take a result away: first out of sight, so that nobody finds half of it."""
    with suppress(OSError):
        shutil.rmtree(folder.rename(folder.with_name(f"{_MAKING}{folder.name}")))


def _write(path: Path, told: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(told, ensure_ascii=False), "utf-8")
