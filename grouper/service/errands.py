"""Errands: long work that a page asks for and the process ``clerk`` does, one after the other.

They are files alone (:mod:`grouper.service.errand_files`), so that every process sees them without
another table: an errand appears whole, its state is written in one step, and it is taken away by
giving its folder another name. Who asks is asked for the right of the kind; the errand then works in
the reach that this one has at that moment, and is shown to nobody whose reach is less.
"""

from __future__ import annotations

import json
import shutil
import time
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from grouper.service.access.principal import AccessError
from grouper.service.errand_files import (
    IN,
    OUT,
    Errand,
    ErrandState,
    read_errand,
    write_errand,
)
from grouper.service.errand_kinds import ErrandError, Inputs, kind_of, kinds, limits
from grouper.store.schema import now

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from grouper.service.access.principal import Principal
    from grouper.service.settings import Settings

__all__ = ["Errand", "ErrandError", "ErrandState", "Errands"]

FOLDER = "errands"
_HIDDEN = "."
"""Folders that begin so are no errands: not whole yet, or being taken away."""
_LEFT = 3600.0
"""Seconds after which such a folder was left by a process that fell."""


class Errands:
    """All errands of a service.

    Args:
        folder: where they lie.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def at(cls, settings: Settings) -> Errands:
        """The errands of the service of these settings."""
        return cls(settings.folder / FOLDER)

    @property
    def place(self) -> Path:
        """Where they lie."""
        return self._folder

    def ask(
        self,
        kind: str,
        params: Mapping[str, Any],
        *,
        by: Principal,
        language: str,
        files: Mapping[str, bytes | Path] | None = None,
    ) -> Errand:
        """Ask for an errand; what one has asked for already, and is not done yet, is not begun twice.

        Args:
            kind: what is to be done.
            params: what it is to be done with, plain JSON; never a name or a number of a patient.
            by: who asks.
            language: ``zh`` or ``en``, of the words in what it writes.
            files: files that it reads, by plain names.

        Raises:
            AccessError: ``NOT_ALLOWED``.
            ErrandError: ``ERRAND_KIND``, ``ERRANDS_FULL``, ``ERRAND_FILE``, ``ERRANDS_UNWRITABLE``.
        """
        return self.asked(kind, params, by=by, language=language, files=files)[0]

    def asked(
        self,
        kind: str,
        params: Mapping[str, Any],
        *,
        by: Principal,
        language: str,
        files: Mapping[str, bytes | Path] | None = None,
    ) -> tuple[Errand, bool]:
        """Ask as :meth:`ask` does, and say whether the errand is a new one.

        Returns:
            The errand, and whether this call began it; if not, it is one that was asked for before.
        """
        for right in kind_of(kind).rights:
            if not by.may(right):
                raise AccessError("NOT_ALLOWED", right=right.value)
        made = Errand(
            id=uuid4().hex,
            kind=kind,
            owner=by.account_id,
            actor=by.name,
            reach=by.reach,
            language=language,
            params=json.loads(json.dumps(dict(params))),
            created=now(),
        )
        open_ones = [one for one in self.all() if not one.state.ended]
        if not files and (same := next((one for one in open_ones if _same(one, made)), None)):
            return same, False
        own = sum(one.owner == by.account_id for one in open_ones)
        if len(open_ones) >= limits().most or own >= limits().most_own:
            raise ErrandError("ERRANDS_FULL", waiting=len(open_ones), own=own)
        self._put(made, _checked(files or {}))
        return made, True

    def of(self, by: Principal, kind: str | None = None, *, shared: bool = False) -> list[Errand]:
        """The errands of an account, newest first.

        Args:
            by: who asks.
            kind: of this kind alone.
            shared: also those of others who see the same departments.
        """
        found = [
            one
            for one in self.all()
            if (kind is None or one.kind == kind)
            and (one.owner == by.account_id or shared)
            and _visible(one, by)
        ]
        return sorted(found, key=lambda one: (one.created, one.id), reverse=True)

    def one(self, number: str, by: Principal) -> Errand:
        """An errand of one's own, or of another one who sees the same departments.

        Raises:
            ErrandError: ``ERRAND_UNKNOWN``.
        """
        found = self.read(number)
        if found is None or not _visible(found, by):
            raise ErrandError("ERRAND_UNKNOWN")
        return found

    def cancel(self, number: str, by: Principal) -> None:
        """End an errand of one's own, and take all its files away.

        Raises:
            ErrandError: ``ERRAND_UNKNOWN``, also for one of somebody else.
        """
        found = self.read(number)
        if found is None or found.owner != by.account_id:
            raise ErrandError("ERRAND_UNKNOWN")
        self.remove(number)

    def before(self, errand: Errand) -> int:
        """How many errands, whosoever, are done before one that waits."""
        mark = (errand.created, errand.id)
        return sum(not one.state.ended and (one.created, one.id) < mark for one in self.all())

    def files(self, errand: Errand) -> Path:
        """The folder of what an errand wrote."""
        return self.folder(errand.id) / OUT

    def folder(self, number: str) -> Path:
        """The folder of an errand."""
        return self._folder / number

    def read(self, number: str) -> Errand | None:
        """An errand, whoever asks; None: there is none.

        For the processes of the service; pages ask :meth:`one`.
        """
        if not (number.isascii() and number.isalnum()):
            return None
        return read_errand(self.folder(number))

    def all(self) -> list[Errand]:
        """All errands, the oldest first; for the processes of the service."""
        if not self._folder.is_dir():
            return []
        folders = [one for one in self._folder.iterdir() if not one.name.startswith(_HIDDEN)]
        found = [one for one in map(read_errand, folders) if one is not None]
        return sorted(found, key=lambda one: (one.created, one.id))

    def remove(self, number: str) -> None:
        """Take an errand away, whoever asks: at once for all readers, then its files."""
        gone = self._folder / f"{_HIDDEN}gone-{uuid4().hex}"
        with suppress(FileNotFoundError):
            self.folder(number).rename(gone)
        shutil.rmtree(gone, ignore_errors=True)

    def clear(self, errand: Errand) -> None:
        """Take the files away that were handed in with an errand that ended, where its kind says so."""
        kind = kinds().get(errand.kind)
        if kind is None or kind.inputs is Inputs.KEPT or not errand.state.ended:
            return
        # What cannot be taken away now is tried again by :meth:`age`.
        with suppress(OSError):
            for path in (self.folder(errand.id) / IN).iterdir():
                path.unlink(missing_ok=True)

    def age(self, at: datetime) -> int:
        """Take away what ended longer ago than its kind is kept; returns how many errands.

        Of the others, what :meth:`clear` takes away goes too, where a process fell before it did.
        """
        old = [
            one
            for one in self.all()
            if one.state.ended
            and one.ended is not None
            and at - one.ended > limits().kept(one.kind)
        ]
        for errand in old:
            self.remove(errand.id)
        for errand in self.all():
            self.clear(errand)
        for left in self._folder.glob(f"{_HIDDEN}*"):
            with suppress(OSError):
                if left.is_dir() and time.time() - left.stat().st_mtime > _LEFT:
                    shutil.rmtree(left, ignore_errors=True)
        return len(old)

    def _put(self, errand: Errand, files: Mapping[str, bytes | Path]) -> None:
        """Let an errand appear whole."""
        beside = self._folder / f"{_HIDDEN}new-{errand.id}"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            beside.mkdir(mode=0o700)
            for name in (IN, OUT):
                (beside / name).mkdir()
            for name, given in files.items():
                if isinstance(given, Path):
                    shutil.copyfile(given, beside / IN / name)
                else:
                    (beside / IN / name).write_bytes(given)
            write_errand(beside, errand)
            beside.rename(self.folder(errand.id))
        except OSError as cause:
            shutil.rmtree(beside, ignore_errors=True)
            problem = cause.strerror or type(cause).__name__
            raise ErrandError("ERRANDS_UNWRITABLE", cause=problem) from cause


def _same(one: Errand, other: Errand) -> bool:
    """Whether two errands ask for the same."""
    return all(
        getattr(one, name) == getattr(other, name)
        for name in ("kind", "owner", "reach", "language", "params")
    )


def _visible(errand: Errand, by: Principal) -> bool:
    """Whether one may see an errand: holds its kind's rights still, and sees what it saw.

    Of one's own a smaller reach than now is no hindrance; of others it must be the same.
    """
    kind = kinds().get(errand.kind)
    if kind is None or not all(by.may(right) for right in kind.rights):
        return False
    if errand.owner != by.account_id:
        return _places(errand.reach) == _places(by.reach)
    if by.reach is None:
        return True
    return errand.reach is not None and set(errand.reach) <= set(by.reach)


def _places(reach: tuple[str, ...] | None) -> frozenset[str] | None:
    return None if reach is None else frozenset(reach)


def _checked(files: Mapping[str, bytes | Path]) -> Mapping[str, bytes | Path]:
    """Files with plain names, not too large together.

    Raises:
        ErrandError: ``ERRAND_FILE``, ``ERRANDS_UNWRITABLE``.
    """
    size = 0
    for name, given in files.items():
        if not name or name.startswith(_HIDDEN) or PurePosixPath(name).name != name:
            raise ErrandError("ERRAND_FILE", most=_mebibytes())
        try:
            size += given.stat().st_size if isinstance(given, Path) else len(given)
        except OSError as cause:
            raise ErrandError("ERRAND_FILE", most=_mebibytes()) from cause
    if size > limits().most_bytes:
        raise ErrandError("ERRAND_FILE", most=_mebibytes())
    return files


def _mebibytes() -> int:
    return limits().most_bytes >> 20
