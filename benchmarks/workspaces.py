"""What a federated study costs: submit to result, exactness, drop-out, sandbox, masks.

    python -m benchmarks.workspaces [--quick | --killed]

Six sites of 500 people and 100,000 variants (--quick: 100 and 2,000), through the engine: TLS,
sandboxes, hardened secure sums. Truth is the same sums of the same rows added in this process.
--killed is another trial: a site's processes end under a question, without a word to anybody.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import tempfile
import time
from os import getloadavg
from pathlib import Path
from typing import Any

import numpy as np

from tests.support.federation import Running, running
from tests.support.secure_sites import drawn, federation, opened
from workspaces import linkage
from workspaces.analysis import cohort, rounds
from workspaces.analysis.design import Design
from workspaces.analysis.gwas import Gwas, Trait
from workspaces.engine.federated import masking
from workspaces.engine.federated.opening import total
from workspaces.engine.port import Outcome, RunState, RunStatus
from workspaces.engine.remote import wait
from workspaces.flapps import panel, reading
from workspaces.sandbox import Profile, Sandbox

PLAN = {"trait": "height", "covariates": ["age", "sex"], "stage_seconds": 300}
SITES = ("CZ", "EE", "DE", "PT", "SI", "ES")
CALLS = np.array([b"0/0\t", b"0/1\t", b"1/1\t"], dtype="S4")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="100 people, 2,000 variants a site")
    parser.add_argument("--killed", action="store_true", help="only: a site is killed")
    chosen = parser.parse_args()
    people, variants = (100, 2_000) if chosen.quick else (500, 100_000)
    folder = Path(tempfile.mkdtemp(prefix="benchmark-"))
    show(
        "load of the machine before (1, 5, 15 minutes)",
        "{:.1f} {:.1f} {:.1f}".format(*getloadavg()),
    )
    try:
        if chosen.killed:
            asyncio.run(_killed(folder))
            return
        _masks()
        _linked(1_000 if chosen.quick else 100_000)
        _logistic(people, variants)
        asyncio.run(_sandbox())
        asyncio.run(_studies(folder, people, variants))
    finally:
        shutil.rmtree(folder)


def show(what: str, measured: str, bound: str = "") -> None:
    print(f"{what:<52}  {measured:<20}  {bound}", flush=True)


async def _studies(folder: Path, people: int, variants: int) -> None:
    data = {
        name: _written(folder / "data" / name, people=people, variants=variants, seed=seed)
        for seed, name in enumerate(SITES)
    }
    title = f"6 sites x {people} x {variants:,}, linear"
    async with running(folder / "federation", data, applications=["gwas"]) as made:
        near, status = await _timed(made)
        show(f"{title}: submit to result", f"{near:.1f} s", "<= 60 s, full size")
        sent = max(sum(node.traffic) for node in made.nodes.values())
        show("  bytes of the site with most, both ways", f"{sent / 1e6:.1f} MB")
        found = json.loads(await made.coordinator.result(status.run))
        pooled, plain = await asyncio.to_thread(_pooled, folder, data, list(data))
        show("  the same sums plain, in this process alone", plain, "<= 25 s, full size")
        beta, p = _apart(found, pooled)
        show("  max |d beta| of the same sums pooled", f"{beta:.1e}", "<= 1e-9")
        show("  max |d p|", f"{p:.1e}", "<= 1e-8")
        begun = time.monotonic()
        dropped = await _dropped(made, data)
        took = time.monotonic() - begun
        show("one of six drops out under the mask", f"{took:.1f} s, {dropped.state}", "finishes")
        rest = list(data)[:-1]
        found = json.loads(await made.coordinator.result(dropped.run))
        pooled, _ = await asyncio.to_thread(_pooled, folder, data, rest, told=list(data))
        show("  max |d beta| of five pooled", f"{_apart(found, pooled)[0]:.1e}", "<= 1e-8")
    async with running(folder / "far", data, applications=["gwas"], away=0.2) as made:
        far, _ = await _timed(made)
    show(
        "  200 ms there and back to each site",
        f"{far:.1f} s, {far / near - 1:+.0%}, load {getloadavg()[0]:.1f}", "<= +15 %",
    )  # fmt: skip


async def _killed(folder: Path) -> None:
    """The last site ends while it looks at its data; then it starts again."""
    data = {
        name: _written(folder / "data" / name, people=100, variants=20_000, seed=seed)
        for seed, name in enumerate(SITES)
    }
    async with running(folder / "federation", data, applications=["gwas"]) as made:
        waiting = {"wait_seconds": 20, "stage_seconds": 300}
        run = await made.coordinator.submit(made.applications["gwas"], config={**PLAN, **waiting})
        while not (status := await made.coordinator.status(run)).round.startswith("sites look"):
            if status.state.ended:
                raise SystemExit(f"the run ended before its site did: {status}")
            await asyncio.sleep(0.05)
        await made.nodes[SITES[-1]].end(Outcome.STOPPED)
        begun = time.monotonic()
        status = await wait(made.coordinator, run, seconds=900, every=0.1)
        took = f"{time.monotonic() - begun:.0f} s, {status.state}"
        show("a site killed under a question: end of the run", took, "of five, with the reason")
        show("  missing", str(dict(status.missing)))
        found = json.loads(await made.coordinator.result(run))
        pooled, _ = await asyncio.to_thread(
            _pooled, folder, data, list(SITES[:-1]), told=list(SITES[:-1])
        )
        show("  max |d beta| of five pooled", f"{_apart(found, pooled)[0]:.1e}", "<= 1e-8")
        begun = time.monotonic()
        await made.start(SITES[-1])
        show("  started again and connected", f"{time.monotonic() - begun:.1f} s")
        status = await made.run("gwas", **PLAN)
        show("  the next run under these permits", f"{status.state}, {dict(status.missing)}")


async def _timed(made: Running) -> tuple[float, RunStatus]:
    begun = time.monotonic()
    status = await made.run("gwas", **PLAN)
    if status.state is not RunState.DONE or status.missing:
        raise SystemExit(f"the run did not end well: {status}")
    return time.monotonic() - begun, status


async def _dropped(made: Running, data: dict[str, Path]) -> RunStatus:
    """The last site's answer cannot be made: a trait no limb can hold."""
    last = list(data)[-1]
    broken = data[last].with_name("broken")
    shutil.copytree(data[last], broken)
    table = (broken / "clinical.tsv").read_text().splitlines()
    table[1] = "\t".join([*table[1].split("\t")[:-1], "1e200"])
    (broken / "clinical.tsv").write_text("\n".join(table) + "\n")
    # Sums under one permit are over the same sites, so these start under another.
    for name in data:
        await made.engine.stop_node(made.nodes[name])
    for name in data:
        await made.start(name, **({"data_folder": broken} if name == last else {}))
    status = await made.run("gwas", **PLAN)
    if status.state is not RunState.DONE or list(status.missing) != [last]:
        raise SystemExit(f"the run did not go on without {last}: {status}")
    return status


def _written(folder: Path, *, people: int, variants: int, seed: int) -> Path:
    folder.mkdir(parents=True)
    source = np.random.default_rng(seed)
    common = np.random.default_rng(99).uniform(0.05, 0.5, variants)
    drift = np.clip(common + source.normal(0, 0.02, variants), 0.02, 0.98)
    dosages = source.binomial(2, drift, (people, variants)).astype(np.int8)
    age, sex = source.integers(20, 80, people), source.integers(0, 2, people)
    hits = dosages[:, :: variants // 10][:, :10].sum(axis=1)
    height = (0.3 * hits + 0.02 * age + 0.3 * sex + source.normal(0, 1, people)).round(6)
    names = [f"{folder.name}{number}" for number in range(people)]
    rows = zip(names, age, sex, height, strict=True)
    lines = ["person\tage\tsex\theight", *("\t".join(map(str, row)) for row in rows)]
    (folder / "clinical.tsv").write_text("\n".join(lines) + "\n")
    head = "##fileformat=VCFv4.5\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t"
    with (folder / "genotypes.vcf").open("wb") as file:
        file.write((head + "\t".join(names) + "\n").encode())
        for number in range(variants):
            file.write(b"chr1\t%d\t.\tA\tG\t.\tPASS\t.\tGT\t" % (1_000 + 10 * number))
            file.write(CALLS[dosages[:, number]].tobytes()[:-1] + b"\n")
    return folder


def _pooled(
    folder: Path, data: dict[str, Path], names: list[str], told: list[str] | None = None
) -> tuple[dict[str, Any], str]:
    """The rows of all sites as one site's, and the seconds from files to result, of one core."""
    begun, spent = time.monotonic(), time.thread_time()
    scratch = {name: folder / f"pooled-{name}" for name in told or names}
    offers = {}
    for name, place in scratch.items():
        place.mkdir(exist_ok=True)
        offers[name] = panel.offer(reading.read_genotypes(data[name], place), {})
    agreed = panel.agree(offers, least_sites=1)
    designs = [
        cohort.design_of(
            reading.clinical(data[name]), *panel.harmonised(agreed, data[name], scratch[name]),
            trait="height", covariates=["age", "sex"],
        )
        for name in names
    ]  # fmt: skip
    together = Design(
        np.concatenate([one.phenotype for one in designs]),
        np.concatenate([one.covariates for one in designs]),
        np.concatenate([one.dosages.T for one in designs], axis=1).T,
    )
    variants = panel.names(agreed)
    found = rounds.run(Gwas(Trait.QUANTITATIVE, len(variants), 2), [together])
    took = f"{time.monotonic() - begun:.1f} s, {time.thread_time() - spent:.1f} s CPU"
    return found.document(variants, trait="height"), took


def _apart(found: dict[str, Any], expected: dict[str, Any]) -> tuple[float, float]:
    ours, theirs = found["variants"], expected["variants"]
    if [one["allele"] for one in ours] != [one["allele"] for one in theirs]:
        raise SystemExit("other variants were tested")
    pairs = list(zip(ours, theirs, strict=True))
    beta = max(abs(one["beta"] - other["beta"]) for one, other in pairs)
    return beta, max(abs(one["p"] - other["p"]) for one, other in pairs)


async def _sandbox() -> None:
    profile = Profile(data_bytes=1 << 20, memory_bytes=1 << 30, seconds=10)
    begun = time.monotonic()
    for _ in range(10):
        await (await Sandbox.start(profile, ["true"])).ended()
    each = (time.monotonic() - begun) / 10
    show("sandbox: start to end of `true`", f"{each:.3f} s", "<= 0.2 s")


def _masks() -> None:
    """One round of six sites with a million numbers, as limbs."""
    sums = federation(6)
    words = drawn(sums, 2_000_000)
    asked = list(sums)
    begun = time.process_time()
    told = masking.Asked(0, "what", tuple(asked))
    masked = {me: masking.mask(sums[me], words[me], told) for me in asked}
    each = (time.process_time() - begun) / 6
    begun = time.process_time()
    seen = opened(sums, masked, asked, 0)
    numbers = {one: sums[asked[0]].number(one) for one in sums}
    thresholds = {one: over.threshold for one, over in sums.items()}
    summed = total(masked, seen, numbers=numbers, thresholds=thresholds)
    opening = time.process_time() - begun
    if not (summed == sum(words.values())).all():
        raise SystemExit("the sum is not the sum")
    ratio = words[asked[0]].nbytes / 8e6
    show("masks: a site's share of 1,000,000 numbers", f"{each * 1e3:.0f} ms CPU")
    show("masks: opening the sum of six", f"{opening * 1e3:.0f} ms CPU")
    show("masks: bytes of a masked number to a float64's", f"{ratio:.2f}", "<= 2.05")


def _linked(people: int) -> None:
    """Two sites that have half of their people in common."""
    key, half = b"k" * linkage.MIN_KEY_BYTES, people // 2
    here, there = (
        linkage.pseudonyms((f"p{number}" for number in range(first, first + people)), key)
        for first in (0, half)
    )
    begun, spent = time.monotonic(), time.process_time()
    asking = linkage.Asking(here, people=True)
    answer = linkage.Answering(there, people=True).answer(asking.question())
    if len(asking.common(answer)) != half:
        raise SystemExit("other people are in common")
    took = f"{time.monotonic() - begun:.1f} s, {time.process_time() - spent:.1f} s CPU"
    show(f"linkage of {people:,} and {people:,} people", took, "<= 60 s for 100,000")


def _logistic(people: int, variants: int) -> None:
    """All that one of six sites computes for a yes-or-no trait: scores of all, then Newton."""
    source = np.random.default_rng(1)
    shares = source.uniform(0.05, 0.5, (variants, 1))
    dosages = source.binomial(2, shares, (variants, people)).astype(np.float32).T
    covariates = np.column_stack(
        [np.ones(people), source.integers(20, 80, people), source.integers(0, 2, people)]
    )
    case = (0.5 * dosages[:, 0] + source.normal(0, 1, people) > 0.5).astype(float)
    begun = time.process_time()
    rounds.run(Gwas(Trait.BINARY, variants, 2), [Design(case, covariates, dosages)])
    each = time.process_time() - begun
    show(f"logistic, one site x {people} x {variants:,}, and the solving",
         f"{each:.1f} s CPU, six {6 * each:.0f}", "<= 25 s for six")  # fmt: skip


if __name__ == "__main__":
    main()
