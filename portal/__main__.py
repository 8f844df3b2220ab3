"""Runs a portal with settings from the environment (SKERRY_PORTAL_*): `python -m portal`.

`python -m portal check ROOT` looks at a Beacon before it joins and prints what it found; its exit
code is 1 where the Beacon may not join.
"""

from __future__ import annotations

import asyncio
import sys

import uvicorn
from pydantic import ValidationError

from portal.app import create_app
from portal.calls import Calls
from portal.settings import Limits, PortalSettings
from portal.validator import SECONDS, Report, check

_NOT_FIT, _BAD_USE = 1, 2


def main(arguments: list[str]) -> int:
    match arguments:
        case []:
            return _serve()
        case ["check", root] if root.startswith(("https://", "http://")):
            report = asyncio.run(_look(root))
            sys.stdout.write(in_words(report))
            return 0 if report.may_join else _NOT_FIT
        case _:
            sys.stderr.write("usage: python -m portal [check ROOT]; ROOT is https://.../beacon\n")
            return _BAD_USE


def in_words(report: Report) -> str:
    lines = [f"{report.root}: {report.name or 'no name'}"]
    for one in report.findings:
        mark = "ok  " if one.ok else ("FAIL" if one.required else "note")
        lines.append(f"  {mark}  {one.check}: {one.words}")
    lines.append("It may join." if report.may_join else "It may not join until the FAIL is mended.")
    return "\n".join(lines) + "\n"


async def _look(root: str) -> Report:
    calls = Calls(Limits(deadline_seconds=SECONDS))
    try:
        return await check(calls, root)
    finally:
        await calls.close()


def _serve() -> int:
    try:
        settings = PortalSettings()
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = "_".join(str(part).upper() for part in first["loc"][:1])
        sys.stderr.write(f"SKERRY_PORTAL_{name}: {first['msg']}; see docs/settings.md\n")
        return _BAD_USE
    uvicorn.run(
        create_app(settings), host=settings.host, port=settings.port,
        access_log=False, server_header=False, date_header=False,
        http="h11",  # caps the head of a request, which uvicorn's faster parser does not
    )  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
