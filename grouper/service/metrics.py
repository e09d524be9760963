"""What Prometheus is told: requests by route, and what the database says of queues and outcomes.

No label ever holds an identifier: routes are templates, methods those we know, states and reasons
stable words of ours.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from codebooks.errors import GrouperError
from grouper.service import status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from prometheus_client.metrics_core import Metric

    from grouper.service.stored import Queue

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)
_log = structlog.get_logger("grouper.metrics")


class Metrics:
    """The metrics of one app.

    Args:
        queue: reads how the inbox stands.
        folder: where the other processes tell their status.
    """

    def __init__(self, queue: Callable[[], Queue], folder: Path) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "grouper_requests",
            "Requests answered",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "grouper_request_seconds",
            "Time to answer",
            ("route",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._registry.register(_Stored(queue, folder))

    @staticmethod
    def method(name: str) -> str:
        """A method as a label: one that we know, or ``other``."""
        return name if name in _METHODS else "other"

    def request(self, method: str, route: str, status_code: int, seconds: float) -> None:
        """Count one request.

        Args:
            method: of HTTP.
            route: template of the route.
            status_code: 0 when the client left before it was answered.
            seconds: from the request's head to the end of the answer.
        """
        self._requests.labels(self.method(method), route, str(status_code)).inc()
        self._seconds.labels(route).observe(seconds)

    def text(self) -> bytes:
        """All metrics in the text format of Prometheus."""
        return generate_latest(self._registry)


class _Stored(Collector):
    def __init__(self, queue: Callable[[], Queue], folder: Path) -> None:
        self._queue, self._folder = queue, folder

    def describe(self) -> list[Metric]:
        """Nothing, so that registering does not read the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        """What the database and the processes say now."""
        up = GaugeMetricFamily("grouper_database_up", "Whether the database answers")
        try:
            queue = self._queue()
        except GrouperError as error:
            _log.warning("metrics", code=error.code)
            up.add_metric((), 0)
            yield up
        else:
            up.add_metric((), 1)
            yield up
            yield from _queue_metrics(queue)
        yield from self._disk()
        yield from self._processes()

    def _disk(self) -> Iterator[Metric]:
        # Before the service began there is no folder, and afterwards no disk is without a size.
        with suppress(OSError):
            yield GaugeMetricFamily(
                "grouper_disk_free_bytes",
                "Free bytes of the disk with the service's folder",
                value=shutil.disk_usage(self._folder).free,
            )

    def _processes(self) -> Iterator[Metric]:
        now = datetime.now(UTC)
        alive = GaugeMetricFamily(
            "grouper_process_up", "Whether a process told something of late", labels=("process",)
        )
        told = GaugeMetricFamily(
            "grouper_process_value", "What a process counts", labels=("process", "name")
        )
        for one in status.read(self._folder):
            alive.add_metric((one.process,), float(one.alive(now)))
            for name, value in one.values.items():
                told.add_metric((one.process, name), value)
        yield alive
        yield told


def _queue_metrics(queue: Queue) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "grouper_queue_length", "Messages stored and not yet applied", value=queue.length
    )
    yield GaugeMetricFamily(
        "grouper_queue_oldest_seconds",
        "How long the oldest of them has waited",
        value=queue.oldest_seconds,
    )
    outcomes = GaugeMetricFamily(
        "grouper_outcomes", "Messages by what became of them", labels=("state",)
    )
    for state, count in sorted(queue.outcomes.items()):
        outcomes.add_metric((state,), count)
    yield outcomes
    deliveries = GaugeMetricFamily(
        "grouper_deliveries", "Results on their way back", labels=("state",)
    )
    for state, count in sorted(queue.deliveries.items()):
        deliveries.add_metric((state,), count)
    yield deliveries
    alerts = GaugeMetricFamily("grouper_alerts", "Alerts that have not ended", labels=("kind",))
    for kind, count in sorted(queue.alerts.items()):
        alerts.add_metric((kind,), count)
    yield alerts
