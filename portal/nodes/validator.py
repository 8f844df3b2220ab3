"""Looks at a Beacon before it joins the network: what it serves, and what that will mean here.

The framework endpoints of Beacon v2.2, one question that finds nothing and one that is none. A
`required` finding that failed keeps a node out; the others say what will be missing. Holding every
answer to the official schemas is the conformance suites' work.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from passports.identity import Identity
from portal.asking.answer import OUTCOMES, Outcome
from portal.asking.calls import Calls, NoReply, Reply
from portal.asking.foreign import members, text
from portal.asking.reading import Asks, read
from portal.nodes.pin import show
from portal.questions.question import parse
from schemas.messages import Message, following

SECONDS = 10.0
_QUESTION = parse("", terms="MONDO:0000001")
_MISSING = Message("missing")
_PARTS = {
    "map": Message("Which questions it takes is not known before it is asked."),
    "configuration": Message("Its default granularity is not known."),
    "entry_types": Message("Its entry types are not known."),
    "filtering_terms?limit=0": Message("None of its terms is offered while typing."),
    "datasets?requestedGranularity=record&limit=0": Message("Its datasets are not listed."),
}


@dataclass(frozen=True, slots=True)
class Finding:
    check: str
    ok: bool
    words: str
    required: bool = False

    @property
    def mark(self) -> str:
        return "ok" if self.ok else "FAIL" if self.required else "note"


@dataclass(frozen=True, slots=True)
class Report:
    root: str
    name: str
    beacon_id: str
    findings: tuple[Finding, ...]
    key: str = ""  # the thumbprint of the key it proved

    @property
    def may_join(self) -> bool:
        return all(one.ok for one in self.findings if one.required)

    @property
    def in_words(self) -> str:
        """For a terminal."""
        lines = [f"{self.root}: {self.name or 'no name'}"]
        lines += [f"  {one.mark:4}  {one.check}: {one.words}" for one in self.findings]
        may = "It may join." if self.may_join else "It may not join until the FAIL is mended."
        return "\n".join([*lines, may]) + "\n"


async def check(calls: Calls, root: str, *, node: str = "") -> Report:
    """`root` ends where `/info` begins; `node` is the address of a Skerry node, which must prove
    whose it is. Never raises for what the server does."""
    root = root.rstrip("/")
    deadline = asyncio.get_running_loop().time() + SECONDS
    info = await calls.send("GET", f"{root}/info", deadline=deadline)
    if isinstance(info, NoReply):
        return Report(root, "", "", (Finding("answers", False, info.reason, required=True),))  # noqa: FBT003
    parts = await asyncio.gather(
        *(calls.send("GET", f"{root}/{part}", deadline=deadline) for part in _PARTS)
    )
    body = _QUESTION.body()
    shown = await show(calls, node, deadline=deadline) if node else None
    asked, nonsense = await asyncio.gather(
        calls.send("POST", f"{root}/individuals", deadline=deadline, body=body),
        calls.send("POST", f"{root}/individuals", deadline=deadline, body=b'{"query": 5'),
    )
    said = members(members(info.document).get("response"))
    findings = [
        *_identity(info, said),
        _key(shown, node),
        *(_part(name, reply) for name, reply in zip(_PARTS, parts, strict=True)),
        _answer(asked),
        _refusal(nonsense),
    ]
    key = shown.key if isinstance(shown, Identity) else ""
    return Report(root, text(said.get("name")), text(said.get("id")), tuple(findings), key)


def _identity(info: Reply, said: Mapping[str, object]) -> Sequence[Finding]:
    name, beacon_id = text(said.get("name")), text(said.get("id"))
    version = text(said.get("apiVersion")) or Message("none")
    return (
        Finding(
            "info",
            info.status == 200,
            Message("%(path)s answers %(status)s.", path="/info", status=str(info.status)),
            required=True,
        ),
        Finding(
            "id",
            bool(beacon_id),
            Message("Its id is %(id)s.", id=beacon_id or _MISSING),
            required=True,
        ),
        Finding("name", bool(name), Message("Its name is %(name)s.", name=name or _MISSING)),
        Finding(
            "version",
            version.removeprefix("v").startswith("2."),
            Message("It speaks Beacon %(version)s.", version=version),
            required=True,
        ),
    )


def _key(shown: Identity | str | None, node: str) -> Finding:
    match shown:
        case None:
            words = Message("It has no key to prove: it will be known by its address and id.")
            return Finding("key", ok=True, words=words)
        case str():
            return Finding(
                "key", ok=False, words=following(Message("It proves no key."), shown), required=True
            )
        case Identity(audience=audience) if audience != node:
            words = Message(
                "It takes Passports for %(audience)s, not for %(node)s.",
                audience=audience,
                node=node,
            )
            return Finding("key", ok=False, words=words, required=True)
        case _:
            words = Message(
                "It proves the key %(key)s, which it will have to prove from now on.", key=shown.key
            )
            return Finding("key", ok=True, words=words, required=True)


def _part(name: str, reply: Reply | NoReply) -> Finding:
    path = name.partition("?")[0]
    if isinstance(reply, NoReply):
        return Finding(path, ok=False, words=following(reply.reason, _PARTS[name]))
    ok = reply.status == 200 and bool(members(members(reply.document).get("response")))
    missing = following(
        Message("%(path)s answers %(status)s.", path=f"/{path}", status=str(reply.status)),
        _PARTS[name],
    )
    return Finding(path, ok, Message("%(path)s is served.", path=f"/{path}") if ok else missing)


def _answer(reply: Reply | NoReply) -> Finding:
    if isinstance(reply, NoReply):
        return Finding("question", ok=False, words=reply.reason, required=True)
    reading = read(reply.status, reply.document, Asks(filters=1))
    if reading.outcome is Outcome.UNSUPPORTED and "error" not in members(reply.document):
        return Finding("question", ok=False, words=reading.reason, required=True)
    if reading.outcome in (Outcome.SUPPRESSED, Outcome.REFUSED, Outcome.UNSUPPORTED):
        words = Message(
            "It does not answer anyone this question (%(outcome)s): %(reason)s",
            outcome=OUTCOMES[reading.outcome],
            reason=reading.reason,
        )
        return Finding("question", ok=True, words=words)
    found = reading.reason or Message("It answers a question about people.")
    stated = [one for one in reading.sets if one.exists and one.precision == "unstated"]
    if stated:
        found = following(
            found,
            Message("It does not state how exact its counts are: they will be shown as «about»."),
        )
    return Finding("question", reading.outcome.answered, found, required=True)


def _refusal(reply: Reply | NoReply) -> Finding:
    """What is no JSON must be refused with an error: else a mistake looks like a no."""
    if isinstance(reply, NoReply):
        return Finding("refusal", ok=False, words=reply.reason)
    said = members(members(reply.document).get("error"))
    if 400 <= reply.status < 500 and said.get("errorCode") is not None:
        return Finding("refusal", ok=True, words=Message("It refuses nonsense with an error."))
    form = Message("an error") if said else Message("no error of the standard")
    words = Message(
        "It answers nonsense with %(status)s and %(form)s.", status=str(reply.status), form=form
    )
    return Finding("refusal", ok=False, words=words)
