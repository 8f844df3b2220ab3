"""A node that passes another node's challenge on to a workspace, to register its key there."""

from __future__ import annotations

import base64
import io
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from access.errors import ProofRefused
from schemas import challenge
from schemas.challenge import ChallengeText
from schemas.wire import canonical_json
from streams.envelope import open_body
from streams.header import open_header, read_header
from streams.keys import SecretKey, read_secret_key, thumbprint
from streams.small import seal_to
from tests.support.access_node import NOW, AccessNode, at, signed_key
from tests.support.access_node import URL as HONEST
from tests.support.sealing_node import TOKEN, SealingNode, sealed_challenge
from tests.support.sealing_node import URL as NODE
from workspaces import keys, settings
from workspaces.errors import ReleaseUntrue

OTHER = "https://other.example.org"


@pytest.fixture
def honest(tmp_path: Path) -> Iterator[AccessNode]:
    made = AccessNode(tmp_path)
    yield made
    made.close()


def text_for(secret: SecretKey, audience: str = NODE) -> bytes:
    return ChallengeText(
        audience=audience, workspace_key=thumbprint(secret.public), nonce="ab" * 32
    ).sealed_bytes()


def ask(node: SealingNode, folder: Path) -> None:
    with node.client() as http:
        keys.register(NODE, TOKEN, folder=folder, manifest_key=node.manifest_key, http=http)


def test_a_challenge_of_another_node_is_not_answered(tmp_path: Path) -> None:
    folder, relay = keys.init(tmp_path / "lab", "lab").folder, SealingNode(b"", audience=OTHER)
    with pytest.raises(ReleaseUntrue, match="another node"):
        ask(relay, folder)
    assert len(relay.asked) == 1  # no proof was sent
    assert settings.load(folder).nodes == ()


def test_the_challenge_of_a_real_node_names_it_and_is_of_no_use_to_a_relay(
    honest: AccessNode,
) -> None:
    victim = SecretKey.generate()
    made = honest.recipients.register(
        signed_key(victim.public), owner=at("mal"), audience=HONEST, seal=seal_to, now=NOW
    )
    passed_on = base64.b64encode(made.sealed).decode()
    with pytest.raises(ReleaseUntrue, match="another node"):
        keys.answer_challenge(passed_on, victim, audience=OTHER)
    answer = keys.answer_challenge(passed_on, victim, audience=HONEST)
    honest.recipients.prove(made.workspace_id, answer, owner=at("mal"), now=NOW)


@pytest.mark.parametrize(
    "audience", [NODE + "/", NODE.upper(), NODE + ".evil", NODE + "@evil", "", "*", NODE + "/x"]
)
def test_an_audience_is_compared_byte_for_byte(audience: str) -> None:
    secret = SecretKey.generate()
    said = json.loads(text_for(secret)) | {"audience": audience}
    with pytest.raises(ReleaseUntrue):
        keys.answer_challenge(
            sealed_challenge(secret.public, canonical_json(said)), secret, audience=NODE
        )


def test_a_challenge_for_another_workspaces_key_is_not_answered() -> None:
    secret = SecretKey.generate()
    relayed = sealed_challenge(secret.public, text_for(SecretKey.generate()))
    with pytest.raises(ReleaseUntrue, match="another workspace"):
        keys.answer_challenge(relayed, secret, audience=NODE)


def test_only_the_canonical_text_is_answered() -> None:
    secret = SecretKey.generate()
    good = text_for(secret)
    twice = good.replace(b'{"audience"', b'{"audience":"' + OTHER.encode() + b'","audience"')
    more = canonical_json(json.loads(good) | {"also": 1})
    for text in (twice, more, b" " + good, good + b"\n", json.dumps(json.loads(good)).encode()):
        with pytest.raises(ReleaseUntrue):
            keys.answer_challenge(sealed_challenge(secret.public, text), secret, audience=NODE)
    assert len(keys.answer_challenge(sealed_challenge(secret.public, good), secret, audience=NODE))


def test_the_nonce_itself_or_another_nodes_answer_proves_nothing(honest: AccessNode) -> None:
    made = honest.register()
    text = honest.texts[bytes([7]) * 32]
    said = ChallengeText.model_validate_json(text)
    elsewhere = said.model_copy(update={"audience": OTHER}).sealed_bytes()
    for answer in (bytes.fromhex(said.nonce), text, challenge.answer(elsewhere)):
        with pytest.raises(ProofRefused):
            honest.recipients.prove(made.workspace_id, answer, owner=at("grace"), now=NOW)
    assert said.audience == HONEST


def test_the_ordinary_program_opens_a_challenge_and_its_sha256_is_the_answer(
    honest: AccessNode, tmp_path: Path
) -> None:
    """A workspace that is not ours needs `crypt4gh decrypt` and `sha256sum`, and nothing else."""
    program = shutil.which("crypt4gh")
    if program is None:
        pytest.skip("the reference implementation's program is not installed")
    folder = keys.init(tmp_path / "lab", "lab").folder
    secret = read_secret_key(folder / "workspace.key")
    made = honest.recipients.register(
        signed_key(secret.public), owner=at("grace"), audience=HONEST, seal=seal_to, now=NOW
    )
    opened = subprocess.run(
        [program, "decrypt", "--sk", str(folder / "workspace.key")],
        input=made.sealed,
        capture_output=True,
        check=True,
    ).stdout
    sealed, ours = io.BytesIO(made.sealed), io.BytesIO()
    open_body(sealed, ours, open_header(read_header(sealed), [secret]))
    assert opened == ours.getvalue()
    honest.recipients.prove(made.workspace_id, challenge.answer(opened), owner=at("grace"), now=NOW)
