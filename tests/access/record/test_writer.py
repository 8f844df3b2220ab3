"""Both records keep the same promises: the file held in process, and the writer's clients."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from access.errors import FactRefused, RecordUnavailable
from access.record import door
from access.record import writer as record_writer
from access.record.audit import Record, RecordFile, verify
from access.record.chain import MAX_FACTS_BYTES, fit
from access.record.chain_file import ChainFile
from access.record.client import RecordClient
from access.record.wire import ANSWER, REFUSED, frame

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
NAMES = b"p" * 32


class Writer:
    """The writer's loop in a thread of this process, so that its disk can be made to fail."""

    def __init__(self, folder: Path, *, every: int = 1_000) -> None:
        self.path = folder / "record.jsonl"
        self.socket = folder / "w.sock"
        self._every = every
        self._ready, self._stop = threading.Event(), asyncio.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self._thread.start()
        assert self._ready.wait(600)

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        chain = ChainFile(self.path, signing_key=KEY, checkpoint_every=self._every)
        server, writer = await record_writer.serve(chain, self.socket)
        self._ready.set()
        await self._stop.wait()
        server.close()
        await writer.close()

    def client(self) -> RecordClient:
        return RecordClient(self.socket, pseudonym_key=NAMES)

    def stop(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(600)


@contextmanager
def in_process(folder: Path) -> Iterator[Record]:
    record = RecordFile(folder / "record.jsonl", pseudonym_key=NAMES, signing_key=KEY)
    try:
        yield record
    finally:
        record.close()


@contextmanager
def by_the_writer(folder: Path) -> Iterator[Record]:
    writer = Writer(folder)
    record = writer.client()
    try:
        yield record
    finally:
        record.close()
        writer.stop()


@contextmanager
def by_the_door(folder: Path) -> Iterator[Record]:
    """As the key agent and commands do beside a server of one process."""
    held = RecordFile(folder / "record.jsonl", pseudonym_key=NAMES, signing_key=KEY)
    with door.door(held, folder / "w.sock"):
        record = RecordClient(folder / "w.sock", pseudonym_key=NAMES)
        try:
            yield record
        finally:
            record.close()
            held.close()


@pytest.fixture(params=[in_process, by_the_writer, by_the_door])
def record(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Record]:
    with request.param(tmp_path) as made:
        yield made


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    made = Writer(tmp_path)
    yield made
    made.stop()


def entries(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


async def closed(record: Record) -> None:
    """Within the loop that it wrote from, as a node does."""
    record.close()
    await asyncio.sleep(0)


class TestEitherRecord:
    @pytest.mark.parametrize("durable", [True, False])
    def test_an_entry_is_in_the_file_when_append_returns(
        self, record: Record, tmp_path: Path, durable: bool
    ) -> None:
        number = record.append("answer.sent", {"codes": ("a", "b"), "n": 2**70}, durable=durable)
        found = entries(tmp_path / "record.jsonl")
        assert found[number - 1]["facts"] == {"codes": ["a", "b"], "n": 2**70}

    @pytest.mark.anyio
    async def test_an_entry_is_in_the_file_when_write_returns(
        self, record: Record, tmp_path: Path
    ) -> None:
        numbers = await asyncio.gather(*(record.write("answer.sent", {"n": n}) for n in range(40)))
        assert sorted(numbers) == list(range(1, 41))
        found = entries(tmp_path / "record.jsonl")
        assert [found[number - 1]["facts"] for number in numbers] == [{"n": n} for n in range(40)]
        await closed(record)

    @pytest.mark.anyio
    @pytest.mark.parametrize(
        "value", ["Bearer abcdefghij", float("nan"), {"nested": 1}, b"x", object(), "x" * 2_001]
    )
    async def test_what_must_not_enter_does_not(
        self, record: Record, tmp_path: Path, value: object
    ) -> None:
        with pytest.raises(FactRefused):
            record.append("answer.sent", {"value": value})
        with pytest.raises(FactRefused):
            await record.write("answer.sent", {"value": value})
        assert (tmp_path / "record.jsonl").read_bytes() == b""
        await closed(record)

    def test_threads_share_one_chain(self, record: Record, tmp_path: Path) -> None:
        def work() -> None:
            for number in range(25):
                record.append("answer.sent", {"n": number, "half": 0.5}, durable=number == 7)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(entries(tmp_path / "record.jsonl")) == 100
        assert verify(tmp_path / "record.jsonl", KEY.public_key()).ok

    def test_pseudonyms_are_those_of_the_key(self, record: Record, tmp_path: Path) -> None:
        other = RecordFile(tmp_path / "other", pseudonym_key=NAMES, signing_key=KEY)
        assert record.pseudonym("rosa@https://b.example") == other.pseudonym(
            "rosa@https://b.example"
        )
        assert record.fingerprint(b"question") == other.fingerprint(b"question")
        other.close()

    @pytest.mark.anyio
    async def test_a_full_disk_refuses(
        self, record: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        record.append("answer.sent", {"n": 1})
        whole = (tmp_path / "record.jsonl").read_bytes()

        def full(_self: ChainFile, _data: bytes) -> None:
            raise RecordUnavailable("The record can't be written.", detail="disk")

        with monkeypatch.context() as broken:
            broken.setattr(ChainFile, "_put", full)
            with pytest.raises(RecordUnavailable):
                record.append("answer.sent", {"n": 2}, durable=True)
            with pytest.raises(RecordUnavailable):
                await record.write("answer.sent", {"n": 2})
        assert (tmp_path / "record.jsonl").read_bytes() == whole
        assert record.append("answer.sent", {"n": 3}) == 2
        await closed(record)

    def test_after_a_failed_sync_nothing_more_is_taken(
        self, record: Record, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(_descriptor: int) -> None:
            raise OSError("disk")

        with monkeypatch.context() as broken:
            broken.setattr("os.fsync", fail)
            with pytest.raises(RecordUnavailable):
                record.append("release.opened", {}, durable=True)
        with pytest.raises(RecordUnavailable):
            record.append("answer.sent", {})

    @pytest.mark.anyio
    async def test_nothing_is_taken_after_close(self, record: Record) -> None:
        record.append("answer.sent", {})
        await closed(record)
        await closed(record)
        with pytest.raises(RecordUnavailable):
            record.append("answer.sent", {})
        with pytest.raises(RecordUnavailable):
            await record.write("answer.sent", {})


def test_two_clients_at_once_make_one_chain(writer: Writer) -> None:
    def work(count: int) -> None:
        async def both() -> None:
            client = writer.client()
            for number in range(count):
                await asyncio.gather(
                    *(client.write("answer.sent", {"n": number}) for _ in range(8))
                )
                client.append("release.opened", {"n": number}, durable=True)
            await closed(client)

        asyncio.run(both())

    threads = [threading.Thread(target=work, args=(10,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(entries(writer.path)) == 180
    assert verify(writer.path, KEY.public_key()).ok


def test_a_stopped_writer_leaves_a_signed_record_and_no_socket_to_fool(writer: Writer) -> None:
    client = writer.client()
    client.append("answer.sent", {"n": 1})
    writer.stop()
    found = verify(writer.path, KEY.public_key())
    assert (found.ok, found.entries, found.signed) == (True, 2, 1)
    with pytest.raises(RecordUnavailable):
        client.append("answer.sent", {"n": 2})
    client.close()


@pytest.mark.anyio
async def test_a_client_goes_on_with_the_next_writer(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    client = writer.client()
    assert (client.append("answer.sent", {}), await client.write("answer.sent", {})) == (1, 2)
    writer.stop()
    with pytest.raises(RecordUnavailable):
        await client.write("answer.sent", {})
    writer = Writer(tmp_path)
    assert (client.append("answer.sent", {}), await client.write("answer.sent", {})) == (4, 5)
    await closed(client)
    writer.stop()


def test_nobody_else_can_connect(writer: Writer) -> None:
    assert writer.socket.stat().st_mode & 0o077 == 0


def test_nothing_listens_nothing_is_taken(tmp_path: Path) -> None:
    client = RecordClient(tmp_path / "none", pseudonym_key=NAMES)
    with pytest.raises(RecordUnavailable):
        client.append("answer.sent", {})
    with pytest.raises(RecordUnavailable):
        asyncio.run(client.write("answer.sent", {}))


def sent(writer: Writer, data: bytes) -> bytes:
    """What the writer answers to raw bytes before it hangs up or is left waiting."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(60)
        line.connect(str(writer.socket))
        line.sendall(data)
        line.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while part := line.recv(4096):
                answer += part
        except ConnectionResetError:
            pass
        return answer


GOOD = frame(7, "answer.sent", fit("answer.sent", {"n": 1}), durable=False)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        GOOD[:-1],
        b"GET / HTTP/1.1\r\nHost: node\r\n\r\n",
        struct.pack("!I?BI", 1, False, 255, 1) + b"x",
        struct.pack("!I?BI", 1, False, 4, MAX_FACTS_BYTES + 1),
        struct.pack("!I?BI", 1, False, 4, 2) + b"kind[]",
        struct.pack("!I?BI", 1, False, 4, 9) + b'kind{"a":1 }.',
        struct.pack("!I?BI", 1, False, 4, 3) + b'kind{"a',
        struct.pack("!I?BI", 1, False, 4, 13) + b'kind{"b":1,"a":1}',
        struct.pack("!I?BI", 1, False, 4, 2) + b"\xff\xff\xff\xff{}",
        struct.pack("!I?BI", 1, False, 4, 27) + b'kind{"a":"Bearer abcdefghijk"}',
        b"\0" * 10_000,
    ],
)
def test_what_is_no_entry_enters_nothing_and_harms_nobody(writer: Writer, data: bytes) -> None:
    client = writer.client()
    assert client.append("answer.sent", {}) == 1
    assert sent(writer, data) == b""
    assert client.append("answer.sent", {}) == 2
    client.close()
    assert [entry["kind"] for entry in entries(writer.path)] == ["answer.sent", "answer.sent"]


def test_an_entry_in_pieces_is_one_entry(writer: Writer) -> None:
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(60)
        line.connect(str(writer.socket))
        for at in range(len(GOOD)):
            line.sendall(GOOD[at : at + 1])
        assert ANSWER.unpack(line.recv(64)) == (7, 1)


@pytest.mark.anyio
async def test_a_writer_that_hangs_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("access.record.client.PATIENCE_SECONDS", 0.2)
    held: list[asyncio.StreamWriter] = []
    server = await asyncio.start_unix_server(
        lambda _reader, writer: held.append(writer), tmp_path / "w.sock"
    )
    client = RecordClient(tmp_path / "w.sock", pseudonym_key=NAMES)
    with pytest.raises(RecordUnavailable):
        await client.write("answer.sent", {})
    with pytest.raises(RecordUnavailable):
        await asyncio.to_thread(client.append, "answer.sent", {})
    await closed(client)
    for writer in held:
        writer.close()
    server.close()


@pytest.mark.anyio
async def test_a_request_that_is_cancelled_disturbs_no_other(writer: Writer) -> None:
    client = writer.client()
    cancelled: Callable[[], object] = asyncio.ensure_future(client.write("answer.sent", {})).cancel
    kept = asyncio.ensure_future(client.write("answer.sent", {"n": 1}))
    await asyncio.sleep(0)
    cancelled()
    assert await kept != REFUSED
    await closed(client)
