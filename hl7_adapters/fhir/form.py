"""FHIR as a form of messages: envelope, events and answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import orjson

from codebooks.errors import GrouperError
from codebooks.messages import catalogue, language, text
from grouper.intake.envelope import Envelope, Receipt, Verdict
from grouper.intake.forms import IntakeError
from hl7_adapters.fhir import outline
from hl7_adapters.fhir.book import Book, load_book
from hl7_adapters.fhir.mapping import events
from hl7_adapters.fhir.message import Message
from hl7_adapters.fhir.reader import InexactError, read, read_exact
from hl7_adapters.fhir.stays import Stays
from hl7_adapters.fhir.tables import BASE, options_folder
from hl7_adapters.fhir.validate import first_fault
from hl7_adapters.fhir.values import Json, first_text, identifier, items, objects
from hl7_adapters.fhir.values import text as text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from grouper.intake.event import Event
    from grouper.intake.outline import Part

_REFUSED = frozenset({"TYPE_UNSUPPORTED", "VERSION_UNSUPPORTED"})
_VERSIONS = ("", "R4", "R5")


@dataclass(frozen=True, slots=True)
class _Options:
    """What a hospital may set.

    Attributes:
        base: canonical base of our own code systems and extensions.
        tables: folder with the hospital's own rows of the tables.
        version: ``R4`` or ``R5`` when all senders speak it; empty: read from the message.
        validate: whether every message is checked by ``fhir.resources`` before it is read.
    """

    base: str = BASE
    tables: Path | None = None
    version: str = ""
    validate: bool = False


class FhirForm:
    """Bundles and single resources of FHIR R4 and R5."""

    name = "fhir"

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        self._options = _Options()
        self.configure(options or {})

    def configure(self, options: Mapping[str, Any]) -> None:
        """Set the options of ``[forms.fhir]``: ``base``, ``tables``, ``version``, ``validate``.

        Raises:
            GrouperError: ``SETTING_INVALID``, or a table cannot be used.
        """
        known = _Options()
        for name, value in options.items():
            if name not in _Options.__dataclass_fields__:
                raise _invalid(name, "unknown")
            if name == "tables":
                known = replace(known, tables=options_folder(value))
            elif type(value) is not type(getattr(known, name)):
                raise _invalid(name, type(value).__name__)
            else:
                known = replace(known, **{name: value})
        if known.version not in _VERSIONS:
            raise _invalid("version", "R4 | R5")
        self._options = known
        self.__dict__.pop("book", None)
        if options:
            _ = self.book

    @cached_property
    def book(self) -> Book:
        """The tables, read at the first message or when options are set."""
        return load_book(self._options.base, self._options.tables)

    def envelope(self, raw: bytes, control_id: str = "") -> Envelope:
        """As :meth:`grouper.intake.forms.Form.envelope`."""
        envelope = Envelope(form=self.name, raw=raw, control_id=identifier(control_id))
        try:
            root, _ = read(raw)
            message = Message(root, self.book)
            envelope = replace(envelope, **_header(message, envelope.control_id))
            message.check(self._options.version)
            patient, visit = Stays(message).first()
            envelope = replace(envelope, patient=patient, visit=visit)
        except IntakeError as error:
            verdict = Verdict.REFUSED if error.code in _REFUSED else Verdict.UNUSABLE
            place = str(error.params.get("place", ""))[:256]
            return replace(envelope, verdict=verdict, reason=error.code, place=place)
        return envelope

    def events(self, raw: bytes) -> list[Event]:
        """As :meth:`grouper.intake.forms.Form.events`."""
        root, exact = read(raw)
        if self._options.validate:
            self._validate(root)
        try:
            return events(Message(root, self.book), self._options.version)
        except InexactError:
            if exact:  # pragma: no cover -- what is read exactly has no floats
                raise
        return events(Message(read_exact(raw), self.book), self._options.version)

    def _validate(self, root: Json) -> None:
        message = Message(root, self.book)
        fault = first_fault(root, self._options.version or message.version())
        if fault is not None:
            raise IntakeError("FHIR_INVALID", place=fault.path[:256])

    def outline(self, raw: bytes) -> Iterator[Part]:
        """As :meth:`grouper.intake.outline.Outlined.outline`."""
        return outline.outline(read(raw)[0])

    def named(self, _place: str) -> Mapping[str, str]:
        """As :meth:`grouper.intake.outline.Outlined.named`; elements have no other names."""
        return {}

    def answer(self, envelope: Envelope, receipt: Receipt) -> bytes:
        """An OperationOutcome: reason, place and words; its id is the number in the inbox."""
        del envelope  # all that is answered stands in the receipt
        reason = receipt.reason
        rules = self.book.issue_types
        severity, kind = rules.get(reason) or rules["*"]
        if not reason and receipt.duplicate:
            kind = "duplicate"
        code = reason or ("FHIR_DUPLICATE" if receipt.duplicate else "FHIR_STORED")
        coding = {"system": f"{self._options.base}/CodeSystem/reason", "code": code}
        issue: Json = {
            "severity": severity,
            "code": kind,
            "details": {"coding": [coding], "text": _words("reason", code)},
        }
        advice = _words("advice", code)
        if advice:
            issue["diagnostics"] = advice
        if receipt.place:
            issue["expression"] = [receipt.place]
        found: Json = {"resourceType": "OperationOutcome", "issue": [issue]}
        if receipt.message_id is not None:
            found["id"] = str(receipt.message_id)
        return orjson.dumps(found)


def _invalid(name: str, why: str) -> GrouperError:
    return GrouperError("SETTING_INVALID", setting=f"forms.fhir.{name}", why=why)


def _words(group: str, code: str) -> str:
    key = f"{group}.{code}"
    return text(key) if key in catalogue(language()) else ""


def _header(message: Message, control_id: str) -> dict[str, Any]:
    """Sender, facility, id and kind of a message."""
    root = message.root
    found = {"kind": message.label()}
    own = next(
        (v for i in objects(root.get("identifier")) if (v := identifier(i.get("value")))), ""
    )
    if not own and message.bundle == "message":
        own = identifier(root.get("id"))
    found["control_id"] = control_id or own
    headers = message.resources.all("MessageHeader")
    if headers:
        header = headers[0]
        for source in objects(header.get("source")):
            names = [source.get(name) for name in ("name", "endpoint", "endpointUrl")]
            found["sender"] = identifier(first_text(names))
        for reference in items(header.get("sender"))[:1]:
            if isinstance(reference, dict):
                organization = message.resources.find(reference, header, "Organization") or {}
                stated = message.ranked(items(organization.get("identifier")), "hospital")
                names = [stated, organization.get("name"), reference.get("display")]
                found["facility"] = identifier(text_of(first_text(names)))
    return found
