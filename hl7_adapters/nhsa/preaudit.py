"""The porch of 3101, 3102 and 3103 (:class:`grouper.intake.preaudit.Preauditor`).

:data:`PREAUDITOR` is registered under the entry point group ``grouper.preauditors``. Asking the
insurer's own platform is the hospital system's; here the same questions are answered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from grouper.intake.forms import IntakeError
from grouper.intake.preaudit import (
    GO_BACK,
    GO_ON,
    Asked,
    Reaction,
    Reactions,
    Refusal,
    Told,
)
from hl7_adapters.nhsa.body import parse
from hl7_adapters.nhsa.form import FORM
from hl7_adapters.nhsa.preaudit_nodes import message_id, read_body
from hl7_adapters.nhsa.preaudit_reading import read_asked
from hl7_adapters.nhsa.preaudit_tables import PreauditTables, preaudit_tables
from hl7_adapters.nhsa.preaudit_writing import write_answer, write_done, write_refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hl7_adapters.nhsa.preaudit_nodes import Element

_WARNS = "warns"
_ANSWERS = {"go_on": GO_ON, "go_back": GO_BACK}
_KEY, _REASON = 64, 500
"""Characters of a finding's key, and of a reason."""


class NhsaPreauditor:
    """See :class:`grouper.intake.preaudit.Preauditor`."""

    asks = frozenset({"3101", "3102"})
    tells = frozenset({"3103"})

    def _tables(self) -> PreauditTables:
        return preaudit_tables(FORM.options.tables)

    def read(self, raw: bytes, transaction: str) -> Asked:
        """A request to check.

        Raises:
            IntakeError: as :func:`hl7_adapters.nhsa.preaudit_nodes.read_body` and
                :func:`hl7_adapters.nhsa.preaudit_reading.read_asked`.
        """
        tables = self._tables()
        return read_asked(read_body(raw, transaction, tables), transaction, tables)

    def answer(self, asked: Asked, told: Sequence[Told], remarks: Sequence[str]) -> bytes:
        """The answer to a request."""
        return write_answer(asked, told, remarks, self._tables())

    def read_reactions(self, raw: bytes, transaction: str) -> Reactions:
        """What became of findings.

        Raises:
            IntakeError: as :func:`hl7_adapters.nhsa.preaudit_nodes.read_body`;
                ``PREAUDIT_EMPTY``: it tells of none; ``PREAUDIT_ANSWER``: a code that is none, or
                no number of a finding; ``PREAUDIT_REASON``: to go on without a reason, or with one
                that is too long.
        """
        tables = self._tables()
        body = read_body(raw, transaction, tables)
        means = {to: name for name, to in tables.meanings["data"]}
        moment = self._said(body.head, means["warn"], tables, needed=False)
        found = tuple(self._reaction(one, tables) for one in body.head.children.get(_WARNS, ()))
        if not found:
            raise IntakeError("PREAUDIT_EMPTY", place=_WARNS)
        return Reactions(moment=moment, found=found, reply=body.reply)

    def _said(self, at: Element, name: str, tables: PreauditTables, *, needed: bool) -> str:
        code = at.values.get(name, "").strip()
        found = tables.values.get((name, code), "")
        if not found and (code or needed):
            raise IntakeError("PREAUDIT_ANSWER", place=at.at(name))
        return found

    def _reaction(self, one: Element, tables: PreauditTables) -> Reaction:
        means = {to: name for name, to in tables.meanings[_WARNS]}
        key = one.values.get(means["key"], "").strip()
        if not key or len(key) > _KEY:
            raise IntakeError("PREAUDIT_ANSWER", place=one.at(means["key"]))
        answer = _ANSWERS[self._said(one, means["answer"], tables, needed=True)]
        reason = one.values.get(means["reason"], "").strip()
        if len(reason) > _REASON or (answer == GO_ON and not reason):
            raise IntakeError("PREAUDIT_REASON", place=one.at(means["reason"]))
        return Reaction(key, answer, reason)

    def confirm(self, reactions: Reactions) -> bytes:
        """The answer when they were kept."""
        return write_done(reactions.reply)

    def refuse(self, refusal: Refusal) -> bytes:
        """The answer to what cannot be used."""
        return write_refusal(refusal)

    def reply_of(self, raw: bytes) -> str:
        """The message's own id as far as it can be read."""
        try:
            return message_id(parse(raw))
        except IntakeError:
            return ""


PREAUDITOR = NhsaPreauditor()
