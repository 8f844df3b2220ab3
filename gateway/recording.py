"""Opens a node's record for whoever has something to record: a server, a worker, a command.

One process at a time holds the file (`RecordFile`): the one that serves a node, or where several do
the record's writer. All others are clients of it, the key agent among them.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Generator
from contextlib import contextmanager

from access.record import door
from access.record.audit import Record, RecordFile
from access.record.client import RecordClient
from gateway.home import NodeHome
from gateway.serving.share import Share, is_listening, record_socket


def of_server(home: NodeHome, share: Share | None) -> Record:
    if share is None:
        return _file(home)
    return RecordClient(share.record_socket, pseudonym_key=home.secret("pseudonym"))


@contextmanager
def of_one_process(home: NodeHome) -> Generator[Record]:
    """The record of a server that has no workers, with its door for the others."""
    record = _file(home)
    try:
        with door.door(record, record_socket(home.root)):
            yield record
    finally:
        record.close()


def of_command(home: NodeHome) -> Record:
    """Raises `RecordUnavailable` where another command holds the file."""
    socket = record_socket(home.root)
    if is_listening(socket):
        return RecordClient(socket, pseudonym_key=home.secret("pseudonym"))
    return _file(home)


def operator() -> str:
    """Who types a command, as people are named here: their login at this machine."""
    user = os.getuid()
    try:
        return f"{pwd.getpwuid(user).pw_name}@command"
    except KeyError:  # a container's user need not have a name
        return f"{user}@command"


def _file(home: NodeHome) -> RecordFile:
    key = home.secret("pseudonym")
    return RecordFile(home.record, pseudonym_key=key, signing_key=home.signing_key())
