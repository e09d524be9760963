"""The form ``nhsa``: JSON bodies of the transactions that hospital systems send to the insurer."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from codebooks.messages import language, text
from grouper.intake.envelope import Envelope, Verdict
from grouper.intake.event import Event, EventKind
from grouper.intake.forms import IntakeError
from hl7_adapters.nhsa import outline
from hl7_adapters.nhsa.body import parse
from hl7_adapters.nhsa.charges import read_charges
from hl7_adapters.nhsa.checks import unknown_codes
from hl7_adapters.nhsa.identity import hospital, numbers
from hl7_adapters.nhsa.messages import Message, understand
from hl7_adapters.nhsa.options import Options, read_options
from hl7_adapters.nhsa.reading import StayReader

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from grouper.intake.envelope import Receipt
    from grouper.intake.outline import Part

_LONGEST = 256
_KIND = 64
_DONE, _FAILED = "0", "-1"


class NhsaForm:
    """Transactions 2301, 2304, 2401, 2402, 4101, 4101A, 4103 and 4401."""

    name = "nhsa"

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or Options()

    def configure(self, options: Mapping[str, Any]) -> None:
        """Take the hospital's options (:class:`hl7_adapters.nhsa.options.Options`).

        Raises:
            GrouperError: ``SETTING_INVALID``; ``CodebookError``: a table of its own is refused.
        """
        self.options = read_options(options)

    def understand(self, raw: bytes) -> Message:
        """The message in national names.

        Raises:
            IntakeError: see :func:`hl7_adapters.nhsa.body.parse` and
                :func:`hl7_adapters.nhsa.messages.understand`.
        """
        return understand(parse(raw), self.options.load(), dialect=self.options.dialect)

    def envelope(self, raw: bytes, control_id: str = "") -> Envelope:
        """See :class:`grouper.intake.forms.Form`."""
        try:
            message = self.understand(raw)
        except IntakeError as error:
            return self._unusable(raw, control_id, error)
        head, tables = message.head, self.options.load()
        found = numbers(message, tables, self.options)
        missing = not found.visit
        identity = head.get("msgid") or head.get("inf_refmsgid") or control_id
        return Envelope(
            form=self.name,
            raw=raw,
            sender=(head.get("recer_sys_code") or hospital(message, tables))[:_LONGEST],
            facility=hospital(message, tables)[:_LONGEST],
            control_id=identity[:_LONGEST],
            kind=message.transaction,
            patient=found.patient[:_LONGEST],
            visit=found.visit[:_LONGEST],
            verdict=Verdict.UNUSABLE if missing else Verdict.ACCEPTED,
            reason="VISIT_MISSING" if missing else "",
            place=self._visit_place(message) if missing else "",
        )

    def _unusable(self, raw: bytes, control_id: str, error: IntakeError) -> Envelope:
        refused = error.code == "TYPE_UNSUPPORTED"
        head = _head(raw)
        return Envelope(
            form=self.name,
            raw=raw,
            sender=(head.get("recer_sys_code") or head.get("fixmedins_code", ""))[:_LONGEST],
            facility=head.get("fixmedins_code", "")[:_LONGEST],
            control_id=(head.get("msgid") or head.get("inf_refmsgid") or control_id)[:_LONGEST],
            kind=head.get("infno", "")[:_KIND],
            verdict=Verdict.REFUSED if refused else Verdict.UNUSABLE,
            reason=error.code,
            place=str(error.params.get("place", "")),
        )

    def _visit_place(self, message: Message) -> str:
        tables = self.options.load()
        if self.options.visit:
            return self.options.visit[0]
        node, name = tables.keys(message.transaction, "visit")[0]
        head = next(n.name for n in tables.nodes[message.transaction].values() if n.head)
        return message.place(node or head, name)

    def events(self, raw: bytes) -> Iterator[Event]:
        """What the message says: one event for each stay; see :class:`grouper.intake.forms.Form`.

        Raises:
            IntakeError: it cannot be used (``VISIT_MISSING`` and those of :meth:`understand`).
        """
        message, tables = self.understand(raw), self.options.load()
        nodes = tables.nodes[message.transaction].values()
        found = (
            list(read_charges(message, tables, self.options))
            if any(node.holds == "lines" for node in nodes)
            else [StayReader(message, tables, self.options).event()]
        )
        if not found or any(not event.visit for event in found):
            raise IntakeError("VISIT_MISSING", place=self._visit_place(message))
        found[0] = replace(found[0], unknown=_unknown(found[0], unknown_codes(message, tables)))
        return iter([*self._links(message), *found])

    def _links(self, message: Message) -> list[Event]:
        if not self.options.link:
            return []
        tables = self.options.load()
        said = numbers(message, tables, self.options)
        return [
            Event(
                kind=EventKind.MERGE_VISIT,
                patient=said.patient,
                visit=said.visit,
                prior_visit=other,
                hospital=hospital(message, tables),
            )
            for other in said.others
        ]

    def outline(self, raw: bytes) -> Iterator[Part]:
        """As :meth:`grouper.intake.outline.Outlined.outline`."""
        return outline.outline(self.understand(raw), self.options.load())

    def named(self, place: str) -> Mapping[str, str]:
        """As :meth:`grouper.intake.outline.Outlined.named`."""
        return outline.named(place, self.options.load())

    def answer(self, envelope: Envelope, receipt: Receipt) -> bytes:
        """The answer as the interface writes it: ``infcode`` 0, or -1 with what is wrong.

        ``err_msg`` says code, place, reason and what to do, in Chinese, or as ``GROUPER_LANG``.
        """
        good = receipt.verdict is Verdict.ACCEPTED
        said = "" if good else _words(receipt)
        document = {
            "infcode": _DONE if good else _FAILED,
            "inf_refmsgid": envelope.control_id,
            "err_msg": said,
            "output": {} if receipt.message_id is None else {"receipt": str(receipt.message_id)},
        }
        return json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")


def _unknown(event: Event, codes: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    return tuple(dict.fromkeys((*event.unknown, *codes)))


def _words(receipt: Receipt) -> str:
    place = text("nhsa.place", place=receipt.place) if receipt.place else ""
    return text(
        "nhsa.refusal",
        language(),
        code=receipt.reason,
        place=place,
        reason=text(f"reason.{receipt.reason}"),
        advice=text(f"advice.{receipt.reason}"),
    )


def _head(raw: bytes) -> dict[str, str]:
    """The fields around a message that cannot be used, as far as they can be read."""
    try:
        body = parse(raw)
    except IntakeError:
        return {}
    return {name: str(value).strip() for name, value in body.items() if isinstance(value, str)}


FORM = NhsaForm()
