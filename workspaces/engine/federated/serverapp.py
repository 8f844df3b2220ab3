"""In place of the engine's `flwr-serverapp` at the coordinator: runs admitted bundles only.

The engine's port for runs is on loopback and knows no users; this keeps whoever reaches it from
running code of theirs.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from .roster import Refused
from .rounds import FOLDER


def main() -> None:
    import flwr.server.serverapp.app as serving

    install = serving.install_from_fab
    folder = Path(os.environ[FOLDER]) / "applications"

    def admitted(content: bytes, **rest: Any) -> Any:
        if not (folder / f"{hashlib.sha256(content).hexdigest()}.fab").is_file():
            raise Refused("this application was not admitted to the federation")
        return install(content, **rest)

    serving.install_from_fab = admitted
    serving.flwr_serverapp()


if __name__ == "__main__":
    main()
