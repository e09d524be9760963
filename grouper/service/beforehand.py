"""Code books, schemes and policies read before somebody asks for what rests on them.

Each is read once in a process; whoever comes first would wait for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from codebooks.audit.books import audit_book
from codebooks.errors import GrouperError
from codebooks.policies.policies import policies
from codebooks.registry import INPATIENT
from grouper.schemes.load import scheme_for
from grouper.service.stay_grouping import StayGrouper

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date

    from grouper.service.settings import Settings

_log = structlog.get_logger("grouper.beforehand")


def books(settings: Settings, today: date) -> Iterator[str]:
    """Read them one after the other; what cannot be read is logged and left to who needs it.

    Args:
        settings: of the service.
        today: the day whose scheme and policies most will ask for.

    Yields:
        The name of each, once it is read, so that one can stop between two.
    """
    steps: dict[str, Callable[[], object]] = {
        "audit": lambda: audit_book(settings.audit.book),
        "policies": policies,
        "scheme": lambda: StayGrouper(region=settings.region).warm(today),
        "hash": lambda: scheme_for(today, settings.region, INPATIENT).content_hash,
    }
    for name, read in steps.items():
        try:
            read()
        except GrouperError as error:
            _log.warning("not read beforehand", book=name, code=error.code)
        yield name
