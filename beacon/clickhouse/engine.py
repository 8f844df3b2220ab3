"""Asks ClickHouse: a server over its HTTP interface, or the same engine in this process (chDB).

Values travel beside the statement, never in it: `{name:Type}` is bound by ClickHouse itself. A
statement is always a text of this room.
"""

from __future__ import annotations

import importlib
import json
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

import httpx

from beacon.errors import CatalogError
from beacon.waiting import seconds_left

Value = int | float | str | Sequence[int] | Sequence[str]
MAX_ANSWER = 256 * 1024 * 1024
_SECONDS = 5.0
_LOAD_SECONDS = 600.0
_UNREADABLE = "the dataset's engine cannot be asked now"


class Engine(Protocol):
    def ask(self, sql: str, **values: Value) -> list[list[Any]]:
        """The rows of a SELECT. Raises `CatalogError`."""
        ...

    def run(self, sql: str, **values: Value) -> None: ...

    def insert(self, table: str, parquet: Path) -> None:
        """Adds the rows of a Parquet file; `table` is a name of this room."""
        ...


class ChdbEngine:
    """ClickHouse in this process, its tables in `folder`. One per process, as chDB wants it."""

    def __init__(self, folder: Path, *, config: Path | None = None) -> None:
        """`config` is a server's configuration, such as one that names the shards of a cluster."""
        # An extra: only who chooses this engine has the library.
        sessions: Any = importlib.import_module("chdb.session")
        place = str(folder) if config is None else f"file:{folder}?config-file={config}"
        self._session = sessions.Session(place)

    def ask(self, sql: str, **values: Value) -> list[list[Any]]:
        return _rows(self._query(sql, "JSONCompactEachRow", values))

    def run(self, sql: str, **values: Value) -> None:
        self._query(sql, "Null", values)

    def insert(self, table: str, parquet: Path) -> None:
        self._query(
            f"INSERT INTO {table} SELECT * FROM file({{path:String}}, Parquet)",
            "Null",
            {"path": str(parquet)},
        )

    def close(self) -> None:
        self._session.close()

    def _query(self, sql: str, form: str, values: Mapping[str, Value]) -> bytes:
        written = {name: _text(value) for name, value in values.items()}
        try:
            return bytes(self._session.query(sql, form, params=written).bytes())
        except RuntimeError as error:
            raise CatalogError(_UNREADABLE, detail=str(error)[:500]) from error


class HttpEngine:
    """A ClickHouse server by its HTTP interface. `http` carries address and credentials.

    A statement and its values are fields of a form: in the address, where they may stand too, a
    set of people would be longer than clients, proxies and servers take."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def ask(self, sql: str, **values: Value) -> list[list[Any]]:
        return _rows(self._run(sql, values, most=_SECONDS))

    def run(self, sql: str, **values: Value) -> None:
        self._run(sql, values, most=_LOAD_SECONDS)

    def insert(self, table: str, parquet: Path) -> None:
        query = f"INSERT INTO {table} FORMAT Parquet"
        rows = parquet.read_bytes()
        request = self._http.build_request("POST", "/", params={"query": query}, content=rows)
        self._send(request, most=_LOAD_SECONDS)

    def _run(self, sql: str, values: Mapping[str, Value], *, most: float) -> bytes:
        fields = {"query": sql, **{f"param_{name}": _text(each) for name, each in values.items()}}
        # Without the wait, a statement that fails half-way has answered 200, and its error ends
        # the rows.
        how = {"default_format": "JSONCompactEachRow", "wait_end_of_query": "1"}
        form = [(name, (None, text)) for name, text in fields.items()]
        return self._send(self._http.build_request("POST", "/", params=how, files=form), most=most)

    def _send(self, request: httpx.Request, *, most: float) -> bytes:
        until = time.monotonic() + seconds_left(most)
        request.extensions["timeout"] = httpx.Timeout(until - time.monotonic()).as_dict()
        read = bytearray()
        try:
            answer = self._http.send(request, stream=True)
            with closing(answer):
                for part in answer.iter_bytes():
                    read += part
                    if len(read) > MAX_ANSWER or time.monotonic() > until:
                        raise CatalogError(_UNREADABLE, detail="an answer too large or too slow")
        except httpx.HTTPError as error:
            raise CatalogError(_UNREADABLE, detail=type(error).__name__) from error
        if answer.status_code != 200:
            raise CatalogError(_UNREADABLE, detail=read[:500].decode(errors="replace"))
        return bytes(read)


def _rows(raw: bytes) -> list[list[Any]]:
    try:
        return [json.loads(line) for line in raw.split(b"\n") if line]
    except ValueError as broken:
        raise CatalogError(_UNREADABLE, detail="an answer that is no rows") from broken


def _text(value: Value) -> str:
    """As ClickHouse reads a parameter: TSV-escaped text, arrays with quoted items."""
    if isinstance(value, str):
        return _escaped(value)
    if isinstance(value, int | float):
        return str(value)
    return "[" + ",".join(_item(item) for item in value) + "]"


def _item(value: int | str) -> str:
    if not isinstance(value, str):
        return str(value)
    quoted = _escaped(value).replace("'", "\\'")
    return f"'{quoted}'"


def _escaped(text: str) -> str:
    for mark, written in (
        ("\\", "\\\\"),
        ("\t", "\\t"),
        ("\n", "\\n"),
        ("\r", "\\r"),
        ("\0", "\\0"),
    ):
        text = text.replace(mark, written)
    return text
