"""What the portal counts for its operator, in the Prometheus text format (/metrics).

Requests by door and status, and per node its outcomes and latency: never a question, a caller or a
token. Doors are the first path segment, so no address with somebody's id becomes a label.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from portal.asking.answer import Outcome

_DOORS = frozenset(
    {"beacon", "search", "searches", "datasets", "people", "network", "basket", "requests", "me",
     "join", "joining", "workspaces", "services", "api", "auth", "static"}
)  # fmt: skip


class Metrics:
    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "skerry_portal_requests",
            "Requests answered",
            ["door", "status"],
            registry=self._registry,
        )
        self._answers = Counter(
            "skerry_portal_node_answers",
            "Rows by node and outcome",
            ["node", "outcome"],
            registry=self._registry,
        )
        self._latency = Histogram(
            "skerry_portal_node_seconds",
            "Time to a node's row",
            ["node"],
            registry=self._registry,
            buckets=(0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 15),
        )

    def request(self, path: str, status: int) -> None:
        first = path.lstrip("/").partition("/")[0]
        door = f"/{first}" if first in _DOORS or not first else "/other"
        self._requests.labels(door, str(status)).inc()

    def node(self, url: str, outcome: Outcome, seconds: float) -> None:
        self._answers.labels(url, outcome.value).inc()
        self._latency.labels(url).observe(seconds)

    def text(self) -> bytes:
        return generate_latest(self._registry)
