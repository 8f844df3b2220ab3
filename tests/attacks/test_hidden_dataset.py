"""Finding out that a dataset exists by asking for it: nobody who may not know learns it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.access_node import URL, AccessNode

pytestmark = pytest.mark.anyio


@pytest.fixture
def node(tmp_path: Path) -> Iterator[AccessNode]:
    made = AccessNode(tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("person", [None, "rosa", "emil", "adam"])
async def test_unknown_and_forbidden_look_alike_to_everyone(
    node: AccessNode, person: str | None
) -> None:
    """«hidden» exists, «nowhere» does not; status, headers and body are the same."""
    headers = {} if person is None else {"x-test-person": person}
    workspace = node.workspace(person, confirmed_by=None) if person else "ws"
    transport = httpx.ASGITransport(app=node.app())
    async with httpx.AsyncClient(transport=transport, base_url=URL, headers=headers) as http:
        for action in ("discover", "stream", "train"):
            answers = [
                await http.get("/access/check", params={"dataset": name, "action": action})
                for name in ("hidden", "nowhere")
            ]
            assert answers[0].status_code == 403
            _alike(*answers)
        form = {"project": "p", "purpose": "x", "workspace": workspace, "months": 6}
        _alike(
            *[
                await http.post("/access/requests", json=form | {"dataset": name})
                for name in ("hidden", "nowhere")
            ]
        )


def _alike(one: httpx.Response, other: httpx.Response) -> None:
    assert not one.is_success
    assert (one.status_code, one.content) == (other.status_code, other.content)
    assert dict(one.headers) == dict(other.headers)
