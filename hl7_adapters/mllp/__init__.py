"""MLLP: HL7 v2 messages over a connection, framed by VT and FS CR.

:func:`listener` and :func:`sender` are the entry points of ``grouper.listeners`` and
``grouper.senders``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from grouper.intake.forms import form
from hl7_adapters.hl7v2.batch import split_batch
from hl7_adapters.mllp.client import MllpClient
from hl7_adapters.mllp.listener import MllpListener
from hl7_adapters.mllp.options import ListenerOptions, SenderOptions
from hl7_adapters.mllp.sender import MllpSender

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grouper.intake.porches import Put

__all__ = [
    "ListenerOptions",
    "MllpClient",
    "MllpListener",
    "MllpSender",
    "SenderOptions",
    "listener",
    "sender",
]


def listener(options: Mapping[str, object], put: Put) -> MllpListener:
    """The listener of a table of settings.

    Raises:
        GrouperError: ``SETTING_INVALID`` or ``FORM_UNKNOWN``.
    """
    read = ListenerOptions.from_mapping(options)
    return MllpListener(read, put, form(read.form), split_batch)


def sender(options: Mapping[str, object]) -> MllpSender:
    """The sender of a table of settings.

    Raises:
        GrouperError: ``SETTING_INVALID`` or ``TLS_FILES``.
    """
    return MllpSender(SenderOptions.from_mapping(options))
