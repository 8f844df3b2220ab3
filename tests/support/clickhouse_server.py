"""A ClickHouse server of the test run: its HTTP interface with the real engine (chDB) behind it."""

from __future__ import annotations

import re
from pathlib import Path

import httpx

from beacon.clickhouse.engine import ChdbEngine
from beacon.errors import CatalogError


class Server(httpx.BaseTransport):
    """ClickHouse's HTTP interface with the real engine behind it: what is read of a request is the
    statement, its bound values in their written form, and the data after it. It takes no more of
    each than a server does as it comes."""

    def __init__(self, engine: ChdbEngine, folder: Path) -> None:
        self._engine, self._folder = engine, folder
        settings = "SELECT name, toUInt64(default) FROM system.settings WHERE name LIKE 'http_max%'"
        self._most = {name: int(value) for name, value in engine.ask(settings)}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if len(request.url.raw_path) > self._most["http_max_uri_size"]:
            return httpx.Response(414, text="URI Too Long")
        asked = dict(request.url.params)
        try:
            if "query" in asked:
                path = self._folder / "sent.parquet"
                path.write_bytes(request.read())
                table = asked["query"].removeprefix("INSERT INTO ").removesuffix(" FORMAT Parquet")
                self._engine.insert(table, path)
                return httpx.Response(200)
            fields = _fields(request)
            if len(fields) > self._most["http_max_fields"] or any(
                len(value) > self._most["http_max_field_value_size"] for value in fields.values()
            ):
                return httpx.Response(400, text="HTML Form Exception: Field value too long")
            sql, form = fields.pop("query"), asked["default_format"]
            values = {name.removeprefix("param_"): value for name, value in fields.items()}
            answer = self._engine._session.query(sql, form, params=values)
            return httpx.Response(200, content=bytes(answer.bytes()))
        except (CatalogError, RuntimeError) as error:
            return httpx.Response(500, text=str(error))


def _fields(request: httpx.Request) -> dict[str, str]:
    """Of a form (RFC 7578), as they were sent."""
    boundary = request.headers["content-type"].partition("boundary=")[2].encode()
    found = {}
    for part in request.read().split(b"--" + boundary)[1:-1]:
        head, _, value = part.partition(b"\r\n\r\n")
        (name,) = re.findall(rb'name="([^"]*)"', head)
        found[name.decode()] = value.removesuffix(b"\r\n").decode()
    return found
