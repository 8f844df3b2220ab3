"""The chain of the record: what an entry is, what may stand in it, and how it is verified.

SHA-256 over canonical JSON, Ed25519 over number and head (RFC 8032). Pure but for `verify`, which
reads a file. Leaves writing to `chain_file`.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, NewType

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from access.errors import FactRefused, RecordUnavailable
from schemas.wire import canonical_json

CHECKPOINT = "record.checkpoint"
MAX_LINE = 32 * 1024
MAX_FACTS_BYTES = MAX_LINE - 512  # the rest of a line is shorter, whatever its kind and number
MAX_TEXT = 2_000
MAX_FACTS = 40
MAX_LIST = 500
_GENESIS = "0" * 64
_APART = " \0 "  # so that no text and its neighbour make a credential together
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}(?:\.[a-z][a-z0-9_]{0,39}){0,3}")
_SECRET = re.compile(
    r"eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}\."  # a JWT
    r"|-----BEGIN|YzRnaC12M"  # PEM; a Crypt4GH key without its armour
    r"|\bbearer\s+\S{8,}",
    re.IGNORECASE,
)

_DIGEST = re.compile(r"[a-z]-[0-9a-f]{40}")

Facts = NewType("Facts", bytes)  # looked through by `fit`, in their canonical form


class Head(NamedTuple):
    """Number and hash of an entry; what the next one must carry as `previous`."""

    seq: int
    hash: str

    def signed_bytes(self) -> bytes:
        return canonical_json({"head": self.hash, "record": "skerry-record-1", "seq": self.seq})


START = Head(0, _GENESIS)


@dataclass(frozen=True, slots=True)
class Entry:
    seq: int
    time: float
    kind: str
    facts: Mapping[str, object]
    previous: str
    hash: str

    @property
    def head(self) -> Head:
        return Head(self.seq, self.hash)

    def _body(self) -> dict[str, object]:
        return {
            "facts": dict(self.facts),
            "kind": self.kind,
            "previous": self.previous,
            "seq": self.seq,
            "time": self.time,
        }

    def computed_hash(self) -> str:
        return hashlib.sha256(canonical_json(self._body())).hexdigest()

    def encoded(self) -> bytes:
        return canonical_json({**self._body(), "hash": self.hash})


def written_after(head: Head, *, time: float, kind: str, facts: Facts) -> tuple[bytes, Head]:
    """The line of the entry that follows `head`, and its own head.

    Spelled out, so that the facts are encoded once for the hash and the line: it is the canonical
    form that `Entry.encoded` gives and verification demands."""
    number = head.seq + 1
    opened = b'{"facts":' + facts
    closed = b'"kind":"%b","previous":"%b","seq":%d,"time":%b}' % (
        kind.encode(), head.hash.encode(), number, repr(time).encode(),
    )  # fmt: skip
    digest = hashlib.sha256(b"%b,%b" % (opened, closed)).hexdigest()
    return b'%b,"hash":"%b",%b\n' % (opened, digest.encode(), closed), Head(number, digest)


def _canonical(facts: Mapping[str, object], *, floats: bool) -> bytes:
    """`canonical_json`, by a faster encoder where the two cannot differ: printable ASCII, no
    number but an integer that it takes."""
    if floats:
        return canonical_json(facts)
    try:
        fast = orjson.dumps(facts, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        return canonical_json(facts)
    return fast if fast.isascii() and b"\x7f" not in fast else canonical_json(facts)


@dataclass(frozen=True, slots=True)
class Verification:
    """`entries` counts those that hold; `signed` is the last entry a checkpoint covers; `problem`
    names the first entry that does not hold."""

    ok: bool
    entries: int
    problem: str | None
    signed: int = 0


def fit(kind: str, facts: Mapping[str, object]) -> Facts:
    """What may stand in the record: scalars and lists of scalars, no token, no key. Raises
    `FactRefused`."""
    if not _is_name(kind):
        raise FactRefused("The record refused an entry.", detail="kind")
    if len(facts) > MAX_FACTS:
        raise FactRefused("The record refused an entry.", detail=f"{kind}: too many facts")
    texts: list[str] = []
    floats = False
    for name, value in facts.items():
        fits = _is_name(name)
        if type(value) is str:  # most facts are text
            texts.append(value)
            fits = fits and len(value) <= MAX_TEXT
        elif value is not None and type(value) is not int:
            floats = floats or _holds_float(value)
            fits = fits and _fits(value, texts)
        if not fits:
            raise FactRefused("The record refused an entry.", detail=f"{kind}: {name[:40]}")
    if _secret(_APART.join(texts)):
        raise FactRefused("The record refused an entry.", detail=f"{kind}: a credential")
    encoded = _canonical(dict(facts), floats=floats)
    if len(encoded) > MAX_FACTS_BYTES:
        raise FactRefused("The record refused an entry.", detail=f"{kind}: too large")
    return Facts(encoded)


class Form:
    """Facts of which one text differs each time, as of answers: the rest is looked through once.
    That text is a keyed digest, and comes last by its name."""

    def __init__(self, kind: str, same: Mapping[str, object], *, last: str) -> None:
        if not _is_name(last) or any(name >= last for name in same) or not same:
            raise FactRefused("The record refused an entry.", detail=f"{kind}: {last[:40]}")
        self._opened = b'%b,"%b":"' % (fit(kind, same)[:-1], last.encode())

    def of(self, digest: str) -> Facts:
        """What `fit` gives of all of them."""
        facts = b'%b%b"}' % (self._opened, digest.encode())
        if not _DIGEST.fullmatch(digest) or len(facts) > MAX_FACTS_BYTES:
            raise FactRefused("The record refused an entry.", detail="no digest")
        return Facts(facts)


def _holds_float(value: object) -> bool:
    if isinstance(value, list | tuple):
        return any(isinstance(item, float) for item in value)
    return isinstance(value, float)


@lru_cache(maxsize=512)
def _is_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None


def _fits(value: object, texts: list[str]) -> bool:
    """Adds what is text to `texts`, to be looked through at once."""
    if isinstance(value, str):
        texts.append(value)
        return len(value) <= MAX_TEXT
    if isinstance(value, list | tuple):
        flat = len(value) <= MAX_LIST and not any(isinstance(item, list | tuple) for item in value)
        return flat and all(_fits(item, texts) for item in value)
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, int)


def _secret(text: str) -> bool:
    # A plain look for a mark of each alternative: the pattern itself costs ten times as much.
    lower = text.lower()
    marked = "eyj" in lower or "-----begin" in lower or "yzrnac12m" in lower or "bearer" in lower
    return marked and _SECRET.search(text) is not None


def follow(lines: Iterable[bytes], head: Head, key: Ed25519PublicKey) -> Verification:
    """Whether `lines` continue the chain from `head`, every checkpoint signed by `key`."""
    first, signed = head.seq, head.seq
    for raw in lines:
        expected = f"entry {head.seq + 1}"
        entry = _parse(raw)
        problem = _problem(raw, entry, head, key) if entry is not None else "is not an entry"
        if entry is None or problem is not None:
            return Verification(
                ok=False,
                entries=head.seq - first,
                problem=f"{expected} {problem}",
                signed=signed,
            )
        if entry.kind == CHECKPOINT:
            signed = head.seq
        head = entry.head
    return Verification(ok=True, entries=head.seq - first, problem=None, signed=signed)


def _parse(raw: bytes) -> Entry | None:
    if len(raw) > MAX_LINE:
        return None
    try:
        fields = json.loads(raw)
        entry = Entry(**fields)
    except (ValueError, TypeError, RecursionError):
        return None
    return entry if isinstance(entry.facts, dict) and isinstance(entry.seq, int) else None


def _problem(raw: bytes, entry: Entry, head: Head, key: Ed25519PublicKey) -> str | None:
    if entry.seq != head.seq + 1:
        return f"is missing or out of order (found {entry.seq})"
    try:
        # Other bytes of an equal meaning (a member written twice, say) are a change too.
        altered = entry.encoded() != raw.rstrip(b"\n") or entry.computed_hash() != entry.hash
    except ValueError:
        altered = True
    if altered:
        return "was altered"
    if entry.previous != head.hash:
        return "does not follow the one before it"
    if entry.kind == CHECKPOINT and not _signed(entry, head, key):
        return "is a checkpoint whose signature does not hold"
    return None


def _signed(entry: Entry, head: Head, key: Ed25519PublicKey) -> bool:
    facts = entry.facts
    if facts.get("seq") != head.seq or facts.get("head") != head.hash:
        return False
    try:
        key.verify(bytes.fromhex(str(facts.get("signature"))), head.signed_bytes())
    except (InvalidSignature, ValueError):
        return False
    return True


def verify(
    path: Path, public_key: Ed25519PublicKey, *, expect: tuple[int, str] | None = None
) -> Verification:
    """Reads the whole record. `expect` is a (number, hash) kept elsewhere that must still stand in
    it: without one, a record cut off at its end can't be told from a shorter one."""
    seen: list[Head] = [START]

    def lines() -> Iterable[bytes]:
        with path.open("rb") as stream:
            while raw := stream.readline(MAX_LINE + 1):
                entry = _parse(raw)
                if expect is not None and entry is not None and entry.seq == expect[0]:
                    seen.append(entry.head)
                yield raw if raw.endswith(b"\n") else b"torn"

    try:
        found = follow(lines(), START, public_key)
    except OSError as error:
        raise RecordUnavailable("The record can't be read.", detail=str(error)) from error
    if found.ok and expect is not None and Head(*expect) not in seen:
        return replace(found, ok=False, problem=f"entry {expect[0]} is missing or was replaced")
    return found
