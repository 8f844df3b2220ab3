"""A node behind nginx as it is shipped: nginx sends the bytes, and no byte that it should not."""

from __future__ import annotations

import base64
import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pysam
import pytest
import yaml
from pytest_socket import enable_socket, socket_allow_hosts

from streams.envelope import open_body
from streams.header import open_header, read_header
from tests.support import nginx, served_node
from tests.support.command import skerry
from tests.support.loopback import unused_address
from tests.support.served_node import PATIENCE_SECONDS, Served, until
from workspaces import keys

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(not nginx.installed(), reason="there is no nginx"),
]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    enable_socket()  # wider than one test, so it comes before the test's own mark
    socket_allow_hosts(["127.0.0.1", "::1", "localhost"], allow_unix_socket=True)
    folder, url = tmp_path_factory.mktemp("front"), unused_address()
    bodies, clear = folder / "n" / "vault" / "bodies", folder / "clear"
    accel = {str(bodies): "/skerry-bodies", str(clear): "/skerry-clear"}
    made = served_node.made(folder, in_front=url, accel=accel)
    offered_in_the_clear(made, clear)
    port = int(url.rpartition(":")[2])
    node_port = served_node.port_of(made)
    configured = nginx.configuration(
        folder, port=port, node_port=node_port, bodies=bodies, clear=clear
    )
    with nginx.running(folder, configured, url=url), served_node.serving(made):
        served_node.granted(made)
        yield made


def offered_in_the_clear(node: Served, folder: Path) -> None:
    policies = yaml.safe_load(node.home.policies.read_text("utf-8"))
    policies["datasets"].append(
        {"id": "open", "level": "public", "insecure_clear_streams": True,
         "data_use": [{"id": "DUO:0000004"}]}
    )  # fmt: skip
    node.home.policies.write_text(yaml.safe_dump(policies), "utf-8")
    folder.mkdir()
    reads = folder / "free.bam"
    reads.write_bytes(node.reads.read_bytes())
    assert skerry("load", node.home.root, "--dataset", "open", "--clear", reads).code == 0


@pytest.fixture
def part(node: Served) -> tuple[str, dict[str, str]]:
    """The address of a body and what goes with it."""
    _, found = ticket(node)["urls"]
    return found["url"], found["headers"]


def ticket(node: Served) -> dict[str, list[dict[str, Any]]]:
    headers = {"Authorization": f"Bearer {node.token('rosa')}"}
    answer = get(f"{node.url}/htsget/reads/isle/made.bam", headers)
    found: dict[str, list[dict[str, Any]]] = answer.json()["htsget"]
    return found


def get(url: str, headers: object) -> httpx.Response:
    given: Any = headers  # httpx's own
    return httpx.get(url, headers=given, trust_env=False, timeout=PATIENCE_SECONDS)


def body(node: Served) -> bytes:
    (path,) = (node.home.vault / "bodies").iterdir()
    return path.read_bytes()


def test_a_fetch_is_whole_and_nginx_has_sent_it(node: Served) -> None:
    assert node.fetch("--out", "whole.bam").code == 0
    assert (node.lab / "data" / "whole.bam").read_bytes() == node.reads.read_bytes()
    sent = node.recorded("release.block")[-1]
    assert sent["via"] == "proxy"
    assert sent["sent"] == len(body(node))


def test_an_open_file_is_sent_by_nginx_whole_and_by_the_node_in_slices(
    node: Served, tmp_path: Path
) -> None:
    place = f"{node.url}/htsget/reads/open/free"
    (whole,) = get(place, {}).json()["htsget"]["urls"]
    answer = get(whole["url"], whole["headers"])
    assert (answer.status_code, answer.content) == (206, node.reads.read_bytes())
    assert answer.headers["content-type"] == "application/octet-stream"
    assert node.recorded("release.block")[-1]["via"] == "proxy"
    with pysam.AlignmentFile(str(node.reads)) as file:
        expected = sum(1 for read in file if read.reference_name == "chr2")
    with pysam.AlignmentFile(f"{place}?referenceName=chr2") as sent:
        assert sum(1 for read in sent if read.reference_name == "chr2") == expected > 0
    until(lambda: "via" not in node.recorded("release.block")[-1])  # recorded once it was sent


def test_a_slice_comes_through_the_node(node: Served) -> None:
    assert node.fetch("--region", "chr2", "--out", "slice.bam").code == 0
    until(lambda: "via" not in node.recorded("release.block")[-1])


def test_an_ordinary_client_that_sends_the_headers_gets_one_valid_file(node: Served) -> None:
    first, second = ticket(node)["urls"]
    header = base64.b64decode(str(first["url"]).partition(",")[2])
    answer = get(str(second["url"]), second["headers"])
    assert answer.status_code == 206
    plain = io.BytesIO()
    stream = io.BytesIO(header + answer.content)
    open_body(stream, plain, open_header(read_header(stream), [keys.load(node.lab).secret]))
    assert plain.getvalue() == node.reads.read_bytes()


def test_the_htsget_client_sends_what_the_ticket_says(node: Served, tmp_path: Path) -> None:
    command = [
        str(Path(sys.executable).with_name("htsget")), "-M", "0", "--bearer-token",
        node.token("rosa"), "-O", str(tmp_path / "out"), f"{node.url}/htsget/reads/isle/made.bam",
    ]  # fmt: skip
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert ran.returncode == 0, ran.stderr
    plain = io.BytesIO()
    stream = io.BytesIO((tmp_path / "out").read_bytes())
    open_body(stream, plain, open_header(read_header(stream), [keys.load(node.lab).secret]))
    assert plain.getvalue() == node.reads.read_bytes()
    assert node.recorded("release.block")[-1]["via"] == "proxy"


@pytest.mark.parametrize(("first", "last"), [(0, 0), (5, 99), (60_000, 60_500)])
def test_a_part_of_the_range_may_be_asked_for(
    node: Served, part: tuple[str, dict[str, str]], first: int, last: int
) -> None:
    answer = get(part[0], {"Range": f"bytes={first}-{last}"})
    assert answer.status_code == 206
    assert answer.content == body(node)[first : last + 1]
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{len(body(node))}"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Range": "bytes=0-"},
        {"Range": "bytes=-5"},
        {"Range": "bytes=0-999999999999"},
        {"Range": "bytes=0-5,7-9"},
        {"Range": "bytes=9-5"},
        {"Range": "lines=0-5"},
        [("Range", "bytes=0-5"), ("Range", "bytes=0-9")],
    ],
)
def test_any_other_range_is_refused(
    node: Served, part: tuple[str, dict[str, str]], headers: object
) -> None:
    answer = get(part[0], headers)
    assert answer.status_code == 400
    assert len(answer.content) < 500
    assert node.home


@pytest.mark.parametrize("condition", ["If-Range", "If-None-Match", "If-Match"])
def test_no_condition_makes_more_of_it(
    node: Served, part: tuple[str, dict[str, str]], condition: str
) -> None:
    """nginx would judge it by the file, and send all of it where it does not hold."""
    answer = get(part[0], {"Range": "bytes=3-9", condition: '"other"'})
    assert (answer.status_code, answer.content) == (206, body(node)[3:10])


def test_the_bodies_are_not_to_be_had_without_the_node(node: Served) -> None:
    (path,) = (node.home.vault / "bodies").iterdir()
    name = path.name
    for place in (
        f"/skerry-bodies/{name}", "/skerry-bodies/", "/skerry-clear/x",
        f"/skerry-bodies/../bodies/{name}", f"/skerry-bodies%2f{name}",
    ):  # fmt: skip
        assert get(node.url + place, {}).status_code in (400, 404)


def test_a_changed_address_is_refused(node: Served, part: tuple[str, dict[str, str]]) -> None:
    url, headers = part
    path = urlsplit(url).path
    for changed in (url[:-1] + ("0" if url[-1] != "0" else "1"), url.replace("/0-", "/1-"),
                    url.replace("expires=", "expires=9")):  # fmt: skip
        answer = get(changed, headers)
        assert answer.status_code in (400, 403)
        assert len(answer.content) < 500
    assert path.endswith("/in-place")


def test_a_client_that_says_it_is_nginx_gets_a_name_and_no_byte(
    node: Served, part: tuple[str, dict[str, str]]
) -> None:
    direct = part[0].replace(node.url, f"http://127.0.0.1:{served_node.port_of(node)}")
    answer = get(direct, {**part[1], "X-Skerry-Accel": "1"})
    assert answer.content == b""
    plain = get(direct, part[1])
    assert (plain.status_code, plain.content) == (206, body(node))


def test_addresses_are_in_no_log_of_nginx(node: Served, part: tuple[str, dict[str, str]]) -> None:
    assert get(*part).status_code == 206
    logged = (node.folder / "access.log").read_text() + (node.folder / "error.log").read_text()
    assert "/htsget/blocks/" not in logged
    assert "/htsget/reads/" in logged


def test_after_revocation_nothing_more_is_sent(
    node: Served, part: tuple[str, dict[str, str]]
) -> None:
    assert get(*part).status_code == 206
    (request,) = node.call("dora", "GET", "/access/requests")["requests"]
    node.call("dora", "POST", f"/access/requests/{request['id']}/revoke", note="over")
    answer = get(*part)
    assert answer.status_code == 403
    assert len(answer.content) < 500
