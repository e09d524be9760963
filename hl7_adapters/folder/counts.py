"""What a folder listener counts, by names that Prometheus takes."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from grouper.intake.envelope import Receipt, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

_NOW = frozenset({"up", "waiting", "unreadable", "not_moved"})
_KIND_OF = {Verdict.ACCEPTED: "aa", Verdict.UNUSABLE: "ae", Verdict.REFUSED: "ar"}


@dataclass(slots=True)
class Counts:
    """Counts since the start; those named in the second part are of the last look.

    Attributes:
        rounds: looks at the folder.
        rounds_failed: the folder could not be read, or a fault of ours; see the log.
        files_done: whole files of which every message was answered AA.
        files_kept: files with a message that was answered AE or AR, and those put aside.
        files_aside: put aside without being stored: links, empty or too long ones, names of no
            form.
        files_vanished: gone before they were read or moved.
        files_changed: another content came under the name meanwhile; taken again.
        bytes: of the files that were stored.
        messages: that were stored, or were stored before.
        duplicates: of them, stored before.
        not_stored: attempts that the inbox could not take; tried again.
        aa: messages answered AA.
        ae: messages answered AE.
        ar: messages answered AR.
        up: 1 when the folder could be read.
        waiting: files that are not whole, or could not be stored.
        unreadable: files that must not be read.
        not_moved: files that are stored and could not be moved.
    """

    rounds: int = 0
    rounds_failed: int = 0
    files_done: int = 0
    files_kept: int = 0
    files_aside: int = 0
    files_vanished: int = 0
    files_changed: int = 0
    bytes: int = 0
    messages: int = 0
    duplicates: int = 0
    not_stored: int = 0
    aa: int = 0
    ae: int = 0
    ar: int = 0
    up: int = 0
    waiting: int = 0
    unreadable: int = 0
    not_moved: int = 0

    def answered(self, receipt: Receipt) -> None:
        """Count one message."""
        if receipt.message_id is None:
            self.not_stored += 1
            return
        self.messages += 1
        self.duplicates += receipt.duplicate
        name = _KIND_OF[receipt.verdict]
        setattr(self, name, getattr(self, name) + 1)

    def metrics(self) -> Mapping[str, float]:
        """All of them: ``folder_messages_total``, ``folder_waiting`` and so on."""
        names = (f.name for f in fields(self))
        return {
            f"folder_{name}" if name in _NOW else f"folder_{name}_total": float(getattr(self, name))
            for name in names
        }
