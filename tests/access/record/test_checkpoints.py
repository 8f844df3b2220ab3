"""A checkpoint is read back only as it was signed, by the key that signed it."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from access.errors import CheckpointRefused
from access.record.checkpoints import Checkpoint, origin_of, read, signed

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
OTHER = Ed25519PrivateKey.from_private_bytes(b"o" * 32)
MADE = Checkpoint(origin_of("https://node.example/here"), 12, b"r" * 32)
NOTE = signed(MADE, KEY)


def test_it_is_the_text_of_a_tlog_checkpoint() -> None:
    origin, size, root, empty, mark, end = NOTE.split("\n")
    assert (origin, size, empty, end) == ("node.example/here/record", "12", "", "")
    assert root == "cnJycnJycnJycnJycnJycnJycnJycnJycnJycnJycnI="
    assert mark.startswith("\u2014 node.example/here/record ")


def test_what_was_signed_is_read_back() -> None:
    assert read(NOTE, KEY.public_key()) == MADE


def test_another_nodes_key_refuses_it() -> None:
    with pytest.raises(CheckpointRefused):
        read(NOTE, OTHER.public_key())


@pytest.mark.parametrize(
    "changed",
    [
        NOTE.replace("\n12\n", "\n13\n"),
        NOTE.replace("cnJy", "dnJy", 1),
        NOTE.replace("node.example", "other.example"),
        NOTE.replace("node.example", "other.example", 1),
        NOTE.rstrip("\n"),
        NOTE + NOTE,
        NOTE.replace("12", "012"),
        NOTE.replace("\u2014", "-"),
        "",
        "\n" * 10,
        "x" * 100_000,
    ],
)
def test_a_changed_one_is_refused(changed: str) -> None:
    with pytest.raises(CheckpointRefused):
        read(changed, KEY.public_key())


@given(st.text(max_size=300) | st.integers(0, len(NOTE) - 1).map(lambda n: NOTE[:n]))
def test_any_other_text_is_refused_and_never_an_accident(text: str) -> None:
    with pytest.raises(CheckpointRefused):
        read(text, KEY.public_key())
