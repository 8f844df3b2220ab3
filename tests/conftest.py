"""Fixtures every room shares, and the rule about skipping."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Generator, Iterator
from functools import cache

import fastapi.dependencies.models
import hypothesis
import pytest
from pytest_socket import enable_socket, socket_allow_hosts

from tests.support import postgres
from workspaces import sandbox
from workspaces.errors import SandboxRefused

REQUIRE_ALL = os.environ.get("SKERRY_REQUIRE_ALL") == "1"
# What no installation can cure: files that are not there, a kernel that forbids namespaces, or to
# look on.
ALLOWED_SKIPS = (
    "shared data is absent",
    "htslib plug-in",
    "does not allow unprivileged namespaces",
    "does not let a program be traced",
)
# The same checkout gets the same verdict: other examples are looked for where more time is given.
hypothesis.settings.register_profile("repeats", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.register_profile("searches", deadline=None, print_blob=True)
hypothesis.settings.load_profile("searches" if "SKERRY_FUZZ_SECONDS" in os.environ else "repeats")
_PACKAGES = {"bwrap": "bubblewrap", "node": "nodejs"}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def postgresql() -> Iterator[postgres.PostgreSQL]:
    with postgres.running() as server:
        yield server


def pytest_collection_finish() -> None:
    """What was imported lives to the end: the collector need not look at it again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module", autouse=True)
def _applications_end_with_their_tests() -> Iterator[None]:
    """FastAPI keeps the last 4,096 routes it has seen, and each keeps its application alive."""
    yield
    for kept in vars(fastapi.dependencies.models).values():
        if hasattr(kept, "cache_clear"):
            kept.cache_clear()


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("program"):
        for name in marker.args:
            if shutil.which(name) is None:
                pytest.skip(f"needs {name}: apt-get install {_PACKAGES.get(name, name)}")
    if item.get_closest_marker("sandbox") is not None and (refused := _no_sandbox()):
        pytest.skip(refused)


@cache
def _no_sandbox() -> str:
    """Why this machine cannot confine a program; nothing where it can."""
    try:
        sandbox.probe()
    except SandboxRefused as refused:
        return refused.public
    return ""


@pytest.fixture(autouse=True)
def _loopback_only_when_live(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("live") is not None:
        enable_socket()
        socket_allow_hosts(["127.0.0.1", "::1", "localhost"])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if REQUIRE_ALL and report.skipped and not hasattr(report, "wasxfail"):
        reason = str(report.longrepr)
        if not any(allowed in reason for allowed in ALLOWED_SKIPS):
            report.outcome = "failed"
            report.longrepr = f"skipped although SKERRY_REQUIRE_ALL=1: {reason}"
    return report
