"""Imports go down only: the house's floors, checked by import-linter."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.test_packaging import ROOMS

ROOT = Path(__file__).resolve().parents[1]


def test_no_room_imports_upwards_or_sideways() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    outcome = subprocess.run(
        [program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert outcome.returncode == 0, outcome.stdout


def test_each_sharp_tool_has_one_importer() -> None:
    """PyJWT, Authlib and the AEAD are imported where they are wrapped and nowhere else."""
    owners = {
        "import jwt": {"passports/tokens.py"},
        "authlib": {"passports/login.py"},
        "ChaCha20Poly1305": {
            "streams/envelope.py",
            "streams/header.py",
            "streams/keyfile.py",
            "streams/opened_source.py",
            "streams/opening.py",
            "streams/slices/sealed.py",
            # Runs in the engine's environment, where nothing of ours above it is.
            "workspaces/engine/federated/masks.py",
        },
    }
    for word, allowed in owners.items():
        found = {
            str(path.relative_to(ROOT))
            for room in ROOMS
            for path in (ROOT / room).rglob("*.py")
            if any(
                word in line
                for line in path.read_text(encoding="utf-8").splitlines()
                if line.lstrip().startswith(("import ", "from "))
            )
        }
        assert found <= allowed, (word, found)
