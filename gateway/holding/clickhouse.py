"""A node whose variants are in ClickHouse: who is asked, with which credentials, and when it is
given what the node holds."""

from __future__ import annotations

from collections.abc import Callable

import httpx

from beacon import names
from beacon.clickhouse import serving
from beacon.clickhouse.engine import Engine, HttpEngine
from beacon.errors import CatalogError
from beacon.segments import SegmentCatalog
from gateway import config
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


def publish(
    home: NodeHome, *, tell: Callable[[str, int], None] = lambda *_: None
) -> tuple[str, ...] | None:
    """Gives it the versions that are active and drops what no version stands for; the datasets
    that were new to it, None where the node keeps to its segment files."""
    asked = engine(home, config.load(home.settings))
    return None if asked is None else serving.publish(asked, home.catalog, tell=tell)


def follow(home: NodeHome, *, tell: Callable[[str, int], None] = lambda *_: None) -> dict[str, str]:
    """After the catalog changed: as `publish`, in words for whoever changed it. What failed here
    failed after the change, so it is told with the step that is left."""
    try:
        done = publish(home, tell=tell)
    except CatalogError as failed:
        raise CatalogError(
            "the catalog has it, ClickHouse has not, so the version served before still is: "
            f"{failed.public}; then run `skerry datasets publish {home.root}`",
            detail=failed.detail,
        ) from failed
    return {} if done is None else {"published": ", ".join(done) or "nothing new"}


def catalog(home: NodeHome, settings: NodeSettings) -> SegmentCatalog:
    asked, named = engine(home, settings), names.form(names.read(home.names))
    if asked is None:
        return SegmentCatalog(home.catalog, form=named)
    in_clickhouse = serving.form(asked)
    return SegmentCatalog(home.catalog, form=lambda segment: named(in_clickhouse(segment)))
