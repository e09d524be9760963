"""What the pages work with: made once by the server, found by every script run of the process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from codebooks.errors import GrouperError

if TYPE_CHECKING:
    from collections.abc import Callable

    from grouper.service.access.principal import Principal
    from grouper.service.settings import Settings
    from grouper.store.database import Database


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of the application.

    Attributes:
        settings: of the service.
        database: inbox and store.
        asker: who sent the present run of the script; None: nobody is signed in any more.
    """

    settings: Settings
    database: Database
    asker: Callable[[], Principal | None]


_held: list[Parts] = []


def hold(parts: Parts | None) -> None:
    """Make the parts known to the scripts of this process; None: there are none any more."""
    _held[:] = [] if parts is None else [parts]


def parts() -> Parts:
    """The parts.

    Raises:
        GrouperError: ``PAGES_NOT_SERVED``: the script was not started by the server.
    """
    if not _held:
        raise GrouperError("PAGES_NOT_SERVED")
    return _held[0]
