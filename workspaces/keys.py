"""Makes a workspace's keys and binds them to a node: X25519 to receive with, Ed25519 to sign with.

The node's side of the binding is `access.recipients`: a signature over the raw X25519 key, then
an answer to a challenge sealed to it that names the node (`schemas.challenge`). Who confirms the
key, and when, is the node's matter.
"""

from __future__ import annotations

import base64
import binascii
import io
import os
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from pydantic import ValidationError

from schemas import challenge
from schemas.challenge import ChallengeText
from schemas.grants import Challenge, NewWorkspace, Proof, WorkspaceKind, WorkspaceView
from streams import envelope
from streams.header import open_header, read_header
from streams.keys import SecretKey, read_secret_key, thumbprint, write_pair
from workspaces import settings, wire
from workspaces.errors import AlreadyThere, FolderInvalid, ReleaseUntrue
from workspaces.settings import PinnedNode, WorkspaceSettings

MAX_CHALLENGE = 16384


@dataclass(frozen=True, slots=True)
class WorkspaceKeys:
    """One workspace folder, opened: its settings and its two secrets, which never print."""

    folder: Path
    settings: WorkspaceSettings
    secret: SecretKey
    identity: Ed25519PrivateKey = field(repr=False)

    @property
    def public_key(self) -> bytes:
        return self.secret.public

    @property
    def identity_key(self) -> bytes:
        return self.identity.public_key().public_bytes_raw()


@dataclass(frozen=True, slots=True)
class Registered:
    """How a node knows this workspace now; only state `confirmed` receives data."""

    workspace_id: str
    state: str
    thumbprint: str


def init(folder: Path, name: str, *, key: SecretKey | None = None) -> WorkspaceKeys:
    """A new workspace folder, owner-only, with a `key` that is there already or a new one; raises
    AlreadyThere and never overwrites a key."""
    wanted = WorkspaceSettings(name=name)
    if settings.settings_path(folder).exists() or _secret_path(folder).exists():
        raise AlreadyThere(f"{folder} is a workspace already; choose another folder.")
    for place in (folder, settings.data_folder(folder)):
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_pair(_secret_path(folder), folder / "workspace.pub", key=key)
    pem = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    descriptor = os.open(_identity_path(folder), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
    settings.save(folder, wanted)
    return load(folder)


def load(folder: Path) -> WorkspaceKeys:
    """Opens a workspace folder; raises FolderInvalid, or KeyInvalid for a broken key file."""
    found = settings.load(folder)
    secret = read_secret_key(_secret_path(folder))
    try:
        identity = load_pem_private_key(_identity_path(folder).read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise FolderInvalid(f"{_identity_path(folder)} cannot be read.") from error
    if not isinstance(identity, Ed25519PrivateKey):
        raise FolderInvalid(f"{_identity_path(folder)} is not an Ed25519 key.")
    return WorkspaceKeys(folder, found, secret, identity)


def register(
    node_url: str,
    token: str,
    *,
    folder: Path,
    manifest_key: bytes,
    external: bool = False,
    http: httpx.Client | None = None,
) -> Registered:
    """Registers this folder's key with a node, answers its challenge, and pins the node.

    `manifest_key` is the node's raw Ed25519 key, learnt from its operator and not from the node's
    own answer: what the node signs later is only worth what this key is worth.
    """
    keys = load(folder)
    url = settings.node_address(node_url)
    pinned = settings.pin(keys.settings, PinnedNode(url=url, manifest_key=manifest_key.hex()))
    offer = NewWorkspace(
        name=pinned.name,
        kind=WorkspaceKind.EXTERNAL if external else WorkspaceKind.SKERRY,
        public_key=keys.public_key.hex(),
        identity_key=None if external else keys.identity_key.hex(),
        signature=None if external else keys.identity.sign(keys.public_key).hex(),
    )
    with wire.client(http) as line:
        place = f"{url}/access/workspaces"
        asked = wire.ask(line, Challenge, method="POST", url=place, token=token, body=offer)
        if not asked.id.replace("-", "").isalnum():
            raise ReleaseUntrue("The node named this workspace with letters no name has.")
        proven = answer_challenge(asked.challenge, keys.secret, audience=url)
        proof = f"{place}/{asked.id}/proof"
        body = Proof(answer=proven.hex())
        view = wire.ask(line, WorkspaceView, method="POST", url=proof, token=token, body=body)
    known = PinnedNode(url=url, manifest_key=manifest_key.hex(), workspace_id=asked.id)
    settings.save(folder, settings.pin(keys.settings, known))
    return Registered(asked.id, view.state, view.thumbprint)


def answer_challenge(raw_challenge: str, secret: SecretKey, *, audience: str) -> bytes:
    """The answer to a challenge of the node `audience` for this key; raises ReleaseUntrue.

    Another node's challenge is not answered, or whoever passes it on would register our key there
    as theirs; neither is anything else, so that no node has data of another opened.
    """
    try:
        sealed = io.BytesIO(base64.b64decode(raw_challenge[: MAX_CHALLENGE + 1], validate=True))
    except (binascii.Error, ValueError) as error:
        raise ReleaseUntrue("The node's challenge is not base64.") from error
    if len(sealed.getbuffer()) > MAX_CHALLENGE:
        raise ReleaseUntrue(f"The node's challenge is longer than {MAX_CHALLENGE} bytes.")
    opened = io.BytesIO()
    envelope.open_body(sealed, opened, open_header(read_header(sealed), [secret]))
    text = opened.getvalue()
    asked = _challenge_text(text)
    if asked.audience != audience:
        raise ReleaseUntrue(
            "The challenge is another node's, or the node calls itself by another address."
        )
    if asked.workspace_key != thumbprint(secret.public):
        raise ReleaseUntrue("The challenge is for another workspace's key.")
    return challenge.answer(text)


def _challenge_text(text: bytes) -> ChallengeText:
    try:
        asked = ChallengeText.model_validate_json(text)
    except ValidationError as error:
        raise ReleaseUntrue("What the node sealed is not a challenge.") from error
    # One text, one form: two readings of the same bytes could name two nodes.
    if asked.sealed_bytes() != text:
        raise ReleaseUntrue("What the node sealed is not a challenge in its canonical form.")
    return asked


def _secret_path(folder: Path) -> Path:
    return folder / "workspace.key"


def _identity_path(folder: Path) -> Path:
    return folder / "identity.key"
