"""The command's exit codes and one-line refusals, as a shell sees them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from access.record.audit import RecordFile
from beacon.segments import SegmentCatalog
from gateway import config
from gateway.demo import population
from gateway.errors import Exit
from gateway.home import NodeHome
from tests.support.command import Ran, skerry
from tests.support.node_folder import node_folder, open_counts


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("given")
    population.write(population.simulate(people=6, seed=2), folder, people=range(6))
    cut = (folder / "variants.vcf.gz").read_bytes()
    (folder / "cut.vcf.gz").write_bytes(cut[: len(cut) // 2])
    return folder


@pytest.fixture
def node(tmp_path: Path) -> NodeHome:
    return node_folder(tmp_path / "node", policies=[open_counts("isle")])


def load(node: NodeHome, given: Path, *more: object, vcf: str = "variants.vcf.gz") -> Ran:
    people = given / "individuals.json"
    return skerry(
        "load", node.root, "--dataset", "isle", "--vcf", given / vcf, "--individuals", people, *more
    )


def versions(node: NodeHome) -> list[dict[str, object]]:
    ran = skerry("datasets", "list", node.root, "--json")
    assert ran.code == Exit.OK
    found: list[dict[str, object]] = json.loads(ran.out)
    return found


def init(folder: Path, **changed: str) -> Ran:
    options = {
        "id": "org.example.one",
        "name": "One",
        "public-url": "http://127.0.0.1:8081",
        "organization": "org.example",
        "signin-issuer": "https://signin.example",
    } | changed
    return skerry("init", folder, *(f"--{key}={value}" for key, value in options.items()))


# init and check-config


def test_a_new_node_is_written_and_says_what_is_next(tmp_path: Path) -> None:
    ran = init(tmp_path / "n")
    assert (ran.code, ran.err) == (Exit.OK, "")
    assert "next: edit policies.yaml and trust.yaml" in ran.out


@pytest.mark.parametrize(
    ("name", "identifier"),
    [
        ("org.example", "org.example"),
        ("Göteborg Biobank, Unit 2", "goteborg-biobank-unit-2"),
        ("東京大学", "org.example.one"),  # nothing of it can stand in an id: the node's own
    ],
)
def test_an_organisation_has_a_name_as_given_and_an_id_without_blanks(
    tmp_path: Path, name: str, identifier: str
) -> None:
    assert init(tmp_path / "n", organization=name).code == Exit.OK
    settings = config.load(NodeHome(tmp_path / "n").settings)
    assert (settings.organization_name, settings.organization_id) == (name, identifier)


@pytest.mark.parametrize(
    ("public_url", "more", "port"),
    [
        ("http://127.0.0.1:8391", {}, 8391),
        ("http://localhost:8391", {"port": "9000"}, 9000),
        ("https://node.example.org:8443", {}, 8081),  # a proxy's
    ],
)
def test_a_node_on_loopback_listens_where_its_address_says(
    tmp_path: Path, public_url: str, more: dict[str, str], port: int
) -> None:
    assert init(tmp_path / "n", **{"public-url": public_url, **more}).code == Exit.OK
    assert config.load(NodeHome(tmp_path / "n").settings).port == port


def test_the_example_in_a_new_policy_file_is_a_policy(tmp_path: Path) -> None:
    init(tmp_path / "n")
    policies = NodeHome(tmp_path / "n").policies
    text = policies.read_text(encoding="utf-8")
    example = text[text.index("#   datasets:") : text.index("version:")].replace("#   ", "")
    policies.write_text('version: "1"\n' + example, encoding="utf-8")
    ran = skerry("check-config", tmp_path / "n")
    assert ran.code == Exit.OK
    assert "anyone: learn whether something is there" in ran.out


def test_init_twice_refuses_and_changes_nothing(tmp_path: Path) -> None:
    init(tmp_path / "n")
    before = {path: path.read_bytes() for path in (tmp_path / "n").rglob("*") if path.is_file()}
    ran = init(tmp_path / "n", name="Two")
    assert ran.code == Exit.CONFIG
    assert "exists already" in ran.err
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("id", "One"),
        ("public-url", "http://node.example"),
        ("public-url", "http://127.0.0.1:99999"),
        ("name", ""),
        ("port", "0"),
    ],
)
def test_init_names_the_option_that_cannot_be_used(tmp_path: Path, option: str, value: str) -> None:
    ran = init(tmp_path / "n", **{option: value})
    assert ran.code == Exit.CONFIG
    assert f"--{option}:" in ran.err
    assert not (tmp_path / "n").exists()


def test_check_config_says_that_a_new_node_refuses_everything(tmp_path: Path) -> None:
    init(tmp_path / "n")
    ran = skerry("check-config", tmp_path / "n")
    assert ran.code == Exit.OK
    assert "No dataset has a policy: every question is refused." in ran.out
    assert "warning:" in ran.out


@pytest.mark.parametrize("name", ["node.toml", "policies.yaml", "trust.yaml"])
def test_check_config_refuses_a_broken_file_in_one_line(node: NodeHome, name: str) -> None:
    (node.root / name).write_text("datasets: [\n")
    ran = skerry("check-config", node.root)
    assert (ran.code, ran.out) == (Exit.CONFIG, "")
    assert name in ran.err
    assert ran.err.count("\n") == 1


def test_check_config_of_no_folder_says_how_to_make_one(tmp_path: Path) -> None:
    ran = skerry("check-config", tmp_path / "absent")
    assert ran.code == Exit.CONFIG
    assert "`skerry init DIR`" in ran.err


# load


def test_a_whole_source_is_loaded_and_served(node: NodeHome, given: Path) -> None:
    ran = load(node, given, "--json")
    assert ran.code == Exit.OK
    assert json.loads(ran.out)["people"] == 6
    assert versions(node)[0]["people"] == 6


def test_who_loads_a_dataset_without_a_policy_is_told_that_nobody_is_answered(
    tmp_path: Path, given: Path
) -> None:
    unruled = load(node_folder(tmp_path / "unruled"), given)
    assert (unruled.code, "nobody is answered" in unruled.out) == (Exit.OK, True)
    ruled = load(node_folder(tmp_path / "ruled", policies=[open_counts("isle")]), given)
    assert (ruled.code, "nobody is answered" in ruled.out) == (Exit.OK, False)


def test_a_portals_file_that_is_not_there_is_said_to_be_so(tmp_path: Path) -> None:
    ran = skerry("portal", tmp_path / "portal.toml")
    assert ran.code == Exit.CONFIG
    assert "No such file" in ran.err


def test_loading_again_changes_nothing(node: NodeHome, given: Path) -> None:
    load(node, given)
    before, files = versions(node), sorted(node.catalog.iterdir())
    assert load(node, given).code == Exit.OK
    assert versions(node) == before
    assert sorted(node.catalog.iterdir()) == files


def test_a_cut_off_file_is_refused_and_the_old_version_still_serves(
    node: NodeHome, given: Path
) -> None:
    load(node, given)
    before, files = versions(node), sorted(node.catalog.iterdir())
    ran = load(node, given, vcf="cut.vcf.gz")
    assert ran.code == Exit.BAD_INPUT
    assert "cut.vcf.gz" in ran.err
    assert "copy it again" in ran.err
    assert versions(node) == before
    assert sorted(node.catalog.iterdir()) == files


def test_nothing_of_a_first_load_that_fails_is_served(node: NodeHome, given: Path) -> None:
    assert load(node, given, vcf="cut.vcf.gz").code == Exit.BAD_INPUT
    assert versions(node) == []
    assert SegmentCatalog(node.catalog).snapshot() == {}


@pytest.mark.parametrize("vcf", ["absent.vcf.gz", "individuals.json"])
def test_what_is_not_a_variant_file_is_refused_by_name(
    node: NodeHome, given: Path, vcf: str
) -> None:
    ran = load(node, given, vcf=vcf)
    assert ran.code == Exit.BAD_INPUT
    assert vcf in ran.err


def test_a_check_loads_nothing(node: NodeHome, given: Path) -> None:
    assert load(node, given, "--check").code == Exit.OK
    assert versions(node) == []


def test_a_check_of_a_cut_off_file_fails(node: NodeHome, given: Path) -> None:
    ran = load(node, given, "--check", vcf="cut.vcf.gz")
    assert ran.code == Exit.BAD_INPUT
    assert "cut.vcf.gz" in ran.err


def test_loading_nothing_is_refused(node: NodeHome) -> None:
    ran = skerry("load", node.root, "--dataset", "isle")
    assert ran.code == Exit.BAD_INPUT
    assert "nothing to load" in ran.err


def test_loading_into_what_is_not_a_node_is_refused(tmp_path: Path, given: Path) -> None:
    ran = load(NodeHome(tmp_path / "absent"), given)
    assert ran.code == Exit.BAD_INPUT
    assert "`skerry init` writes one" in ran.err
    assert not (tmp_path / "absent").exists()


def test_a_sealed_file_leaves_no_plaintext_in_the_node(node: NodeHome, given: Path) -> None:
    ran = skerry("load", node.root, "--dataset", "isle", "--seal", given / "biosamples.json")
    assert ran.code == Exit.OK
    assert "sealed isle/biosamples.json" in ran.out
    held = b"".join(path.read_bytes() for path in node.vault.rglob("*") if path.is_file())
    assert b"UBERON:0000178" not in held


# verify-audit


@pytest.fixture
def recorded(node: NodeHome) -> NodeHome:
    record = RecordFile(
        node.record, pseudonym_key=node.secret("pseudonym"), signing_key=node.signing_key()
    )
    for number in range(3):
        record.append("beacon.query", {"number": number})
    record.close()
    return node


def test_a_whole_record_verifies(recorded: NodeHome) -> None:
    ran = skerry("verify-audit", recorded.root, "--json")
    assert ran.code == Exit.OK
    found = json.loads(ran.out)
    assert found["ok"] is True
    assert found["entries"] >= 3


@pytest.mark.parametrize("command", ["verify-audit", "checkpoint"])
def test_a_node_that_never_served_has_no_record_and_is_told_so(
    node: NodeHome, command: str
) -> None:
    ran = skerry(command, node.root)

    assert ran.code == Exit.UNREACHABLE
    assert "begins when the node first serves" in ran.err
    assert not node.record.exists()


@pytest.mark.parametrize("harm", ["altered", "removed", "reordered"])
def test_a_record_that_was_touched_does_not_verify(recorded: NodeHome, harm: str) -> None:
    lines = recorded.record.read_text().splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if '"number":1' in line)
    if harm == "altered":
        lines[at] = re.sub(r'"number":1', '"number":7', lines[at])
    elif harm == "removed":
        del lines[at]
    else:
        lines[at - 1], lines[at] = lines[at], lines[at - 1]
    recorded.record.write_text("".join(lines))
    ran = skerry("verify-audit", recorded.root, "--json")
    assert ran.code == Exit.FAILED
    found = json.loads(ran.out)
    assert found["ok"] is False
    assert found["problem"]


def test_a_record_signed_by_another_node_does_not_verify(
    recorded: NodeHome, tmp_path: Path
) -> None:
    other = node_folder(tmp_path / "other")
    recorded.node_key.write_bytes(other.node_key.read_bytes())
    assert skerry("verify-audit", recorded.root).code == Exit.FAILED


# explain


def test_a_stranger_is_told_why(node: NodeHome) -> None:
    ran = skerry("explain", node.root, "--dataset", "isle", "--json")
    assert ran.code == Exit.OK
    found = json.loads(ran.out)
    assert (found["outcome"], found["level"], found["ceiling"]) == ("permit", "public", "count")
    assert found["reasons"]
    assert found["visas accepted"] is None


@pytest.mark.parametrize("action", ["stream", "train"])
def test_a_stranger_is_refused_more_than_answers(node: NodeHome, action: str) -> None:
    ran = skerry("explain", node.root, "--dataset", "isle", "--action", action, "--json")
    assert json.loads(ran.out)["outcome"] == "deny"


def test_a_dataset_nobody_knows_is_explained_as_a_refusal(node: NodeHome) -> None:
    ran = skerry("explain", node.root, "--dataset", "other", "--json")
    assert json.loads(ran.out)["outcome"] == "deny"


def test_an_action_that_does_not_exist_is_refused(node: NodeHome) -> None:
    ran = skerry("explain", node.root, "--dataset", "isle", "--action", "copy")
    assert ran.code == Exit.BAD_INPUT
    assert "discover, stream, train" in ran.err


def test_a_token_that_is_none_is_refused_without_being_shown(
    node: NodeHome, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("n0t-a-token")
    ran = skerry("explain", node.root, "--dataset", "isle", "--token-file", tmp_path / "token")
    assert ran.code == Exit.REFUSED
    assert "n0t-a-token" not in ran.err + ran.out


# the command line itself


@pytest.mark.parametrize(
    "arguments",
    [["fly"], ["demo", "--nodes", "0"], ["demo", "--seed", "x"], ["init"], ["load", "--dataset"]],
)
def test_a_command_line_that_is_wrong_exits_2(arguments: list[str]) -> None:
    assert skerry(*arguments).code == Exit.USAGE


# What is asked of every command


def test_version_is_one_line() -> None:
    ran = skerry("--version")
    assert ran.code == 0
    assert ran.out.startswith("skerry")
    assert ran.out.count("\n") == 1


def test_init_names_all_that_is_missing_at_once(tmp_path: Path) -> None:
    ran = skerry("init", tmp_path / "n", "--name=One")
    assert ran.code == 2
    said = " ".join(ran.err.replace("│", " ").split())
    for option in ("--id", "--public-url", "--organization", "--signin-issuer"):
        assert option in said
    assert "--name" not in said
    assert not (tmp_path / "n").exists()


def test_init_names_all_that_cannot_be_used_at_once(tmp_path: Path) -> None:
    ran = init(tmp_path / "n", id="no domain", **{"public-url": "ftp://x"})
    assert ran.code != 0
    assert "--id" in ran.err
    assert "--public-url" in ran.err
