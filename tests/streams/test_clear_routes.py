"""Clear streams: anyone reads the objects of an open dataset by any client, and of no other."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import httpx
import pysam
import pytest

from access.policies.policy import DatasetPolicy, PolicyBook
from streams import sending, sessions
from streams.clear import ClearDoor
from streams.htsget.tickets import Address, Part
from streams.sessions import IDLE_SECONDS
from streams.shelf import Shelf
from streams.slices.chart import Region
from streams.sources import BGZF_EOF, Kind
from tests.support import slice_files
from tests.support.release_node import ReleaseNode, clear_policy
from tests.support.slice_files import overlapping, read_all

pytestmark = pytest.mark.anyio
READS = "/htsget/reads/open1/made"
NOW = 1_800_000_000


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("files")
    return {form: slice_files.write(folder, form, records=600) for form in slice_files.ENDINGS}


@pytest.fixture
def shelved(node: ReleaseNode, files: dict[str, Path]) -> ReleaseNode:
    for form, path in files.items():
        shelve(node, path, form=form)
    return node


def shelve(node: ReleaseNode, path: Path, *, form: str, object_id: str = "open1/made") -> None:
    dataset = object_id.partition("/")[0]
    kind = Kind.READS if form in ("BAM", "CRAM") else Kind.VARIANTS
    node.shelf.register(path, object_id=object_id, dataset=dataset, kind=kind, form=form)


@pytest.fixture
async def anyone(shelved: ReleaseNode) -> AsyncIterator[httpx.AsyncClient]:
    async with shelved.client(None) as client:
        yield client


async def got(
    client: httpx.AsyncClient, path: str, **question: Any
) -> tuple[dict[str, Any], bytes]:
    answer = await client.get(path, params=question)
    assert answer.status_code == 200, answer.text
    ticket = answer.json()["htsget"]
    return ticket, b"".join([await part(client, one["url"]) for one in ticket["urls"]])


async def part(client: httpx.AsyncClient, url: str) -> bytes:
    if url.startswith("data:"):
        return base64.b64decode(url.partition(",")[2])
    answer = await client.get(url)
    assert answer.status_code == 200
    assert len(answer.content) == int(answer.headers["content-length"])
    return answer.content


async def refused(client: httpx.AsyncClient, path: str, **question: Any) -> tuple[int, str]:
    answer = await client.get(path, params=question)
    return answer.status_code, answer.json()["htsget"]["error"]


@pytest.mark.parametrize("form", list(slice_files.ENDINGS))
async def test_anyone_reads_the_whole_file_and_a_region(
    anyone: httpx.AsyncClient, files: dict[str, Path], tmp_path: Path, form: str
) -> None:
    path = READS if form in ("BAM", "CRAM") else READS.replace("reads", "variants")
    ticket, content = await got(anyone, path, format=form.lower())
    assert content == files[form].read_bytes()
    assert ticket["md5"] == hashlib.md5(content, usedforsecurity=False).hexdigest()
    assert ticket["format"] == form
    asked = Region("chr1", 124_478_211, 124_490_000)
    ticket, content = await got(
        anyone, path, format=form, referenceName="chr1", start=asked.start0, end=asked.end0
    )
    assert set(ticket) == {"format", "urls"}
    slice_path = tmp_path / f"slice{slice_files.ENDINGS[form]}"
    slice_path.write_bytes(content)
    whole, sent = read_all(files[form], form), read_all(slice_path, form)
    assert overlapping(sent, [asked]) == overlapping(whole, [asked])
    assert len(sent) < len(whole)


async def test_without_a_format_the_standards_default_is_sent(anyone: httpx.AsyncClient) -> None:
    assert (await got(anyone, READS))[0]["format"] == "BAM"
    assert (await got(anyone, READS.replace("reads", "variants")))[0]["format"] == "VCF"


async def test_a_header_alone_is_a_file(anyone: httpx.AsyncClient) -> None:
    _, content = await got(anyone, READS, **{"class": "header", "format": "BAM"})
    assert content.endswith(BGZF_EOF)
    assert len(content) < 1000


async def test_regions_are_posted(anyone: httpx.AsyncClient, tmp_path: Path) -> None:
    regions = [{"referenceName": "chr2", "start": 500_000}, {"referenceName": "*"}]
    answer = await anyone.post(READS, json={"format": "BAM", "regions": regions})
    (url,) = answer.json()["htsget"]["urls"]
    (tmp_path / "slice.bam").write_bytes(await part(anyone, url["url"]))
    contigs = {contig for contig, *_ in read_all(tmp_path / "slice.bam", "BAM")}
    assert contigs == {"chr2", "*"}


async def test_fields_and_tags_that_are_not_asked_for_do_not_come(
    anyone: httpx.AsyncClient, tmp_path: Path
) -> None:
    path, (whole, everything) = tmp_path / "few.bam", await got(anyone, READS)
    ticket, content = await got(anyone, READS, fields="QNAME,POS", tags="")
    assert "md5" in whole
    assert "md5" not in ticket
    assert len(content) < len(everything) // 2
    path.write_bytes(content)
    with pysam.AlignmentFile(path) as reads:
        lines = [str(read).split("\t") for read in reads]
    assert len(lines) == 800
    assert {(line[1], line[4], line[9]) for line in lines} == {("0", "255", "None")}


async def test_of_a_cram_all_fields_are_sent_as_service_info_says(
    anyone: httpx.AsyncClient, files: dict[str, Path]
) -> None:
    asked = {"format": "CRAM", "fields": "QNAME", "tags": "NM"}
    ticket, content = await got(anyone, READS, **asked)
    assert content == files["CRAM"].read_bytes()
    assert "md5" in ticket
    _, region = await got(anyone, READS, format="CRAM", referenceName="chr2")
    assert (await got(anyone, READS, referenceName="chr2", **asked))[1] == region
    info = (await anyone.get("/htsget/reads/service-info")).json()["htsget"]["skerry"]
    assert "CRAM" not in info["fieldsEffectiveFormats"] + info["tagsEffectiveFormats"]
    assert await refused(anyone, READS, format="CRAM", fields="NAME") == (400, "InvalidInput")


async def test_ten_thousand_regions_are_one_file_and_one_more_is_too_many(
    anyone: httpx.AsyncClient, files: dict[str, Path], tmp_path: Path
) -> None:
    places = range(0, 240_000_000, 24_000)
    regions = [{"referenceName": "chr1", "start": at, "end": at + 50} for at in places]
    assert len(regions) == 10_000
    answer = await anyone.post(READS, json={"format": "BAM", "regions": regions[::-1]})
    (url,) = answer.json()["htsget"]["urls"]
    (tmp_path / "slice.bam").write_bytes(await part(anyone, url["url"]))
    asked = [Region("chr1", at, at + 50) for at in places]
    sent = read_all(tmp_path / "slice.bam", "BAM")
    expected = overlapping(read_all(files["BAM"], "BAM"), asked)
    assert overlapping(sent, asked) == expected != []
    too_many = await anyone.post(READS, json={"regions": [*regions, regions[0]]})
    assert (too_many.status_code, too_many.json()["htsget"]["error"]) == (413, "PayloadTooLarge")


async def test_a_large_object_is_sent_in_parts_that_can_be_asked_for_again(
    anyone: httpx.AsyncClient, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.htsget.desk.CLEAR_PART_BYTES", 10_000)
    ticket, content = await got(anyone, READS, format="BAM")
    assert content == files["BAM"].read_bytes()
    assert len(ticket["urls"]) == len(content) // 10_000 + 1
    address = ticket["urls"][1]["url"]
    for _ in range(2):
        answer = await anyone.get(address, headers={"Range": "bytes=5-99"})
        assert (answer.status_code, answer.content) == (206, content[10_005:10_100])


async def test_clear_streams_are_on_record_with_what_was_sent(
    shelved: ReleaseNode, anyone: httpx.AsyncClient
) -> None:
    _, content = await got(anyone, READS, referenceName="chr2")
    (entry,) = shelved.recorded("release.clear")
    assert (entry["object"], entry["by"], entry["size"]) == ("open1/made", None, len(content))
    shelved.releases.close()
    (close,) = shelved.recorded("release.close")
    assert (close["release"], close["sent"]) == (entry["release"], len(content))


# Refusals


@pytest.mark.parametrize(
    ("path", "question", "expected"),
    [
        (READS, {"referenceName": "chrZZ"}, (404, "NotFound")),
        (READS, {"format": "VCF"}, (400, "UnsupportedFormat")),
        (READS, {"referenceName": "chr1", "start": 9, "end": 3}, (400, "InvalidRange")),
        (READS, {"referenceName": "*", "start": 9}, (400, "InvalidInput")),
        (READS, {"class": "header", "referenceName": "chr1"}, (400, "InvalidInput")),
        (READS.replace("reads", "variants"), {"referenceName": "*"}, (404, "NotFound")),
        (READS + ".bai", {}, (404, "NotFound")),
        ("/htsget/reads/open1/nothing", {}, (404, "NotFound")),
        ("/htsget/reads/ds1/made", {}, (401, "InvalidAuthentication")),
        ("/htsget/reads/hidden/made", {}, (401, "InvalidAuthentication")),
        (READS, {"encryptionScheme": "c4gh"}, (404, "NotFound")),
        ("/htsget/no", {}, (404, "NotFound")),
        ("/htsget/reads", {}, (404, "NotFound")),
    ],
    ids=str,
)
async def test_what_is_not_there_or_not_right_gets_its_own_error(
    anyone: httpx.AsyncClient, path: str, question: dict[str, Any], expected: tuple[int, str]
) -> None:
    assert await refused(anyone, path, **question) == expected


async def test_a_dataset_that_lost_its_setting_sends_nothing_more(
    shelved: ReleaseNode, anyone: httpx.AsyncClient, files: dict[str, Path]
) -> None:
    ticket, _ = await got(anyone, READS)
    shelved.book._policies["open1"] = replace(clear_policy("open1"), clear_streams=False)
    shelved.book._for_nobody.clear()
    shelved.clock.now += 1
    answer = await anyone.get(ticket["urls"][0]["url"])
    assert (answer.status_code, answer.json()["htsget"]["error"]) == (403, "PermissionDenied")
    assert await refused(anyone, READS) == (401, "InvalidAuthentication")
    async with shelved.client("mallory") as somebody:
        assert await refused(somebody, READS) == (403, "PermissionDenied")


async def test_streams_take_turns_however_much_the_network_takes_of_each(
    shelved: ReleaseNode, anyone: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "NEAR_BATCH_BYTES", 4096)
    claims = [await claimed(shelved, anyone) for _ in range(2)]
    order: list[int] = []

    async def drain(number: int) -> None:
        async for _ in shelved.releases.send(claims[number]):
            order.append(number)  # noqa: PERF401 (each when it comes)

    async with anyio.create_task_group() as both:
        both.start_soon(drain, 0)
        both.start_soon(drain, 1)
    assert order.count(0) == order.count(1) > 3
    assert order != sorted(order)
    assert order != sorted(order, reverse=True)


async def claimed(node: ReleaseNode, client: httpx.AsyncClient) -> sending.Claim:
    ticket, _ = await got(client, READS, format="BAM")
    url = httpx.URL(ticket["urls"][0]["url"])
    session, raw_part = url.path.split("/")[-2:]
    start0, end0 = map(int, raw_part.split("-"))
    part = Part(start0, end0)
    bound = Address(session, "", caller="", part=part, expires=int(url.params["expires"]))
    return await node.releases.claim(bound, url.params["signature"], start0=start0, end0=end0)


def reload(node: ReleaseNode, path: Path) -> None:
    written = path.stat().st_mtime_ns + 1_000_000_000
    os.utime(path, ns=(written, written))
    shelve(node, path, form="BAM")


class Turning(PolicyBook):
    """A book whose next version comes into force when it is told."""

    into: PolicyBook | None = None

    def current(self) -> PolicyBook:
        return self.into or self

    def policy(self, dataset: str) -> DatasetPolicy | None:
        return super().policy(dataset) if self.into is None else self.into.policy(dataset)


def test_a_policy_of_this_process_and_an_object_loaded_by_it_count_at_once(
    shelved: ReleaseNode, files: dict[str, Path]
) -> None:
    book = Turning([clear_policy("open1")], version="1")
    door = ClearDoor(shelved.shelf, book, shelved.withdrawn)
    found = shelved.shelf.forms(Kind.READS, "open1/made")["BAM"]
    assert [door.still_holds(found, NOW) for _ in range(3)] == [True] * 3
    shelve(shelved, files["CRAM"], form="CRAM")
    assert door.still_holds(found, NOW)
    book.into = PolicyBook([replace(clear_policy("open1"), clear_streams=False)], version="2")
    assert not door.still_holds(found, NOW)
    book.into = None
    reload(shelved, files["BAM"])
    assert not door.still_holds(found, NOW)


def test_an_object_that_another_process_loaded_counts_within_a_second(
    shelved: ReleaseNode, files: dict[str, Path]
) -> None:
    door = ClearDoor(Shelf(shelved.shelf._charts.parent), shelved.book, shelved.withdrawn)
    found = door.shelf.forms(Kind.READS, "open1/made")["BAM"]
    assert door.still_holds(found, NOW)
    reload(shelved, files["BAM"])
    assert not door.still_holds(found, NOW + 1)


async def test_clear_objects_of_a_dataset_one_may_not_know_of_are_not_there(
    shelved: ReleaseNode, anyone: httpx.AsyncClient, files: dict[str, Path]
) -> None:
    shelve(shelved, files["BAM"], form="BAM", object_id="hidden/made")
    there, not_there = [await refused(anyone, f"/htsget/reads/hidden/{n}") for n in ("made", "no")]
    assert there == not_there == (401, "InvalidAuthentication")


async def test_a_sealed_object_never_leaves_in_the_clear(node: ReleaseNode, content: bytes) -> None:
    async with node.agent_running(), node.client() as client:
        answer = await client.get("/htsget/reads/sample1?encryptionScheme=none")
    assert answer.status_code == 403
    assert "leave only as Crypt4GH" in answer.json()["htsget"]["message"]
    assert node.recorded("release.intent") == []


async def test_a_file_that_changed_is_not_served(
    shelved: ReleaseNode, anyone: httpx.AsyncClient, files: dict[str, Path], tmp_path: Path
) -> None:
    path = tmp_path / "copy.bam"
    path.write_bytes(files["BAM"].read_bytes())
    shelve(shelved, path, form="BAM", object_id="open1/copy")
    await got(anyone, "/htsget/reads/open1/copy")
    os.utime(path, ns=(1, 1))
    assert await refused(anyone, "/htsget/reads/open1/copy", referenceName="chr1") == (
        503,
        "Unavailable",
    )


async def test_an_address_holds_for_its_bytes_and_its_time(
    shelved: ReleaseNode, anyone: httpx.AsyncClient
) -> None:
    ticket, content = await got(anyone, READS, referenceName="chr2")
    address = ticket["urls"][0]["url"]
    for changed in (
        address.replace(f"0-{len(content)}", f"1-{len(content)}"),
        address.replace(f"0-{len(content)}", f"0-{len(content) + 1}"),
        address.replace("expires=1", "expires=2"),
        address[:-1] + ("0" if address[-1] != "0" else "1"),
        address.partition("?")[0],
    ):
        assert (await anyone.get(changed)).status_code == 403
    shelved.clock.now += IDLE_SECONDS
    assert (await anyone.get(address)).status_code in (403, 404)


async def test_nobodys_releases_make_room_for_one_another(
    shelved: ReleaseNode, anyone: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "MAX_OF_NOBODY", 2)
    first, second, _ = [
        (await got(anyone, READS, referenceName="chr2"))[0]["urls"][0]["url"] for _ in range(3)
    ]
    assert (await anyone.get(first)).status_code == 404
    assert (await anyone.get(second)).status_code == 200


async def test_a_browser_elsewhere_may_read_tickets_and_blocks(anyone: httpx.AsyncClient) -> None:
    origin = {"Origin": "https://viewer.example"}
    ticket = await anyone.get(READS, headers=origin)
    block = ticket.json()["htsget"]["urls"][0]["url"]
    for answer in (ticket, await anyone.get(block, headers=origin)):
        assert answer.headers["access-control-allow-origin"] == "https://viewer.example"
    for path in (READS, block):
        asked = origin | {"Access-Control-Request-Headers": "range"}
        preflight = await anyone.options(path, headers=asked)
        assert preflight.headers["access-control-allow-headers"] == "range"
