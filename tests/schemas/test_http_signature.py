"""RFC 9421 in one profile: what is signed is what is sent, and no other form is read."""

from __future__ import annotations

import base64

import pytest

from schemas import http_signature
from schemas.http_signature import Parameters

PARAMETERS = Parameters("ws-1", 1_800_000_000, "ab" * 16)
HEADERS = http_signature.headers(b"{}", PARAMETERS, bytes(64))


def test_what_is_signed_names_method_address_body_and_parameters() -> None:
    signed = http_signature.base("POST", "https://n.example/x", body=b"{}", parameters=PARAMETERS)
    assert signed.decode().split("\n") == [
        '"@method": POST',
        '"@target-uri": https://n.example/x',
        '"content-digest": sha-256=:RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=:',
        (
            '"@signature-params": ("@method" "@target-uri" "content-digest");created=1800000000;'
            f'nonce="{"ab" * 16}";keyid="ws-1";alg="ed25519"'
        ),
    ]


def test_headers_are_read_again() -> None:
    found = http_signature.read(HEADERS["Signature-Input"], HEADERS["Signature"])
    assert found == (PARAMETERS, bytes(64))


@pytest.mark.parametrize(
    ("part", "by"),
    [
        ('"@method" ', ""),
        ('"@target-uri"', '"@path"'),
        (' "content-digest"', ""),
        (';alg="ed25519"', ""),
        ("ed25519", "hmac-sha256"),
        (f';nonce="{"ab" * 16}"', ""),
        ("created=1800000000", "created=-1"),
        ("created=1800000000", "created=1e9"),
        ('keyid="ws-1"', 'keyid="ws/../1"'),
        ('keyid="ws-1"', 'keyid=""'),
        ("skerry=", "other="),
        ("skerry=", "skerry=a, skerry="),
        (";created", ";expires=1;created"),
    ],
)
def test_another_profile_is_not_read(part: str, by: str) -> None:
    changed = HEADERS["Signature-Input"].replace(part, by, 1)
    assert changed != HEADERS["Signature-Input"]
    assert http_signature.read(changed, HEADERS["Signature"]) is None


@pytest.mark.parametrize("length", [0, 63, 65, 640])
def test_a_signature_of_another_length_is_not_read(length: int) -> None:
    written = f"skerry=:{base64.b64encode(bytes(length)).decode()}:"
    assert http_signature.read(HEADERS["Signature-Input"], written) is None
    assert http_signature.read(HEADERS["Signature-Input"], "") is None
