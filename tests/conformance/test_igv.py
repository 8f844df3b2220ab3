"""igv.js in a real browser draws reads and variants from a running node, across origins."""

from __future__ import annotations

import functools
import os
import subprocess
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page

from tests.support.in_chromium import PATIENCE_MS, chromium
from tests.support.open_node import OpenNode, open_node
from tests.support.shared import shared_data

pytestmark = [
    pytest.mark.live,
    pytest.mark.program("chromium"),
    pytest.mark.program("samtools"),
    pytest.mark.program("bcftools"),
]
FOLDER = Path(__file__).resolve().parents[1] / "igv"
READS, VARIANTS = "reads/htsnexus_test_NA12878.bam", "variants/NA18537.vcf.gz"
# How many different colours the canvases of the tracks show.
_COLOURS = """() => {
  const seen = new Set();
  const below = (root) => [...root.querySelectorAll("*")].flatMap((one) =>
    [one, ...(one.shadowRoot ? below(one.shadowRoot) : [])]);
  for (const one of below(document)) {
    if (one.tagName !== "CANVAS" || !one.width || !one.height) continue;
    const { data } = one.getContext("2d").getImageData(0, 0, one.width, one.height);
    for (let at = 0; at < data.length; at += 4) seen.add(data.slice(at, at + 3).join());
  }
  return seen.size;
}"""


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenNode]:
    files = [shared_data("hts") / READS, shared_data("hts") / VARIANTS]
    with open_node(tmp_path_factory.mktemp("open"), files) as running:
        yield running


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """Another origin, whose page shows what lies at the node."""
    if not (FOLDER / "node_modules" / "igv").is_dir():
        pytest.skip("needs igv.js: npm ci --prefix tests/igv")
    (tmp_path / "index.html").write_text((FOLDER / "index.html").read_text())
    (tmp_path / "chrom.sizes").write_text("11\t135006516\n21\t48129895\n")
    (tmp_path / "node_modules").symlink_to(FOLDER / "node_modules")
    handler = functools.partial(_Quiet, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's name
        pass


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1200, "height": 700})
        page.set_default_timeout(PATIENCE_MS)
        yield page


def test_igv_reads_what_a_local_view_shows(
    node: OpenNode, site: str, page: Page, tmp_path: Path
) -> None:
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    question = {
        "reads": node.address("htsnexus_test_NA12878"),
        "variants": node.address("NA18537", "variants"),
        "locus": "11:5,009,000-5,010,000",
    }
    page.goto(f"{site}/?{urlencode(question)}")
    page.wait_for_function("window.read !== undefined")  # this site forbids no evaluation
    found = page.evaluate("window.read('reads', '11', 5009000, 5010000)")
    assert sorted(map(tuple, found)) == _reads("11:5009001-5010000")
    found = page.evaluate("window.read('variants', '21', 10950000, 10960000)")
    assert sorted(map(tuple, found)) == _variants("21:10950001-10960000")
    page.wait_for_function(f"({_COLOURS})() > 3", polling=500)  # an empty track has two
    picture = Path(os.environ.get("SKERRY_ARTIFACTS", tmp_path)) / "igv.png"
    page.screenshot(path=picture)
    assert wrong == []


def _reads(region: str) -> list[tuple[str, int]]:
    """Names and zero-based starts of the reads that have a place, as igv.js shows them."""
    shown = ["samtools", "view", "-F", "UNMAP", shared_data("hts") / READS, region]
    rows = [line.split("\t") for line in _output(shown)]
    assert rows
    return sorted((row[0], int(row[3]) - 1) for row in rows)


def _variants(region: str) -> list[tuple[str, int]]:
    shown = ["bcftools", "view", "-H", "-r", region, shared_data("hts") / VARIANTS]
    rows = [line.split("\t") for line in _output(shown)]
    assert rows
    return sorted((row[3], int(row[1]) - 1) for row in rows)


def _output(command: list[object]) -> list[str]:
    ran = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, timeout=300, check=True
    )
    return ran.stdout.splitlines()
