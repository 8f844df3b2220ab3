"""What a Beacon's answers give away, asked over HTTP of a running node, and what protection costs.

`python benchmarks/privacy.py [--quick | --nightly] [--check] [--write]`: loads simulated members
into a node of the default profile, asks about every site as anybody could (1 % twice, to see that
answers are fixed) and lets three attackers loose on the answers; accounts ask over HTTP what they
must be told by the reckoning that stands for all the others. Prints attack power at a false alarm
rate of 0.05 beside what an honest asker still learns; `--write` puts the tables into
docs/privacy.md; `--check` exits 1 where a gate fails: the lower 95 % bound of the worst power. The
size of the gate takes about a minute of two idle cores, `--nightly` is the one for every night.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# This file is named for the room it measures, and Python puts its folder first.
sys.path[0] = str(Path(__file__).resolve().parents[1])

import numpy as np
from numpy.typing import NDArray

from access.privacy.noise import KeyedStream, discrete_laplace
from access.privacy.pricing import Spectrum, floors, price
from access.privacy.terms import LEAST
from benchmarks import attackers, privacy_cost, privacy_timing
from benchmarks.attackers import Attack, World
from benchmarks.privacy_node import Accounts, Node

QUESTIONS = (1, 10, 100, 1_000)
PUBLIC_GATE, REGISTERED_GATE = 0.10, 0.13
SEED = 1
SESSION = 500
TIMED = 400
ALLOWANCE, SCALE, COUNTS = math.log(2), 10, 100  # of `default`; a test compares
_PAGE = Path(__file__).resolve().parents[1] / "docs" / "privacy.md"
_BEGIN, _END = "<!-- measured -->", "<!-- end -->"


@dataclass(frozen=True, slots=True)
class Size:
    """`accounts` ask `asked` questions each over HTTP."""

    members: int
    controls: int
    sites: int
    accounts: int
    asked: int
    lines: int


SIZES = {
    "quick": Size(200, 400, 3_000, 9, 10, 50_000),
    "gate": Size(500, 1_000, 20_000, 30, 50, 1_000_000),
    "nightly": Size(1_000, 2_000, 20_000, 600, 100, 1_000_000),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One policy: what attackers reach after so many questions, and what honest askers keep."""

    policy: str
    attacks: list[Attack]
    kept: tuple[float, float, float]
    gate: float | None = None

    @property
    def failed(self) -> bool:
        return self.gate is not None and any(one.at_least > self.gate for one in self.attacks)

    def row(self) -> str:
        most = {
            q: max((a.power for a in self.attacks if a.questions == q), default=None)
            for q in QUESTIONS
        }
        powers = " / ".join("-" if p is None else f"{p:.2f}" for p in most.values())
        kept = " / ".join(f"{share:.2f}" for share in self.kept)
        gate = "" if self.gate is None else f"{self.gate:.2f}"
        return f"| {self.policy} | {powers} | {kept} | {gate} |"


def measured(size: Size, scratch: Path) -> tuple[list[Line], list[str]]:
    world = attackers.simulated(
        members=size.members, controls=size.controls, sites=size.sites, seed=SEED
    )
    truth = world.members.sum(0) > 0
    accounts = Accounts()
    node = Node(scratch, world, accounts, individuals=privacy_timing.written(world, scratch))
    try:
        node.ready()
        begun = time.perf_counter()
        told, _ = node.answers(range(size.sites))
        rate = size.sites / (time.perf_counter() - begun)
        _expect_fixed(told, node.answers(range(0, size.sites, 100))[0])
        _expect_floor(world, told, truth)
        notes = [
            f"{size.sites:,} sites asked over HTTP, {rate:,.0f} a second; 1 % again: as before",
            _accounts_agree(node, world, size),
            _timing(node, told, truth),
            *(str(one) for one in privacy_timing.compared(node, world)),
        ]
    finally:
        node.close()
        accounts.close()
    notes.insert(0, published())
    lines = [exact(world), hidden(world), public(world, told), registered(world), counted(world)]
    return lines, [*notes, _session(world), _honest_counts()]


def published() -> str:
    """What Shringarpure and Bustamante (2015) did to exact presence, asking at random: 65 people
    with 250 questions, 1,000 with 5,000. An attacker who can't is no proof of anything."""
    did = []
    for members, sites, lowest, questions in (
        (65, 12_000, 1e-3, 250),
        (1_000, 50_000, 1e-4, 5_000),
    ):
        world = attackers.simulated(
            members=members, controls=400, sites=sites, seed=SEED, lowest=lowest
        )
        answers = (world.members.sum(0) > 0).astype(np.int64)
        rule = attackers.presence(world)
        found = attackers.attacked(world, rule, answers, questions=(questions,), seed=SEED)
        (power,) = (one.power for one in found if one.order == "random")
        if power < 0.95:
            raise SystemExit(f"the attackers do not do what was published: {power:.2f}")
        did.append(f"{power:.2f} of {members:,} people after {questions:,} questions")
    return f"asking exact presence at random, as published, the attackers find {', '.join(did)}"


def exact(world: World, *, gate: float | None = None) -> Line:
    answers = (world.members.sum(0) > 0).astype(np.int64)
    rule = attackers.presence(world)
    attacks = attackers.attacked(world, rule, answers, questions=QUESTIONS, seed=SEED)
    return Line("exact presence (`open`, `rare-disease`, a grant)", attacks, (1.0, 1.0, 1.0), gate)


def hidden(world: World, *, gate: float | None = None) -> Line:
    def shown(count: NDArray[np.int64]) -> NDArray[np.int64]:
        floored: NDArray[np.int64] = np.where(count < 10, 0, count - count % 10)
        return floored

    told = np.unique(shown(np.arange(world.size + 1)))
    answers = np.searchsorted(told, shown(world.members.sum(0)))
    rule = attackers.counts(world, shown=shown)
    attacks = attackers.attacked(world, rule, answers, questions=QUESTIONS, seed=SEED)
    name = "for comparison: < 10 hidden, floor to 10"
    return Line(name, attacks, _kept(world, answers > 0), gate)


def public(world: World, told: NDArray[np.int64]) -> Line:
    rule = attackers.presence(world, answered=told >= 0)
    attacks = attackers.attacked(world, rule, told, questions=QUESTIONS, seed=SEED)
    name = "`default`, everybody: a floor"
    return Line(name, attacks, _kept(world, told == 1), PUBLIC_GATE)


def registered(world: World) -> Line:
    questions = [q for q in QUESTIONS if q <= 100]
    attacks = attackers.charged_attacks(world, allowance=ALLOWANCE, questions=questions, seed=SEED)
    kept = _kept(world, _payable(world) & (world.members.sum(0) > 0))
    return Line("`default`, one registered account: ln 2", attacks, kept, REGISTERED_GATE)


def counted(world: World) -> Line:
    """One account's counts of carriers; their presence is the line above."""
    drawn = [_drawn(site) for site in range(len(world.frequencies))]
    answers = np.maximum(world.members.sum(0) + np.array(drawn), 0) // LEAST
    rule = attackers.noisy_counts(world, scale=SCALE, step=LEAST)
    questions = [q for q in QUESTIONS if q <= COUNTS]
    attacks = attackers.attacked(world, rule, answers, questions=questions, seed=SEED)
    name = f"`default`, {COUNTS} counts of one account: noise of scale {SCALE}"
    return Line(name, attacks, _kept(world, answers > 0))


def _drawn(question: int) -> int:
    return discrete_laplace(KeyedStream(b"n" * 32, b"%d" % question), scale=SCALE)


def _kept(world: World, yes: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Of the sites somebody carries, by how many do: the share answered «yes»."""
    carriers = world.members.sum(0)
    classes = ((1, 2), (3, 9), (10, world.size))
    one, few, many = (
        float(yes[(carriers >= low) & (carriers <= high)].mean()) for low, high in classes
    )
    return one, few, many


def _payable(world: World) -> NDArray[np.bool_]:
    return np.array([price(f, world.size) <= ALLOWANCE for f in world.frequencies])


def _expect_fixed(told: NDArray[np.int64], again: NDArray[np.int64]) -> None:
    if not np.array_equal(told[::100], again):
        raise SystemExit("an answer changed when it was asked again")


def _expect_floor(world: World, told: NDArray[np.int64], truth: NDArray[np.bool_]) -> None:
    floor = floors(Spectrum.of(world.frequencies), world.size).allele
    expected = world.frequencies >= (2.0 if floor is None else floor)
    if not np.array_equal(told >= 0, expected):
        raise SystemExit("what is answered does not follow from public frequencies alone")
    if not np.array_equal(told[expected] == 1, truth[expected]):
        raise SystemExit("an answer for everybody is not the truth")


def _accounts_agree(node: Node, world: World, size: Size) -> str:
    """Accounts really ask, about members and controls in all three orders; the evidence must be
    what is reckoned for all the others."""
    payable = _payable(world)
    chosen = [
        order[payable[order]]
        for order in attackers.orders(
            world, attackers.presence(world, answered=payable), seed=SEED
        ).values()
    ]
    targets = [
        ((world.members if number % 2 else world.controls)[number // 2], chosen[number % 3])
        for number in range(size.accounts)
    ]
    asked = [order[row[order]][: size.asked].tolist() for row, order in targets]
    for sites, told, (row, order) in zip(asked, node.accounts_told(asked), targets, strict=True):
        reckoned = attackers.charged(world, row, order, allowance=ALLOWANCE, questions=size.asked)
        if not np.allclose(_evidence(world, sites, told), reckoned, atol=0.05):
            raise SystemExit("an account was told otherwise than reckoned")
    return (
        f"{size.accounts} accounts asked {size.asked} questions each over HTTP: told as reckoned "
        "for the rest"
    )


def _evidence(world: World, sites: Sequence[int], told: Sequence[int]) -> list[float]:
    """What the target's account may add up, as long as its own allowance would pay."""
    score, spent, scores = 0.0, 0.0, []
    for site, answer in zip(sites, told, strict=True):
        nats = price(float(world.frequencies[site]), world.size)
        if spent + nats <= ALLOWANCE:
            spent, score = spent + answer * nats, score + (nats if answer else math.log(1e-6))
        scores.append(score)
    return scores


def _timing(node: Node, told: NDArray[np.int64], truth: NDArray[np.bool_]) -> str:
    """What the time of a refusal says of the data, and that of a «no» beside a «yes»."""
    refused = told < 0
    groups = [np.flatnonzero(refused & each) for each in (truth, ~truth)]
    held, not_held = _medians(node, *groups)
    text = f"median of a refusal: {held:.2f} ms where it is held, {not_held:.2f} ms where not"
    absent = np.flatnonzero(told == 0)
    if not len(absent):
        return text
    answered = _medians(node, np.flatnonzero(told == 1), absent)
    return f"{text}; of a «yes» {answered[0]:.2f} ms, of a «no» {answered[1]:.2f} ms"


def _medians(node: Node, *groups: NDArray[np.int64]) -> list[float]:
    """In milliseconds; asked alternately, so that whatever the machine does falls on both."""
    number = min(TIMED, *(len(group) for group in groups))
    turns = np.stack([np.resize(group[:number], TIMED) for group in groups], axis=1)
    _, took = node.answers(turns.ravel().tolist(), at_once=1)
    return [1000 * float(np.median(took[place :: len(groups)])) for place in range(len(groups))]


def _session(world: World) -> str:
    """An honest account that asks about rare variants, whoever carries them."""
    rng = np.random.default_rng(SEED)
    carriers = world.members.sum(0)
    rare = np.flatnonzero((world.frequencies < 0.01) & (carriers > 0))
    asked = rng.permutation(rare)[:SESSION]
    spent, kept, refused = np.zeros(world.size), 0, 0
    for site in asked:
        nats = price(float(world.frequencies[site]), world.size)
        people = np.flatnonzero(world.members[:, site])
        payers = people[spent[people] + nats <= ALLOWANCE]
        spent[payers] += nats
        kept += bool(len(payers))
        refused += nats > ALLOWANCE
    return (
        f"an honest session of {len(asked)} carried variants of AF < 1 %: "
        f"{kept / len(asked):.0%} answered «yes», {refused / len(asked):.0%} refused beforehand; "
        "variants below AF 1e-5 and those no panel knows are all refused beforehand"
    )


def _honest_counts() -> str:
    """How far a count that is told is from the truth, and how often it tells of nobody's being
    there."""
    noise = np.array([_drawn(number) for number in range(4_000)])
    told = [np.where(true + noise < LEAST, 0, (true + noise) // LEAST * LEAST) for true in (0, 25)]
    error = np.median(np.abs((500 + noise) // LEAST * LEAST - 500))
    return (
        f"counts of registered callers: median error {error:.0f}; a filter that holds of nobody is "
        f"answered «yes» by {np.mean(told[0] > 0):.0%} of the draws, one that holds of 25 people "
        f"«no» by {np.mean(told[1] == 0):.0%}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="200 members, 3,000 sites")
    parser.add_argument("--nightly", action="store_true", help="1,000 members, 2,000 controls")
    parser.add_argument("--check", action="store_true", help="exit 1 where a gate fails")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/privacy.md")
    given = parser.parse_args()
    size = SIZES["quick" if given.quick else "nightly" if given.nightly else "gate"]
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="skerry-privacy-") as scratch:
        lines, notes = measured(size, Path(scratch))
        told = privacy_cost.cost(Path(scratch), lines=size.lines)
    text = "\n".join(_table(size, lines, [*notes, told]))
    print(text)
    if given.write:
        _write(text)
    leaks = [line.policy for line in lines if line.failed]
    print(f"leaks: {'; '.join(leaks)}" if leaks else "no gate failed", end="; ")
    print(f"{time.perf_counter() - begun:.0f} s")
    return 1 if given.check and leaks else 0


def _table(size: Size, lines: Sequence[Line], notes: Sequence[str]) -> list[str]:
    people = f"{size.members:,} members, {size.controls:,} controls, {size.sites:,} sites"
    return [
        f"{people}, seed {SEED}; the worst of three attackers at a false alarm rate of 0.05.",
        "",
        "| what is told | power at 1 / 10 / 100 / 1,000 | «yes» kept at 1-2 / 3-9 / 10+ | gate |",
        "|---|---|---|---|",
        *(line.row() for line in lines),
        "",
        *(f"- {note}" for note in notes),
    ]


def _write(text: str) -> None:
    page = _PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    _PAGE.write_text(f"{before}{_BEGIN}\n{text}\n{_END}{after}", encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
