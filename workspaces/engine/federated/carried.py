"""A message with all of its parts in it, so that a question costs one journey and not seven.

By itself the engine's node asks for work every few seconds, fetches each part of a message, says
that it came, announces its answer and sends each part of that, one after another. Here its request
waits at the coordinator (`waiting`) until there is a question, which comes with its parts, and the
answer goes with its own. Their names are the SHA-256 of what they hold, which the engine checks.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

CARRIES = ("skerry-carries", "1")  # what a site says that reads parts out of messages
_ITEM = "parts"
_LEAST_SECONDS = 0.25  # between two requests, where the coordinator lets none wait


def put(message: Any, parts: dict[str, bytes]) -> None:
    """Into the place of a message that the engine leaves empty on this way."""
    item = message.content.items.add(key=_ITEM)
    for name, content in parts.items():
        item.config_record.items.add(key=name).value.bytes = content


def take(message: Any) -> dict[str, bytes]:
    """And out of it again."""
    listed = [item for item in message.content.items if item.key == _ITEM]
    found = {one.key: one.value.bytes for item in listed for one in item.config_record.items}
    if message.HasField("error"):  # which has no other content
        message.ClearField("content")
    else:
        del message.content.items[:]
    return found


def names(tree: Any) -> Iterator[str]:
    """Of all parts of a message."""
    for child in tree.children:
        yield from names(child)
    yield tree.object_id


def line_of(arrived: Callable[[], None]) -> type:
    """The class that the site's engine speaks to the coordinator through; `arrived` is called when
    a message is there with all of its parts."""
    from flwr.proto import message_pb2
    from flwr.proto.fleet_pb2 import PushMessagesResponse
    from flwr.proto.fleet_pb2_grpc import FleetStub

    class Line:
        def __init__(self, channel: Any) -> None:
            stub = FleetStub(channel)
            vars(self).update(vars(stub))
            here = _Here(stub, arrived, message_pb2, PushMessagesResponse)
            self.PullMessages = here.pull_messages
            self.PullObject = here.pull_object
            self.ConfirmMessageReceived = here.confirm
            self.PushMessages = here.push_messages
            self.PushObject = here.push_object

    return Line


class _Here:
    """What came and is not read, and what leaves once it is whole. One message each at a time."""

    def __init__(
        self, stub: Any, arrived: Callable[[], None], parts: Any, announced: Callable[..., Any]
    ) -> None:
        self._stub = stub
        self._arrived = arrived
        self._of = parts
        self._announced = announced
        self._came: dict[str, bytes] = {}
        self._leaving: Any = None
        self._filled: dict[str, bytes] = {}
        self._turn = threading.Lock()

    def pull_messages(self, request: Any, **_: Any) -> Any:
        begun = time.monotonic()
        response = self._stub.PullMessages(request, metadata=(CARRIES,))
        if response.messages_list:
            self._came = take(response.messages_list[0])
        else:
            time.sleep(max(0.0, _LEAST_SECONDS - (time.monotonic() - begun)))
        return response

    def pull_object(self, request: Any, **_: Any) -> Any:
        content = self._came.get(request.object_id)
        if content is None:
            return self._stub.PullObject(request)
        return self._of.PullObjectResponse(
            object_found=True, object_available=True, object_content=content
        )

    def confirm(self, request: Any, **_: Any) -> Any:
        carried, self._came = self._came, {}
        self._arrived()
        if request.message_object_id in carried:
            return self._of.ConfirmMessageReceivedResponse()
        return self._stub.ConfirmMessageReceived(request)

    def push_messages(self, request: Any, **_: Any) -> Any:
        """Announces nothing yet: asks the engine for all parts."""
        self._leaving, self._filled = request, {}
        wanted = [one for tree in request.message_object_trees for one in names(tree)]
        return self._announced(objects_to_push=wanted)

    def push_object(self, request: Any, **_: Any) -> Any:
        """With the last part the message leaves."""
        with self._turn:
            self._filled[request.object_id] = request.object_content
            message = self._leaving
            wanted = {one for tree in message.message_object_trees for one in names(tree)}
            if self._filled.keys() == wanted:
                put(message.messages_list[0], self._filled)
                try:
                    self._stub.PushMessages(message)
                finally:
                    take(message.messages_list[0])
        return self._of.PushObjectResponse(stored=True)
