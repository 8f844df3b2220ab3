"""`skerry init` and `skerry check-config`: a node's folder, made, and read as `serve` reads it."""

# ruff: noqa: T201

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlsplit

import typer
from pydantic import ValidationError

from gateway import config, home, rules_in_words
from gateway.commands.printed import AsJson, Folder
from gateway.errors import ConfigError
from gateway.home import NodeHome
from passports.outbound import LOOPBACK

DEFAULT_PORT = 8081


def init(
    folder: Folder,
    *,
    node_id: Annotated[
        str | None, typer.Option("--id", help="needed: reverse domain, e.g. org.example.node")
    ] = None,
    name: Annotated[str | None, typer.Option(help="needed: what people call the node")] = None,
    public_url: Annotated[
        str | None, typer.Option(help="needed: its address; https, or http on loopback")
    ] = None,
    organization: Annotated[str | None, typer.Option(help="needed: who runs it")] = None,
    signin_issuer: Annotated[
        str | None, typer.Option(help="needed: your OpenID Connect provider")
    ] = None,
    signin_client: str = "skerry",
    port: Annotated[
        int | None,
        typer.Option(
            help="where it listens; if not said, that of --public-url on loopback, or 8081"
        ),
    ] = None,
) -> None:
    """Writes a node's settings and keys; policies and trust start empty, so it refuses all."""
    given = _all_given({"id": node_id, "name": name, "public-url": public_url,
                        "organization": organization, "signin-issuer": signin_issuer})  # fmt: skip

    try:
        settings = config.NodeSettings(
            id=given["id"],
            name=given["name"],
            public_url=given["public-url"],
            organization_id=_identifier(given["organization"]) or given["id"],
            organization_name=given["organization"],
            port=_port_of(given["public-url"]) if port is None else port,
            signin=config.SignInSettings(issuer=given["signin-issuer"], client_id=signin_client),
        )
    except ValidationError as error:
        wrong = [
            "--" + "-".join(str(part) for part in one["loc"]).replace("_", "-") + f": {one['msg']}"
            for one in error.errors(include_input=False, include_url=False)
        ]
        raise ConfigError("; ".join(wrong)) from error
    home.create(folder, settings)
    print(f"{folder}: node written; next: edit policies.yaml and trust.yaml, then `skerry load`")


def _port_of(public_url: str) -> int:
    """Anywhere but on loopback a proxy stands in front, whose port is not the node's."""
    try:
        parts = urlsplit(public_url)
        port = parts.port if parts.hostname in LOOPBACK else None
    except ValueError:
        port = None  # the settings say what is wrong with the address
    return port or DEFAULT_PORT


def _identifier(name: str) -> str:
    """A name as an id, which has no blanks: "Göteborg Biobank" is `goteborg-biobank`."""
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return "-".join(re.findall(r"[a-z0-9]+(?:\.[a-z0-9]+)*", letters))


def _all_given(options: Mapping[str, str | None]) -> Mapping[str, str]:
    """All that is missing is named at once; click would name one after the other."""
    given = {name: value for name, value in options.items() if value is not None}
    missing = [f"--{name}" for name in options if name not in given]
    if missing:
        raise typer.BadParameter(f"missing {', '.join(missing)}; see `skerry init --help`")
    return given


def check_config(folder: Folder, *, as_json: AsJson = False) -> None:
    """Prints the effective rules in words; refuses what `skerry serve` would refuse."""
    rules = rules_in_words.of(NodeHome(folder))
    print(json.dumps(rules, indent=1) if as_json else rules_in_words.text(rules))
