"""One port tells nodes from people by what TLS offers, and hangs up on everything else."""

from __future__ import annotations

import ssl
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workspaces.engine.front import protocols


def hello(*offered: str) -> bytes:
    """A real first message, of this machine's TLS."""
    context = ssl.create_default_context()
    if offered:
        context.set_alpn_protocols(list(offered))
    outgoing = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


WHOLE = hello("h2")


@pytest.mark.parametrize("offered", [("h2",), ("grpc-exp", "h2"), ("http/1.1",), ()])
def test_what_a_client_offers_is_read(offered: tuple[str, ...]) -> None:
    assert protocols(hello(*offered)) == list(offered)


@pytest.mark.parametrize(
    "raw", [b"", b"\x16", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x01\x02"]
)
def test_what_is_no_first_message_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match="first message"):
        protocols(raw)


@settings(deadline=None)
@given(st.integers(0, 600), st.binary(max_size=20))
def test_a_message_cut_or_changed_is_read_or_refused_and_nothing_else(
    place: int, bytes_put: bytes
) -> None:
    for raw in (WHOLE[:place], WHOLE[:place] + bytes_put + WHOLE[place + len(bytes_put) :]):
        with suppress(ValueError):  # the one that front hangs up at
            assert isinstance(protocols(raw), list)
