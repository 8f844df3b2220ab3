"""Opens a node's record for whoever has something to record: a server, a worker, a command.

One process at a time holds the file (`RecordFile`); where several serve a node that is the record's
writer, and all others are its clients.
"""

from __future__ import annotations

from access.audit import Record, RecordFile
from access.record_client import RecordClient
from gateway.home import NodeHome
from gateway.share import Share, is_listening, record_socket


def of_server(home: NodeHome, share: Share | None) -> Record:
    key = home.secret("pseudonym")
    if share is not None:
        return RecordClient(share.record_socket, pseudonym_key=key)
    return RecordFile(home.record, pseudonym_key=key, signing_key=home.signing_key())


def of_command(home: NodeHome) -> Record:
    """Raises `RecordUnavailable` where a server of a single process holds the file."""
    socket, key = record_socket(home.root), home.secret("pseudonym")
    if is_listening(socket):
        return RecordClient(socket, pseudonym_key=key)
    return RecordFile(home.record, pseudonym_key=key, signing_key=home.signing_key())
