"""Threat: the header of one release is put before the body of another, or a header is forged."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from schemas.htsget import TicketAnswer, TicketUrl
from streams.header import seal_header
from tests.support.sealing_node import URL, SealingNode, client_of, fetched
from workspaces import keys, settings
from workspaces.errors import ReleaseUntrue
from workspaces.settings import PinnedNode

Swap = Callable[[TicketAnswer, SealingNode, bytes], TicketAnswer]


def _with_header(ticket: TicketAnswer, header: bytes) -> TicketAnswer:
    first = TicketUrl(url="data:;base64," + base64.b64encode(header).decode())
    urls = (first, *ticket.htsget.urls[1:])
    return TicketAnswer(htsget=ticket.htsget.model_copy(update={"urls": urls}))


def _of_another_release(ticket: TicketAnswer, other: SealingNode, reader: bytes) -> TicketAnswer:
    """Sealed by the same node for the same reader, only for another object."""
    first = other.ticket(reader).htsget.urls[0].url
    return _with_header(ticket, base64.b64decode(first.partition(",")[2]))


def _forged(ticket: TicketAnswer, other: SealingNode, reader: bytes) -> TicketAnswer:
    """Anyone can seal to a public key: nothing in Crypt4GH says who did."""
    return _with_header(ticket, seal_header([b"z" * 32], [reader]))


def _with_a_packet_more(ticket: TicketAnswer, other: SealingNode, reader: bytes) -> TicketAnswer:
    """So that segments of a key of the attacker's own would open too."""
    raw = base64.b64decode(ticket.htsget.urls[0].url.partition(",")[2])
    added = seal_header([b"z" * 32], [reader])[16:]
    count = int.from_bytes(raw[12:16], "little") + 1
    return _with_header(ticket, raw[:12] + count.to_bytes(4, "little") + raw[16:] + added)


def _whole_ticket_of_another(
    ticket: TicketAnswer, other: SealingNode, reader: bytes
) -> TicketAnswer:
    return other.ticket(reader)


def _manifest_of_another(ticket: TicketAnswer, other: SealingNode, reader: bytes) -> TicketAnswer:
    theirs = other.ticket(reader).htsget.skerry
    return TicketAnswer(htsget=ticket.htsget.model_copy(update={"skerry": theirs}))


@pytest.mark.parametrize(
    "swap",
    [
        _of_another_release,
        _forged,
        _with_a_packet_more,
        _whole_ticket_of_another,
        _manifest_of_another,
    ],
)
def test_a_header_that_is_not_the_one_signed_leaves_nothing(tmp_path: Path, swap: Swap) -> None:
    node = SealingNode(b"a" * 70_000)
    other = SealingNode(b"b" * 70_000, key=node.key, data_key=b"o" * 32)
    other.parts = node.parts
    held = keys.init(tmp_path / "lab", "lab")
    pinned = PinnedNode(url=URL, manifest_key=node.manifest_key.hex())
    settings.save(held.folder, settings.pin(held.settings, pinned))

    def swapped(request: httpx.Request) -> httpx.Response:
        answer = node.answer(request)
        if not request.url.path.endswith("/header"):
            return answer
        ticket = swap(TicketAnswer.model_validate_json(answer.content), other, held.public_key)
        return httpx.Response(200, content=ticket.model_dump_json())

    with client_of(swapped) as http, pytest.raises(ReleaseUntrue):
        fetched(held.folder, http)
    assert not list(settings.data_folder(held.folder).iterdir())
    assert not (held.folder / "deliveries").exists()
