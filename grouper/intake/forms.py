"""The forms of messages that are at hand, found by the entry points ``grouper.forms``."""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from codebooks.errors import GrouperError
from codebooks.messages import catalogue, language, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from grouper.intake.envelope import Envelope, Receipt
    from grouper.intake.event import Event

GROUP = "grouper.forms"


class IntakeError(GrouperError):
    """A message that cannot be used: its code is the reason it stands in quarantine with.

    ``params['place']`` says where in the message (``PID-3``, ``setlinfo.psn_no``).
    """

    def describe(self, lang: str | None = None) -> str:
        """Code, place, reason and advice; the words stand under ``reason.`` and ``advice.``."""
        if f"reason.{self.code}" not in catalogue(lang or language()):
            return super().describe(lang)
        place = str(self.params.get("place", "")) or self.where.describe(lang)
        what, hint = (text(f"{kind}.{self.code}", lang) for kind in ("reason", "advice"))
        layout = "error.layout" if place else "error.placeless"
        return text(layout, lang, code=self.code, place=place, what=what, hint=hint)


@runtime_checkable
class Form(Protocol):
    """A form of messages: HL7 v2, FHIR, an NHSA transaction, a file of cases."""

    @property
    def name(self) -> str:
        """Stable name, also part of the REST path (``hl7v2``, ``fhir``, ``nhsa``, ``table``)."""
        ...

    def envelope(self, raw: bytes, control_id: str = "") -> Envelope:
        """Read what is needed to store and answer a message; quick, and it never raises.

        Args:
            raw: the message without its frame; any bytes at all.
            control_id: an id given beside the message (an idempotency key), for forms without one.
        """
        ...

    def events(self, raw: bytes) -> Iterable[Event]:
        """What the message says, in its order.

        Raises:
            IntakeError: it cannot be used; nothing else is raised for any bytes.
        """
        ...

    def answer(self, envelope: Envelope, receipt: Receipt) -> bytes:
        """The answer to the sender, in the form's own words (an ACK with MSA, a JSON document)."""
        ...


@cache
def forms() -> Mapping[str, Form]:
    """All forms by name.

    Raises:
        TypeError: an entry point names something that is no form; a fault of installation.
    """
    found: dict[str, Form] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda p: p.name):
        form = point.load()
        if not isinstance(form, Form):
            msg = f"entry point {point.name} of {GROUP} is no form"
            raise TypeError(msg)
        found[form.name] = form
    return found


def form(name: str) -> Form:
    """The form of a name.

    Raises:
        GrouperError: ``FORM_UNKNOWN``.
    """
    known = forms()
    if name not in known:
        raise GrouperError("FORM_UNKNOWN", found=name, known=", ".join(known))
    return known[name]
