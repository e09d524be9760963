"""One whole file: read, put into the inbox, and only then moved."""

from __future__ import annotations

import asyncio
import hashlib
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from codebooks.messages import catalogue, language, text
from grouper.intake.envelope import Receipt, Verdict
from grouper.intake.pieces import NOT_STORED, enveloped, file_identity, pieces, put_pieces
from hl7_adapters.folder.place import DONE, KEPT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from grouper.intake.envelope import Envelope
    from grouper.intake.forms import Form
    from grouper.intake.porches import Put
    from hl7_adapters.folder.counts import Counts
    from hl7_adapters.folder.names import Meanings
    from hl7_adapters.folder.options import FolderOptions
    from hl7_adapters.folder.place import Found, Place, Version

_SHOWN = 100
"""So many messages of a file are told one by one in its reason."""


@dataclass(slots=True)
class _Progress:
    """What is known of a file that is still there: it is not put again while we remember."""

    version: Version
    digest: bytes = b""
    receipts: list[Receipt] = field(default_factory=list)
    failed: int = 0

    @property
    def stored(self) -> bool:
        return bool(self.receipts) and all(r.message_id is not None for r in self.receipts)


class Filing:
    """Takes whole files to the inbox and out of the folder.

    Attributes:
        unreadable: files of this look that must not be read.
        not_moved: files of this look that could not be moved.
    """

    def __init__(
        self,
        place: Place,
        options: FolderOptions,
        meanings: Meanings,
        forms: Mapping[str, Form],
        put: Put,
        counts: Counts,
        go_on: Callable[[], bool],
    ) -> None:
        """Nothing is opened yet.

        Args:
            place: the folder.
            options: of the listener.
            meanings: tells the form by the name.
            forms: at hand.
            put: stores a message.
            counts: are counted up.
            go_on: says no when the listener is about to stop.
        """
        self._place, self._options, self._meanings = place, options, meanings
        self._forms, self._put, self._counts, self._go_on = forms, put, counts, go_on
        self._channel = f"folder:{options.name}"
        self._known: dict[str, _Progress] = {}
        self.unreadable = self.not_moved = 0

    def begin(self, files: Sequence[Found]) -> None:
        """Begin a look: forget the files that are no longer there."""
        names = {file.name for file in files}
        self._known = {name: known for name, known in self._known.items() if name in names}
        self.unreadable = self.not_moved = 0

    async def take(self, file: Found) -> int:
        """Store a file and move it; where the disk stands in the way, it stays for the next look.

        Returns:
            How many times in a row it could not be stored; 0 when it was, or is put aside.
        """
        aside = self._aside(file)
        if aside:
            await self._put_aside(file, aside)
            return 0
        known = self._known.get(file.name)
        if known is None or known.version != file.version:
            known = self._known[file.name] = _Progress(file.version)
        if not known.stored:
            raw = await self._read(file)
            if raw is None:
                return 0
            name = await asyncio.to_thread(self._form_of, file, raw)
            if name is None:
                await self._put_aside(file, "form")
                return 0
            if not await self._store(file, raw, self._forms[name], known):
                known.failed += self._go_on()
                return known.failed
            self._counts.bytes += len(raw)
        good = all(r.verdict is Verdict.ACCEPTED for r in known.receipts)
        if await self._move(file, DONE if good else KEPT, "" if good else _reason(known.receipts)):
            self._counts.files_done += good
            self._counts.files_kept += not good
        return 0

    async def put_away(self, marker: Found) -> None:
        """Move a marker whose file is gone."""
        await self._move(marker, DONE, "")

    def _aside(self, file: Found) -> str:
        if file.link:
            return "link"
        if not file.version.size:
            return "empty"
        return "limit" if file.version.size > self._options.limit else ""

    def _form_of(self, file: Found, raw: bytes) -> str | None:
        return self._options.form or self._meanings.form_of(file.name, raw)

    async def _put_aside(self, file: Found, why: str) -> None:
        words = text(f"folder.aside.{why}", None, limit=self._options.limit)
        self._counts.files_aside += await self._move(file, KEPT, words + "\n")

    async def _read(self, file: Found) -> bytes | None:
        try:
            raw = await asyncio.to_thread(self._place.read, file)
        except FileNotFoundError:
            self._counts.files_vanished += 1
            return None
        except OSError:
            self.unreadable += 1
            return None
        self._counts.files_changed += raw is None
        return raw

    async def _store(self, file: Found, raw: bytes, form: Form, known: _Progress) -> bool:
        parts = await asyncio.to_thread(pieces, form, raw)
        digest = hashlib.sha256(raw).digest()
        if known.digest != digest:
            known.digest, known.receipts = digest, [NOT_STORED] * len(parts)
        missing = [n for n, receipt in enumerate(known.receipts) if receipt.message_id is None]
        name = os.fsencode(file.name)

        def envelope(place: int) -> Envelope:
            number = missing[place]
            part = parts[number]
            return enveloped(form, part, lambda: file_identity(name, part, number))

        receipts = await put_pieces(
            len(missing), envelope, self._put, self._channel, go_on=self._go_on
        )
        for number, receipt in zip(missing, receipts, strict=True):
            known.receipts[number] = receipt
            if receipt is not NOT_STORED:  # else it was not tried
                self._counts.answered(receipt)
        return known.stored

    async def _move(self, file: Found, target: str, reason: str) -> bool:
        try:
            moved = await asyncio.to_thread(self._place.move, file, target, reason)
        except FileNotFoundError:
            self._counts.files_vanished += 1
            return False
        except OSError:
            self.not_moved += 1
            return False
        if moved:
            self._known.pop(file.name, None)
        self._counts.files_changed += not moved
        return moved


def _reason(receipts: Sequence[Receipt]) -> str:
    """What is wrong with the messages of a file, in words; no word of theirs is repeated."""
    bad = [(n, r) for n, r in enumerate(receipts, 1) if r.verdict is not Verdict.ACCEPTED]
    lines = [text("folder.reason.head", None, count=len(receipts), bad=len(bad))]
    for number, receipt in bad[:_SHOWN]:
        what, hint = (_words(kind, receipt.reason) for kind in ("reason", "advice"))
        said = {"number": number, "message": receipt.message_id, "verdict": receipt.verdict}
        lines.append(
            text("folder.reason.line", None, code=receipt.reason, what=what, hint=hint, **said)
        )
    if len(bad) > _SHOWN:
        lines.append(text("folder.reason.more", None, count=len(bad) - _SHOWN))
    return "\n".join(lines) + "\n"


def _words(kind: str, code: str) -> str:
    key = f"{kind}.{code}"
    return text(key) if key in catalogue(language()) else code
