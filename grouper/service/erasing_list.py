"""The list of erasures: by it a restored backup is brought to where it has to be.

Who was erased stands in it as hashes under a key of this service.
A line an erasure, and a line when it is done; lines are only added. A hash tells the same number
again and no number to those who have no key; who has both can try numbers out, so both are closed to
all but the service's user.
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
import tomllib
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from codebooks.errors import GrouperError, Where

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from grouper.service.settings import Settings

_LIST, _KEY = "list.jsonl", "key"
_KEY_BYTES = 32


@cache
def data() -> Mapping[str, Any]:
    """``data/erasing.toml``."""
    written = (files("grouper.service") / "data" / "erasing.toml").read_text("utf-8")
    return tomllib.loads(written)


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """An erasure.

    Attributes:
        number: counted from 1.
        at: when it was begun, aware.
        limit: whether billing stays.
        why: a code of ``erasing.toml``.
        marks: hashes of the person's numbers of patient and visit.
        done: whether it came to its end.
    """

    number: int
    at: datetime
    limit: bool
    why: str
    marks: frozenset[str]
    done: bool = field(default=False)


@dataclass(frozen=True, slots=True)
class ErasureList:
    """The list of a service; ``folder`` need not be there yet."""

    folder: Path

    @classmethod
    def at(cls, settings: Settings) -> ErasureList:
        """The list of the service of these settings."""
        return cls(settings.folder / data()["list"]["folder"])

    def marker(self) -> Callable[[str, str, str], str]:
        """Gives the hash of a number: of its kind (``patient``, ``visit``), the hospital and itself.

        Raises:
            GrouperError: ``ERASE_LIST``: the key cannot be read or written.
        """
        key = self._key()

        def mark(kind: str, hospital: str, number: str) -> str:
            named = f"{kind}\0{hospital}\0{number}".encode("utf-8", "replace")
            return hmac.new(key, named, "sha256").hexdigest()

        return mark

    def entries(self) -> list[Erasure]:
        """All erasures in the order in which they were begun.

        Raises:
            GrouperError: ``ERASE_LIST``: the file cannot be read.
        """
        path = self.folder / _LIST
        found: dict[int, dict[str, Any]] = {}
        try:
            lines = path.read_text("utf-8").splitlines() if path.exists() else []
            for line in lines:
                # A line of which the machine wrote only a part before it fell tells nothing.
                if not line.endswith("}"):
                    continue
                told = json.loads(line)
                found.setdefault(told["number"], {}).update(told)
            return [
                Erasure(
                    number=one["number"],
                    at=datetime.fromisoformat(one["at"]),
                    limit=one["limit"],
                    why=one["why"],
                    marks=frozenset(one["marks"]),
                    done=one.get("done", False),
                )
                for one in found.values()
            ]
        except (OSError, ValueError, KeyError, TypeError) as cause:
            raise GrouperError("ERASE_LIST", Where(file=str(path))) from cause

    def begin(self, marks: set[str], at: datetime, why: str, *, limit: bool) -> Erasure:
        """Write an erasure down before anything is touched; one that was broken off goes on.

        Raises:
            GrouperError: ``ERASE_LIST``.
        """
        known = self.entries()
        for one in known:
            if not one.done and one.limit == limit and not one.marks.isdisjoint(marks):
                return one
        number = max((one.number for one in known), default=0) + 1
        made = Erasure(number=number, at=at, limit=limit, why=why, marks=frozenset(marks))
        told = {"number": number, "at": at.isoformat(), "limit": limit, "why": why}
        self._add({**told, "marks": sorted(marks)})
        return made

    def finish(self, number: int) -> None:
        """Write down that an erasure is done.

        Raises:
            GrouperError: ``ERASE_LIST``.
        """
        self._add({"number": number, "done": True})

    def _add(self, told: Mapping[str, Any]) -> None:
        path = self.folder / _LIST
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(handle, "rb+") as file:
                size = file.seek(0, os.SEEK_END)
                whole = True
                if size:
                    file.seek(-1, os.SEEK_END)
                    whole = file.read(1) == b"\n"
                line = json.dumps(told) + "\n"
                file.write(line.encode() if whole else b"\n" + line.encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as cause:
            raise GrouperError("ERASE_LIST", Where(file=str(path))) from cause

    def _key(self) -> bytes:
        path = self.folder / _KEY
        try:
            if not path.exists():
                self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(handle, "wb") as file:
                    file.write(secrets.token_bytes(_KEY_BYTES))
                    file.flush()
                    os.fsync(file.fileno())
            return path.read_bytes()
        except OSError as cause:
            raise GrouperError("ERASE_LIST", Where(file=str(path))) from cause
