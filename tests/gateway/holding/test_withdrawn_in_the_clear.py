"""After a withdrawal the person's sample is in no object that leaves in the clear."""

from __future__ import annotations

from pathlib import Path

import anyio
import httpx
import pysam
import pytest

from gateway.errors import Exit
from gateway.holding import withdrawing
from gateway.home import NodeHome
from tests.support.command import Ran, skerry
from tests.support.node_folder import node_folder
from tests.support.sample_files import biosamples, calls, reads
from tests.support.sources import write_records
from tests.support.whole_node import serving

pytestmark = pytest.mark.anyio

CLEAR = {
    "id": "isle",
    "level": "public",
    "insecure_clear_streams": True,
    "data_use": [{"id": "DUO:0000004"}],
}
HELD = {
    "reads/isle/s1": "BAM", "reads/isle/s2": "BAM", "reads/isle/nameless": "BAM",
    "variants/isle/calls": "VCF", "files/isle/notes.txt": "FILE",
}  # fmt: skip


@pytest.fixture
def node(tmp_path: Path) -> NodeHome:
    """P1 to P3, whose samples S1 to S3 are in reads and calls that anyone may have."""
    home = node_folder(tmp_path / "node", policies=[CLEAR])
    numbers = range(1, 4)
    people = write_records(tmp_path / "individuals.json", [{"id": f"P{n}"} for n in numbers])
    samples = biosamples(tmp_path / "biosamples.json", {f"S{n}": f"P{n}" for n in numbers})
    (tmp_path / "notes.txt").write_text("of S2, it may be")
    files = (
        reads(tmp_path / "s1.bam", "S1"), reads(tmp_path / "s2.bam", "S2"),
        reads(tmp_path / "nameless.bam"), calls(tmp_path / "calls.vcf.gz", "S1", "S2", "S3"),
        tmp_path / "notes.txt",
    )  # fmt: skip
    ran = load(home, *files, more=("--individuals", people, "--biosamples", samples))
    assert ran.code == Exit.OK, ran.err
    return home


def load(node: NodeHome, *files: Path, more: tuple[object, ...] = ()) -> Ran:
    clear = [word for file in files for word in ("--clear", file)]
    return skerry("load", node.root, "--dataset", "isle", *more, *clear)


async def offered(http: httpx.AsyncClient) -> set[str]:
    """What leaves, and that all else says why it does not."""
    found = set()
    for path in HELD:
        answer = await http.get(f"/htsget/{path}")
        if answer.status_code == 200:
            found.add(path)
        else:
            assert answer.status_code == 403, answer.text
            assert "Somebody withdrew from this dataset" in answer.json()["htsget"]["message"]
    return found


async def content(http: httpx.AsyncClient, path: str) -> bytes:
    ticket = (await http.get(f"/htsget/{path}")).json()["htsget"]
    parts = [await http.get(one["url"]) for one in ticket["urls"]]
    assert {part.status_code for part in parts} == {200}
    return b"".join(part.content for part in parts)


async def test_who_withdrew_is_in_nothing_that_leaves(node: NodeHome, tmp_path: Path) -> None:
    async with serving(node) as http:
        assert await offered(http) == set(HELD)
        said = skerry("people", "withdraw", node.root, "isle", "P2").out
        assert await offered(http) == {"reads/isle/s1"}
        for name in ("s2 as BAM", "nameless as BAM", "calls as VCF", "notes.txt as FILE"):
            assert f"released no more: isle/{name}" in said
        assert "released as before: isle/s1 as BAM" in said
        (tmp_path / "got.bam").write_bytes(await content(http, "reads/isle/s1"))
        with pysam.AlignmentFile(tmp_path / "got.bam", check_sq=False) as got:
            assert [one["SM"] for one in got.header.to_dict()["RG"]] == ["S1"]


async def test_an_address_given_out_before_gives_nothing_afterwards(node: NodeHome) -> None:
    async with serving(node) as http:
        before = {}
        for path in HELD:
            ticket = (await http.get(f"/htsget/{path}")).json()["htsget"]
            before[path] = ticket["urls"][0]["url"]
        withdrawing.withdraw(node, "isle", "P2")
        for path, url in before.items():
            answer = await _until_refused(http, url)  # within a second
            assert answer.status_code in {403, 404}, path
            assert b"S1" not in answer.content


async def _until_refused(http: httpx.AsyncClient, url: str) -> httpx.Response:
    with anyio.fail_after(600):
        while (answer := await http.get(url)).status_code == 200:
            pass
    return answer


async def test_a_withdrawal_that_was_cut_off_leaves_everything_closed(node: NodeHome) -> None:
    withdrawing.withdraw(node, "isle", "P2")
    async with serving(node) as http:
        assert await offered(http) == set()
        assert skerry("datasets", "reseal", node.root, "isle").code == Exit.OK
        assert await offered(http) == {"reads/isle/s1"}


async def test_files_made_without_them_leave_again_and_the_same_ones_do_not(
    node: NodeHome, tmp_path: Path
) -> None:
    skerry("people", "withdraw", node.root, "isle", "P2")
    ran = load(node, tmp_path / "s2.bam", calls(tmp_path / "calls.vcf.gz", "S1", "S3"))
    assert ran.out.count("not released: it may hold somebody who withdrew") == 1
    async with serving(node) as http:
        assert await offered(http) == {"reads/isle/s1", "variants/isle/calls"}
        (tmp_path / "got.vcf.gz").write_bytes(await content(http, "variants/isle/calls"))
    with pysam.VariantFile(tmp_path / "got.vcf.gz") as got:
        assert list(got.header.samples) == ["S1", "S3"]


async def test_the_operators_word_holds_until_the_next_withdrawal(node: NodeHome) -> None:
    skerry("people", "withdraw", node.root, "isle", "P2")
    freed = skerry("datasets", "reseal", node.root, "isle", "--free", "isle/notes.txt")
    assert "released by your word: isle/notes.txt" in freed.out
    async with serving(node) as http:
        assert await offered(http) == {"reads/isle/s1", "files/isle/notes.txt"}
        skerry("people", "withdraw", node.root, "isle", "P3")
        assert await offered(http) == {"reads/isle/s1"}


async def test_a_file_that_is_gone_is_told_as_closed_and_the_others_are_looked_through(
    node: NodeHome, tmp_path: Path
) -> None:
    (tmp_path / "calls.vcf.gz").unlink()
    ran = skerry("people", "withdraw", node.root, "isle", "P2")
    assert ran.code == Exit.OK, ran.err
    assert "released no more: isle/calls as VCF" in ran.out
    assert "released as before: isle/s1 as BAM" in ran.out
