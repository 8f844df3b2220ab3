"""A node whose variants are in ClickHouse: who is asked, with which credentials."""

from __future__ import annotations

import httpx

from beacon import names
from beacon.clickhouse import serving
from beacon.clickhouse.engine import Engine, HttpEngine
from beacon.segments import SegmentCatalog
from gateway.config import NodeSettings
from gateway.errors import ConfigError
from gateway.home import NodeHome

_CREDENTIALS = "clickhouse"


def engine(home: NodeHome, settings: NodeSettings) -> Engine | None:
    """None where the node keeps to its segment files."""
    if not settings.clickhouse_url:
        return None
    user, mark, password = home.secret(_CREDENTIALS).decode().strip().partition(":")
    if not mark:
        raise ConfigError("keys/clickhouse: expected USER:PASSWORD on one line")
    http = httpx.Client(
        base_url=settings.clickhouse_url,
        headers={"X-ClickHouse-User": user, "X-ClickHouse-Key": password},
        follow_redirects=False,
    )
    return HttpEngine(http)


def catalog(home: NodeHome, settings: NodeSettings) -> SegmentCatalog:
    asked, named = engine(home, settings), names.form(names.read(home.names))
    if asked is None:
        return SegmentCatalog(home.catalog, form=named)
    in_clickhouse = serving.form(asked)
    return SegmentCatalog(home.catalog, form=lambda segment: named(in_clickhouse(segment)))
