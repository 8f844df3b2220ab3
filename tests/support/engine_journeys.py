"""A site's line to the coordinator with a counting end, told as JSON.

The messages are the engine's. Run by its Python, with the folder of `federated` on its path.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import flwr.proto.fleet_pb2_grpc as fleet
import grpc
from cryptography.hazmat.primitives.serialization import load_ssh_private_key
from federated import carried
from flwr.client.grpc_rere_client.node_auth_client_interceptor import NodeAuthClientInterceptor
from flwr.common.grpc import create_channel
from flwr.proto.fleet_pb2 import (
    ActivateNodeRequest,
    PullMessagesRequest,
    PullMessagesResponse,
    PushMessagesRequest,
)
from flwr.proto.message_pb2 import (
    ConfirmMessageReceivedRequest,
    Message,
    ObjectTree,
    PullObjectRequest,
    PullObjectResponse,
    PushObjectRequest,
)
from flwr.supercore.primitives.asymmetric import public_key_to_bytes

PARTS = {hashlib.sha256(part).hexdigest(): part for part in (b"head", b"middle", b"end" * 1_000)}
WHOLE, *INNER = PARTS
TREE = ObjectTree(object_id=WHOLE, children=[ObjectTree(object_id=one) for one in INNER])


class Coordinator:
    """What the engine's stub would be: keeps what it is asked."""

    def __init__(self, *, carries: bool) -> None:
        self.asked: list[str] = []
        self.pushed: dict[str, bytes] = {}
        self._carries = carries

    def stub(self, _: Any) -> SimpleNamespace:
        names = ("PullMessages", "PullObject", "ConfirmMessageReceived", "PushMessages")
        return SimpleNamespace(**{name: getattr(self, name) for name in names})

    def PullMessages(self, request: Any, metadata: Any = ()) -> Any:  # noqa: N802 - the engine's
        self.asked.append("PullMessages")
        message = Message()
        message.content.SetInParent()
        if self._carries and carried.CARRIES in metadata:
            carried.put(message, PARTS)
        return PullMessagesResponse(messages_list=[message], message_object_trees=[TREE])

    def PullObject(self, request: Any) -> Any:  # noqa: N802 - the engine's
        self.asked.append("PullObject")
        return PullObjectResponse(object_found=True, object_content=PARTS[request.object_id])

    def ConfirmMessageReceived(self, request: Any) -> None:  # noqa: N802 - the engine's
        self.asked.append("ConfirmMessageReceived")

    def PushMessages(self, request: Any) -> None:  # noqa: N802 - the engine's
        self.asked.append("PushMessages")
        self.pushed = carried.take(request.messages_list[0])


def told(*, carries: bool) -> dict[str, object]:
    """One question and its answer, as the engine's node goes about them."""
    here, arrived = Coordinator(carries=carries), []
    fleet.FleetStub = here.stub
    line = carried.line_of(lambda: arrived.append(1))(None)
    came = line.PullMessages(PullMessagesRequest())
    pulled = {one: line.PullObject(PullObjectRequest(object_id=one)) for one in PARTS}
    line.ConfirmMessageReceived(ConfirmMessageReceivedRequest(message_object_id=WHOLE))
    answer = Message()
    answer.content.SetInParent()
    asked_for = line.PushMessages(
        PushMessagesRequest(messages_list=[answer], message_object_trees=[TREE])
    )
    before = list(here.asked)
    for one in asked_for.objects_to_push:
        line.PushObject(PushObjectRequest(object_id=one, object_content=PARTS[one]))
    return {
        "journeys": here.asked,
        "before the last part": before,
        "came": {one: found.object_content == PARTS[one] for one, found in pulled.items()},
        "left": here.pushed == PARTS,
        "arrived": len(arrived),
        "as the engine has it": [
            came.messages_list[0].HasField("content"), len(came.messages_list[0].content.items)
        ],
    }  # fmt: skip


def refused(port: str, authority: str, key: str) -> list[str]:
    """How a coordinator answers a registered site that announces an answer without its parts, with
    some of them, and with one that is not what its name says."""
    private = load_ssh_private_key(Path(key).read_bytes(), None)
    channel = create_channel(
        f"localhost:{port}", insecure=False, root_certificates=Path(authority).read_bytes(),
        interceptors=[NodeAuthClientInterceptor(private, private.public_key())],
    )  # fmt: skip
    stub = fleet.FleetStub(channel)
    public = public_key_to_bytes(private.public_key())
    node = stub.ActivateNode(ActivateNodeRequest(public_key=public, heartbeat_interval=30))
    codes = []
    for parts in ({}, {WHOLE: PARTS[WHOLE]}, {**PARTS, WHOLE: b"other"}):
        answer = Message()
        answer.content.SetInParent()
        if parts:
            carried.put(answer, parts)
        request = PushMessagesRequest(messages_list=[answer], message_object_trees=[TREE])
        request.node.node_id = node.node_id
        try:
            stub.PushMessages(request, timeout=600)
        except grpc.RpcError as error:
            codes.append(error.code().name)
    return codes


if __name__ == "__main__":
    given = sys.argv[1:]
    answer = refused(*given) if given else [told(carries=True), told(carries=False)]
    sys.stdout.write(json.dumps(answer) + "\n")
