"""Which files are whole: unchanged for a while, or with a marker beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hl7_adapters.folder.options import MARKER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hl7_adapters.folder.names import Meanings
    from hl7_adapters.folder.options import FolderOptions
    from hl7_adapters.folder.place import Found, Version


class Watch:
    """Remembers since when each file has been as it is.

    The time of change that a file states is compared with itself only: clocks of other machines
    and copies that keep their time may say anything.
    """

    def __init__(self, options: FolderOptions, meanings: Meanings) -> None:
        self._options = options
        self._meanings = meanings
        self._since: dict[tuple[str, bool], tuple[Version, float]] = {}

    def look(self, files: Sequence[Found], now: float) -> tuple[list[Found], list[Found], int]:
        """Sort out what lies in the folder.

        Args:
            files: all that lie there.
            now: seconds that only rise.

        Returns:
            Files that are whole; markers whose file is gone; how many files wait to be whole.
        """
        before, self._since = self._since, {}
        names = {f.name for f in files if not f.moving}
        stems = {_stem(name) for name in names if self._meanings.marked(name) is None}
        marks = self._marks(files)
        whole: list[Found] = []
        orphans: list[Found] = []
        waiting = 0
        for file in files:
            if self._meanings.partial(file.name) and not file.moving:
                waiting += 1
                continue
            key = (file.name, file.moving)
            version, since = before.get(key, (file.version, now))
            if version != file.version:
                since = now
            self._since[key] = (file.version, since)
            spoken = self._meanings.marked(file.name)
            if spoken is not None:
                gone = spoken not in names and spoken not in stems
                if file.moving or (gone and now - since >= self._options.settle):
                    orphans.append(file)
                continue
            if self._whole(file, now - since, marks):
                whole.append(file)
            else:
                waiting += 1
        return whole, orphans, waiting

    def _whole(self, file: Found, unchanged: float, marks: dict[str, int]) -> bool:
        # What is half moved was whole before; so was, in its way, what came in its place.
        options = self._options
        if not file.version.size and not file.link:
            return unchanged >= max(options.empty, options.settle)
        at = max(marks.get(file.name, -1), marks.get(_stem(file.name), -1))
        # A marker that is older than its file was left by the file before.
        if at >= file.version.changed and not file.moving:
            return True
        if options.whole == MARKER and not file.moving and not file.link:
            return False
        return unchanged >= options.settle

    def _marks(self, files: Sequence[Found]) -> dict[str, int]:
        """When each name was marked as whole."""
        found: dict[str, int] = {}
        for file in files:
            name = None if file.moving else self._meanings.marked(file.name)
            if name and not file.link and not self._meanings.partial(file.name):
                found[name] = max(found.get(name, -1), file.version.changed)
        return found


def _stem(name: str) -> str:
    return name.rpartition(".")[0] or name
