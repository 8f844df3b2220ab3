"""Ten thousand drawn questions: the node answers what a naive reading of the raw files answers.

The oracle (`tests/support/naive`) is plain Python over VCF text and JSON and shares nothing with
the product. `SKERRY_ORACLE_QUESTIONS` says how many are asked, a new archive for each 2,500;
`SKERRY_ORACLE_SEED` makes them others.
"""

from __future__ import annotations

import itertools
import os
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from gateway.app import create_app
from gateway.home import NodeHome
from tests.support.command import skerry
from tests.support.naive.answers import NaiveDataset, Question, Truth, answer
from tests.support.naive.asking import Asking
from tests.support.naive.checking import check
from tests.support.naive.node import left, read_dataset
from tests.support.naive.wire import send
from tests.support.node_folder import URL, node_folder, open_counts
from tests.support.shared import shared_data
from tests.support.world import make_world

pytestmark = pytest.mark.anyio

QUESTIONS = int(os.environ.get("SKERRY_ORACLE_QUESTIONS", "2500"))
SEED = int(os.environ.get("SKERRY_ORACLE_SEED", "20261"))
PER_WORLD = 2500
REAL_SHARE = 12  # of so many questions one is asked of the real cohort, which is slower to scan
TRIES = 200
WITHDRAWN = ("P00", "P07", "P31", "P32", "P56", "P58")
EACH_KIND = 0  # at least once, as always
PAGED = 60  # questions of which every page is read
SHOWN = 5


class Asked:
    """The node under test and the naive one, over the same files."""

    def __init__(self, made: NodeHome, datasets: Sequence[NaiveDataset]) -> None:
        self.datasets = datasets
        self._by_name = {each.id: each for each in datasets}
        self._app = create_app(made)

    def http(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.ASGITransport(self._app), base_url=URL)

    def truth(self, question: Question) -> Truth:
        return answer(self.datasets, question)

    def check(self, response: httpx.Response, question: Question, truth: Truth) -> None:
        check(response, question, truth, self._by_name)


def made_archive(folder: Path, *, seed: int) -> Asked:
    """People on a reference, sites on it, and sites of the older assembly without one. Every other
    archive has its people's variants as BCF."""
    world = make_world(folder / "world", seed=seed)
    made = _node(folder, "isle", "sites", "plain")
    people = [part for entity, path in world.people.items() for part in (f"--{entity}", path)]
    called = world.bcf if seed % 2 else world.vcf
    _load(made, "isle", called, *people, "--hierarchy", world.obo, "--sequences", world.fasta)
    _load(made, "sites", world.sites, "--sequences", world.fasta)
    _load(made, "plain", world.older, "--assembly", "GRCh37")
    isle = read_dataset("isle", world.vcf, fasta=world.fasta, people=world.people, obo=world.obo)
    sites = read_dataset("sites", world.sites, fasta=world.fasta)
    plain = read_dataset("plain", world.older, assembly="GRCh37")
    return Asked(made, [isle, sites, plain])


def with_ceilings(folder: Path, *, seed: int) -> Asked:
    """The same people twice and sites: of one records may be told, of one counts, of one only
    presence."""
    world = make_world(folder / "world", seed=seed)
    told = {"records": "record", "counts": "count", "presence": "boolean"}
    policies = [{**open_counts(name), "ceilings": {"public": most}} for name, most in told.items()]
    made = node_folder(folder / "node", policies=policies)
    people = [part for entity, path in world.people.items() for part in (f"--{entity}", path)]
    datasets = []
    for name, most in told.items():
        vcf, more = (world.sites, None) if name == "counts" else (world.vcf, world.people)
        _load(made, name, vcf, *(people if more else ()), "--sequences", world.fasta)
        datasets.append(replace(read_dataset(name, vcf, fasta=world.fasta, people=more), most=most))
    return Asked(made, datasets)


def with_withdrawals(folder: Path, *, seed: int) -> Asked:
    """Some people withdrew after they were loaded."""
    world = make_world(folder / "world", seed=seed)
    made = _node(folder, "isle")
    people = [part for entity, path in world.people.items() for part in (f"--{entity}", path)]
    _load(made, "isle", world.vcf, *people, "--hierarchy", world.obo, "--sequences", world.fasta)
    for person in WITHDRAWN:
        assert skerry("people", "withdraw", made.root, "isle", person).code == 0
    whole = read_dataset("isle", world.vcf, fasta=world.fasta, people=world.people, obo=world.obo)
    return Asked(made, [left(whole, WITHDRAWN)])


def real_cohort(folder: Path) -> Asked:
    data = shared_data("beacon")
    entities = ("individuals", "biosamples", "runs", "analyses")
    people = {entity: data / "cineca-uk1" / f"{entity}.json.gz" for entity in entities}
    vcf = data / "1000g" / "test_1000G.b37.chr1.vcf.gz"
    made = _node(folder, "cineca")
    options = [part for entity, path in people.items() for part in (f"--{entity}", path)]
    _load(made, "cineca", vcf, *options, "--assembly", "GRCh37")
    return Asked(made, [read_dataset("cineca", vcf, assembly="GRCh37", people=people)])


def _node(folder: Path, *datasets: str) -> NodeHome:
    records = {"ceilings": {"public": "record"}}
    return node_folder(folder / "node", policies=[{**open_counts(d), **records} for d in datasets])


def _load(made: NodeHome, dataset: str, vcf: Path, *more: object) -> None:
    ran = skerry("load", made.root, "--dataset", dataset, "--vcf", vcf, *more)
    assert ran.code == 0, ran.err


async def agree(asked: Asked, *, questions: int, seed: int) -> None:
    """Asks, and shows the first questions whose answers differ. The first time its turn comes,
    a kind of question is drawn until something is found, so that none is proved by emptiness."""
    asking = Asking(random.Random(seed), asked.datasets)  # noqa: S311
    wrong, empty = [], []
    async with asked.http() as http:
        for number in range(max(questions, len(asking.kinds))):
            question, truth = _drawn(asking, number, asked.truth)
            if number < len(asking.kinds) and not truth.exists:
                empty.append(question.kind)
            response = await send(http, question)
            try:
                asked.check(response, question, truth)
            except AssertionError as differs:
                sizes = {name: len(found) for name, found in truth.found.items()}
                wrong.append(f"{question}\n  oracle: {sizes}\n  {differs}\n  {response.text[:600]}")
    assert not wrong, f"{len(wrong)} disagree:\n" + "\n".join(wrong[:SHOWN])
    assert not empty


def _drawn(
    asking: Asking, number: int, truth_of: Callable[[Question], Truth]
) -> tuple[Question, Truth]:
    for _ in range(TRIES if number < len(asking.kinds) else 1):
        question = asking.draw(number)
        truth = truth_of(question)
        if truth.exists:
            break
    return question, truth


@pytest.mark.parametrize("world", range(max(1, QUESTIONS // PER_WORLD)))
async def test_a_made_archive_answers_as_a_naive_reading_of_its_files(
    tmp_path: Path, world: int
) -> None:
    asked = made_archive(tmp_path, seed=SEED + world)
    await agree(asked, questions=min(QUESTIONS, PER_WORLD), seed=SEED + world)


async def test_the_real_cohort_answers_as_a_naive_reading_of_its_files(tmp_path: Path) -> None:
    await agree(real_cohort(tmp_path), questions=QUESTIONS // REAL_SHARE, seed=SEED)


async def test_of_each_dataset_is_told_what_its_policy_lets(tmp_path: Path) -> None:
    await agree(with_ceilings(tmp_path, seed=SEED), questions=EACH_KIND, seed=SEED)


async def test_people_who_withdrew_are_in_no_answer(tmp_path: Path) -> None:
    await agree(with_withdrawals(tmp_path, seed=SEED), questions=EACH_KIND, seed=SEED)


async def test_pages_follow_each_other_to_the_end_and_back(tmp_path: Path) -> None:
    asked = made_archive(tmp_path, seed=SEED)
    asking = Asking(random.Random(SEED), asked.datasets)  # noqa: S311
    drawn = (asking.draw(number) for number in itertools.count())
    lists = (question for question in drawn if question.only is None)
    several = ((each, asked.truth(each)) for each in lists)
    paged = (
        (each, truth)
        for each, truth in several
        if max(map(len, truth.found.values()), default=0) > 4
    )
    async with asked.http() as http:
        for question, truth in itertools.islice(paged, PAGED):
            await _read_all(http, asked, question, truth)


async def _read_all(
    http: httpx.AsyncClient, asked: Asked, question: Question, truth: Truth
) -> None:
    """By the tokens of the pages, which are those of the last of the lists."""
    most = max(map(len, truth.found.values()))
    first = replace(question, skip=0, limit=1 + most // 3, granularity="record", show="HIT")
    before, token = "", None
    for number in range(-(-most // first.limit)):
        page = replace(first, skip=number)
        response = await send(http, page, page=token)
        asked.check(response, page, truth)
        stated = response.json()["meta"]["receivedRequestSummary"]["pagination"]
        assert (stated["skip"], stated["limit"]) == (number, first.limit)
        if before:
            back = await send(http, page, page=stated["previousPage"])
            asked.check(back, replace(first, skip=number - 1), truth)
        before, token = stated["currentPage"], stated["nextPage"]
    assert token == ""


async def test_every_variant_is_found_again_by_the_id_it_was_given(tmp_path: Path) -> None:
    asked = made_archive(tmp_path, seed=SEED)
    lists = {"requestedGranularity": "record", "limit": "0"}
    async with asked.http() as http:
        listed = (await http.get("/beacon/datasets/isle/g_variants", params=lists)).json()
        (held,) = listed["response"]["resultSets"]
        assert len(held["results"]) == len(asked.datasets[0].variants.all)
        for record in held["results"][::7]:
            path = f"/beacon/g_variants/{record['variantInternalId']}"
            answered = (await http.get(path, params=lists)).json()["response"]["resultSets"]
            found = [each for each in answered if each["id"] == "isle"]
            assert found[0]["results"] == [record]
            people = (await http.get(f"{path}/biosamples", params=lists)).json()["response"]
            held = [each["results"] for each in people["resultSets"] if each["id"] == "isle"]
            called = {each["biosampleId"] for each in record["caseLevelData"]}
            expected = asked.datasets[0].genotyped.records("biosample", called)
            assert sorted(each["id"] for of in held for each in of) == sorted(expected)


async def test_a_wrong_answer_is_noticed(tmp_path: Path) -> None:
    """The check can fail: with one carrier less, one record fewer, or another total."""
    asked = made_archive(tmp_path, seed=SEED)
    question = Question("", "g_variants", "genomicVariant", granularity="record", limit=5)
    truth = asked.truth(question)
    async with asked.http() as http:
        response = await send(http, question)
    asked.check(response, question, truth)
    for break_it in (_a_carrier_less, _a_record_less, _another_total, _nothing_found):
        body = response.json()
        break_it(body)
        with pytest.raises((AssertionError, KeyError)):
            asked.check(httpx.Response(200, json=body), question, truth)


def _first(body: dict[str, object], *, called: bool = False) -> list[dict[str, object]]:
    results = body["response"]["resultSets"][0]["results"]  # type: ignore[index]
    return [each for each in results if each["caseLevelData"]] if called else results


def _a_carrier_less(body: dict[str, object]) -> None:
    _first(body, called=True)[0]["caseLevelData"].pop()  # type: ignore[attr-defined]


def _a_record_less(body: dict[str, object]) -> None:
    _first(body).pop()


def _another_total(body: dict[str, object]) -> None:
    body["responseSummary"]["numTotalResults"] += 1  # type: ignore[index]
    body["responseSummary"]["countPrecision"] = "exact"  # type: ignore[index]
    body["response"]["resultSets"][0]["resultsCount"] += 1  # type: ignore[index]


def _nothing_found(body: dict[str, object]) -> None:
    body["responseSummary"]["exists"] = False  # type: ignore[index]
