"""`skerry federation` and `skerry fl`: folders are made once, and every no says the next step."""

from __future__ import annotations

import hashlib
import json
import signal
import ssl
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cryptography import x509

from tests.support.command import Ran, skerry
from tests.support.engine import engine
from tests.support.federation import keys, raw
from tests.support.loopback import unused_port
from workspaces.engine import bundle, environment, federation, registering
from workspaces.errors import FederationInvalid

NAMES = ["praha", "tartu", "porto"]


def site_options(names: list[str] = NAMES) -> list[str]:
    return [word for name, key in raw(keys(names)).items()
            for word in ("--site", f"{name}={key.hex()}")]  # fmt: skip


def init(folder: Path, *options: str) -> Ran:
    return skerry(
        "federation", "init", folder, "--name", "demo", "--host", "fl.example.org",
        *(options or site_options()),
    )  # fmt: skip


def test_init_makes_a_bundle_for_each_site_and_nothing_secret_is_in_it(tmp_path: Path) -> None:
    folder = tmp_path / "federation"
    ran = init(folder)
    assert ran.code == 0, ran.err
    assert "3 sites" in ran.out
    for name in NAMES:
        text = (folder / "bundles" / f"{name}.json").read_text()
        joined = federation.read_site_bundle(folder / "bundles" / f"{name}.json")
        assert (joined.site, joined.coordinator) == (name, "fl.example.org:443")
        assert set(joined.roster) == set(NAMES)
        assert "PRIVATE" not in text


def test_secrets_are_the_owner_s_alone(tmp_path: Path) -> None:
    folder = tmp_path / "federation"
    init(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for name in ("authority.key", "server.key", "tokens.json"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600


def test_the_server_s_certificate_is_of_the_federation_s_own_authority(tmp_path: Path) -> None:
    folder = tmp_path / "federation"
    init(folder)
    authority = x509.load_pem_x509_certificate((folder / "authority.pem").read_bytes())
    server = x509.load_pem_x509_certificate((folder / "server.pem").read_bytes())
    server.verify_directly_issued_by(authority)
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "fl.example.org" in names.get_values_for_type(x509.DNSName)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    folder = tmp_path / "federation"
    init(folder)
    before = (folder / "authority.key").read_bytes()
    again = init(folder)
    assert again.code != 0
    assert "choose another folder" in again.err
    assert (folder / "authority.key").read_bytes() == before


def test_two_sites_are_no_federation(tmp_path: Path) -> None:
    ran = init(tmp_path / "federation", *site_options(NAMES[:2]))
    assert ran.code != 0
    assert "needs 3 sites" in ran.err
    assert not (tmp_path / "federation").exists()


def test_three_names_of_one_key_are_no_federation(tmp_path: Path) -> None:
    key = raw(keys(["one"]))["one"].hex()
    options = [word for name in NAMES for word in ("--site", f"{name}={key}")]
    assert "keys of their own" in init(tmp_path / "federation", *options).err


@pytest.mark.parametrize("site", ["praha", "praha=", "praha=zz", "praha=00", "=" + "0" * 63])
def test_a_key_that_is_none_is_refused(tmp_path: Path, site: str) -> None:
    ran = init(tmp_path / "federation", "--site", site)
    assert ran.code == 5
    assert "hex" in ran.err


def test_a_site_is_named_once(tmp_path: Path) -> None:
    ran = init(tmp_path / "federation", *site_options(), *site_options())
    assert "once each" in ran.err


@pytest.mark.parametrize("command", [["admit", "gwas"], ["token", "someone"]])
def test_a_folder_that_is_no_federation_says_how_to_make_one(
    tmp_path: Path, command: list[str]
) -> None:
    ran = skerry("federation", command[0], tmp_path, *command[1:])
    assert ran.code == 5
    assert "skerry federation init" in ran.err


@pytest.mark.parametrize("sites", ["[]", '{"short": "praha"}', '{"praha": 1}', "{"])
def test_a_list_of_sites_that_is_none_is_no_federation(tmp_path: Path, sites: str) -> None:
    folder = tmp_path / "federation"
    init(folder)
    (folder / "sites.json").write_text(sites)
    with pytest.raises(FederationInvalid, match="skerry federation init"):
        federation.load(folder)


@pytest.mark.parametrize("authority", ["", " ", "-", "é", "-----BEGIN CERTIFICATE-----\n"])
def test_a_bundle_without_an_authority_trusts_nobody(tmp_path: Path, authority: str) -> None:
    folder = tmp_path / "federation"
    init(folder)
    path = folder / "bundles" / "praha.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()) | {"authority": authority}))
    with pytest.raises(FederationInvalid):
        federation.read_site_bundle(path)
    with pytest.raises(FederationInvalid):
        registering.trusting(authority.encode())


def test_a_federation_s_authority_is_trusted_alone(tmp_path: Path) -> None:
    folder = tmp_path / "federation"
    init(folder)
    trusted = registering.trusting((folder / "authority.pem").read_bytes())
    assert trusted.verify_mode is ssl.CERT_REQUIRED
    assert trusted.check_hostname
    assert len(trusted.get_ca_certs()) == 1


def test_admitting_prints_the_digest_a_committee_approves(tmp_path: Path) -> None:
    folder = tmp_path / "federation"
    init(folder)
    ran = skerry("federation", "admit", folder, "summary")
    (place,) = (folder / "applications").iterdir()
    assert place.stem in ran.out
    assert place.stem == hashlib.sha256(place.read_bytes()).hexdigest()


def test_a_token_is_kept_as_its_digest_only_and_an_earlier_one_ends(tmp_path: Path) -> None:
    folder = tmp_path / "federation"
    init(folder)
    first = skerry("federation", "token", folder, "eva").out.strip()
    second = skerry("federation", "token", folder, "eva").out.strip()
    of = federation.load(folder)
    assert (federation.person_of(of, first), federation.person_of(of, second)) == (None, "eva")
    assert federation.person_of(of, "") is None
    assert second not in (folder / "tokens.json").read_text()


def test_whoever_looks_on_has_a_token_of_another_kind_and_each_can_be_ended(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "federation"
    init(folder)
    look = skerry("federation", "viewer", folder, "portal").out.strip()
    of = federation.load(folder)
    assert federation.person_of(of, look, role=federation.Role.VIEW) == "portal"
    assert federation.person_of(of, look) is None
    assert skerry("federation", "revoke", folder, "portal").code == 0
    assert federation.person_of(of, look, role=federation.Role.VIEW) is None
    again = skerry("federation", "revoke", folder, "portal")
    assert (again.code != 0, "holds no token" in again.err) == (True, True)


def test_check_shows_what_a_committee_must_know(tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text('{"trait": "height"}')
    saved = tmp_path / "gwas.fab"
    ran = skerry("fl", "check", "gwas", "--plan", plan, "--save", saved)
    facts = json.loads(ran.out)
    assert facts["outputs"] == ["gwas-summary"]
    assert "names of variants" in facts["discloses"]
    assert facts["environment"] == environment.digest()
    assert facts["configuration"] == hashlib.sha256(b'{"trait":"height"}').hexdigest()
    assert facts["digest"] == hashlib.sha256(saved.read_bytes()).hexdigest()
    assert {"workspaces/flapps/gwas/study.py", "workspaces/analysis/linear.py"} <= set(
        facts["files"]
    )
    again = json.loads(skerry("fl", "check", saved).out)
    assert (again["digest"], again["files"]) == (facts["digest"], facts["files"])


@pytest.mark.parametrize("text", ["", "[1]", "{", "nan", '{"a": NaN}'])
def test_a_plan_that_is_no_object_is_refused(tmp_path: Path, text: str) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text(text)
    ran = skerry("fl", "check", "gwas", "--plan", plan)
    assert ran.code == 5
    assert "JSON object" in ran.err


def test_an_application_that_is_none_is_refused_with_the_names_there_are() -> None:
    ran = skerry("fl", "check", "no-such-thing")
    assert ran.code == 5
    assert f"name one of {', '.join(bundle.shipped())}" in ran.err


@pytest.mark.live
def test_a_coordinator_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    folder = tmp_path / "federation"
    skerry("federation", "init", folder, "--name", "demo", "--host", "127.0.0.1",
           "--port", "9", *site_options())  # fmt: skip
    token = tmp_path / "token"
    token.write_text(skerry("federation", "token", folder, "eva").out)
    joined = ["--federation", folder / "bundles" / "praha.json", "--token-file", token]
    ran = skerry("fl", "sites", *joined)
    assert ran.code == 7
    assert "skerry federation serve" in ran.err


def test_a_token_file_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    folder = tmp_path / "federation"
    init(folder)
    joined = folder / "bundles" / "praha.json"
    ran = skerry("fl", "status", "1", "--federation", joined, "--token-file", tmp_path / "none")
    assert (ran.code, "token file" in ran.err) == (5, True)
    ran = skerry("fl", "status", "1", "--federation", tmp_path, "--token-file", joined)
    assert (ran.code, "no site bundle" in ran.err) == (5, True)


@pytest.mark.live
@pytest.mark.program("bwrap")
def test_a_coordinator_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    engine()
    folder, token, plan = tmp_path / "federation", tmp_path / "token", tmp_path / "plan.json"
    port = unused_port()
    skerry("federation", "init", folder, "--name", "demo", "--host", "localhost",
           "--port", str(port), *site_options())  # fmt: skip
    skerry("federation", "admit", folder, "summary")
    token.write_text(skerry("federation", "token", folder, "eva").out)
    plan.write_text('{"what": "cross", "wait_seconds": 1}')
    (bundled,) = (folder / "applications").iterdir()
    joined = ["--federation", folder / "bundles" / "praha.json", "--token-file", token]
    serve = [sys.executable, "-m", "gateway", "federation", "serve", str(folder)]
    with subprocess.Popen([*serve, "--listen", "127.0.0.1"], stdout=subprocess.PIPE) as serving:
        assert serving.stdout is not None
        assert f"localhost:{port}".encode() in serving.stdout.readline()
        ran = skerry("fl", "sites", *joined, "--json")
        assert json.loads(ran.out) == dict.fromkeys(NAMES, False)
        ran = skerry("fl", "run", bundled, *joined, "--plan", plan, "--output", tmp_path / "result",
                     "--resume")  # fmt: skip
        assert ran.code == 1
        assert "0 of 3 sites are left; nothing was opened" in ran.err
        assert "praha: not connected" in ran.err
        ran = skerry("fl", "run", "gwas", *joined, "--plan", plan, "--output", tmp_path / "other")
        assert ran.code == 8
        assert "skerry federation admit" in ran.err
        token.write_text("another")
        assert "Send the token" in skerry("fl", "sites", *joined).err
        serving.send_signal(signal.SIGTERM)
        assert serving.wait(timeout=600) == 0


@pytest.mark.live
@pytest.mark.program("bwrap")
def test_the_engine_does_not_outlive_a_coordinator_that_was_killed(tmp_path: Path) -> None:
    engine()
    folder = tmp_path / "federation"
    port = unused_port()
    skerry("federation", "init", folder, "--name", "demo", "--host", "localhost",
           "--port", str(port), *site_options())  # fmt: skip
    serve = [sys.executable, "-m", "gateway", "federation", "serve", str(folder)]
    with subprocess.Popen([*serve, "--listen", "127.0.0.1"], stdout=subprocess.PIPE) as serving:
        assert serving.stdout is not None
        serving.stdout.readline()
        before = _of_the_engine(folder)
        serving.kill()
    assert before
    late = time.monotonic() + 600
    while _of_the_engine(folder):
        assert time.monotonic() < late, "the engine goes on"
        time.sleep(0.1)


def _of_the_engine(folder: Path) -> list[str]:
    listed = subprocess.run(
        ["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=True
    )
    return [line for line in listed.stdout.splitlines() if str(folder) in line and "link" in line]
