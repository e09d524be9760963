"""What the first who looks would wait for, done while nobody looks yet.

The mart is opened and the modules of the pages are read beside each other, for DuckDB works without
the interpreter's lock. The books come last: they hold it, and the first page goes before them.
Streamlit's caches are made with the modules that have them, and want its runtime to be there.
"""

from __future__ import annotations

import gc
import threading
from contextlib import contextmanager, suppress
from datetime import datetime
from importlib import import_module
from typing import TYPE_CHECKING

import structlog
from streamlit import runtime

from codebooks.errors import GrouperError
from dashboards.frame.navigation import pages
from grouper.case.dates import LOCAL
from grouper.service.beforehand import books
from grouper.service.logs import fault_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grouper.service.settings import Settings

PAUSE = 3.0
"""Seconds that the books leave to the first page."""
_LOOK = 0.01
_log = structlog.get_logger("dashboards")
_MARTS = "dashboards.frame.marts"


@contextmanager
def preparing(settings: Settings) -> Iterator[None]:
    """Prepare beside what is done in the block; its end waits for the step that is being done."""
    over = threading.Event()
    threads = [
        threading.Thread(target=work, args=(settings, over), name=f"ready-{name}", daemon=True)
        for name, work in (("mart", _mart), ("pages", _pages))
    ]
    for one in threads:
        one.start()
    try:
        yield
    finally:
        over.set()
        for one in threads:
            one.join()


def _mart(settings: Settings, over: threading.Event) -> None:
    if not _runs(over):
        return
    # A page that needs the mart says what is wrong with it.
    with suppress(GrouperError):
        import_module(_MARTS).opened(settings)


def _pages(settings: Settings, over: threading.Event) -> None:
    if not _runs(over):
        return
    for row in pages():
        if over.is_set():
            return
        try:
            import_module(row.module)
        except Exception as error:  # noqa: BLE001 -- who asks for this page is told; others have theirs
            _log.error("page not read", page=row.page, fault=fault_of(error))
    _keep()
    if over.wait(PAUSE):
        return
    for _ in books(settings, datetime.now(LOCAL).date()):
        if over.is_set():
            return
    _keep()


def _runs(over: threading.Event) -> bool:
    """Whether Streamlit's runtime is there; waits for it until all is over."""
    while not runtime.exists():
        if over.wait(_LOOK):
            return False
    return True


def _keep() -> None:
    """Code and books stay for good: later looks for garbage pass them over, which hold up everybody."""
    gc.collect()
    gc.freeze()
