"""Finds the federated-learning engine and the sandbox, or skips with the reason."""

from __future__ import annotations

import os

import pytest

from workspaces.engine import environment
from workspaces.engine.environment import Environment
from workspaces.errors import EngineAbsent, SandboxRefused
from workspaces.sandbox import probe


def engine() -> Environment:
    """The installed engine; under SKERRY_REQUIRE_ALL=1 a missing one is a failure."""
    try:
        probe()
        return environment.find()
    except (EngineAbsent, SandboxRefused) as absent:
        if os.environ.get("SKERRY_REQUIRE_ALL") == "1":
            pytest.fail(absent.public)
        pytest.skip(absent.public)
