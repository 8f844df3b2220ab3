"""One run at one site: gives a claim, answers questions under a mask, opens each sum once.

What must not happen twice is a file that is made once; the files live in the sandbox's memory and
end with it. The words of a `Refused` leave the site; nothing else of an error does.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from . import frames, masking
from .application import Application, Plan
from .masking import Asked, Sum
from .roster import Claim, Refused, Start, claim, verify_all
from .settled import Settle, refuse_others

MAX_OFFER = 256 << 20
MAX_ROUNDS = 1_000


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """What the supervisor wrote down for this start; the permit's, not the coordinator's."""

    start: Start
    key: bytes
    roster: tuple[str, ...]
    least: int
    data: Path
    applications: frozenset[str]
    configurations: frozenset[str] | None
    traffic: int = 0

    @classmethod
    def read(cls, path: Path) -> SiteFacts:
        said = json.loads(path.read_bytes())
        allowed = said["configurations"]
        return cls(
            start=Start(**said["start"]),
            key=bytes.fromhex(said["key"]),
            roster=tuple(said["roster"]),
            least=said["least"],
            data=Path(said["data"]),
            applications=frozenset(said["applications"]),
            configurations=None if allowed is None else frozenset(allowed),
            traffic=said["traffic"],
        )

    @property
    def needed(self) -> int:
        return masking.threshold(roster=len(set(self.roster)), least=self.least)


@dataclass(frozen=True, slots=True)
class Visit:
    """`scratch` is this run's own; `application` is the permitted one; `settle` knows over which
    sites this permit's sums are."""

    facts: SiteFacts
    application: Application
    plan: Plan
    run: str
    scratch: Path
    settle: Settle

    def offer(self) -> bytes:
        self._refuse_probes()
        needed = self.facts.needed
        secret = X25519PrivateKey.generate()
        self._once("secret", secret.private_bytes_raw().hex())
        made = claim(
            self.facts.start,
            Ed25519PrivateKey.from_private_bytes(self.facts.key),
            run=self.run,
            public=secret.public_key().public_bytes_raw(),
        )
        offered = self.application.offer(self.plan, data=self.facts.data, scratch=self.scratch)
        if len(offered) > MAX_OFFER:
            raise Refused("what the site would show first is too large")
        said = {
            "claim": made.record(),
            "needed": needed,
            "settled": list(self.settle(())),
            "bytes": self.facts.traffic,
        }
        return frames.pack(said, {"offer": offered})

    def ask(self, head: Mapping[str, object], parts: Mapping[str, bytes]) -> bytes:
        number = self._number(head)
        if number == 0:
            self._agree(head, parts["agreed"])
        over = self._sum()
        sites = frames.texts(head["sites"])
        if number and not set(sites) <= set(self._opened(number - 1)):
            raise Refused("a site came back after it had dropped out")
        # The checks of a round come before its data are read, and the round is spent by them.
        masking.check_sites(over, sites)
        agreed, question = (self.scratch / "agreed").read_bytes(), parts["question"]
        asked = Asked(number, _digest(self._plan_text(), agreed, question), tuple(sites))
        self._once(f"asked-{number}", json.dumps([asked.question, sites]))
        answer = self.application.answer(
            self.plan, agreed, question, data=self.facts.data, scratch=self.scratch
        )
        masked = masking.mask(over, masking.plain_words(answer), asked)
        boxes = {f"box {peer}": box for peer, box in masked.boxes.items()}
        return frames.pack({}, {"words": masked.words.astype("<u4").tobytes(), **boxes})

    def open(self, head: Mapping[str, object], parts: Mapping[str, bytes]) -> bytes:
        number, alive = self._number(head), frames.texts(head["alive"])
        question, sites = json.loads(self._read(f"asked-{number}"))
        self._once(f"opened-{number}", json.dumps(alive))
        opening = masking.unmask(
            self._sum(),
            Asked(number, question, tuple(sites)),
            alive=alive,
            boxes={name.removeprefix("box "): box for name, box in parts.items()},
        )
        refuse_others(self.settle, alive)
        shares = {f"share {peer}": share for peer, share in opening.shares.items()}
        pairs = {f"pair {peer}": seed for peer, seed in opening.pairs.items()}
        return frames.pack({}, {**shares, **pairs})

    def _refuse_probes(self) -> None:
        """A refusal for a value says something of it: asked under one plan after another, the whole
        of it. So values are compared with a plan only where the committee approved that plan."""
        told = self.plan.get("data")
        stated = list(told.values()) if isinstance(told, dict) else []
        values = any(isinstance(one, dict) and one.keys() - {"unit"} for one in stated)
        if values and self.facts.configurations is None:
            raise Refused("values are compared with a plan only where the permit names the plan")

    def _agree(self, head: Mapping[str, object], agreed: bytes) -> None:
        listed = head["claims"]
        if not isinstance(listed, list):
            raise Refused("the list of sites is malformed")
        claims = verify_all(
            [Claim.of_record(one) for one in listed],
            run=self.run,
            roster=self.facts.roster,
            now=time.time(),
            terms=self.facts.start.terms,
        )
        me = self.facts.start.fingerprint
        secret = bytes.fromhex(self._read("secret"))
        mine = X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()
        if me not in claims or claims[me].public != mine.hex():
            raise Refused("this site is not among those of the sum")
        over = masking.begin(claims, me=me, secret=secret, run=self.run, needed=self.facts.needed)
        publics = {site: public.hex() for site, public in over.publics.items()}
        self._once("agreement", json.dumps(publics))
        (self.scratch / "agreed").write_bytes(agreed)

    def _plan_text(self) -> bytes:
        return json.dumps(dict(self.plan), sort_keys=True).encode()

    def _sum(self) -> Sum:
        publics = json.loads(self._read("agreement"))
        return Sum(
            self.run,
            self.facts.start.fingerprint,
            bytes.fromhex(self._read("secret")),
            {site: bytes.fromhex(public) for site, public in publics.items()},
            self.facts.needed,
        )

    def _number(self, head: Mapping[str, object]) -> int:
        number = head["round"]
        if type(number) is not int or not 0 <= number < MAX_ROUNDS:
            raise Refused(f"a run has {MAX_ROUNDS} rounds")
        return number

    def _opened(self, number: int) -> list[str]:
        return list(json.loads(self._read(f"opened-{number}")))

    def _once(self, name: str, text: str) -> None:
        try:
            with (self.scratch / name).open("x") as file:
                file.write(text)
        except FileExistsError as error:
            raise Refused(f"{name} is done once in a run") from error

    def _read(self, name: str) -> str:
        try:
            return (self.scratch / name).read_text()
        except OSError as error:
            raise Refused(f"{name} has not been done") from error


def _digest(*parts: bytes) -> str:
    """Of the parts one by one, so that none can borrow from its neighbour."""
    each = b"".join(hashlib.sha256(part).digest() for part in parts)
    return hashlib.sha256(each).hexdigest()
