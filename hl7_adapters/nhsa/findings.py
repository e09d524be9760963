"""What a check of the field tables finds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from codebooks.messages import text
from grouper.case.fields import Field, Kind
from grouper.case.issues import shown

_ANY = Field("nhsa", Kind.TEXT, "VALUE_INVALID")


class Severity(StrEnum):
    """Whether the insurer's platform would refuse the message, or somebody should look."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One finding.

    Attributes:
        node: national name of the node.
        row: 1-based number of the row in a list; 0 where the node is none.
        field: national name of the field; empty: the node as a whole.
        name: its Chinese name; empty where no source gives one.
        reason: stable code; its words are ``nhsa.finding.<CODE>`` and ``nhsa.advice.<CODE>``.
        severity: how bad it is.
        value: what was found, with nothing that may name a person; may be empty.
        place: where, as the sender writes it.
        limit: the length, digits or list that the table asks for; may be empty.
    """

    node: str
    row: int = 0
    field: str = ""
    name: str = ""
    reason: str
    severity: Severity
    value: str = ""
    place: str = ""
    limit: str = ""

    def describe(self, lang: str | None = None) -> str:
        """Place, name, what is wrong and what to do, in one language."""
        params = {"limit": self.limit, "value": self.value}
        return text(
            "nhsa.finding_line",
            lang,
            place=self.place,
            name=text("nhsa.named", lang, name=self.name) if self.name else "",
            reason=text(f"nhsa.finding.{self.reason}", lang, **params),
            value=text("nhsa.value", lang, value=self.value) if self.value else "",
            advice=text(f"nhsa.advice.{self.reason}", lang, **params),
            code=self.reason,
        )


def harmless(value: str | None, *, may_show: bool) -> str:
    """A value as a finding may show it: words and long numbers starred, nothing of a person."""
    return shown(str(value), _ANY) if may_show and value is not None else ""
