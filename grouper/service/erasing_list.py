"""The list of erasures: by it a restored backup is brought to where it has to be.

Who was erased stands in it as hashes under a key of this service.
A line an erasure, one when its rows are gone, one when it is done, and one when a restore opens it
again; lines are only added, and the later one holds. A hash tells the same number
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
from datetime import UTC, datetime
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

Span = tuple[datetime, datetime | None]
"""When it was begun, and when the rows were gone; None: they may still be there."""


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
        taken: whether the rows of the store are gone: then only its files are left to be written anew.
        spans: from when to when the person was being erased, once a time that it was done.
    """

    number: int
    at: datetime
    limit: bool
    why: str
    marks: frozenset[str]
    done: bool = field(default=False)
    taken: bool = field(default=False)
    spans: tuple[Span, ...] = field(default=(), compare=False)

    def due(self, since: datetime) -> bool:
        """Whether a backup that was made then may still hold the person.

        It does if it is older than the erasure, or was made while the erasure was on its way.
        """
        if not self.spans:
            return self.at >= since
        ends = [(begun, since if end is None else end) for begun, end in self.spans]
        return since <= ends[0][1] or any(begun <= since <= end for begun, end in ends)


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
        spans: dict[int, list[Span]] = {}
        try:
            lines = path.read_text("utf-8").splitlines() if path.exists() else []
            for line in lines:
                # A line of which the machine wrote only a part before it fell tells nothing.
                if not line.endswith("}"):
                    continue
                told = json.loads(line)
                found.setdefault(told["number"], {}).update(told)
                _span(spans.setdefault(told["number"], []), told)
            return [
                Erasure(
                    number=one["number"],
                    at=datetime.fromisoformat(one["at"]),
                    limit=one["limit"],
                    why=one["why"],
                    marks=frozenset(one["marks"]),
                    done=one.get("done", False),
                    taken=one.get("taken", False),
                    spans=tuple(spans[one["number"]]),
                )
                for one in found.values()
            ]
        except (OSError, ValueError, LookupError, TypeError) as cause:
            raise GrouperError("ERASE_LIST", Where(file=str(path))) from cause

    def begin(self, marks: set[str], at: datetime, why: str, *, limit: bool) -> Erasure:
        """Write an erasure down before anything is touched; one that was broken off goes on.

        Raises:
            GrouperError: ``ERASE_LIST``.
        """
        known = self.entries()
        for one in known:
            # Of one whose rows are gone what is here now came later: it is another erasure.
            going_on = not one.done and not one.taken and one.limit == limit
            if going_on and not one.marks.isdisjoint(marks):
                return one
        number = max((one.number for one in known), default=0) + 1
        made = Erasure(number=number, at=at, limit=limit, why=why, marks=frozenset(marks))
        told = {"number": number, "at": at.isoformat(), "limit": limit, "why": why}
        self._add({**told, "marks": sorted(marks)})
        return made

    def take(self, number: int) -> None:
        """Write down that the rows of a person are gone.

        Raises:
            GrouperError: ``ERASE_LIST``.
        """
        self._add({"number": number, "taken": True, "ended": _now()})

    def finish(self, number: int) -> None:
        """Write down that an erasure is done.

        Raises:
            GrouperError: ``ERASE_LIST``.
        """
        self._add({"number": number, "done": True, "ended": _now()})

    def reopen(self, number: int) -> None:
        """Write down that an erasure has to be done again, for a backup was restored.

        Raises:
            GrouperError: ``ERASE_LIST``.
        """
        self._add({"number": number, "done": False, "taken": False, "again": _now()})

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


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _span(spans: list[Span], told: Mapping[str, Any]) -> None:
    """Add what a line of the list says of when the person was being erased."""
    begun = told.get("at") or told.get("again")
    if begun is None:
        begun, end = spans[-1]
        if end is None:
            # Lines of earlier versions have no time of the end.
            ended = told.get("ended")
            spans[-1] = (begun, datetime.fromisoformat(ended) if ended else begun)
    elif not spans or spans[-1][1] is not None:
        spans.append((datetime.fromisoformat(begun), None))
