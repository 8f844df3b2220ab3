"""Plaintext that is half open: it gets a name when whole, and does not outlive its process long."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.sealing_node import URL, SealingNode, fetched
from workspaces import keys, openings, settings
from workspaces.app import create_app
from workspaces.errors import AlreadyThere
from workspaces.settings import PinnedNode

LEFT = ".reads-1.0123456789abcdef.opening"
CRASHING = """
import os, signal, sys
from pathlib import Path
from workspaces import openings
with openings.file_in_place(Path(sys.argv[1])) as file:
    file.write(b"half a genome")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def node() -> SealingNode:
    return SealingNode(b"a person's genome")


@pytest.fixture
def folder(tmp_path: Path, node: SealingNode) -> Path:
    held = keys.init(tmp_path / "lab", "lab")
    pinned = PinnedNode(url=URL, manifest_key=node.manifest_key.hex())
    settings.save(held.folder, settings.pin(held.settings, pinned))
    return held.folder


def fetch(folder: Path, node: SealingNode, *, out: Path | None = None) -> None:
    with node.client() as http:
        fetched(folder, http, out=out, insecure_plaintext_path=out is not None)


def hidden(place: Path) -> list[str]:
    return [path.name for path in place.rglob(".*")]


def test_what_a_killed_process_left_is_removed_by_the_next_fetch(
    folder: Path, node: SealingNode
) -> None:
    data = settings.data_folder(folder)
    ended = subprocess.run(
        [sys.executable, "-c", CRASHING, str(data / "reads-1")], cwd=Path.cwd(), check=False
    )
    assert ended.returncode == -signal.SIGKILL
    assert len(hidden(data)) == 1
    fetch(folder, node)
    assert [path.name for path in data.iterdir()] == ["reads-1"]


def test_what_was_left_in_any_corner_of_the_data_folder_is_removed_at_the_start(
    folder: Path,
) -> None:
    data = settings.data_folder(folder)
    (data / "a" / "b").mkdir(parents=True)
    for place in (data, data / "a", data / "a" / "b"):
        (place / LEFT).write_bytes(b"half a genome")
    create_app(folder)
    assert hidden(data) == []


def test_a_refused_fetch_has_removed_them_too(folder: Path, node: SealingNode) -> None:
    data = settings.data_folder(folder)
    (data / LEFT).write_bytes(b"half a genome")
    (data / "reads-1").write_bytes(b"there already")
    with pytest.raises(AlreadyThere):
        fetch(folder, node)
    assert hidden(data) == []


def test_what_is_being_opened_now_is_left_alone(folder: Path) -> None:
    data = settings.data_folder(folder)
    with openings.file_in_place(data / "reads-1") as file:
        file.write(b"whole")
        assert openings.sweep(data) == 0
        assert len(hidden(data)) == 1
    assert (data / "reads-1").read_bytes() == b"whole"
    assert hidden(data) == []


@pytest.mark.parametrize(
    "name",
    [".opening", "reads-1.0123456789abcdef.opening", ".reads-1.opening", ".a.0123.opening"],
)
def test_files_of_other_names_are_not_ours_to_remove(folder: Path, name: str) -> None:
    data = settings.data_folder(folder)
    (data / name).write_bytes(b"kept")
    assert openings.sweep(data) == 0
    assert (data / name).read_bytes() == b"kept"


def test_a_link_or_a_folder_of_that_name_is_neither_followed_nor_removed(
    folder: Path, tmp_path: Path
) -> None:
    data, precious = settings.data_folder(folder), tmp_path / "precious"
    precious.write_bytes(b"kept")
    (data / LEFT).symlink_to(precious)
    (data / LEFT.replace("reads-1", "folder")).mkdir()
    os.mkfifo(data / LEFT.replace("reads-1", "pipe"))
    assert openings.sweep(data) == 0
    assert len(hidden(data)) == 3
    assert precious.read_bytes() == b"kept"


def test_outside_the_folder_only_the_same_files_leftover_is_removed(
    folder: Path, node: SealingNode, tmp_path: Path
) -> None:
    place = tmp_path / "elsewhere"
    place.mkdir()
    other = LEFT.replace("reads-1", "another")
    for name in (LEFT, other):
        (place / name).write_bytes(b"half a genome")
    fetch(folder, node, out=place / "reads-1")
    assert sorted(path.name for path in place.iterdir()) == [other, "reads-1"]
