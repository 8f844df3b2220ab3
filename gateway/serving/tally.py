"""Counts what was answered, for operators: how many, by door and status, and how long it took.

Numbers of one event loop, made into Prometheus families only when they are asked for: counting
costs less than the library's locks. A door is the first segment of a path, since the rest may name
a person, an object or a block address.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_log = structlog.get_logger(__name__)


class Tally(Collector):
    """`log_requests` writes a line for each, which costs more than most answers."""

    def __init__(self, registry: CollectorRegistry, *, log_requests: bool = False) -> None:
        self._log_requests = log_requests
        self._answered: defaultdict[tuple[str, int], int] = defaultdict(int)
        # How many took as long as which bound, at most.
        self._within: defaultdict[str, list[int]] = defaultdict(lambda: [0] * (len(BOUNDS) + 1))
        self._seconds: defaultdict[str, float] = defaultdict(float)
        registry.register(self)

    def count(self, door: str, method: str, status: int, *, seconds: float) -> None:
        if status == 404:
            door = "/other"
        self._within[door][bisect_left(BOUNDS, seconds)] += 1
        self._answered[door, status] += 1
        self._seconds[door] += seconds
        if self._log_requests:
            milliseconds = round(seconds * 1000, 1)
            _log.info("answered", door=door, method=method, status=status, ms=milliseconds)

    def collect(self) -> Iterator[CounterMetricFamily | HistogramMetricFamily]:
        answered = CounterMetricFamily(
            "skerry_requests", "Requests answered", labels=["door", "status"]
        )
        for (door, status), count in self._answered.items():
            answered.add_metric([door, str(status)], count)
        yield answered
        took = HistogramMetricFamily(
            "skerry_request_seconds", "Time to the last byte", labels=["door"]
        )
        for door, within in self._within.items():
            total, buckets = 0, []
            for bound, count in zip((*BOUNDS, float("inf")), within, strict=True):
                total += count
                buckets.append(("+Inf" if bound == float("inf") else str(bound), float(total)))
            took.add_metric([door], buckets, sum_value=self._seconds[door])
        yield took


def door_of(path: str) -> str:
    return "/" + path.lstrip("/").partition("/")[0]
