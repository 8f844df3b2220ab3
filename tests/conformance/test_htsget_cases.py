"""The shared htsget cases, with answers computed from the whole files, against a running node.

The checker joins the blocks of each ticket, parses them with pysam, and compares header, records
and their order, or status and error name.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import jsonschema
import pytest

from gateway.serving.share import is_listening
from tests.support.open_node import DATASET, OpenNode, open_node
from tests.support.served_node import PATIENCE_SECONDS
from tests.support.shared import shared_data
from tests.support.slice_files import ENDINGS

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenNode]:
    folder = shared_data("hts")
    files = [
        path
        for kind in ("reads", "variants")
        for path in sorted((folder / kind).iterdir())
        if path.name.endswith(tuple(ENDINGS.values()))
    ]
    with open_node(tmp_path_factory.mktemp("open"), files) as running:
        yield running


def get(url: str, **given: object) -> httpx.Response:
    return httpx.get(url, timeout=PATIENCE_SECONDS, **given)  # type: ignore[arg-type]  # httpx's own


def test_every_shared_case_is_answered_as_expected(node: OpenNode, tmp_path: Path) -> None:
    folder = shared_data("hts")
    cases = json.loads((folder / "expected" / "htsget_expected.json").read_text())
    here = tmp_path / "cases.json"
    here.write_text(json.dumps([case | {"id": f"{DATASET}/{case['id']}"} for case in cases]))
    checker, reference = folder / "expected" / "check_htsget.py", folder / "reads" / "ce.fa"
    ran = subprocess.run(
        [sys.executable, checker, f"{node.url}/htsget", here, "--ref", reference],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert [line for line in ran.stdout.splitlines() if line.startswith("FAIL")] == []
    assert ran.stdout.rstrip().endswith("95/95 passed")


def test_tickets_have_the_form_of_the_compliance_suite(node: OpenNode) -> None:
    """ga4gh/htsget-compliance: no key besides those of the standard."""
    folder = shared_data("hts") / "schemas"
    response, url = (
        json.loads((folder / f"{name}.json").read_text())["definitions"][name]
        for name in ("htsgetResponse", "htsgetUrl")
    )
    response["properties"]["htsget"]["properties"]["urls"]["items"] = url
    for query in ({}, {"referenceName": "11", "start": "5000000", "end": "5010000"}):
        answer = get(node.address("htsnexus_test_NA12878"), params=query)
        jsonschema.validate(answer.json(), response)


def test_no_address_of_a_block_reaches_the_log(node: OpenNode) -> None:
    ticket = get(node.address("spec-v4.3", "variants")).json()["htsget"]
    address = ticket["urls"][0]["url"]
    assert get(address).status_code == 200
    assert get(address + "0").status_code == 403
    log = node.log.read_text()
    assert "signature" not in log
    assert address.split("/")[-2] not in log
    record = node.home.record.read_text()
    assert address.split("/")[-2] not in record


def test_what_is_not_there_is_404(node: OpenNode) -> None:
    for path in ("/htsget/no", "/htsget", "/htsget/reads", "/htsget/blocks/x"):
        assert get(node.url + path).status_code == 404


def test_service_info_names_the_node(node: OpenNode) -> None:
    info = get(f"{node.url}/htsget/variants/service-info").json()
    assert info["organization"]["url"] == node.url
    assert info["htsget"]["formats"] == ["VCF", "BCF"]


def test_a_token_that_is_not_good_is_refused_even_where_none_is_needed(node: OpenNode) -> None:
    for token, status in ((node.token(), 200), (node.token(aud="https://other.example"), 401)):
        headers = {"Authorization": f"Bearer {token}"}
        asked = get(node.address("spec-v4.3", "variants"), headers=headers)
        assert asked.status_code == status, Path(node.log).read_text()


def test_a_slicer_runs_beside_the_key_agent(node: OpenNode) -> None:
    """Loading numpy takes it longer to start than the node."""
    deadline = time.monotonic() + 240
    while not is_listening(node.home.slicer_sockets(1)[0]):
        assert time.monotonic() < deadline
        time.sleep(0.1)
