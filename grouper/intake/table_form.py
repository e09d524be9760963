"""The form ``table``: a file of cases (CSV, JSON Lines, Parquet, HQMS), one event a row.

A row is a snapshot of what it states: its diagnoses, procedures and lines replace those before. A
row that cannot be read becomes an event of its own (``REJECTED``), so that the others count; only
a file of which nothing can be read is refused as a whole.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codebooks.errors import GrouperError
from codebooks.messages import text
from grouper.case.issues import Severity, issues_of
from grouper.case.python_values import python_values
from grouper.case.readers import open_source
from grouper.intake.envelope import Envelope, Verdict
from grouper.intake.event import Event, EventKind
from grouper.intake.forms import IntakeError
from grouper.intake.table_rows import RowReader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grouper.case.readers.source import CaseBatch, Source
    from grouper.intake.envelope import Receipt

BATCH_ROWS = 2_000
_HEAD = 1 << 20
_PARQUET = b"PAR1"
_LONGEST = 256
_KINDS = ("csv", "jsonl", "parquet")


class TableForm:
    """Files of cases."""

    name = "table"

    def __init__(self) -> None:
        self._defaults: dict[str, str] = {}
        self._hospital = False

    def configure(self, options: Mapping[str, Any]) -> None:
        """Take options: ``defaults`` and ``hospital``.

        Args:
            options: ``defaults`` holds raw values by field for rows that state none (such as
                ``code_system = "clinical"``); ``hospital = true``: the files state the code of the
                hospital as the service knows it.

        Raises:
            GrouperError: ``SETTING_INVALID``.
        """
        defaults, hospital = options.get("defaults", {}), options.get("hospital", False)
        unknown = sorted(set(options) - {"defaults", "hospital"})
        texts = isinstance(defaults, Mapping) and all(isinstance(v, str) for v in defaults.values())
        if unknown or not texts or not isinstance(hospital, bool):
            name = unknown[0] if unknown else "defaults" if not texts else "hospital"
            raise GrouperError(
                "SETTING_INVALID", setting=f"forms.table.{name}", why="defaults, hospital"
            )
        self._defaults, self._hospital = dict(defaults), hospital

    def envelope(self, raw: bytes, control_id: str = "") -> Envelope:
        """See :class:`grouper.intake.forms.Form`; of a text file its beginning is looked at."""
        reason, kind = "", ""
        try:
            with self._opened(_beginning(raw)) as source:
                kind = source.format
                if any(issue.reason == "FILE_EMPTY" for issue in source.file_issues):
                    reason = "FILE_EMPTY"
        except GrouperError as error:
            reason = error.code
        return Envelope(
            form=self.name,
            raw=raw,
            control_id=control_id[:_LONGEST],
            kind=kind if kind in _KINDS else "",
            verdict=Verdict.UNUSABLE if reason else Verdict.ACCEPTED,
            reason=reason,
            place="file" if reason else "",
        )

    def events(self, raw: bytes) -> Iterator[Event]:
        """The rows of the file in their order; memory is bounded by a batch.

        Raises:
            IntakeError: ``FILE_…`` codes of :func:`grouper.case.readers.open_source`; the reason
                of the first row, where no row at all can be used.
        """
        rejected, usable = None, False
        try:
            with self._opened(raw) as source:
                reader = RowReader(source, hospital=self._hospital)
                for batch in source.batches():
                    for event in _events(reader, batch):
                        if event.kind is EventKind.REJECTED:
                            rejected = rejected or event
                        else:
                            usable = True
                        yield event
        except GrouperError as error:
            raise IntakeError(error.code, place="file") from error
        if not usable:
            reason, place = (
                (rejected.reason, rejected.place) if rejected else ("FILE_EMPTY", "file")
            )
            raise IntakeError(reason, place=place)

    @contextmanager
    def _opened(self, raw: bytes) -> Iterator[Source]:
        # The folder is readable by its owner alone, and goes with the last row.
        with tempfile.TemporaryDirectory(prefix="grouper-table-") as folder:
            path = Path(folder) / "cases"
            path.write_bytes(raw)
            yield open_source(path, batch_rows=BATCH_ROWS, defaults=self._defaults)

    def answer(self, envelope: Envelope, receipt: Receipt) -> bytes:
        """A JSON object: verdict, number in the inbox, and what is wrong in words."""
        said = {"verdict": str(receipt.verdict), "message": receipt.message_id}
        if envelope.control_id:
            said["control_id"] = envelope.control_id
        if receipt.verdict is not Verdict.ACCEPTED:
            said |= {
                "reason": receipt.reason,
                "place": receipt.place,
                "words": text(f"reason.{receipt.reason}"),
                "advice": text(f"advice.{receipt.reason}"),
            }
        return json.dumps(said, ensure_ascii=False).encode("utf-8", "replace")


def _beginning(raw: bytes) -> bytes:
    """Of a long text file the first whole lines, which tell its form."""
    if len(raw) <= _HEAD or raw.startswith(_PARQUET):
        return raw
    end = raw.rfind(b"\n", 0, _HEAD)
    return raw if end < 0 else raw[: end + 1]


def _events(reader: RowReader, batch: CaseBatch) -> Iterator[Event]:
    issues: dict[int, list[Any]] = {}
    for issue in issues_of(batch.issues):
        issues.setdefault(issue.row, []).append(issue)
    # Its own columns may hold times that Python has no words for.
    columns = [python_values(column) for column in batch.original.columns]
    names = batch.original.schema.names
    for row, values in enumerate(batch.cases.to_pylist(), batch.first_row):
        at = row - batch.first_row
        original = {name: column[at] for name, column in zip(names, columns, strict=True)}
        said = issues.get(row, [])
        reject = next((i for i in said if i.severity is Severity.REJECT), None)
        if reject is not None:
            yield Event(kind=EventKind.REJECTED, reason=reject.reason, place=f"row {row}")
        else:
            yield reader.event(values, original, row, said)


FORM = TableForm()
