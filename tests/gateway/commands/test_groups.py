"""The command starts from the base install alone, and names what a role needs beyond it."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from gateway.errors import Exit
from tests.support.command import skerry

ROOT = Path(__file__).resolve().parents[3]
# What the base install does not have, by import name.
ABSENT = (
    "alembic", "authlib", "cyvcf2", "fastapi", "httptools", "jinja2", "jwt", "numpy", "orjson",
    "prometheus_client", "pyarrow", "pydantic_settings", "pyroaring", "pysam", "scipy",
    "sqlalchemy", "sqlmodel", "starlette", "structlog", "uvicorn", "yaml",
)  # fmt: skip
_RUN = f"""
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {ABSENT!r}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
import importlib.util
real = importlib.util.find_spec
importlib.util.find_spec = lambda name: None if name in {ABSENT!r} else real(name)
from gateway.cli import main
main()
"""


def base(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _RUN, *arguments],
        capture_output=True, text=True, cwd=ROOT, check=False, timeout=600,
    )  # fmt: skip


def test_the_base_dependencies_are_none_of_the_absent() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert not {one.partition(">")[0] for one in project["dependencies"]} & set(ABSENT)


@pytest.mark.parametrize(
    "arguments", [("--help",), ("fetch", "--help"), ("login", "--help"), ("workspace", "--help")]
)
def test_what_a_workspace_needs_works_from_the_base_install(arguments: tuple[str, ...]) -> None:
    ran = base(*arguments)
    assert (ran.returncode, "Usage" in ran.stdout) == (0, True), ran.stderr


def test_the_help_of_the_base_install_names_every_group() -> None:
    said = base("--help").stdout
    assert all(name in said for name in ("datasets", "duo", "people", "policy", "trust"))


@pytest.mark.parametrize("name", ["duo", "trust", "policy", "datasets", "people", "reference"])
def test_a_group_says_which_extra_it_needs_whatever_follows(name: str) -> None:
    ran = base(name, "check", "--dataset", "x.json", "anything")
    assert ran.returncode == Exit.NOT_RUN
    assert "pip install 'skerry[node]'" in ran.stderr


def test_the_help_of_one_command_offers_no_completion_of_a_shell() -> None:
    ran = base("fetch", "--help")
    assert ran.returncode == 0
    assert "completion" not in ran.stdout


def test_an_account_that_the_demo_has_not_is_refused_with_those_it_has(tmp_path: Path) -> None:
    words = ("demo-passport", "nobody", "--node", "http://127.0.0.1:1", "--demo", str(tmp_path))
    ran = skerry(*words)
    assert (ran.code, ran.out) == (Exit.BAD_INPUT, "")
    assert all(name in ran.err for name in ("rosa", "grace", "dora", "dag", "adam"))
