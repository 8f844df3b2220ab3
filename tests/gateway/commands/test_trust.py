"""`skerry trust`: a trust file in words, and what it makes of a token."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from gateway import config, home, trust_in_words
from gateway.errors import Exit
from passports.errors import Reason
from tests.support.broker import BROKER, NODE, NOW, USERINFO, Federation
from tests.support.command import skerry

AT = "2027-01-15T08:00:00Z"  # NOW


class Files:
    """A federation written down: its trust file, its key sets and a token."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.federation = folder, Federation()
        self.trust = folder / "trust.yaml"
        self.token = folder / "token.txt"
        self.keys: list[str] = []
        for party in (self.federation.broker, self.federation.node):
            path = folder / f"{party.key.kid}.json"
            path.write_text(json.dumps({"keys": [party.key.public_jwk()]}), encoding="utf-8")
            self.keys += ["--keys", f"{party.jku}={path}"]

    def write(self, raw_token: str = "", **more: object) -> None:
        table = self.federation.trust()
        content = {
            "brokers": [one.model_dump(mode="json", exclude_none=True) for one in table.brokers],
            "visa_issuers": [
                one.model_dump(mode="json", exclude_none=True) for one in table.visa_issuers
            ],
        }
        self.trust.write_text(yaml.safe_dump(content | more), encoding="utf-8")
        self.token.write_text(raw_token, encoding="utf-8")

    def arguments(self, *more: object) -> tuple[object, ...]:
        return ("trust", "test", self.trust, "--token", self.token, "--audience", NODE,
                "--offline", "--at", AT, *self.keys, *more)  # fmt: skip


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_check_says_in_a_line_each_what_the_file_lets_whom_say(files: Files) -> None:
    (files.folder / "revoked.txt").write_text(f"jti {BROKER} x\n", encoding="utf-8")
    files.federation.take_access_tokens()
    files.write(revoked="revoked.txt")
    ran = skerry("trust", "check", files.trust)
    assert ran.code == 0
    assert f"broker {BROKER}: keys at {BROKER}/.well-known/jwks.json" in ran.out
    assert f"access tokens shown to {USERINFO}, for this node" in ran.out
    assert f"  may say ControlledAccessGrants from {NODE} of {NODE}/datasets/* by dac" in ran.out
    assert f"subjects of {BROKER}" in ran.out
    assert "revoked: 1 entries" in ran.out
    assert "trust file good" in ran.out


def test_check_for_machines_is_one_document(files: Files) -> None:
    files.write()
    said = json.loads(skerry("trust", "check", files.trust, "--json").out)
    assert said["version"] == files.federation.trust().version
    assert said["doubts"] == []


def test_check_notes_what_is_allowed_but_seldom_meant(files: Files) -> None:
    issuers = files.federation.visa_issuers
    loose = {"audience_required": False, "audiences": ("beacon",),
             "keys": (files.federation.broker.key.public_jwk(),)}  # fmt: skip
    files.federation.brokers = [b.model_copy(update=loose) for b in files.federation.brokers]
    alone = issuers[1].model_copy(update={"subject_namespace": None})
    both = issuers[1].model_copy(
        update={"may_assert": (*issuers[1].may_assert, issuers[0].may_assert[3])}
    )
    pinned = issuers[0].model_copy(
        update={"keys": loose["keys"], "may_assert": issuers[0].may_assert[:3]}
    )
    files.federation.visa_issuers = [pinned, alone]
    files.write()
    ran = skerry("trust", "check", files.trust)
    assert "1 key pinned" in ran.out
    assert "this node or beacon or nobody in particular" in ran.out
    assert "any holder can replay" in ran.out
    assert "its visas belong to nobody" in ran.out
    files.federation.visa_issuers = [pinned, both]
    files.write()
    assert "keep the two apart" in skerry("trust", "check", files.trust).out
    files.trust.write_text("", encoding="utf-8")
    assert "every credential is refused" in skerry("trust", "check", files.trust).out


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("brokers: [{issuer: x}]", "brokers.0.jwks_url"),
        ("brokers: [", "not YAML"),
        ("nobody: 1", "nobody"),
        ("revoked: none.txt", "none.txt"),
    ],
)
def test_check_refuses_and_says_where(files: Files, content: str, said: str) -> None:
    files.trust.write_text(content, encoding="utf-8")
    ran = skerry("trust", "check", files.trust)
    assert ran.code == Exit.CONFIG
    assert said in ran.err


def test_a_token_is_shown_with_what_holds_and_what_was_dropped_and_why(files: Files) -> None:
    node = files.federation.node
    files.write(files.federation.passport([node.visa(), node.visa(sub="dora"), "a.b.c"]))
    ran = skerry(*files.arguments())
    assert ran.code == 0
    assert f"accepted: rosa@{BROKER} until 2027-01-15T08:10:00Z" in ran.out
    assert f"visa ControlledAccessGrants of {NODE}: holds, {NODE}/datasets/heart" in ran.out
    assert "dropped, other_person: it belongs to another identity" in ran.out
    assert "dropped, malformed: not a well-formed" in ran.out
    found = json.loads(skerry(*files.arguments("--json")).out)
    assert [visa["by"] for visa in found["visas"]] == ["dac"]
    assert [drop["reason"] for drop in found["dropped"]] == ["malformed", "other_person"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"aud": "https://other.example"}, "wrong_audience"),
        ({"exp": NOW - 60}, "expired"),
        ({"iss": "https://other.example"}, "unknown_issuer"),
        ({"sub": ""}, "bad_claim"),
    ],
)
def test_a_refused_token_says_why_and_exits_so(
    files: Files, changes: dict[str, object], said: str
) -> None:
    files.write(files.federation.passport(**changes))  # type: ignore[arg-type]  # claims by name
    ran = skerry(*files.arguments())
    assert ran.code == Exit.REFUSED
    assert ran.out.startswith(f"refused: {said}: ")
    assert files.token.read_text(encoding="utf-8") not in ran.out + ran.err


def test_an_access_token_is_tested_with_userinfos_answer_from_a_file(files: Files) -> None:
    files.federation.take_access_tokens()
    files.write(files.federation.access_token())
    answer = files.folder / "userinfo.json"
    answer.write_text(
        json.dumps({"sub": "rosa", "ga4gh_passport_v1": [files.federation.node.visa()]}),
        encoding="utf-8",
    )
    ran = skerry(*files.arguments("--userinfo", f"{USERINFO}={answer}"))
    assert "holds, " in ran.out


def test_offline_asks_nobody_and_says_what_is_missing(files: Files) -> None:
    files.write(files.federation.passport())
    files.keys = []
    ran = skerry(*files.arguments())
    assert ran.code == Exit.UNREACHABLE
    assert "keys cannot be fetched" in ran.err


def test_a_nodes_folder_knows_its_own_audience(files: Files, tmp_path: Path) -> None:
    files.write(files.federation.passport())
    folder = tmp_path / "node"
    home.create(
        folder,
        config.NodeSettings(
            id="org.example.node", name="n", public_url=NODE, organization_id="o",
            organization_name="o", port=8081,
            signin=config.SignInSettings(issuer=BROKER, client_id="skerry"),
        ),
    )  # fmt: skip
    (folder / "trust.yaml").write_text(files.trust.read_text("utf-8"), encoding="utf-8")
    ran = skerry("trust", "test", folder, "--token", files.token, "--offline", "--at", AT,
                 *files.keys)  # fmt: skip
    assert ran.out.startswith("accepted: rosa@")


@pytest.mark.parametrize(
    "more", [("--at", "soon"), ("--keys", "nowhere"), ("--userinfo", "https://x=/none")]
)
def test_options_that_say_nothing_are_refused(files: Files, more: tuple[str, str]) -> None:
    files.write("x")
    assert skerry(*files.arguments(*more)).code == Exit.BAD_INPUT


def test_without_an_audience_nothing_can_be_said(files: Files) -> None:
    files.write("x")
    ran = skerry("trust", "test", files.trust, "--token", files.token)
    assert ran.code == Exit.BAD_INPUT
    assert "--audience" in ran.err


def test_every_reason_has_its_sentence() -> None:
    assert set(trust_in_words.SENTENCES) == set(Reason)
