"""What the six-country study refuses before it begins; the whole of it is a stage of `.ci/run`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.errors import Exit
from tests.journeys.test_demo_live import ROOT

pytestmark = pytest.mark.live


def refused(tmp_path: Path, *arguments: str, **environment: str) -> tuple[int, str]:
    ran = subprocess.run(
        [sys.executable, "-m", "gateway", "demo", "--countries", *arguments],
        cwd=ROOT, env={**os.environ, "TMPDIR": str(tmp_path), **environment},
        capture_output=True, text=True, timeout=3_600, check=False,
    )  # fmt: skip
    assert list(tmp_path.iterdir()) == []
    return ran.returncode, ran.stderr


def test_without_the_engine_it_says_what_to_install_and_begins_nothing(tmp_path: Path) -> None:
    code, said = refused(tmp_path, "--smoke", SKERRY_ENGINE=str(tmp_path / "none"))
    assert code == Exit.NOT_RUN
    assert "skerry workspace install-engine" in said or "bubblewrap" in said


def test_data_of_ones_own_is_not_of_six_countries(tmp_path: Path) -> None:
    code, said = refused(tmp_path, "--data", str(ROOT))
    assert code == Exit.BAD_INPUT
    assert "--countries simulates its people" in said
