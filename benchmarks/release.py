"""What sealed release costs: codec, header, load, slices, fetch, and a served node's own share.

    python -m benchmarks.release [--mib 256]

Ratios are of one run, in memory (/dev/shm), by CPU seconds of the processes that do the work.
Yardsticks: `openssl speed`, the `crypt4gh` command, a bare `sendfile` server, nginx alone; in front
of the node nginx has the shipped configuration.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from benchmarks.streaming import stream
from streams import rotation, sealing
from streams.agent import KEEP_MEMORY
from streams.envelope import BATCH, SEALED_SEGMENT, SEGMENT, open_into
from streams.header import OpenedHeader, open_header, read_header, seal_header
from streams.keyring import KeyRing, public_path
from streams.keys import SecretKey, read_secret_key, write_pair
from streams.opening import open_parts
from streams.slices.sealed import Resealed
from streams.slices.weave import Stretch, Woven
from streams.storage import file_source
from streams.vault import Vault
from streams.writers import Writers
from tests.support import nginx, served_node
from tests.support.command import skerry
from tests.support.loopback import unused_address

MIB = 1024 * 1024
MEMORY = Path("/dev/shm") if os.access("/dev/shm", os.W_OK) else None  # noqa: S108


@dataclass(frozen=True, slots=True)
class Took:
    cpu: float
    wall: float


def took(work: Callable[[], object]) -> Took:
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return Took(time.process_time() - cpu, time.perf_counter() - wall)


def child(command: list[str | Path], *, stdin: Path, stdout: Path) -> Took:
    before, wall = os.times(), time.perf_counter()
    with stdin.open("rb") as source, stdout.open("wb") as sink:
        subprocess.run(command, stdin=source, stdout=sink, check=True)
    after = os.times()
    spent = after.children_user + after.children_system
    return Took(spent - before.children_user - before.children_system, time.perf_counter() - wall)


def row(what: str, figure: str, goal: str) -> None:
    print(f"| {what} | {figure} | {goal} |", flush=True)


def codec() -> None:
    """One thread, buffers in the cache, against OpenSSL's own measure of the same cipher."""
    asked = f"speed -seconds 2 -bytes {SEGMENT} -evp chacha20-poly1305"
    command = [shutil.which("openssl") or "openssl", *asked.split()]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"ChaCha20-Poly1305\s+([\d.]+)k", told, re.IGNORECASE)
    if found is None:
        raise RuntimeError("openssl speed said nothing of chacha20-poly1305")
    yardstick = float(found[1]) * 1000
    cipher, rounds = ChaCha20Poly1305(os.urandom(32)), 200
    plain = memoryview(bytearray(os.urandom(BATCH * SEGMENT)))
    sealed = memoryview(bytearray(BATCH * SEALED_SEGMENT))

    def seal() -> None:
        for _ in range(rounds):
            for at in range(BATCH):
                one = sealed[at * SEALED_SEGMENT : (at + 1) * SEALED_SEGMENT]
                one[:12] = nonce = os.urandom(12)
                piece = plain[at * SEGMENT : (at + 1) * SEGMENT]
                cipher.encrypt_into(nonce, piece, None, one[12:])

    def unseal() -> None:
        for _ in range(rounds):
            for at in range(BATCH):
                one = sealed[at * SEALED_SEGMENT : (at + 1) * SEALED_SEGMENT]
                open_into([cipher], one, plain[at * SEGMENT : (at + 1) * SEGMENT])

    for name, work in (("seal", seal), ("open", unseal)):
        rate = rounds * BATCH * SEGMENT / min(took(work).cpu for _ in range(3))
        figure = f"{rate / 1e9:.2f} GB per CPU s, {rate / yardstick:.0%} of openssl"
        row(f"codec, {name}, one thread", figure, ">= 90 % of openssl speed")


def headers(folder: Path) -> None:
    node, rounds = SecretKey.generate(), 2000
    sealed = [seal_header([os.urandom(32)], [node.public]) for _ in range(rounds)]
    readers = [SecretKey.generate().public for _ in range(rounds)]

    def remake(readers: Sequence[bytes]) -> None:
        writers = Writers()  # as the agent has them
        for header, reader in zip(sealed, readers, strict=True):
            keys = open_header(header, [node]).data_keys
            seal_header(keys, [reader], writer=writers.to(reader, now=0))

    spent = took(lambda: remake(readers)).cpu / rounds
    row("re-made header, of another reader each time", f"{spent * 1e6:.0f} us CPU", "<= 130 us")
    spent = took(lambda: remake(readers[:1] * rounds)).cpu / rounds
    row("re-made header, of a reader seen in the last minute", f"{spent * 1e6:.0f} us CPU", "")
    write_pair(folder / "storage.sec", folder / "storage.pub")
    ring, vault, objects = KeyRing(folder / "storage.sec"), Vault(folder / "rotated"), 2000
    (folder / "small").write_bytes(b"x")
    made = sealing.seal(
        vault, folder / "small", object_id="o", dataset="d", kind="file", format="FILE",
        owner_ids=(), node_public=read_secret_key(ring.current).public,
    )  # fmt: skip
    public = read_secret_key(ring.current).public
    many = [
        made.model_copy(
            update={
                "object_id": f"o{number}",
                "header": seal_header([os.urandom(32)], [public]).hex(),
            }
        )
        for number in range(objects)
    ]
    with vault._listing.writing():  # noqa: SLF001 - objects without bodies, only to be counted
        vault._listing.publish(many)  # noqa: SLF001
    spent = took(lambda: rotation.rotate(vault, ring)).cpu / objects
    row(
        "key rotation, proofs and list included",
        f"{spent * 1e6:.0f} us CPU per object",
        "<= 150 us",
    )
    public_path(ring.current).unlink()


def load(folder: Path, plain: Path) -> tuple[Vault, SecretKey]:
    secret, vault = SecretKey.generate(), Vault(folder / "vault")
    spent = took(
        lambda: sealing.seal(
            vault, plain, object_id="o", dataset="d", kind="file", format="FILE", owner_ids=(),
            node_public=secret.public,
        )
    )  # fmt: skip
    rate = plain.stat().st_size / spent.cpu / 1e9
    row("load (seal at rest)", f"{rate:.2f} GB per CPU s", ">= 0.5 GB per CPU s")
    return vault, secret


def slices(vault: Vault, secret: SecretKey) -> None:
    """In a process with a slicer's environment, as the agent starts it."""
    sealed = vault.get("o")
    assert sealed is not None  # noqa: S101 - it was just sealed
    keys = open_header(sealed.header_bytes, [secret]).data_keys
    os.environ.update(KEEP_MEMORY)
    with multiprocessing.get_context("spawn").Pool(1) as slicer:
        rate = slicer.apply(resealing, (vault.root, sealed.object_id, keys))
    for name in KEEP_MEMORY:
        del os.environ[name]
    row("re-sealed slice stream, one process", f"{rate:.2f} GB per CPU s", ">= 0.6 GB per CPU s")


def resealing(vault: Path, object_id: str, keys: tuple[bytes, ...]) -> float:
    """Gigabytes per CPU second."""
    bodies, sealed = Vault(vault).bodies, Vault(vault).get(object_id)
    assert sealed is not None  # noqa: S101 - it was just sealed
    woven = Woven((Stretch(0, sealed.plain_size),), (0, sealed.plain_size))
    resealed = Resealed(keys, sealed.plain_size, woven, os.urandom(32))
    descriptor = bodies.open(sealed.segment_root, size=sealed.body_size)
    step = BATCH * SEALED_SEGMENT

    def read() -> None:
        for start in range(0, resealed.size, step):
            resealed.read(file_source(descriptor), start, min(start + step, resealed.size))

    rate = sealed.plain_size / took(read).cpu / 1e9
    os.close(descriptor)
    return rate


def fetch(folder: Path, plain: Path) -> None:
    """File to file: ours with every digest, the package's without any."""
    write_pair(folder / "r.sec", folder / "r.pub")
    reader, whole = read_secret_key(folder / "r.sec"), folder / "whole.c4gh"
    command = shutil.which("crypt4gh", path=str(Path(sys.executable).parent)) or "crypt4gh"
    child([command, "encrypt", "--sk", folder / "r.sec", "--recipient_pk", folder / "r.pub"],
          stdin=plain, stdout=whole)  # fmt: skip
    theirs = min(
        (child([command, "decrypt", "--sk", folder / "r.sec"], stdin=whole, stdout=folder / "out")
         for _ in range(3)), key=lambda one: one.wall,
    )  # fmt: skip
    with whole.open("rb") as stream:
        opened = open_header(read_header(stream), [reader])
        body = folder / "body"
        with body.open("wb") as sink:
            shutil.copyfileobj(stream, sink, MIB)

    def ours() -> None:
        with (folder / "out").open("wb") as sink:
            open_parts([body], sink, OpenedHeader(opened.data_keys, None))

    best = min((took(ours) for _ in range(3)), key=lambda one: one.wall)
    size = plain.stat().st_size
    figure = (
        f"{size / best.cpu / 1e6:.0f} MB per CPU s ({theirs.cpu / best.cpu:.2f}x), "
        f"{size / best.wall / 1e6:.0f} MB/s wall ({theirs.wall / best.wall:.2f}x)"
    )
    row("skerry fetch, file to file, against `crypt4gh decrypt`", figure, ">= 1x CPU, >= 1.7x wall")


# A served node


def cpu_of(pid: int) -> float:
    """Of a process and its children, in seconds."""
    found, total = [pid], 0.0
    for one in found:
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
            children = Path(f"/proc/{one}/task/{one}/children").read_text().split()
        except FileNotFoundError:
            continue
        found += map(int, children)
        total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


def drain(url: str, headers: Mapping[str, str] | None = None) -> int:
    """Thrown away as cheaply as Python can."""
    port = urlsplit(url).port or 80
    named = {"Host": "127.0.0.1", "Connection": "close", **(headers or {})}
    lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    asked = f"GET {urlsplit(url)._replace(scheme='', netloc='').geturl()} HTTP/1.1\r\n{lines}\r\n"
    return stream((), port, [asked.encode()]).size


def bare_sendfile(path: Path, times: int) -> float:
    """CPU seconds of a process that does nothing but `sendfile` over loopback, per byte."""
    listener = socket.create_server(("127.0.0.1", 0))
    pid = os.fork()
    if pid == 0:
        for _ in range(times):
            line, _ = listener.accept()
            line.recv(65536)
            size = path.stat().st_size
            line.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode())
            with path.open("rb") as file, line:
                line.sendfile(file)
        os._exit(0)
    before = os.times()
    port = listener.getsockname()[1]
    total = sum(drain(f"http://127.0.0.1:{port}/") for _ in range(times))
    os.waitpid(pid, 0)
    after = os.times()
    spent = after.children_user + after.children_system
    return (spent - before.children_user - before.children_system) / total


def served(folder: Path, plain: Path, body: Path, *, tickets: int) -> None:
    node = served_node.made(folder, records=2_000)
    if skerry("load", node.home.root, "--dataset", "isle", "--seal", plain).code:
        raise RuntimeError("the large object was not loaded")
    with served_node.serving(node) as process:
        served_node.granted(node)
        headers = {"Authorization": f"Bearer {node.token('rosa')}"}
        place = f"{node.url}/htsget/reads/isle/made.bam"
        with httpx.Client(trust_env=False, headers=headers, timeout=60) as client:
            client.get(place).raise_for_status()
            before = cpu_of(process.pid)
            for number in range(tickets):
                answer = client.get(place)
                if answer.status_code == 429:
                    tickets = number
                    break
                answer.raise_for_status()
            spent = (cpu_of(process.pid) - before) / max(1, tickets)
            figure = f"{spent * 1e3:.2f} ms CPU each, of {tickets}"
            row("tickets, permit, header and record included", figure, "<= 2 ms")
            large = client.get(f"{node.url}/htsget/files/isle/{plain.name}").json()
            urls = large["htsget"]["urls"][1:]
        ours = per_byte([process.pid], urls)
    bare = bare_sendfile(body, 3)
    figure = f"{1 / ours / 1e9:.2f} GB per CPU s, {ours / bare:.1f}x the CPU of bare sendfile"
    row("whole unit over loopback, uvicorn alone", figure, "<= 2.5x")


def per_byte(pids: Sequence[int], urls: Sequence[Mapping[str, Any]]) -> float:
    """CPU seconds of the processes and their children for each byte of the parts."""
    before, size = sum(map(cpu_of, pids)), 0
    for _ in range(3):  # the budget of a release is four times its body
        size += sum(drain(one["url"], one.get("headers")) for one in urls)
    return (sum(map(cpu_of, pids)) - before) / size


def behind_nginx(folder: Path, plain: Path, body: Path) -> None:
    """Node and nginx together, against bare sendfile and against nginx alone with the same file."""
    if not nginx.installed():
        row("whole unit behind nginx", "not run: nginx is not installed", "<= 1.5x")
        return
    url = unused_address()
    bodies, clear = folder / "n" / "vault" / "bodies", folder / "clear"
    accel = {str(bodies): "/skerry-bodies"}
    node = served_node.made(folder, records=500, in_front=url, accel=accel)
    if skerry("load", node.home.root, "--dataset", "isle", "--seal", plain).code:
        raise RuntimeError("the large object was not loaded")
    clear.mkdir()
    (clear / "body").hardlink_to(body)
    configured = nginx.configuration(
        folder, port=int(url.rpartition(":")[2]), node_port=served_node.port_of(node),
        bodies=bodies, clear=clear,
    )  # fmt: skip
    alone = configured.replace("location /skerry-clear/ {\n        internal;", "location /alone/ {")
    with nginx.running(folder, alone, url=url) as front, served_node.serving(node) as process:
        served_node.granted(node)
        headers = {"Authorization": f"Bearer {node.token('rosa')}"}
        place = f"{url}/htsget/files/isle/{plain.name}"
        asked = httpx.get(place, headers=headers, trust_env=False, timeout=60).json()
        ours = per_byte([front.pid, process.pid], asked["htsget"]["urls"][1:])
        parts = [
            {"url": f"{url}/alone/body", "headers": one["headers"]}
            for one in asked["htsget"]["urls"][1:]
        ]
        theirs = per_byte([front.pid], parts)
    bare = bare_sendfile(body, 3)
    figure = (
        f"{1 / ours / 1e9:.2f} GB per CPU s, {ours / bare:.1f}x the CPU of bare sendfile, "
        f"{theirs / ours:.0%} of nginx alone"
    )
    row("whole unit behind nginx, node and nginx together", figure, "<= 1.5x; >= 90 %")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=256, help="size of the files")
    parser.add_argument("--tickets", type=int, default=150)
    given = parser.parse_args()
    print("| work | figure | goal |\n| --- | --- | --- |")
    with tempfile.TemporaryDirectory(prefix="skerry-release-", dir=MEMORY) as name:
        folder = Path(name)
        plain = folder / "plain"
        with plain.open("wb") as file:
            for _ in range(given.mib):
                file.write(os.urandom(MIB))
        codec()
        headers(folder)
        vault, secret = load(folder, plain)
        slices(vault, secret)
        fetch(folder, plain)
        (folder / "node").mkdir()
        served(folder / "node", plain, folder / "body", tickets=given.tickets)
        (folder / "front").mkdir()
        behind_nginx(folder / "front", plain, folder / "body")


if __name__ == "__main__":
    main()
