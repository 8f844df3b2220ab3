"""Two sites or more find the people all of them hold, by letters through their coordinator.

The first site by name leads. It asks the others one after the other, each about those who are left
(`linkage`), and tells everybody who is in common at the end. So it learns, besides the result,
whom it shares with the first of them, then with the first two, and so on; the others learn the
result and how many were asked about; the coordinator learns the sizes of letters and nothing else.
"""

from __future__ import annotations

import asyncio
import csv
import json
from collections.abc import Iterable, Sequence

from workspaces import linkage
from workspaces.engine.federated import frames
from workspaces.engine.post import Post
from workspaces.errors import LinkageRefused
from workspaces.linkage import Answer, Answering, Asking

_FIRST, _LAST = 1, 2


async def link(post: Post, own: Sequence[str]) -> tuple[str, ...]:
    """The pseudonyms in common of all sites, ascending. Raises `LinkageRefused` where there are
    fewer than `linkage.FLOOR`, at any step."""
    if post.name == post.sites[0]:
        return await _lead(post, own)
    return await _follow(post, own, leader=post.sites[0])


async def _lead(post: Post, own: Sequence[str]) -> tuple[str, ...]:
    """Where too few are left everybody is told so, and nobody waits."""
    waiting, left = list(post.others), tuple(own)
    try:
        for peer in post.others:
            asking = Asking(left, people=True)
            await post.send(peer, _FIRST, await asyncio.to_thread(asking.question))
            waiting.remove(peer)
            _, parts = _unpacked(await post.receive(peer, _FIRST))
            answer = Answer(parts.get("setup", b""), parts.get("response", b""))
            left = await asyncio.to_thread(asking.common, answer)
    except LinkageRefused:
        for peer in post.others:
            await post.send(peer, _FIRST if peer in waiting else _LAST, b"")
        raise
    for peer in post.others:
        await post.send(peer, _LAST, json.dumps(left).encode())
    return left


async def _follow(post: Post, own: Sequence[str], *, leader: str) -> tuple[str, ...]:
    answering = Answering(own, people=True, questions=1)
    if question := await post.receive(leader, _FIRST):
        answer = await asyncio.to_thread(answering.answer, question)
        parts = {"setup": answer.setup, "response": answer.response}
        await post.send(leader, _FIRST, frames.pack({}, parts))
    told = await post.receive(leader, _LAST) if question else b""
    if not told:
        raise LinkageRefused(f"The sites have fewer than {linkage.FLOOR} people in common.")
    return _told(told, own)


def linked_table(lines: Iterable[str], key: bytes, common: Sequence[str]) -> str:
    """Of a table whose first column names people: the rows of those in common, under their
    pseudonyms and in the order all sites share. Raises `LinkageRefused`."""
    rows = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    header = next(rows, [])
    held = {linkage.pseudonyms([row[0]], key)[0]: row[1:] for row in rows if row}
    if len(header) < 2 or any(len(row) != len(header) - 1 for row in held.values()):
        raise LinkageRefused("Each line of the table has the header's number of fields.")
    kept = ["\t".join([one, *held[one]]) for one in common if one in held]
    if len(kept) < len(common):
        raise LinkageRefused("The table is not the one whose people were linked.")
    return "\n".join(["\t".join(["person", *header[1:]]), *kept]) + "\n"


def _told(raw: bytes, own: Sequence[str]) -> tuple[str, ...]:
    """A leader cannot name people this site does not hold, nor too few."""
    try:
        found = frames.texts(json.loads(raw))
    except (ValueError, RecursionError) as error:
        raise LinkageRefused("What the leading site told is not a list of people.") from error
    if found != sorted(set(found) & set(own)) or len(found) < linkage.FLOOR:
        raise LinkageRefused("The leading site told of people this one does not hold, or too few.")
    return tuple(found)


def _unpacked(raw: bytes) -> tuple[dict[str, object], dict[str, bytes]]:
    try:
        return frames.unpack(raw)
    except ValueError as error:
        raise LinkageRefused("An answer is not one of linkage.") from error
