"""`skerry fl link`: a site's part in finding the people that several sites hold, before `vertical`.

Every site runs it at about the same time, with the same session and sites. What travels goes
through the coordinator, sealed between the sites.
"""

# ruff: noqa: T201

from __future__ import annotations

import asyncio
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.errors import LoadRefused
from gateway.extras import need

if TYPE_CHECKING:
    from workspaces.engine.federation import SiteBundle
    from workspaces.keys import WorkspaceKeys

MAX_TABLE = 512 * 1024 * 1024
MAX_KEY = 4 * 1024


def link(
    workspace: Annotated[Path, typer.Argument(help="this site's workspace: its identity signs")],
    *,
    federation: Annotated[Path, typer.Option(help="this site's bundle of the federation")],
    session: Annotated[str, typer.Option(help="a name all sites agreed on, used once")],
    site: Annotated[list[str], typer.Option(help="every site that links, this one too; repeat")],
    key_file: Annotated[
        Path, typer.Option(help="the key of pseudonyms, hex; the sites have it, nobody else")
    ],
    table: Annotated[Path, typer.Option(help="TSV whose first column names people")],
    output: Annotated[Path, typer.Option(help="new file: the rows in common, under pseudonyms")],
    seconds: Annotated[int, typer.Option(min=1, help="to wait for the other sites")] = 900,
) -> None:
    """Finds the people in common, and writes this site's rows of them."""
    if find_spec("private_set_intersection") is None:
        need("private_set_intersection", extra="linkage")
    from workspaces import keys, linkage, linking
    from workspaces.engine.federation import read_site_bundle

    held, joined, key = keys.load(workspace), read_site_bundle(federation), _key(key_file)
    lines = _lines(table)
    own = linkage.pseudonyms((line.split("\t", 1)[0] for line in lines[1:] if line), key)
    if output.exists():
        raise LoadRefused(f"{output} is there already; name a new file")
    found = asyncio.run(
        _linked(held, joined, own, session=session, sites=tuple(site), seconds=seconds)
    )
    written = linking.linked_table(lines, key, found)
    output.touch(mode=0o600, exist_ok=False)
    output.write_text(written, encoding="utf-8")
    print(f"{output}: {len(found)} people are in common of {len(site)} sites")


async def _linked(
    held: WorkspaceKeys,
    joined: SiteBundle,
    own: tuple[str, ...],
    *,
    session: str,
    sites: tuple[str, ...],
    seconds: int,
) -> tuple[str, ...]:
    import httpx

    from workspaces import linking
    from workspaces.engine.post import Membership, Post
    from workspaces.engine.registering import trusting

    async with httpx.AsyncClient(
        base_url=joined.registrar, verify=trusting(joined.authority.encode()), timeout=120,
        trust_env=False,
    ) as line:  # fmt: skip
        me = Membership(joined.site, joined.roster, held.identity_key, held.identity.sign, line)
        async with Post.joined(me, session=session, sites=sites, seconds=seconds) as post:
            return await linking.link(post, own)


def _key(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return bytes.fromhex(file.read(MAX_KEY).decode("ascii").strip())
    except (OSError, ValueError) as error:
        raise LoadRefused(f"{path}: expected a key of linkage in hex, 32 bytes or more") from error


def _lines(path: Path) -> list[str]:
    try:
        if path.stat().st_size > MAX_TABLE:
            raise LoadRefused(f"{path}: a table may have {MAX_TABLE} bytes")
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise LoadRefused(f"{path}: expected a table of text") from error
