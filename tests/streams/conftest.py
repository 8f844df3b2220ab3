"""A node that has one granted workspace and one sealed object."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.keys import SecretKey
from tests.support.release_node import ReleaseNode, bgzf

CONTENT = bgzf(os.urandom(200_000))


@pytest.fixture
def content() -> bytes:
    return CONTENT


@pytest.fixture
def workspace() -> SecretKey:
    return SecretKey.generate()


@pytest.fixture
def node(tmp_path: Path, workspace: SecretKey) -> Iterator[ReleaseNode]:
    made = ReleaseNode(tmp_path)
    made.seal(CONTENT)
    made.grant(workspace)
    yield made
    made.close()
