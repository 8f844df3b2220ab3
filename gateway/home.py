"""A node's folder: where its settings, keys, catalog, vault, database and record lie.

DIR/node.toml policies.yaml trust.yaml    what the admin edits
DIR/policies/ asked/                      numbered policies; what decisions rested on
DIR/keys/                                 0600; storage.* belongs to the key agent alone
DIR/ontology/ panel/ names/               disease tables, public frequencies and names, if any
DIR/catalog/ vault/ clear/ control.db record.jsonl
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway import config
from gateway.errors import ConfigError, LoadRefused
from passports.errors import BadToken
from passports.rotation import retired_keys
from passports.tokens import SigningKey
from streams import keys as stream_keys

_NO_POLICIES = """\
# No dataset here: nothing is answered. See docs/policies.md. One that answers anyone yes or no,
# and shows its records to those whom its committee grants access:
#
#   datasets:
#     - id: cohort-1
#       level: public
#       committee: ["SUB@https://login.example.org"]
version: "1"
datasets: []
"""
_NO_TRUST = """\
# No issuer here: every credential is refused. See docs/trust.md
brokers: []
visa_issuers: []
"""


@dataclass(frozen=True, slots=True)
class NodeHome:
    """The paths of one node's folder."""

    root: Path

    @property
    def settings(self) -> Path:
        return self.root / "node.toml"

    @property
    def policies(self) -> Path:
        return self.root / "policies.yaml"

    @property
    def policy_versions(self) -> Path:
        return self.root / "policies"

    @property
    def decision_facts(self) -> Path:
        return self.root / "asked"

    @property
    def trust(self) -> Path:
        return self.root / "trust.yaml"

    @property
    def catalog(self) -> Path:
        return self.root / "catalog"

    @property
    def vault(self) -> Path:
        return self.root / "vault"

    @property
    def clear(self) -> Path:
        """The list and charts of objects that lie unsealed, where their owners put them."""
        return self.root / "clear"

    @property
    def ontology(self) -> Path:
        return self.root / "ontology"

    @property
    def references(self) -> Path:
        """Reference sequences, served by refget."""
        return self.root / "references"

    @property
    def panel(self) -> Path:
        """Public allele frequencies, one panel for each assembly; see `beacon.panel`."""
        return self.root / "panel"

    @property
    def names(self) -> Path:
        """Public names of alleles, tables of one catalog; see `beacon.names`."""
        return self.root / "names"

    @property
    def loads(self) -> Path:
        """Datasets on their way in by the admin's pages; see `gateway.holding.onboarding`."""
        return self.root / "loads"

    @property
    def reseals(self) -> Path:
        """How far objects are looked through; see `gateway.holding.reseal_job`."""
        return self.root / "reseals"

    @property
    def control_url(self) -> str:
        return f"sqlite:///{self.root / 'control.db'}"

    @property
    def record(self) -> Path:
        return self.root / "record.jsonl"

    @property
    def record_tree(self) -> Path:
        """Made from the record, and made again when it is lost."""
        return self.root / "record.tree"

    @property
    def attachments(self) -> Path:
        """Documents of access requests, sealed to a key of their own."""
        return self.root / "attachments"

    @property
    def airlock(self) -> Path:
        """Outputs of runs, sealed to the key of the attachments."""
        return self.root / "airlock"

    @property
    def agent_socket(self) -> Path:
        return self.root / "agent.sock"

    def slicer_sockets(self, count: int) -> list[Path]:
        return [self.root / f"slicer-{number}.sock" for number in range(count)]

    @property
    def storage_secret(self) -> Path:
        return self._key("storage.sec")

    @property
    def storage_public(self) -> Path:
        return self._key("storage.pub")

    @property
    def visa_key(self) -> Path:
        """By which the node proves whose it is, too."""
        return self._key("visa.pem")

    @property
    def next_visa_key(self) -> Path:
        """There only while the key is changed; see `identity_key`."""
        return self._key("visa.next.pem")

    @property
    def rotations_file(self) -> Path:
        """How the node came to its visa key: a statement a line, signed by the key before."""
        return self._key("visa.rotations")

    def rotations(self) -> tuple[str, ...]:
        """None of a node that has its first key."""
        try:
            said = tuple(self.rotations_file.read_text(encoding="ascii").split())
            retired_keys(said)
        except FileNotFoundError:
            return ()
        except (OSError, ValueError, BadToken) as error:
            raise ConfigError(f"{self.rotations_file}: is not what `skerry keys` wrote") from error
        return said

    @property
    def node_key(self) -> Path:
        return self._key("node.ed25519")

    def attachment_key(self) -> stream_keys.SecretKey:
        """Of a node that has kept no document yet, a new one."""
        path = self._key("attachments.sec")
        if not (path.exists() or self.attachments.exists() or self.airlock.exists()):
            stream_keys.write_pair(path, self._key("attachments.pub"))
        return stream_keys.read_secret_key(path)

    def secret(self, name: str) -> bytes:
        """The bytes of a symmetric key (`pseudonym`, `tickets`, `disclosure`) or shared secret."""
        path = self._key(name)
        try:
            return path.read_bytes()
        except OSError as error:
            raise ConfigError(f"{path}: cannot be read; `skerry init` writes it") from error

    def noise_key(self) -> bytes:
        """The key of the fixed noise; made at the first start of a folder older than it."""
        path = self._key("disclosure")
        if not path.exists():
            with suppress(FileExistsError):  # another worker was faster
                write_secret(path, secrets.token_bytes(32))
        return self.secret("disclosure")

    def signing_key(self) -> Ed25519PrivateKey:
        """The Ed25519 key that signs permits, manifests and checkpoints."""
        return Ed25519PrivateKey.from_private_bytes(self.secret("node.ed25519"))

    def public_key_hex(self) -> str:
        return (
            self.signing_key()
            .public_key()
            .public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
            .hex()
        )

    def _key(self, name: str) -> Path:
        return self.root / "keys" / name


def write_secret(path: Path, value: bytes) -> None:
    """Writes `value` readable by its owner only; refuses to replace what is there."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(value)


def existing(root: Path) -> NodeHome:
    """The folder of a node that somebody made."""
    home = NodeHome(root)
    if not home.settings.exists():
        raise LoadRefused(f"{root}: not a node's folder; `skerry init` writes one")
    return home


def create(root: Path, settings: config.NodeSettings) -> NodeHome:
    """A new node folder with settings, fresh keys and empty (so: refusing) policies and trust."""
    home = NodeHome(root)
    if home.settings.exists():
        raise ConfigError(f"{home.settings}: exists already; choose another folder")
    for folder in (root, root / "keys", home.catalog, home.vault):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    stream_keys.write_pair(home.storage_secret, home.storage_public)
    SigningKey.generate().save(home.visa_key)
    write_secret(home.node_key, Ed25519PrivateKey.generate().private_bytes_raw())
    for name in ("pseudonym", "tickets", "disclosure"):
        write_secret(root / "keys" / name, secrets.token_bytes(32))
    for name in ("broker", "signin_client", "webhooks"):
        write_secret(root / "keys" / name, secrets.token_urlsafe(32).encode())
    home.settings.write_text(config.dump(settings), encoding="utf-8")
    home.policies.write_text(_NO_POLICIES, encoding="utf-8")
    home.trust.write_text(_NO_TRUST, encoding="utf-8")
    return home
