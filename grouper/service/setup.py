"""What is set up once, before a process of the service starts its work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebooks.errors import GrouperError
from grouper.intake.forms import form

if TYPE_CHECKING:
    from grouper.service.settings import Settings


DECLARED = 2
"""Exit status of a process after an error that starting it again would not mend."""


def configure_forms(settings: Settings) -> None:
    """Give each form its options from the settings.

    Raises:
        GrouperError: ``FORM_UNKNOWN``, or ``SETTING_INVALID``: the form takes no options, or not
            these.
    """
    for name, options in settings.forms.items():
        configure = getattr(form(name), "configure", None)
        if configure is None:
            raise GrouperError("SETTING_INVALID", setting=f"forms.{name}", why="no options")
        configure(options)
