"""A message as one run of bytes: a JSON head and named parts. Nothing in it is code."""

from __future__ import annotations

import json
from collections.abc import Mapping

MAX_HEAD = 4 << 20
MAX_PARTS = 4_096


def pack(head: Mapping[str, object], parts: Mapping[str, bytes]) -> bytes:
    sizes = [[name, len(part)] for name, part in parts.items()]
    text = json.dumps({"head": head, "parts": sizes}, allow_nan=False).encode()
    return b"".join([len(text).to_bytes(4, "big"), text, *parts.values()])


def unpack(raw: bytes) -> tuple[dict[str, object], dict[str, bytes]]:
    """Raises `ValueError` for anything else."""
    length = int.from_bytes(raw[:4], "big")
    if len(raw) < 4 + length or length > MAX_HEAD:
        raise ValueError("not a message")
    try:
        said = json.loads(raw[4 : 4 + length], parse_constant=_no_number)
        head, sizes = said["head"], said["parts"]
        names = [name for name, _ in sizes]
        ends = [size for _, size in sizes]
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError("not a message") from error
    sound = all(isinstance(name, str) for name in names) and len(set(names)) == len(names)
    counted = all(type(end) is int and end >= 0 for end in ends) and len(ends) <= MAX_PARTS
    if not isinstance(head, dict) or not sound or not counted:
        raise ValueError("not a message")
    if 4 + length + sum(ends) != len(raw):
        raise ValueError("not a message")
    parts, place = {}, 4 + length
    for name, size in zip(names, ends, strict=True):
        parts[name] = raw[place : place + size]
        place += size
    return head, parts


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def texts(value: object) -> list[str]:
    """A list of texts; raises `ValueError` for anything else."""
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise ValueError("not a list of names")
    return list(value)
