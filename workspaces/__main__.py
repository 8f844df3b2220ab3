"""`python -m workspaces`: runs one workspace's server on loopback, and nothing else.

Making keys, registering and fetching are commands of `skerry`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import uvicorn

from schemas.errors import SkerryError
from schemas.version import skerry_version
from workspaces.app import create_app

HOST = "127.0.0.1"
EXIT_BAD_FOLDER = 2


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="skerry workspace")
    parser.add_argument("--dir", type=Path, required=True, help="the workspace's folder")
    parser.add_argument("--port", type=int, default=8181)
    chosen = parser.parse_args(arguments)
    try:
        app = create_app(chosen.dir, release=skerry_version())
    except SkerryError as error:
        sys.stderr.write(f"{error.public}\n")
        return EXIT_BAD_FOLDER
    uvicorn.run(app, host=HOST, port=chosen.port, log_level="warning", access_log=False)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
