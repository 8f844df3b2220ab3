"""A hidden dataset changes no answer of its node at any door; its names are unknown ones."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import yaml

from beacon.loading.load import DatasetSource
from gateway.demo import population
from gateway.holding import loading
from gateway.home import NodeHome
from passports.tokens import PASSPORT_TYP, SigningKey, sign
from streams.shelf import Shelf
from streams.sources import Kind
from tests.support.node_folder import URL, node_folder, open_counts
from tests.support.whole_node import serving

pytestmark = pytest.mark.anyio
BROKER = "https://signin.example"
KEY = SigningKey.generate()
HIDDEN = {"id": "hidden", "level": "controlled", "listed": False}
ISLE = {
    **open_counts("isle"),
    "ceilings": {"public": "count", "registered": "none", "controlled": "none"},
}
CLOSED = {"id": "closed", "level": "controlled"}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> DatasetSource:
    folder = tmp_path_factory.mktemp("given")
    population.write(population.simulate(people=6, seed=2), folder, people=range(6))
    return DatasetSource(
        id="isle",
        name="Isle",
        description="",
        assembly="GRCh38",
        vcfs=(folder / "variants.vcf.gz",),
        individuals=folder / "individuals.json",
    )


def made(root: Path, source: DatasetSource, *policies: Mapping[str, object]) -> NodeHome:
    """A node of `isle` and the datasets of these policies, each with files left on the shelf."""
    root.mkdir()
    node = node_folder(root / "node", policies=[ISLE, *policies])
    broker = {"issuer": BROKER, "jwks_url": f"{BROKER}/jwks", "keys": [KEY.public_jwk()]}
    node.trust.write_text(yaml.safe_dump({"brokers": [broker]}), encoding="utf-8")
    for dataset in ("isle", *(str(policy["id"]) for policy in policies)):
        loading.load_dataset(node, replace(source, id=dataset))
    (root / "notes.txt").write_text("notes")
    for policy in policies:
        Shelf(node.clear).register(
            root / "notes.txt",
            object_id=f"{policy['id']}/notes",
            dataset=str(policy["id"]),
            kind=Kind.FILE,
            form="FILE",
        )
    return node


@asynccontextmanager
async def asking(node: NodeHome, *, signed_in: bool) -> AsyncIterator[httpx.AsyncClient]:
    now = int(time.time())
    claims = {"iss": BROKER, "sub": "rosa", "aud": URL, "iat": now, "exp": now + 600}
    raw = sign(claims | {"ga4gh_passport_v1": []}, key=KEY, typ=PASSPORT_TYP)
    headers = {"Authorization": f"Bearer {raw}"} if signed_in else {}
    async with serving(node, headers=headers) as http:
        yield http


CHANGED_NOWHERE = (
    "/",
    "/readyz",
    "/service-info",
    "/beacon",
    "/beacon/configuration",
    "/beacon/filtering_terms",
    "/beacon/datasets",
    "/beacon/individuals?requestedGranularity=count&includeResultsetResponses=ALL",
    "/beacon/individuals/P0",
    "/beacon/g_variants?requestedGranularity=count&includeResultsetResponses=ALL",
    "/seqcol/list/collections",
)
UNKNOWN_EVERYWHERE = (
    "/beacon/datasets/{}",
    "/beacon/datasets/{}/individuals",
    "/beacon/datasets/{}/g_variants",
    "/beacon/datasets/{}/filtering_terms",
    "/beacon/individuals?datasetIds={}",
    "/beacon/datasets?datasetIds={}",
    "/access/check?dataset={}",
    "/access/explain?dataset={}",
    "/htsget/files/{}/notes",
    "/htsget/files/{}/notes?encryptionScheme=none",
    "/htsget/files/{}/notes?format=BAM",
    "/htsget/reads/{}/notes",
)


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory, source: DatasetSource) -> dict[str, NodeHome]:
    root = tmp_path_factory.mktemp("nodes")
    given: dict[str, tuple[Mapping[str, object], ...]] = {
        "plain": (),
        "hidden": (HIDDEN,),
        "closed": (CLOSED,),
    }
    return {name: made(root / name, source, *policies) for name, policies in given.items()}


@pytest.mark.parametrize("signed_in", [False, True])
async def test_a_hidden_dataset_changes_no_answer(
    nodes: dict[str, NodeHome], signed_in: bool
) -> None:
    answers = []
    for name in ("plain", "hidden"):
        async with asking(nodes[name], signed_in=signed_in) as http:
            answers.append([await http.get(path) for path in CHANGED_NOWHERE])
    for plain, hidden in zip(*answers, strict=True):
        _alike(plain, hidden)


@pytest.mark.parametrize("signed_in", [False, True])
async def test_a_hidden_name_is_an_unknown_one(nodes: dict[str, NodeHome], signed_in: bool) -> None:
    async with asking(nodes["hidden"], signed_in=signed_in) as http:
        for path in UNKNOWN_EVERYWHERE:
            _alike(*[await http.get(path.format(name)) for name in ("hidden", "nowhr1")])


@pytest.mark.parametrize("signed_in", [False, True])
async def test_files_of_a_closed_dataset_are_no_more_there_than_others(
    nodes: dict[str, NodeHome], signed_in: bool
) -> None:
    """Whoever knows of the dataset learns from no answer which files it has."""
    async with asking(nodes["closed"], signed_in=signed_in) as http:
        for asked in ("", "?encryptionScheme=none", "?format=BAM", "?class=header"):
            path = "/htsget/files/closed/{}" + asked
            _alike(*[await http.get(path.format(name)) for name in ("notes", "other")])


def _alike(one: httpx.Response, other: httpx.Response) -> None:
    """But for the caller's own words in it, and the page token that is a digest of them."""
    assert (one.url.path, one.status_code) == (one.url.path, other.status_code)
    assert _without_asked(one) == _without_asked(other)
    assert dict(one.headers) == dict(other.headers)


def _without_asked(answer: httpx.Response) -> str:
    text = re.sub(r'"currentPage":"[^"]*"', "", answer.text)
    return text.replace("hidden", "nowhr1")
