"""Starts the servers of a prepared demo, as the commands that people type, and waits for them."""

from __future__ import annotations

import json
import os

from gateway import home
from gateway.demo.preparing import Federation
from gateway.serving.processes import Processes


def start(federation: Federation, processes: Processes) -> None:
    """Starts every server and waits until each answers."""
    addresses = federation.addresses
    environment = dict(os.environ) | {"PYTHONUNBUFFERED": "1"}
    processes.start(
        "sign-in",
        ["demo-signin", str(federation.folder / "signin.json")],
        ready_url=f"{addresses.signin}/jwks",
        environment=environment,
    )
    for number, (node, url) in enumerate(
        zip(federation.homes, addresses.node_urls, strict=True), start=1
    ):
        processes.start(
            f"node-{number}",
            ["serve", str(node.root)],
            ready_url=f"{url}/readyz",
            environment=environment,
        )
    _start_portal(federation, processes)
    processes.start(
        "workspace",
        ["workspace", "serve", str(federation.workspace_of("grace")),
         "--port", str(addresses.workspace_port)],
        ready_url=f"{addresses.workspace}/livez",
        environment=environment,
    )  # fmt: skip
    processes.wait_until_ready()


def look_on(
    federation: Federation, processes: Processes, *, name: str, url: str, authority: str, token: str
) -> None:
    """Lets the portal show a coordinator's runs, with the token of one who looks on; it starts
    again for it. `authority` is the PEM that the coordinator's TLS is of."""
    of_it, told = federation.folder / f"{name}.pem", federation.folder / f"{name}.viewer"
    of_it.write_text(authority, encoding="ascii")
    home.write_secret(told, token.encode())
    with (federation.folder / "portal.toml").open("a", encoding="utf-8") as settings:
        settings.write(
            f'[[coordinators]]\nname = "{name}"\nurl = "{url}"\n'
            f"authority = {json.dumps(str(of_it))}\ntoken_file = {json.dumps(str(told))}\n"
        )
    processes.stop("portal")
    _start_portal(federation, processes)
    processes.wait_until_ready()


def _start_portal(federation: Federation, processes: Processes) -> None:
    processes.start(
        "portal",
        ["portal", str(federation.folder / "portal.toml")],
        ready_url=f"{federation.addresses.portal}/livez",
        environment=dict(os.environ) | {"PYTHONUNBUFFERED": "1"},
    )


def restart_node(federation: Federation, processes: Processes, number: int) -> None:
    """Starts node `number` (from 1) again after it was stopped."""
    processes.start(
        f"node-{number}",
        ["serve", str(federation.homes[number - 1].root)],
        ready_url=f"{federation.addresses.node_urls[number - 1]}/readyz",
        environment=dict(os.environ),
    )
    processes.wait_until_ready()
