"""One process of the service: ``python -m grouper.service.process NAME``.

Each opens the database for itself, tells its status, and ends in order on SIGTERM or SIGINT. An
error we declare ends it with status 2, so that the supervisor does not start it again.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING

import structlog

from codebooks.errors import GrouperError
from grouper.service.logs import configure
from grouper.service.parent import end_with_supervisor
from grouper.service.porch_processes import function_of
from grouper.service.settings import load_settings
from grouper.service.setup import DECLARED, configure_forms
from grouper.store.database import connect

if TYPE_CHECKING:
    from collections.abc import Callable

    from grouper.service.settings import Settings
    from grouper.store.database import Database

_HOME = {
    "listener": ("grouper.service.listening", "listen"),
    "worker": ("grouper.service.working", "work"),
    "web": ("grouper.service.serving", "serve"),
    "forecaster": ("grouper.service.forecaster", "foretell"),
    "auditor": ("grouper.service.auditor", "screen"),
    "clerk": ("grouper.service.clerk", "attend"),
}
"""Module and function of each process; only its own is loaded. Others are brought by porches."""
_log = structlog.get_logger("grouper.process")


def main(name: str) -> int:
    """Run one process; returns its exit status."""
    try:
        end_with_supervisor()
        settings = load_settings()
        configure()
        configure_forms(settings)
        database = connect(settings.url)
        try:
            _function(name)(settings, database)
        finally:
            database.close()
    except GrouperError as error:
        _log.error("stopped", code=error.code)
        sys.stderr.write(error.describe() + "\n")
        return DECLARED
    return 0


def _function(name: str) -> Callable[[Settings, Database], None]:
    if name not in _HOME:
        return function_of(name)
    module, function = _HOME[name]
    found: Callable[[Settings, Database], None] = getattr(import_module(module), function)
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
