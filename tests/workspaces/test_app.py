"""The workspace's own server tells what it is and what it received, and no more."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.support.sealing_node import URL, SealingNode, fetched
from workspaces import keys, settings
from workspaces.__main__ import EXIT_BAD_FOLDER, main
from workspaces.app import create_app
from workspaces.errors import FolderInvalid
from workspaces.settings import PinnedNode

PLAIN = b"the contents of a person's genome"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return keys.init(tmp_path / "lab", "Harbour lab").folder


async def ask(folder: Path, path: str) -> httpx.Response:
    transport = httpx.ASGITransport(create_app(folder))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        return await http.get(path)


@pytest.mark.anyio
async def test_it_lives_and_says_what_it_is(folder: Path) -> None:
    assert (await ask(folder, "/livez")).status_code == 200
    info = (await ask(folder, "/service-info")).json()
    assert info["type"]["artifact"] == "workspace"
    assert info["name"] == "Harbour lab"


@pytest.mark.anyio
async def test_deliveries_are_listed_without_their_contents(folder: Path) -> None:
    assert (await ask(folder, "/deliveries")).json() == {"deliveries": []}
    node = SealingNode(PLAIN)
    pinned = PinnedNode(url=URL, manifest_key=node.manifest_key.hex())
    settings.save(folder, settings.pin(settings.load(folder), pinned))
    with node.client() as http:
        delivery = fetched(folder, http)
    answer = await ask(folder, "/deliveries")
    assert answer.json() == {"deliveries": [delivery.model_dump(mode="json")]}
    assert PLAIN not in answer.content


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["/data/reads-1", "/workspace.key", "/jobs", "/openapi.json"])
async def test_nothing_else_is_served(folder: Path, path: str) -> None:
    assert (await ask(folder, path)).status_code == 404


@pytest.mark.anyio
async def test_a_line_that_cannot_be_read_is_an_error_and_not_an_empty_list(folder: Path) -> None:
    (folder / "deliveries").mkdir()
    (folder / "deliveries" / "1.json").write_text("{}")
    assert (await ask(folder, "/deliveries")).status_code == 400


def test_a_folder_that_is_no_workspace_does_not_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(FolderInvalid):
        create_app(tmp_path)
    assert main(["--dir", str(tmp_path)]) == EXIT_BAD_FOLDER
    assert "is not a workspace" in capsys.readouterr().err
