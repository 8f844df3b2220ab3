"""`skerry workspace`: keys, what runs and was wiped, and refusals before anything is asked for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.errors import Exit
from streams.keys import thumbprint
from tests.support.command import skerry
from workspaces import keys, private, receipts
from workspaces.engine.port import fingerprint
from workspaces.leftovers import Note
from workspaces.private import PrivateFolder

URL = "http://127.0.0.1:9"


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Path]:
    assert skerry("workspace", "init", tmp_path / "lab", "--name", "lab").code == 0
    yield tmp_path / "lab"
    owner = thumbprint(keys.load(tmp_path / "lab").identity_key)[:16]
    for _ in private.leftovers(owner):
        pass


def note(process: int) -> bytes:
    made = Note(
        run="run-1", workspace="ws-1", node=URL, started=1, keys=("a" * 64,), process=process
    )
    return made.model_dump_json().encode()


def owner(lab: Path) -> str:
    return thumbprint(keys.load(lab).identity_key)[:16]


def left_behind(lab: Path) -> Path:
    """A run whose process was killed while it had plaintext."""
    script = (
        "import os, signal; from workspaces.private import PrivateFolder\n"
        f"made = PrivateFolder.create({owner(lab)!r})\n"
        f"made.note({note(1)!r})\n"
        "(made.data / 'calls').write_bytes(b'plaintext')\n"
        "print(made.root, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    root = Path(__file__).resolve().parents[3]
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=root, check=False
    )
    return Path(ran.stdout.strip())


def test_its_fingerprint_is_what_a_roster_names(lab: Path) -> None:
    said = json.loads(skerry("workspace", "status", lab, "--json").out)
    assert said["fingerprint"] == fingerprint(keys.load(lab).identity_key)
    assert (said["runs"], said["receipts"]) == ([], [])


@pytest.mark.parametrize("key", ["", "00", "no hex", "g" * 64, "ab" * 33])
def test_a_node_key_of_another_form_is_refused_before_anything_is_asked(
    lab: Path, tmp_path: Path, key: str
) -> None:
    token = tmp_path / "token"
    token.write_text("a")

    told = skerry(
        "workspace", "register", lab, "--node", "http://127.0.0.1:1", "--node-key", key,
        "--token-file", token,
    )  # fmt: skip

    assert told.code == Exit.BAD_INPUT
    assert "64 hexadecimal digits" in told.err


def test_what_a_killed_run_left_is_shown_wiped_and_signed_for(lab: Path) -> None:
    place = left_behind(lab)
    assert (place / "data" / "calls").read_bytes() == b"plaintext"
    said = json.loads(skerry("workspace", "status", lab, "--json").out)
    assert said["runs"][0]["state"].startswith("left behind")
    ran = skerry("workspace", "wipe", lab)
    assert (ran.code, ran.out.strip()) == (
        0,
        "0 running told to stop and wipe; 1 left behind wiped",
    )
    assert not place.exists()
    (receipt, given), *_ = receipts.listed(lab)
    assert (receipt.run, receipt.outcome, receipt.files, given) == ("run-1", "killed", 2, False)
    assert "the receipt still has to be given" in skerry("workspace", "status", lab).out


def test_a_run_that_lives_is_not_wiped_under_it_but_told_to_stop(lab: Path) -> None:
    script = "import time; time.sleep(36_000)"
    alive = subprocess.Popen([sys.executable, "-c", script])
    folder = PrivateFolder.create(owner(lab))
    folder.note(note(alive.pid))
    (folder.data / "calls").write_bytes(b"plaintext")
    ran = skerry("workspace", "wipe", lab)
    assert ran.out.strip() == "1 running told to stop and wipe; 0 left behind wiped"
    assert (folder.data / "calls").exists()
    assert alive.wait(600) != 0
    folder.wipe()


def test_another_workspaces_leftovers_are_not_touched(lab: Path, tmp_path: Path) -> None:
    place = left_behind(lab)
    assert skerry("workspace", "init", tmp_path / "other", "--name", "other").code == 0
    skerry("workspace", "wipe", tmp_path / "other")
    assert place.exists()


def test_what_was_fetched_is_overwritten_when_asked(lab: Path) -> None:
    (lab / "data" / "calls").write_bytes(b"plaintext")
    assert "fetched" not in skerry("workspace", "wipe", lab).out
    assert (lab / "data" / "calls").exists()
    assert "1 fetched files overwritten" in skerry("workspace", "wipe", lab, "--fetched").out
    assert list((lab / "data").iterdir()) == []
    assert keys.load(lab).settings.name == "lab"


def test_the_engine_and_the_bundle_are_looked_for_before_anything_is_asked(
    lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKERRY_ENGINE", str(tmp_path / "nothing"))
    token = tmp_path / "token"
    token.write_text("t")
    common = (
        "workspace", "run", lab, "--node", URL, "--dataset", "ds1", "--bring", "file:ds1/x",
        "--application", "nothing", "--token-file", token,
    )  # fmt: skip
    ran = skerry(*common, "--federation", tmp_path / "none.json")
    assert (ran.code, "no site bundle" in ran.err) == (Exit.BAD_INPUT, True)


@pytest.mark.parametrize("bring", ["ds1/x", "all:ds1/x", "reads:"])
def test_what_cannot_be_brought_in_is_said(lab: Path, tmp_path: Path, bring: str) -> None:
    from gateway.commands.workspace_run import _staged
    from gateway.errors import LoadRefused

    with pytest.raises(LoadRefused, match="--bring"):
        _staged(bring)


@pytest.mark.parametrize("plan", ["{", "[1]", '{"share": NaN}'])
def test_a_run_is_not_led_with_what_is_no_plan(tmp_path: Path, plan: str) -> None:
    from gateway.commands.workspace_run import _outputs
    from gateway.errors import LoadRefused
    from workspaces.engine.federation import SiteBundle

    site = SiteBundle(
        federation="f", site="one", coordinator="127.0.0.1:1", registrar="https://127.0.0.1:1",
        authority="-", roster={"one": "0" * 64}, least_sites=3,
    )  # fmt: skip
    (tmp_path / "token").write_text("t")
    (tmp_path / "plan.json").write_text(plan)
    with pytest.raises(LoadRefused, match="a JSON object"):
        _outputs(
            site, "gwas", submit=True, follow=None, plan=tmp_path / "plan.json",
            token_file=tmp_path / "token", resume=False,
        )  # fmt: skip


def test_only_the_thumbprint_that_was_read_out_is_confirmed(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("t")
    ran = skerry(
        "workspace", "approve", "ws-1/../x", "--node", URL, "--token-file", token,
        "--thumbprint", "a" * 64,
    )  # fmt: skip
    assert (ran.code, "letters, digits" in ran.err) == (Exit.BAD_INPUT, True)


def test_what_is_wiped_is_counted_and_gone(lab: Path) -> None:
    folder = PrivateFolder.create(owner(lab))
    (folder.data / "calls").write_bytes(os.urandom(32 << 20))
    assert folder.wipe().bytes == 32 << 20
    assert not folder.root.exists()
    assert folder.wipe().files == 0
