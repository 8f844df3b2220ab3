"""Threat: a request that names somebody else's workspace, to have data sealed to its key."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.errors import InvalidInput
from tests.support.access_node import AccessNode


def test_anothers_workspace_is_refused_as_an_unknown_one(tmp_path: Path) -> None:
    node = AccessNode(tmp_path)
    theirs = node.workspace("grace")
    said = set()
    for workspace in (theirs, "ws-unknown"):
        with pytest.raises(InvalidInput) as refused:
            node.submitted(workspace, requester="rosa")
        said.add((type(refused.value), str(refused.value), refused.value.detail))
    assert len(said) == 1
    assert node.submitted(theirs, requester="grace")
    node.close()
