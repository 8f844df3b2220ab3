"""Clients of others read a running node by the lines of docs/htsget.md, and get what is there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.open_node import OpenNode, open_node
from tests.support.shared import shared_data

pytestmark = [pytest.mark.live, pytest.mark.program("samtools"), pytest.mark.program("bcftools")]
PAGE = Path(__file__).resolve().parents[2] / "docs" / "htsget.md"
READS, VARIANTS = "reads/htsnexus_test_NA12878", "variants/NA18537"
REGION = {"reads": "11:5000001-5010000", "variants": "21:10950001-10960000"}


def blocks() -> list[tuple[str, str]]:
    """The client and the text of each block of the page."""
    found = re.findall(
        r"^```(sh \w+|python)\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL
    )
    return [(kind.removeprefix("sh "), text) for kind, text in found]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenNode]:
    folder = shared_data("hts")
    files = [folder / f"{READS}.bam", folder / f"{READS}.cram"]
    files += [folder / f"{VARIANTS}.vcf.gz", folder / f"{VARIANTS}.bcf"]
    with open_node(tmp_path_factory.mktemp("open"), files) as running:
        yield running


def output(*command: object) -> str:
    ran = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, timeout=300, check=True
    )
    return ran.stdout


def records(path: Path, *, region: bool, local: bool) -> str:
    """What samtools or bcftools show of a file; a local one is the truth."""
    kind = "reads" if path.suffix in (".bam", ".cram") else "variants"
    program = ["samtools", "view"] if kind == "reads" else ["bcftools", "view", "-H"]
    if not region:
        return output(*program, path)
    if not local:
        output(program[0], "index", path)
    where = [path, REGION[kind]] if kind == "reads" else ["-r", REGION[kind], path]
    return output(*program, *where)


@pytest.mark.parametrize(("client", "text"), blocks(), ids=[client for client, _ in blocks()])
def test_a_line_of_the_page_fetches_what_a_local_view_shows(
    node: OpenNode, tmp_path: Path, client: str, text: str
) -> None:
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    assert client == "python" or shutil.which(client, path=programs), f"needs {client}"
    environment = {
        **os.environ,
        "READS": node.address("htsnexus_test_NA12878"),
        "VARIANTS": node.address("NA18537", "variants"),
        "TOKEN": node.token(),
        "HTS_ALLOW_UNENCRYPTED_AUTHORIZATION_HEADER": "I understand the risks",
        "PATH": programs,
    }
    shell = [sys.executable, "-c"] if client == "python" else ["bash", "-euc"]
    ran = subprocess.run(
        [*shell, text], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300,
        check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    if client == "curl":
        (url,) = json.loads((tmp_path / "ticket.json").read_text())["htsget"]["urls"]
        (tmp_path / "region.bam").write_bytes(httpx.get(url["url"], timeout=600).content)
    made = [path for path in tmp_path.iterdir() if path.name not in ("token", "ticket.json")]
    assert made
    for path in made:
        name = READS if path.suffix in (".bam", ".cram") else VARIANTS
        ending = path.name.partition(".")[2]
        local = shared_data("hts") / f"{name}.{ending}"
        region = path.name.startswith("region")
        expected = records(local, region=region, local=True)
        assert expected
        assert records(path, region=region, local=False) == expected


def test_every_client_that_the_page_promises_has_a_block() -> None:
    assert {client for client, _ in blocks()} == {
        "samtools",
        "bcftools",
        "htsget",
        "python",
        "curl",
    }


def test_a_token_that_is_not_good_is_refused_to_samtools(node: OpenNode, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(node.token(aud="https://other.example"))
    environment = {
        **os.environ,
        "HTS_AUTH_LOCATION": str(tmp_path / "token"),
        "HTS_ALLOW_UNENCRYPTED_AUTHORIZATION_HEADER": "I understand the risks",
    }
    ran = subprocess.run(
        ["samtools", "view", "-H", node.address("htsnexus_test_NA12878")],
        env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert ran.returncode != 0
    assert "not permitted" in ran.stderr
