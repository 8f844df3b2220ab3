"""Keeps a workspace's own folder: its name, and the nodes it trusts with their pinned keys.

`workspace.json` is written by `skerry workspace` commands and read by everything else here. A pin
is set once: a node that changes its signing key must be pinned again by a person, in a new step.
"""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, StringConstraints, ValidationError

from schemas.wire import Wire
from workspaces.errors import AddressInvalid, AlreadyThere, FolderInvalid, NodeNotPinned

MAX_NODES = 64
MAX_SETTINGS_BYTES = 256 * 1024

Hex32 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]


class PinnedNode(Wire):
    """One node: its public URL, the raw Ed25519 key (hex) that signs its manifests, our id there.

    `workspace_id` is empty where the workspace was registered by other means.
    """

    url: str
    manifest_key: Hex32
    workspace_id: str = ""


class WorkspaceSettings(Wire):
    name: Name
    nodes: tuple[PinnedNode, ...] = Field(default=(), max_length=MAX_NODES)

    def node(self, url: str) -> PinnedNode:
        """Raises NodeNotPinned."""
        wanted = node_address(url)
        for node in self.nodes:
            if node.url == wanted:
                return node
        raise NodeNotPinned(f"{wanted} is not pinned here. Register this workspace with it first.")


def settings_path(folder: Path) -> Path:
    return folder / "workspace.json"


def data_folder(folder: Path) -> Path:
    """Where opened deliveries lie; the only place plaintext is written to unasked."""
    return folder / "data"


def load(folder: Path) -> WorkspaceSettings:
    """Raises FolderInvalid."""
    path = settings_path(folder)
    try:
        with path.open("rb") as file:
            text = file.read(MAX_SETTINGS_BYTES)
        return WorkspaceSettings.model_validate_json(text)
    except OSError as error:
        raise FolderInvalid(
            f"{folder} is not a workspace: {path.name} cannot be read. "
            "`skerry workspace init` makes one.",
            detail=str(error),
        ) from error
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"]) or "the whole file"
        raise FolderInvalid(f"{path} is malformed at: {where}.") from error


def save(folder: Path, settings: WorkspaceSettings) -> None:
    """Replaces the settings in one step."""
    path = settings_path(folder)
    fresh = path.with_suffix(".json.new")
    fresh.write_text(settings.model_dump_json(indent=2) + "\n", encoding="ascii")
    fresh.replace(path)


def pin(settings: WorkspaceSettings, node: PinnedNode) -> WorkspaceSettings:
    """The settings with this node added; raises AlreadyThere if its key would change."""
    url = node_address(node.url)
    for known in settings.nodes:
        if known.url == url and known.manifest_key != node.manifest_key:
            raise AlreadyThere(f"{url} is pinned with another key. Remove that pin by hand first.")
    others = tuple(known for known in settings.nodes if known.url != url)
    pinned = PinnedNode(url=url, manifest_key=node.manifest_key, workspace_id=node.workspace_id)
    return WorkspaceSettings(name=settings.name, nodes=(*others, pinned))


def node_address(url: str) -> str:
    """The node's public URL in its one form; tokens go out over TLS, or to loopback only."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    plain = parts.scheme == "http" and _is_loopback(host)
    if not host or parts.query or parts.fragment or parts.username or parts.password:
        raise AddressInvalid("A node's address is a URL with a host and, perhaps, a port and path.")
    if parts.scheme != "https" and not plain:
        raise AddressInvalid("A node's address is https; http is for loopback only.")
    return f"{parts.scheme}://{parts.netloc.lower()}{parts.path.rstrip('/')}"


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
