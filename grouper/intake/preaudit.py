"""What a porch reads and writes where a system asks for its orders and charges to be checked.

The insurer's interface asks in one shape (NHSA 3101 before, 3102 during, 3103 what became of it).
A porch reads it into the terms of this module and writes the answer; it is found by an entry point,
so that the service needs to know no shape. Names of people stay behind: nothing here holds one. The
numbers of patients and visits are the sender's, private, and are kept nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal

PREAUDITORS = "grouper.preauditors"
LINES, WHOLE = "lines", "whole"
"""How a scene is answered: line by line at once, or as a whole case is screened."""
GO_ON, GO_BACK = "1", "2"
"""What became of an order that something was told about, as NHSA 3103 writes it (``dspo_way``)."""


@dataclass(frozen=True, slots=True)
class Remark:
    """What could not be used or judged: where, and the stable code of why."""

    place: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedLine:
    """A line of a visit as it was sent.

    Attributes:
        name: as the sender calls it.
        proposed: whether it is what is asked about; else it was there before.
        about: raw values by the names of the case's fields (``line_item``, ``line_time`` …).
        hospital_item: the hospital's own code, where it is stated.
    """

    name: str
    proposed: bool
    about: Mapping[str, str]
    hospital_item: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedVisit:
    """A visit as it was sent.

    Attributes:
        person: number of the person within the message, from 1.
        patient: the sender's number of the person; private.
        visit: the sender's number of the visit; private.
        current: whether it is the one asked about; others stand beside.
        hospital: code of the hospital, or empty.
        raw: raw values of the case by the names of its fields, without lines.
        lines: in the order in which they were sent.
    """

    person: int
    patient: str
    visit: str
    current: bool
    hospital: str
    raw: Mapping[str, Any]
    lines: tuple[AskedLine, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request to check.

    Attributes:
        transaction: such as ``3101``.
        scene: the sender's word of when it is asked.
        moment: ``order``, ``stay`` or ``upload``.
        engine: :data:`LINES` or :data:`WHOLE`.
        classes: classes of the rules that are asked; empty: all.
        only_proposed: whether only findings about what is proposed are told.
        rules: the rules that are wanted; empty: all.
        visits: all visits of all persons.
        reply: the message's own id, for the answer.
        remarks: places that could not be used.
    """

    transaction: str
    scene: str
    moment: str
    engine: str
    classes: frozenset[str]
    only_proposed: bool
    rules: tuple[str, ...]
    visits: tuple[AskedVisit, ...]
    reply: str = ""
    remarks: tuple[Remark, ...] = ()


@dataclass(frozen=True, slots=True)
class ToldLine:
    """A line of a finding: the sender's name of it, and its amount where it is known alone (yuan)."""

    name: str
    amount: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A finding as it is told.

    Attributes:
        key: to answer it by.
        rule: its id.
        name: of the rule, in words.
        content: what was found, in words.
        evidence: why, in words.
        level: ``violation``, ``suspect``, ``verify`` or ``monitor``.
        class_: of the rule.
        amount: yuan at stake.
        visit: whose it is.
        lines: those at fault.
    """

    key: str
    rule: str
    name: str
    content: str
    evidence: str
    level: str
    class_: str
    amount: Decimal
    visit: AskedVisit
    lines: tuple[ToldLine, ...] = ()


@dataclass(frozen=True, slots=True)
class Reaction:
    """What became of one finding: its key, :data:`GO_ON` or :data:`GO_BACK`, and the reason."""

    key: str
    answer: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reactions:
    """What became of findings; ``moment`` is when they were told, ``reply`` the message's own id."""

    moment: str
    found: tuple[Reaction, ...]
    reply: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a message is refused: stable code, where, and in words what and what to do."""

    code: str
    place: str
    what: str
    advice: str
    reply: str = field(default="")


class Preauditor(Protocol):
    """Reads requests to check and writes the answers; the entry point is one of them."""

    @property
    def asks(self) -> frozenset[str]:
        """The transactions that ask."""
        ...

    @property
    def tells(self) -> frozenset[str]:
        """The transactions that tell what became of findings."""
        ...

    def read(self, raw: bytes, transaction: str) -> Asked:
        """Read a request.

        Raises:
            IntakeError: it cannot be used; nothing else is raised for any bytes.
        """
        ...

    def answer(self, asked: Asked, told: Sequence[Told], remarks: Sequence[str]) -> bytes:
        """The answer.

        Args:
            asked: the request.
            told: in the order in which they are to be shown.
            remarks: what was not judged, in words.
        """
        ...

    def read_reactions(self, raw: bytes, transaction: str) -> Reactions:
        """Read what became of findings.

        Raises:
            IntakeError: as above; ``PREAUDIT_REASON``: to go on needs a reason.
        """
        ...

    def confirm(self, reactions: Reactions) -> bytes:
        """The answer when they were kept."""
        ...

    def refuse(self, refusal: Refusal) -> bytes:
        """The answer when a message is refused."""
        ...

    def reply_of(self, raw: bytes) -> str:
        """The message's own id as far as it can be read; any bytes at all."""
        ...


@cache
def preauditors() -> Mapping[str, Preauditor]:
    """The porches at hand, by the transactions that they serve."""
    found: dict[str, Preauditor] = {}
    for point in sorted(entry_points(group=PREAUDITORS), key=lambda one: one.name):
        porch: Preauditor = point.load()
        found |= dict.fromkeys(porch.asks | porch.tells, porch)
    return found
