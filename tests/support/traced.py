"""Reads what `strace` wrote of a program: every address that it spoke to.

As a program (`python -m tests.support.traced FOLDER`) it is what there is to trace: a whole
federation of three sites in sandboxes, and one run.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Iterable
from ipaddress import ip_address
from pathlib import Path

from tests.support.federation import running, write_site
from workspaces.engine.port import RunState

CALLS = "connect,sendto,sendmsg,sendmmsg"  # whatever names an address
_FAMILY = re.compile(r"sa_family=(\w+)")
_ADDRESS = re.compile(r'(?:inet_addr\(|inet_pton\(AF_INET6, )"([^"]+)"')
_PATH = re.compile(r'sun_path=@?"([^"]*)"')
_KERNEL = frozenset({"AF_NETLINK", "AF_UNSPEC"})  # nobody is reached by these
_NAMES = "/var/run/nscd/socket"  # libc asks a daemon of the machine, if there is one
PLAN = {"trait": "height", "covariates": ["age", "sex"], "stage_seconds": 600,
            "wait_seconds": 300}  # fmt: skip


def strangers(lines: Iterable[str], *, sockets: frozenset[str]) -> list[str]:
    """The lines that speak to anything but loopback and the Unix `sockets`."""
    return [line for line in lines if "sa_family=" in line and not _known(line, sockets)]


def _known(line: str, sockets: frozenset[str]) -> bool:
    families = _FAMILY.findall(line)
    paths, addresses = _PATH.findall(line), _ADDRESS.findall(line)
    if len(families) != 1:
        return False
    match families[0]:
        case "AF_INET" | "AF_INET6":
            return len(addresses) == 1 and _loopback(addresses[0])
        case "AF_UNIX":
            return len(paths) == 1 and (paths[0] == _NAMES or paths[0] in sockets)
        case family:
            return family in _KERNEL


def _loopback(text: str) -> bool:
    address = ip_address(text)
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


async def _run(folder: Path) -> None:
    data = {
        name: write_site(folder / name, people=100, variants=20, seed=seed, name=name)
        for seed, name in enumerate(("praha", "tartu", "porto"))
    }
    async with running(folder / "federation", data, applications=["gwas"]) as made:
        status = await made.run("gwas", **PLAN)
        if status.state is not RunState.DONE or status.missing:
            raise SystemExit(f"the run did not end well: {status}")
        await made.coordinator.result(status.run)


if __name__ == "__main__":
    asyncio.run(_run(Path(sys.argv[1])))
