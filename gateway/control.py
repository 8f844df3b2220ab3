"""Opens a node's control database: the one its settings name, else the file in its folder.

Requests, grants and the ledger are `access.store`'s; whoever opens it closes it.
"""

from __future__ import annotations

from access.store import Store
from gateway.config import NodeSettings
from gateway.extras import need
from gateway.home import NodeHome


def opened(home: NodeHome, settings: NodeSettings) -> Store:
    """Raises `MissingExtra` where PostgreSQL is named and its client is not installed."""
    if not settings.control_database:
        return Store(home.control_url)
    need("psycopg", extra="postgresql")
    return Store(settings.control_database)
