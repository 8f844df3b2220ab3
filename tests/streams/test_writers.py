"""Writer keys: one for a recipient and a minute, never shared between two, and forgotten."""

from __future__ import annotations

import os

import pytest

from streams.header import open_header, seal_header
from streams.keys import SecretKey
from streams.writers import KEPT_SECONDS, MAX_RECIPIENTS, Writers


def test_one_recipient_has_one_writer_for_a_minute() -> None:
    writers, recipient = Writers(), SecretKey.generate().public
    first = writers.to(recipient, now=100)
    assert writers.to(recipient, now=100 + KEPT_SECONDS - 1) is first
    assert writers.to(recipient, now=100 + KEPT_SECONDS).public != first.public


def test_two_recipients_never_share_a_writer() -> None:
    writers = Writers()
    made = {writers.to(SecretKey.generate().public, now=0).public for _ in range(20)}
    assert len(made) == 20


def test_a_clock_that_was_set_back_keeps_no_writer() -> None:
    writers, recipient = Writers(), SecretKey.generate().public
    assert writers.to(recipient, now=100).public != writers.to(recipient, now=50).public


def test_they_are_capped_and_the_oldest_goes_first() -> None:
    writers = Writers()
    recipients = [os.urandom(32) for _ in range(MAX_RECIPIENTS + 1)]
    made = [writers.to(recipient, now=0) for recipient in recipients]
    assert writers.to(recipients[-1], now=0) is made[-1]
    assert writers.to(recipients[0], now=0) is not made[0]
    assert repr(writers) == "Writers()"


def test_headers_of_one_writer_open_for_their_reader_alone_and_never_repeat_a_nonce() -> None:
    writers, reader, other = Writers(), SecretKey.generate(), SecretKey.generate()
    keys = [os.urandom(32) for _ in range(50)]
    headers = [
        seal_header([key], [reader.public], writer=writers.to(reader.public, now=0)) for key in keys
    ]
    assert [open_header(header, [reader]).data_keys for header in headers] == [(k,) for k in keys]
    assert len({header[56:68] for header in headers}) == len(headers)
    for header in headers:
        with pytest.raises(Exception, match="opens"):
            open_header(header, [other])


def test_a_remembered_agreement_is_of_that_peer_alone() -> None:
    ours, first, second = (SecretKey.generate() for _ in range(3))
    points = [ours.exchange(first.public), ours.exchange(second.public)]
    assert points[0] != points[1]
    assert [ours.exchange(first.public), ours.exchange(second.public)] == points
    assert first.exchange(ours.public) == points[0]
