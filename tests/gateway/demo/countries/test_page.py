"""The study's page ends with the commands that prove what it shows."""

from __future__ import annotations

import shlex
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.demo.countries import results
from gateway.demo.countries.page import page
from gateway.errors import DemoError


def study(folder: Path) -> Any:
    home = SimpleNamespace(public_key_hex=lambda: "ab" * 32)
    site = SimpleNamespace(url="http://127.0.0.1:1", home=home)
    return SimpleNamespace(folder=folder, sites=[site])


def test_commands_stand_on_the_page_as_text() -> None:
    written = page([], checks=["skerry results verify-crate '<b>.zip'"])
    assert "verify-crate &#x27;&lt;b&gt;.zip&#x27;" in written
    assert "Check it yourself" not in page([])


def test_the_command_names_every_site_s_key(tmp_path: Path) -> None:
    words = shlex.split(results.checking(study(tmp_path), "a b.zip"))
    assert words[:4] == ["skerry", "results", "verify-crate", "a b.zip"]
    assert words[4:] == ["--key", f"http://127.0.0.1:1={'ab' * 32}"]


@pytest.mark.anyio
async def test_a_crate_that_the_command_does_not_prove_fails_the_study(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"no crate")
    made = study(tmp_path)
    with pytest.raises(DemoError, match="not proven by the command"):
        await results.checked(made, results.checking(made, "a.zip"))
