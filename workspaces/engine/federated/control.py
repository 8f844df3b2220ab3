"""Speaks with the engine's loopback port for runs: a JSON request per line in, an answer per line.

Each has a number, and its answer says which it is `to`: whoever asked may have left meanwhile.
What this process is told, the coordinator's API has already judged.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import grpc
from cryptography.hazmat.primitives.serialization import load_ssh_public_key
from flwr.common.serde import fab_to_proto, user_config_to_proto
from flwr.common.typing import Fab
from flwr.proto.control_pb2 import (
    ListNodesRequest,
    ListRunsRequest,
    RegisterNodeRequest,
    StartRunRequest,
    StopRunRequest,
    StreamLogsRequest,
    UnregisterNodeRequest,
)
from flwr.proto.control_pb2_grpc import ControlStub
from flwr.supercore.primitives.asymmetric import public_key_to_bytes

_SECONDS = 30
_MAX_LOG = 1 << 20


class Control:
    def __init__(self, stub: Any) -> None:
        self._stub = stub

    def nodes(self) -> list[dict[str, object]]:
        listed = self._stub.ListNodes(ListNodesRequest(), timeout=_SECONDS).nodes_info
        return [{"node": str(one.node_id), "status": one.status} for one in listed]

    def register(self, key: str) -> str:
        public = public_key_to_bytes(load_ssh_public_key(key.encode()))
        asked = RegisterNodeRequest(public_key=public)
        return str(self._stub.RegisterNode(asked, timeout=_SECONDS).node_id)

    def unregister(self, node: str) -> None:
        self._stub.UnregisterNode(UnregisterNodeRequest(node_id=int(node)), timeout=_SECONDS)

    def submit(self, bundle: str, digest: str, plan: str) -> str:
        fab = Fab(digest, Path(bundle).read_bytes(), {})
        asked = StartRunRequest(
            fab=fab_to_proto(fab), override_config=user_config_to_proto({"plan": plan})
        )
        return str(self._stub.StartRun(asked, timeout=_SECONDS).run_id)

    def run(self, run: str) -> dict[str, object]:
        asked = ListRunsRequest(run_id=int(run))
        found = self._stub.ListRuns(asked, timeout=_SECONDS).run_dict[int(run)]
        return {
            "status": found.status.status,
            "sub_status": found.status.sub_status,
            "details": found.status.details,
            "bundle": found.fab_hash,
        }

    def stop(self, run: str) -> bool:
        return bool(self._stub.StopRun(StopRunRequest(run_id=int(run)), timeout=_SECONDS).success)

    def log(self, run: str) -> str:
        """What is there now; a stream that goes on is left after two seconds."""
        kept = ""
        try:
            for part in self._stub.StreamLogs(StreamLogsRequest(run_id=int(run)), timeout=2):
                kept = (kept + part.log_output)[-_MAX_LOG:]
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.DEADLINE_EXCEEDED:
                raise
        return kept


def main(address: str, certificate: str) -> None:
    credentials = grpc.ssl_channel_credentials(Path(certificate).read_bytes())
    control = Control(ControlStub(grpc.secure_channel(address, credentials)))
    for line in sys.stdin:
        number, name, *given = json.loads(line)
        try:
            answer = {"answer": getattr(control, name)(*given)}
        except grpc.RpcError as error:
            answer = {"error": str(error.details())}
        except (KeyError, ValueError, OSError, AttributeError) as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        sys.stdout.write(json.dumps({"to": number} | answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
