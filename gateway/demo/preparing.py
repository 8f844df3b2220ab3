"""Prepares a whole federation on this machine: nodes, portal, sign-in provider and workspace.

Each will be a real process speaking real HTTP on loopback (`demo.servers`). Ports: portal P, nodes
P+1 and on, sign-in P+99, workspace P+101, a study's coordinator P+200. Everything lies in one
folder that is removed at the end, unless kept.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from access.policies.policy import BONA_FIDE, Profile
from beacon.loading import panel_load
from gateway import config, home
from gateway.demo import examples, people
from gateway.demo.data import DemoDataset
from gateway.errors import PortTaken
from gateway.holding import loading
from gateway.home import NodeHome
from gateway.serving.processes import port_is_free
from passports.tokens import SigningKey
from workspaces import keys as workspace_keys

COMMAND_LINE = "skerry-login"  # as `skerry login` is registered
RESEARCHERS = ("rosa", "grace")
COMMITTEE = ("dora", "dag")
_SIGNIN_OFFSET = 99
_WORKSPACE_OFFSET = 101
_COORDINATOR_OFFSET = 200

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where each part of a demo listens."""

    port: int
    nodes: int

    @property
    def portal(self) -> str:
        return _loopback(self.port)

    @property
    def node_urls(self) -> tuple[str, ...]:
        return tuple(_loopback(self.port + 1 + number) for number in range(self.nodes))

    @property
    def signin(self) -> str:
        return _loopback(self.port + _SIGNIN_OFFSET)

    @property
    def workspace_port(self) -> int:
        return self.port + _WORKSPACE_OFFSET

    @property
    def workspace(self) -> str:
        return _loopback(self.workspace_port)

    @property
    def coordinator(self) -> int:
        """The one port of a federation's coordinator, where a study is run."""
        return self.port + _COORDINATOR_OFFSET

    def taken(self) -> tuple[int, ...]:
        """The ports of this demo that somebody already listens on."""
        offsets = (0, *range(1, self.nodes + 1), _SIGNIN_OFFSET, _WORKSPACE_OFFSET,
                   _COORDINATOR_OFFSET)  # fmt: skip
        return tuple(self.port + at for at in offsets if not port_is_free(self.port + at))


@dataclass(frozen=True, slots=True)
class Federation:
    """A prepared demo: folders written and data loaded, nothing running yet."""

    folder: Path
    addresses: Addresses
    homes: tuple[NodeHome, ...]
    plans: Sequence[Sequence[DemoDataset]]
    client_secret: str

    @property
    def signin_key(self) -> Path:
        return self.folder / "signin.pem"

    @property
    def portal_key(self) -> Path:
        """For Passports of its own, where the provider exchanges none."""
        return self.folder / "portal.pem"

    def workspace_of(self, account: str) -> Path:
        """The folder of a researcher's workspace; Grace's is the one that runs."""
        return self.folder / f"workspace-{account}"


def prepare(
    folder: Path, addresses: Addresses, plans: Sequence[Sequence[DemoDataset]], *, say: Say
) -> Federation:
    """Writes every part's folder and loads the data; raises what loading raises."""
    homes = tuple(
        _node(folder / f"node-{number}", addresses, number, datasets, say=say)
        for number, datasets in enumerate(plans, start=1)
    )
    client_secret = secrets.token_urlsafe(32)
    federation = Federation(folder, addresses, homes, plans, client_secret)
    for account in RESEARCHERS:
        workspace_keys.init(federation.workspace_of(account), f"{account}-workspace")
    for key in (federation.signin_key, federation.portal_key):
        SigningKey.generate().save(key)
    _write_signin(federation)
    _write_portal(federation)
    return federation


def _node(
    root: Path, addresses: Addresses, number: int, datasets: Sequence[DemoDataset], *, say: Say
) -> NodeHome:
    url = addresses.node_urls[number - 1]
    settings = config.NodeSettings(
        id=f"org.skerry.demo.node-{number}",
        name=datasets[0].place,
        description=f"Demo node {number}: {datasets[0].profile.value} answers.",
        public_url=url,
        organization_id=f"isle-{number}",
        organization_name=f"{datasets[0].place} biobank (demo)",
        port=addresses.port + number,
        admins=(f"adam@{addresses.signin}",),
        import_folder=str((root.parent / "input").resolve()),
        rate_limits=config.RateSettings.model_validate({"portals": ["127.0.0.1"]}),
        signin=config.SignInSettings(issuer=addresses.signin, client_id=f"node-{number}"),
    )
    made = home.create(root, settings)
    made.policies.write_text(yaml.safe_dump(_policies(datasets, addresses)), encoding="utf-8")
    made.trust.write_text(yaml.safe_dump(_trust(addresses, url)), encoding="utf-8")
    for dataset in datasets:
        facts = loading.load_dataset(made, dataset.source)
        say(f"node {number}: {facts.id}: {facts.people} people, {facts.variants} variants")
        if dataset.panel is not None:
            panel_load.load(dataset.panel, made.panel, assembly=dataset.source.assembly)
        for sealed in dataset.objects:
            loading.seal_file(
                made,
                sealed.path,
                object_id=sealed.object_id,
                dataset=dataset.source.id,
                kind=sealed.kind,
                owners=sealed.owners,
            )
    return made


def _policies(datasets: Sequence[DemoDataset], addresses: Addresses) -> dict[str, object]:
    return {
        "version": "demo-1",
        "datasets": [
            {
                "id": dataset.source.id,
                "level": "controlled" if dataset.profile is Profile.CONTROLLED else "public",
                "profile": dataset.profile.value,
                "committee": [f"{member}@{addresses.signin}" for member in COMMITTEE],
            }
            | ({"ceilings": {"public": "count"}} if dataset.profile is Profile.OPEN else {})
            for dataset in datasets
        ],
    }


def _trust(addresses: Addresses, url: str) -> dict[str, object]:
    jwks = f"{addresses.signin}/jwks"
    return {
        "brokers": [
            {"issuer": addresses.signin, "jwks_url": jwks},
            {
                "issuer": addresses.portal,
                "jwks_url": f"{addresses.portal}/.well-known/jwks.json",
                "subject_namespace": addresses.signin,
            },
        ],
        "visa_issuers": [
            {
                "issuer": addresses.signin,
                "jku": jwks,
                "may_assert": [
                    {"type": kind, "sources": [addresses.signin], "values": [BONA_FIDE]}
                    for kind in ("ResearcherStatus", "AcceptedTermsAndPolicies")
                ],
            },
            {
                "issuer": url,
                "jku": f"{url}/.well-known/jwks.json",
                "subject_namespace": addresses.signin,
                "may_assert": [
                    {
                        "type": "ControlledAccessGrants",
                        "sources": [url],
                        "values": [f"{url}/datasets/*"],
                        "by": ["dac"],
                    }
                ],
            },
        ],
    }


def _write_signin(federation: Federation) -> None:
    addresses = federation.addresses
    nodes = zip(federation.homes, addresses.node_urls, strict=True)
    clients = [
        {
            "client_id": "skerry-portal",
            "client_secret": federation.client_secret,
            "redirect_uris": [f"{addresses.portal}/auth/callback"],
        }
    ] + [
        {
            "client_id": config.load(node.settings).signin.client_id,
            "client_secret": node.secret("signin_client").decode(),
            "redirect_uris": [f"{url}/signin/done"],
        }
        for node, url in nodes
    ]
    clients += [
        {
            "client_id": people.CLIENT_ID,
            "client_secret": federation.client_secret,
            "redirect_uris": [people.redirect_uri(addresses.signin)],
        },
        {"client_id": COMMAND_LINE, "client_secret": "", "redirect_uris": []},
    ]
    settings = {
        "issuer": addresses.signin,
        "key_file": str(federation.signin_key),
        "clients": clients,
        "nodes": [
            {"url": url, "broker_secret": node.secret("broker").decode()}
            for node, url in zip(federation.homes, addresses.node_urls, strict=True)
        ],
    }
    home.write_secret(federation.folder / "signin.json", json.dumps(settings).encode())


def _write_portal(federation: Federation) -> None:
    addresses = federation.addresses
    urls = ", ".join(f'"{url}"' for url in addresses.node_urls)
    text = (
        f'public_url = "{addresses.portal}"\nnodes = [{urls}]\n'
        f'signin_issuer = "{addresses.signin}"\nclient_id = "skerry-portal"\n'
        f'client_secret = "{federation.client_secret}"\nname = "Skerry demo"\n'
        "deadline_seconds = 30\n"  # all of a demo share one machine
        f'command_client_id = "{COMMAND_LINE}"\n'
        f"passport_key = {json.dumps(str(federation.portal_key))}\n"
        f"examples = {json.dumps(examples.examples(federation.plans))}\n"
        f"health_file = {json.dumps(str(federation.folder / 'health.db'))}\n"
        f"searches_file = {json.dumps(str(federation.folder / 'searches.db'))}\n"
        f"nodes_file = {json.dumps(str(federation.folder / 'nodes.db'))}\n"
        f'admins = ["adam@{addresses.signin}"]\n'
        "[places]\n"
    )
    # Isles nobody lives on, spread over the northern sea.
    for number, url in enumerate(addresses.node_urls):
        text += f'"{url}" = [{54 + 7 * number % 15}, {-20 + 17 * number % 45}]\n'
    home.write_secret(federation.folder / "portal.toml", text.encode())


def check_ports(addresses: Addresses) -> None:
    """Raises `PortTaken` naming the ports that are taken."""
    if taken := addresses.taken():
        ports = ", ".join(map(str, taken))
        raise PortTaken(f"port {ports} is already taken; choose others with --port")


def _loopback(port: int) -> str:
    return f"http://127.0.0.1:{port}"
