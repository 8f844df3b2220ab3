from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.admin_node import AdminNode


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[AdminNode]:
    made = AdminNode(tmp_path)
    yield made
    await made.close()
