"""refget over HTTP: the published sequences and collections, found by every name they have."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from gateway.http_errors import ErrorTable
from streams.errors import FastaRefused
from streams.refget import collection_routes, sequence_routes
from streams.refget.index import Index
from streams.refget.register import register
from streams.refget.service import ServiceFacts
from tests.support.shared import shared_data

pytestmark = pytest.mark.anyio

FACTS = ServiceFacts("org.example.one", "Node", "Example", "https://example.org", "test", "0.1.0")


def served(root: Path) -> httpx.AsyncClient:
    app, index = FastAPI(), Index(root)
    app.include_router(sequence_routes.build(index, FACTS))
    app.include_router(collection_routes.build(index, FACTS))
    ErrorTable(bodies={}, realm="test").install(app)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://node.example")


@pytest.fixture(scope="module")
def yeast(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("refget")
    data = shared_data("hts") / "refget" / "sequences"
    sums = json.loads((data / "checksums.json").read_text())
    for name, facts in sums.items():
        path = data / f"{name}.faa"
        own = path.read_text().split(maxsplit=1)[0].removeprefix(">")
        register(
            Index(root),
            path,
            aliases={own: facts["insdc"]},
            circular=frozenset({own} if facts["is_circular"] else ()),
        )
    return root


def letters_of(name: str) -> str:
    text = (shared_data("hts") / "refget" / "sequences" / f"{name}.faa").read_text()
    return "".join(text.splitlines()[1:]).upper()


def sums() -> dict[str, Any]:
    path = shared_data("hts") / "refget" / "sequences" / "checksums.json"
    made: dict[str, Any] = json.loads(path.read_text())
    return made


@pytest.mark.parametrize("name", ["I", "VI", "NC"])
async def test_a_sequence_is_found_by_every_name_it_has(yeast: Path, name: str) -> None:
    facts, expected = sums()[name], letters_of(name)
    names = (
        facts["md5"], facts["md5"].upper(), f"md5:{facts['md5']}", facts["ga4gh"],
        facts["ga4gh"].removeprefix("ga4gh:"), facts["sha512"], f"trunc512:{facts['sha512']}",
        facts["insdc"],
    )  # fmt: skip
    async with served(yeast) as node:
        for identifier in names:
            got = await node.get(f"/refget/sequence/{identifier}")
            assert (got.status_code, got.text == expected) == (200, True), identifier
            assert got.headers["content-length"] == str(len(expected))
            assert got.headers["accept-ranges"] == "none"
            assert got.headers["content-type"] == (
                "text/vnd.ga4gh.refget.v2.0.0+plain; charset=us-ascii"
            )


async def test_parts_are_exact_and_a_circle_closes(yeast: Path) -> None:
    facts, whole = sums(), letters_of("NC")
    async with served(yeast) as node:
        path = f"/refget/sequence/{facts['NC']['md5']}"
        wrapped = await node.get(path, params={"start": 5374, "end": 5})
        assert wrapped.text == whole[5374:] + whole[:5]
        part = await node.get(path, headers={"Range": "bytes=10-19"})
        assert (part.status_code, part.text) == (206, whole[10:20])
        assert part.headers["content-range"] == "bytes 10-19/5386"
        linear = await node.get(
            f"/refget/sequence/{facts['I']['md5']}", params={"start": 20, "end": 10}
        )
        assert linear.status_code == 416


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/refget/sequence/" + "0" * 32, 404),
        ("/refget/sequence/some1111random2222identifier", 404),
        ("/refget/sequence/insdc:nothing", 404),
        ("/refget/sequence/'; DROP TABLE sequences; --", 404),
        ("/refget/sequence/" + "a" * 5_000, 404),
        ("/refget/sequence/6681ac2f62509cfc220d78751b8dc524?start=x", 400),
        ("/refget/sequence/6681ac2f62509cfc220d78751b8dc524?begin=1", 400),
        ("/refget/sequence/6681ac2f62509cfc220d78751b8dc524?start=230218", 416),
        ("/refget/sequence/6681ac2f62509cfc220d78751b8dc524?end=230219", 416),
        ("/seqcol/collection/" + "x" * 32, 404),
        ("/seqcol/collection/x", 404),
        ("/seqcol/list/collection?page=-1", 400),
        ("/seqcol/list/collection?page_size=1001", 400),
        ("/seqcol/list/collection?colour=blue", 400),
        ("/seqcol/list/attributes/colours", 404),
    ],
)
async def test_what_is_not_there_or_not_a_question_is_refused(
    yeast: Path, path: str, status: int
) -> None:
    async with served(yeast) as node:
        assert (await node.get(path)).status_code == status


async def test_metadata_and_service_info_have_their_members(yeast: Path) -> None:
    facts = sums()["I"]
    async with served(yeast) as node:
        about = (await node.get(f"/refget/sequence/{facts['md5']}/metadata")).json()["metadata"]
        info = (await node.get("/refget/sequence/service-info")).json()
        refused = await node.get(
            f"/refget/sequence/{facts['md5']}/metadata", headers={"Accept": "text/html"}
        )
    assert (about["length"], about["trunc512"]) == (230218, facts["sha512"])
    assert about["ga4gh"] == facts["ga4gh"].removeprefix("ga4gh:")
    assert {"alias": "BK006935.2", "naming_authority": "insdc"} in about["aliases"]
    assert info["refget"].keys() == {
        "circular_supported", "algorithms", "identifier_types", "subsequence_limit",
    }  # fmt: skip
    assert refused.status_code == 406


@pytest.fixture(scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("seqcol")
    for path in sorted((shared_data("hts") / "refget" / "seqcol").glob("*.fa")):
        register(Index(root), path)
    return root


async def test_collections_are_listed_filtered_and_paged(toys: Path) -> None:
    async with served(toys) as node:
        both = [
            (await node.get("/seqcol/list/collection", params={"page": n, "page_size": 4})).json()
            for n in (0, 1)
        ]
        digests = [digest for page in both for digest in page["results"]]
        assert both[0]["pagination"] == {"page": 0, "page_size": 4, "total": 6}
        assert len(set(digests)) == 6
        one = (await node.get(f"/seqcol/collection/{digests[0]}?level=1")).json()
        assert "sorted_name_length_pairs" in one
        same = await node.get("/seqcol/list/collection", params={"names": one["names"]})
        assert digests[0] in same.json()["results"]
        array = await node.get(f"/seqcol/attribute/collection/names/{one['names']}")
        assert array.json() == (await node.get(f"/seqcol/collection/{digests[0]}")).json()["names"]
        transient = one["sorted_name_length_pairs"]
        path = f"/seqcol/attribute/collection/sorted_name_length_pairs/{transient}"
        assert (await node.get(path)).status_code == 404


async def test_a_collection_compares_with_one_held_and_one_sent(toys: Path) -> None:
    folder = shared_data("hts") / "refget" / "seqcol" / "comparison"
    expected = json.loads((folder / "compare_base.fa_subset.fa.json").read_text())
    a, b = expected["digests"]["a"], expected["digests"]["b"]
    async with served(toys) as node:
        held = await node.get(f"/seqcol/comparison/{a}/{b}")
        arrays = (await node.get(f"/seqcol/collection/{b}")).json()
        sent = await node.post(f"/seqcol/comparison/{a}", json=arrays)
        wrong = await node.post(f"/seqcol/comparison/{a}", content=b"[")
    assert held.json() == sent.json() == expected
    assert wrong.status_code == 400


async def test_a_store_with_nothing_in_it_knows_nothing(tmp_path: Path) -> None:
    async with served(tmp_path) as node:
        assert (await node.get("/refget/sequence/" + "0" * 32)).status_code == 404
        listed = (await node.get("/seqcol/list/collection")).json()
    assert listed == {"results": [], "pagination": {"page": 0, "page_size": 100, "total": 0}}


def test_a_file_refused_half_way_leaves_nothing_behind(tmp_path: Path) -> None:
    bad = tmp_path / "bad.fa.gz"
    bad.write_bytes(gzip.compress(b">a\n" + b"ACGT" * 50_000)[:-8])
    with pytest.raises(FastaRefused):
        register(Index(tmp_path / "store"), bad)
    assert list((tmp_path / "store").iterdir()) == []


def test_an_alias_never_moves_to_another_sequence(tmp_path: Path) -> None:
    first, second = tmp_path / "1.fa", tmp_path / "2.fa"
    first.write_text(">a\nACGT\n")
    second.write_text(">b\nTTTT\n")
    index = Index(tmp_path / "store")
    register(index, first, aliases={"a": "insdc:X1.1"})
    with pytest.raises(FastaRefused):
        register(index, second, aliases={"b": "insdc:X1.1"})
    register(index, first, aliases={"a": "insdc:X1.1"})
    with pytest.raises(FastaRefused):
        register(index, first, circular=frozenset({"nowhere"}))
