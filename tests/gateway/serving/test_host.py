"""Which values of `Host` a request may have, by the clauses that say so."""

from __future__ import annotations

import pytest

from gateway.serving.host import objection


@pytest.mark.parametrize(
    "host",
    [
        b"node.example", b"node.example:8443", b"node.example:", b"192.0.2.1:1", b"[2001:db8::1]",
        b"[::1]:8443", b"[::ffff:192.0.2.1]", b"[v1.a:b]", b"xn--bcher-kva.example", b"a_b",
        b"%C3%BC.example", b"",
    ],
)  # fmt: skip
def test_one_well_formed_host_is_asked(host: bytes) -> None:
    """RFC 9110 7.2, RFC 3986 3.2.2; empty where the address has no authority (RFC 9112 3.2)."""
    assert objection([host], version="1.1") is None


@pytest.mark.parametrize(
    "host",
    [
        b"a/b", b"a?b", b"a#b", b"person@a", b"a b", b"a,b:c", b"a:b", b"a:1:2", b"[::1", b"::1",
        b"[::1]x", b"[1:2]", b"[fe80::1%25eth0]", b"[]", b"%zz", b"a%", b"\xc3\xbc", b"a\x00",
        b"a\\b", b"a\tb", b"<a>", b'"a"', b"a:80\n",
    ],
)  # fmt: skip
def test_a_malformed_host_is_said_to_be(host: bytes) -> None:
    assert objection([host], version="1.1") == "The Host of the request is malformed."
    assert objection([host], version="1.0") == "The Host of the request is malformed."


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("second", [b"a", b"b", b""])
def test_two_hosts_are_one_too_many_even_if_alike(version: str, second: bytes) -> None:
    assert objection([b"a", second], version=version) == "The request names more than one Host."


def test_only_the_version_before_hosts_may_lack_one() -> None:
    assert objection([], version="1.0") is None
    for version in ("0.9", "1.1", "2.0"):
        assert objection([], version=version) == "The request names no Host."
