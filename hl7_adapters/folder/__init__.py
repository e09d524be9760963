"""Files as a way in: a folder that hospital systems write messages to.

:func:`listener` is the entry point of ``grouper.listeners``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from grouper.intake.forms import forms
from hl7_adapters.folder.listener import FolderListener
from hl7_adapters.folder.options import FolderOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grouper.intake.porches import Put

__all__ = ["FolderListener", "FolderOptions", "listener"]


def listener(options: Mapping[str, object], put: Put) -> FolderListener:
    """The listener of a table of settings.

    Raises:
        GrouperError: ``SETTING_INVALID`` or ``FORM_UNKNOWN``.
    """
    return FolderListener(FolderOptions.from_mapping(options), put, forms())
