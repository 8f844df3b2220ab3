"""A node's folder on disk, as `skerry init` and an admin's editing would leave it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from gateway import home
from gateway.config import NodeSettings, RateSettings, SignInSettings
from gateway.home import NodeHome

URL = "http://127.0.0.1:8081"
SETTINGS = NodeSettings(
    id="org.example.one",
    name="Node One",
    public_url=URL,
    organization_id="org.example",
    organization_name="Example",
    port=8081,
    # Tests ask fast and from one address, as a portal does.
    rate_limits=RateSettings.model_validate({"portals": ["127.0.0.1"]}),
    signin=SignInSettings(issuer="https://signin.example", client_id="node-one"),
)


def open_counts(dataset: str) -> Mapping[str, object]:
    """The policy of a dataset that tells anyone exact counts."""
    return {
        "id": dataset,
        "level": "public",
        "profile": "open",
        "ceilings": {"public": "count"},
        "committee": ["dora@https://signin.example"],
    }


def node_folder(root: Path, *, policies: Sequence[Mapping[str, object]] = ()) -> NodeHome:
    made = home.create(root, SETTINGS)
    (root / "keys" / "disclosure").write_bytes(b"n" * 32)  # one checkout, one noise
    if policies:
        text = yaml.safe_dump({"version": "test-1", "datasets": list(policies)})
        made.policies.write_text(text, encoding="utf-8")
    return made
