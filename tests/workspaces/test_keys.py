"""Making a workspace, and binding its key to a node."""

from __future__ import annotations

import pickle
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from schemas.errors import SkerryError
from schemas.grants import NewWorkspace, WorkspaceKind
from streams.keys import SecretKey, parse_public_key
from tests.support.sealing_node import TOKEN, URL, SealingNode, client_of, sealed_challenge
from workspaces import keys, settings
from workspaces.errors import AlreadyThere, FolderInvalid, NodeRefused, NodeSilent, ReleaseUntrue


def register(folder: Path, node: SealingNode, *, token: str = TOKEN) -> keys.Registered:
    with node.client() as http:
        return keys.register(URL, token, folder=folder, manifest_key=node.manifest_key, http=http)


def test_a_new_workspace_keeps_its_secrets_to_its_owner(tmp_path: Path) -> None:
    held = keys.init(tmp_path / "lab", "lab")
    for name in ("workspace.key", "identity.key"):
        assert (tmp_path / "lab" / name).stat().st_mode & 0o777 == 0o600
    assert settings.data_folder(tmp_path / "lab").stat().st_mode & 0o777 == 0o700
    published = (tmp_path / "lab" / "workspace.pub").read_bytes()
    assert parse_public_key(published) == held.public_key
    assert keys.load(tmp_path / "lab").identity_key == held.identity_key


def test_a_second_init_changes_nothing(tmp_path: Path) -> None:
    first = keys.init(tmp_path / "lab", "lab").public_key
    with pytest.raises(AlreadyThere):
        keys.init(tmp_path / "lab", "other")
    assert keys.load(tmp_path / "lab").public_key == first


def test_opened_keys_do_not_print_and_are_not_pickled(tmp_path: Path) -> None:
    held = keys.init(tmp_path / "lab", "lab")
    assert "PrivateKey" not in repr(held)
    with pytest.raises(TypeError):
        pickle.dumps(held)


def test_registration_signs_the_key_answers_the_challenge_and_pins_the_node(
    tmp_path: Path,
) -> None:
    held, node = keys.init(tmp_path / "lab", "lab"), SealingNode(b"")
    registered = register(held.folder, node)
    assert (registered.workspace_id, registered.state) == ("ws-1", "proven")
    offer = NewWorkspace.model_validate_json(node.asked[0].content)
    identity = Ed25519PublicKey.from_public_bytes(bytes.fromhex(offer.identity_key or ""))
    identity.verify(bytes.fromhex(offer.signature or ""), held.public_key)
    pinned = settings.load(held.folder).node(URL + "/")
    assert (pinned.manifest_key, pinned.workspace_id) == (node.manifest_key.hex(), "ws-1")


def test_an_environment_of_others_registers_its_own_key_without_an_identity(tmp_path: Path) -> None:
    own = SecretKey.generate()
    held, node = keys.init(tmp_path / "tre", "tre", key=own), SealingNode(b"")
    assert held.public_key == own.public
    with node.client() as http:
        done = keys.register(
            URL, TOKEN, folder=held.folder, manifest_key=node.manifest_key, external=True, http=http
        )
    assert done.state == "proven"
    offer = NewWorkspace.model_validate_json(node.asked[0].content)
    assert (offer.kind, offer.public_key) == (WorkspaceKind.EXTERNAL, own.public.hex())
    assert (offer.identity_key, offer.signature) == (None, None)


def test_a_refused_registration_pins_nothing(tmp_path: Path) -> None:
    folder = keys.init(tmp_path / "lab", "lab").folder
    with pytest.raises(NodeRefused):
        register(folder, SealingNode(b""), token="another")
    assert settings.load(folder).nodes == ()


def test_a_pinned_key_is_never_exchanged_by_registering_again(tmp_path: Path) -> None:
    folder = keys.init(tmp_path / "lab", "lab").folder
    register(folder, SealingNode(b""))
    other = SealingNode(b"")
    with pytest.raises(AlreadyThere):
        register(folder, other)
    assert other.asked == []


@pytest.mark.parametrize("size", [0, 31, 33, 4000, 20000])
def test_a_challenge_that_says_nothing_is_not_answered(tmp_path: Path, size: int) -> None:
    folder = keys.init(tmp_path / "lab", "lab").folder
    node = SealingNode(b"", text=b"x" * size)
    with pytest.raises(ReleaseUntrue):
        register(folder, node)
    assert len(node.asked) == 1


def test_a_challenge_for_another_key_or_of_noise_is_not_answered() -> None:
    secret = SecretKey.generate()
    for raw in ("", "***", "AAAA", sealed_challenge(SecretKey.generate().public, b"c" * 32)):
        with pytest.raises(SkerryError):
            keys.answer_challenge(raw, secret, audience=URL)


def test_a_name_given_by_the_node_does_not_steer_the_next_address(tmp_path: Path) -> None:
    held = keys.init(tmp_path / "lab", "lab")
    text = sealed_challenge(held.public_key, b"c" * 32)
    body = {"id": "../../admin", "challenge": text, "expires": 1}
    with (
        client_of(lambda _: httpx.Response(201, json=body)) as http,
        pytest.raises(ReleaseUntrue),
    ):
        keys.register(URL, TOKEN, folder=held.folder, manifest_key=b"m" * 32, http=http)


def test_a_node_that_does_not_answer_is_named_silent(tmp_path: Path) -> None:
    folder = keys.init(tmp_path / "lab", "lab").folder

    def dead(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with client_of(dead) as http, pytest.raises(NodeSilent):
        keys.register(URL, TOKEN, folder=folder, manifest_key=b"m" * 32, http=http)


@pytest.mark.parametrize("name", ["workspace.json", "identity.key", "workspace.key"])
def test_a_folder_with_a_missing_or_broken_file_is_not_opened(tmp_path: Path, name: str) -> None:
    folder = keys.init(tmp_path / "lab", "lab").folder
    (folder / name).write_text("{}")
    with pytest.raises(SkerryError):
        keys.load(folder)
    (folder / name).unlink()
    with pytest.raises(SkerryError):
        keys.load(folder)


def test_unknown_settings_refuse_to_load(tmp_path: Path) -> None:
    folder = keys.init(tmp_path / "lab", "lab").folder
    settings.settings_path(folder).write_text('{"name": "lab", "nodez": []}')
    with pytest.raises(FolderInvalid, match="nodez"):
        keys.load(folder)
