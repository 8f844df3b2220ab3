"""A run as the coordinator leads it: who takes part, which sums are asked for, who drops out.

Messages go through `Exchange`, which the engine gives. A site that does not answer in time, or says
no, is left out with its reason, and the run goes on without it while enough sites are left; with
fewer it ends, and nothing is opened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from . import frames, opening
from .application import Application, Limbs, Plan
from .masking import LEAST, Masked, Opening
from .roster import Claim, Refused, verify

MAX_TOLD = 20  # rounds that are told of a run


@dataclass(frozen=True, slots=True)
class Silence:
    """Why there is no answer."""

    reason: str


class Exchange(Protocol):
    def nodes(self) -> Mapping[int, str]:
        """Those connected now, each with the fingerprint it was registered for."""
        ...

    def send(
        self, action: str, messages: Mapping[int, bytes], *, seconds: float
    ) -> Mapping[int, bytes | Silence]: ...


@dataclass(slots=True)
class Progress:
    """What a person who watches is told; `report` gets it after each change."""

    report: Callable[[Progress], None]
    round: str = "waiting for sites"
    present: tuple[str, ...] = ()
    missing: dict[str, str] = field(default_factory=dict)
    sums: int = 0
    rounds: list[dict[str, object]] = field(default_factory=list)  # the last MAX_TOLD
    budgets: dict[str, dict[str, int]] = field(default_factory=dict)

    def opened(self, about: str, sites: int) -> None:
        self.sums += 1
        self.rounds = [*self.rounds, {"about": about, "sites": sites}][-MAX_TOLD:]
        self.report(self)

    def show(self, what: str) -> None:
        self.round = what
        self.report(self)


class Federation:
    """The sites of one run. `names` are those of the roster by fingerprint."""

    def __init__(
        self, exchange: Exchange, names: Mapping[str, str], *, run: str, seconds: float, now: float,
        progress: Progress,
    ) -> None:  # fmt: skip
        self._exchange = exchange
        self._names = names
        self._run = run
        self._seconds = seconds
        self._now = now
        self._progress = progress
        self._nodes: dict[str, int] = {}
        self._claims: dict[str, Claim] = {}
        self._needed: dict[str, int] = {}
        self._settled: dict[str, frozenset[str]] = {}
        self._summed: frozenset[str] = frozenset()
        self._agreed: bytes | None = None
        self._round = 0

    def offers(self) -> dict[str, bytes]:
        """What every site that takes part shows first, by fingerprint."""
        self._progress.show("sites look at their data")
        sites = {site: node for node, site in self._exchange.nodes().items() if site in self._names}
        body = frames.pack({}, {})
        asked = dict.fromkeys(sites.values(), body)
        came = self._exchange.send("offer", asked, seconds=self._seconds)
        offers: dict[str, bytes] = {}
        for site, name in self._names.items():
            try:
                reply = came[sites[site]] if site in sites else Silence("not connected")
                raw = _answered(reply)
                offers[site] = self._read_offer(site, raw)
                self._spend(site, len(body) + len(raw))
            except Refused as refusal:
                self._progress.missing[name] = str(refusal)
        self._leave_out_unsettled(offers)
        self._leave_out_unsatisfied(offers)
        self._nodes = {site: sites[site] for site in offers}
        self._progress.present = self._named(offers)
        self._check_enough(offers)
        return offers

    def _leave_out_unsettled(self, offers: dict[str, bytes]) -> None:
        """Sites that opened sums under their permits do so with the same sites only."""
        whole = [one for one in self._settled.values() if one and one <= offers.keys()]
        kept = max(whole, default=frozenset(offers), key=len)
        for site in list(offers):
            if site not in kept or self._settled[site] not in (frozenset(), kept):
                told = "sums under these permits were opened over other sites"
                self._progress.missing[self._names[site]] = told
                del offers[site], self._claims[site], self._needed[site]

    def _leave_out_unsatisfied(self, offers: dict[str, bytes]) -> None:
        """A site whose permit asks for more sites than there are does not hold up the others."""
        left = sorted(offers, key=lambda site: self._needed[site])
        while left and self._needed[left[-1]] > len(left):
            left.pop()
        for site in set(offers) - set(left) if left else ():
            told = f"its permit asks for {self._needed.pop(site)} sites in a sum"
            self._progress.missing[self._names[site]] = told
            del offers[site], self._claims[site]

    def agree(self, agreed: bytes) -> None:
        self._agreed = agreed

    def ask(self, question: bytes, about: str) -> tuple[Limbs, int]:
        """The sum of the sites' answers, and of how many sites it is; raises `Refused`."""
        number, self._round = self._round, self._round + 1
        self._progress.show(about)
        sites = sorted(self._nodes)
        self._check_same(sites)
        masked = self._masked(number, question, sites)
        self._check_enough(masked)
        self._check_same(masked)
        self._summed = frozenset(masked)
        openings = self._openings(number, masked)
        publics = sorted(self._claims)
        summed = opening.total(
            masked,
            openings,
            numbers={site: place + 1 for place, site in enumerate(publics)},
            thresholds=self._needed,
        )
        self._progress.opened(about, len(masked))
        return summed.astype(np.int64), len(masked)

    def _masked(self, number: int, question: bytes, sites: list[str]) -> dict[str, Masked]:
        head: dict[str, object] = {"round": number, "sites": sites}
        parts = {"question": question}
        if number == 0:
            head["claims"] = [self._claims[site].record() for site in sites]
            parts["agreed"] = self._agreed or b""
        body = frames.pack(head, parts)
        came = self._send("ask", dict.fromkeys(sites, body))
        masked = {}
        for site, parts in came.items():
            boxes = _named_parts(parts, "box ")
            words = parts.get("words", b"")
            if len(words) % 4 or set(boxes) != set(sites):
                self._drop(site, "its answer is malformed")
                continue
            masked[site] = Masked(np.frombuffer(words, "<u4"), boxes)
        return masked

    def _openings(self, number: int, masked: Mapping[str, Masked]) -> dict[str, Opening]:
        alive = sorted(masked)
        bodies = {
            site: frames.pack(
                {"round": number, "alive": alive},
                {f"box {peer}": masked[peer].boxes[site] for peer in alive},
            )
            for site in alive
        }
        came = self._send("open", bodies)
        return {site: Opening(_named_parts(parts, "share "), _named_parts(parts, "pair "))
                for site, parts in came.items()}  # fmt: skip

    def _send(self, action: str, bodies: Mapping[str, bytes]) -> dict[str, dict[str, bytes]]:
        """The parts of the answers; a site without a good one is out of the run."""
        messages = {self._nodes[site]: body for site, body in bodies.items()}
        came = self._exchange.send(action, messages, seconds=self._seconds)
        answers = {}
        for site in bodies:
            try:
                raw = _answered(came[self._nodes[site]])
                self._spend(site, len(bodies[site]) + len(raw))
                _, answers[site] = _unpacked(raw)
            except Refused as refusal:
                self._drop(site, str(refusal))
        return answers

    def _spend(self, site: str, size: int) -> None:
        self._progress.budgets[self._names[site]]["used"] += size

    def _drop(self, site: str, reason: str) -> None:
        del self._nodes[site]
        self._progress.missing[self._names[site]] = reason
        self._progress.present = self._named(self._nodes)
        self._progress.show(self._progress.round)

    def _read_offer(self, site: str, raw: bytes) -> bytes:
        head, parts = _unpacked(raw)
        found = Claim.of_record(head.get("claim"))
        verify(found, run=self._run, roster=[site], now=self._now)
        needed = head.get("needed")
        try:
            settled = frozenset(frames.texts(head.get("settled")))
        except ValueError as error:
            raise Refused("its first answer is malformed") from error
        allowed = head.get("bytes")
        if type(needed) is not int or type(allowed) is not int or "offer" not in parts:
            raise Refused("its first answer is malformed")
        self._progress.budgets[self._names[site]] = {
            "bytes": allowed,
            "until": found.start.until,
            "used": 0,
        }
        self._claims[site], self._needed[site] = found, needed
        self._settled[site] = settled
        return parts["offer"]

    def _check_same(self, sites: Iterable[str]) -> None:
        """Nobody would open a sum over fewer sites than the one before."""
        if gone := self._summed.difference(sites):
            why = "; ".join(f"{self._names[one]}: {self._progress.missing[self._names[one]]}"
                            for one in sorted(gone))  # fmt: skip
            raise Refused(f"a site dropped out after a sum with it was opened. {why}")

    def _check_enough(self, sites: Mapping[str, object]) -> None:
        needed = max(self._needed.values(), default=LEAST)
        if len(sites) < needed:
            why = "; ".join(f"{name}: {told}" for name, told in self._progress.missing.items())
            raise Refused(f"{len(sites)} of {needed} sites are left; nothing was opened. {why}")

    def _named(self, sites: Mapping[str, object]) -> tuple[str, ...]:
        return tuple(sorted(self._names[site] for site in sites))


def conduct(application: Application, plan: Plan, federation: Federation) -> list[dict[str, Any]]:
    """The whole run; raises `Refused` where it cannot be brought to an end."""
    agreed = application.agree(plan, federation.offers())
    federation.agree(agreed)
    try:
        return application.conclude(plan, agreed, federation.ask)
    except ValueError as error:
        raise Refused(f"the sum cannot be used: {error}") from error


def _answered(reply: bytes | Silence) -> bytes:
    if isinstance(reply, Silence):
        raise Refused(reply.reason)
    return reply


def _unpacked(raw: bytes) -> tuple[dict[str, object], dict[str, bytes]]:
    try:
        return frames.unpack(raw)
    except ValueError as error:
        raise Refused("an answer is malformed") from error


def _named_parts(parts: Mapping[str, bytes], start: str) -> dict[str, bytes]:
    return {
        name.removeprefix(start): part for name, part in parts.items() if name.startswith(start)
    }
