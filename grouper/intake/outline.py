"""A message as an outline: what stands where, without who the patient is.

A form that can give one has a method ``outline``. It shows the values of those fields alone that its
table calls harmless (types, times, codes, amounts); of all others it says that they are there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from grouper.intake.forms import IntakeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MOST = 2_000
"""So many parts are told of one message; a longer one is cut."""


@dataclass(frozen=True, slots=True)
class Part:
    """A field of a message that holds something.

    Attributes:
        group: what it stands in, such as ``PID``, ``DG1[2]`` or ``setlinfo``.
        place: as reasons of quarantine name it, such as ``PID-3`` or ``setlinfo.psn_no``.
        value: what it holds; None: it is not shown.
        names: what the field is called, by language; a language without a name is not there.
    """

    group: str
    place: str
    value: str | None
    names: Mapping[str, str] = field(default_factory=dict)


@runtime_checkable
class Outlined(Protocol):
    """A form that gives outlines."""

    def outline(self, raw: bytes) -> Iterable[Part]:
        """The fields of a message in their order.

        Raises:
            IntakeError: it cannot be read; nothing else is raised for any bytes.
        """
        ...

    def named(self, place: str) -> Mapping[str, str]:
        """What a field is called, by language; empty where it has no name."""
        ...


def outline_of(form: object, raw: bytes) -> tuple[Part, ...] | None:
    """The outline of a message, at most :data:`MOST` parts.

    Args:
        form: that reads it.
        raw: the message.

    Returns:
        None: the form gives none, or the message cannot be read.
    """
    if not isinstance(form, Outlined):
        return None
    try:
        return tuple(islice(form.outline(raw), MOST))
    except IntakeError:
        return None
