"""Files of evidence: handed in with findings, and shown; every look is logged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grouper.audit.review import evidence
from grouper.audit.review.errors import ReviewError
from grouper.audit.review.tables import limits
from grouper.service.findings import known
from grouper.store import audit, finding_events, finding_files
from grouper.store.finding_events import EventRow

if TYPE_CHECKING:
    from datetime import datetime

    from grouper.service.findings import Asker
    from grouper.store.database import Database
    from grouper.store.finding_files import FileRow


def attach(
    database: Database, asker: Asker, number: int, name: str, content: bytes, at: datetime
) -> tuple[FileRow, bool]:
    """Hang a file on a finding.

    Args:
        database: the store.
        asker: who hands it in.
        number: of the finding.
        name: of the file.
        content: the bytes.
        at: when.

    Returns:
        The file, and whether it is new: the same file is kept once.

    Raises:
        ServiceError: ``FINDING_UNKNOWN``.
        ReviewError: as :func:`grouper.audit.review.evidence.check`; ``EVIDENCE_FULL``.
        StoreError: ``STORE_UNAVAILABLE``.
    """
    shown, media = evidence.check(name, content)
    with database.writing_store() as connection:
        state = known(connection, asker, number).finding.state
        count, _ = finding_files.held(connection, number)
        file, fresh = finding_files.add(
            connection, number, shown, media, content, at=at, actor=asker.name
        )
        if not fresh:
            return file, False
        most = limits().most_files
        if count >= most:
            # The transaction ends with nothing written.
            raise ReviewError("EVIDENCE_FULL", most=most)
        # A file's name may be that of a patient: it stands with the file alone.
        about = {"file": file.id, "media": media, "size": file.size, "sha256": file.sha256.hex()}
        event = EventRow(
            finding_id=number,
            at=at,
            actor=asker.name,
            action="file",
            before=state,
            after=state,
            about=about,
        )
        finding_events.write(connection, [event])
        audit.append(connection, asker.name, "finding_file", f"finding:{number}", about, at=at)
        return file, True


def read(database: Database, asker: Asker, number: int, file: int) -> tuple[FileRow, bytes]:
    """A file of a finding; the look is to be logged before it is shown.

    Raises:
        ServiceError: ``FINDING_UNKNOWN``.
        StoreError: ``FINDING_FILE_UNKNOWN``, ``STORE_UNAVAILABLE``.
    """
    with database.reading() as connection:
        known(connection, asker, number)
        return finding_files.content_of(connection, number, file)
