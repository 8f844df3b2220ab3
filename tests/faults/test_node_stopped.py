"""Fault: a node is told to stop (SIGTERM) while fifty clients ask it. Each has whole answers and
then a close, none half an answer; each answer they had is in the record, which holds."""

from __future__ import annotations

import signal
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from access.record.audit import verify
from tests.support import served_node
from tests.support.command import skerry
from tests.support.node_folder import open_counts
from tests.support.served_node import Served

pytestmark = pytest.mark.live

CLIENTS = 50
BEFORE = 3  # answers that each has before the node is told
ASKED = (
    b"GET /beacon/g_variants?referenceName=1&start=5&referenceBases=A&alternateBases=T"
    b"&assemblyId=GRCh38&requestedGranularity=count HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
)
VCF = """##fileformat=VCFv4.3
##contig=<ID=1>
##INFO=<ID=AC,Number=A,Type=Integer,Description="alleles">
##INFO=<ID=AN,Number=1,Type=Integer,Description="of all">
#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO
1\t6\t.\tA\tT\t.\tPASS\tAC=7;AN=200
"""


class Asking:
    """Asks on one connection until the node closes it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._left = b""
        self.asked_enough = threading.Event()
        self.answers: list[bytes] = []
        self.cut = b""

    def run(self) -> None:
        with socket.create_connection(("127.0.0.1", self._port), timeout=600) as connection:
            while self._answered(connection):
                if len(self.answers) >= BEFORE:
                    self.asked_enough.set()
        self.asked_enough.set()

    def _answered(self, connection: socket.socket) -> bool:
        try:
            connection.sendall(ASKED)
            head = self._until(connection, b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or -1)
            body = b"" if not head else self._take(connection, length)
        except ConnectionError:
            head = body = b""
        if not head or len(body) < 1:
            self.cut = self._left
            return False
        self.answers.append(head + b"\r\n\r\n" + body)
        return b"connection: close" not in head.lower()

    def _until(self, connection: socket.socket, end: bytes) -> bytes:
        while end not in self._left:
            if not (piece := connection.recv(1 << 16)):
                return b""
            self._left += piece
        head, _, _ = self._left.partition(end)
        return head

    def _take(self, connection: socket.socket, length: int) -> bytes:
        begin = self._left.index(b"\r\n\r\n") + 4
        while len(self._left) < begin + length:
            if not (piece := connection.recv(1 << 16)):
                return b""
            self._left += piece
        body, self._left = self._left[begin : begin + length], self._left[begin + length :]
        return body


def load(node: Served) -> None:
    """What anybody may ask for counts of."""
    text = yaml.safe_dump({"version": "two", "datasets": [open_counts("open")]})
    node.home.policies.write_text(text, "utf-8")
    sites = node.folder / "sites.vcf"
    sites.write_text(VCF, encoding="ascii")
    ran = skerry("load", node.home.root, "--dataset", "open", "--vcf", sites)
    assert ran.code == 0, ran.err


@pytest.mark.parametrize("workers", [1, 2])
def test_who_asks_while_a_node_stops_has_whole_answers_and_then_a_close(
    tmp_path: Path, workers: int
) -> None:
    node = served_node.made(tmp_path)
    load(node)
    port = urlsplit(node.url).port
    assert port is not None
    asking = [Asking(port) for _ in range(CLIENTS)]
    with (
        served_node.serving(node, workers=workers) as process,
        ThreadPoolExecutor(CLIENTS) as threads,
    ):
        running = [threads.submit(one.run) for one in asking]
        assert all(one.asked_enough.wait(240) for one in asking)
        process.send_signal(signal.SIGTERM)
        for one in running:
            one.result(240)
        process.wait(600)
    assert [one.cut for one in asking] == [b""] * CLIENTS
    answers = [answer for one in asking for answer in one.answers]
    assert len(answers) >= CLIENTS * BEFORE
    assert {answer[:12] for answer in answers} == {b"HTTP/1.1 200"}
    assert all(b'"exists":true' in answer for answer in answers)
    assert len(node.recorded("beacon.answer")) >= len(answers)
    assert verify(node.home.record, node.home.signing_key().public_key()).problem is None
