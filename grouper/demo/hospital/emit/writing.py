"""``emit``: a month of the demonstration hospital as files that its systems would send."""

from __future__ import annotations

import csv
import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from grouper.demo.hospital.emit import hl7, pages, transactions
from grouper.demo.hospital.emit.errors import EmitError
from grouper.demo.hospital.emit.month import Month, assessed
from grouper.demo.hospital.emit.persons import written
from grouper.demo.hospital.emit.settings import DATA, MAPPING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from typing import TextIO

FORMS = ("hl7v2", "nhsa", "hqms", "charges", "table")
"""What may be asked for: messages; lists and settlements; front pages; charge detail; assessments."""
_STEP = 200


@dataclass(frozen=True, slots=True)
class Emitted:
    """What was written.

    Attributes:
        stays: how many stays are told.
        lines: how many charge lines they have.
        files: how many messages or rows stand in each file, by its name.
    """

    stays: int
    lines: int
    files: dict[str, int] = field(default_factory=dict)


def emit(
    folder: Path,
    month: str,
    out: Path,
    *,
    forms: Sequence[str] = FORMS,
    stays: int | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Emitted:
    """Tell a month of inpatient and long stays.

    The files: ``messages.jsonl`` (``text`` and ``charset`` of each message, in the order of time)
    with the mapping ``hl7.toml`` that reads them; ``lists.jsonl`` and ``settlements.jsonl`` (4101
    and 2304); ``pages.csv`` (HQMS); ``charges.jsonl`` (2301 with the insurer's answer, a message a
    stay) and ``charges.csv`` (its rows alone); ``assessments.jsonl`` (functional scores of long
    stays, for the form ``table``). Each is written beside its name and moved there when it is whole.

    Args:
        folder: of the hospital.
        month: of discharge, such as ``2026-11``.
        out: where the files go; made where it is not.
        forms: some of :data:`FORMS`.
        stays: the first so many stays alone; None: all.
        progress: called with form, stays or messages done, and how many there are.

    Raises:
        EmitError: ``DEMO_EMIT_FORM``, ``DEMO_EMIT_COUNT``, or as :class:`Month`.
    """
    for form in forms:
        if form not in FORMS:
            raise EmitError("DEMO_EMIT_FORM", found=form, known=", ".join(FORMS))
    if stays is not None and stays < 1:
        raise EmitError("DEMO_EMIT_COUNT", found=stays)
    told = Month(folder, month, stays)
    out.mkdir(parents=True, exist_ok=True)
    found = Emitted(len(told.stays), told.line_count)
    writer = _Writer(told, month.replace("-", ""), out, progress, found.files)
    for form in FORMS:
        if form in forms:
            writer.write(form)
    return found


class _Writer:
    def __init__(
        self,
        month: Month,
        label: str,
        out: Path,
        progress: Callable[[str, int, int], None] | None,
        files: dict[str, int],
    ) -> None:
        self.month, self.label, self.out = month, label, out
        self.progress, self.files = progress, files

    def write(self, form: str) -> None:
        {
            "hl7v2": self._messages,
            "nhsa": self._lists,
            "hqms": self._pages,
            "charges": self._charges,
            "table": self._assessments,
        }[form]()

    def _told(self, form: str, done: int, total: int) -> None:
        if self.progress is not None and (done % _STEP == 0 or done == total):
            self.progress(form, done, total)

    def _messages(self) -> None:
        seen: set[int] = set()
        with self._opened("messages.jsonl") as file:
            for place, text in hl7.messages(self.month, self.label):
                self._line(file, "messages.jsonl", {"charset": hl7.CHARSET, "text": text})
                seen.add(place)
                self._told("hl7v2", len(seen), len(self.month.stays))
        with self._opened(MAPPING) as file:
            file.write((DATA / MAPPING).read_text("utf-8"))

    def _lists(self) -> None:
        stays = self.month.stays
        with self._opened("lists.jsonl") as lists, self._opened("settlements.jsonl") as settled:
            for at, stay in enumerate(stays, 1):
                case = self.month.case(stay)
                one = transactions.settlement_list(case, f"L{self.label}{at:06d}")
                self._line(lists, "lists.jsonl", one)
                other = transactions.settlement(case, f"S{self.label}{at:06d}")
                self._line(settled, "settlements.jsonl", other)
                self._told("nhsa", at, len(stays))

    def _pages(self) -> None:
        stays = self.month.stays
        with self._opened("pages.csv", "utf-8-sig") as file:
            writer = csv.writer(file, lineterminator="\r\n")
            writer.writerow(pages.header())
            for at, stay in enumerate(stays, 1):
                writer.writerow(pages.page(stay.case))
                self.files["pages.csv"] += 1
                self._told("hqms", at, len(stays))

    def _charges(self) -> None:
        stays = self.month.stays
        names: list[str] | None = None
        with (
            self._opened("charges.jsonl") as file,
            self._opened("charges.csv", "utf-8-sig") as flat,
        ):
            writer = csv.writer(flat, lineterminator="\r\n")
            for at, stay in enumerate(stays, 1):
                lines = transactions.charged(stay.case, self.month.lines(stay))
                if lines:
                    body = transactions.charges(stay.case, lines, f"C{self.label}{at:06d}")
                    self._line(file, "charges.jsonl", body)
                for detail, answer in lines:
                    row = detail | answer
                    if names is None:
                        names = list(row)
                        writer.writerow(names)
                    writer.writerow([row[name] for name in names])
                    self.files["charges.csv"] += 1
                self._told("charges", at, len(stays))

    def _assessments(self) -> None:
        stays = self.month.stays
        with self._opened("assessments.jsonl") as file:
            for at, stay in enumerate(stays, 1):
                scores = assessed(stay.case)
                if scores is not None:
                    about = {"case_id": stay.case.case_id, "person": stay.case.person}
                    listed = {
                        name: [None if v is None else written(v) for v in values]
                        for name, values in scores.items()
                    }
                    row = about | {"kind": stay.case.kind} | listed
                    self._line(file, "assessments.jsonl", row)
                self._told("table", at, len(stays))

    def _line(self, file: TextIO, name: str, value: Any) -> None:  # noqa: ANN401 -- JSON
        file.write(json.dumps(value, ensure_ascii=False) + "\n")
        self.files[name] += 1

    @contextmanager
    def _opened(self, name: str, encoding: str = "utf-8") -> Iterator[TextIO]:
        """A file that gets its name when it is whole."""
        part = self.out / f".{name}.part"
        if name != MAPPING:
            self.files[name] = 0
        try:
            with part.open("w", encoding=encoding, newline="") as file:
                yield file
            part.replace(self.out / name)
        finally:
            part.unlink(missing_ok=True)
