"""Fetching from a node that keeps its word, and every way in which a fetch ends without a file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from schemas.errors import SkerryError
from schemas.htsget import Manifest
from streams.errors import NotForUs
from streams.keys import SecretKey
from tests.support.sealing_node import NOW, TOKEN, URL, SealingNode, changed, client_of, fetched
from workspaces import deliveries, inbox, keys, settings
from workspaces.deliveries import Delivery
from workspaces.errors import (
    AddressInvalid,
    AlreadyThere,
    NodeNotPinned,
    NodeRefused,
    NodeSilent,
    PlaceRefused,
    ReleaseUntrue,
)
from workspaces.settings import PinnedNode

PLAIN = bytes(range(256)) * 800  # three full segments and a short one


@pytest.fixture
def node() -> SealingNode:
    return SealingNode(PLAIN)


@pytest.fixture
def folder(tmp_path: Path, node: SealingNode) -> Path:
    place = tmp_path / "lab"
    held = keys.init(place, "lab")
    pinned = PinnedNode(url=URL, manifest_key=node.manifest_key.hex())
    settings.save(place, settings.pin(held.settings, pinned))
    return place


def fetch(
    folder: Path, node: SealingNode, *, token: str = TOKEN, out: Path | None = None
) -> Delivery:
    with node.client() as http:
        return fetched(folder, http, token=token, out=out)


def files(folder: Path) -> list[str]:
    places = (settings.data_folder(folder), folder / "incoming", folder / "deliveries")
    return [str(p.relative_to(folder)) for place in places for p in place.rglob("*") if p.is_file()]


def test_the_plaintext_is_what_was_sealed_and_the_delivery_is_listed(
    folder: Path, node: SealingNode
) -> None:
    delivery = fetch(folder, node)
    path = settings.data_folder(folder) / delivery.path
    assert path.read_bytes() == PLAIN
    assert path.stat().st_mode & 0o777 == 0o600
    assert delivery.plain_sha256 == hashlib.sha256(PLAIN).hexdigest()
    assert delivery.segments == 4
    assert deliveries.listed(folder) == (delivery,)
    assert not list((folder / "incoming").iterdir())


def test_an_empty_object_is_a_header_alone(tmp_path: Path) -> None:
    node = SealingNode(b"")
    held = keys.init(tmp_path / "lab", "lab")
    pinned = PinnedNode(url=URL, manifest_key=node.manifest_key.hex())
    settings.save(held.folder, settings.pin(held.settings, pinned))
    assert fetch(held.folder, node).plain_size == 0


def test_a_broken_line_goes_on_where_it_broke(
    folder: Path, node: SealingNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workspaces.parcel.PAUSE_SECONDS", 0.0)
    node.breaks = [1000, 0, 3000]
    fetch(folder, node)
    ranges = [request.headers.get("Range") for request in node.asked[2:6]]
    assert ranges == [None, "bytes=1000-", "bytes=1000-", "bytes=4000-"]


def test_a_line_that_stays_dead_keeps_the_sealed_parts_for_the_next_fetch(
    folder: Path, node: SealingNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workspaces.parcel.PAUSE_SECONDS", 0.0)
    node.breaks = [65564, *[0] * 20]
    with pytest.raises(NodeSilent):
        fetch(folder, node)
    assert not list(settings.data_folder(folder).iterdir())
    node.breaks = []
    node.asked.clear()
    assert fetch(folder, node).plain_size == len(PLAIN)


def test_a_session_that_ended_is_opened_again_with_a_new_ticket(
    folder: Path, node: SealingNode
) -> None:
    node.refuse_blocks = 2
    assert fetch(folder, node).plain_size == len(PLAIN)


def test_a_session_that_always_ends_is_given_up(folder: Path, node: SealingNode) -> None:
    node.refuse_blocks = 99
    with pytest.raises(NodeRefused, match="This session ended"):
        fetch(folder, node)


def test_a_refusal_is_told_in_the_nodes_words_without_control_characters(
    folder: Path, node: SealingNode
) -> None:
    with pytest.raises(NodeRefused) as caught:
        fetch(folder, node, token="another")
    assert caught.value.upstream == 401
    assert caught.value.public == "The node refused (401): No.[31m"
    assert files(folder) == []


@pytest.mark.parametrize(
    "change",
    [
        changed(object_id="reads-2"),
        changed(format="CRAM"),
        changed(recipient="0" * 64),
        changed(version=2),
        changed(issued=NOW - 3600),
        changed(issued=NOW + 3600),
        changed(header_sha256="0" * 64),
        changed(header_size=1),
        changed(body_size=1),
        changed(plain_size=-1),
        changed(plain_size=2**62),
        changed(segment_root="../../../../etc"),
        changed(segment_root="0" * 64),
        changed(plain_sha256="0" * 64),
    ],
)
def test_a_signed_figure_that_is_not_true_leaves_no_file(
    folder: Path, node: SealingNode, change: Callable[[Manifest], Manifest]
) -> None:
    node.change = change
    with pytest.raises(ReleaseUntrue):
        fetch(folder, node)
    assert files(folder) == []


def test_a_manifest_signed_by_another_key_is_refused(folder: Path) -> None:
    with pytest.raises(ReleaseUntrue, match="did not sign"):
        fetch(folder, SealingNode(PLAIN))
    assert files(folder) == []


def test_a_header_for_another_key_is_refused(folder: Path, node: SealingNode) -> None:
    node.seal_to = SecretKey.generate().public
    with pytest.raises(ReleaseUntrue) as caught:
        fetch(folder, node)
    assert isinstance(caught.value.__cause__, NotForUs)
    assert files(folder) == []


def test_an_edit_list_is_unsupported(folder: Path, node: SealingNode) -> None:
    node.edit_list = (0, 100)
    with pytest.raises(ReleaseUntrue, match="unsupported"):
        fetch(folder, node)
    assert files(folder) == []


def test_body_addresses_of_another_host_are_never_asked(folder: Path, node: SealingNode) -> None:
    true = node.answer

    def elsewhere(request: httpx.Request) -> httpx.Response:
        answer = true(request)
        return httpx.Response(200, content=answer.content.replace(b":8081/", b":9999/"))

    with (
        client_of(elsewhere) as http,
        pytest.raises(ReleaseUntrue, match="not the node's"),
    ):
        fetched(folder, http)
    assert len(node.asked) == 2  # the ticket and what it opens


@pytest.mark.parametrize("answer", [b"", b"{}", b"[" * 100_000, b'{"htsget": 1}'])
def test_an_answer_that_is_no_ticket_is_refused(folder: Path, answer: bytes) -> None:
    with (
        client_of(lambda _: httpx.Response(200, content=answer)) as http,
        pytest.raises(ReleaseUntrue),
    ):
        inbox.fetch(folder=folder, node_url=URL, object_id="o", kind="file", token=TOKEN, http=http)


def test_a_redirect_is_not_followed(folder: Path) -> None:
    away = httpx.Response(302, headers={"Location": "http://127.0.0.1:1/"})
    with client_of(lambda _: away) as http, pytest.raises(NodeRefused):
        inbox.fetch(folder=folder, node_url=URL, object_id="o", kind="file", token=TOKEN, http=http)


@pytest.mark.parametrize("out", ["../stolen", "/stolen", "a/../../stolen", "..", "."])
def test_plaintext_does_not_leave_the_data_folder(
    folder: Path, node: SealingNode, out: str
) -> None:
    with pytest.raises(PlaceRefused):
        fetch(folder, node, out=Path(out))
    assert node.asked == []


def test_a_linked_folder_does_not_lead_out(folder: Path, node: SealingNode, tmp_path: Path) -> None:
    (settings.data_folder(folder) / "link").symlink_to(tmp_path)
    with pytest.raises(PlaceRefused):
        fetch(folder, node, out=Path("link/stolen"))


def test_the_ugly_flag_writes_outside_and_says_so(
    folder: Path, node: SealingNode, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with node.client() as http:
        delivery = fetched(folder, http, out=tmp_path / "plain.bam", insecure_plaintext_path=True)
    assert delivery.outside
    assert (tmp_path / "plain.bam").read_bytes() == PLAIN
    assert "insecure_plaintext_path" in caplog.text


def test_a_file_that_is_there_is_not_replaced(folder: Path, node: SealingNode) -> None:
    fetch(folder, node)
    with pytest.raises(AlreadyThere):
        fetch(folder, node)


def test_a_node_that_is_not_pinned_is_not_asked(tmp_path: Path, node: SealingNode) -> None:
    place = keys.init(tmp_path / "lab", "lab").folder
    with pytest.raises(NodeNotPinned):
        fetch(place, node)
    assert node.asked == []


@pytest.mark.parametrize(
    "url", ["http://example.org", "ftp://127.0.0.1", "127.0.0.1", "https://u:p@example.org", ""]
)
def test_tokens_go_over_tls_or_to_loopback_only(folder: Path, url: str) -> None:
    with pytest.raises(AddressInvalid):
        inbox.fetch(folder=folder, node_url=url, object_id="o", kind="reads", token=TOKEN)


def test_every_refusal_is_one_of_ours() -> None:
    for error in (AlreadyThere, NodeRefused, NodeSilent, PlaceRefused, ReleaseUntrue):
        assert issubclass(error, SkerryError)
