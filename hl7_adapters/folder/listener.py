"""The folder listener: looks at a folder again and again, and takes the files that are whole."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from codebooks.errors import GrouperError
from hl7_adapters.folder.counts import Counts
from hl7_adapters.folder.filing import Filing
from hl7_adapters.folder.names import meanings
from hl7_adapters.folder.place import Place
from hl7_adapters.folder.whole import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from grouper.intake.forms import Form
    from grouper.intake.porches import Put
    from hl7_adapters.folder.options import FolderOptions

LOG = logging.getLogger("hl7_adapters.folder")
PASS_BY = 5
"""A file that could not be stored so many times in a row holds up those after it no longer."""


class FolderListener:
    """Receives messages as files; one listener for one folder.

    No log names a file or quotes one: names may hold names of patients.
    """

    def __init__(
        self,
        options: FolderOptions,
        put: Put,
        forms: Mapping[str, Form],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is opened yet.

        Args:
            options: of the folder.
            put: stores a message; its receipt comes after the commit.
            forms: at hand, by name.
            clock: seconds that only rise.

        Raises:
            GrouperError: ``FORM_UNKNOWN``, ``SETTING_INVALID``.
        """
        if options.form and options.form not in forms:
            raise GrouperError("FORM_UNKNOWN", found=options.form, known=", ".join(forms))
        path = Path(options.path)
        options = replace(options, name=options.name or path.absolute().name)
        table = meanings().overridden(options.suffixes, forms)
        self._counts = Counts()
        self._clock = clock
        self._poll = options.poll
        self._place = Place(path)
        self._watch = Watch(options, table)
        self._stopping = asyncio.Event()
        self._filing = Filing(
            self._place,
            options,
            table,
            forms,
            put,
            self._counts,
            lambda: not self._stopping.is_set(),
        )
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to look.

        Raises:
            GrouperError: ``FOLDER_UNUSABLE``.
        """
        await asyncio.to_thread(self._place.prepare)
        self._stopping.clear()
        self._task = asyncio.create_task(self._run())
        LOG.info("folder: watching")

    async def stop(self) -> None:
        """Take no more files; what is being stored is stored first.

        Files that are not moved yet are taken after the next start, and known again.
        """
        self._stopping.set()
        if self._task is not None:
            await self._task
            self._task = None

    def metrics(self) -> Mapping[str, float]:
        """Counts since the start (:class:`~hl7_adapters.folder.counts.Counts`)."""
        return self._counts.metrics()

    async def _run(self) -> None:
        well = True
        while not self._stopping.is_set():
            try:
                await self.look()
                well = True
            except Exception as error:  # noqa: BLE001 -- the next look may go well
                self._counts.rounds_failed += 1
                self._counts.up = 0
                if well:
                    LOG.error("folder: a look failed: %s", type(error).__name__)  # noqa: TRY400 -- its text may name a file
                well = False
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), self._poll)

    async def look(self) -> None:
        """Look once, and take all files that are whole.

        Raises:
            OSError: the folder cannot be read.
            GrouperError: ``FOLDER_UNUSABLE``, likewise.
        """
        counts, filing = self._counts, self._filing
        await asyncio.to_thread(self._place.prepare)
        files = await asyncio.to_thread(self._place.files)
        counts.up = 1
        counts.rounds += 1
        filing.begin(files)
        whole, orphans, counts.waiting = self._watch.look(files, self._clock())
        for marker in orphans:
            await filing.put_away(marker)
        for at, file in enumerate(whole):
            if self._stopping.is_set() or 0 < await filing.take(file) < PASS_BY:
                # Those behind it stay behind it, so that messages keep their order.
                counts.waiting += len(whole) - at
                break
        hindered = (filing.unreadable, filing.not_moved)
        if hindered != (counts.unreadable, counts.not_moved) and any(hindered):
            LOG.warning("folder: %d files cannot be read, %d cannot be moved", *hindered)
        counts.unreadable, counts.not_moved = hindered
