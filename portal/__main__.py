"""Runs a portal with settings from the environment (SKERRY_PORTAL_*): `python -m portal`.

With a settings file it is `skerry portal`, which also checks and admits nodes.
"""

from __future__ import annotations

import sys

import uvicorn
from pydantic import ValidationError

from portal.app import create_app
from portal.settings import PortalSettings

_BAD_USE = 2


def main() -> int:
    try:
        settings = PortalSettings()
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = "_".join(str(part).upper() for part in first["loc"][:1])
        sys.stderr.write(f"SKERRY_PORTAL_{name}: {first['msg']}; see docs/settings.md\n")
        return _BAD_USE
    uvicorn.run(
        create_app(settings), host=settings.host, port=settings.listened,
        access_log=False, server_header=False, date_header=False,
        http="h11",  # caps the head of a request, which uvicorn's faster parser does not
    )  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
