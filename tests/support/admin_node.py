"""A node assembled from its folder, as `skerry serve` does, and browsers signed in to its pages."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import yaml
from fastapi import FastAPI

from gateway import config, home
from gateway.home import NodeHome
from gateway.http_errors import ErrorTable
from gateway.wiring.node import Node, assemble
from passports.login import SignedIn
from passports.sessions import Sessions, cookie_name
from tests.support.node_folder import SETTINGS

ISSUER = "https://signin.example"
NOW = 1_800_000_000
POLICY: Mapping[str, object] = {
    "version": "one",
    "datasets": [
        {
            "id": "isle",
            "level": "registered",
            "ceilings": {"registered": "count"},
            "committee": [f"dora@{ISSUER}"],
        }
    ],
    "tests": [
        {
            "given": {"persona": "anonymous", "dataset": "isle"},
            "expect": {"outcome": "deny"},
        }
    ],
}


def at(name: str) -> str:
    return f"{name}@{ISSUER}"


@dataclass
class AdminNode:
    """`adam` and `anna` are its admins; the clock stands at `now`."""

    folder: Path
    admins: Sequence[str] = (at("adam"), at("anna"))
    policies: Mapping[str, object] = field(default_factory=lambda: POLICY)
    changed: Mapping[str, object] = field(default_factory=dict)
    trust: str = ""
    now: int = NOW

    def __post_init__(self) -> None:
        settings = SETTINGS.model_copy(update={"admins": tuple(self.admins), **self.changed})
        self.home: NodeHome = home.create(self.folder / "n", settings)
        (self.home.root / "keys" / "disclosure").write_bytes(b"n" * 32)  # one checkout, one noise
        self.write_policies(self.policies)
        if self.trust:
            self.home.trust.write_text(self.trust, encoding="utf-8")
        self.settings = config.load(self.home.settings)
        self.sessions = Sessions(clock=lambda: float(self.now))
        self.node: Node = assemble(self.home, clock=lambda: self.now, sessions=self.sessions)
        self.app = FastAPI()
        for router in self.node.others:
            self.app.include_router(router)
        ErrorTable(bodies={}, realm="test").install(self.app)

    def write_policies(self, policies: Mapping[str, object]) -> str:
        text = yaml.safe_dump(dict(policies))
        self.home.policies.write_text(text, encoding="utf-8")
        return text

    async def close(self) -> None:
        await self.node.close()

    def browser(self, name: str | None = "adam") -> Browser:
        return Browser(self, name)

    def recorded(self, kind: str) -> list[Mapping[str, object]]:
        entries = [json.loads(line) for line in self.home.record.read_bytes().splitlines()]
        return [entry["facts"] for entry in entries if entry["kind"] == kind]


class Browser:
    """One person's browser, or nobody's. Forms carry the session's token, as its pages give it."""

    def __init__(self, node: AdminNode, name: str | None) -> None:
        cookies, self.csrf = {}, ""
        if name is not None:
            person = SignedIn(name, ISSUER, name.title(), "token", node.now + 3600)
            number = node.sessions.create(person)
            cookies[cookie_name("node", node.settings.public_url)] = number
            session = node.sessions.get(number)
            assert session is not None
            self.csrf = session.csrf_token
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(node.app),
            base_url=node.settings.public_url,
            cookies=cookies,
        )

    async def get(self, path: str, **query: str) -> httpx.Response:
        return await self.http.get(path, params=query or None)

    async def send(self, path: str, **fields: str) -> httpx.Response:
        return await self.http.post(path, data={"csrf": self.csrf, **fields})

    async def text(self, path: str, **query: str) -> str:
        """What a page says, as a reader sees it: tags away, white space as one."""
        answer = await self.get(path, **query)
        assert answer.status_code == 200, answer.text
        return plain(answer.text)


def plain(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
