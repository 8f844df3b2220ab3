"""Where a portal listens: at the port of its address, or behind a proxy that has that one."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from portal.settings import PortalSettings


@pytest.mark.parametrize(
    ("public_url", "port", "listened"),
    [
        ("https://portal.example.org", None, 443),
        ("https://portal.example.org:8443", None, 8443),
        ("http://127.0.0.1:8080", None, 8080),
        ("https://portal.example.org", 8080, 8080),
    ],
)
def test_a_portal_listens_at_the_port_that_is_meant(
    public_url: str, port: int | None, listened: int
) -> None:
    settings = PortalSettings(public_url=public_url, nodes=(), port=port)
    assert settings.listened == listened


@pytest.mark.parametrize("port", [0, -1, 65_536])
def test_what_is_no_port_is_refused(port: int) -> None:
    with pytest.raises(ValidationError, match="port"):
        PortalSettings(public_url="https://portal.example.org", nodes=(), port=port)
