"""Finds the shared test data beside the checkout, or skips with the reason."""

from __future__ import annotations

from pathlib import Path

import pytest

_SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


def shared_data(folder: str) -> Path:
    """The folder of shared data named `folder`; skips the test where it does not exist."""
    path = _SHARED / folder
    if not path.is_dir():
        pytest.skip(f"shared data is absent: ../shared/data/{folder}")
    return path
