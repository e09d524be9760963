"""Limits of requests: a bucket for each client, refilled by time."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from typing import TYPE_CHECKING

from grouper.service.access.principal import AccessError

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

_KEPT = 10_000


class Rates:
    """Allows ``per_minute`` requests of one client in a minute, at most a minute's worth at once.

    The clients seen longest ago are forgotten first; memory is bounded.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._size = float(per_minute)
        self._speed = per_minute / 60
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, client: str) -> int:
        """Take one request; returns 0, or the seconds after which the client may try again."""
        at = self._clock()
        left, seen = self._buckets.pop(client, (self._size, at))
        left = min(self._size, left + (at - seen) * self._speed)
        allowed = left >= 1
        self._buckets[client] = (left - 1 if allowed else left, at)
        if len(self._buckets) > _KEPT:
            self._buckets.popitem(last=False)
        return 0 if allowed else max(1, math.ceil((1 - left) / self._speed))


def address_of(request: Request) -> str:
    """Where a request comes from, as a proxy that is trusted says it; empty: nothing says so."""
    return request.client.host if request.client else ""


def slow(rates: Rates, request: Request, client: str | None = None) -> None:
    """Take one request of a client, by default of the address it comes from.

    Raises:
        AccessError: ``TOO_MANY_REQUESTS``.
    """
    wait = rates.wait(address_of(request) if client is None else client)
    if wait:
        raise AccessError("TOO_MANY_REQUESTS", seconds=wait)
