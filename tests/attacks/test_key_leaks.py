"""Threat: a log at DEBUG, a traceback or a pickle shows a key. The reference's logs do."""

from __future__ import annotations

import base64
import io
import logging
import pickle
import traceback
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from schemas.errors import SkerryError
from streams import envelope
from streams.header import open_header, seal_header
from streams.keys import SecretKey, read_secret_key, write_pair
from tests.support.sealing_node import TOKEN, URL, SealingNode, fetched
from workspaces import keys


def forms(secret: bytes) -> tuple[str, ...]:
    """The ways in which these bytes could be printed."""
    return (
        secret.hex(),
        secret.hex().upper(),
        repr(secret)[2:-1],
        base64.b64encode(secret).decode(),
        base64.urlsafe_b64encode(secret).decode().rstrip("="),
        str(list(secret)),
    )


def assert_absent(text: str, *secrets: bytes) -> None:
    for secret in secrets:
        for form in forms(secret):
            assert form not in text


@pytest.fixture
def raw() -> bytes:
    return bytes(range(100, 132))


@pytest.fixture
def secret(raw: bytes) -> SecretKey:
    return SecretKey(X25519PrivateKey.from_private_bytes(raw))


def test_sealing_and_opening_at_debug_logs_no_key(
    raw: bytes, secret: SecretKey, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    data_key = bytes(range(32))
    body = io.BytesIO()
    envelope.seal_body(io.BytesIO(b"plain" * 30_000), body, data_key)
    header = seal_header([data_key], [secret.public, SecretKey.generate().public])
    opened = open_header(header, [secret])
    body.seek(0)
    envelope.open_body(body, io.BytesIO(), opened)
    agreed = secret.exchange(SecretKey.generate().public)
    assert_absent(caplog.text + repr(opened) + repr(secret), raw, data_key, agreed)


def test_reading_key_files_at_debug_logs_no_key_and_no_passphrase(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    write_pair(tmp_path / "a.sec", tmp_path / "a.pub", b"correct horse")
    read_secret_key(tmp_path / "a.sec", b"correct horse")
    text = caplog.text
    with pytest.raises(SkerryError) as caught:
        read_secret_key(tmp_path / "a.sec", b"wrong horse")
    text += "".join(traceback.format_exception(caught.value)) + caught.value.detail
    assert "horse" not in text.replace('b"correct horse"', "").replace('b"wrong horse"', "")


def test_a_whole_fetch_at_debug_logs_no_key_no_token_and_no_plaintext(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    node = SealingNode(b"a person's genome", data_key=bytes(range(64, 96)))
    folder = keys.init(tmp_path / "lab", "lab").folder
    with node.client() as http:
        keys.register(URL, TOKEN, folder=folder, manifest_key=node.manifest_key, http=http)
        fetched(folder, http)
    text = caplog.text
    assert_absent(text, node.data_key, node.nonce)
    assert TOKEN not in text
    assert "genome" not in text


def test_no_door_out_of_a_secret_key(raw: bytes, secret: SecretKey) -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError):
            pickle.dumps(secret, protocol)
    assert not hasattr(secret, "__dict__")
    assert_absent(f"{secret} {secret!r} {[secret]}", raw)
