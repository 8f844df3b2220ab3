"""Threat: whoever carries a release drops, cuts, repeats, exchanges or adds sealed segments.

Crypt4GH notices none of these but the cut inside a segment; the signed manifest notices all.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from streams import envelope
from tests.support.sealing_node import URL, SealingNode, fetched
from workspaces import keys, settings
from workspaces.errors import ReleaseUntrue
from workspaces.settings import PinnedNode

PLAIN = b"".join(bytes([letter]) * envelope.SEGMENT for letter in b"abcd") + b"the short end"

Attack = Callable[[list[bytes]], list[bytes]]


def _forged(parts: list[bytes]) -> list[bytes]:
    """By one who learnt the data key: every MAC is right."""
    return [envelope.seal_segment(b"k" * 32, b"z" * envelope.SEGMENT), *parts[1:]]


def _older(parts: list[bytes]) -> list[bytes]:
    """The same plaintext, sealed another time."""
    body = io.BytesIO()
    envelope.seal_body(io.BytesIO(PLAIN), body, b"k" * 32)
    return [body.getvalue()]


ATTACKS: dict[str, Attack] = {
    "drop the last segment": lambda parts: parts[:-1],
    "drop the first segment": lambda parts: parts[1:],
    "drop a middle segment": lambda parts: parts[:1] + parts[2:],
    "swap two full segments": lambda parts: [parts[1], parts[0], *parts[2:]],
    "repeat one in another's place": lambda parts: [parts[0], parts[0], *parts[2:]],
    "move the short segment": lambda parts: [parts[-1], *parts[:-1]],
    "cut inside a segment": lambda parts: [*parts[:-1], parts[-1][:-3]],
    "cut to nothing": lambda parts: [],
    "append a segment": lambda parts: [*parts, parts[0]],
    "append a byte": lambda parts: [*parts[:-1], parts[-1] + b"!"],
    "flip a bit": lambda parts: [bytes([parts[0][0] ^ 1]) + parts[0][1:], *parts[1:]],
    "forge a segment under the true key": _forged,
    "send another sealing of the same": _older,
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_changed_body_is_refused_and_leaves_nothing(tmp_path: Path, attack: str) -> None:
    node = SealingNode(PLAIN)
    node.parts = ATTACKS[attack](node.parts)
    folder = tmp_path / "lab"
    held = keys.init(folder, "lab")
    pinned = PinnedNode(url=URL, manifest_key=node.manifest_key.hex())
    settings.save(folder, settings.pin(held.settings, pinned))
    with node.client() as http, pytest.raises(ReleaseUntrue):
        fetched(folder, http)
    assert not list(settings.data_folder(folder).iterdir())
    assert not list((folder / "incoming").iterdir())
    assert not (folder / "deliveries").exists()
