"""A whole run of an application in one process: every site's side, the masks, and the coordinator.

What a federation does over the engine is done here over synthetic sites, in a sandbox without any
way out but the socket that takes the result. Nothing is real, so a failure is shown whole.
"""

from __future__ import annotations

import importlib
import io
import json
import resource
import socket
import sys
import time
import tomllib
import traceback
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from . import frames
from .application import Application
from .conducting import Federation, Progress, Silence, conduct
from .masking import LEAST
from .roster import Start
from .visit import SiteFacts, Visit

SOCKET = "/run/result.sock"
_RUN = "1"
_SECONDS = 3_600


class Together:
    """Implements `Exchange` over sites in this process; `sent` counts their answers' bytes."""

    def __init__(self, visits: Sequence[Visit]) -> None:
        self._visits = dict(enumerate(visits))
        self.sent = dict.fromkeys(self._visits, 0)

    def nodes(self) -> Mapping[int, str]:
        return {node: one.facts.start.fingerprint for node, one in self._visits.items()}

    def send(
        self, action: str, messages: Mapping[int, bytes], *, seconds: float
    ) -> Mapping[int, bytes | Silence]:
        return {node: self._answer(action, node, body) for node, body in messages.items()}

    def _answer(self, action: str, node: int, body: bytes) -> bytes | Silence:
        visit = self._visits[node]
        head, parts = frames.unpack(body)
        try:
            match action:
                case "offer":
                    said = visit.offer()
                case "ask":
                    said = visit.ask(head, parts)
                case _:
                    said = visit.open(head, parts)
        except Exception as error:  # noqa: BLE001 - a site says no, and here also why
            traceback.print_exc()
            told = str(error) if getattr(error, "for_the_coordinator", False) else ""
            return Silence(told or "the application failed here")
        self.sent[node] += len(said)
        return said


def main(orders: str) -> None:
    said = json.loads(Path(orders).read_text())
    application = _loaded(Path(said["bundle"]).read_bytes())
    visits = _visits(application, said["plan"], [Path(one) for one in said["sites"]])
    names = {one.facts.start.fingerprint: one.facts.data.name for one in visits}
    progress, line = Progress(_told), Together(visits)
    federation = Federation(
        line, names, run=_RUN, seconds=_SECONDS, now=time.time(), progress=progress
    )
    told: dict[str, object] = {"candidates": [], "reason": ""}
    begun = time.monotonic()
    try:
        told["candidates"] = conduct(application, said["plan"], federation)
    except Exception as error:  # noqa: BLE001 - shown whole: the data are nobody's
        traceback.print_exc()
        told["reason"] = str(error) or type(error).__name__
    told |= {
        "missing": progress.missing,
        "rounds": progress.rounds,
        "sums": progress.sums,
        "sent": {visits[node].facts.data.name: size for node, size in line.sent.items()},
        "seconds": round(time.monotonic() - begun, 2),
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }
    with socket.socket(socket.AF_UNIX) as out:
        out.connect(SOCKET)
        out.sendall(json.dumps(told, allow_nan=False).encode())


def _told(progress: Progress) -> None:
    sys.stdout.write(f"{progress.round}, {progress.sums} sums\n")
    sys.stdout.flush()


def _loaded(bundle: bytes) -> Application:
    """The object that the bundle hands to the engine, of its client's side."""
    place = Path.home() / "application"
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        archive.extractall(place)
        project = tomllib.loads(archive.read("pyproject.toml").decode())
    sys.path.insert(0, str(place))
    module, _, name = project["tool"]["flwr"]["app"]["components"]["clientapp"].partition(":")
    made: Application = getattr(importlib.import_module(module), name).application
    return made


def _visits(
    application: Application, plan: Mapping[str, object], places: Sequence[Path]
) -> list[Visit]:
    starts = [_start() for _ in places]
    roster = tuple(start.fingerprint for start, _ in starts)
    visits = []
    for place, (start, key) in zip(places, starts, strict=True):
        scratch = Path.home() / "scratch" / place.name
        scratch.mkdir(parents=True)
        facts = SiteFacts(
            start=start, key=key, roster=roster, least=LEAST, data=place,
            applications=frozenset(), configurations=frozenset(),
        )  # fmt: skip
        visits.append(Visit(facts, application, plan, _RUN, scratch, _Settled()))
    return visits


class _Settled:
    """Over which sites this one sums; there is one run only."""

    def __init__(self) -> None:
        self._sites: tuple[str, ...] = ()

    def __call__(self, sites: Sequence[str]) -> tuple[str, ...]:
        self._sites = self._sites or tuple(sites)
        return self._sites


def _start() -> tuple[Start, bytes]:
    identity, key = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    bare = Start(
        identity.public_key().public_bytes_raw().hex(),
        key.public_key().public_bytes_raw().hex(),
        int(time.time()) + _SECONDS,
    )
    signature = identity.sign(bare.signed_bytes()).hex()
    return Start(bare.identity, bare.key, bare.until, signature), key.private_bytes_raw()


if __name__ == "__main__":
    main(*sys.argv[1:])
