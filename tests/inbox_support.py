"""What tests of the inbox and the worker share: a small form of messages, databases, settings."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from grouper.intake.envelope import Envelope, Receipt, Verdict
from grouper.intake.event import Coded, Event, EventKind, Line
from grouper.intake.forms import IntakeError
from grouper.service.settings import Settings
from grouper.store.database import Database, connect
from grouper.store.migrate import upgrade


class PlainForm:
    """A message is a JSON object: ``{"id", "kind", "patient", "visit", "facts", "dx" …}``."""

    name = "plain"

    def __init__(self) -> None:
        self.mended = False
        self.raises: type[Exception] | None = None

    def envelope(self, raw: bytes, control_id: str = "") -> Envelope:
        try:
            said = json.loads(raw)
        except ValueError:
            return Envelope(
                form=self.name,
                raw=raw,
                control_id=control_id,
                verdict=Verdict.UNUSABLE,
                reason="MESSAGE_UNREADABLE",
            )
        verdict, reason, place = Verdict.ACCEPTED, "", ""
        if said.get("kind") == "unknown":
            verdict, reason, place = Verdict.REFUSED, "TYPE_UNSUPPORTED", "kind"
        elif not said.get("visit") and said.get("kind") is None and not self.mended:
            verdict, reason, place = Verdict.UNUSABLE, "VISIT_MISSING", "visit"
        return Envelope(
            form=self.name,
            raw=raw,
            sender="HIS",
            facility="H",
            control_id=control_id or str(said.get("id", "")),
            kind=said.get("kind", "stay"),
            patient=said.get("patient", ""),
            visit=said.get("visit", ""),
            verdict=verdict,
            reason=reason,
            place=place,
        )

    def events(self, raw: bytes) -> Iterable[Event]:
        try:
            said = json.loads(raw)
        except ValueError:
            raise IntakeError("MESSAGE_UNREADABLE", place="") from None
        if said.get("bug"):
            raise ZeroDivisionError
        if said.get("wrong"):
            raise IntakeError(said["wrong"], place="facts")
        yield event_of(said, self.mended)
        if said.get("rejected"):
            yield Event(kind=EventKind.REJECTED, reason=said["rejected"], place="row 2")

    def answer(self, envelope: Envelope, receipt: Receipt) -> bytes:
        return f"{receipt.verdict}|{envelope.control_id}|{receipt.reason}".encode()


def event_of(said: dict[str, Any], mended: bool = False) -> Event:
    dx = said.get("dx")
    return Event(
        kind=EventKind(said.get("kind", "stay")),
        patient=said.get("patient", ""),
        visit=said.get("visit", "") or ("mended" if mended else ""),
        prior_patient=said.get("prior_patient", ""),
        prior_visit=said.get("prior_visit", ""),
        cancelled=said.get("cancelled"),
        facts=said.get("facts", {}),
        dx=None if dx is None else tuple(Coded(code=c, rank=int(i > 0)) for i, c in enumerate(dx)),
        lines=tuple(
            Line(key=k, about={"line_amount": v}) for k, v in said.get("lines", {}).items()
        ),
        person=said.get("person", {}),
    )


FORM = PlainForm()
DISCHARGED = {
    "sex": "1",
    "age": "60",
    "admission_time": "2026-03-01 08:00:00",
    "discharge_time": "2026-03-09 10:00:00",
    "discharge_way": "1",
}


def raw_of(number: object, visit: str = "V1", patient: str = "P1", **more: Any) -> bytes:
    said = {"id": str(number), "visit": visit, "patient": patient, **more}
    return json.dumps(said, ensure_ascii=False).encode()


def envelope_of(number: object, visit: str = "V1", patient: str = "P1", **more: Any) -> Envelope:
    return FORM.envelope(raw_of(number, visit, patient, **more))


@contextmanager
def opened(folder: Path, url: str | None = None) -> Iterator[Database]:
    database = connect(url or f"sqlite:///{folder / 'grouper.sqlite'}")
    try:
        upgrade(database)
        yield database
    finally:
        database.close()


def settings_of(folder: Path, **more: Any) -> Settings:
    return Settings(folder=folder, hospital="H1", listeners={}, **more)
