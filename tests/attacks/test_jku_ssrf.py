"""A visa's key URL chosen by whoever wrote the visa: nothing may be fetched."""

from __future__ import annotations

import httpx
import pytest

from tests.support.broker import NODE, Federation

pytestmark = pytest.mark.anyio
JKU = f"{NODE}/.well-known/jwks.json"


@pytest.mark.parametrize(
    "jku",
    [
        "https://evil.example/.well-known/jwks.json",
        f"{JKU}.evil.example",
        f"{JKU}?x=1",
        f"{JKU}#x",
        f"{JKU}/",
        f"{NODE}/./.well-known/jwks.json",
        f"{NODE}/x/../.well-known/jwks.json",
        f"{NODE}@evil.example/.well-known/jwks.json",
        "https://evil.example@node.example/.well-known/jwks.json",
        JKU.replace("https", "http"),
        JKU.replace("node.example", "NODE.example"),
        JKU.replace("node.example", "node.example:443"),
        JKU.replace("node.example", "nоde.example"),
        "http://2130706433/jwks",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "",
        "https://broker.example/.well-known/jwks.json",
    ],
)
async def test_only_the_exact_pair_of_issuer_and_key_url_is_fetched(jku: str) -> None:
    federation = Federation()
    assert await federation.reason_for(federation.node.visa(jku=jku)) == "unknown_issuer"
    assert federation.network.asked == [federation.broker.jku]


async def test_a_redirect_from_a_trusted_key_url_is_not_followed() -> None:
    federation = Federation()
    elsewhere = httpx.Response(302, headers={"Location": "https://evil.example/jwks"})
    federation.network.serve(federation.node.jku, lambda _request: elsewhere)
    assert await federation.reason_for(federation.node.visa()) == "keys_unavailable"
    assert "https://evil.example/jwks" not in federation.network.asked
